"""Making, changing and deleting booking links. Locked sections are refused here, whatever the form did."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from scheduling.domain.link_rules import FEWEST_OF_COLLECTIVE
from scheduling.domain.sections import SECTION_OF_FIELD, SECTIONS
from scheduling.models import BookingLink, LinkHost, RetiredSlug, Schedule
from scheduling.services.addresses import SlugTaken, check, claim, free_slug, retire, save
from scheduling.services.logos import hold_logo
from scheduling.services.payments import refuse_unpayable
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership, User, Workspace
from workestra.audit import services as audit

TARGET: Final = "booking_link"
SLUG_TRIES: Final = 5
COPY: Final = " copy"


class SectionLocked(Exception):
    """The change names sections that the link's template keeps. Nothing was written."""

    def __init__(self, sections: Sequence[str]) -> None:
        super().__init__(", ".join(sections))
        self.sections = tuple(sections)


class BadHosts(ValueError):
    """These people cannot host the link; the text says why."""


class ScheduleGone(Exception):
    """The schedule was deleted in the meantime. Nothing was written."""


class Deleted(StrEnum):
    GONE = "gone"
    DETACHED = "detached"


@dataclass(frozen=True, slots=True)
class Host:
    """Somebody of a link's pool; out of two who are equally due, the one with more weight comes first.

    `max_per_day` is his own cap for this link, `schedule_id` his own hours for it, in place of the link's.
    """

    user_id: UUID
    weight: int = 1
    max_per_day: int | None = None
    schedule_id: UUID | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What a pool says of him, by field."""
        return {name: value for name, value in asdict(self).items() if name != "user_id"}


@dataclass(frozen=True, slots=True)
class Assigned:
    """What makes a link one of a template's: for managed_events."""

    template_id: UUID
    locked_sections: Collection[str]
    version: int


def create_link(
    *,
    owner: User,
    workspace: Workspace,
    slug: str | None,
    values: Mapping[str, Any],
    now: datetime,
    actor: User | None,
    strategy: str = BookingLink.Strategy.INDIVIDUAL,
    hosts: Sequence[Host] = (),
    capacity: int = 1,
    embed_origins: Sequence[str] = (),
    assigned: Assigned | None = None,
) -> BookingLink:
    """Make a link of `owner`. Individual and group links are hosted by their owner, the others by `hosts`.

    `values` maps fields of any section to values; the other fields get a new link's. Without a slug the link gets one
    from its title. `capacity` is the seats of a group's meeting.

    Raises: SlugTaken; BadSlug; BadHosts; ScheduleGone; LogoGone; NoPayments.
    """
    refuse_unpayable(values, before=False)
    pool = _pool(workspace, owner.pk, strategy, hosts)
    if slug is not None:
        check(slug)
    link = BookingLink(
        workspace=workspace,
        owner=owner,
        slug=slug or "",
        strategy=strategy,
        capacity=_seats(strategy, capacity),
        embed_origins=list(embed_origins),
    )
    for field in _sectioned(values):
        setattr(link, field, values[field])
    if assigned is not None:
        link.managed_event_template_id = assigned.template_id
        link.locked_sections = _in_order(assigned.locked_sections)
        link.template_version = assigned.version
        link.synced_at = now
    with transaction.atomic():
        hold_schedules(workspace.pk, [link.schedule_id, *(host.schedule_id for host in pool)])
        hold_logo(link.logo_id)
        if slug is None:
            _insert_with_free_slug(link, now)
        else:
            save(link, force_insert=True)
            claim(link, now)
        LinkHost.objects.bulk_create(
            LinkHost(link=link, user_id=host.user_id, **host.settings) for host in pool
        )
        _record(
            "link.created",
            link,
            now,
            actor,
            after={"slug": link.slug, "strategy": strategy} | link.section_values(),
        )
    return link


