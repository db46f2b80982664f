"""A pool read in part offers exactly what it would offer read as a whole."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.domain.slots import open_starts
from scheduling.models import BookingLink, BusyTime, LinkHost, OutOfOffice, Schedule, as_range
from scheduling.selectors import times
from scheduling.selectors.times import HostRow, Pool, facts_of, host_rows, hosts_in_order, open_starts_of
from tests.conftest import MONDAY_MORNING
from tests.factories import MembershipFactory, UserFactory, WorkspaceFactory, make_link
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

pytestmark = pytest.mark.django_db
NOW = MONDAY_MORNING
WEEK = Period(NOW, NOW + timedelta(days=7))
HOUR = timedelta(hours=1)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu")


def members(number: int, zone: str = "Europe/Berlin") -> list[Membership]:
    workspace = WorkspaceFactory(name="Larkhill")
    return [
        MembershipFactory(workspace=workspace, user=UserFactory(username=uuid4().hex[:12], timezone=zone))
        for _ in range(number)
    ]


def pool_link(hosts: list[Membership], **settings: Any) -> BookingLink:
    return make_link(hosts[0], hosts=hosts, strategy="round_robin", timezone="Europe/Berlin", **settings)


def take(member: Membership, period: Period, **values: Any) -> None:
    values = {"kind": "booking", "owner_key": uuid4(), "label": "Call"} | values
    BusyTime.objects.create(workspace=member.workspace, host=member.user, during=as_range(period), **values)


def of_all(link: BookingLink, window: Period) -> list[Any]:
    """The engine's answer with every calendar before it."""
    rows = [HostRow.of(host) for host in hosts_in_order(link)]
    calendars, rules = facts_of(link, rows, window, NOW)
    return open_starts(hosts=calendars, rules=rules, window=window, now=NOW) if calendars else []


@pytest.fixture
def one_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "READ_AT_ONCE", 1)


def test_rows_are_the_active_hosts_in_turn_order() -> None:
    hosts = members(6)
    link = pool_link(hosts)
    elsewhere, gone, left, *_ = hosts
    Membership.objects.filter(pk=left.pk).update(is_active=False)
    type(gone.user).objects.filter(pk=gone.user.pk).update(is_active=False)
    MembershipFactory(workspace=WorkspaceFactory(), user=elsewhere.user)
    for number, host in enumerate(LinkHost.objects.filter(link=link).order_by("user_id")):
        host.rotation, host.weight, host.max_per_day = number % 2, number + 1, number or None
        host.save()
    Schedule.objects.create(workspace=link.workspace, owner=link.owner, name="Early")
    LinkHost.objects.filter(link=link, user=elsewhere.user).update(schedule=Schedule.objects.get())

    rows = host_rows(link)

    assert rows == [HostRow.of(host) for host in hosts_in_order(link)]
    assert {row.user_id for row in rows} == {host.user.pk for host in hosts} - {gone.user.pk, left.user.pk}


def test_what_the_first_hosts_cannot_give_is_asked_of_the_others(one_at_once: None) -> None:
    first, second, third = hosts = sorted(members(3), key=lambda member: member.user_id)
    link = pool_link(hosts)
    offered = open_starts_of(link, WEEK, NOW)
    tuesday = Period(NOW + timedelta(days=1), NOW + timedelta(days=2))
    for member in (first, second):
        take(member, tuesday)
    assert open_starts_of(link, WEEK, NOW) == offered

    take(third, tuesday)
    left = open_starts_of(link, WEEK, NOW)
    assert left == of_all(link, WEEK)
    assert left
    assert set(left) < set(offered)


def test_a_host_of_other_hours_is_asked_for_them(one_at_once: None) -> None:
    hosts = members(3)
    link = pool_link(hosts)
    evenings = [{"days": [0, 1, 2], "start": "20:00", "end": "22:00"}]
    late = Schedule.objects.create(
        workspace=link.workspace,
        owner=link.owner,
        name="Late",
        timezone="Europe/Berlin",
        weekly_hours=evenings,
    )
    before = open_starts_of(link, WEEK, NOW)
    LinkHost.objects.filter(link=link, user=hosts[2].user).update(schedule=late)
    assert set(before) < set(open_starts_of(link, WEEK, NOW))
    assert open_starts_of(link, WEEK, NOW) == of_all(link, WEEK)


