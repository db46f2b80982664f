import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import chromium, embedded_postgres


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment that the plugin may change."""
    environment = dict(os.environ)
    monkeypatch.setattr(os, "environ", environment)
    return environment


def run_hook() -> None:
    hook = embedded_postgres.pytest_load_initial_conftests()
    next(hook)
    with pytest.raises(StopIteration):
        hook.send(None)


def test_a_server_is_started_unless_the_environment_names_one(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[str] = []

    @contextmanager
    def server(*_: object, **_options: object) -> Iterator[str]:
        running.append("server")
        yield "postgres://throw@away/0"
        running.remove("server")

    monkeypatch.setattr(embedded_postgres, "throwaway_postgres", server)
    monkeypatch.setattr(embedded_postgres, "_server", embedded_postgres.ExitStack())
    monkeypatch.setattr(embedded_postgres.atexit, "register", lambda function: None)

    environment["DATABASE_URL"] = "postgres://somebody@else/1"
    run_hook()
    assert running == []

    del environment["DATABASE_URL"]
    run_hook()
    assert environment["DATABASE_URL"] == "postgres://throw@away/0"
    assert running == ["server"]
    embedded_postgres.pytest_unconfigure()
    assert running == []
    assert "DATABASE_URL" not in environment


def test_what_dot_env_may_say_is_settled_before_the_settings_read_it(environment: dict[str, str]) -> None:
    environment.update({"SITE_URL": "https://live.example.com", "EMAIL_URL": "smtp://live.example.com"})
    run_hook()
    assert environment["SITE_URL"] == "http://localhost:8000"
    assert environment["EMAIL_URL"] == ""


def test_the_browser_that_chromium_names_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/bin/sh")
    assert chromium.executable() == "/bin/sh"
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    assert chromium.executable() is None


def test_only_root_goes_without_the_browsers_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--no-sandbox" not in chromium.launch_arguments()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--no-sandbox" in chromium.launch_arguments()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_browser_skips_a_browser_test_and_fails_it_in_ci(
    ci: str, outcome: type[BaseException], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    monkeypatch.setenv("CI", ci)
    chromium.pytest_runtest_setup(request.node)
    monkeypatch.setattr(chromium, "BROWSER_TESTS", request.path.parent)
    with pytest.raises(outcome, match="Chromium is not installed"):
        chromium.pytest_runtest_setup(request.node)
