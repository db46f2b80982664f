"""What the overview tells, each of one member and in a number of queries that does not grow."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import TruncWeek

from bookings.models import Attendee, Booking
from managed_events.models import ManagedEventTemplate
from managed_events.selectors import links_out_of_step
from one_off.models import OneOff
from one_off.selectors import in_state
from scheduling.models import BookingLink, BusyTime
from workestra.accounts.models import Membership, User
from workestra.dashboard.domain.figures import PAST_WEEKS, WEEKS, Showing, Turn, Week, monday_of, turns, weeks
from workestra.notifications.models import OutboxMessage

SOON: Final = timedelta(days=2)
RECENT: Final = timedelta(days=14)
LONGEST: Final = timedelta(days=1)
"""No meeting is longer: who looks for those that are not over begins so long before, where an index finds them."""
MOST: Final = 50
FEW: Final = 5

Reach = Collection[UUID] | None
"""Users whose bookings are counted; None for everybody's."""

# An even share: each meeting counts for those hosts who could have taken it, in equal parts.
_SHARES: Final = """
    SELECT candidate->>'host_id', sum(1.0 / free.count)::float
    FROM scheduling_calendar_events booking
    CROSS JOIN LATERAL jsonb_array_elements(booking.assignment_receipt->'candidates') candidate
    CROSS JOIN LATERAL (
        SELECT count(*) AS count FROM jsonb_array_elements(booking.assignment_receipt->'candidates') one
        WHERE (one->>'free')::boolean
    ) free
    WHERE booking.workspace_id = %(workspace)s AND booking.status = 'confirmed'
        AND booking.strategy = 'round_robin' AND booking.starts_at >= %(since)s
        AND (candidate->>'free')::boolean
    GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """Time that is kept for somebody: `label` says for what."""

    starts_at: datetime
    ends_at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates a member manages: how many, of how many links, and up to five of those out of step."""

    count: int
    links: int
    out_of_step: int
    crooked: Sequence[BookingLink]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def meetings_from(member: Membership, since: datetime) -> list[Booking]:
    """The member's own confirmed meetings that are not over at `since`, at most fifty, in order, with attendees."""
    return list(
        _hosted_by(_confirmed(member), {member.user_id})
        .filter(starts_at__gt=since - LONGEST, ends_at__gt=since)
        .prefetch_related(
            Prefetch("attendees", Attendee.objects.order_by("created_at", "pk")),
        )
        .order_by("starts_at", "pk")[:MOST]
    )


def holds_between(member: Membership, start: datetime, end: datetime, now: datetime) -> list[Hold]:
    """Times kept for answers to the member's one-offs, in order."""
    rows = BusyTime.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        host=member.user_id,
        workspace=member.workspace,
        kind=BusyTime.Kind.HOLD,
        active=True,
        during__overlap=(start, end),
    ).order_by("during")
    return [Hold(row.during.lower, row.during.upper, row.label) for row in rows]


def unmarked(member: Membership, now: datetime) -> int:
    """How many of the member's own meetings of the last two weeks nobody has said of whether anybody came."""
    return (
        _hosted_by(_confirmed(member), {member.user_id})
        .filter(starts_at__gt=now - RECENT, ends_at__lte=now, no_show_status=Booking.Attendance.UNMARKED)
        .count()
    )


def failed_mails(member: Membership, reach: Reach, now: datetime) -> list[tuple[OutboxMessage, UUID]]:
    """Mails about bookings in reach, given up within two weeks and not sent again since: the latest five, each with
    its booking's key."""
    again = OutboxMessage.objects.filter(
        topic_id=OuterRef("topic_id"),
        kind=OuterRef("kind"),
        recipient=OuterRef("recipient"),
        sent_at__gt=OuterRef("dead_at"),
    )
    dead = (
        OutboxMessage.objects.filter(workspace=member.workspace, dead_at__gt=now - RECENT)
        .filter(~Exists(again))
        .defer("payload")
        .order_by("-dead_at", "pk")
    )
    found = list(dead.filter(_in_reach(member, reach))[:FEW])
    attendees = Attendee.objects.filter(pk__in=[mail.topic_id for mail in found])
    booking_of = dict(attendees.values_list("pk", "booking"))
    return [(mail, booking_of.get(mail.topic_id, mail.topic_id)) for mail in found]


