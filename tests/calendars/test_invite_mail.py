"""The MIME form of an invite, as mail clients need it, and what the whole mail looks like."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives

from tests.calendars.test_invites import REQUEST
from workestra.calendars.domain.invites import Invite, Method, to_ics
from workestra.calendars.domain.period import Period
from workestra.calendars.invite_mail import attach_invite

SNAPSHOTS = Path(__file__).parent.parent / "snapshots"
UPDATE = replace(
    REQUEST,
    sequence=1,
    period=Period(REQUEST.period.start + timedelta(days=1), REQUEST.period.end + timedelta(days=1)),
    dtstamp=REQUEST.dtstamp + timedelta(hours=1),
    summary="Discovery Call · Käsekuchen",
)
CANCEL = replace(UPDATE, sequence=2, method=Method.CANCEL, dtstamp=REQUEST.dtstamp + timedelta(hours=2))


def mail_with(
    invite: Invite, sender: str = "Alice Okafor via Larkhill <meet@larkhill.example>"
) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        subject=f"{invite.method.title()}: Discovery Call",
        body="Thursday 12 November, 16:30 – 17:00, Berlin time (CET).\n",
        from_email=sender,
        to=["Priya Nair <priya@orchardfreight.example>"],
        headers={
            "Date": "Tue, 10 Nov 2026 09:00:01 +0000",
            "Message-ID": f"<{invite.sequence}@larkhill.example>",
        },
    )
    message.attach_alternative(
        "<p>Thursday 12 November, 16:30 – 17:00, Berlin time (CET).</p>\n", "text/html"
    )
    attach_invite(message, invite)
    return message


def wire(message: EmailMultiAlternatives) -> bytes:
    return message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]


def parsed(message: EmailMultiAlternatives) -> EmailMessage:
    return email.message_from_bytes(wire(message), policy=email.policy.default)


@pytest.mark.parametrize("invite", [REQUEST, UPDATE, CANCEL], ids=["request", "update", "cancel"])
def test_the_invite_is_the_last_alternative_and_a_file_with_the_same_bytes(invite: Invite) -> None:
    message = parsed(mail_with(invite))
    assert message.get_content_type() == "multipart/mixed"
    alternatives, file = message.iter_parts()
    assert alternatives.get_content_type() == "multipart/alternative"
    text, html, calendar = alternatives.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert calendar.get_content_type() == "text/calendar"
    assert calendar["Content-Type"].params["method"] == invite.method
    assert calendar.get_content_charset() == "utf-8"
    assert not calendar.is_attachment()
    assert (file.is_attachment(), file.get_filename()) == (True, "invite.ics")
    assert calendar.get_payload(decode=True) == file.get_payload(decode=True) == to_ics(invite)


@pytest.mark.parametrize("invite", [REQUEST, CANCEL], ids=["request", "cancel"])
def test_the_method_in_the_header_is_the_method_in_the_calendar(invite: Invite) -> None:
    (calendar,) = (
        part for part in parsed(mail_with(invite)).walk() if part.get_content_type() == "text/calendar"
    )
    method = f"METHOD:{calendar['Content-Type'].params['method']}".encode()
    assert method in calendar.get_payload(decode=True).split(b"\r\n")  # type: ignore[union-attr, arg-type]


def test_only_the_organizer_sends_invites() -> None:
    with pytest.raises(ValueError, match="does not send this mail"):
        mail_with(REQUEST, sender="Workestra <noreply@larkhill.example>")


def test_a_summary_cannot_start_a_mail_header_or_a_mime_part() -> None:
    evil = replace(
        REQUEST, summary="Hi\r\nBcc: mallory@example.com\r\n\r\n--==", description="\r\n\r\n--x\r\nX-A: b"
    )
    message = parsed(mail_with(evil))
    assert "Bcc" not in message
    assert len(list(message.walk())) == 6


@pytest.mark.parametrize(
    ("name", "invite"), [("invite_request", REQUEST), ("invite_update", UPDATE), ("invite_cancel", CANCEL)]
)
def test_the_whole_mail_is_as_agreed(name: str, invite: Invite) -> None:
    """After a change that is meant: delete the file, run this test twice, and read the difference."""
    text = wire(mail_with(invite)).decode()
    for number, boundary in enumerate(dict.fromkeys(re.findall(r'boundary="([^"]+)"', text)), start=1):
        text = text.replace(boundary, f"boundary-{number}")
    golden = SNAPSHOTS / f"{name}.eml"
    if not golden.exists():
        golden.write_bytes(text.replace("\r\n", "\n").encode())
        pytest.fail(f"{golden.name} was missing and has been written: read it, then run again")
    assert text == golden.read_text().replace("\n", "\r\n")
