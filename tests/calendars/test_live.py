"""The last look into connected calendars while somebody books: what it finds counts, and who does not answer is not
waited for."""

import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from bookings.models import Booking
from bookings.selectors import manage_token
from scheduling.models import BookingLink
from tests.calendars.contract import DavBench
from tests.calendars.making import as_if_read, connect_google, mirror_busy
from tests.factories import make_booking, make_link
from tests.fakes.google import FakeGoogle
from workestra.accounts.models import Membership
from workestra.calendars import effects, live, mirror, services
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, RemoteBusy, RemoteCalendar
from workestra.calendars.providers.provider import CalendarFacts, Changes, Grant, Piece

pytestmark = pytest.mark.django_db

HALF = timedelta(minutes=30)
TYPED = {"name": "Priya Raman", "email": "priya@saltmarsh.example", "phone": "+49 30 123456"}


@pytest.fixture
def ten(NOW: datetime) -> Iterator[datetime]:
    """Tuesday at ten in Berlin, asked on Monday."""
    with time_machine.travel(NOW, tick=True):
        yield NOW.replace(hour=9) + timedelta(days=1)


def connect(member: Membership, url: str, calendar_id: str, now: datetime) -> RemoteCalendar:
    """Its calendar, read a moment ago, with nothing in it."""
    grant = Grant(
        name="dav.larkhill.example, as alice",
        scopes=(),
        secrets={"url": url, "username": "alice", "password": "wonderland"},
    )
    facts = CalendarFacts(id=calendar_id, name="Work", is_primary=True)
    account = services.connect(member, ProviderKind.CALDAV, grant, (facts,), now)
    as_if_read(now, account)
    return account.calendars.select_related("account__user").get()


@pytest.fixture
def bench(radicale: str) -> DavBench:
    return DavBench(radicale)


@pytest.fixture
def calendar(alice: Membership, bench: DavBench, NOW: datetime) -> RemoteCalendar:
    return connect(alice, bench.url, bench.calendar_id, NOW)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def sent(client: Client, link: BookingLink, start: datetime) -> Any:
    typed = TYPED | {"start": f"{start:%Y-%m-%dT%H:%MZ}", "nonce": str(uuid4())}
    return client.post(reverse("bookings:details", args=[link.slug]), typed)


def test_what_came_into_a_calendar_a_moment_ago_refuses_the_booking_and_is_known_from_then_on(
    client: Client, link: BookingLink, calendar: RemoteCalendar, bench: DavBench, ten: datetime
) -> None:
    bench.add(Period.lasting(ten, 2 * HALF))
    page = reverse("bookings:details", args=[link.slug])
    shown = client.get(page, {"start": f"{ten:%Y-%m-%dT%H:%MZ}"})
    assert (shown.status_code, RemoteBusy.objects.count()) == (200, 0)
    answer = sent(client, link, ten)
    assert answer.status_code == 409
    assert TYPED["email"] in answer.content.decode()
    assert not Booking.objects.exists()
    (found,) = RemoteBusy.objects.all()
    assert found.during.lower == ten
    assert client.get(page, {"start": f"{ten:%Y-%m-%dT%H:%MZ}"}).status_code == 409
    # The next reading puts the whole event in its place.
    assert effects.read_due(datetime.now(ten.tzinfo)) == 1
    assert RemoteBusy.objects.get().during.upper == ten + 2 * HALF
    assert sent(client, link, ten + 2 * HALF).status_code == 303


def test_a_move_is_refused_as_well(
    client: Client, link: BookingLink, calendar: RemoteCalendar, bench: DavBench, ten: datetime, NOW: datetime
) -> None:
    booking = make_booking(link, ten, NOW)
    bench.add(Period.lasting(ten + 4 * HALF, HALF))
    moving = reverse("bookings:reschedule", args=[booking.page_slug, manage_token(booking.booker)])
    assert client.post(moving, {"start": f"{ten + 4 * HALF:%Y-%m-%dT%H:%MZ}"}).status_code == 409
    assert Booking.objects.get().starts_at == ten
    assert client.post(moving, {"start": f"{ten + 2 * HALF:%Y-%m-%dT%H:%MZ}"}).status_code == 303


def test_another_host_of_the_pool_takes_the_meeting(
    client: Client,
    alice: Membership,
    bob: Membership,
    calendar: RemoteCalendar,
    bench: DavBench,
    ten: datetime,
) -> None:
    pool = make_link(alice, slug="pool", hosts=[alice, bob])
    bench.add(Period.lasting(ten, HALF))
    assert sent(client, pool, ten).status_code == 303
    assert Booking.objects.get().host == bob.user


