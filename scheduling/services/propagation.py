"""Writing many managed links at once, for the app that owns their templates. Sets, never a loop of saves.

Links are locked in ascending id before they are written: two runs that meet wait for each other instead of deadlocking.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q

from scheduling.models import BookingLink


def lock_next_links(
    template_id: UUID,
    *,
    after: UUID | None,
    limit: int,
    values: Mapping[str, Any],
    locked_sections: Sequence[str],
    version: int,
) -> dict[UUID, bool]:
    """Lock the template's next links behind `after` (None: from the first), ascending, at most `limit`. One query.

    For each whether it is to be brought in line with a version of these locked `values` and locks: it has others, and
    has not met a later version. Fewer than `limit` means that there are no more.
    """
    links = BookingLink.objects.filter(managed_event_template=template_id)
    if after is not None:
        links = links.filter(pk__gt=after)
    not_later = Q(template_version=None) | Q(template_version__lte=version)
    settled = Q(locked_sections=list(locked_sections), **values)
    differing = links.annotate(differs=ExpressionWrapper(not_later & ~settled, BooleanField()))
    return dict(differing.select_for_update(no_key=True).order_by("pk").values_list("pk", "differs")[:limit])


def bring_in_line(
    link_ids: Collection[UUID],
    *,
    values: Mapping[str, Any],
    locked_sections: Sequence[str],
    version: int,
    now: datetime,
) -> int:
    """Give these links, which the caller has locked, the locked `values` and locks of a template's version; how many.

    One statement.
    """
    links = BookingLink.objects.filter(pk__in=link_ids)
    return links.update(
        **values, locked_sections=list(locked_sections), template_version=version, synced_at=now
    )


def tell_version(link_ids: Collection[UUID], *, version: int, now: datetime) -> None:
    """Have these links, which are in line with the version already, know its number. One statement, none for none.

    One that has met this version, or a later one, is left alone.
    """
    if link_ids:
        links = BookingLink.objects.filter(pk__in=link_ids)
        behind = links.filter(Q(template_version=None) | Q(template_version__lt=version))
        behind.update(template_version=version, synced_at=now)


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
