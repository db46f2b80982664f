"""Taking people out of bookings, and the answers they gave. Both by an admin and by the passing of time.

Everything happens in the caller's transaction. What was mailed about a booking told of the same, so it goes as well:
of a message only when it was sent and whether it arrived is kept.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from django.db import transaction

from bookings import storage
from bookings.models import Alternatives, AnswerFile, Attendee, Booking, RetiredToken, WorkflowRun
from scheduling.services import busy_time
from workestra.accounts.domain.tokens import token_hash
from workestra.audit.erasing import ERASED, Traces
from workestra.calendars import erasing as calendars
from workestra.crm.domain.addresses import normalized_email
from workestra.notifications import services as outbox
from workestra.sms import services as sms


def erase_answers(attendees: Sequence[Attendee], now: datetime) -> int:
    """Erase what these attendees answered and wrote, with their files; gives how many there were.

    What was sent about their bookings is no longer kept, and the hosts' calendars are written anew.
    """
    by_workspace: dict[UUID, list[Attendee]] = {}
    for attendee in attendees:
        by_workspace.setdefault(attendee.booking.workspace_id, []).append(attendee)
    for workspace_id, theirs in by_workspace.items():
        _erase_answers(theirs, now)
        messages = outbox.erase(about=topics_of(theirs), to=(), workspace_id=workspace_id, now=now)
        sms.erase(numbers=(), booking_ids=(), message_ids=messages, now=now)
        calendars.write_anew({attendee.booking.series_id for attendee in theirs})
    return len(attendees)


def erase_people(attendees: Sequence[Attendee], traces: Traces, now: datetime) -> None:
    """Make these attendees "Erased person": nobody can tell who they were, and their pages are there no longer.

    When and with whom the meeting was, and whether they came, is kept. None of them may be to come. What was mailed
    about them is for whoever calls, who knows where else they were written to.
    """
    _erase_answers(attendees, now)
    for attendee in attendees:
        # By whom it went to: the step may be for somebody else since.
        WorkflowRun.objects.filter(attendee=attendee, recipient=attendee.email).update(recipient="")
        Attendee.objects.filter(pk=attendee.pk).update(
            person=None,
            name=ERASED,
            email="",
            phone="",
            guests=[],
            wants_texts=False,
            reason="",
            # Nobody ever had the token of this hash.
            manage_token_hash=token_hash(secrets.token_urlsafe(32)),
            idempotency_key=uuid4(),
        )
    RetiredToken.objects.filter(attendee__in=attendees).delete()
    for booking in Booking.objects.filter(attendees__in=attendees).distinct():
        _erase_from_booking(booking, traces)
    calendars.erase({attendee.booking.series_id for attendee in attendees}, traces)


def erase_as_guest(attendees: Sequence[Attendee], addresses: Collection[str]) -> None:
    """Take these normalized addresses from among the guests of others, whose bookings are held by whoever calls."""
    for attendee in attendees:
        left = [guest for guest in attendee.guests if normalized_email(guest) not in addresses]
        Attendee.objects.filter(pk=attendee.pk).update(guests=left)


def topics_of(attendees: Sequence[Attendee]) -> dict[UUID, tuple[str, ...]]:
    """What is written about these attendees' bookings is about, as `outbox.erase` takes it."""
    bookings = {attendee.booking_id for attendee in attendees}
    offers = Alternatives.objects.filter(booking__in=bookings).values_list("pk", flat=True)
    nobody: tuple[str, ...] = ()
    return dict.fromkeys([*bookings, *offers, *(attendee.pk for attendee in attendees)], nobody)


def _erase_answers(attendees: Sequence[Attendee], now: datetime) -> None:
    Attendee.objects.filter(pk__in=[attendee.pk for attendee in attendees]).update(
        answers=[], notes="", answers_erased_at=now
    )
    files = AnswerFile.objects.filter(series_id__in={attendee.series_id for attendee in attendees})
    keys = list(files.values_list("pk", flat=True))
    files.delete()
    if keys:
        # Bytes that stay behind, as when the process dies, have no row: the hourly sweep finds them.
        transaction.on_commit(partial(storage.remove, keys))


def _erase_from_booking(booking: Booking, traces: Traces) -> None:
    others = booking.attendees.exclude(email="").exists()
    note = traces.out_of(booking.private_note) if others else ""
    Booking.objects.filter(pk=booking.pk).update(private_note=note, mail_error="")
    if booking.is_group:
        # Its title and place are its page's, and everybody's: no name that somebody typed takes a word out of them.
        return
    busy_time.relabel(booking.pk, traces.out_of)
    Booking.objects.filter(pk=booking.pk).update(
        title=traces.out_of(booking.title)[:120],
        location_detail=traces.out_of(booking.location_detail)[:300],
    )
    booking.alternatives.update(message="", answer="")
