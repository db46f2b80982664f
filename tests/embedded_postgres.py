"""Pytest plugin: a private, throw-away PostgreSQL for the run, and an environment that `.env` does not change.

The server has to run before pytest-django reads the settings, which is before any conftest.py is loaded; hence a plugin
named in pyproject.toml. pytest-xdist's workers inherit DATABASE_URL and start nothing. A DATABASE_URL set in the
environment (not in `.env`: its database may be dear to somebody) is used instead.
"""

import atexit
import os
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from workestra.embedded.beside import throwaway_postgres

ENVIRONMENT = {
    "SECRET_KEY": "only-for-tests-" + "x" * 50,
    "CALENDAR_KEYS": "b25seS1mb3ItdGVzdHMtLW9ubHktZm9yLXRlc3RzLS0=",
    "EGRESS_PRIVATE_HOSTS": "",
    "DEBUG": "0",
    "SITE_URL": "http://localhost:8000",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "EMAIL_URL": "",
    "DEFAULT_FROM_EMAIL": "Workestra <scheduling@localhost>",
    "BEHIND_PROXY": "0",
    "LOG_LEVEL": "INFO",
    # Nothing listens there. A test that wants a broker starts one; all others show that none is needed.
    "REDIS_URL": "redis://127.0.0.1:1/0",
}

LOG = "TEST_POSTGRES_LOG"
"""The variable that names the server's log; unset when the server is not ours."""

_server = ExitStack()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Start the server. A wrapper runs before every other plugin's part of this hook."""
    os.environ.update(ENVIRONMENT)
    if "DATABASE_URL" not in os.environ:
        logs = Path(_server.enter_context(TemporaryDirectory()))
        os.environ["DATABASE_URL"] = _server.enter_context(throwaway_postgres(logs))
        os.environ[LOG] = str(logs / "postgres.log")
        _server.callback(os.environ.pop, "DATABASE_URL")
        atexit.register(_server.close)  # After a wrong option pytest does not come to `pytest_unconfigure`.
    return (yield)


def pytest_unconfigure() -> None:
    """Stop the server that this process started."""
    _server.close()