def update_link(
    *,
    link_id: UUID,
    by: Membership,
    values: Mapping[str, Any],
    now: datetime,
    slug: str | None = None,
    strategy: str | None = None,
    hosts: Sequence[Host] | None = None,
    capacity: int | None = None,
    embed_origins: Sequence[str] | None = None,
    next_turn: UUID | None = None,
) -> BookingLink:
    """Change a link of `by`: the fields in `values`, and what else is not None. What is equal already is not written.

    A new address leaves the old one leading to it. `next_turn` is the user of the pool who is to get the next booking;
    after him the turns go on as they stand.

    The template's locks count as they are now, not as they were when the form was shown: one field of a locked
    section, even with the value it has, refuses the whole change.

    Raises: SectionLocked; SlugTaken; BadSlug; BadHosts; ScheduleGone; LogoGone; NoPayments; BookingLink.DoesNotExist
    when `by` has no such link.
    """
    with transaction.atomic():
        chosen = [values.get("schedule_id"), *(host.schedule_id for host in hosts or ())]
        hold_schedules(by.workspace_id, chosen)
        hold_logo(values.get("logo_id"))
        link = _locked_link(link_id, by)
        refused = {
            SECTION_OF_FIELD[field] for field in _sectioned(values) if link.locks(SECTION_OF_FIELD[field])
        }
        if refused:
            raise SectionLocked(_in_order(refused))
        refuse_unpayable(values, before=link.requires_payment)
        wanted = {field: values[field] for field in _sectioned(values)}
        if slug is not None:
            wanted["slug"] = slug
        if strategy is not None:
            wanted["strategy"] = strategy
        if strategy is not None or capacity is not None:
            seats = link.capacity if capacity is None else capacity
            wanted["capacity"] = _seats(strategy or link.strategy, seats)
        if embed_origins is not None:
            wanted["embed_origins"] = list(embed_origins)
        before = {
            field: getattr(link, field) for field, value in wanted.items() if getattr(link, field) != value
        }
        after = {field: wanted[field] for field in before}
        if "slug" in after:
            check(after["slug"])
        for field, value in after.items():
            setattr(link, field, value)
        if after:
            save(link, update_fields=list(after))
        if "slug" in after:
            claim(link, now)
            retire(link, before["slug"], now)
        if hosts is not None or "strategy" in after:
            hosting = {host.user_id: _settings_of(host) for host in link.hosts.all()}
            pool = _pool(by.workspace, link.owner_id, link.strategy, hosts or (), hosting)
            hosted_before, hosted_after = _replace_hosts(link, hosting, pool)
            if hosted_before != hosted_after:
                before["hosts"], after["hosts"] = hosted_before, hosted_after
        if next_turn is not None and _give_next_turn(link, next_turn):
            before["next_turn"], after["next_turn"] = None, str(next_turn)
        if after:
            _record("link.updated", link, now, by.user, before=before, after=after)
    return link


def duplicate_link(*, link_id: UUID, by: Membership, now: datetime) -> BookingLink:
    """Make another link like this one of `by`, with the same settings and hosts, an address of its own and no template.

    Who has left the workspace is left out of its pool; a pool that cannot go on without gives an individual link.

    Raises: BookingLink.DoesNotExist when `by` has no such link.
    """
    link = BookingLink.objects.get(pk=link_id, owner=by.user_id, workspace=by.workspace_id)
    can_host = set(accounts.active_members(by.workspace).values_list("user_id", flat=True))
    hosts = [
        Host(host.user_id, **_settings_of(host))
        for host in link.hosts.order_by("rotation", "-weight", "user_id")
        if host.user_id in can_host
    ]
    fewest = {BookingLink.Strategy.ROUND_ROBIN: 1, BookingLink.Strategy.COLLECTIVE: FEWEST_OF_COLLECTIVE}
    goes_on = len(hosts) >= fewest.get(BookingLink.Strategy(link.strategy), 0)
    longest = BookingLink._meta.get_field("title").max_length
    assert longest is not None, "titles have a greatest length"
    title = link.title[: longest - len(COPY)] + COPY
    return create_link(
        owner=by.user,
        workspace=by.workspace,
        slug=None,
        strategy=link.strategy if goes_on else BookingLink.Strategy.INDIVIDUAL,
        hosts=hosts,
        capacity=link.capacity,
        embed_origins=link.embed_origins,
        # A copy begins to ask for payment: it does not where none can be taken.
        values=link.section_values() | {"title": title, "requires_payment": False},
        now=now,
        actor=by.user,
    )


