"""Writing many managed links at once, for the app that owns their templates. Sets, never a loop of saves.

Links are locked in ascending id before they are written: two runs that meet wait for each other instead of deadlocking.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from scheduling.models import BookingLink


def lock_next_links(template_id: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
    """Lock the template's next links behind `after` (None: from the first), ascending; their ids, at most `limit`.

    Fewer than `limit` means that there are no more.
    """
    links = BookingLink.objects.filter(managed_event_template=template_id)
    if after is not None:
        links = links.filter(pk__gt=after)
    return list(links.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)[:limit])


def bring_in_line(
    link_ids: Sequence[UUID],
    *,
    values: Mapping[str, Any],
    locked_sections: Sequence[str],
    version: int,
    now: datetime,
) -> int:
    """Give these links the locked `values` and locks of a template's version; how many were not in line with them.

    A link that has them already only learns the version's number, and one that has met a later version is left
    alone. At most two statements, whatever the number of links; a repeat writes nothing.
    """
    links = BookingLink.objects.filter(pk__in=link_ids)
    settled = {"locked_sections": list(locked_sections), **values}
    differing = links.filter(Q(template_version=None) | Q(template_version__lte=version)).exclude(**settled)
    brought = differing.update(**settled, template_version=version, synced_at=now)
    if brought < len(link_ids):
        behind = links.filter(Q(template_version=None) | Q(template_version__lt=version))
        behind.update(template_version=version, synced_at=now)
    return brought


def not_in_line(
    link_ids: Sequence[UUID], *, values: Mapping[str, Any], locked_sections: Sequence[str], version: int
) -> list[UUID]:
    """Those of these links, which the caller has locked, that `bring_in_line` would write, ascending. One query."""
    links = BookingLink.objects.filter(pk__in=link_ids)
    behind = links.filter(Q(template_version=None) | Q(template_version__lte=version))
    differing = behind.exclude(locked_sections=list(locked_sections), **values)
    return list(differing.order_by("pk").values_list("pk", flat=True))


def write_links(
    link_ids: Collection[UUID], *, values: Mapping[str, Any], locked_sections: Sequence[str], now: datetime
) -> None:
    """Give these links, which the caller has locked, `values` and locks. One statement."""
    links = BookingLink.objects.filter(pk__in=link_ids)
    links.update(**values, locked_sections=list(locked_sections), synced_at=now)


def lock_links(template_id: UUID, link_ids: Collection[UUID]) -> None:
    """Lock those of these links that are the template's, ascending, until the transaction ends."""
    links = BookingLink.objects.filter(managed_event_template=template_id, pk__in=link_ids)
    list(links.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def release_links(template_id: UUID) -> int:
    """Make every link of this template its owner's own, values and address as they are; how many there were."""
    links = BookingLink.objects.filter(managed_event_template=template_id)
    locked = list(links.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    return BookingLink.objects.filter(pk__in=locked).update(
        managed_event_template=None, locked_sections=[], template_version=None, synced_at=None
    )
