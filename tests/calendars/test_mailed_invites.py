"""A booking's mails at a real CalDAV server: the event comes, moves in place, and goes, as calendar programs do it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import pairwise
from uuid import uuid4

import pytest
import requests
from icalendar import Calendar, Event
from lxml import etree

from bookings.models import Attendee
from bookings.services import booking as service
from bookings.services import hosting
from scheduling.models import BookingLink
from tests.factories import make_booking
from workestra.accounts.models import Membership
from workestra.notifications.domain.mails import to_wire
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db

DAV = {"d": "DAV:", "c": "urn:ietf:params:xml:ns:caldav"}
FIND = """<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
<d:prop><d:getetag/><c:calendar-data/></d:prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">{}</c:comp-filter></c:comp-filter></c:filter>
</c:calendar-query>"""
BY_UID = '<c:prop-filter name="UID"><c:text-match>{}</c:text-match></c:prop-filter>'


@dataclass
class CalendarProgram:
    """What a mail program does with invitations (RFC 5546, 3.2; RFC 4791, 4.1 and 5.3), on a calendar of its own."""

    server: str
    folder: str = field(default_factory=lambda: f"alice/{uuid4()}/")
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.auth = ("alice", "wonderland")
        assert self._ask("MKCALENDAR", self.folder).status_code == 201

    def receive(self, mail: EmailMessage) -> None:
        """Act on the invitation in the mail: an event of the same UID is replaced by a newer one, or goes."""
        (part,) = (part for part in mail.walk() if part.get_content_type() == "text/calendar")
        told = Calendar.from_ical(part.get_payload(decode=True))
        assert part["Content-Type"].params["method"] == told["METHOD"]
        (event,) = told.events
        method = str(told.pop("METHOD"))  # What is stored has none.
        known = self._with_uid(event.uid)
        if method == "CANCEL":
            assert event["STATUS"] == "CANCELLED"
            for href, etag, stored in known:
                assert event.sequence > stored.sequence
                assert self._ask("DELETE", href, {"If-Match": etag}).status_code in {200, 204}
            return
        if not known:
            href, condition = f"/{self.folder}{uuid4()}.ics", {"If-None-Match": "*"}
        else:
            ((href, etag, stored),) = known
            if event.sequence <= stored.sequence:
                return
            condition = {"If-Match": etag}
        headers = {"Content-Type": "text/calendar; charset=utf-8"} | condition
        assert self._ask("PUT", href, headers, told.to_ical()).status_code in {201, 204}

    def events(self) -> list[tuple[str, Event]]:
        """Everything in the calendar, with its address."""
        return [(href, event) for href, _etag, event in self._found(FIND.format(""))]

    def _with_uid(self, uid: str) -> list[tuple[str, str, Event]]:
        return self._found(FIND.format(BY_UID.format(uid)))

    def _found(self, query: str) -> list[tuple[str, str, Event]]:
        answer = self._ask("REPORT", self.folder, {"Depth": "1"}, query.encode())
        assert answer.status_code == 207
        found = []
        for response in etree.fromstring(answer.content).findall("d:response", DAV):
            data = response.findtext(".//c:calendar-data", "", DAV)
            (event,) = Calendar.from_ical(data).events
            href = response.findtext("d:href", "", DAV)
            found.append((href, response.findtext(".//d:getetag", "", DAV), event))
        return found

    def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> requests.Response:
        address = f"{self.server}{path.lstrip('/')}"
        return self.session.request(method, address, data=body, headers=headers, timeout=10)


def mails_to(recipient: str, now: datetime) -> list[EmailMessage]:
    """The mails with invitations that the outbox owes him and has not told yet, oldest first, as they are delivered."""
    found = []
    for message in OutboxMessage.objects.filter(recipient=recipient, sent_at=None).order_by("seq", "kind"):
        mail = renderer_of(message.kind)(message, now)
        if isinstance(mail, Skip):
            continue
        OutboxMessage.objects.filter(pk=message.pk).update(sent_at=now)
        read = message_from_bytes(to_wire(mail.message()), policy=policy.default)
        assert isinstance(read, EmailMessage)
        if any(part.get_content_type() == "text/calendar" for part in read.walk()):
            found.append(read)
    return found


@pytest.fixture
def attendee(link: BookingLink, NOW: datetime) -> Attendee:
    hostile = "Priya; DTSTART:20200101,\\n “Raman”"
    return make_booking(link, NOW + timedelta(days=1), NOW, name=hostile, notes="a\r\nUID:evil").booker


@pytest.mark.parametrize("reader", ["booker", "host"])
def test_the_event_comes_moves_in_place_twice_and_goes(
    radicale: str, attendee: Attendee, alice: Membership, NOW: datetime, reader: str
) -> None:
    program = CalendarProgram(radicale)
    recipient = attendee.email if reader == "booker" else alice.user.email
    other_event = CalendarProgram(radicale)
    told: list[EmailMessage] = []

    def deliver(now: datetime) -> None:
        mails = mails_to(recipient, now)
        assert len(mails) == 1, "each change is told once"
        for mail in mails:
            told.append(mail)
            program.receive(mail)
            program.receive(mail)  # A second copy changes nothing.

    deliver(NOW)
    ((place, event),) = program.events()
    assert event["DTSTART"].dt == attendee.booking.starts_at
    moved = service.reschedule(attendee=attendee, start=NOW + timedelta(days=2), now=NOW)
    deliver(NOW)
    ((same_place, event),) = program.events()
    assert (same_place, event["DTSTART"].dt) == (place, NOW + timedelta(days=2))
    proposed = hosting.propose(
        booking=moved.booking, start=NOW + timedelta(days=3), message="", actor=alice.user, now=NOW
    )
    deliver(NOW)
    ((same_place, event),) = program.events()
    assert (same_place, event["DTSTART"].dt) == (place, NOW + timedelta(days=3))
    service.cancel_by_host(booking=proposed, reason="Ill", actor=alice.user, now=NOW)
    deliver(NOW)
    assert program.events() == other_event.events() == []
    program.receive(told[0])
    assert len(program.events()) == 1, "the control: without its cancellation the first invitation stands"

    events = [_event_in(mail) for mail in told]
    assert len({event.uid for event in events}) == 1
    assert all(one.sequence < next_one.sequence for one, next_one in pairwise(events))
    assert len({str(event.organizer) for event in events}) == 1
    assert len({str(mail["From"]) for mail in told}) == 1 or reader == "host"


def _event_in(mail: EmailMessage) -> Event:
    (part,) = (part for part in mail.walk() if part.get_content_type() == "text/calendar")
    return Calendar.from_ical(part.get_payload(decode=True)).events[0]
