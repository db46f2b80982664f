"""The explanation, the page's list, the verdict on one start and the booking itself say the same about every start.

Each example has a workspace of its own, so that they may share a database.
"""

import os
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.models import Booking
from bookings.selectors import offer_of
from one_off.services import SlotsTaken
from scheduling.explanations import explained_day
from scheduling.models import BookingLink, LinkHost, OutOfOffice, Schedule
from scheduling.selectors import public_link
from scheduling.selectors.times import open_slots_of, verdict_on
from tests.conftest import MONDAY_MORNING
from tests.factories import MembershipFactory, UserFactory, WorkspaceFactory, make_booking, make_link
from tests.one_off.making import make_one_off
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

EXAMPLES = 500 if os.environ.get("HYPOTHESIS_PROFILE") == "stress" else 15
NOW = MONDAY_MORNING
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo")
minutes = st.integers(0, 95).map(lambda quarter: quarter * 15)


@st.composite
def weekly_hours(draw: Any) -> list[dict[str, Any]]:
    """Up to three windows, some past midnight, mostly long enough for a meeting."""
    windows = []
    for _ in range(draw(st.integers(1, 3))):
        opens, length = draw(minutes), draw(st.sampled_from([60, 240, 480, 720]))
        closes = (opens + length) % 1440
        windows.append(
            {
                "days": draw(st.lists(st.integers(0, 6), min_size=2, max_size=7, unique=True)),
                "start": f"{opens // 60:02}:{opens % 60:02}",
                "end": f"{closes // 60:02}:{closes % 60:02}",
            }
        )
    return windows


class Question:
    """A random link with random things in its hosts' way, and starts to ask about."""

    def __init__(self, draw: Any, strategy: str) -> None:
        self.draw = draw
        workspace = WorkspaceFactory(name="Larkhill")
        self.members = [self.member(workspace) for _ in range(draw(st.integers(1, 3)))]
        self.link = self.make_link(strategy)
        for _ in range(draw(st.integers(0, 3))):
            self.put_in_the_way()

    def member(self, workspace: Any) -> Membership:
        zone = self.draw(st.sampled_from(ZONES))
        return MembershipFactory(
            workspace=workspace, user=UserFactory(username=uuid4().hex[:12], timezone=zone)
        )

    def make_link(self, strategy: str) -> BookingLink:
        draw = self.draw
        hosts = self.members if strategy in {"round_robin", "collective"} else self.members[:1]
        link = make_link(
            self.members[0],
            hosts=hosts,
            strategy=strategy,
            capacity=draw(st.integers(2, 4)) if strategy == "group" else 1,
            timezone=draw(st.sampled_from(ZONES)),
            weekly_hours=draw(weekly_hours()),
            duration_minutes=draw(st.sampled_from([15, 30, 45, 60])),
            slot_interval_minutes=draw(st.sampled_from([15, 30, 45])),
            buffer_before_minutes=draw(st.sampled_from([0, 0, 10])),
            buffer_after_minutes=draw(st.sampled_from([0, 0, 15])),
            minimum_notice_hours=draw(st.sampled_from([0, 0, 4, 24])),
            booking_window_days=draw(st.sampled_from([1, 3, 30])),
            max_per_day=draw(st.sampled_from([None, None, 1])),
            max_per_week=draw(st.sampled_from([None, None, 2])),
        )
        for host in LinkHost.objects.filter(link=link):
            if draw(st.integers(0, 3)) == 0:
                host.schedule = Schedule.objects.create(
                    workspace=link.workspace,
                    owner=host.user,
                    name=uuid4().hex,
                    timezone=draw(st.sampled_from(ZONES)),
                    weekly_hours=draw(weekly_hours()),
                )
            host.max_per_day = draw(st.sampled_from([None, None, 1]))
            host.save()
        return self.fresh(link)

    def fresh(self, link: BookingLink) -> BookingLink:
        found = public_link(link.slug)
        assert found is not None
        return found

    def put_in_the_way(self) -> None:
        """A booking of the link, a one-off's hold, or a day out of office."""
        who = self.draw(st.sampled_from(self.members))
        match self.draw(st.sampled_from(["booking", "booking", "hold", "away"])):
            case "booking":
                slots = open_slots_of(self.link, Period(NOW, NOW + timedelta(days=4)), NOW)
                if slots:
                    start = self.draw(st.sampled_from(slots)).start
                    # Of a group, some seats of a session or all of them.
                    for _ in range(self.draw(st.integers(1, self.link.capacity))):
                        make_booking(self.link, start, NOW)
            case "hold":
                start = NOW + self.draw(st.integers(4, 400)) * timedelta(minutes=15)
                with suppress(SlotsTaken):
                    make_one_off(who, NOW, periods=(Period.lasting(start, timedelta(minutes=45)),))
            case "away":
                day = NOW.date() + timedelta(days=self.draw(st.integers(0, 4)))
                OutOfOffice.objects.create(
                    workspace=who.workspace, user=who.user, first_day=day, last_day=day, note="Ski"
                )

    def start(self) -> datetime:
        """One that is offered, or any quarter of an hour, the past and off-grid ones included."""
        slots = open_slots_of(self.link, Period(NOW, NOW + timedelta(days=5)), NOW)
        some = st.integers(-8, 480).map(lambda quarter: NOW + quarter * timedelta(minutes=15))
        candidates = st.one_of(st.sampled_from(slots).map(lambda slot: slot.start), some) if slots else some
        found: datetime = self.draw(candidates)
        return found


