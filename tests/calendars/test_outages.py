"""A provider in trouble: bookings are taken all the same, nobody asks too often, in the end the calendar is right."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models import F, Max, Min
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from bookings.models import Booking
from scheduling.models import BookingLink
from tests.calendars.making import MAIN, as_if_read, connect_google
from tests.calendars.test_faults import GOOGLE, Trouble
from tests.calendars.test_writing import events, write_now
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from tests.fakes.google import FakeGoogle, problem
from tests.fakes.server import Answer
from workestra.accounts.models import Membership
from workestra.calendars import connections as mailboxes
from workestra.calendars import writing
from workestra.calendars.domain import backoff
from workestra.calendars.models import CalendarAccount, OwnEvent
from workestra.calendars.providers.google import calendar as google_calendar

HALF = timedelta(minutes=30)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
CHANCE = st.floats(0, 1, exclude_max=True)


@given(attempts=st.integers(1, 10_000), chance=CHANCE)
def test_a_pause_is_anything_from_a_second_to_a_limit_that_doubles_up_to_a_quarter_of_an_hour(
    attempts: int, chance: float
) -> None:
    limit = min(timedelta(minutes=15), 2 ** min(attempts, 10) * SECOND)
    assert SECOND == backoff.pause(attempts, 0) <= backoff.pause(attempts, chance) <= limit
    assert limit - backoff.pause(attempts, 0.999_999) < timedelta(milliseconds=1)


@given(asked=st.timedeltas(SECOND, 7 * DAY), chance=CHANCE)
def test_what_a_provider_asks_for_is_kept_and_stretched_by_a_fifth_at_most(
    asked: timedelta, chance: float
) -> None:
    assert asked <= backoff.asked_pause(asked, chance) <= asked * 1.2


@pytest.fixture
def ten(NOW: datetime) -> datetime:
    """Tuesday at ten in Berlin."""
    return NOW.replace(hour=9) + DAY


@pytest.fixture
def account(alice: Membership, google: FakeGoogle, NOW: datetime) -> CalendarAccount:
    """Alice's, empty, read a moment ago; new bookings go to it."""
    google.events[MAIN.id].clear()
    account = connect_google(alice, google, NOW)
    as_if_read(NOW)
    google.calm()
    return account


