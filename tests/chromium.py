"""Pytest plugin: which browser the tests in tests/browser drive, how it is started, and what happens without one.

Without Chromium those tests are skipped and one loud line at the end says how to install it. With CI=true its absence
fails them: a green run must have run them.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

BROWSER_TESTS = Path(__file__).parent / "browser"
MISSING = "Chromium is not installed"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS_APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


# Playwright's own list of 1.65, which a second --disable-features would replace, and the page behind the address bar:
# headless Chromium loads it anew for every context, which takes longer than our pages do.
FEATURES_OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
)


def executable() -> str | None:
    """The path of the browser: what CHROMIUM names, else the first one found, else None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next((found for name in (*NAMES, *MACOS_APPS) if (found := shutil.which(name))), None)


def launch_arguments() -> list[str]:
    """Flags that keep the browser from calling home and, for root, from refusing to start."""
    return [
        "--disable-background-networking",
        "--disable-component-update",
        f"--disable-features={','.join(FEATURES_OFF)}",
        "--disable-gpu",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]


def how_to_install() -> str:
    """The command that installs a browser on this machine."""
    if sys.platform == "darwin":
        return "brew install --cask chromium"
    return "sudo apt-get install chromium" if os.geteuid() else "apt-get install chromium"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a browser test, before any of its fixtures, when there is no browser."""
    if BROWSER_TESTS not in item.path.parents or executable() is not None:
        return
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{MISSING}. Install it with: {how_to_install()}", pytrace=False)
    pytest.skip(MISSING)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it loudly when browser tests were skipped."""
    skipped = [
        report for report in terminalreporter.stats.get("skipped", []) if MISSING in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_sep("!", bold=True, yellow=True)
        terminalreporter.write_line(
            f"BROWSER TESTS DID NOT RUN ({len(skipped)}): {MISSING}. To run them: {how_to_install()}",
            bold=True,
            yellow=True,
        )
        terminalreporter.write_sep("!", bold=True, yellow=True)
