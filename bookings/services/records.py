"""The rows of bookings and their attendees: written here, for services that hold the hosts' time already."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from bookings.domain.lifecycle import Change
from bookings.domain.locations import LINK_MADE
from bookings.models import Alternatives, Attendee, Booking, RetiredToken
from bookings.placeholders import renew_placeholders
from bookings.selectors import MANAGE
from bookings.services import answer_files
from scheduling.models import BookingLink, BusyTime
from scheduling.services.busy_time import Claim, LockedHosts, TryAgain
from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import User
from workestra.audit import services as audit
from workestra.calendars.domain.period import Period
from workestra.crm import services as crm
from workestra.sms import services as sms


@dataclass(frozen=True, slots=True)
class Booker:
    """What somebody typed to book. `answers` is a list of `{"label", "answer"}` in the form's order.

    `guests` are addresses of others who get the invitation, at most `MOST_GUESTS`. `texts` are the words by which he
    agreed to be texted at `phone`, which is in E.164 then; "" when he did not.
    """

    name: str
    email: str
    timezone: str
    phone: str = ""
    notes: str = ""
    answers: Sequence[dict[str, Any]] = ()
    guests: Sequence[str] = ()
    texts: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A meeting about to be entered: everything of its row that is known before the hosts' time is taken."""

    workspace_id: UUID
    hosts: Sequence[User]
    period: Period
    title: str
    strategy: str
    timezone: str
    page_slug: str
    location_type: str = ""
    location_detail: str = ""
    capacity: int = 1
    link: BookingLink | None = None
    receipt: dict[str, Any] | None = None
    reminder: bool = True
    id: UUID = field(default_factory=uuid4)


def open_booking(locked: LockedHosts, draft: Draft, now: datetime) -> Booking:
    """Take the hosts' time and write the booking, which counts its first attendee already."""
    link = draft.link
    booking = Booking(
        id=draft.id,
        workspace_id=draft.workspace_id,
        link=link,
        host=draft.hosts[0],
        title=draft.title,
        strategy=draft.strategy,
        starts_at=draft.period.start,
        ends_at=draft.period.end,
        timezone=draft.timezone,
        location_type=draft.location_type,
        location_detail="" if draft.location_type in LINK_MADE else draft.location_detail,
        capacity=draft.capacity,
        page_slug=draft.page_slug,
        buffer_before_minutes=link.buffer_before_minutes if link else 0,
        buffer_after_minutes=link.buffer_after_minutes if link else 0,
        assignment_receipt=draft.receipt,
        created_at=now,
    )
    take_time(locked, booking, draft.hosts)
    return booking


def move_booking(
    locked: LockedHosts,
    booking: Booking,
    period: Period,
    hosts: Sequence[User],
    now: datetime,
    *,
    terms: BookingLink | None = None,
) -> Booking:
    """Take the hosts' time at another period in place of the booking's; gives its successor there.

    It is held on the `terms` its link has now, or without any on those it was booked on. Raises: SlotTaken.
    """
    locked.free(booking.pk)
    moved = Booking.objects.get(pk=booking.pk)
    moved.pk = uuid4()
    moved._state.adding = True
    moved.host = hosts[0]
    moved.starts_at, moved.ends_at = period.start, period.end
    moved.briefing_sent_at = None
    moved.mails_sent = moved.mails_failed = moved.mail_attempts = 0
    moved.mail_error = ""
    moved.ics_sequence = booking.ics_sequence + 1
    if terms is not None:
        moved.strategy = terms.strategy
        moved.capacity = terms.capacity
        moved.buffer_before_minutes = terms.buffer_before_minutes
        moved.buffer_after_minutes = terms.buffer_after_minutes
    moved.created_at = now
    end(booking, booking.after(Change.MOVE, now), now)
    take_time(locked, moved, hosts)
    return moved


def take_time(locked: LockedHosts, booking: Booking, hosts: Sequence[User]) -> None:
    """Take the booking's time of all its hosts, and write it, new as it is. Raises: SlotTaken."""
    locked.take(claims_of(booking, hosts))
    booking.save(force_insert=True)
    if len(hosts) > 1:
        booking.co_hosts.set(hosts[1:])


def claims_of(booking: Booking, hosts: Sequence[User]) -> list[Claim]:
    """The time that the booking takes of these hosts."""
    return [
        Claim(
            workspace_id=booking.workspace_id,
            host_id=host.pk,
            period=booking.period,
            kind=BusyTime.Kind.BOOKING,
            owner_key=booking.pk,
            label=booking.title,
            link_id=booking.link_id,
            buffer_before_minutes=booking.buffer_before_minutes,
            buffer_after_minutes=booking.buffer_after_minutes,
            seats_taken=booking.attendee_count if booking.is_group else None,
        )
        for host in hosts
    ]


