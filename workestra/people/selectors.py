"""What hangs on a person or a group in the apps below."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from bookings.models import Booking
from managed_events.models import ManagedEventTemplate
from one_off.models import OneOff
from one_off.selectors import in_state
from scheduling.models import BookingLink, Workflow
from scheduling.selectors import workflows_owned
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Group, Membership, Workspace
from workestra.notifications.models import OutboxMessage
from workestra.notifications.selectors import messages_about


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a member would leave behind, or has: meetings to come, links by title, one-offs that wait for an answer."""

    meetings: int
    own_links: Sequence[BookingLink]
    managed_links: Sequence[BookingLink]
    pools: Sequence[BookingLink]
    """Links of others on which he is one of the hosts."""
    one_offs: Sequence[OneOff]
    workflows: Sequence[Workflow]
    """His own, for his links alone."""

    @property
    def links(self) -> int:
        return len(self.own_links) + len(self.managed_links)

    @property
    def nothing(self) -> bool:
        return not (self.meetings or self.links or self.pools or self.one_offs or self.workflows)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An invitation that nobody has accepted yet, with the last mail about it, if there is one."""

    member: Membership
    mail: OutboxMessage | None


def belongings(member: Membership, now: datetime) -> Belongings:
    links = (
        BookingLink.objects.filter(workspace=member.workspace)
        .select_related("managed_event_template", "owner")
        .order_by("title", "pk")
    )
    own = list(links.filter(owner=member.user))
    return Belongings(
        meetings=Booking.objects.filter(
            workspace=member.workspace, host=member.user, status=Booking.Status.CONFIRMED, starts_at__gt=now
        ).count(),
        own_links=[link for link in own if link.managed_event_template is None],
        managed_links=[link for link in own if link.managed_event_template is not None],
        pools=list(links.filter(hosts__user=member.user).exclude(owner=member.user).distinct()),
        one_offs=list(
            OneOff.objects.filter(
                in_state(OneOff.State.OPEN, now), workspace=member.workspace, host=member.user
            ).order_by("title", "pk")
        ),
        workflows=workflows_owned(member),
    )


def invitations_waiting(workspace: Workspace) -> list[Waiting]:
    """Invitations nobody has accepted yet, the latest first. Two queries."""
    members = list(
        Membership.objects.filter(workspace=workspace)
        .exclude(invited_at=None)
        .select_related("user")
        .order_by("-invited_at", "pk")
    )
    last: dict[object, OutboxMessage] = {}
    for mail in messages_about(*(member.pk for member in members)) if members else ():
        last.setdefault(mail.topic_id, mail)
    return [Waiting(member, last.get(member.pk)) for member in members]


def groups_of(workspace: Workspace) -> list[Group]:
    """The workspace's groups by name with their `people`, and how many templates each has (`template_count`)."""
    return list(
        accounts.groups_of(workspace)
        .annotate(template_count=Count("templates", distinct=True))
        .order_by("name")
    )


def templates_standing_for(group: Group) -> list[ManagedEventTemplate]:
    """Templates whose links newcomers of this group are given, by title."""
    return list(ManagedEventTemplate.objects.filter(standing__group=group).order_by("title", "pk"))


def templates_of(group: Group) -> list[ManagedEventTemplate]:
    """Templates the group's admins manage, by title, each with `link_count`: how many people have one of its links."""
    return list(
        ManagedEventTemplate.objects.filter(group=group)
        .annotate(link_count=Count("links"))
        .order_by("title", "pk")
    )
