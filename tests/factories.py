"""Makers of rows for tests. Each gives a valid row; a test names only what it is about."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import factory
from factory.django import DjangoModelFactory

from bookings.models import Booking
from scheduling.models import BookingLink, LinkHost
from workestra.accounts.models import Group, GroupMembership, Membership, User, Workspace

PASSWORD = "correct horse battery"


class WorkspaceFactory(DjangoModelFactory[Workspace]):
    name = factory.Sequence(lambda n: f"Workspace {n}")

    class Meta:
        model = Workspace


class UserFactory(DjangoModelFactory[User]):
    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@larkhill.example")
    name = factory.LazyAttribute(lambda user: user.username.title())
    timezone = "Europe/Berlin"

    class Meta:
        model = User


class MembershipFactory(DjangoModelFactory[Membership]):
    workspace = factory.SubFactory(WorkspaceFactory)
    user = factory.SubFactory(UserFactory)
    role = "member"

    class Meta:
        model = Membership


class GroupFactory(DjangoModelFactory[Group]):
    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"Group {n}")

    class Meta:
        model = Group


def join_group(group: Group, member: Membership, *, is_admin: bool = False) -> GroupMembership:
    return GroupMembership.objects.create(group=group, membership=member, is_admin=is_admin)


def make_link(owner: Membership, *, hosts: list[Membership] | None = None, **fields: Any) -> BookingLink:
    """A link of `owner`: weekdays 9 to 17 Berlin time, 30 minutes, no notice, unless `fields` say otherwise.

    With `hosts` it is a round robin of these, in this order of ids.
    """
    values: dict[str, Any] = {
        "title": "Discovery Call",
        "slug": f"{owner.user.username}-discovery-call-{uuid4().hex[:6]}",
        "timezone": "Europe/Berlin",
        "minimum_notice_hours": 0,
        "location_type": "phone",
        "strategy": BookingLink.Strategy.ROUND_ROBIN if hosts else BookingLink.Strategy.INDIVIDUAL,
    } | fields
    link = BookingLink.objects.create(workspace=owner.workspace, owner=owner.user, **values)
    for host in hosts or [owner]:
        LinkHost.objects.create(link=link, user=host.user)
    return link


def make_booking(link: BookingLink, start: datetime, now: datetime, **booker: Any) -> Booking:
    """A real booking through the service, by Priya unless `booker` says otherwise."""
    from bookings.services.booking import Booker, book

    details: dict[str, Any] = {
        "name": "Priya Raman",
        "email": "priya@saltmarsh.example",
        "timezone": "America/New_York",
    } | booker
    return book(link=link, start=start, booker=Booker(**details), nonce=uuid4(), now=now).booking
