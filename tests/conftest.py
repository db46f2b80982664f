"""The cast, the clock, and a network that only reaches this machine."""

import fcntl
import gc
import importlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.db import connection, transaction
from django.test import Client, TransactionTestCase, override_settings
from django.utils.crypto import get_random_string
from django.utils.functional import cached_property
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from scheduling.models import BookingLink
from tests import embedded_postgres
from tests.factories import MembershipFactory, UserFactory, WorkspaceFactory, make_link
from tests.servers import Installation, collect_static
from workestra.accounts.models import Membership, Workspace
from workestra.accounts.sessions import SessionStore
from workestra.embedded.supervisor import Supervisor

hypothesis_settings.register_profile("default", deadline=None, derandomize=True)
hypothesis_settings.register_profile("stress", deadline=None, max_examples=5000)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# A Monday, 09:00 in Berlin (CET). Tests that reach the real clock use time_machine to get here.
MONDAY_MORNING = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)

FIGURE = "figure"
MIGRATED = "migrated"
KEPT_TABLES = {"django_content_type", "auth_permission"}

LONG = ("tests/browser/", "tests/concurrency/", "tests/embedded/")

_connect = socket.socket.connect


def _connect_here(self: socket.socket, address: Any) -> None:
    if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1", "localhost"}:
        raise AssertionError(f"a test reached for the network: {address}")
    _connect(self, address)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Modules of tests that nobody has compiled yet are compiled once, on every core, and kept beside them.

    All workers import all of them at the same time: left to themselves, each would compile each.
    """
    named = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    files = {file for path in named for file in ([path] if path.is_file() else path.rglob("test_*.py"))}
    modules = [
        ".".join(file.relative_to(config.rootpath).with_suffix("").parts)
        for file in sorted(files)
        if file.match("test_*.py") and file.is_relative_to(config.rootpath) and not _is_compiled(file)
    ]
    if modules and not sys.dont_write_bytecode:
        # Forked, as it is this process in which pytest rewrites the assertions of what is imported.
        with get_context("fork").Pool(initializer=logging.disable) as pool:
            pool.map(_import, modules)


def _is_compiled(file: Path) -> bool:
    kept = file.with_name("__pycache__").glob(f"{file.stem}.*-pytest-*.pyc")
    return any(pyc.stat().st_mtime > file.stat().st_mtime for pyc in kept)


def _import(module: str) -> None:
    with suppress(BaseException):  # A worker says so.
        importlib.import_module(module)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first: at the end no worker waits for another's last long test."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish() -> None:
    """What has been imported by now stays: it need not be searched for garbage again and again."""
    gc.collect()
    gc.freeze()


Figures = Callable[[str], None]


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Takes a line of what a test has measured; all of them are printed at the end of the run."""
    return lambda line: record_property(FIGURE, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        str(line)
        for report in terminalreporter.stats.get("passed", [])
        for name, line in report.user_properties
        if name == FIGURE and report.when == "call"
    ]
    if lines:
        terminalreporter.write_sep("=", "figures")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """The databases of a server that the run started go with it.

    Dropping them would fail where the live server has not closed its last connection yet.
    """
    return django_db_keepdb or embedded_postgres.LOG in os.environ


@pytest.fixture(scope="session")
def _turn_to_migrate(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], None]]:
    """Of the workers of a run one migrates its database, the others get copies of it.

    What is given is to be called when the own database is there.
    """
    if embedded_postgres.LOG not in os.environ or "PYTEST_XDIST_WORKER" not in os.environ:
        yield lambda: None
        return
    with (tmp_path_factory.getbasetemp().parent / "migrated").open("a+") as migrated:
        fcntl.flock(migrated, fcntl.LOCK_EX)
        migrated.seek(0)
        test_settings = connection.settings_dict["TEST"]
        is_first = migrated.read() != MIGRATED
        if not is_first:
            fcntl.flock(migrated, fcntl.LOCK_UN)
            test_settings |= {"TEMPLATE": MIGRATED, "MIGRATE": False}

        def keep() -> None:
            if is_first:
                connection.close()  # Nobody may be in a database that is copied.
                with connection.creation._nodb_cursor() as cursor:
                    cursor.execute(
                        f'CREATE DATABASE {MIGRATED} TEMPLATE "{connection.settings_dict["NAME"]}"'
                    )
                migrated.write(MIGRATED)
                migrated.flush()
                fcntl.flock(migrated, fcntl.LOCK_UN)

        yield keep


