"""The mails of a booking's life: what they say, what calendars make of them, and when they are left out.

WRITE_SNAPSHOTS=1 writes the snapshots anew; read the difference before you commit it.
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import vobject
from django.core.mail import EmailMessage as DjangoMail
from icalendar import Calendar, Event

from bookings.domain import mail_kinds as kinds
from bookings.domain.names import greeting, looks_like_an_address, printable_name
from bookings.models import Booking
from bookings.selectors import manage_token
from bookings.services import booking as service
from scheduling.models import BookingLink
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db(transaction=True)

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
HOSTILE = 'Call http://evil.example "now"\r\nBcc: all@evil.example'

# Each crosses the change in Berlin: 01:45 CET to 03:15 CEST, and 02:45 CEST to 02:15 CET.
SPRING = datetime(2030, 3, 31, 0, 45, tzinfo=UTC)
FALL = datetime(2030, 10, 27, 0, 45, tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    """A rendered mail, as its receiver's program reads it."""

    mail: EmailMessage

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    @property
    def ics(self) -> str:
        for part in self.mail.walk():
            if part.get_content_type() == "text/calendar":
                content: str = part.get_content()
                return content
        return ""

    @property
    def event(self) -> Event:
        return Calendar.from_ical(self.ics).walk("VEVENT")[0]

    @property
    def method(self) -> str:
        return str(Calendar.from_ical(self.ics)["METHOD"])

    def _body(self, kind: str) -> str:
        part = self.mail.get_body(preferencelist=(kind,))
        assert part is not None
        content: str = part.get_content()
        return content


def rendered(booking: Booking, kind: str, now: datetime) -> DjangoMail | Skip:
    """What the outbox would hand to the mail server for the booking's latest message of this kind."""
    topics = [booking.pk, *booking.attendees.values_list("pk", flat=True)]
    message = OutboxMessage.objects.filter(topic_id__in=topics, kind=kind).latest("seq")
    return renderer_of(kind)(message, now)