def pause_link(*, link_id: UUID, by: Membership, paused: bool, now: datetime) -> BookingLink:
    """Have the link take no new bookings, or take them again. One that does so already is left alone.

    Its bookings stay, and can be moved and cancelled.

    Raises: BookingLink.DoesNotExist when `by` has no such link.
    """
    with transaction.atomic():
        link = _locked_link(link_id, by)
        if link.is_paused != paused:
            link.paused_at = now if paused else None
            link.save(update_fields=["paused_at"])
            _record("link.paused" if paused else "link.resumed", link, now, by.user)
    return link


def record_refusal(*, link: BookingLink, by: Membership, sections: Sequence[str], now: datetime) -> None:
    """Put into the audit log that somebody sent locked sections. For after the refused change was rolled back."""
    _record("link.locked_section_refused", link, now, by.user, detail={"sections": list(sections)})


def delete_link(*, link_id: UUID, by: Membership, now: datetime) -> Deleted:
    """The owner's delete: a link of a template becomes his own, any other is gone. Bookings keep their rows.

    Raises: BookingLink.DoesNotExist when `by` has no such link.
    """
    with transaction.atomic():
        link = _locked_link(link_id, by)
        if link.is_managed:
            detach_link(link, now=now, actor=by.user)
            return Deleted.DETACHED
        remove_link(link, now=now, actor=by.user)
        return Deleted.GONE


def detach_link(link: BookingLink, *, now: datetime, actor: User | None) -> None:
    """Make a link of a template its owner's own: everything stays as it is, nothing is locked any more."""
    before = {
        "template": str(link.managed_event_template_id),
        "locked_sections": list(link.locked_sections),
    }
    link.managed_event_template = None
    link.locked_sections = []
    link.template_version = None
    link.synced_at = None
    with transaction.atomic():
        link.save(
            update_fields=["managed_event_template", "locked_sections", "template_version", "synced_at"]
        )
        _record("link.detached", link, now, actor, before=before)


def adopt_link(
    link: BookingLink, *, assigned: Assigned, values: Mapping[str, Any], now: datetime, actor: User
) -> None:
    """Make its owner's own link, which the caller has locked, one of a template's: `values` and locks are written.

    Address, hosts and bookings stay.
    """
    before = {field: getattr(link, field) for field in _sectioned(values)}
    for field, value in values.items():
        setattr(link, field, value)
    link.managed_event_template_id = assigned.template_id
    link.locked_sections = _in_order(assigned.locked_sections)
    link.template_version = assigned.version
    link.synced_at = now
    with transaction.atomic():
        link.save()
        after = {**values, "template": str(assigned.template_id), "locked_sections": link.locked_sections}
        _record("link.adopted", link, now, actor, before=before, after=after)


def remove_link(link: BookingLink, *, now: datetime, actor: User | None) -> None:
    """Delete a link for good, its public page with it. Bookings keep their rows and their manage pages.

    Its addresses are kept from other workspaces for a while.
    """
    with transaction.atomic():
        RetiredSlug.objects.filter(link=link).update(link=None, retired_at=now)
        retire(link, link.slug, now, gone=True)
        _record("link.deleted", link, now, actor, before={"slug": link.slug} | link.section_values())
        link.delete()


def hold_schedules(workspace_id: UUID, schedule_ids: Sequence[UUID | None]) -> None:
    """Keep these schedules of the workspace from being deleted until the transaction ends; None stands for no schedule.

    Raises: ScheduleGone.
    """
    wanted = {schedule_id for schedule_id in schedule_ids if schedule_id}
    if not wanted:
        return
    schedules = Schedule.objects.filter(pk__in=wanted, workspace=workspace_id).order_by("pk")
    if len(schedules.select_for_update(no_key=True)) < len(wanted):
        raise ScheduleGone


