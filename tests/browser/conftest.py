"""A real Chromium on the real pages: `visit` opens them as the visitor a test describes.

Every visit fails its test when the page reports an error or a violation of the content security policy.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import pytest
import time_machine
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from axe_playwright_python.sync_playwright import DEFAULT_OPTIONS
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests import chromium
from tests.conftest import signed_in
from workestra.accounts.models import Membership

# Playwright's loop runs in the tests' own thread, where Django would refuse to use the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

DESKTOP, PHONE = (1440, 900), (390, 844)
COLORS_SETTLED = """
Promise.allSettled(
    document.getAnimations()
        .filter(animation => animation.effect.getComputedTiming().endTime !== Infinity)
        .map(animation => animation.finished)
).then(() => null)
"""
ABORTED = ("htmx:sendAbort", "htmx:afterRequest")
# A Tuesday, 15:04 in Berlin (CET), 09:04 in New York: the afternoon of the design's pictures.
TUESDAY_AFTERNOON = datetime(2026, 11, 10, 14, 4, tzinfo=UTC)


class Visit(Protocol):
    """Opens pages as one visitor. `zone` is what his device says, `member` who he is signed in as."""

    def __call__(
        self,
        path: str,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        scripts: bool = True,
        zone: str = "Europe/Berlin",
        member: Membership | None = None,
        touch: bool = False,
    ) -> Page: ...


# Only a failing test waits this long. On a busy machine a page takes its time.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.executable(), args=chromium.launch_arguments()
        )
        yield browser
        browser.close()


@pytest.fixture
def afternoon() -> Iterator[datetime]:
    """The clock of the design's pictures."""
    with time_machine.travel(TUESDAY_AFTERNOON, tick=True):
        yield TUESDAY_AFTERNOON


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Iterator[Visit]:
    with visits(browser, live_server.url) as visit:
        yield visit


@contextmanager
def visits(browser: Browser, url: str) -> Iterator[Visit]:
    """`visit` for the installation at `url`."""
    with ExitStack() as contexts:

        def open_page(
            path: str,
            *,
            size: tuple[int, int] = DESKTOP,
            scheme: Literal["light", "dark"] = "light",
            scripts: bool = True,
            zone: str = "Europe/Berlin",
            member: Membership | None = None,
            touch: bool = False,
        ) -> Page:
            context = browser.new_context(
                base_url=url,
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,
                java_script_enabled=scripts,
                timezone_id=zone,
                has_touch=touch,
                reduced_motion="reduce",
                locale="en-GB",
            )
            contexts.callback(context.close)
            if member is not None:
                context.add_cookies([_session_of(member, url)])
            page = context.new_page()
            contexts.enter_context(no_errors(page))
            page.goto(path)
            return page

        yield open_page


def assert_accessible(page: Page, options: dict[str, Any] = DEFAULT_OPTIONS) -> None:
    """axe finds nothing against WCAG 2.2 AA or its own best practices."""
    page.evaluate(COLORS_SETTLED)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    violations = page.evaluate("options => axe.run(options).then(results => results.violations)", options)
    assert not violations, AxeResults({"violations": violations}).generate_report()


def assert_fits(page: Page) -> None:
    """Nothing sticks out at the side."""
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{too_wide} px too wide"


@contextmanager
def no_errors(page: Page) -> Iterator[None]:
    """Fails at its end when the page has reported an error or a violation of its policy."""
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # Refused forms answer 409 and 422 by design; the browser calls that an error. So does htmx a request that is
        # given up for the next one, or because the page is left.
        expected = "status of 4" in message.text or message.text.startswith(ABORTED)
        if message.type in {"error", "warning"} and not expected:
            problems.append(message.text)

    def on_error(error: Error) -> None:
        # What Chromium says when a page is left before its entrance is over.
        if "Transition was" not in str(error) and "ViewTransition" not in str(error):
            problems.append(str(error))

    page.on("console", on_console)
    page.on("pageerror", on_error)
    yield
    assert not problems, problems


def _session_of(member: Membership, url: str) -> Any:
    client: Client = signed_in(member)
    name, morsel = next(iter(client.cookies.items()))
    return {"name": name, "value": morsel.value, "url": url}