def sent(booking: Booking, kind: str, now: datetime) -> Sent:
    mail = rendered(booking, kind, now)
    assert isinstance(mail, DjangoMail), mail
    parsed = message_from_bytes(mail.message().as_bytes(linesep="\r\n"), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return Sent(parsed)


def assert_is_snapshot(name: str, text: str) -> None:
    path = SNAPSHOTS / name
    if os.environ.get("WRITE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def without_what_differs(text: str) -> str:
    """The text with tokens and ids, which no two runs share, taken out."""
    text = re.sub(r"(/manage/)[\w-]{43}", r"\1TOKEN", text.replace("\r\n", "\n"))
    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    link.location_type, link.location_detail = "video", "https://meet.larkhill.example/alice"
    link.save()
    return make_booking(
        link, TUESDAY_TEN, NOW, notes="We ship to Lisbon.", answers=[{"label": "How many?", "answer": "6"}]
    )


def around_the_clock(owner: Membership) -> BookingLink:
    return make_link(
        owner,
        slug="alice-around-the-clock",
        weekly_hours=[{"days": [0, 1, 2, 3, 4, 5, 6], "start": "00:00", "end": "24:00"}],
        slot_interval_minutes=15,
        booking_window_days=365,
    )


@pytest.mark.parametrize(("name", "start"), [("spring", SPRING), ("fall", FALL)])
def test_the_mails_around_a_clock_change(
    alice: Membership, NOW: datetime, name: str, start: datetime
) -> None:
    first = make_booking(
        around_the_clock(alice),
        start - timedelta(days=1),
        NOW,
        phone="+1 212 555 0142",
        notes="We ship to Lisbon.\nMostly by sea.",
        answers=[{"label": "How many people plan shipments?", "answer": "6 to 20"}],
    )
    mails = [sent(first, kind, NOW) for kind in (kinds.CONFIRMED_BOOKER, kinds.CONFIRMED_HOST)]
    moved = service.reschedule(attendee=first.booker, start=start, now=NOW).booking
    mails += [
        sent(moved, kind, NOW) for kind in (kinds.MOVED_BOOKER, kinds.MOVED_HOST, kinds.REMINDER_BOOKER)
    ]
    gone = service.cancel_by_booker(attendee=moved.booker, reason="No longer needed.", now=NOW).booking
    mails += [sent(gone, kind, NOW) for kind in (kinds.CANCELLED_BOOKER, kinds.CANCELLED_HOST)]
    pieces = []
    for mail in mails:
        headers = [f"{header}: {mail.mail[header]}" for header in ("From", "To", "Reply-To", "Subject")]
        ics = re.sub(r"\r?\n ", "", mail.ics)
        pieces.append("\n".join([*headers, "", mail.text, ics]))
    assert_is_snapshot(f"booking-mails-{name}.txt", without_what_differs(f"\n{'=' * 80}\n".join(pieces)))


def test_the_confirmation_as_html(booking: Booking, NOW: datetime) -> None:
    html = sent(booking, kinds.CONFIRMED_BOOKER, NOW).html
    assert_is_snapshot("booking-confirmation.html", without_what_differs(html))


def test_the_booker_gets_a_request_from_the_organizer_with_both_attendees(
    booking: Booking, NOW: datetime
) -> None:
    mail = sent(booking, kinds.CONFIRMED_BOOKER, NOW)
    event = mail.event
    assert mail.method == "REQUEST"
    assert event["UID"] == f"{booking.series_id}@localhost"
    assert event["SEQUENCE"] == 0
    assert event["ORGANIZER"] == "mailto:scheduling@localhost"
    assert event["ORGANIZER"].params["CN"] == "Alice Okafor"
    assert mail.mail["From"].addresses[0].addr_spec == "scheduling@localhost"
    assert mail.mail["Reply-To"] == "alice@larkhill.example"
    assert {str(attendee) for attendee in event["ATTENDEE"]} == {
        "mailto:priya@saltmarsh.example",
        "mailto:alice@larkhill.example",
    }
    assert event.start == TUESDAY_TEN
    assert event.end == TUESDAY_TEN + timedelta(minutes=30)
    assert manage_token(booking.booker) in str(event["URL"])


def test_the_hosts_copy_has_the_answers_and_not_the_bookers_link(booking: Booking, NOW: datetime) -> None:
    mail = sent(booking, kinds.CONFIRMED_HOST, NOW)
    token = manage_token(booking.booker)
    assert token is not None
    assert token not in mail.mail.as_string() + mail.ics + mail.text + mail.html
    assert "We ship to Lisbon." in mail.text
    assert "How many?" in mail.html
    assert mail.mail["Reply-To"] == "priya@saltmarsh.example"
    assert f"/calendar/bookings?open={booking.pk}" in mail.text


def test_both_zones_are_named(booking: Booking, NOW: datetime) -> None:
    to_booker, to_host = (sent(booking, kind, NOW) for kind in (kinds.CONFIRMED_BOOKER, kinds.CONFIRMED_HOST))
    assert "04:00 – 04:30, New York time (EST)" in to_booker.text
    assert "10:00 – 10:30 for Alice in Berlin (CET)" in to_booker.text
    assert "10:00 – 10:30, Berlin time (CET)" in to_host.text
    assert "04:00 – 04:30 for Priya Raman in New York (EST)" in to_host.text
    assert to_booker.mail["Subject"] == "Booked: Tue 8 Jan, 04:00 EST with Alice Okafor"


def test_a_move_and_a_cancel_keep_the_uid_and_raise_the_sequence(booking: Booking, NOW: datetime) -> None:
    moved = service.reschedule(
        attendee=booking.booker, start=TUESDAY_TEN + timedelta(hours=1), now=NOW
    ).booking
    update = sent(moved, kinds.MOVED_BOOKER, NOW)
    gone = service.cancel_by_host(booking=moved, actor=moved.host, reason="Ill today.", now=NOW)
    cancel = sent(gone, kinds.CANCELLED_BOOKER, NOW)
    assert update.event["UID"] == cancel.event["UID"] == f"{booking.series_id}@localhost"
    assert (update.method, update.event["SEQUENCE"]) == ("REQUEST", 1)
    assert (cancel.method, cancel.event["SEQUENCE"]) == ("CANCEL", 2)
    assert cancel.event["STATUS"] == "CANCELLED"
    assert cancel.event["ORGANIZER"] == update.event["ORGANIZER"]
    assert cancel.event.start == moved.starts_at
    assert "Before Tue 8 Jan, 04:00 EST" in update.text
    assert "Ill today." in cancel.text


def test_a_second_parser_reads_the_same(booking: Booking, NOW: datetime) -> None:
    event = vobject.readOne(sent(booking, kinds.CONFIRMED_BOOKER, NOW).ics).vevent
    assert event.uid.value == f"{booking.series_id}@localhost"
    assert event.dtstart.value == TUESDAY_TEN


def test_the_bookers_own_reason_is_not_mailed_to_him(booking: Booking, NOW: datetime) -> None:
    gone = service.cancel_by_booker(
        attendee=booking.booker, reason="See http://evil.example", now=NOW
    ).booking
    assert "evil" not in sent(gone, kinds.CANCELLED_BOOKER, NOW).mail.as_string()
    assert "evil" in sent(gone, kinds.CANCELLED_HOST, NOW).text


def test_what_a_stranger_typed_reaches_the_booker_neither_as_text_nor_as_a_header(
    link: BookingLink, NOW: datetime
) -> None:
    """A form that mails strangers' words to any address would be a gift to spammers."""
    booking = make_booking(
        link, TUESDAY_TEN, NOW, name=HOSTILE, notes=HOSTILE, answers=[{"label": "Q", "answer": HOSTILE}]
    )
    mail = sent(booking, kinds.CONFIRMED_BOOKER, NOW)
    assert "evil" not in mail.text + mail.html + mail.ics + str(mail.mail["Subject"])
    assert mail.text.startswith("You’re booked with Alice")
    to_host = sent(booking, kinds.CONFIRMED_HOST, NOW)
    assert "evil" not in str(to_host.mail["Subject"])
    assert to_host.mail["Bcc"] is None


@pytest.mark.parametrize(
    ("name", "first", "printed"),
    [
        ("Priya Raman", "Priya", "Priya Raman"),
        ("Jean-Luc O’Neill", "Jean-Luc", "Jean-Luc O’Neill"),
        ("李 小龍", "李", "李 小龍"),
        ("Win€ http://x.example", "", ""),
        ("Visit evil.example now", "", ""),
        ("", "", ""),
        ("A" * 31, "", "A" * 31),
        ("Dr. J.R.R. Tolkien", "Dr.", "Dr. J.R.R. Tolkien"),
    ],
)
def test_a_name_is_printed_only_when_it_looks_like_one(name: str, first: str, printed: str) -> None:
    assert (greeting(name), printable_name(name)) == (first, printed)


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("https://evil", True),
        ("www.evil", True),
        ("evil.example", True),
        ("a@b", True),
        ("J. R. Tolkien", False),
        ("Dr. No", False),
    ],
)
def test_what_looks_like_an_address(text: str, does: bool) -> None:
    assert looks_like_an_address(text) is does


