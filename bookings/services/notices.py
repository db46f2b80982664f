"""Which mails a booking's life puts into the outbox, which events into its hosts' calendars and which meeting into its
first host's account. They are rows of the booking's own transaction.

Who booked is told of his own part, with his guests, under his id as an attendee. The hosts are told of the meeting,
under its own id, with an event for their calendars; of who comes to a group session and leaves it, without one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.urls import reverse

from bookings.domain import mail_kinds as kinds
from bookings.domain.locations import LINK_MADE
from bookings.models import Alternatives, Attendee, Booking
from bookings.services import runs
from workestra.accounts import selectors as accounts
from workestra.accounts.models import User
from workestra.calendars import meetings
from workestra.calendars import selectors as calendar_reads
from workestra.calendars import services as calendars
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.kinds import MEETING_KINDS, ProviderKind
from workestra.notifications import services as outbox

REMINDER_BEFORE: Final = timedelta(hours=24)
LINK_WITHIN: Final = timedelta(seconds=90)
"""So long a mail waits for the meeting link that the host's calendar or account makes; mostly a second or two."""


def announce_booked(attendee: Attendee, *, reminder: bool, now: datetime) -> None:
    """Tell both sides, and remind the booker a day ahead if the meeting is further off than that."""
    _tell_booker(attendee, kinds.CONFIRMED_BOOKER, kinds.CONFIRMED_GUEST, now)
    if attendee.booking.attendee_count == 1:
        _tell_hosts(attendee.booking, kinds.CONFIRMED_HOST, now)
    else:
        _tell_hosts_of_seat(attendee, kinds.SEAT_TAKEN_HOST, now)
    if reminder:
        _remind(attendee, now)
    runs.plan(attendee, runs.MADE, now, wait=_wait(attendee.booking, kinds.CONFIRMED_BOOKER))


def announce_moved(moved: Attendee, *, previous: Attendee, reminder: bool, now: datetime) -> None:
    """Tell both sides of the new time; what was still waiting for the old one is dropped.

    When the whole meeting has moved, so has its event. When he alone has, from or to a session with others, the hosts
    are told that, and get or lose the event of a session that begins or ends with him.
    """
    outbox.cancel_pending(previous.pk, kinds.REMINDER_BOOKER)
    _tell_booker(moved, kinds.MOVED_BOOKER, kinds.MOVED_GUEST, now)
    before, after = previous.booking, moved.booking
    if before.series_id == after.series_id:
        _tell_hosts(after, kinds.MOVED_HOST, now)
    else:
        _tell_hosts_of_seat(moved, kinds.SEAT_MOVED_HOST, now)
        if after.attendee_count == 1:
            _tell_hosts(after, kinds.CONFIRMED_HOST, now)
        if not before.attendee_count:
            _tell_hosts(before, kinds.CANCELLED_HOST, now)
    if reminder:
        _remind(moved, now)
    runs.move(previous, moved, now, wait=_wait(after, kinds.MOVED_BOOKER))


def announce_proposed(
    moved: Booking, successors: Sequence[tuple[Attendee, Attendee]], *, reminder: bool, now: datetime
) -> None:
    """Tell everybody of the time a host has moved the meeting to. `successors` are who comes, as before and now."""
    for previous, attendee in successors:
        outbox.cancel_pending(previous.pk, kinds.REMINDER_BOOKER)
        _tell_booker(attendee, kinds.PROPOSED_BOOKER, kinds.PROPOSED_GUEST, now)
        if reminder:
            _remind(attendee, now)
        runs.move(previous, attendee, now, wait=_wait(moved, kinds.PROPOSED_BOOKER))
    _tell_hosts(moved, kinds.PROPOSED_HOST, now)


def announce_alternatives(offered: Alternatives, now: datetime) -> None:
    """Tell the booker of the other times that he can pick from."""
    booking = offered.booking
    _about_attendee(booking.booker, kinds.ALTERNATIVES_BOOKER, booking.booker.email, now, _number(offered))


def announce_declined(offered: Alternatives, now: datetime) -> None:
    """Tell the hosts that the booker took none of the times."""
    for host in offered.booking.hosts:
        _about_booking(offered.booking, kinds.ALTERNATIVES_HOST, host.email, now, _number(offered))


def tell_of_answer(offered: Alternatives, state: Alternatives.State, booking: Booking) -> None:
    """Tell the hosts, and who offered the times, in the product what has become of them. `booking` is what stands."""
    members = accounts.active_members_of(booking.workspace_id)
    whom = members.filter(user__in=booking.host_ids | {offered.offered_by_id})
    zone = ZoneInfo(booking.timezone)
    rows = [(booking.title, words.moment(booking.starts_at, zone))]
    if offered.answer:
        rows.append((booking.booker.first_name, offered.answer))
    for member in whom:
        outbox.notify(
            workspace_id=booking.workspace_id,
            user_id=member.user_id,
            kind="alternatives",
            topic_id=offered.pk,
            title=_BECAME[state].format(booking.booker.name),
            rows=rows,
            path=f"{reverse('bookings:console')}?open={booking.pk}#b-{booking.pk}",
        )