def _locked_link(link_id: UUID, by: Membership) -> BookingLink:
    return BookingLink.objects.select_for_update(no_key=True).get(
        pk=link_id, owner=by.user_id, workspace=by.workspace_id
    )


def _sectioned(values: Mapping[str, Any]) -> list[str]:
    unknown = [field for field in values if field not in SECTION_OF_FIELD]
    if unknown:
        raise ValueError(f"not fields of a section: {', '.join(unknown)}")
    return list(values)


def _in_order(sections: Collection[str]) -> list[str]:
    return [section.key for section in SECTIONS if section.key in sections]


def _seats(strategy: str, capacity: int) -> int:
    return capacity if strategy == BookingLink.Strategy.GROUP else 1


def _give_next_turn(link: BookingLink, user_id: UUID) -> bool:
    """Put this host of the link in front of the others; whether he was not there already.

    Raises: BadHosts when he is none of them.
    """
    hosts = list(link.hosts.order_by("rotation", "-weight", "user_id"))
    if user_id not in {host.user_id for host in hosts}:
        raise BadHosts("Who gets the next turn must be in the pool.")
    if hosts[0].user_id == user_id:
        return False
    link.hosts.exclude(user_id=user_id).update(rotation=F("rotation") + 1)
    link.hosts.filter(user_id=user_id).update(rotation=hosts[0].rotation)
    return True


def _settings_of(host: LinkHost) -> dict[str, Any]:
    return {"weight": host.weight, "max_per_day": host.max_per_day, "schedule_id": host.schedule_id}


def _insert_with_free_slug(link: BookingLink, now: datetime) -> None:
    """Insert the link with an address from its title; once more when somebody takes it in between."""
    for attempt in range(1, SLUG_TRIES + 1):
        link.slug = free_slug(link.title)
        try:
            with transaction.atomic():
                save(link, force_insert=True)
                claim(link, now)
        except SlugTaken:
            if attempt == SLUG_TRIES:
                raise
        else:
            return


def _pool(
    workspace: Workspace,
    owner_id: UUID,
    strategy: str,
    hosts: Sequence[Host],
    hosting: Collection[UUID] = (),
) -> list[Host]:
    """The hosts that a link of this strategy gets. Who is `hosting` already may stay, also after leaving."""
    if strategy in {BookingLink.Strategy.INDIVIDUAL, BookingLink.Strategy.GROUP}:
        return [Host(owner_id)]
    if not hosts:
        raise BadHosts("Choose who hosts.")
    can_host = {*accounts.active_members(workspace).values_list("user_id", flat=True), *hosting}
    if any(host.user_id not in can_host for host in hosts):
        raise BadHosts("Somebody chosen is no longer in this workspace. Choose again.")
    pool = list({host.user_id: host for host in hosts}.values())
    if strategy == BookingLink.Strategy.COLLECTIVE and len(pool) < FEWEST_OF_COLLECTIVE:
        raise BadHosts("A collective meeting has two hosts or more.")
    return pool


def _replace_hosts(
    link: BookingLink, hosting: Mapping[UUID, Mapping[str, Any]], pool: Sequence[Host]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the link exactly this pool; who stays keeps his turn. What the pool says by user id, before and after."""
    wanted = {host.user_id: host.settings for host in pool}
    gone = hosting.keys() - wanted.keys()
    if gone:
        link.hosts.filter(user_id__in=gone).delete()
    for user_id, settings in wanted.items():
        if user_id not in hosting:
            LinkHost.objects.create(link=link, user_id=user_id, **settings)
        elif hosting[user_id] != settings:
            link.hosts.filter(user_id=user_id).update(**settings)
    return (
        {str(user_id): hosting[user_id] for user_id in sorted(hosting)},
        {str(user_id): wanted[user_id] for user_id in sorted(wanted)},
    )


def _record(
    action: str,
    link: BookingLink,
    now: datetime,
    actor: User | None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        workspace_id=link.workspace_id,
        action=action,
        target_type=TARGET,
        target_id=link.pk,
        target_name=link.title,
        at=now,
        actor=actor,
        before=before,
        after=after,
        detail=detail,
    )