@pytest.fixture(scope="session")
def django_db_setup(
    _turn_to_migrate: Callable[[], None], django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Migrating takes seconds of every core, copying what is migrated does not."""
    with django_db_blocker.unblock():
        _turn_to_migrate()


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    socket.socket.connect = _connect_here  # type: ignore[method-assign]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def _quick_emptying() -> Iterator[None]:
    """After a test with transactions of its own every table is emptied, as Django does.

    But Django truncates all of them, which takes longer than most tests, and forgets content types and permissions and
    makes them anew, which takes longer still. Here rows are deleted where there are some; references between them are
    looked at when all are gone, as the foreign keys are deferred.
    """
    by_django = TransactionTestCase._fixture_teardown

    def empty(case: TransactionTestCase) -> None:
        tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
        names = [connection.ops.quote_name(table) for table in sorted(tables - KEPT_TABLES)]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"DELETE FROM {name}")

    TransactionTestCase._fixture_teardown = empty
    yield
    TransactionTestCase._fixture_teardown = by_django


class QuickStaticFiles(StaticFilesStorage):
    """Addresses of files that nobody has collected. Every page names dozens: each is put together once."""

    @cached_property
    def _urls(self) -> dict[str | None, str]:
        return {}

    def url(self, name: str | None) -> str:
        if name not in self._urls:
            self._urls[name] = super().url(name)
        return self._urls[name]


@pytest.fixture(autouse=True, scope="session")
def _test_settings() -> Iterator[None]:
    """Once for all tests: each setting that is changed tells two dozen receivers, which forget what they kept."""
    with override_settings(
        STORAGES=settings.STORAGES | {"staticfiles": {"BACKEND": "tests.conftest.QuickStaticFiles"}},
        # Looks files up as they are asked for: nothing has been collected.
        WHITENOISE_AUTOREFRESH=True,
        # Tests of limits switch on what they are about, and count in the database.
        LIMITS=dict.fromkeys(settings.LIMITS, "off"),
        MINIMUM_FILL_SECONDS=0,
        REDIS_URL="",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


@pytest.fixture
def NOW() -> datetime:  # noqa: N802  The name says that it is a constant of the test.
    return MONDAY_MORNING


@pytest.fixture
def workspace(db: None) -> Workspace:
    return WorkspaceFactory(name="Larkhill")


@pytest.fixture
def alice(workspace: Workspace) -> Membership:
    """Owns the link."""
    user = UserFactory(username="alice", name="Alice Okafor")
    return MembershipFactory(workspace=workspace, user=user)


@pytest.fixture
def bob(workspace: Workspace) -> Membership:
    """Her teammate."""
    return MembershipFactory(workspace=workspace, user=UserFactory(username="bob", name="Bob Lindqvist"))


@pytest.fixture
def carol(db: None) -> Membership:
    """Admin of another workspace: she must see nothing."""
    user = UserFactory(username="carol", name="Carol Stranger")
    return MembershipFactory(workspace=WorkspaceFactory(name="Elsewhere"), user=user, role="admin")


@pytest.fixture
def dana(workspace: Workspace) -> Membership:
    """The workspace's admin."""
    return MembershipFactory(
        workspace=workspace, user=UserFactory(username="dana", name="Dana Admin"), role="admin"
    )


@pytest.fixture
def link(alice: Membership) -> BookingLink:
    """Alice's link: weekdays 9 to 17 Berlin time, 30 minutes."""
    return make_link(alice, slug="alice-discovery-call")


@pytest.fixture(scope="session")
def static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return collect_static(tmp_path_factory.mktemp("static"))


@pytest.fixture
def installation(transactional_db: None, tmp_path: Path, static_root: Path) -> Iterator[Installation]:
    """Real servers on the test database; nothing runs before the test starts it."""
    with Supervisor(tmp_path / "log") as supervisor:
        yield Installation(tmp_path, supervisor, static_root)


def signed_in(member: Membership) -> Client:
    """A browser without JavaScript in which this member is signed in.

    Writes the session that signing in leaves, without its seven queries: hardly a test is about how it came there.
    """
    sessions = SessionStore()
    contents = {
        SESSION_KEY: str(member.user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: member.user.get_session_auth_hash(),
    }
    key = get_random_string(32)
    Session.objects.create(
        session_key=key, session_data=sessions.encode(contents), expire_date=sessions.get_expiry_date()
    )
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client