def test_nothing_is_said_that_is_no_longer_so(booking: Booking, NOW: datetime) -> None:
    kept = rendered(booking, kinds.CONFIRMED_BOOKER, NOW)
    assert isinstance(kept, DjangoMail)
    moved = service.reschedule(
        attendee=booking.booker, start=TUESDAY_TEN + timedelta(days=1), now=NOW
    ).booking
    assert rendered(booking, kinds.CONFIRMED_BOOKER, NOW) == Skip("The booking is rescheduled by now")
    assert isinstance(rendered(moved, kinds.REMINDER_BOOKER, NOW), DjangoMail)
    gone = service.cancel_by_booker(attendee=moved.booker, reason="", now=NOW).booking
    assert rendered(gone, kinds.MOVED_BOOKER, NOW) == Skip("The booking is cancelled by now")
    assert rendered(gone, kinds.REMINDER_BOOKER, NOW) == Skip("The booking is cancelled by now")


def test_nobody_is_reminded_of_a_meeting_that_has_begun(link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, TUESDAY_TEN + timedelta(days=1), NOW)
    just_before, begun = booking.starts_at - timedelta(seconds=1), booking.starts_at
    assert isinstance(rendered(booking, kinds.REMINDER_BOOKER, just_before), DjangoMail)
    assert rendered(booking, kinds.REMINDER_BOOKER, begun) == Skip("The meeting has begun")
    assert isinstance(rendered(booking, kinds.CONFIRMED_BOOKER, begun), DjangoMail)
    assert rendered(booking, kinds.CONFIRMED_BOOKER, booking.ends_at) == Skip("The meeting is over")


