"""Reads about links, schedules and workflows, for lists and forms. The times that links offer are read in `times`."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from scheduling.domain.hours import Availability
from scheduling.domain.link_rules import pool_problem
from scheduling.domain.logos import is_key
from scheduling.domain.slots import Strategy
from scheduling.domain.wallclock import DAY, instants_of_dates, local_date
from scheduling.models import (
    BookingLink,
    BusyTime,
    LinkHost,
    Logo,
    OutOfOffice,
    RetiredSlug,
    Schedule,
    Workflow,
    as_range,
)
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


@dataclass(frozen=True, slots=True)
class Use:
    """A link that a schedule's hours reach: as the link's own, or, when `hosts` are named, those of some of its hosts.

    `booked` counts its meetings that have not begun yet.
    """

    link: BookingLink
    hosts: tuple[str, ...]
    booked: int


def schedules_listed(member: Membership) -> list[tuple[Schedule, int]]:
    """The member's own schedules by name, each with how many links its hours reach, whosever they are."""
    schedules = schedules_of(member)
    reached: dict[UUID, set[UUID]] = defaultdict(set)
    for schedule_id, link_id in (
        *BookingLink.objects.filter(schedule__in=schedules).values_list("schedule_id", "pk"),
        *LinkHost.objects.filter(schedule__in=schedules).values_list("schedule_id", "link_id"),
    ):
        reached[schedule_id].add(link_id)
    return [(schedule, len(reached[schedule.pk])) for schedule in schedules]


def uses_of(schedule: Schedule, now: datetime) -> list[Use]:
    """The links that the schedule's hours reach, by title. Four queries, whatever their number."""
    reached = Q(schedule=schedule) | Q(hosts__schedule=schedule)
    links = list(
        BookingLink.objects.filter(reached)
        .select_related("owner", "managed_event_template", "schedule")
        .prefetch_related("hosts__user", "hosts__schedule")
        .distinct()
        .order_by("title", "slug")
    )
    booked = Counter(
        BusyTime.objects.filter(
            link__in=links, kind=BusyTime.Kind.BOOKING, active=True, during__startswith__gte=now
        ).values_list("link_id", flat=True)
    )
    return [
        Use(
            link,
            ()
            if link.schedule_id == schedule.pk
            else tuple(host.user.name for host in link.hosts.all() if host.schedule_id == schedule.pk),
            booked[link.pk],
        )
        for link in links
    ]


def templates_with(schedule: Schedule) -> list[str]:
    """The titles of the templates whose hours are this schedule's."""
    return list(schedule.managedeventtemplates.order_by("title").values_list("title", flat=True))


@dataclass(frozen=True, slots=True)
class Meeting:
    """A booking that lies in days out of office. `booking_id` is its key in the console."""

    booking_id: UUID
    title: str
    starts_at: datetime


def absences_of(user_ids: Collection[UUID] | None, member: Membership, now: datetime) -> list[OutOfOffice]:
    """Days out of office in the member's workspace that are not over, soonest first, with their users.

    Only of these users; None is everybody.
    """
    absences = OutOfOffice.objects.filter(
        workspace=member.workspace, last_day__gte=(now - 2 * DAY).date()
    ).select_related("user")
    if user_ids is not None:
        absences = absences.filter(user__in=user_ids)
    return [each for each in absences if each.last_day >= local_date(each.user.timezone, now)]


def meetings_in(absences: Sequence[OutOfOffice], now: datetime) -> dict[UUID, list[Meeting]]:
    """For each of these absences the host's bookings inside it that have not begun yet, by start. One query."""
    if not absences:
        return {}
    around = Period(
        now, datetime.combine(max(each.last_day for each in absences) + 2 * DAY, time(), UTC) + DAY
    )
    rows = list(
        BusyTime.objects.filter(
            host__in=[each.user_id for each in absences],
            kind=BusyTime.Kind.BOOKING,
            active=True,
            during__overlap=as_range(around),
            during__startswith__gte=now,
        ).order_by("during")
    )
    found: dict[UUID, list[Meeting]] = {}
    for absence in absences:
        spans = instants_of_dates(
            absence.user.timezone, absence.first_day, absence.last_day + DAY, around.start, around.end
        )
        found[absence.pk] = [
            Meeting(row.owner_key, row.label, row.during.lower)
            for row in rows
            if row.host_id == absence.user_id
            and any(row.during.lower < end and start < row.during.upper for start, end in spans)
        ]
    return found


def closed_by(schedule: Schedule, hours: Availability, uses: Sequence[Use]) -> str:
    """Why one of these links could never be booked again with these hours; empty when all of them can.

    A link that could not be booked before is no reason.
    """
    for use in uses:
        now, then = (_pool_problem(use.link, {schedule.pk: each}) for each in (schedule.own_hours(), hours))
        if then and not now:
            return f"{use.link.title} could never be booked. {then}"
    return ""


