"""Invitations as other calendars read them: iCalendar (RFC 5545) objects with an iTIP method (RFC 5546).

One invite is one VEVENT. Times are written in UTC ("Z") without a VTIMEZONE: readers disagree about zones
written by value, never about instants.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, urlsplit
from uuid import UUID

from icalendar import Alarm, Calendar, Event, vCalAddress, vUri

from workestra.calendars.domain.period import Period

PRODID = "-//Workestra//Workestra Scheduling//EN"

_LINE_BREAKS = {"\r", "\v", "\f", "\x85", "\u2028", "\u2029"}
# RFC 6068 section 2: everything else in the local part or the domain is percent-encoded in a mailto URI.
_MAILTO_SAFE = "@!$'*+"


class Method(StrEnum):
    """What the receiver is asked to do with the event (RFC 5546 section 1.4)."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    PUBLISH = "PUBLISH"


class Role(StrEnum):
    """RFC 5545 section 3.2.16."""

    CHAIR = "CHAIR"
    REQUIRED = "REQ-PARTICIPANT"
    OPTIONAL = "OPT-PARTICIPANT"


class ParticipationStatus(StrEnum):
    """RFC 5545 section 3.2.12, the values of a VEVENT."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"


@dataclass(frozen=True, slots=True)
class Organizer:
    """Who sends the invite: `email` must be the From address of the mail, and the same from first to last."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Attendee:
    name: str
    email: str
    role: Role = Role.REQUIRED
    status: ParticipationStatus = ParticipationStatus.NEEDS_ACTION


@dataclass(frozen=True, slots=True)
class Invite:
    """One message about one event.

    `uid` stays for the life of the event, `sequence` rises with every change and with the cancellation. `url`
    is a page about the event, `conference_url` the address to join it at; each is written only when it is
    http(s). `reminder` is how long before the start a calendar should speak up.

    Raises ValueError where RFC 5546 section 3.2 forbids the message: a REQUEST without attendees, a PUBLISH
    with attendees, a negative sequence; also for an empty `uid`, a naive `dtstamp`, an address that cannot be
    one, a period that is empty once cut to whole seconds, and a reminder that is not before the start.
    """

    uid: str
    sequence: int
    method: Method
    period: Period
    summary: str
    organizer: Organizer
    dtstamp: datetime
    attendees: tuple[Attendee, ...] = ()
    description: str = ""
    location: str = ""
    url: str = ""
    conference_url: str = ""
    reminder: timedelta | None = None

    def __post_init__(self) -> None:
        if not clean_line(self.uid):
            raise ValueError("an invite needs a UID")
        if self.sequence < 0:
            raise ValueError(f"SEQUENCE cannot be {self.sequence}")
        if self.method is Method.REQUEST and not self.attendees:
            raise ValueError("a REQUEST needs at least one attendee")
        if self.method is Method.PUBLISH and self.attendees:
            raise ValueError("a PUBLISH cannot name attendees")
        if self.dtstamp.utcoffset() is None:
            raise ValueError("DTSTAMP must be an aware datetime")
        if self.period.start.replace(microsecond=0) >= self.period.end.replace(microsecond=0):
            raise ValueError(f"an event cannot last {self.period.end - self.period.start}")
        if self.reminder is not None and self.reminder < timedelta(0):
            raise ValueError("a reminder cannot come after the start")
        for address in (self.organizer.email, *(attendee.email for attendee in self.attendees)):
            _mailto(address)


def invite_uid(series_id: UUID, host: str) -> str:
    """The UID of every invite of one series: globally unique by the id, kept the same through reschedules.

    `host` is the installation's host name, without a port (RFC 7986 section 5.3).
    """
    return f"{series_id}@{host}"


def clean_text(text: str) -> str:
    """`text` without what a calendar may not get (RFC 5545 section 3.1), surrounding blanks removed.

    Every kind of line break (CR, CRLF, VT, FF, NEL, U+2028, U+2029) becomes "\\n"; tabs stay; other control
    characters, lone surrogates and byte order marks go.
    """
    text = text.replace("\r\n", "\n")
    broken = "".join("\n" if char in _LINE_BREAKS else char for char in text)
    return "".join(char for char in broken if char in "\n\t" or not _is_unprintable(char)).strip()


