"""All that is held about somebody, as a file to hand to him."""

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from bookings import storage
from bookings.models import AnswerFile, Attendee
from one_off.models import OneOff, Proposal
from workestra.accounts.domain.seals import BrokenSeal
from workestra.crm.models import Person
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import label_of
from workestra.privacy.selectors import Dossier
from workestra.sms.models import Consent


@dataclass(frozen=True, slots=True)
class Export:
    """`ending` is that of a file's name: "json", or "zip" where files go with it."""

    content: bytes
    ending: str
    content_type: str


def exported(dossier: Dossier, now: datetime) -> Export:
    """Everything of the dossier, in words a person can read; instants are in UTC."""
    held = {
        "exported_at": now,
        "addresses": sorted(dossier.addresses),
        "people": [_person(person) for person in dossier.people],
        "bookings": [_booking(attendee) for attendee in dossier.attendees],
        "one_off_meetings": [_one_off(one_off, dossier) for one_off in dossier.one_offs],
        "proposed_times": [_proposal(proposal) for proposal in dossier.proposals],
        "named_as_guest_in_bookings_of_others": dossier.guest_of,
        "messages": [_message(message) for message in dossier.messages],
        "text_message_consent": [_consent(consent) for consent in dossier.consents],
        "files": [_file(file) for file in dossier.files],
    }
    text = json.dumps(held, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2).encode()
    if not dossier.files:
        return Export(text, "json", "application/json")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("personal-data.json", text)
        for file in dossier.files:
            if (content := storage.read(file.pk)) is not None:
                archive.writestr(_path(file), content)
    return Export(packed.getvalue(), "zip", "application/zip")


def _person(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "email": person.email,
        "phone": person.phone,
        "company": person.company,
        "lifecycle_stage": person.get_lifecycle_stage_display(),
        "no_shows": person.no_show_count,
        "merged_into_another": person.merged_into_id is not None,
        "written_down_at": person.created_at,
        "activities": [
            {
                "at": each.at,
                "kind": each.get_kind_display(),
                "text": each.text,
                "by": each.author and each.author.name,
            }
            for each in person.activities.select_related("author").order_by("at")
        ],
        "opportunities": [
            {
                "title": each.title,
                "stage": each.get_stage_display(),
                "amount": each.amount,
                "currency": each.currency,
                "closes_on": each.closes_on,
                "outcome": each.get_outcome_display(),
            }
            for each in person.opportunities.order_by("created_at")
        ],
    }


def _booking(attendee: Attendee) -> dict[str, Any]:
    booking = attendee.booking
    return {
        "title": booking.title,
        "with": booking.host_names,
        "starts_at": booking.starts_at,
        "ends_at": booking.ends_at,
        "state": attendee.get_status_display(),
        "reason": attendee.reason,
        "attendance": attendee.get_no_show_status_display(),
        "booked_at": attendee.created_at,
        "name": attendee.name,
        "email": attendee.email,
        "phone": attendee.phone,
        "timezone": attendee.timezone,
        "notes": attendee.notes,
        "answers": attendee.answers,
        "guests": attendee.guests,
        "agreed_to_texts": attendee.wants_texts,
        "still_coming_said_at": attendee.reconfirmed_at,
        # Of a session with others the note is not about one of them.
        "hosts_note": "" if booking.is_group else booking.private_note,
        "other_times_offered": [
            {"message": each.message, "answer": each.answer, "state": each.get_state_display()}
            for each in booking.alternatives.all()
        ],
    }


def _one_off(one_off: OneOff, dossier: Dossier) -> dict[str, Any]:
    # He may have booked what was offered to somebody else.
    expected = [one_off.invitee_name, one_off.invitee_email] if dossier.is_offered(one_off) else None
    return {
        "title": one_off.title,
        "description": one_off.description,
        "with": one_off.host.name,
        "offered_to": expected,
        "state": one_off.get_state_display(),
        "offered_at": one_off.created_at,
        "times": [[slot.starts_at, slot.ends_at] for slot in one_off.slots.all()],
    }


def _proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "proposed_at": proposal.created_at,
        "name": proposal.name,
        "email": proposal.email,
        "phone": proposal.phone,
        "timezone": proposal.timezone,
        "message": proposal.message,
        "times": proposal.starts,
        "state": proposal.get_state_display(),
    }


def _message(message: OutboxMessage) -> dict[str, Any]:
    try:
        sent = OutboxMessage.objects.only("payload").get(pk=message.pk).mail
        said = None if sent is None else _words_of(sent, is_text=message.is_text)
    except BrokenSeal:
        said = "It can no longer be read: the key it was kept under is gone."
    return {
        "kind": label_of(message.kind),
        "to": message.recipient,
        "written_at": message.created_at,
        "sent_at": message.sent_at,
        "said": said,
    }


def _words_of(sent: bytes, *, is_text: bool) -> str:
    """Subject and text of a mail, or a text as it was handed over, without its head."""
    if is_text:
        return sent.decode().partition("\n\n")[2]
    mail = message_from_bytes(sent, _class=EmailMessage, policy=default)
    body = mail.get_body(("plain",))
    words = body.get_content() if body else mail.get_payload()
    return "\n\n".join(filter(None, [mail["Subject"], str(words).strip()]))


def _consent(consent: Consent) -> dict[str, Any]:
    return {
        "number": consent.number,
        "said": consent.get_kind_display(),
        "how": consent.get_how_display(),
        "wording": consent.wording,
        "at": consent.at,
    }


def _file(file: AnswerFile) -> dict[str, Any]:
    return {"name": file.name, "question": file.question, "bytes": file.size, "in_archive": _path(file)}


def _path(file: AnswerFile) -> str:
    """A name of its own for each file, which leads nowhere else when it is unpacked."""
    safe = "".join(letter if letter.isalnum() or letter in " ._-" else "_" for letter in file.name).lstrip(
        "."
    )
    return f"files/{file.pk}-{safe or 'file'}"
