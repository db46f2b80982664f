"""Making, changing and deleting booking links. Locked sections are refused here, whatever the form did."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from scheduling.domain import slugs
from scheduling.domain.sections import SECTION_OF_FIELD, SECTIONS
from scheduling.models import BookingLink, LinkHost
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership, User, Workspace
from workestra.audit import services as audit

TARGET: Final = "booking_link"
SLUG_TRIES: Final = 5
# A unique column's constraint has no name in the model; PostgreSQL names it after table and column.
_SLUG_UNIQUE: Final = "scheduling_booking_links_slug_key"


class SectionLocked(Exception):
    """The change names sections that the link's template keeps. Nothing was written."""

    def __init__(self, sections: Sequence[str]) -> None:
        super().__init__(", ".join(sections))
        self.sections = tuple(sections)


class SlugTaken(Exception):
    """Another link has this address, maybe of another workspace. Nothing was written."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class BadSlug(ValueError):
    """This cannot be an address; the text says why."""


class BadHosts(ValueError):
    """These people cannot host the link; the text says why."""


class Deleted(StrEnum):
    GONE = "gone"
    DETACHED = "detached"


@dataclass(frozen=True, slots=True)
class Host:
    """Somebody of a link's pool; out of two who are equally due, the one with more weight comes first."""

    user_id: UUID
    weight: int = 1


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
    actor: User,
    strategy: str = BookingLink.Strategy.INDIVIDUAL,
    hosts: Sequence[Host] = (),
    assigned: Assigned | None = None,
) -> BookingLink:
    """Make a link of `owner`. An individual link is hosted by its owner, a round robin by `hosts`.

    `values` maps fields of any section to values; the other fields get a new link's. Without a slug the link gets one
    from its title.

    Raises: SlugTaken; BadSlug; BadHosts.
    """
    pool = _pool(workspace, owner.pk, strategy, hosts)
    if slug is not None:
        _check_slug(slug)
    link = BookingLink(workspace=workspace, owner=owner, slug=slug or "", strategy=strategy)
    for field in _sectioned(values):
        setattr(link, field, values[field])
    if assigned is not None:
        link.managed_event_template_id = assigned.template_id
        link.locked_sections = _in_order(assigned.locked_sections)
        link.template_version = assigned.version
        link.synced_at = now
    with transaction.atomic():
        if slug is None:
            _insert_with_free_slug(link)
        else:
            _save(link, force_insert=True)
        LinkHost.objects.bulk_create(
            LinkHost(link=link, user_id=host.user_id, weight=host.weight) for host in pool
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
) -> BookingLink:
    """Change a link of `by`: the fields in `values`, and what else is not None. What is equal already is not written.

    The template's locks count as they are now, not as they were when the form was shown: one field of a locked
    section, even with the value it has, refuses the whole change.

    Raises: SectionLocked; SlugTaken; BadSlug; BadHosts; BookingLink.DoesNotExist when `by` has no such link.
    """
    with transaction.atomic():
        link = _locked_link(link_id, by)
        refused = {
            SECTION_OF_FIELD[field] for field in _sectioned(values) if link.locks(SECTION_OF_FIELD[field])
        }
        if refused:
            raise SectionLocked(_in_order(refused))
        wanted = {field: values[field] for field in _sectioned(values)}
        if slug is not None:
            wanted["slug"] = slug
        if strategy is not None:
            wanted["strategy"] = strategy
        before = {
            field: getattr(link, field) for field, value in wanted.items() if getattr(link, field) != value
        }
        after = {field: wanted[field] for field in before}
        if "slug" in after:
            _check_slug(after["slug"])
        for field, value in after.items():
            setattr(link, field, value)
        if after:
            _save(link, update_fields=list(after))
        if hosts is not None or "strategy" in after:
            hosting = {host.user_id: host.weight for host in link.hosts.all()}
            pool = _pool(by.workspace, link.owner_id, link.strategy, hosts or (), hosting)
            hosted_before, hosted_after = _replace_hosts(link, hosting, pool)
            if hosted_before != hosted_after:
                before["hosts"], after["hosts"] = hosted_before, hosted_after
        if after:
            _record("link.updated", link, now, by.user, before=before, after=after)
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


def remove_link(link: BookingLink, *, now: datetime, actor: User | None) -> None:
    """Delete a link for good, its public page with it. Bookings keep their rows and their manage pages."""
    with transaction.atomic():
        _record("link.deleted", link, now, actor, before={"slug": link.slug} | link.section_values())
        link.delete()


def free_slug(wanted: str) -> str:
    """`wanted` as a title or an address, made into an address that no link has at this moment."""
    # Numbered addresses are cut so that the number fits: they share their beginning with the one wanted.
    base = slugs.suggested_slug(wanted, ())[: slugs.MAX_LENGTH - 10]
    taken = set(BookingLink.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return slugs.suggested_slug(wanted, taken)


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


def _check_slug(slug: str) -> None:
    wrong = slugs.problem(slug)
    if wrong:
        raise BadSlug(wrong)


def _save(link: BookingLink, **how: Any) -> None:
    try:
        with transaction.atomic():
            link.save(**how)
    except IntegrityError as error:
        diagnostics = getattr(error.__cause__, "diag", None)
        if getattr(diagnostics, "constraint_name", None) == _SLUG_UNIQUE:
            raise SlugTaken(link.slug) from error
        raise


def _insert_with_free_slug(link: BookingLink) -> None:
    """Insert the link with an address from its title; once more when somebody takes it in between."""
    for attempt in range(1, SLUG_TRIES + 1):
        link.slug = free_slug(link.title)
        try:
            _save(link, force_insert=True)
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
    if strategy == BookingLink.Strategy.INDIVIDUAL:
        return [Host(owner_id)]
    if not hosts:
        raise BadHosts("Choose who takes turns.")
    can_host = {*accounts.active_members(workspace).values_list("user_id", flat=True), *hosting}
    if any(host.user_id not in can_host for host in hosts):
        raise BadHosts("Somebody chosen is no longer in this workspace. Choose again.")
    return list({host.user_id: host for host in hosts}.values())


def _replace_hosts(
    link: BookingLink, hosting: Mapping[UUID, int], pool: Sequence[Host]
) -> tuple[dict[str, int], dict[str, int]]:
    """Give the link exactly this pool; who stays keeps his turn. Weights by user id, before and after."""
    wanted = {host.user_id: host.weight for host in pool}
    gone = hosting.keys() - wanted.keys()
    if gone:
        link.hosts.filter(user_id__in=gone).delete()
    for user_id, weight in wanted.items():
        if user_id not in hosting:
            LinkHost.objects.create(link=link, user_id=user_id, weight=weight)
        elif hosting[user_id] != weight:
            link.hosts.filter(user_id=user_id).update(weight=weight)
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
