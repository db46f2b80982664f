"""The audit log, for admins and owners of the workspace."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any, Final, Protocol
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers
from django_htmx.middleware import HtmxDetails

from workestra.audit import selectors
from workestra.audit.models import AuditEvent
from workestra.audit.selectors import Filters
from workestra.audit.services import SYSTEM
from workestra.audit.words import KINDS, OBJECTS, Change, Kind, changes_of, kind_of, story_of, thing_of
from workestra.look.csv_file import csv_response

PAGE: Final = 50
NAMES: Final = ("q", "actor", "kind", "target", "from", "to")
CSV_HEAD: Final = ("time (UTC)", "who", "action", "object", "name", "before", "after", "entry")


class _User(Protocol):
    timezone: Any


class _Member(Protocol):
    """A member as far as the log needs to know him: accounts stand above this app."""

    workspace_id: UUID

    @property
    def is_admin(self) -> bool: ...
    @property
    def user(self) -> _User: ...


class LogRequest(HttpRequest):
    member: _Member
    htmx: HtmxDetails


@dataclass(frozen=True, slots=True)
class Row:
    """An event as the page shows it."""

    event: AuditEvent
    kind: Kind
    story: str
    changes: Sequence[Change]

    @property
    def by_system(self) -> bool:
        """Whether nobody did it: neither a member nor a booker."""
        return self.event.actor_id is None and self.event.actor_name == SYSTEM

    @property
    def thing(self) -> str:
        return thing_of(self.event.target_type)


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the chart: `height` is from 0 to 10."""

    day: date
    count: int
    height: int


@require_GET
@vary_on_headers("HX-Request")
def log(request: LogRequest) -> HttpResponseBase:
    """Who did what, newest first; the filters are in the address. `format=csv` gives all that they let through."""
    now = timezone.now()
    if not request.member.is_admin:
        raise PermissionDenied("Only workspace admins can read the audit log.")
    zone = ZoneInfo(request.member.user.timezone)
    typed = {name: request.GET.get(name, "").replace("\x00", "").strip()[:100] for name in NAMES}
    found = selectors.events(request.member.workspace_id, _filters(typed), zone)
    if request.GET.get("format") == "csv":
        rows = map(_cells, found.iterator(chunk_size=500))
        return csv_response(f"audit-log-{now:%Y-%m-%d}.csv", CSV_HEAD, rows)
    events, more = selectors.page_of(found, request.GET.get("before", ""), PAGE)
    query = {name: value for name, value in typed.items() if value}
    context: dict[str, Any] = {
        "days": _days(events, zone),
        "older": urlencode(query | {"before": str(events[-1].pk)}) if more else "",
        "typed": typed,
        "filtered": bool(query),
        "total": found.count(),
        "zone": zone,
        "now": now,
    }
    page = "audit/log.html"
    if request.htmx and request.htmx.target == "older":
        return render(request, f"{page}#entries", context)
    context |= {"export": urlencode(query | {"format": "csv"})}
    if request.htmx:
        return render(request, f"{page}#found", context)
    context |= _overview(request.member.workspace_id, now, zone) | {
        "actors": [(str(key), name) for key, name in selectors.actors_of(request.member.workspace_id)],
        "kinds": KINDS,
        "objects": OBJECTS.items(),
    }
    return render(request, page, context)


def _filters(typed: dict[str, str]) -> Filters:
    return Filters(
        words=typed["q"],
        actor=typed["actor"],
        kind=typed["kind"],
        target=typed["target"],
        first_day=_day(typed["from"]),
        last_day=_day(typed["to"]),
    )


def _day(text: str) -> date | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    # The first and last days of the calendar have no midnight in every zone.
    return day if day and date(1970, 1, 1) < day < date(9999, 1, 1) else None


def _days(events: Iterable[AuditEvent], zone: ZoneInfo) -> list[Day]:
    by_day = groupby(events, key=lambda event: event.at.astimezone(zone).date())
    return [Day(day, [_row(event) for event in found]) for day, found in by_day]


def _row(event: AuditEvent) -> Row:
    return Row(event, kind_of(event.action), story_of(event), changes_of(event))


def _overview(workspace_id: UUID, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    today = now.astimezone(zone).date()
    days = list(selectors.counts_by_day(workspace_id, today, zone))
    most = max(count for _day, count in days)
    since = datetime.combine(today - timedelta(days=6), time.min, zone)
    by_kind: Counter[Kind] = Counter()
    for action, count in selectors.counts_by_action(workspace_id, since).items():
        by_kind[kind_of(action)] += count
    return {
        "bars": [Bar(day, count, -(-10 * count // most) if most else 0) for day, count in days],
        "by_kind": by_kind.most_common(6),
    }


def _cells(event: AuditEvent) -> tuple[str, ...]:
    changes = changes_of(event)
    return (
        f"{event.at:%Y-%m-%d %H:%M:%S}",
        event.actor_name,
        event.action,
        event.target_type,
        event.target_name,
        "; ".join(f"{change.label}: {change.before}" for change in changes if change.before),
        "; ".join(f"{change.label}: {change.after}" for change in changes if change.after),
        str(event.pk),
    )