_BECAME: Final = {
    Alternatives.State.PICKED: "{} picked one of the times you offered",
    Alternatives.State.KEPT: "{} keeps the time as it is",
    Alternatives.State.DECLINED: "None of the times you offered suits {}",
    Alternatives.State.EXPIRED: "{} did not answer: the time stays as it is",
}


def _number(offered: Alternatives) -> int:
    """How many times other times were offered for its booking before. It is added to the mails' version: each of
    them has a mail of its own, and the latest one stands."""
    return offered.booking.alternatives.exclude(pk=offered.pk).count()


def announce_reassigned(booking: Booking, previous: User, *, now: datetime) -> None:
    """Tell everybody that the meeting has another host, and the previous one's calendar that it is not his any more."""
    for attendee in booking.company:
        if outbox.cancel_pending(attendee.pk, kinds.REMINDER_BOOKER):
            _remind(attendee, now)
        _tell_booker(attendee, kinds.REASSIGNED_BOOKER, kinds.REASSIGNED_GUEST, now)
        runs.hand_over(attendee, now)
    _tell_hosts(booking, kinds.REASSIGNED_HOST, now)
    _about_booking(booking, kinds.GIVEN_AWAY_HOST, previous.email, now)


def announce_cancelled(booking: Booking, attendees: Sequence[Attendee], *, now: datetime) -> None:
    """Tell these attendees that they were cancelled, and the hosts; reminders are dropped."""
    for attendee in attendees:
        outbox.cancel_pending(attendee.pk, kinds.REMINDER_BOOKER)
        _tell_booker(attendee, kinds.CANCELLED_BOOKER, kinds.CANCELLED_GUEST, now)
        if booking.attendee_count:
            _tell_hosts_of_seat(attendee, kinds.SEAT_LEFT_HOST, now)
        runs.cancel(attendee, now)
    if not booking.attendee_count:
        _tell_hosts(booking, kinds.CANCELLED_HOST, now)


def _tell_booker(attendee: Attendee, kind: str, guest_kind: str, now: datetime) -> None:
    _about_attendee(attendee, kind, attendee.email, now)
    for guest in attendee.guests:
        _about_attendee(attendee, guest_kind, guest, now)


def _tell_hosts(booking: Booking, kind: str, now: datetime) -> None:
    for host in booking.hosts:
        _about_booking(booking, kind, host.email, now)
    # On a link that was made to write no events, none begins; one that is there still goes by its booking.
    link = booking.link
    if booking.attendee_count and (link is None or link.calendar_provider != "none"):
        calendars.begin_events(
            workspace_id=booking.workspace_id,
            topic=kinds.BOOKING,
            topic_ids=[booking.series_id],
            user_ids=booking.host_ids,
        )
    else:
        calendars.renew_events(kinds.BOOKING, [booking.series_id])
    if booking.attendee_count and booking.location_type in MEETING_KINDS:
        meetings.begin(
            workspace_id=booking.workspace_id,
            topic=kinds.BOOKING,
            topic_id=booking.series_id,
            user_id=booking.host_id,
            kind=ProviderKind(booking.location_type),
        )
    else:
        meetings.renew(kinds.BOOKING, booking.series_id)


def _tell_hosts_of_seat(attendee: Attendee, kind: str, now: datetime) -> None:
    for host in attendee.booking.hosts:
        _about_attendee(attendee, kind, host.email, now)


def _remind(attendee: Attendee, now: datetime) -> None:
    due = attendee.booking.starts_at - REMINDER_BEFORE
    if due > now:
        _about_attendee(attendee, kinds.REMINDER_BOOKER, attendee.email, due)


def _wait(booking: Booking, kind: str) -> timedelta:
    """How long the mail is put off: a little when it has a link to tell that is yet to be made, and can be."""
    if kind not in kinds.INVITING or booking.location_type not in LINK_MADE or booking.location_detail:
        return timedelta()
    if booking.location_type in MEETING_KINDS:
        kind_of_account = ProviderKind(booking.location_type)
        account = calendar_reads.meeting_account(booking.workspace_id, booking.host_id, kind_of_account)
        return LINK_WITHIN if account and not account.is_broken else timedelta()
    link = booking.link
    if link is not None and link.calendar_provider == "none":
        return timedelta()
    written = calendar_reads.written_calendar(booking.workspace_id, booking.host_id)
    return LINK_WITHIN if written and written.account.kind.conference else timedelta()


def _about_booking(booking: Booking, kind: str, recipient: str, due: datetime, later: int = 0) -> None:
    outbox.enqueue(
        workspace_id=booking.workspace_id,
        topic=kinds.BOOKING,
        topic_id=booking.pk,
        kind=kind,
        recipient=recipient,
        seq=booking.ics_sequence + later,
        available_at=due + _wait(booking, kind),
    )


def _about_attendee(attendee: Attendee, kind: str, recipient: str, due: datetime, later: int = 0) -> None:
    outbox.enqueue(
        workspace_id=attendee.booking.workspace_id,
        topic=kinds.ATTENDEE,
        topic_id=attendee.pk,
        kind=kind,
        recipient=recipient,
        seq=attendee.ics_sequence + later,
        available_at=due + _wait(attendee.booking, kind),
    )
