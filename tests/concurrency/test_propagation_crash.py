"""A worker killed in the middle of a propagation: the next one forgets no link and writes none twice."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from managed_events import effects
from managed_events.models import ManagedEventTemplate, Propagation
from managed_events.selectors import runs
from scheduling.models import BookingLink
from scheduling.services.propagation import bring_in_line
from tests.factories import MembershipFactory
from tests.managed_events.making import assign_to, make_template, save
from tests.servers import ROOT, database_url
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

LINKS = 200
KILLED_AT = (25, 90, 91, 130)


@pytest.fixture
def template(dana: Membership) -> ManagedEventTemplate:
    template = make_template(dana, locks=["title"])
    assign_to(template, [MembershipFactory(workspace=dana.workspace) for _ in range(LINKS)], dana)
    return template


@contextmanager
def every_write_noted() -> Iterator[None]:
    """Keeps, in a table of the test, the id of every link whose title is written by anybody."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE noted (link uuid)")
        cursor.execute(
            "CREATE FUNCTION note_link() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO noted VALUES (NEW.id); RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER note_link AFTER UPDATE OF title ON scheduling_booking_links "
            "FOR EACH ROW EXECUTE FUNCTION note_link()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER note_link ON scheduling_booking_links")
            cursor.execute("DROP FUNCTION note_link")
            cursor.execute("DROP TABLE noted")


def writes() -> Counter[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT link FROM noted")
        return Counter(link for (link,) in cursor.fetchall())


def worker(run: Propagation, batch: int = 1) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "workestra.settings",
    }
    command = [sys.executable, "-m", "tests.concurrency.propagating", str(run.pk), str(batch)]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def killed_behind(run: Propagation, links: int) -> None:
    """Start a worker on the run and kill -9 it once it has done so many links."""
    process = worker(run)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            run.refresh_from_db()
            if run.links_done >= links:
                return
            assert process.poll() is None, "the worker ended by itself"
            time.sleep(0.002)
        raise AssertionError("the worker did not come that far")
    finally:
        process.kill()
        process.wait()


def test_a_run_whose_workers_are_killed_ends_complete_with_no_link_written_twice(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    run = save(template, dana, title="Renamed").run
    assert run is not None
    with every_write_noted():
        for links in KILLED_AT:
            killed_behind(run, links)
            run.refresh_from_db()
            assert links <= run.links_done < LINKS
            assert run.links_done == template.links.filter(title="Renamed").count()
        later = NOW.replace(year=NOW.year + 100)
        effects.resume_stalled(lambda: later)
        noted = writes()
    run.refresh_from_db()
    assert (run.state, run.links_done, run.links_updated) == ("done", LINKS, LINKS)
    assert set(template.links.values_list("title", "template_version")) == {("Renamed", 2)}
    assert set(noted) == set(template.links.values_list("pk", flat=True))
    assert set(noted.values()) == {1}
    assert AuditEvent.objects.filter(action="template.propagated").count() == 1


def test_control_a_cursor_committed_ahead_of_its_links_forgets_them(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    """What the transaction around a batch is for: the same death between two commits loses links for good."""
    run = save(template, dana, title="Renamed").run
    assert run is not None
    assert effects.advance(run.pk, NOW, batch=50)
    run.refresh_from_db()
    batch = list(template.links.filter(pk__gt=run.cursor).order_by("pk").values_list("pk", flat=True)[:50])
    run.cursor, run.links_done = batch[-1], run.links_done + len(batch)
    run.save()  # Here the careless worker dies, before it calls `bring_in_line`.
    effects.resume_stalled(lambda: NOW + timedelta(minutes=1))
    assert template.links.exclude(title="Renamed").count() == 50


def test_control_links_committed_ahead_of_their_cursor_are_counted_wrong(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    run = save(template, dana, title="Renamed").run
    assert run is not None
    version = runs.version_of(run)
    batch = list(template.links.order_by("pk").values_list("pk", flat=True)[:50])
    bring_in_line(
        batch, values={"title": "Renamed"}, locked_sections=["title"], version=version.number, now=NOW
    )
    effects.resume_stalled(lambda: NOW + timedelta(minutes=1))  # The careless worker died before the cursor.
    run.refresh_from_db()
    assert (run.links_done, run.links_updated) == (LINKS, LINKS - 50)
    assert not BookingLink.objects.exclude(title="Renamed").exists()