def closing_one_offs(member: Membership, now: datetime) -> list[OneOff]:
    """The member's open one-offs that close within two days, first to close first, at most five."""
    return list(
        OneOff.objects.filter(
            in_state(OneOff.State.OPEN, now),
            workspace=member.workspace,
            host=member.user_id,
            expires_at__lte=now + SOON,
        ).order_by("expires_at", "pk")[:FEW]
    )


def templates_of(templates: QuerySet[ManagedEventTemplate]) -> Templates:
    found = list(templates.annotate(link_count=Count("links")))
    crooked = links_out_of_step(found)
    return Templates(
        len(found),
        sum(template.link_count for template in found),
        crooked.count() if found else 0,
        list(crooked.select_related("owner", "managed_event_template")[:FEW]) if found else (),
    )


def meetings_by_week(member: Membership, reach: Reach, today: date, zone: ZoneInfo) -> list[Week]:
    """Confirmed meetings in reach, by week of their start."""
    first = monday_of(today) - timedelta(weeks=PAST_WEEKS)
    counted = (
        _hosted_by(_confirmed(member), reach)
        .filter(
            starts_at__gte=midnight(first, zone), starts_at__lt=midnight(first + timedelta(weeks=WEEKS), zone)
        )
        .order_by()
        .values_list(TruncWeek("starts_at", tzinfo=zone))
        .annotate(count=Count("pk"))
    )
    return weeks({monday.date(): count for monday, count in counted}, today)


def showing(
    member: Membership, reach: Reach, today: date, zone: ZoneInfo, now: datetime
) -> dict[date, Showing]:
    """Who came, by week of the meeting, of people whose meetings in reach began in the last eight weeks and are over.

    Weeks without any are left out; the others are in order.
    """
    since = midnight(monday_of(today) - timedelta(weeks=PAST_WEEKS), zone)
    over = _hosted_by(_confirmed(member), reach).filter(starts_at__gte=since, ends_at__lte=now)
    counted = (
        Attendee.objects.filter(booking__in=over, status=Booking.Status.CONFIRMED)
        .order_by()
        .values_list(TruncWeek("booking__starts_at", tzinfo=zone))
        .annotate(
            attended=Count("pk", filter=Q(no_show_status=Booking.Attendance.ATTENDED)),
            no_show=Count("pk", filter=Q(no_show_status=Booking.Attendance.NO_SHOW)),
            unmarked=Count("pk", filter=Q(no_show_status=Booking.Attendance.UNMARKED)),
        )
    )
    return {monday.date(): Showing(*counts) for monday, *counts in sorted(counted)}


def round_robin(member: Membership, reach: Reach, today: date, zone: ZoneInfo) -> list[Turn]:
    """Hosts in reach with their meetings of round robins, and an even share, of the last eight weeks and from now on.

    Empty without such meetings.
    """
    since = midnight(monday_of(today) - timedelta(weeks=PAST_WEEKS), zone)
    with connection.cursor() as cursor:
        cursor.execute(_SHARES, {"workspace": member.workspace_id, "since": since})
        expected = {UUID(host): share for host, share in cursor.fetchall()}
    counted = (
        _confirmed(member)
        .filter(strategy="round_robin", starts_at__gte=since)
        .order_by()
        .values_list("host")
        .annotate(count=Count("pk"))
    )
    actual = dict(counted)
    hosts = {host for host in {*expected, *actual} if reach is None or host in reach}
    names = User.objects.filter(pk__in=hosts).values_list("pk", "name")
    return turns([(name, actual.get(host, 0), expected.get(host, 0.0)) for host, name in names])


def _confirmed(member: Membership) -> QuerySet[Booking]:
    return Booking.objects.filter(workspace=member.workspace, status=Booking.Status.CONFIRMED)


def _hosted_by(bookings: QuerySet[Booking], reach: Reach) -> QuerySet[Booking]:
    if reach is None:
        return bookings
    beside = Booking.co_hosts.through.objects.filter(booking_id=OuterRef("pk"), user_id__in=reach)
    return bookings.filter(Q(host__in=reach) | Exists(beside))


def _in_reach(member: Membership, reach: Reach) -> Q:
    """Of messages: those about a booking in reach, or about one of its attendees."""
    seen = _hosted_by(Booking.objects.filter(workspace=member.workspace), reach)
    return Q(Exists(seen.filter(pk=OuterRef("topic_id")))) | Q(
        Exists(seen.filter(attendees=OuterRef("topic_id")))
    )
