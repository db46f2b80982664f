"""Giving a link that somebody has left behind to somebody who is here."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from scheduling.models import BookingLink, LinkHost, Workflow
from scheduling.services.links import TARGET, detach_link
from scheduling.services.schedules import HOURS
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership, User
from workestra.audit import services as audit
from workestra.audit.models import AuditEvent

HANDED_OVER = "link.handed_over"


class NotToBeGiven(Exception):
    """The link is gone, its owner is (again) here, or who is to have it is not. Nothing was written."""


def give_link(*, link_id: UUID, to: Membership, actor: User, now: datetime) -> AuditEvent:
    """Make `to` the owner of a link whose owner is no active member of the workspace any more; what was recorded.

    Who hosted it because it was his is followed by the new owner; the hosts of a pool stay. Hours of a schedule of
    the former owner, which nobody can change any more, become the link's own, and his own workflows are taken off;
    every other setting, the address and the bookings stay. A link that its template still has is taken off it first.

    Raises: NotToBeGiven.
    """
    with transaction.atomic():
        here = Membership.objects.select_for_update(no_key=True, of=("self",))
        taker = here.filter(pk=to.pk, is_active=True, user__is_active=True).select_related("user").first()
        links = BookingLink.objects.select_for_update(no_key=True, of=("self",))
        link = links.select_related("owner", "schedule").filter(pk=link_id, workspace=to.workspace_id).first()
        if taker is None or link is None:
            raise NotToBeGiven
        former = link.owner
        if accounts.active_members_of(to.workspace_id).filter(user=former).exists():
            raise NotToBeGiven
        if link.is_managed:
            detach_link(link, now=now, actor=actor)
        schedule = link.schedule
        if schedule is not None and schedule.owner_id == former.pk:
            link.schedule = None
            for field in HOURS:
                setattr(link, field, getattr(schedule, field))
        link.owner = taker.user
        link.workflow_ids = _without_own(link.workflow_ids, former)
        link.save(update_fields=["owner", "schedule", "workflow_ids", *HOURS])
        if link.strategy in {BookingLink.Strategy.INDIVIDUAL, BookingLink.Strategy.GROUP}:
            link.hosts.all().delete()
            LinkHost.objects.create(link=link, user=taker.user)
        return audit.record(
            workspace_id=link.workspace_id,
            action=HANDED_OVER,
            target_type=TARGET,
            target_id=link.pk,
            target_name=link.title,
            at=now,
            actor=actor,
            before={"owner": former.name},
            after={"owner": taker.user.name},
        )


def _without_own(workflow_ids: list[str], former: User) -> list[str]:
    own = Workflow.objects.filter(pk__in=workflow_ids, owner=former)
    keys = {str(key) for key in own.values_list("pk", flat=True)}
    return [key for key in workflow_ids if key not in keys]