def test_an_older_message_of_a_booking_is_left_to_its_successor(booking: Booking, NOW: datetime) -> None:
    Booking.objects.update(ics_sequence=1)
    booking.attendees.update(ics_sequence=1)
    assert rendered(booking, kinds.CONFIRMED_BOOKER, NOW) == Skip("A later change has a mail of its own")
    assert rendered(booking, kinds.CONFIRMED_HOST, NOW) == Skip("A later change has a mail of its own")


def test_a_deleted_booking_is_not_told_of(booking: Booking, NOW: datetime) -> None:
    message = OutboxMessage.objects.get(topic_id=booking.booker.pk, kind=kinds.CONFIRMED_BOOKER)
    booking.delete()
    assert renderer_of(kinds.CONFIRMED_BOOKER)(message, NOW) == Skip("The booking no longer exists")


def test_rendering_twice_gives_the_same_mail_and_writes_nothing(booking: Booking, NOW: datetime) -> None:
    first, second = (sent(booking, kinds.CONFIRMED_BOOKER, NOW) for _ in range(2))
    assert (first.text, first.html, first.ics) == (second.text, second.html, second.ics)


def test_a_key_that_is_gone_leaves_out_the_link_and_not_the_mail(
    booking: Booking, NOW: datetime, settings: object
) -> None:
    settings.SECRET_KEY = "another"  # type: ignore[attr-defined]
    mail = sent(booking, kinds.CONFIRMED_BOOKER, NOW)
    assert "/manage/" not in mail.text + mail.html + mail.ics
    settings.SECRET_KEY_FALLBACKS = [os.environ["SECRET_KEY"]]  # type: ignore[attr-defined]
    assert "/manage/" in sent(booking, kinds.CONFIRMED_BOOKER, NOW).text


def test_links_come_from_the_configured_site_whatever_host_was_asked(
    booking: Booking, NOW: datetime, settings: object
) -> None:
    settings.SITE_URL = "https://meet.larkhill.example"  # type: ignore[attr-defined]
    mail = sent(booking, kinds.CONFIRMED_BOOKER, NOW)
    assert "https://meet.larkhill.example/b/alice-discovery-call/manage/" in mail.text
    assert "http://localhost" not in mail.text + mail.html


def test_a_cut_off_is_printed_from_the_page(booking: Booking, NOW: datetime) -> None:
    BookingLink.objects.filter(pk=booking.link_id).update(cancel_cutoff_hours=24, reschedule_cutoff_hours=24)
    assert "until Mon 7 Jan, 04:00 EST" in sent(booking, kinds.CONFIRMED_BOOKER, NOW).text
