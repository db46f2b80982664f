"""Making a link that somebody made himself one of a template's: its address and its bookings stay."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from managed_events import plans, selectors
from managed_events.domain.assignment import Outcome, Result
from managed_events.domain.plan import Plan
from managed_events.log import record
from managed_events.models import ManagedEventTemplate
from managed_events.services.assignment import Assignment
from managed_events.services.news import tell_adopted
from managed_events.services.templates import NotAsShown, lock_template
from scheduling.models import BookingLink
from scheduling.services.links import Assigned, adopt_link, hold_schedules
from scheduling.services.payments import NoPayments, refuse_unpayable
from workestra.accounts.models import User


class NotAdoptable(Exception):
    """The link cannot join the template (any more); the text says why. Nothing was written."""


def adopt(
    *,
    template: ManagedEventTemplate,
    link_id: UUID,
    take: Collection[str],
    actor: User,
    shown: str,
    now: datetime,
) -> Assignment:
    """Make the link one of the template's: locked sections follow it, of the open ones those in `take`.

    Only what the page showed is done; `shown` is its plan's token. Its owner is told, unless he did it himself.

    Raises: NotAsShown, NotAdoptable, TemplateGone; ScheduleGone when the template's hours are just being deleted.
    """
    with transaction.atomic():
        current = lock_template(template)
        hold_schedules(current.workspace_id, [current.schedule_id])
        links = BookingLink.objects.select_for_update(no_key=True, of=("self",)).select_related("owner")
        link = links.filter(pk=link_id, workspace=current.workspace_id).first()
        if link is None:
            raise NotAdoptable("This link was deleted a moment ago.")
        if why := selectors.why_not_adoptable(current, link):
            raise NotAdoptable(why)
        plan = plans.of_adoption(current, link, take)
        if not plan.is_shown_by(shown):
            raise NotAsShown(plan)
        try:
            refuse_unpayable(plan.changes[0].writes, before=link.requires_payment)
        except NoPayments as refused:
            raise NotAdoptable(str(refused)) from refused
        outcome = _write(current, link, plan, actor, now)
        event = record(
            "template.assigned",
            current,
            now,
            actor=actor,
            before=plan.changes[0].before,
            after=dict(plan.changes[0].writes),
            detail={
                "version": current.version,
                "link": link.pk,
                "created": 0,
                "adopted": 1,
                "skipped": 0,
                "people": [outcome.as_json()],
            },
        )
        tell_adopted(link, current, event)
    return Assignment(event.pk, (outcome,))


def _write(
    template: ManagedEventTemplate, link: BookingLink, plan: Plan, actor: User, now: datetime
) -> Outcome:
    (change,) = plan.changes
    adopt_link(
        link,
        assigned=Assigned(template.pk, change.locks, template.version),
        values=change.writes,
        now=now,
        actor=actor,
    )
    return Outcome(link.owner.name, Result.ADOPTED, slug=link.slug, wanted=link.slug)
