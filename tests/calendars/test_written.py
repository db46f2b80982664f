"""The events in hosts' calendars among a booking's deliveries: how each stands, what was written, another try."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.models import Booking
from bookings.services import booking as bookings
from scheduling.models import BookingLink
from tests.calendars.making import MAIN, as_if_read, connect_google, connect_meetings
from tests.conftest import signed_in
from tests.factories import make_booking
from tests.fakes.google import FakeGoogle
from tests.fakes.server import Answer
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars import mirror, writing
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.models import CalendarAccount, OwnEvent

pytestmark = pytest.mark.django_db
HALF = timedelta(minutes=30)
LABEL = "Google event, Alice Okafor"


@pytest.fixture
def booking(link: BookingLink, alice: Membership, google: FakeGoogle, NOW: datetime) -> Booking:
    """Owed to Alice's calendar, and not written yet."""
    google.events[MAIN.id].clear()
    connect_google(alice, google, NOW)
    as_if_read(NOW)
    google.calm()
    return make_booking(link, NOW + timedelta(days=1), NOW)


def write_now(now: datetime) -> int:
    OwnEvent.objects.update(due_at=Now() - HALF, leased_until=None)
    return writing.write_due(now)


def row_of(member: Membership, booking: Booking, label: str = LABEL) -> str:
    """The list's one row of this label, as the drawer has it."""
    address = reverse("bookings:drawer", args=[booking.pk])
    page = signed_in(member).get(address, headers={"HX-Request": "true"}).content.decode()
    (row,) = [each for each in page.split("<li>") if f"<b>{label}</b>" in each]
    return row.split("</li>")[0]


def address_of(name: str, booking: Booking) -> str:
    return reverse(f"bookings:{name}", args=[booking.pk, OwnEvent.objects.get().pk])


def test_an_event_waits_is_made_after_a_fault_moves_and_is_removed(
    alice: Membership, booking: Booking, google: FakeGoogle, NOW: datetime
) -> None:
    page = address_of("written", booking)
    assert "Waiting" in (row := row_of(alice, booking))
    assert "Due " in row
    assert page not in row
    assert "Nothing was written yet." in signed_in(alice).get(page).content.decode()

    google.fail(methods="POST", path="events", answer=Answer(503))
    write_now(NOW)
    assert "Waiting" in (row := row_of(alice, booking))
    assert 'aria-label="1 try"' in row
    assert "Last try: " in row
    write_now(NOW)
    assert "Made" in (row := row_of(alice, booking))
    assert 'aria-label="2 tries"' in row
    assert page in row
    first = OwnEvent.objects.get()
    assert (first.told_start, first.told_end) == (booking.starts_at, booking.ends_at)
    written = signed_in(alice).get(page).content.decode()
    for said in (first.told_title, MAIN.name, first.remote_id, "Google", "Alice Okafor"):
        assert said
        assert said in written
    for secret in CalendarAccount.objects.get().credentials.open().values():
        assert str(secret) not in written

    later = booking.starts_at + 2 * HALF
    moved = bookings.reschedule(attendee=booking.booker, start=later, now=NOW).booking
    assert OwnEvent.objects.get().told_start == booking.starts_at, (
        "it says what was written, not what will be"
    )
    write_now(NOW)
    assert OwnEvent.objects.get().told_start == later
    assert 'aria-label="1 try"' in row_of(alice, moved)
    bookings.cancel_by_host(booking=moved, reason="", actor=alice.user, now=NOW)
    write_now(NOW)
    assert "Removed" in row_of(alice, moved)
    assert first.told_title in signed_in(alice).get(address_of("written", moved)).content.decode()


def test_one_that_was_given_up_says_why_and_is_tried_again_from_the_drawer(
    alice: Membership, booking: Booking, google: FakeGoogle, NOW: datetime
) -> None:
    retry = address_of("write_again", booking)
    google.calendars[MAIN.id]["accessRole"] = "reader"
    write_now(NOW)
    row = row_of(alice, booking)
    assert "Failed" in row
    assert OwnEvent.objects.get().last_error[:40] in row
    assert f'action="{retry}"' in row
    google.calendars[MAIN.id]["accessRole"] = "owner"
    answer = signed_in(alice).post(retry, headers={"HX-Request": "true"}).content.decode()
    assert "Google is asked again." in answer
    assert "Waiting" in answer
    assert AuditEvent.objects.get(action="booking.event_retried").detail["whose"] == "Alice Okafor"
    write_now(NOW)
    assert "Made" in row_of(alice, booking)
    assert "as it should be" in signed_in(alice).post(retry, follow=True).content.decode()
    assert AuditEvent.objects.filter(action="booking.event_retried").count() == 1


def test_one_whose_account_is_to_be_reconnected_waits_for_that_and_is_not_retried(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    OwnEvent.objects.update(failures=1, last_error="Google no longer lets us in.")
    mirror.mark_broken(CalendarAccount.objects.get(), "Google no longer lets us in.", NOW)
    row = row_of(alice, booking)
    assert "Waiting" in row
    assert "Until Alice Okafor connects Google again" in row
    assert "Retry" not in row
    before = OwnEvent.objects.values().get()
    answer = signed_in(alice).post(address_of("write_again", booking), follow=True).content.decode()
    assert "Google needs reconnecting first: Alice Okafor can do that." in answer
    assert OwnEvent.objects.values().get() == before
    assert not AuditEvent.objects.filter(action="booking.event_retried").exists()


def test_the_drawer_takes_the_same_number_of_queries_however_many_hosts_have_an_event(
    alice: Membership, bob: Membership, booking: Booking, google: FakeGoogle, NOW: datetime
) -> None:
    browser, address = signed_in(alice), reverse("bookings:drawer", args=[booking.pk])
    browser.get(address, headers={"HX-Request": "true"})
    with CaptureQueriesContext(connection) as one:
        browser.get(address, headers={"HX-Request": "true"})
    theirs = connect_google(bob, google, NOW).calendars.get(write_here=True)
    event = OwnEvent.objects.get()
    event.pk, event.user, event.calendar = bob.user_id, bob.user, theirs
    event.save(force_insert=True)
    with CaptureQueriesContext(connection) as two:
        page = browser.get(address, headers={"HX-Request": "true"}).content.decode()
    assert page.count("Google event, ") >= 2
    assert len(two) == len(one)


def test_a_broken_account_of_meeting_links_is_said_on_every_page_and_waits_on_the_dashboard(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    links, banner = reverse("scheduling:links"), "Meeting links of yours cannot be made"
    account = connect_meetings(alice, ProviderKind.ZOOM, None, NOW)
    assert banner not in signed_in(alice).get(links).content.decode()
    mirror.mark_broken(account, "The access was taken away.", NOW)
    page = signed_in(alice).get(links).content.decode()
    assert page.count(banner) == 1
    assert "A calendar of yours cannot be read" not in page
    assert "Zoom makes no links" in signed_in(alice).get("/calendar").content.decode()
    assert "cannot be read" not in signed_in(alice).get("/calendar").content.decode()
    assert banner not in signed_in(alice).get(reverse("calendars:accounts")).content.decode()
    assert banner not in signed_in(bob).get(links).content.decode()