def test_a_provider_that_hangs_is_left_behind_and_not_asked_again_for_a_while(
    client: Client,
    alice: Membership,
    link: BookingLink,
    silent: str,
    ten: datetime,
    NOW: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.4)
    calendar = connect(alice, silent, "/alice/work/", NOW)
    mirror_busy(calendar, Period.lasting(ten, HALF))
    began = time.monotonic()
    assert sent(client, link, ten + 2 * HALF).status_code == 303
    assert time.monotonic() - began < 8
    calendar.refresh_from_db()
    assert (calendar.failures, calendar.account.state) == (1, CalendarAccount.State.CONNECTED)
    assert live.to_ask([alice.user_id]) == []
    # What was read before counts all the same.
    assert sent(client, link, ten).status_code == 409


@pytest.mark.parametrize(("policy", "status"), [("closed", 409), ("last_known", 303)])
def test_what_a_hanging_provider_leaves_open_is_the_links_to_say(
    client: Client,
    alice: Membership,
    silent: str,
    ten: datetime,
    NOW: datetime,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    status: int,
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.2)
    link = make_link(alice, slug="policy", unreadable_policy=policy)
    connect(alice, silent, "/alice/work/", NOW - timedelta(hours=1))
    assert sent(client, link, ten).status_code == status
    assert Booking.objects.count() == (status == 303)


@pytest.mark.django_db(transaction=True)
def test_google_is_asked_for_this_time_alone_and_our_own_event_takes_none(
    client: Client, alice: Membership, link: BookingLink, google: FakeGoogle, ten: datetime, NOW: datetime
) -> None:
    for events in google.events.values():
        events.clear()
    account = connect_google(alice, google, NOW)
    as_if_read(NOW, account)
    google.calm()
    google.add(
        "alice@larkhill.example",
        {"dateTime": ten.isoformat()},
        {"dateTime": (ten + HALF).isoformat()},
    )
    assert sent(client, link, ten).status_code == 409
    (asked,) = google.asked("GET", "/events")
    assert "syncToken" not in asked.query
    assert datetime.fromisoformat(asked.query["timeMax"]) - datetime.fromisoformat(
        asked.query["timeMin"]
    ) < timedelta(hours=2)
    google.calm()
    # Known by now, so that nobody is asked.
    assert sent(client, link, ten).status_code == 409
    assert google.requests == []


def test_a_mirror_is_put_right_within_the_span_alone(
    alice: Membership, calendar: RemoteCalendar, ten: datetime
) -> None:
    day = Period(ten - timedelta(hours=9), ten + timedelta(hours=15))
    later = Period.lasting(ten + 10 * HALF, HALF)
    gone = Period.lasting(ten + HALF, HALF)
    mirror_busy(calendar, day, gone, later)
    within = Period.lasting(ten, 3 * HALF)
    key = uuid4()
    said = Changes(
        events={
            "event-0": [Piece(within)],  # All of the day, cut to the span, as CalDAV gives it.
            "new": [Piece(Period.lasting(ten, HALF), own_key=key)],
        },
        cursor="",
        is_complete=True,
    )
    assert mirror.patch(calendar, said, within)
    kept = {row.remote_id: row for row in RemoteBusy.objects.all()}
    assert set(kept) == {"event-0", "event-2", "new"}
    assert (kept["event-0"].during.lower, kept["event-0"].during.upper) == (day.start, day.end)
    assert kept["new"].own_key == key
    assert not mirror.patch(calendar, said, within)
    assert RemoteBusy.objects.count() == 3


def test_a_reading_that_began_before_somebody_looked_is_not_written_over_what_he_saw(
    alice: Membership, calendar: RemoteCalendar, ten: datetime, NOW: datetime
) -> None:
    within = Period.lasting(ten, HALF)
    RemoteCalendar.objects.update(due_at=Now() - HALF)
    (reading,) = effects._lease()
    # It has asked, and got its answer: nothing. Then something comes into the calendar, and somebody books.
    seen = RemoteCalendar.objects.get()
    assert mirror.patch(seen, Changes({"new": [Piece(within)]}, cursor="", is_complete=True), within)
    whole = Period(NOW, NOW + timedelta(days=90))
    assert not mirror.store(reading, Changes({}, cursor="read", is_complete=True), whole, NOW)
    assert RemoteBusy.objects.get().during.lower == ten
    (again,) = effects._lease()
    assert mirror.store(again, Changes({"new": [Piece(within)]}, "read", is_complete=True), whole, NOW)
    assert RemoteBusy.objects.count() == 1


def test_of_a_look_that_a_reading_overtook_everything_is_read_anew(
    alice: Membership, calendar: RemoteCalendar, ten: datetime, NOW: datetime
) -> None:
    within = Period.lasting(ten, HALF)
    RemoteCalendar.objects.update(due_at=Now() - HALF, cursor="one")
    seen = RemoteCalendar.objects.get()
    (reading,) = effects._lease()
    gone = Changes({"old": []}, cursor="two", is_complete=False)
    assert mirror.store(reading, gone, Period(NOW, NOW + timedelta(days=90)), NOW)
    # What he was told is older: with its cursor the provider would never say again that it is gone.
    assert mirror.patch(seen, Changes({"old": [Piece(within)]}, cursor="", is_complete=True), within)
    (again,) = effects._lease()
    assert again.cursor == ""