def clean_line(text: str) -> str:
    """`clean_text` on one line: every run of blanks and line breaks is one space."""
    return " ".join(clean_text(text).split())


def common_name(name: str) -> str:
    """A person's name as a CN parameter carries it: one line, and "/" for every backslash.

    A backslash means nothing in a parameter (RFC 5545 section 3.2), but readers take it for an escape, and with one
    at the end they lose the address behind the name.
    """
    return clean_line(name).replace("\\", "/")


def web_url(url: str) -> str:
    """`url` when a calendar may show it as a link (http or https, a host, no blanks or quotes), else ""."""
    if any(char in '"<>\\' or char.isspace() or _is_unprintable(char) for char in url):
        return ""
    try:
        parts = urlsplit(url)
        return url if parts.scheme in {"http", "https"} and parts.hostname else ""
    except ValueError:
        return ""


def _is_unprintable(char: str) -> bool:
    return char == "\ufeff" or unicodedata.category(char) in {"Cc", "Cs"}


def to_ics(invite: Invite) -> bytes:
    """The iCalendar object: UTF-8, CRLF, no line longer than 75 octets (RFC 5545 section 3.1)."""
    calendar = _calendar(invite.method)
    calendar.add_component(_event(invite))
    ics: bytes = calendar.to_ical()
    return ics


def to_feed(invites: Iterable[Invite], name: str) -> bytes:
    """Events to be read again and again, as one object in the same form; `name` is what readers call it."""
    calendar = _calendar(Method.PUBLISH)
    name = clean_line(name)
    # RFC 7986 sections 5.1 and 5.7; the others are what Apple's, Google's and Microsoft's readers go by.
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for invite in invites:
        calendar.add_component(_event(replace(invite, method=Method.PUBLISH, attendees=())))
    ics: bytes = calendar.to_ical()
    return ics


def _event(invite: Invite) -> Event:
    cancelled = invite.method is Method.CANCEL
    event = Event()
    event.add("uid", clean_line(invite.uid))
    event.add("dtstamp", invite.dtstamp.astimezone(UTC))
    event.add("dtstart", invite.period.start)
    event.add("dtend", invite.period.end)
    event.add("sequence", invite.sequence)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE")
    event.add("summary", clean_line(invite.summary))
    if description := clean_text(invite.description):
        event.add("description", description)
    if location := clean_line(invite.location):
        event.add("location", location)
    if url := web_url(invite.url):
        event.add("url", vUri(url))
    if url := web_url(invite.conference_url):
        # RFC 7986 section 5.11.
        event.add(
            "conference", vUri(url, params={"VALUE": "URI", "FEATURE": ["AUDIO", "VIDEO"], "LABEL": "Join"})
        )
    event.add("organizer", _address(invite.organizer.email, invite.organizer.name))
    for attendee in invite.attendees:
        event.add("attendee", _attendee(attendee, invite.method))
    if invite.reminder is not None and not cancelled:
        event.add_component(_reminder(invite.reminder, clean_line(invite.summary)))
    return event


def _calendar(method: Method) -> Calendar:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODID)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method.value)
    return calendar


def _mailto(email: str) -> str:
    local, _, domain = email.rpartition("@")
    if not local or not domain or any(char.isspace() or _is_unprintable(char) for char in email):
        raise ValueError(f"not a mail address: {email!r}")
    return f"mailto:{quote(email, safe=_MAILTO_SAFE)}"


def _address(email: str, name: str, **params: str) -> vCalAddress:
    shown = common_name(name)
    return vCalAddress(_mailto(email), params={"CN": shown, **params} if shown else dict(params))


def _attendee(attendee: Attendee, method: Method) -> vCalAddress:
    asked = method is Method.REQUEST and attendee.status is ParticipationStatus.NEEDS_ACTION
    return _address(
        attendee.email,
        attendee.name,
        CUTYPE="INDIVIDUAL",
        ROLE=attendee.role.value,
        PARTSTAT=attendee.status.value,
        **({"RSVP": "TRUE"} if asked else {}),
    )


def _reminder(before: timedelta, summary: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", -before)
    return alarm
