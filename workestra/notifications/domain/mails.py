"""Reading mails back, as the local mailbox shows them."""

import email
import email.policy
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.generator import BytesGenerator
from email.message import EmailMessage, Message
from email.utils import getaddresses
from io import BytesIO

from icalendar import Calendar, InvalidCalendar, vCalAddress


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail taken apart; a part it does not have is empty."""

    message_id: str
    subject: str
    sender: str
    recipients: str
    text: str
    html: str
    ics: bytes


def to_wire(message: Message) -> bytes:
    """The mail as it goes over the wire, with CRLF line ends."""
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False).flatten(message, linesep="\r\n")
    return out.getvalue()


def read_mail(raw: bytes) -> ReadMail:
    """Take apart an RFC 5322 mail. `ics` is the part a mail client acts on (RFC 6047), as it was before encoding.

    The pictures that come with the mail are in `html` itself, as data.
    """
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return ReadMail(
        message_id=str(message["Message-ID"] or ""),
        subject=str(message["Subject"] or ""),
        sender=str(message["From"] or ""),
        recipients=str(message["To"] or ""),
        text=_text_of(message, "plain"),
        html=_with_pictures(_text_of(message, "html"), message),
        ics=next(_contents(message, "calendar"), b""),
    )


def shown_name(addresses: str) -> str:
    """The name of the first of the addresses of a header; the bare address where it has no name."""
    name, address = next(iter(getaddresses([addresses])), ("", ""))
    return name or address or addresses


def _text_of(message: EmailMessage, subtype: str) -> str:
    return next(_contents(message, subtype), b"").decode(errors="replace").replace("\r\n", "\n")


def _with_pictures(html: str, message: EmailMessage) -> str:
    """The HTML with the mail's own PNGs (RFC 2392: `cid:` and their id) in place of their names."""
    for part in message.walk():
        name, content = str(part["Content-ID"] or "").strip("<>"), part.get_payload(decode=True)
        if name and part.get_content_type() == "image/png" and isinstance(content, bytes):
            html = html.replace(f'"cid:{name}"', f'"data:image/png;base64,{b64encode(content).decode()}"')
    return html


def _contents(message: EmailMessage, subtype: str) -> Iterator[bytes]:
    for part in message.walk():
        if part.get_content_type() == f"text/{subtype}" and not part.is_attachment():
            content = part.get_payload(decode=True)
            yield content if isinstance(content, bytes) else b""


@dataclass(frozen=True, slots=True)
class ReadInvite:
    """The event of an iCalendar object, as far as people need it to see what a calendar will do with the mail."""

    method: str
    uid: str
    sequence: int
    start: datetime
    end: datetime
    organizer: str
    attendees: tuple[str, ...]
    location: str
    status: str


def read_invite(ics: bytes) -> ReadInvite | None:
    """The first VEVENT of `ics`; None when there is none, or one without the properties named above."""
    try:
        calendar = Calendar.from_ical(ics)
        event = calendar.events[0]
        start, end = event.start, event.end
    except (ValueError, IndexError, InvalidCalendar):
        return None
    if not (isinstance(start, datetime) and isinstance(end, datetime) and event.organizer):
        return None
    return ReadInvite(
        method=str(calendar.get("METHOD", "")),
        uid=event.uid,
        sequence=event.sequence,
        start=start,
        end=end,
        organizer=_organizer(event.organizer),
        attendees=tuple(_attendee(attendee) for attendee in event.attendees),
        location=event.location or "",
        status=str(event.get("STATUS", "")),
    )


def _organizer(address: vCalAddress) -> str:
    return ", ".join(filter(None, (address.params.get("CN", ""), f"mailto:{address.email}")))


def _attendee(address: vCalAddress) -> str:
    asked = "RSVP" if address.params.get("RSVP") == "TRUE" else ""
    name = address.params.get("CN") or address.email
    return ", ".join(filter(None, (name, address.params.get("PARTSTAT", ""), asked)))


@dataclass(frozen=True, slots=True)
class Row:
    """One property of an invite, and what it was in the invite before (None: the same, or there was none)."""

    name: str
    value: str
    was: str | None = None
    instant: datetime | None = None
    length: timedelta | None = None


def invite_rows(invite: ReadInvite, before: ReadInvite | None) -> list[Row]:
    """The invite property by property, each beside its value in `before`; empty ones are left out."""
    rows = []
    for name, value_of in _PROPERTIES.items():
        value = value_of(invite)
        was = value_of(before) if before else value
        if value or was:
            rows.append(
                Row(
                    name,
                    value,
                    was if was != value else None,
                    instant=invite.start if name == "DTSTART" else None,
                    length=_whole_minutes(invite.end - invite.start) if name == "DTEND" else None,
                )
            )
    return rows


_PROPERTIES: dict[str, Callable[[ReadInvite], str]] = {
    "METHOD": lambda invite: invite.method,
    "UID": lambda invite: invite.uid,
    "SEQUENCE": lambda invite: str(invite.sequence),
    "DTSTART": lambda invite: _utc(invite.start),
    "DTEND": lambda invite: _utc(invite.end),
    "ORGANIZER": lambda invite: invite.organizer,
    "ATTENDEE": lambda invite: "; ".join(invite.attendees),
    "LOCATION": lambda invite: invite.location,
    "STATUS": lambda invite: invite.status,
}


def _whole_minutes(length: timedelta) -> timedelta | None:
    return None if length % timedelta(minutes=1) or length < timedelta(0) else length


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