@pytest.mark.thorough
@pytest.mark.django_db
@pytest.mark.parametrize("trouble", GOOGLE, ids=lambda trouble: trouble.name)
def test_a_booking_is_neither_lost_nor_held_up_by(
    trouble: Trouble,
    alice: Membership,
    link: BookingLink,
    account: CalendarAccount,
    google: FakeGoogle,
    ten: datetime,
    NOW: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(google_calendar, "SECONDS", 0.2)
    google.fail(path="/events", times=99, **trouble.fault)
    make_booking(link, ten, NOW)
    assert google.requests == []
    write_now(NOW)
    assert Booking.objects.get().status == Booking.Status.CONFIRMED
    google.faults.clear()
    CalendarAccount.objects.update(quiet_until=None)
    if OwnEvent.objects.get().dead_at:
        signed_in(alice).post(reverse("calendars:write_again"))
    write_now(NOW)
    assert len(events(google)) == 1
    assert OwnEvent.objects.get().is_current


@pytest.mark.thorough
@pytest.mark.django_db(transaction=True)
def test_somebody_books_while_the_provider_is_down(
    client: Client,
    link: BookingLink,
    account: CalendarAccount,
    google: FakeGoogle,
    ten: datetime,
    NOW: datetime,
    time_machine: Any,
) -> None:
    time_machine.move_to(NOW)
    google.fail(answer=Answer(503, {}), times=999)
    typed = {"name": "Priya Raman", "email": "priya@saltmarsh.example", "phone": "+49 30 123456"}
    sent = typed | {"start": f"{ten:%Y-%m-%dT%H:%MZ}", "nonce": str(uuid4())}
    began = time.monotonic()
    assert client.post(reverse("bookings:details", args=[link.slug]), sent).status_code == 303
    assert time.monotonic() - began < 10
    write_now(NOW)
    google.faults.clear()
    write_now(NOW)
    assert len(events(google)) == 1


@pytest.mark.django_db
def test_what_could_not_be_written_for_a_day_is_shown_with_a_button_that_tries_again(
    alice: Membership,
    link: BookingLink,
    account: CalendarAccount,
    google: FakeGoogle,
    ten: datetime,
    NOW: datetime,
) -> None:
    make_booking(link, ten, NOW)
    google.fail(answer=Answer(503, {}), times=99)
    page = reverse("calendars:accounts")
    for later, is_dead in ((timedelta(), False), (DAY, False), (DAY + SECOND, True)):
        write_now(NOW + later)
        assert (OwnEvent.objects.get().dead_at is not None) == is_dead
        assert ("could not be written" in signed_in(alice).get(page).content.decode()) == is_dead
    google.calm()
    assert write_now(NOW + 2 * DAY) == 0
    signed_in(alice).post(reverse("calendars:write_again"))
    assert write_now(NOW + 2 * DAY) == 1
    assert len(events(google)) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("size", "away"),
    [
        pytest.param(6, timedelta(hours=1), id="reduced", marks=pytest.mark.thorough),
        pytest.param(60, DAY, id="full", marks=pytest.mark.stress),
    ],
)
def test_after_an_outage_all_is_written_once_within_the_limits(
    alice: Membership,
    google: FakeGoogle,
    NOW: datetime,
    size: int,
    away: timedelta,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    google.events[MAIN.id].clear()
    connect_google(alice, google, NOW)
    as_if_read(NOW)
    link = make_link(
        alice, slug="busy", weekly_hours=[{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    )
    for number in range(size):
        make_booking(link, NOW + DAY + number * HALF, NOW, email=f"guest{number}@x.example")
    google.calm()
    tries = _outage(google, NOW, until=NOW + away)
    assert Booking.objects.filter(status=Booking.Status.CONFIRMED).count() == size
    assert not OwnEvent.objects.exclude(dead_at=None).exists()
    # Pauses of a quarter of an hour at most, half of it on average, after the first few.
    quarters = away / timedelta(minutes=15)
    assert size * quarters <= tries < size * (3 * quarters + 12)

    # It is back, with four workers at once, and a limit of its own that is reached after a few requests.
    google.calm()
    google.delay = 0.01
    monkeypatch.setattr(mailboxes, "PATIENCE", 30)
    limit = google.fail(
        answer=problem(429, "rateLimitExceeded", Retry_After="1"), methods="POST", path="/events", times=0
    )
    OwnEvent.objects.update(due_at=Now() - HALF, leased_until=None)
    stop_at = time.monotonic() + 60 + size

    def work() -> None:
        try:
            while OwnEvent.objects.filter(version__gt=F("written_version")).exists():
                assert time.monotonic() < stop_at
                if not writing.write_due(NOW + away):
                    time.sleep(0.05)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    while len(google.asked("POST", "/events")) < size // 3:
        time.sleep(0.005)
    with google.lock:
        limit.times = 1
    for worker in workers:
        worker.join()
    google.delay = 0.0
    assert google.most_at_once <= mailboxes.AT_ONCE
    assert len(events(google)) == size
    refused = [at for at, _request, status in google.requests if status == 429]
    assert len(refused) == 1
    # Whoever was in the middle of a request may end it and its like; nobody begins before the second is over.
    in_between = [at for at, _request, _status in google.requests if 0.15 < at - refused[0] < 0.95]
    assert in_between == []
    assert OwnEvent.objects.filter(written_version=F("version"), is_there=True).count() == size


def _outage(google: FakeGoogle, began: datetime, until: datetime) -> int:
    """The worker's turns while the provider is away, by a clock that jumps from one to the next; how many tries."""
    google.fail(answer=Answer(503, {}), times=1_000_000)
    clock, tries = began, 0
    while True:
        OwnEvent.objects.filter(due_at__lte=Now() + SECOND / 2).update(due_at=Now() - SECOND / 100)
        tries += writing.write_due(clock)
        spans = OwnEvent.objects.aggregate(first=Min(F("due_at") - Now()), last=Max(F("due_at") - Now()))
        assert spans["last"] <= timedelta(minutes=15)
        if clock + spans["first"] > until:
            return tries
        clock += spans["first"]
        OwnEvent.objects.update(due_at=F("due_at") - spans["first"])
