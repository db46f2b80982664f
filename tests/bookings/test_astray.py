"""A meeting that its host has deleted or moved in his own calendar, and what the console says of it."""

import html
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.test import Client

from bookings.models import Booking
from scheduling.models import BookingLink
from tests.calendars.making import connect_caldav
from tests.conftest import signed_in
from tests.factories import make_booking
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, OwnEvent, RemoteBusy, RemoteCalendar
from workestra.calendars.selectors import is_written_to

pytestmark = pytest.mark.django_db

START = datetime.fromisoformat("2030-01-08T09:00:00+00:00")


@pytest.fixture(autouse=True)
def _clock(NOW: datetime) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def booking(alice: Membership, link: BookingLink, NOW: datetime) -> Booking:
    """A booking whose event was written ten minutes ago, into a calendar that was read since."""
    connect_caldav(alice, NOW)
    booking = make_booking(link, START, NOW)
    OwnEvent.objects.update(
        written_version=1, version=1, is_there=True, written_at=NOW - timedelta(minutes=10)
    )
    RemoteCalendar.objects.update(synced_at=NOW)
    return booking


def seen_at(booking: Booking, period: Period) -> None:
    """The calendar was read: the event is there at this time."""
    event = OwnEvent.objects.get()
    RemoteBusy.objects.create(
        calendar=event.calendar,
        user_id=event.user_id,
        during=DateTimeTZRange(period.start, period.end, "[)"),
        is_busy=True,
        remote_id="ours",
        own_key=event.key,
    )


def drawer(client: Client, booking: Booking) -> str:
    response = client.get(f"/calendar/bookings?open={booking.pk}")
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_an_event_deleted_in_the_calendar_is_shown_with_what_to_do(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    client = signed_in(alice)
    page = drawer(client, booking)
    assert "Alice’s calendar no longer has this meeting." in page
    assert "Cancel it for everybody" in page
    response = client.post(f"/calendar/bookings/{booking.pk}/put-back")
    assert response.status_code == 302
    event = OwnEvent.objects.get()
    assert (event.version, event.is_current) == (2, False)
    assert AuditEvent.objects.filter(action="booking.put_back").exists()
    assert "no longer has this meeting" not in drawer(client, booking)


def test_an_event_moved_in_the_calendar_is_shown_with_its_new_time(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    seen_at(booking, Period(START + timedelta(hours=3), START + timedelta(hours=3, minutes=30)))
    page = drawer(signed_in(alice), booking)
    assert "In Alice’s calendar this meeting stands at" in page
    assert "start=2030-01-08T12%3A00%3A00%2B00%3A00" in page


def test_nothing_is_said_of_an_event_where_it_is_meant_to_be_or_that_is_not_known(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    client = signed_in(alice)
    words = "calendar no longer has this meeting"
    for unknown in (
        {"calendar": {"synced_at": NOW - timedelta(minutes=9)}},
        {"calendar": {"checked": False}},
        {"account": {"state": CalendarAccount.State.BROKEN}},
    ):
        RemoteCalendar.objects.update(**{"synced_at": NOW, "checked": True} | unknown.get("calendar", {}))
        CalendarAccount.objects.update(
            **{"state": CalendarAccount.State.CONNECTED} | unknown.get("account", {})
        )
        assert words not in drawer(client, booking), unknown
    CalendarAccount.objects.update(state=CalendarAccount.State.CONNECTED)
    seen_at(booking, booking.period)
    page = drawer(client, booking)
    assert words not in page
    assert "this meeting stands at" not in page


def test_a_host_whose_account_is_broken_gets_the_file(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    about = (OwnEvent.objects.get().topic, booking.series_id, alice.user.email)
    assert is_written_to(*about)
    CalendarAccount.objects.update(state=CalendarAccount.State.BROKEN)
    assert not is_written_to(*about)