def end(booking: Booking, status: Booking.Status, now: datetime) -> None:
    """Write that the booking stands no more: it is in this state from now on."""
    close_alternatives(booking, Alternatives.State.OVERTAKEN, now)
    booking.status = status
    booking.ended_at = now
    booking.attendee_count = 0
    booking.save(update_fields=["status", "ended_at", "attendee_count", "ics_sequence"])


def close_alternatives(booking: Booking, state: Alternatives.State, now: datetime) -> None:
    """Other times that its booker could pick are offered no more, and leave the hosts' calendars.

    Whoever calls gives back what is held of them.
    """
    open_ones = Alternatives.objects.filter(booking=booking, state=Alternatives.State.OPEN)
    if open_ones.update(state=state, closed_at=now):
        renew_placeholders([booking.pk])


def leave(attendee: Attendee, status: Booking.Status, now: datetime) -> None:
    """Write that the attendee comes no more, with by whom and why as they are set."""
    attendee.status = status
    attendee.ended_at = now
    attendee.save(update_fields=["status", "ended_at", "ended_by", "ended_by_user", "reason", "ics_sequence"])


def admit(booking: Booking, booker: Booker, key: UUID, now: datetime) -> Attendee:
    """Write the booker as an attendee of a booking that counts him already."""
    attendee_id = uuid4()
    attendee = Attendee.objects.create(
        id=attendee_id,
        booking=booking,
        person=crm.match_or_create(
            workspace_id=booking.workspace_id,
            email=booker.email,
            name=booker.name,
            phone=booker.phone,
            now=now,
        ),
        name=booker.name,
        email=booker.email,
        phone=booker.phone,
        timezone=booker.timezone,
        notes=booker.notes,
        answers=list(booker.answers),
        guests=list(booker.guests),
        wants_texts=bool(booker.texts),
        series_id=uuid4() if booking.is_group else booking.series_id,
        manage_token_hash=token_hash(tokens.issue(MANAGE, attendee_id)),
        idempotency_key=key,
        created_at=now,
    )
    if booker.texts:
        sms.agree(
            workspace_id=booking.workspace_id,
            number=booker.phone,
            wording=booker.texts,
            booking_id=booking.pk,
            now=now,
        )
    answer_files.attach(
        file_ids=[UUID(answer["file"]) for answer in attendee.answers if "file" in answer],
        series_id=attendee.series_id,
    )
    return attendee


def attendee_at(booking: Booking, previous: Attendee, timezone: str, now: datetime) -> Attendee:
    """Who attended another booking, as an attendee of this one. His old manage token is replaced."""
    retire_token(previous, now)
    moved = Attendee.objects.get(pk=previous.pk)
    moved.pk = uuid4()
    moved._state.adding = True
    moved.booking = booking
    moved.status = Booking.Status.CONFIRMED
    moved.ended_at = None
    moved.ended_by = moved.reason = ""
    moved.ended_by_user = None
    moved.reconfirmed_at = None
    moved.timezone = timezone or previous.timezone
    moved.ics_sequence = previous.ics_sequence + 1
    moved.manage_token_generation = 0
    moved.manage_token_hash = token_hash(tokens.issue(MANAGE, moved.pk))
    moved.idempotency_key = uuid4()
    moved.created_at = now
    moved.save(force_insert=True)
    return moved


def retire_token(attendee: Attendee, now: datetime) -> None:
    """Remember the attendee's token as one that was replaced."""
    RetiredToken.objects.create(token_hash=attendee.manage_token_hash, attendee=attendee, retired_at=now)


def link_locked(link_id: UUID | None) -> BookingLink | None:
    """The link as it is now, kept from being changed or deleted until the booking that names it is committed.

    Always after the hosts: who changes links never waits for a host.
    """
    if link_id is None:
        return None
    return BookingLink.objects.select_for_update(no_key=True).filter(pk=link_id).first()


def booking_locked(booking_id: UUID, locked: LockedHosts | None = None) -> Booking:
    """The booking as it is now. Whoever changes it or one of its attendees holds its row.

    Raises: TryAgain when it has got a host meanwhile who is not among those `locked` for it.
    """
    bookings = Booking.objects.select_for_update(no_key=True, of=("self",)).select_related("link", "host")
    booking = bookings.get(pk=booking_id)
    if locked is not None and not all(host_id in locked for host_id in booking.host_ids):
        raise TryAgain
    return booking


def attendee_locked(attendee: Attendee, locked: LockedHosts | None = None) -> Attendee:
    """The attendee as he is now, his booking's row held. Raises: TryAgain as `booking_locked` does."""
    return booking_locked(attendee.booking_id, locked).attendees.get(pk=attendee.pk)


def record(action: str, attendee: Attendee, now: datetime, **more: Any) -> None:
    """Put something that happened to an attendee's booking into the audit log; `more` as `audit.record` takes it."""
    booking = attendee.booking
    audit.record(
        workspace_id=booking.workspace_id,
        action=action,
        target_type="booking",
        target_id=booking.pk,
        target_name=f"{booking.title} with {attendee.name}",
        at=now,
        **more,
    )
