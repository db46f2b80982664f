import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import OperationalError

from managed_events import effects, tasks
from managed_events.models import ManagedEventTemplate, Propagation
from scheduling.models import BookingLink
from scheduling.services.propagation import bring_in_line, lock_next_links, tell_version
from tests.factories import MembershipFactory
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent


@pytest.fixture
def seven(dana: Membership) -> ManagedEventTemplate:
    """A template with seven assigned links, whose title is locked."""
    template = make_template(dana, locks=["title"])
    assign_to(template, [MembershipFactory(workspace=dana.workspace) for _ in range(7)], dana)
    return template


def renamed(template: ManagedEventTemplate, author: Membership, title: str = "Renamed") -> Propagation:
    run = save(template, author, title=title).run
    assert run is not None
    return run


def test_a_run_goes_batch_by_batch_and_keeps_count(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    run = renamed(seven, dana)
    seen = []
    while effects.advance(run.pk, NOW, batch=3):
        run.refresh_from_db()
        seen.append((run.links_done, seven.links.filter(title="Renamed").count()))
    run.refresh_from_db()
    assert seen == [(3, 3), (6, 6), (7, 7)]
    assert (run.state, run.links_done, run.links_updated, run.links_matched) == ("done", 7, 7, 0)
    assert run.finished_at == NOW
    assert set(seven.links.values_list("title", "template_version", "synced_at")) == {("Renamed", 2, NOW)}


def test_a_batch_is_so_many_queries_whatever_its_size(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime, django_assert_num_queries: Any
) -> None:
    run = renamed(seven, dana)
    for size in (1, 5):
        with django_assert_num_queries(10):  # Two of them are the savepoint, one is the lock timeout.
            assert effects.advance(run.pk, NOW, batch=size)


def test_a_link_that_matches_already_is_counted_as_such(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    BookingLink.objects.filter(pk__in=seven.links.values("pk")[:2]).update(title="Renamed")
    run = renamed(seven, dana)
    finish_runs()
    run.refresh_from_db()
    assert (run.links_done, run.links_updated, run.links_matched) == (7, 5, 2)
    assert set(seven.links.values_list("template_version", flat=True)) == {2}


def test_a_finished_run_is_in_the_audit_log_with_values_and_counts(
    seven: ManagedEventTemplate, dana: Membership
) -> None:
    run = renamed(seven, dana)
    finish_runs()
    event = AuditEvent.objects.get(action="template.propagated")
    assert (event.before["title"], event.after["title"]) == ("Discovery Call", "Renamed")
    assert event.before["locked_sections"] == ["title"]
    assert event.detail == {
        "run": str(run.pk),
        "version": 2,
        "sections": ["title"],
        "links": 7,
        "updated": 7,
        "matched": 0,
        "started_by": str(dana.user_id),
    }


def test_running_it_again_changes_nothing(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    run = renamed(seven, dana)
    finish_runs()
    synced = list(seven.links.order_by("pk").values_list("synced_at", flat=True))
    later = NOW + timedelta(hours=1)
    effects.run(run.pk, lambda: later)
    effects.resume_stalled(lambda: later)
    assert list(seven.links.order_by("pk").values_list("synced_at", flat=True)) == synced
    assert AuditEvent.objects.filter(action="template.propagated").count() == 1


def test_a_batch_that_fails_leaves_no_trace_and_the_next_worker_goes_on(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    run = renamed(seven, dana)
    assert effects.advance(run.pk, NOW, batch=3)

    def write_and_fail(link_ids: Any, **how: Any) -> int:
        assert bring_in_line(link_ids, **how) == 3
        raise OperationalError("the server closed the connection")

    with patch.object(effects, "bring_in_line", write_and_fail), pytest.raises(OperationalError):
        effects.advance(run.pk, NOW, batch=3)
    run.refresh_from_db()
    assert (run.links_done, run.links_updated) == (3, 3)
    assert seven.links.filter(title="Renamed").count() == 3
    finish_runs(batch=3)
    run.refresh_from_db()
    assert (run.links_done, run.links_updated) == (7, 7)
    assert seven.links.filter(title="Renamed").count() == 7


def test_a_run_that_a_later_save_has_overtaken_stops(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    first = renamed(seven, dana, "First")
    assert effects.advance(first.pk, NOW, batch=3)
    second = renamed(seven, dana, "Second")
    assert effects.advance(first.pk, NOW, batch=3)
    first.refresh_from_db()
    assert (first.state, first.links_done, first.finished_at) == ("superseded", 3, NOW)
    finish_runs()
    second.refresh_from_db()
    assert second.links_updated == 7
    assert set(seven.links.values_list("title", flat=True)) == {"Second"}
    assert AuditEvent.objects.get(action="template.propagation_overtaken").detail["updated"] == 3


def test_a_section_opened_before_its_run_is_done_still_gets_its_last_locked_value(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    first = renamed(seven, dana, "Locked last")
    assert effects.advance(first.pk, NOW, batch=3)
    second = save(seven, dana, title="Default for new links", locks=["policy"]).run
    assert second is not None
    effects.run(second.pk, lambda: NOW, batch=3)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.links_updated, second.state, second.links_updated) == ("done", 7, "done", 7)
    assert set(seven.links.values_list("title", "template_version")) == {("Locked last", 3)}
    assert all(link.locked_sections == ["policy"] for link in seven.links.all())


def test_a_later_save_of_open_values_does_not_stop_the_run(
    seven: ManagedEventTemplate, dana: Membership
) -> None:
    run = renamed(seven, dana)
    save(seven, dana, duration_minutes=90)
    finish_runs()
    run.refresh_from_db()
    assert (run.state, run.links_updated) == ("done", 7)
    assert set(seven.links.values_list("title", flat=True)) == {"Renamed"}


def test_a_late_batch_never_takes_a_link_back_to_an_older_version(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    renamed(seven, dana, "First")
    renamed(seven, dana, "Second")
    finish_runs()
    links = lock_next_links(
        seven.pk, after=None, limit=10, values={"title": "First"}, locked_sections=["title"], version=2
    )
    tell_version(links, version=2, now=NOW)
    assert list(links.values()) == [False] * 7
    assert set(seven.links.values_list("title", "template_version")) == {("Second", 3)}


def test_a_run_heals_what_went_out_of_step(seven: ManagedEventTemplate, dana: Membership) -> None:
    seven.links.update(title="Crooked", locked_sections=[])
    save(seven, dana, locks=["title", "policy"])
    finish_runs()
    assert set(seven.links.values_list("title", flat=True)) == {"Discovery Call"}
    assert all(link.locked_sections == ["title", "policy"] for link in seven.links.all())


def test_links_of_other_templates_and_of_nobody_stay_alone(
    seven: ManagedEventTemplate, dana: Membership, alice: Membership, link: BookingLink
) -> None:
    other = make_template(dana, slug="demo", locks=["title"])
    assign_to(other, [alice], dana)
    renamed(seven, dana)
    finish_runs()
    link.refresh_from_db()
    assert link.title == "Discovery Call"
    assert link_of(other, alice).title == "Discovery Call"


@pytest.mark.parametrize("batch", [1, 2, 7, 8])
def test_the_counts_add_up_for_every_batch_size(
    batch: int, seven: ManagedEventTemplate, dana: Membership
) -> None:
    run = renamed(seven, dana)
    finish_runs(batch=batch)
    run.refresh_from_db()
    assert (run.state, run.links_total, run.links_done, run.links_updated) == ("done", 7, 7, 7)


# --- Resuming and the doorbell ---------------------------------------------------------------------------------


def test_only_a_run_that_nobody_touches_is_resumed(
    seven: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    run = renamed(seven, dana)
    effects.resume_stalled(lambda: NOW + timedelta(seconds=9))
    run.refresh_from_db()
    assert run.state == "running"
    effects.resume_stalled(lambda: NOW + timedelta(seconds=11))
    run.refresh_from_db()
    assert (run.state, run.links_updated) == ("done", 7)


def test_one_run_that_cannot_go_on_does_not_keep_back_the_others(
    seven: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    stuck = renamed(seven, dana)
    other = make_template(dana, slug="demo", locks=["title"])
    assign_to(other, [alice], dana)
    fine = save(other, dana, title="Renamed", now=NOW + timedelta(seconds=1)).run
    assert fine is not None

    def advance(run_id: Any, now: datetime, **how: Any) -> bool:
        if run_id == stuck.pk:
            raise OperationalError("canceling statement due to lock timeout")
        return original(run_id, now, **how)

    original = effects.advance
    with patch.object(effects, "advance", advance):
        effects.resume_stalled(lambda: NOW + timedelta(minutes=1))
    fine.refresh_from_db()
    assert fine.state == "done"


def test_the_beat_knows_the_task_by_its_name(settings: Any) -> None:
    assert tasks.resume_propagations.name in {job["task"] for job in settings.CELERY_BEAT_SCHEDULE.values()}


def test_a_run_of_a_deleted_template_is_nothing_to_do(db: None, NOW: datetime) -> None:
    assert not effects.advance(uuid4(), NOW)


def test_a_save_rings_once_and_only_when_it_is_committed(
    seven: ManagedEventTemplate, dana: Membership, django_capture_on_commit_callbacks: Any
) -> None:
    rung = threading.Event()
    with patch.object(tasks.propagate, "apply_async", side_effect=lambda *args, **how: rung.set()) as ring:
        with django_capture_on_commit_callbacks() as callbacks:
            run = renamed(seven, dana)
        assert not ring.called
        for callback in callbacks:
            callback()
        assert rung.wait(timeout=10)
        ring.assert_called_once_with((str(run.pk),), retry=False)


def test_a_save_stands_when_the_broker_is_away(
    seven: ManagedEventTemplate, dana: Membership, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # The tests' REDIS_URL leads nowhere.
        run = renamed(seven, dana)
    run.refresh_from_db()
    assert run.state == "running"


def test_the_tasks_do_the_work(seven: ManagedEventTemplate, dana: Membership) -> None:
    run = renamed(seven, dana)
    tasks.propagate.run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.links_updated) == ("done", 7)
    second = save(seven, dana, title="Again", now=datetime(2020, 1, 1, tzinfo=UTC)).run
    tasks.resume_propagations.run()
    assert second is not None
    second.refresh_from_db()
    assert second.state == "done"
