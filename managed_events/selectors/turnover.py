"""Reads about who joins and who leaves: newcomers, and what people leave behind."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from bookings.models import Booking
from managed_events.models import (
    Considered,
    ManagedEventTemplate,
    StandingAssignment,
)
from scheduling.models import BookingLink
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership

Row = TypeVar("Row", BookingLink, Booking)


def standing_scopes(template: ManagedEventTemplate) -> set[UUID | None]:
    """Keys of the groups whose newcomers get a link of the template; None among them for the whole workspace's."""
    return set(template.standing.values_list("group", flat=True))


def members_in(standing: StandingAssignment) -> QuerySet[Membership]:
    """Active members whom this standing assignment is about."""
    members = accounts.active_members(standing.template.workspace)
    return members.filter(groups=standing.group_id) if standing.group_id else members


def newcomers(standing: StandingAssignment) -> list[Membership]:
    """Those of them whom it has not dealt with yet, by name."""
    considered = Considered.objects.filter(standing=standing, membership=OuterRef("pk"))
    return list(members_in(standing).filter(~Exists(considered)))


def templates_with_newcomers() -> list[ManagedEventTemplate]:
    """Templates with a standing assignment that has somebody to deal with. One query."""
    active = Membership.objects.filter(
        is_active=True, user__is_active=True, workspace=OuterRef("template__workspace")
    ).filter(~Exists(Considered.objects.filter(standing=OuterRef(OuterRef("pk")), membership=OuterRef("pk"))))
    waiting = StandingAssignment.objects.filter(
        Q(Exists(active), group=None) | Q(Exists(active.filter(groups=OuterRef("group"))))
    )
    return list(ManagedEventTemplate.objects.filter(standing__in=waiting).distinct())


def links_of_leavers() -> list[BookingLink]:
    """Assigned links whose owner is no active member of their workspace any more, with template and owner."""
    links = _without_active(BookingLink.objects.exclude(managed_event_template=None), "owner")
    return list(links.select_related("owner", "managed_event_template").order_by("pk"))


def links_left_behind(workspace_id: UUID) -> QuerySet[BookingLink]:
    """Links, of a template or not, whose owner is no active member any more, with owners, by their name and title."""
    links = _without_active(BookingLink.objects.filter(workspace=workspace_id), "owner")
    return links.select_related("owner").order_by("owner__name", "owner", "title", "pk")


def meetings_of_leavers(workspace_id: UUID, now: datetime) -> QuerySet[Booking]:
    """Meetings to come whose host is no active member of the workspace any more, by host's name and time."""
    meetings = Booking.objects.filter(
        workspace=workspace_id, status=Booking.Status.CONFIRMED, starts_at__gt=now
    )
    return _without_active(meetings, "host").order_by("host__name", "host", "starts_at", "pk")


def _without_active(rows: QuerySet[Row], user: str) -> QuerySet[Row]:
    """Those of these rows whose `user` is no active member of their workspace."""
    member = Membership.objects.filter(
        workspace=OuterRef("workspace"), user=OuterRef(user), is_active=True, user__is_active=True
    )
    return rows.filter(~Exists(member))


def with_bookers(meetings: Iterable[Booking]) -> list[Booking]:
    """These meetings with their links, hosts and attendees, in their order."""
    keys = [meeting.pk for meeting in meetings]
    found = (
        Booking.objects.select_related("host", "link").prefetch_related("attendees", "co_hosts").in_bulk(keys)
    )
    return [found[key] for key in keys]


def with_meetings_ahead(links: QuerySet[BookingLink], now: datetime) -> QuerySet[BookingLink]:
    """Each link with `ahead`: how many confirmed meetings are to come on it."""
    ahead = Q(bookings__status=Booking.Status.CONFIRMED, bookings__starts_at__gt=now)
    return links.annotate(ahead=Count("bookings", filter=ahead))
