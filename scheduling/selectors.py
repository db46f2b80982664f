"""Reads about links and the times they offer. No page read here waits for a calendar provider."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
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
from scheduling.domain.wallclock import DAY, instants_of_dates
from scheduling.models import BookingLink, BusyTime, LinkHost, OutOfOffice, RetiredSlug, Schedule, as_range
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


def schedules_of(member: Membership) -> list[Schedule]:
    """The member's own schedules, by name."""
    return list(Schedule.objects.filter(workspace=member.workspace, owner=member.user_id))


def schedules_around(member: Membership) -> list[Schedule]:
    """The schedules of everybody in the member's workspace, by name."""
    return list(Schedule.objects.filter(workspace=member.workspace))


def schedule_names(*settings: Mapping[str, Any]) -> dict[UUID, str]:
    """The names of the schedules that these settings refer to; no query when they refer to none."""
    keys = {values["schedule_id"] for values in settings if values["schedule_id"]}
    return dict(Schedule.objects.filter(pk__in=keys).values_list("pk", "name")) if keys else {}


def schedule_exists(schedule_id: UUID) -> bool:
    return Schedule.objects.filter(pk=schedule_id).exists()


def meetings_ahead(link: BookingLink, now: datetime) -> int:
    """How many meetings booked through this link have not begun yet."""
    return BusyTime.objects.filter(
        link=link, kind=BusyTime.Kind.BOOKING, active=True, during__startswith__gte=now
    ).count()


def public_link(slug: str) -> BookingLink | None:
    """The link behind `/book/<slug>`, with owner, workspace and schedule; None when there is none."""
    return BookingLink.objects.filter(slug=slug).select_related("owner", "workspace", "schedule").first()


def link_around(member: Membership, link_id: UUID) -> BookingLink | None:
    """A link of the member's workspace, whoever owns it, with owner and schedule; None when there is none."""
    links = BookingLink.objects.filter(workspace=member.workspace, pk=link_id)
    return links.select_related("owner", "workspace", "schedule").first()


def moved_slug(slug: str) -> str | None:
    """Where the link is now whose address this was before; None when it was nobody's, or the link is gone."""
    retired = RetiredSlug.objects.filter(slug=slug, link__isnull=False)
    return retired.values_list("link__slug", flat=True).first()


def hosts_in_order(link: BookingLink) -> list[LinkHost]:
    """The link's active hosts with users and schedules, next in turn first: least recent, then weight, then user id.

    For a booking, read it only after the hosts are locked: the order is part of what the locks protect.
    """
    return list(
        LinkHost.objects.filter(
            link=link,
            user__is_active=True,
            user__memberships__workspace=link.workspace_id,
            user__memberships__is_active=True,
        )
        .select_related("user", "schedule")
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
        capacity=link.capacity,
    )


def calendars_of(
    link: BookingLink,
    hosts: Sequence[LinkHost],
    within: Period,
    now: datetime,
    *,
    without: UUID | None = None,
) -> list[HostCalendar]:
    """Each host's hours, busy time and days away, in the order given, as far as they matter for starts in `within`.

    `without` leaves out the time of one owner key, so that a booking being moved does not stand in its own way.
    Two queries, whatever the number of hosts, when the link and the hosts have their schedules with them.
    """
    # Caps count whole local weeks; otherwise no meeting with its buffers reaches further than a day.
    capped = link.max_per_day or link.max_per_week or any(host.max_per_day for host in hosts)
    margin = timedelta(days=9) if capped else timedelta(days=2)
    around = Period(within.start - margin, within.end + margin)
    rows = BusyTime.objects.filter(
        host_id__in=[host.user_id for host in hosts], active=True, during__overlap=as_range(around)
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
    hours, away = _hours_of(link, hosts), _days_away(hosts, around)
    return [
        HostCalendar(
            host_id=str(host.user_id),
            availability=hours[host.schedule_id],
            busy=tuple(busy[host.user_id]),
            out_of_office=tuple(away[host.user_id]),
            max_per_day=host.max_per_day,
        )
        for host in hosts
    ]


def _hours_of(link: BookingLink, hosts: Sequence[LinkHost]) -> dict[UUID | None, Availability]:
    """The hours by a host's own schedule; None has the link's. One schedule is one object, which the engine shares."""
    hours: dict[UUID | None, Availability] = {None: link.availability()}
    if link.schedule_id:
        hours[link.schedule_id] = hours[None]
    for host in hosts:
        if host.schedule and host.schedule_id not in hours:
            hours[host.schedule_id] = host.schedule.own_hours()
    return hours


def _days_away(hosts: Sequence[LinkHost], around: Period) -> dict[UUID, list[Period]]:
    """When each host is out of office, as far as it touches the period."""
    zones = {host.user_id: host.user.timezone for host in hosts}
    absences = OutOfOffice.objects.filter(
        user_id__in=zones, first_day__lte=(around.end + DAY).date(), last_day__gte=(around.start - DAY).date()
    )
    away: dict[UUID, list[Period]] = defaultdict(list)
    for absence in absences:
        until = absence.last_day + DAY
        spans = instants_of_dates(zones[absence.user_id], absence.first_day, until, around.start, around.end)
        away[absence.user_id] += [Period(start, end) for start, end in spans]
    return away


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
