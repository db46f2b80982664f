"""Reads of the audit log, newest first. Every one is about a single workspace."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate

from workestra.audit.models import AuditEvent
from workestra.audit.words import KINDS, OBJECTS

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the log is wanted. Empty ones, and ones that mean nothing, let everything through.

    `actor` is a user's key or "system"; days are local to the reader, both included.
    """

    words: str = ""
    actor: str = ""
    kind: str = ""
    target: str = ""
    first_day: date | None = None
    last_day: date | None = None


def events(workspace_id: UUID, filters: Filters, zone: ZoneInfo) -> QuerySet[AuditEvent]:
    """The workspace's events that the filters let through, newest first."""
    found = AuditEvent.objects.filter(workspace=workspace_id)
    for word in filters.words.split():
        found = found.filter(
            Q(actor_name__icontains=word) | Q(target_name__icontains=word) | Q(action__icontains=word)
        )
    if filters.actor == SYSTEM:
        found = found.filter(actor=None)
    elif key := _as_key(filters.actor):
        found = found.filter(actor_id=key)
    for kind in KINDS:
        if kind.key == filters.kind:
            verbs = Q()
            for verb in kind.verbs:
                verbs |= Q(action__endswith=f".{verb}")
            found = found.filter(verbs)
    if filters.target in OBJECTS:
        found = found.filter(target_type=filters.target)
    if filters.first_day:
        found = found.filter(at__gte=datetime.combine(filters.first_day, time.min, zone))
    if filters.last_day and filters.last_day < date.max:
        found = found.filter(at__lt=datetime.combine(filters.last_day + timedelta(days=1), time.min, zone))
    return found.order_by("-at", "-id")


def page_of(found: QuerySet[AuditEvent], before: str, size: int) -> tuple[list[AuditEvent], bool]:
    """The first `size` of these events behind the one with the key `before`, and whether there are more.

    Without such an event they are the newest.
    """
    last = found.model.objects.filter(pk=key).first() if (key := _as_key(before)) else None
    if last is not None:
        found = found.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk))
    rows = list(found[: size + 1])
    return rows[:size], len(rows) > size


def actors_of(workspace_id: UUID) -> list[tuple[UUID, str]]:
    """Who has done anything in the workspace, by the name he last had."""
    seen = (
        AuditEvent.objects.filter(workspace=workspace_id)
        .exclude(actor=None)
        .order_by("actor_id", "-at")
        .distinct("actor_id")
    )
    return sorted(
        ((key, name) for key, name in seen.values_list("actor_id", "actor_name") if key),
        key=lambda actor: (actor[1].casefold(), actor[0]),
    )


def counts_by_day(
    workspace_id: UUID, today: date, zone: ZoneInfo, days: int = 7
) -> Iterator[tuple[date, int]]:
    """How many events each of the last `days` local days had, today last."""
    first = today - timedelta(days=days - 1)
    counted = dict(
        AuditEvent.objects.filter(workspace=workspace_id, at__gte=datetime.combine(first, time.min, zone))
        .annotate(day=TruncDate("at", tzinfo=zone))
        .values_list("day")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return ((day, counted.get(day, 0)) for day in (first + timedelta(days=n) for n in range(days)))


def counts_by_action(workspace_id: UUID, since: datetime) -> dict[str, int]:
    """How often each action was done since then."""
    found = AuditEvent.objects.filter(workspace=workspace_id, at__gte=since).order_by()
    return dict(found.values_list("action").annotate(count=Count("pk")))


def _as_key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