def posted(link: BookingLink, start: datetime) -> int:
    """The status of the answer to a booking of this start, as a browser sends it."""
    form = {
        "start": f"{start:%Y-%m-%dT%H:%MZ}",
        "tz": "Europe/Berlin",
        "nonce": str(uuid4()),
        "name": "Priya Raman",
        "email": "priya@saltmarsh.example",
        "phone": "+49 30 1234567",
    }
    # An address of his own each time: nobody books a hundred times an hour.
    somebody = Client(REMOTE_ADDR=f"2001:db8::{uuid4().hex[:4]}:{uuid4().hex[:4]}")
    return somebody.post(reverse("bookings:details", args=[link.slug]), form).status_code


@pytest.mark.django_db
@pytest.mark.parametrize("strategy", BookingLink.Strategy.values)
def test_the_explanation_the_list_the_verdict_and_the_booking_agree(strategy: str) -> None:
    seen: set[bool] = set()

    @given(data=st.data())
    @settings(max_examples=EXAMPLES)
    def ask(data: st.DataObject) -> None:
        with time_machine.travel(NOW, tick=False):
            asked = Question(data.draw, strategy)
            start, zone = asked.start(), ZoneInfo(data.draw(st.sampled_from(ZONES)))
            seen.add(agreed(asked.link, start, zone))

    ask()
    assert seen == {True, False}, "otherwise this would show little"


def agreed(link: BookingLink, start: datetime, zone: ZoneInfo) -> bool:
    """Whether the start is offered, as all of them say."""
    minute = Period(start, start + timedelta(minutes=1))
    explained = explained_day(link, start.astimezone(zone).date(), zone, NOW)
    judged = verdict_on(link, start, NOW)
    holding = [gap for gap in explained.whole.gaps if gap.period.includes(start)]

    is_listed = start in [slot.start for slot in open_slots_of(link, minute, NOW)]
    assert (start in offer_of(link, minute, NOW).starts) == is_listed
    assert judged.offered == is_listed
    assert explained.verdict_on(start).offered == is_listed
    assert (start in [slot.start for slot in explained.whole.slots]) == is_listed
    assert not (is_listed and holding)
    if not is_listed:
        assert judged.reasons
        assert all(gap.reasons for gap in holding)
    before = Booking.objects.count()
    assert posted(link, start) == (303 if is_listed else 409)
    assert Booking.objects.count() == before + is_listed
    return is_listed
