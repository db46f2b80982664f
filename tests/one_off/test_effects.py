"""What the expiry job does, and that it may run at any time, any number of times."""

from datetime import datetime

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from one_off import effects, services, tasks
from one_off.models import OneOff
from scheduling.models import BusyTime
from tests.one_off.making import DAY, HOUR, MINUTE, active_holds, make_one_off, pick, three_times, written
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period


def let_pass(one_off: OneOff) -> datetime:
    """Move its closing time into the database's past."""
    past = timezone.now() - MINUTE
    OneOff.objects.filter(pk=one_off.pk).update(expires_at=past)
    BusyTime.objects.filter(owner_key=one_off.pk).update(expires_at=past)
    return past


def test_what_is_over_is_marked_and_its_holds_are_free(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + DAY)
    past = let_pass(one_off)
    assert effects.expire_over(NOW) == 1
    one_off.refresh_from_db()
    assert (one_off.state, one_off.closed_at) == ("expired", past)
    assert active_holds(one_off) == 0
    event = AuditEvent.objects.get(target_id=one_off.pk, action="one_off.expired")
    assert (event.actor_id, event.actor_name, event.at) == (None, "Workestra", NOW)


def test_running_it_again_does_nothing(alice: Membership, NOW: datetime) -> None:
    let_pass(make_one_off(alice, NOW, expires_at=NOW + DAY))
    tasks.expire_one_offs()
    before = written()
    tasks.expire_one_offs()
    assert written() == before


def test_what_is_still_open_booked_or_withdrawn_is_left_alone(alice: Membership, NOW: datetime) -> None:
    times = three_times(NOW)
    to_come = make_one_off(alice, NOW, periods=times[:1], expires_at=NOW + DAY)
    without_end = make_one_off(alice, NOW, periods=times[1:2])
    booked = make_one_off(alice, NOW, periods=times[2:], expires_at=NOW + DAY)
    pick(booked, NOW)
    withdrawn = make_one_off(alice, NOW, periods=(Period.lasting(NOW + HOUR, HOUR),), expires_at=NOW + DAY)
    services.withdraw(one_off=withdrawn, actor=alice.user, now=NOW)
    let_pass(booked)
    let_pass(withdrawn)
    before = written()
    assert effects.expire_over(NOW) == 0
    assert written() == before
    states = OneOff.objects.in_bulk()
    assert [states[row.pk].state for row in (to_come, without_end, booked, withdrawn)] == [
        "open",
        "open",
        "booked",
        "withdrawn",
    ]


def test_more_than_one_batch_is_marked_in_one_run(
    alice: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "BATCH", 2)
    for index in range(5):
        let_pass(
            make_one_off(
                alice, NOW, periods=(Period.lasting(NOW + (index + 1) * HOUR, HOUR),), expires_at=NOW + DAY
            )
        )
    assert effects.expire_over(NOW) == 5
    assert not BusyTime.objects.filter(active=True).exists()


@pytest.mark.parametrize("count", [1, 8])
def test_the_job_reads_and_marks_in_sets(
    alice: Membership, NOW: datetime, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for index in range(count):
        let_pass(
            make_one_off(
                alice, NOW, periods=(Period.lasting(NOW + (index + 1) * HOUR, HOUR),), expires_at=NOW + DAY
            )
        )
    with django_assert_num_queries(
        count + 9
    ):  # One audit event each; read, mark, free, two for placeholders, two savepoints.
        effects.expire_over(NOW)