def _pool_problem(link: BookingLink, hours: Mapping[UUID, Availability]) -> str:
    def of(schedule: Schedule) -> Availability:
        return hours.get(schedule.pk) or schedule.own_hours()

    links_own = of(link.schedule) if link.schedule else link.own_hours()
    hosts = [(host.user.name, of(host.schedule) if host.schedule else links_own) for host in link.hosts.all()]
    return pool_problem(Strategy(link.strategy), timedelta(minutes=link.duration_minutes), hosts)


def names_behind(*settings: Mapping[str, Any]) -> dict[UUID, str]:
    """The names of the schedules and workflows that these settings refer to; no query when they refer to none."""
    keys = {values["schedule_id"] for values in settings if values.get("schedule_id")}
    names = dict(Schedule.objects.filter(pk__in=keys).values_list("pk", "name")) if keys else {}
    return names | workflow_names({key for values in settings for key in values.get("workflow_ids", ())})


def workflow_names(keys: Collection[str]) -> dict[UUID, str]:
    """The names of these workflows, deleted ones as well; no query for none."""
    if not keys:
        return {}
    rows = Workflow.objects.filter(pk__in=keys).values_list("pk", "name", "deleted_at")
    return {pk: f"{name} (deleted)" if deleted_at else name for pk, name, deleted_at in rows}


def workflows_to_pick(
    workspace_id: UUID, named: Collection[str] = (), *, owner_id: UUID | None = None
) -> list[Workflow]:
    """The workflows that a template, or a link of this owner, may name, by name: not those that every link has anyway,
    and of members' own the owner's alone.

    What it has `named` already is among them, whatever became of it.
    """
    his = Q(owner=None) | Q(owner=owner_id)
    may_be_named = Q(his, deleted_at=None, every_link=False) | Q(pk__in=named)
    return list(Workflow.objects.filter(may_be_named, workspace=workspace_id))


def workflows_left_behind(workspace_id: UUID) -> list[Workflow]:
    """Members' own workflows of those who have left, by owner and name, with owners."""
    left = leavers_workflows().filter(workspace=workspace_id)
    return list(left.select_related("owner").order_by("owner__name", "name", "pk"))


def leavers_workflows() -> QuerySet[Workflow]:
    """Members' own workflows whose owners are no active members any more, of all workspaces."""
    here = Membership.objects.filter(
        user=OuterRef("owner"), workspace=OuterRef("workspace"), is_active=True, user__is_active=True
    )
    return Workflow.objects.filter(~Exists(here), owner__isnull=False, deleted_at=None)


def workflows_owned(member: Membership) -> list[Workflow]:
    """The member's own workflows, by name."""
    return list(Workflow.objects.filter(workspace=member.workspace_id, owner=member.user_id, deleted_at=None))


def logo(key: str) -> bytes | None:
    """The PNG of the logo with this key; None when there is none, or no more."""
    if not is_key(key):
        return None
    content = Logo.objects.filter(pk=key).values_list("content", flat=True).first()
    return None if content is None else bytes(content)


def schedule_exists(schedule_id: UUID) -> bool:
    return Schedule.objects.filter(pk=schedule_id).exists()


def meetings_ahead(link: BookingLink, now: datetime) -> int:
    """How many meetings booked through this link have not begun yet."""
    ahead = BusyTime.objects.filter(
        link=link, kind=BusyTime.Kind.BOOKING, active=True, during__startswith__gte=now
    )
    return ahead.values("owner_key").distinct().count()


def public_link(slug: str) -> BookingLink | None:
    """The link behind `/book/<slug>`, with owner, workspace and schedule; None when there is none."""
    links = BookingLink.objects.select_related("owner", "workspace", "schedule")
    try:
        return links.get(slug=slug)
    except BookingLink.DoesNotExist:
        return None


def link_around(member: Membership, link_id: UUID) -> BookingLink | None:
    """A link of the member's workspace, whoever owns it, with owner and schedule; None when there is none."""
    links = BookingLink.objects.filter(workspace=member.workspace, pk=link_id)
    return links.select_related("owner", "workspace", "schedule").first()


def moved_slug(slug: str) -> str | None:
    """Where the link is now whose address this was before; None when it was nobody's, or the link is gone."""
    retired = RetiredSlug.objects.filter(slug=slug, link__isnull=False)
    return retired.values_list("link__slug", flat=True).first()


def kept_addresses(workspace_id: UUID, slugs: Collection[str], now: datetime) -> set[str]:
    """Those of these addresses that links of other workspaces had, and that are kept from this one."""
    retired = RetiredSlug.objects.filter(slug__in=slugs)
    return {each.slug for each in retired if each.is_kept_from(workspace_id, now)}
