"""Erasing somebody, and answers that are old. What is held where is in docs/privacy.md."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction

from bookings.domain.lifecycle import BookingClosed
from bookings.services import booking as bookings
from bookings.services import erasing
from one_off import services as one_offs
from one_off.services import AlreadyBooked, OneOffExpired
from one_off.services import erasing as one_off_erasing
from workestra.accounts.models import Membership
from workestra.audit import services as audit
from workestra.audit.erasing import ERASED
from workestra.crm import meetings
from workestra.crm import services as crm
from workestra.crm.models import Person
from workestra.notifications import services as outbox
from workestra.privacy import selectors
from workestra.privacy.models import Retention
from workestra.privacy.selectors import Dossier
from workestra.sms import services as sms

BATCH: Final = 200


class NothingHeld(Exception):
    """Nobody here has this address."""


class DossierChanged(Exception):
    """What is held is no longer what was shown."""


class StillToMeet(Exception):
    """He has meetings to come, or times are offered to him, and nobody has said that they are to be cancelled."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased."""

    bookings: int
    cancelled: int
    messages: int
    files: int


def erase(*, email: str, cancel: bool, token: str, by: Membership, now: datetime) -> Erased:
    """Erase whoever has this address. Nobody can undo it.

    Meetings to come are cancelled first, and times that are offered to him withdrawn, if `cancel` says so: each in a
    transaction of its own, whose mails to him go out only if a worker has them before he is erased. `token` is that of
    the dossier that was shown.

    Raises: NothingHeld; DossierChanged; StillToMeet; TryAgain. What was cancelled by then stays cancelled.
    """
    shown = selectors.dossier(by.workspace_id, email)
    _ensure_as_shown(shown, token)
    upcoming, offered = shown.upcoming(now), shown.offered(now)
    if (upcoming or offered) and not cancel:
        raise StillToMeet
    for attendee in upcoming:
        with suppress(BookingClosed):
            bookings.cancel_attendee(attendee=attendee, reason="", actor=by.user, now=now)
    for one_off in offered:
        with suppress(AlreadyBooked, OneOffExpired):
            one_offs.withdraw(one_off=one_off, actor=by.user, now=now)
    with transaction.atomic():
        held = _held(by.workspace_id, email)
        _ensure_as_shown(held, token)
        if held.upcoming(now) or held.offered(now):
            raise StillToMeet
        done = Erased(
            bookings=len(held.attendees),
            cancelled=len(upcoming),
            messages=len(held.messages),
            files=len(held.files),
        )
        _erase(held, now)
        audit.record(
            workspace_id=by.workspace_id,
            action="person.erased",
            target_type="person",
            target_id=held.person.pk if held.person else uuid4(),
            target_name=ERASED,
            at=now,
            actor=by.user,
            detail={"bookings": done.bookings, "messages": done.messages, "files": done.files},
        )
    return done


def note_export(*, dossier: Dossier, by: Membership, now: datetime) -> None:
    """Write down that somebody's data were handed out; whose, only while he is not erased."""
    audit.record(
        workspace_id=by.workspace_id,
        action="person.exported",
        target_type="person",
        target_id=dossier.person.pk if dossier.person else uuid4(),
        # Found again when he is erased, also where he is nobody's person: by the person's key, or by the address.
        target_name=dossier.person.name if dossier.person else min(dossier.addresses),
        at=now,
        actor=by.user,
    )


def keep_answers_for(*, days: int | None, by: Membership, now: datetime) -> None:
    """From now on answers are erased so many days after the meeting; with None they are kept."""
    with transaction.atomic():
        before = selectors.retention_of(by.workspace_id)
        if before == days:
            return
        if days is None:
            Retention.objects.filter(workspace=by.workspace_id).delete()
        else:
            Retention.objects.update_or_create(workspace_id=by.workspace_id, defaults={"days": days})
        audit.record(
            workspace_id=by.workspace_id,
            action="privacy.saved",
            target_type="privacy",
            target_id=by.workspace_id,
            target_name="How long answers are kept",
            at=now,
            actor=by.user,
            before={"days": before},
            after={"days": days},
        )


def erase_old_answers(now: datetime) -> int:
    """Erase the answers that every workspace has kept for as long as it wants to; gives of how many attendees.

    Found by what the rows say: a run that was missed makes them later, a second one finds nothing.
    """
    erased = 0
    for workspace_id in Retention.objects.order_by("pk").values_list("workspace_id", flat=True):
        while batch := _erase_batch(workspace_id, now):
            erased += batch
    return erased


def _erase_batch(workspace_id: UUID, now: datetime) -> int:
    with transaction.atomic():
        # Two runs at once do each workspace one after the other, and a change of the setting waits for a batch.
        retention = Retention.objects.select_for_update().filter(workspace=workspace_id).first()
        if retention is None:
            return 0
        over = selectors.answers_over(retention, now, BATCH)
        meetings.hold({attendee.booking_id for attendee in over})
        count = erasing.erase_answers(over, now)
        if count:
            audit.record(
                workspace_id=workspace_id,
                action="privacy.answers_erased",
                target_type="privacy",
                target_id=workspace_id,
                target_name="Answers that were old",
                at=now,
                detail={"bookers": count, "days": retention.days},
            )
        return count


def _ensure_as_shown(dossier: Dossier, token: str) -> None:
    if dossier.is_empty:
        raise NothingHeld
    if dossier.token != token:
        raise DossierChanged


def _held(workspace_id: UUID, email: str) -> Dossier:
    """The dossier, with its meetings and people held until the transaction ends: meetings first, as whoever books
    holds them. What came before they were held makes it another one than was shown."""
    found = selectors.dossier(workspace_id, email)
    # Those that name him as a guest as well: who moves one takes its guests along.
    meetings.hold({attendee.booking_id for attendee in (*found.attendees, *found.named_in)})
    people = Person.objects.select_for_update(of=("self",)).filter(pk__in=[one.pk for one in found.people])
    list(people.order_by("pk"))
    return selectors.dossier(workspace_id, email)


def _erase(held: Dossier, now: datetime) -> None:
    traces, numbers = held.traces, held.numbers
    bookings_of_him = {attendee.booking_id for attendee in held.attendees}
    topics = erasing.topics_of(held.attendees) | {
        attendee.pk: (attendee.email, *attendee.guests) for attendee in held.attendees
    }
    topics |= {person.pk: () for person in held.people}
    topics |= one_off_erasing.erase(one_offs=held.one_offs, proposals=held.proposals, traces=traces, now=now)
    erasing.erase_people(held.attendees, traces, now)
    erasing.erase_as_guest(held.named_in, held.addresses)
    topics = erasing.topics_of(held.named_in) | topics
    # A member is written to as a host as well: those mails are the workspace's own.
    to = set() if held.is_member else held.addresses
    messages = outbox.erase(about=topics, to=to, workspace_id=held.workspace_id, now=now)
    sms.erase(numbers=numbers, booking_ids=bookings_of_him, message_ids=messages, now=now)
    crm.erase(held.people)
    audit.erase(
        workspace_id=held.workspace_id,
        traces=traces,
        person_ids={person.pk for person in held.people},
        about={*bookings_of_him, *(each.pk for each in held.one_offs), *messages},
        elsewhere=not held.is_member,
    )
