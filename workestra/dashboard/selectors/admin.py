"""What the overview for admins tells, in a number of queries that does not grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Prefetch, QuerySet

from managed_events.domain.lint import Finding, lint
from managed_events.models import ManagedEventTemplate, Propagation
from managed_events.plans import AHEAD, CHECKED
from managed_events.selectors import links_out_of_step, surroundings_of_each
from scheduling.models import BookingLink
from scheduling.times_of_many import starts_offered
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.dashboard.domain.standing import Scarcity, Standing, scarcity
from workestra.notifications.models import OutboxMessage
from workestra.notifications.selectors import dead_messages, struggling_messages

WEEK: Final = timedelta(days=7)
FEW: Final = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A template, how its links stand, its latest run, and what is likely not meant about it."""

    template: ManagedEventTemplate
    standing: Standing
    run: Propagation | None
    warnings: Sequence[Finding]

    @property
    def is_running(self) -> bool:
        return self.run is not None and self.run.state == Propagation.State.RUNNING

    @property
    def urgency(self) -> int:
        """What is wrong comes before what should be looked at, and that before the rest."""
        return 0 if self.standing.out_of_step else 1 if self.warnings else 2


@dataclass(frozen=True, slots=True)
class Scarce:
    link: BookingLink
    scarcity: Scarcity


@dataclass(frozen=True, slots=True)
class Times:
    """Of `asked` links out of `links`, those that offer no time in the next fourteen days, and those with few left."""

    none: Sequence[Scarce]
    few: Sequence[Scarce]
    asked: int
    links: int


@dataclass(frozen=True, slots=True)
class Mails:
    """How many were given up, still struggle, and were delivered within a week; up to five of either of the former."""

    given_up: int
    trying: int
    delivered: int
    rows: Sequence[OutboxMessage]


def lines_of(templates: QuerySet[ManagedEventTemplate]) -> list[Line]:
    """Each of these templates of one workspace, the worst first, then by title."""
    runs = Propagation.objects.order_by("-version", "-started_at")[:1]
    found = list(
        templates.annotate(link_count=Count("links"))
        .prefetch_related(Prefetch("propagations", queryset=runs, to_attr="last_runs"))
        .order_by("title", "pk")
    )
    counted = links_out_of_step(found).order_by().values_list("managed_event_template").annotate(Count("pk"))
    crooked = dict(counted) if found else {}
    surroundings = surroundings_of_each(found) if found else {}
    lines = []
    for template in found:
        run = template.last_runs[0] if template.last_runs else None
        to_go = (
            max(0, run.links_total - run.links_done) if run and run.state == Propagation.State.RUNNING else 0
        )
        standing = Standing(template.link_count, crooked.get(template.pk, 0), min(to_go, template.link_count))
        lines.append(Line(template, standing, run, lint(template.state, surroundings[template.pk])))
    return sorted(lines, key=lambda line: line.urgency)


def times_of(links: QuerySet[BookingLink], zone: ZoneInfo, now: datetime) -> Times:
    """What those of these links that take bookings offer in the next fourteen days; at most `CHECKED` are asked.

    By owner's name; days in words are those of `zone`.
    """
    taking = links.filter(paused_at=None).select_related("owner").order_by("owner__name", "pk")
    asked = list(taking[: CHECKED + 1])
    count = taking.count() if len(asked) > CHECKED else len(asked)
    asked = asked[:CHECKED]
    offered = starts_offered(asked, Period(now, now + AHEAD), now)
    scarce = [
        Scarce(link, found) for link in asked if (found := scarcity(offered.get(link.pk, ()), zone, now))
    ]
    return Times(
        [row for row in scarce if not row.scarcity.left],
        [row for row in scarce if row.scarcity.left],
        len(asked),
        count,
    )


def mails_of(workspace_id: UUID, now: datetime) -> Mails:
    dead, struggling = dead_messages(workspace_id), struggling_messages(workspace_id)
    recent = OutboxMessage.objects.filter(workspace=workspace_id, sent_at__gt=now - WEEK)
    return Mails(
        dead.count(),
        struggling.count(),
        recent.count(),
        [*struggling[:FEW], *dead[:FEW]],
    )


def people_with(links: QuerySet[BookingLink], workspace_id: UUID) -> QuerySet[Membership]:
    """Active members who have one of these links."""
    return Membership.objects.filter(
        user__in=links.order_by().values("owner"),
        workspace=workspace_id,
        is_active=True,
        user__is_active=True,
    )
