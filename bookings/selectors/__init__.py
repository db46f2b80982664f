"""Reads about bookings."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse

from bookings.domain.mail_kinds import REMINDER_BOOKER
from bookings.domain.names import in_one
from bookings.models import Alternatives, AlternativeTime, AnswerFile, Attendee, Booking, RetiredToken
from bookings.placeholders import PLACEHOLDERS
from bookings.selectors import runs
from scheduling.domain.workflows import Trigger
from scheduling.models import BookingLink
from scheduling.selectors.times import Pool, open_starts_of
from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership, User
from workestra.calendars.domain.period import Period
from workestra.calendars.placeholders import HeldTime
from workestra.crm.domain.addresses import normalized_email
from workestra.notifications.selectors import waiting

MANAGE: Final = "manage a booking"
_WITH_BOOKING: Final = ("booking__link__schedule", "booking__host", "booking__workspace")


def manage_token(attendee: Attendee) -> str | None:
    """The secret of the attendee's manage page, for his own mails; None when its key is gone."""
    return tokens.reissue(MANAGE, attendee.pk, attendee.manage_token_generation, attendee.manage_token_hash)


def attendee_by_token(slug: str, token: str) -> Attendee | None:
    """Whose manage page `/b/<slug>/manage/<token>` is; None when the token is not (or no longer) one."""
    return (
        Attendee.objects.filter(manage_token_hash=token_hash(token), booking__page_slug=slug)
        .select_related(*_WITH_BOOKING)
        .first()
    )


def attendee_for_mail(attendee_id: UUID) -> Attendee | None:
    """The attendee as his mails tell of his booking, with link, host and workspace; None when he is gone."""
    return Attendee.objects.filter(pk=attendee_id).select_related(*_WITH_BOOKING).first()


def booking_for_mail(booking_id: UUID) -> Booking | None:
    """The booking as its hosts' mails tell of it, with all of these and attendees; None when it is gone."""
    return (
        Booking.objects.filter(pk=booking_id)
        .select_related("link", "host", "workspace")
        .prefetch_related("attendees")
        .first()
    )


def hosted_since(workspace_id: UUID, user_id: UUID, since: datetime) -> QuerySet[Booking]:
    """Bookings that stand and that this person hosts, ending after `since`, by start, with hosts and attendees."""
    hosted = Q(host=user_id) | Q(co_hosts=user_id)
    return (
        Booking.objects.filter(
            hosted, workspace=workspace_id, status=Booking.Status.CONFIRMED, ends_at__gt=since
        )
        .select_related("host")
        .prefetch_related("attendees", "co_hosts")
        .distinct()
    )


def standing_booking(series_id: UUID) -> Booking | None:
    """The booking of a series that stands, with hosts and attendees; None when it was cancelled."""
    return (
        Booking.objects.filter(series_id=series_id, status=Booking.Status.CONFIRMED)
        .select_related("host")
        .prefetch_related("attendees", "co_hosts")
        .first()
    )


def is_known(address: str) -> bool:
    """Whether, as far as we know, its owner reads the mail to this address: a host has met him, or he signs in here.

    Having opened a manage page proves nothing: whoever books is led there, with whatever address he typed.
    """
    email = normalized_email(address)
    met = Attendee.objects.filter(person__email=email, no_show_status=Booking.Attendance.ATTENDED)
    return met.exists() or User.objects.filter(email__iexact=email, is_active=True).exists()


def is_retired(slug: str, token: str) -> bool:
    """Whether this was somebody's manage token once and has been replaced since."""
    return RetiredToken.objects.filter(
        token_hash=token_hash(token), attendee__booking__page_slug=slug
    ).exists()


@dataclass(frozen=True, slots=True)
class Offer:
    """The starts a link offers in a period, in order. Without any, `next_start` is the first one to come at all.

    `notice_matters` says that earlier times are free, and only the link's notice keeps them from being offered.
    `seats_taken` is of a group link's sessions, by start.
    """

    starts: list[datetime]
    next_start: datetime | None
    notice_matters: bool
    seats_taken: Mapping[datetime, int] = field(default_factory=dict)


def offer_of(link: BookingLink, within: Period, now: datetime, *, moving: Booking | None = None) -> Offer:
    """What the link offers in `within` from `now` on: to anybody, or to who is moving a booking of his.

    The number of queries does not depend on that of the hosts.
    """
    only = host_to_keep(moving, link) if moving else None
    without = freed_by_moving(moving) if moving else None
    pool = Pool(link, within, now, only=only, without=without)
    asked = within.clipped(Period(now, max(now, within.end)))
    starts = pool.starts(asked) if asked else []
    if not starts:
        later = open_starts_of(link, _bookable(link, now), now, only=only, without=without)
        following = [start for start in later if start >= within.end] or later
        return Offer([], following[0] if following else None, notice_matters=False)
    held_back = within.includes(now) and _is_held_back_by_notice(pool, now, starts[0])
    return Offer(starts, None, held_back, pool.rules.seats_taken)


def host_to_keep(booking: Booking, link: BookingLink) -> UUID | None:
    """With whom a booking stays that moves to another time of the link; None where all of its hosts are asked."""
    every = {BookingLink.Strategy.COLLECTIVE, BookingLink.Strategy.GROUP}
    return None if link.strategy in every else booking.host_id


def freed_by_moving(booking: Booking) -> UUID | None:
    """Whose time is free again when an attendee moves: the booking's, unless others stay in it."""
    return booking.pk if booking.attendee_count == 1 else None