def test_a_link_whose_hosts_are_all_gone_offers_nothing() -> None:
    hosts = members(2)
    link = pool_link(hosts)
    Membership.objects.all().update(is_active=False)
    assert open_starts_of(link, WEEK, NOW) == []


@pytest.mark.parametrize("is_everybody_busy", [False, True])
def test_the_number_of_queries_does_not_grow_with_the_pool(is_everybody_busy: bool) -> None:
    counted = set()
    for size in (2, 20, 40):
        hosts = members(size)
        link = pool_link(hosts)
        if is_everybody_busy:
            for member in hosts:
                take(member, Period(NOW + timedelta(days=1), NOW + timedelta(days=2)))
        with CaptureQueriesContext(connection) as queries:
            open_starts_of(link, WEEK, NOW)
        counted.add((size > times.READ_AT_ONCE, len(queries)))
    assert counted == {(False, 4), (True, 6 if is_everybody_busy else 4)}


@given(data=st.data())
@settings(max_examples=60)
def test_a_pool_read_in_part_offers_what_it_offers_read_as_a_whole(data: st.DataObject) -> None:
    draw = data.draw
    hosts = members(draw(st.integers(1, 6)), draw(st.sampled_from(ZONES)))
    link = pool_link(
        hosts,
        duration_minutes=draw(st.sampled_from([30, 60, 240])),
        buffer_before_minutes=draw(st.sampled_from([0, 15])),
        buffer_after_minutes=draw(st.sampled_from([0, 30])),
        minimum_notice_hours=draw(st.sampled_from([0, 4, 30])),
        max_per_day=draw(st.sampled_from([None, None, 1, 2])),
        max_per_week=draw(st.sampled_from([None, None, 2])),
    )
    schedules = [
        Schedule.objects.create(
            workspace=link.workspace,
            owner=link.owner,
            name=uuid4().hex,
            timezone=draw(st.sampled_from(ZONES)),
            weekly_hours=[{"days": [0, 1, 2, 3, 4, 5, 6], "start": opens, "end": closes}],
        )
        for opens, closes in (("22:00", "04:00"), ("08:00", "20:00"))
    ]
    link.schedule = draw(st.sampled_from([None, *schedules]))
    link.save()
    for host in LinkHost.objects.filter(link=link):
        host.schedule = draw(st.sampled_from([None, None, *schedules]))
        host.max_per_day = draw(st.sampled_from([None, None, None, 1]))
        host.rotation = draw(st.integers(0, 3))
        host.save()
    for member in hosts:
        since = NOW
        for _ in range(draw(st.integers(0, 5))):
            since += draw(st.integers(0, 40)) * HOUR
            until = since + draw(st.sampled_from([1, 2, 20, 60])) * HOUR
            hold = draw(st.booleans())
            take(
                member,
                Period(since, until),
                link=None if hold else link,
                kind="hold" if hold else "booking",
                expires_at=NOW + draw(st.integers(-1, 1)) * HOUR if hold else None,
                buffer_after_minutes=draw(st.sampled_from([0, 30])),
            )
            since = until
        if draw(st.integers(0, 3)) == 0:
            day = NOW.date() + timedelta(days=draw(st.integers(0, 6)))
            OutOfOffice.objects.create(
                workspace=member.workspace, user=member.user, first_day=day, last_day=day, note="Ski"
            )
    whole = of_all(link, WEEK)
    for number in (1, 2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(times, "READ_AT_ONCE", number)
            pool = Pool(link, WEEK, NOW)
            assert pool.starts(WEEK) == whole
            first_days = Period(NOW, NOW + timedelta(days=2))
            assert pool.starts(first_days) == [start for start in whole if first_days.includes(start)]
