"""The protocol that takes and frees a host's time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from scheduling.models import BookingLink, BusyTime, as_range
from scheduling.services import busy_time
from scheduling.services.busy_time import Claim, LockedHosts, SlotTaken, with_hosts_locked
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

TEN = datetime(2030, 1, 7, 10, 0, tzinfo=UTC)


def claim(
    member: Membership, start: datetime = TEN, minutes: int = 30, kind: str = "booking", **fields: object
) -> Claim:
    values = {
        "workspace_id": member.workspace_id,
        "host_id": member.user_id,
        "period": Period(start, start + timedelta(minutes=minutes)),
        "kind": BusyTime.Kind(kind),
        "owner_key": uuid4(),
        "label": "Discovery Call",
    } | fields
    return Claim(**values)  # type: ignore[arg-type]


def take(*claims: Claim) -> None:
    with_hosts_locked({claim.host_id for claim in claims}, lambda locked: locked.take(claims))


def test_time_that_is_taken_cannot_be_taken_again(alice: Membership) -> None:
    take(claim(alice))
    with pytest.raises(SlotTaken):
        take(claim(alice, TEN + timedelta(minutes=15)))
    assert BusyTime.objects.count() == 1


def test_meetings_that_touch_do_not_meet(alice: Membership) -> None:
    take(claim(alice))
    take(claim(alice, TEN + timedelta(minutes=30)))
    assert BusyTime.objects.count() == 2


def test_another_host_is_free_at_the_same_time(alice: Membership, bob: Membership) -> None:
    take(claim(alice))
    take(claim(bob))
    assert BusyTime.objects.count() == 2


def test_either_all_claims_are_taken_or_none(alice: Membership, bob: Membership) -> None:
    take(claim(bob))
    with pytest.raises(SlotTaken):
        take(claim(alice), claim(bob))
    assert not BusyTime.objects.filter(host=alice.user).exists()


def test_whoever_the_constraint_refuses_may_go_on_and_take_another_time(alice: Membership) -> None:
    take(claim(alice))

    def refused_once(locked: LockedHosts) -> None:
        with pytest.raises(SlotTaken):
            locked.take([claim(alice)])
        locked.take([claim(alice, TEN + timedelta(minutes=30))])

    with_hosts_locked([alice.user_id], refused_once)
    assert BusyTime.objects.filter(active=True).count() == 2


def test_the_times_of_one_owner_may_overlap(alice: Membership) -> None:
    offer = uuid4()
    take(
        claim(alice, owner_key=offer, kind="hold"),
        claim(alice, TEN + timedelta(minutes=15), owner_key=offer, kind="hold"),
    )
    assert BusyTime.objects.count() == 2


def test_freed_time_can_be_taken_at_once(alice: Membership) -> None:
    first = claim(alice)
    take(first)
    with_hosts_locked([alice.user_id], lambda locked: locked.free(first.owner_key))
    take(claim(alice))
    assert BusyTime.objects.filter(active=True).count() == 1


def test_a_hold_that_is_over_gives_way_before_any_sweep(alice: Membership) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    take(claim(alice, kind="hold", expires_at=past))
    take(claim(alice))
    assert list(BusyTime.objects.filter(active=True).values_list("kind", flat=True)) == ["booking"]


def test_a_hold_that_still_runs_does_not_give_way(alice: Membership) -> None:
    take(claim(alice, kind="hold", expires_at=datetime.now(UTC) + timedelta(hours=1)))
    with pytest.raises(SlotTaken):
        take(claim(alice))
    assert list(BusyTime.objects.filter(active=True).values_list("kind", flat=True)) == ["hold"]


def test_the_sweep_frees_only_holds_that_are_over(alice: Membership) -> None:
    now = datetime.now(UTC)
    take(claim(alice, kind="hold", expires_at=now - timedelta(seconds=1)))
    take(claim(alice, TEN + timedelta(hours=1), kind="hold", expires_at=now + timedelta(hours=1)))
    take(claim(alice, TEN + timedelta(hours=2)))
    assert busy_time.free_expired_holds() == 1
    assert BusyTime.objects.filter(active=True).count() == 2


def test_the_database_itself_refuses_a_double_booking(alice: Membership) -> None:
    take(claim(alice))
    row = BusyTime.objects.get()
    row.pk, row.owner_key = uuid4(), uuid4()
    row._state.adding = True
    with pytest.raises(IntegrityError, match="busy_time_no_overlap"), transaction.atomic():
        row.save(force_insert=True)


def test_a_host_who_is_gone_cannot_be_booked(alice: Membership) -> None:
    with pytest.raises(SlotTaken):
        with_hosts_locked([alice.user_id, uuid4()], lambda locked: None)


def test_only_the_time_of_locked_hosts_can_be_taken(alice: Membership, bob: Membership) -> None:
    with pytest.raises(AssertionError, match="locked hosts"):
        with_hosts_locked([alice.user_id], lambda locked: locked.take([claim(bob)]))
    assert not BusyTime.objects.exists()


def test_the_host_is_part_of_the_index_condition(alice: Membership, link: BookingLink) -> None:
    """With an integer key it would be a filter behind the index, and every host's rows would be read."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM scheduling_busytime WHERE active AND host_id = %s AND during && %s",
            [alice.user_id, as_range(Period(TEN, TEN + timedelta(hours=1)))],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    condition = next(line for line in plan.splitlines() if "Index Cond" in line)
    assert "host_id" in condition
    assert "during" in condition


def test_nothing_but_the_protocol_writes_busy_time() -> None:
    from pathlib import Path

    root = Path(busy_time.__file__).parents[2]
    writers = ("BusyTime(", "BusyTime.objects.create", "BusyTime.objects.bulk", "busy_times.create")
    offenders = [
        str(path.relative_to(root))
        for app in ("scheduling", "bookings", "managed_events", "one_off", "workestra")
        for path in (root / app).rglob("*.py")
        if path != Path(busy_time.__file__)
        and "migrations" not in path.parts
        and any(writer in path.read_text().replace("class BusyTime(", "") for writer in writers)
    ]
    assert offenders == []


def test_work_is_tried_again_after_a_passing_failure_and_then_given_up(
    alice: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(busy_time.time, "sleep", lambda seconds: None)
    tries = []

    def fail(locked: LockedHosts) -> None:
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")

    with pytest.raises(busy_time.TryAgain):
        with_hosts_locked([alice.user_id], fail)
    assert len(tries) == 3


def test_nobody_waits_for_a_host_longer_than_three_seconds(alice: Membership) -> None:
    def waits_at_most(locked: LockedHosts) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            return str(cursor.fetchone()[0])

    assert with_hosts_locked([alice.user_id], waits_at_most) == "3s"