def starts_near(link: BookingLink, wanted: datetime, now: datetime) -> list[datetime]:
    """Starts offered within a week of a wanted one, in order; when there are none, all that are offered."""
    week = timedelta(days=8)
    near = Period(max(now, wanted - week), max(now, wanted + week))
    starts = open_starts_of(link, near, now)
    return starts or open_starts_of(link, _bookable(link, now), now)


def last_bookable(link: BookingLink, now: datetime) -> datetime:
    """An instant after which the link offers nothing, seen from `now`."""
    return now + timedelta(days=link.booking_window_days + 2)


def reminder_due(attendee: Attendee) -> datetime | None:
    """When he will be reminded, by the standard mail or a workflow's; None when he will not, or has been."""
    with suppress(LookupError):
        return runs.due_in_place(attendee, Trigger.BEFORE_START)
    reminders = waiting().filter(topic_id=attendee.pk, kind=REMINDER_BOOKER)
    return reminders.values_list("available_at", flat=True).first()


def _bookable(link: BookingLink, now: datetime) -> Period:
    return Period(now, last_bookable(link, now))


def _is_held_back_by_notice(pool: Pool, now: datetime, first: datetime) -> bool:
    """Whether nothing but the notice keeps the link from offering a start before its first."""
    if not pool.rules.minimum_notice or first == now:
        return False
    at_once = replace(pool.rules, minimum_notice=timedelta(0))
    return bool(pool.starts(Period(now, first), at_once))


def names_of_bookers(booking_ids: Collection[UUID]) -> dict[UUID, str]:
    """Who is coming to each of these bookings, in one phrase, by booking."""
    coming = Attendee.objects.filter(booking__in=booking_ids, status=Booking.Status.CONFIRMED)
    names: dict[UUID, list[str]] = defaultdict(list)
    for booking_id, name in coming.order_by("created_at", "id").values_list("booking_id", "name"):
        names[booking_id].append(name)
    return {booking_id: in_one(named, most=2) for booking_id, named in names.items()}


def last_offer(booking: Booking) -> Alternatives | None:
    """The other times that were offered last for this booking, with them and who did; None when there were none."""
    offers = (
        Alternatives.objects.filter(booking=booking).select_related("offered_by").prefetch_related("times")
    )
    return offers.order_by("created_at", "id").last()


def times_offered_by(member: Membership, now: datetime) -> list[HeldTime]:
    """Times that are held because bookers of the member's meetings may move to them, and are not over yet, by start;
    with those released ones whose placeholder is still in his calendar. Four queries, whatever their number."""
    standing = PLACEHOLDERS.of(member.user_id)
    hosted = Q(alternatives__booking__host=member.user_id) | Q(alternatives__booking__co_hosts=member.user_id)
    held = hosted & Q(alternatives__state=Alternatives.State.OPEN, alternatives__expires_at__gt=now)
    times = (
        AlternativeTime.objects.filter(
            held | Q(pk__in=standing.lingering),
            alternatives__booking__workspace=member.workspace_id,
            ends_at__gt=now,
        )
        .select_related("alternatives__booking")
        .prefetch_related("alternatives__booking__attendees", "alternatives__times")
        .order_by("starts_at", "pk")
        .distinct()
    )
    return [
        HeldTime(
            time.period,
            time.alternatives.booking.title,
            f"To {time.alternatives.booking.booker.name}, one of {len(time.alternatives.times.all())}",
            time.alternatives.expires_at,
            f"{reverse('bookings:console')}?open={time.alternatives.booking_id}#b-{time.alternatives.booking_id}",
            time.alternatives.state_at(now) == Alternatives.State.OPEN,
            standing.events.get(time.pk),
        )
        for time in times
    ]


def has_open_offer(booking: Booking, now: datetime) -> bool:
    """Whether the booker can pick from other times now."""
    return Alternatives.objects.filter(
        booking=booking, state=Alternatives.State.OPEN, expires_at__gt=now
    ).exists()


def series_of(booking: Booking) -> list[Booking]:
    """Every row of the booking's series, oldest first; just itself when it has never moved."""
    return list(
        Booking.objects.filter(workspace_id=booking.workspace_id, series_id=booking.series_id).order_by(
            "ics_sequence", "created_at"
        )
    )


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file that was sent with a form and waits for its booking. `key` is what the form knows it by."""

    id: UUID
    key: str
    name: str
    size: int


def pending_files(link: BookingLink, keys: Mapping[str, str]) -> dict[str, PendingFile]:
    """The files that a form of this link names, by question; `keys` are those it sent, by question.

    Also those that a booking has got meanwhile: a form that is sent twice is the same both times.
    """
    hashes = {question: token_hash(key) for question, key in keys.items() if key}
    if not hashes:
        return {}
    files = AnswerFile.objects.filter(link=link, key_hash__in=hashes.values())
    return {
        file.question: PendingFile(file.pk, keys[file.question], file.name, file.size)
        for file in files
        if hashes.get(file.question) == file.key_hash
    }


def answer_file(booking: Booking, file_id: UUID) -> AnswerFile | None:
    """A file that an answer of one of the booking's attendees names; None when there is no such one."""
    answers = (answer for attendee in booking.attendees.all() for answer in attendee.answers)
    if not any(answer.get("file") == str(file_id) for answer in answers):
        return None
    return AnswerFile.objects.filter(pk=file_id, workspace_id=booking.workspace_id).first()


def seats_of(attendee: Attendee) -> list[Attendee]:
    """Every row of the attendee's series with its booking, oldest first; just himself when he has never moved."""
    rows = Attendee.objects.filter(series_id=attendee.series_id).select_related("booking", "ended_by_user")
    return list(rows.order_by("ics_sequence", "created_at"))
