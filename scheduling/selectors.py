"""Reads about links and the times they offer. No page read here waits for a calendar provider."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from scheduling.domain.hours import Availability
from scheduling.domain.slots import (
    Busy,
    BusyKind,
    HostCalendar,
    RollingWindow,
    Rules,
    Slot,
    Strategy,
    Verdict,
    open_slots,
    verdict,
)
from scheduling.models import BookingLink, BusyTime, LinkHost, as_range
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period


def links_of(member: Membership) -> QuerySet[BookingLink]:
    """The member's own links, by title, each with its template."""
    return BookingLink.objects.filter(workspace=member.workspace, owner=member.user_id).select_related(
        "managed_event_template"
    )


def listed_links(member: Membership, *, words: str = "", kind: str = "all") -> list[BookingLink]:
    """The member's own links for a list, with templates and hosts; three queries, whatever their number.

    `words` are looked for in title and address; `kind` is "all", "own" (of no template) or "tpl" (of one).
    """
    links = links_of(member).prefetch_related("hosts__user")
    if words:
        links = links.filter(Q(title__icontains=words) | Q(slug__icontains=words))
    if kind in {"own", "tpl"}:
        links = links.filter(managed_event_template__isnull=kind == "own")
    return list(links)


def meetings_ahead(link: BookingLink, now: datetime) -> int:
    """How many meetings booked through this link have not begun yet."""
    return BusyTime.objects.filter(
        link=link, kind=BusyTime.Kind.BOOKING, active=True, during__startswith__gte=now
    ).count()


def public_link(slug: str) -> BookingLink | None:
    """The link behind `/book/<slug>`, with its owner and workspace; None when there is none."""
    return BookingLink.objects.filter(slug=slug).select_related("owner", "workspace").first()


def hosts_in_order(link: BookingLink) -> list[LinkHost]:
    """The link's active hosts with their users, next in turn first: least recent, then weight, then user id.

    For a booking, read it only after the hosts are locked: the order is part of what the locks protect.
    """
    return list(
        LinkHost.objects.filter(
            link=link,
            user__is_active=True,
            user__memberships__workspace=link.workspace_id,
            user__memberships__is_active=True,
        )
        .select_related("user")
        .order_by("rotation", "-weight", "user_id")
    )


def rules_of(link: BookingLink) -> Rules:
    """The link's rules as the slot engine takes them."""
    return Rules(
        strategy=Strategy(link.strategy),
        duration=timedelta(minutes=link.duration_minutes),
        slot_interval=timedelta(minutes=link.slot_interval_minutes),
        buffer_before=timedelta(minutes=link.buffer_before_minutes),
        buffer_after=timedelta(minutes=link.buffer_after_minutes),
        minimum_notice=timedelta(hours=link.minimum_notice_hours),
        booking_window=RollingWindow(days=link.booking_window_days),
        max_per_day=link.max_per_day,
        max_per_week=link.max_per_week,
    )


def calendars_of(
    link: BookingLink,
    hosts: Sequence[LinkHost],
    within: Period,
    now: datetime,
    *,
    without: UUID | None = None,
) -> list[HostCalendar]:
    """Each host's hours and busy time, in the order given, as far as they matter for starts in `within`.

    `without` leaves out the time of one owner key, so that a booking being moved does not stand in its own way.
    Two queries, whatever the number of hosts.
    """
    availability = Availability.from_json(link.timezone, link.weekly_hours, link.date_overrides)
    # Caps count whole local weeks; otherwise no meeting with its buffers reaches further than a day.
    margin = timedelta(days=9) if link.max_per_day or link.max_per_week else timedelta(days=2)
    rows = BusyTime.objects.filter(
        host_id__in=[host.user_id for host in hosts],
        active=True,
        during__overlap=as_range(Period(within.start - margin, within.end + margin)),
    ).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    if without is not None:
        rows = rows.exclude(owner_key=without)
    busy: dict[UUID, list[Busy]] = defaultdict(list)
    for row in rows:
        busy[row.host_id].append(
            Busy(
                period=Period(row.during.lower, row.during.upper),
                buffer_before=timedelta(minutes=row.buffer_before_minutes),
                buffer_after=timedelta(minutes=row.buffer_after_minutes),
                kind=BusyKind(row.kind),
                label=row.label,
                same_link=row.link_id == link.pk and row.kind == BusyTime.Kind.BOOKING,
            )
        )
    return [
        HostCalendar(host_id=str(host.user_id), availability=availability, busy=tuple(busy[host.user_id]))
        for host in hosts
    ]


def open_slots_of(
    link: BookingLink, within: Period, now: datetime, *, without: UUID | None = None
) -> list[Slot]:
    """Every start that the link offers in `within`, sorted; empty when it offers none or has no host."""
    calendars = calendars_of(link, hosts_in_order(link), within, now, without=without)
    return open_slots(hosts=calendars, rules=rules_of(link), window=within, now=now) if calendars else []


def verdict_on(
    link: BookingLink,
    start: datetime,
    now: datetime,
    *,
    hosts: Sequence[LinkHost] | None = None,
    without: UUID | None = None,
) -> Verdict:
    """Whether the link offers exactly this start, with the hosts that are free for it or the reasons why not."""
    asked = Period(start, start + timedelta(minutes=link.duration_minutes))
    calendars = calendars_of(
        link, hosts_in_order(link) if hosts is None else hosts, asked, now, without=without
    )
    return verdict(hosts=calendars, rules=rules_of(link), start=start, now=now)
