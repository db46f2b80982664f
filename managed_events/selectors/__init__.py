"""Reads about templates, the links made from them, and whom to give one. `runs` and `turnover` have the rest."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Count, Exists, F, Func, OuterRef, Prefetch, Q, QuerySet

from bookings.models import Booking
from managed_events.domain.draft import TemplateDraft
from managed_events.domain.lint import Surroundings
from managed_events.domain.slugs import slug_for
from managed_events.domain.sync import Cell, in_order, standing
from managed_events.models import (
    ManagedEventTemplate,
    Propagation,
    TemplateVersion,
)
from scheduling.domain.hours import Availability, BadAvailability
from scheduling.domain.sections import SECTIONS, fields_of
from scheduling.domain.slugs import first_free, numbered
from scheduling.models import BookingLink, RetiredSlug, Schedule
from scheduling.selectors import kept_addresses, schedule_exists
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.kinds import MEETING_KINDS, ProviderKind
from workestra.calendars.selectors import without_meeting_account

FACES = 3

# --- Templates -------------------------------------------------------------------------------------------------


def with_summary(templates: QuerySet[ManagedEventTemplate]) -> QuerySet[ManagedEventTemplate]:
    """Each template with `link_count`, `faces` (its first links by owner's name, with owners) and `last_runs`.

    `last_runs` holds the latest run, or nothing. Three queries, whatever the number of templates.
    """
    faces = BookingLink.objects.select_related("owner").order_by("owner__name", "pk")[:FACES]
    runs = Propagation.objects.order_by("-version", "-started_at")[:1]
    return (
        templates.annotate(link_count=Count("links"))
        .select_related("group")
        .prefetch_related(
            Prefetch("links", queryset=faces, to_attr="faces"),
            Prefetch("propagations", queryset=runs, to_attr="last_runs"),
        )
        .order_by("title", "pk")
    )


def matching(
    templates: QuerySet[ManagedEventTemplate], *, words: str, group: str, sync: str
) -> QuerySet[ManagedEventTemplate]:
    """Those that the list's filters let through. Empty filters, and ones that mean nothing, let everything through.

    `group` is a group's key or "workspace"; `sync` is "running" or "never".
    """
    for word in words.split():
        templates = templates.filter(Q(title__icontains=word) | Q(slug__icontains=word))
    if group == "workspace":
        templates = templates.filter(group=None)
    elif key := _as_key(group):
        templates = templates.filter(group=key)
    runs = Propagation.objects.filter(template=OuterRef("pk"))
    if sync == "running":
        templates = templates.filter(Exists(runs.filter(state=Propagation.State.RUNNING)))
    elif sync == "never":
        templates = templates.filter(~Exists(runs))
    return templates


def _as_key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def template_slugs(template: ManagedEventTemplate) -> set[str]:
    """The names in addresses that templates of its workspace have."""
    return set(
        ManagedEventTemplate.objects.filter(workspace=template.workspace_id).values_list("slug", flat=True)
    )


def is_slug_in_use(workspace_id: UUID, slug: str, template_id: UUID | None) -> bool:
    """Whether a template of the workspace, other than this one (None: a new one), has this name in addresses."""
    holder = ManagedEventTemplate.objects.filter(workspace=workspace_id, slug=slug).first()
    return holder is not None and holder.pk != template_id


def version(template: ManagedEventTemplate, number: int) -> TemplateVersion | None:
    """What the template was at this version, with its author; None when there is no such version."""
    return template.versions.select_related("author").filter(number=number).first()


def versions(template: ManagedEventTemplate) -> QuerySet[TemplateVersion]:
    """What the template has been, newest first, with authors."""
    return template.versions.select_related("author").order_by("-number")


def links_by_version(template: ManagedEventTemplate) -> dict[int, int]:
    """How many links are at each version, as far as there are any."""
    counted = template.links.order_by().values_list("template_version").annotate(Count("pk"))
    return {number: count for number, count in counted if number is not None}


def draft_of_version(template: ManagedEventTemplate, version: TemplateVersion) -> TemplateDraft:
    """The template with the values and locks of a version, and its own settings as they are.

    Hours of a schedule that is gone by now are those that it left behind.
    """
    values = version.section_values()
    if values["schedule_id"] and not schedule_exists(values["schedule_id"]):
        left = template.section_values()
        values |= {field: left[field] for field in fields_of(["availability"])}
    return TemplateDraft(
        values=values,
        locks=tuple(version.locked_sections),
        slug=template.slug,
        slug_pattern=template.slug_pattern,
        group_id=template.group_id,
    )


def history(template: ManagedEventTemplate, limit: int = 12) -> list[AuditEvent]:
    """What happened to the template, newest first."""
    events = AuditEvent.objects.filter(target_id=template.pk, workspace=template.workspace_id)
    return list(events.order_by("-at", "-id")[:limit])


def assignment_event(template: ManagedEventTemplate, event_id: UUID) -> AuditEvent | None:
    """What an assignment of this template recorded; None when there was no such assignment."""
    events = AuditEvent.objects.filter(target_id=template.pk, workspace=template.workspace_id)
    return events.filter(pk=event_id, action="template.assigned").first()


def surroundings_of(template: ManagedEventTemplate) -> Surroundings:
    """What a template's warnings depend on besides itself. At most five queries."""
    return surroundings_of_each([template])[template.pk]


def surroundings_of_each(templates: Sequence[ManagedEventTemplate]) -> Mapping[UUID, Surroundings]:
    """The same of each of these templates of one workspace, in at most five queries, however many there are.

    Gives each its schedule on the way.
    """
    wanted = {template.schedule_id for template in templates if template.schedule_id}
    schedules = Schedule.objects.select_related("owner").in_bulk(wanted) if wanted else {}
    for template in templates:
        template.schedule = schedules[template.schedule_id] if template.schedule_id else None
    left = _owners_who_left(templates, schedules.values())
    elsewhere = _links_elsewhere(templates)
    without = _without_account(templates)
    return {
        template.pk: Surroundings(
            _hours_of(template.schedule),
            left.get(template.schedule_id, "") if template.schedule_id else "",
            elsewhere[template.pk],
            without.get(template.pk, ()),
        )
        for template in templates
    }


def _hours_of(schedule: Schedule | None) -> Availability | None:
    """None without a schedule, and for one that cannot be read."""
    try:
        return schedule.own_hours() if schedule else None
    except BadAvailability:
        return None


def _owners_who_left(
    templates: Sequence[ManagedEventTemplate], schedules: Iterable[Schedule]
) -> Mapping[UUID, str]:
    """The names of owners who are here no more, by their schedule."""
    by_key = {schedule.pk: schedule.owner for schedule in schedules}
    if not by_key:
        return {}
    members = accounts.active_members_of(templates[0].workspace_id)
    owners = {owner.pk for owner in by_key.values()}
    here = set(members.filter(user__in=owners).values_list("user_id", flat=True))
    return {key: owner.name for key, owner in by_key.items() if owner.pk not in here}


def _links_elsewhere(templates: Sequence[ManagedEventTemplate]) -> Counter[UUID]:
    """How many owners of links live in another zone than the hours that their template locks."""
    zones = {
        template.pk: template.zone for template in templates if "availability" in template.locked_sections
    }
    elsewhere: Counter[UUID] = Counter()
    if zones:
        counted = BookingLink.objects.filter(managed_event_template__in=zones).order_by()
        by_zone = counted.values_list("managed_event_template", "owner__timezone").annotate(Count("pk"))
        for template_id, zone, count in by_zone:
            if template_id is not None and zone != zones[template_id]:
                elsewhere[template_id] += count
    return elsewhere


def _without_account(templates: Sequence[ManagedEventTemplate]) -> Mapping[UUID, tuple[str, ...]]:
    """By template who of those assigned has no account with the service that is to make his links, by name."""
    places = {
        template.pk: ProviderKind(template.location_type)
        for template in templates
        if template.location_type in MEETING_KINDS
    }
    if not places:
        return {}
    links = BookingLink.objects.filter(
        managed_event_template__in=places, location_type=F("managed_event_template__location_type")
    ).order_by("owner__name", "owner")
    owners = links.values_list("managed_event_template", "owner", "owner__name").distinct()
    rows = [(template_id, owner, name) for template_id, owner, name in owners if template_id is not None]
    missing = without_meeting_account(templates[0].workspace_id, {owner for _template, owner, _name in rows})
    found: dict[UUID, list[str]] = defaultdict(list)
    for template_id, owner, name in rows:
        if owner in missing[places[template_id]]:
            found[template_id].append(name)
    return {template_id: tuple(names) for template_id, names in found.items()}


def owners_of(links: QuerySet[BookingLink]) -> Mapping[UUID, str]:
    """The names of these links' owners by their keys, in the order of names."""
    return dict(links.order_by("owner__name", "owner").values_list("owner", "owner__name"))


# --- Assigned links --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An assigned link and how each of its sections stands to the template.

    `waiting` is set while a run has not reached the link yet: what is out of step then is on its way.
    """

    link: BookingLink
    cells: Mapping[str, Cell]
    waiting: bool

    @property
    def own(self) -> tuple[str, ...]:
        return tuple(key for key, cell in self.cells.items() if cell == Cell.OWN)

    @property
    def out_of_step(self) -> tuple[str, ...]:
        return tuple(key for key, cell in self.cells.items() if cell == Cell.OUT_OF_STEP)


def assigned_links(template: ManagedEventTemplate) -> QuerySet[BookingLink]:
    """The template's links with their owners, by owner's name."""
    return template.links.select_related("owner").order_by("owner__name", "pk")


def out_of_step(template: ManagedEventTemplate) -> QuerySet[BookingLink]:
    """The template's links that miss a lock of it or a locked value, or have a lock too many."""
    state = template.state
    return assigned_links(template).exclude(
        **state.locked_values, locked_sections=list(in_order(state.locks))
    )


class _Differs(Func):
    """Whether two columns have different values, where nothing is a value too."""

    template = "(%(expressions)s)"
    arg_joiner = " IS DISTINCT FROM "
    output_field = BooleanField()


def links_out_of_step(templates: Sequence[ManagedEventTemplate]) -> QuerySet[BookingLink]:
    """The links of these templates that are out of step, by template and owner; not those that a run is on its way to.

    One query, of much the same length for any number of them: the database compares each link with its template.
    """
    crooked = Q(_Differs(F("locked_sections"), F("managed_event_template__locked_sections")))
    for section in SECTIONS:
        differs = Q(pk=None)
        for field in section.fields:
            differs |= Q(_Differs(F(field), F(f"managed_event_template__{field}")))
        crooked |= Q(managed_event_template__locked_sections__contains=[section.key]) & differs
    running = Propagation.objects.filter(
        template=OuterRef("managed_event_template"), state=Propagation.State.RUNNING
    )
    links = BookingLink.objects.filter(managed_event_template__in=[template.pk for template in templates])
    links = links.filter(crooked, ~Exists(running))
    return links.order_by("managed_event_template__title", "owner__name", "pk")


def with_own_values(template: ManagedEventTemplate) -> QuerySet[BookingLink]:
    """The template's links with other values in its open sections than new links begin with."""
    state = template.state
    begins: dict[str, Any] = {
        field: value for field, value in state.values.items() if field not in state.locked_values
    }
    if "timezone" in begins:
        begins["timezone"] = F("owner__timezone")
    links = assigned_links(template)
    return links.exclude(**begins) if begins else links.none()


def link_rows(
    template: ManagedEventTemplate, links: Iterable[BookingLink], run: Propagation | None
) -> list[LinkRow]:
    """The rows of these links of the template; `run` is its latest run."""
    state = template.state
    running = run is not None and run.state == Propagation.State.RUNNING
    return [
        LinkRow(
            link,
            standing(state, link.section_values(), link.locked_sections, link.owner.timezone),
            waiting=running and run is not None and (link.template_version or 0) < run.version,
        )
        for link in links
    ]


# --- People to assign ------------------------------------------------------------------------------------------


def people_of(template: ManagedEventTemplate, assignable: QuerySet[Membership]) -> list[Membership]:
    """Those who can be assigned, and those who are although they no longer could be, by name, with their groups."""
    owners = Membership.objects.filter(
        workspace=template.workspace_id, user__booking_links__managed_event_template=template
    )
    people = Membership.objects.filter(Q(pk__in=assignable.values("pk")) | Q(pk__in=owners.values("pk")))
    return list(people.select_related("user").prefetch_related("groups").order_by("user__name", "pk"))


@dataclass(frozen=True, slots=True)
class Proposal:
    """The address a person would get. Where it is not `wanted`, `holder` owns that one (None: another workspace)."""

    wanted: str
    slug: str
    holder: Membership | None = None


def active_people(template: ManagedEventTemplate, people: Sequence[Membership]) -> QuerySet[Membership, UUID]:
    """Keys of those of `people` who are active members of the template's workspace at this moment."""
    members = accounts.active_members(template.workspace)
    return members.filter(pk__in=[member.pk for member in people]).values_list("pk", flat=True)


def _numbers_taken(slugs: Collection[str]) -> set[str]:
    """Which of these addresses with a number have been given, up to a free one of each.

    Asked by name, ten numbers of each at a time: looking for whatever begins like one of many takes many times longer.
    """
    found: set[str] = set()
    number, crowded = 2, set(slugs)
    while crowded:
        asked = {slug: {numbered(slug, number + more) for more in range(10)} for slug in crowded}
        names = list(set().union(*asked.values()))
        for having in (BookingLink.objects, RetiredSlug.objects):
            found.update(having.filter(slug__in=names).values_list("slug", flat=True))
        number, crowded = number + 10, {slug for slug, names_of in asked.items() if names_of <= found}
    return found


def proposed_addresses(
    template: ManagedEventTemplate, people: Iterable[Membership], now: datetime
) -> dict[UUID, Proposal]:
    """For each member's key the address that he would get now. Five queries, until one has ten numbers."""
    wanted = {
        member.pk: slug_for(template.slug_pattern, username=member.user.username, template=template.slug)
        for member in people
    }
    owners = dict(BookingLink.objects.filter(slug__in=wanted.values()).values_list("slug", "owner_id"))
    taken = set(owners) | kept_addresses(template.workspace_id, list(wanted.values()), now)
    taken |= _numbers_taken(taken)
    holders = _members_by_user(template, owners.values())
    proposals = {}
    for key, slug in wanted.items():
        free = first_free(slug, taken)
        taken.add(free)
        proposals[key] = Proposal(slug, free, holders.get(owners[slug]) if slug in owners else None)
    return proposals


def _members_by_user(template: ManagedEventTemplate, user_ids: Iterable[UUID]) -> dict[UUID, Membership]:
    wanted = set(user_ids)
    if not wanted:
        return {}
    members = Membership.objects.filter(workspace=template.workspace_id, user__in=wanted).select_related(
        "user"
    )
    return {member.user_id: member for member in members}


def adoptable_links(template: ManagedEventTemplate, people: QuerySet[Membership]) -> QuerySet[BookingLink]:
    """Links of these people that no template has, of those who have none of this template, by owner and title."""
    assigned = template.links.values("owner")
    links = BookingLink.objects.filter(
        workspace=template.workspace_id,
        managed_event_template=None,
        strategy=BookingLink.Strategy.INDIVIDUAL,
        owner__in=people.order_by().values("user"),
    )
    return links.exclude(owner__in=assigned).select_related("owner").order_by("owner__name", "title", "pk")


def why_not_adoptable(template: ManagedEventTemplate, link: BookingLink) -> str:
    """Why this link of the workspace cannot join the template; "" when it can."""
    if link.is_managed:
        return "This link follows a template already."
    if link.strategy != BookingLink.Strategy.INDIVIDUAL:
        return "Only links with a single host can join a template."
    if template.links.filter(owner=link.owner_id).exists():
        return f"{link.owner.first_name} has a link of this template already."
    if not accounts.active_members(template.workspace).filter(user=link.owner_id).exists():
        return f"{link.owner.first_name} is no longer in this workspace."
    return ""


def meetings_of(link: BookingLink, now: datetime) -> tuple[int, int]:
    """How many of the link's meetings are to come, and how many are over; cancelled and moved ones are not counted."""
    meetings = Booking.objects.filter(link=link, status=Booking.Status.CONFIRMED)
    counted = meetings.aggregate(
        ahead=Count("pk", filter=Q(starts_at__gt=now)), over=Count("pk", filter=Q(starts_at__lte=now))
    )
    return counted["ahead"], counted["over"]
