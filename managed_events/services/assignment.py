"""Giving people their links of a template, and taking the template's hand off them again."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import DatabaseError, transaction

from managed_events import selectors
from managed_events.domain.assignment import Outcome, Result
from managed_events.log import record
from managed_events.models import ManagedEventTemplate
from managed_events.selectors import Proposal
from managed_events.services.templates import lock_template
from scheduling.models import BookingLink
from scheduling.services.addresses import BadSlug, SlugTaken, free_slug
from scheduling.services.links import (
    Assigned,
    create_link,
    detach_link,
    remove_link,
)
from scheduling.services.payments import NoPayments
from workestra.accounts.models import Membership, User

logger = logging.getLogger(__name__)

ADDRESS_TRIES: Final = 5


class NotAssigned(Exception):
    """The link is not one of this template's (any more). Nothing was written."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One outcome per person, in the order asked for; `event_id` is the audit event that keeps them."""

    event_id: UUID
    outcomes: tuple[Outcome, ...]


def assign(
    *,
    template: ManagedEventTemplate,
    people: Sequence[Membership],
    actor: User | None,
    now: datetime,
    addresses: Mapping[UUID, str] | None = None,
) -> Assignment:
    """Give each of these members a link of the template, with all its values and locks as they stand.

    `addresses` maps a membership's key to the address wanted for it instead of the pattern's. A taken address of
    the pattern's making gets the next free number; a chosen one is not changed. Whatever happens with one person
    leaves the others alone. Without an actor the system did it.

    Raises: TemplateGone.
    """
    with transaction.atomic():
        current = lock_template(template)
        active = set(selectors.active_people(current, people))
        assigned = set(current.links.values_list("owner_id", flat=True))
        proposals = selectors.proposed_addresses(current, people, now)
        outcomes = []
        for member in people:
            if member.pk not in active:
                outcomes.append(_skipped(member, "No longer in this workspace."))
            elif member.user_id in assigned:
                outcomes.append(_skipped(member, "Already has a link of this template."))
            else:
                chosen = (addresses or {}).get(member.pk)
                outcomes.append(_assign_one(current, member, proposals[member.pk], chosen, actor, now))
                assigned.add(member.user_id)
        event = record(
            "template.assigned",
            current,
            now,
            actor=actor,
            detail={
                "version": current.version,
                "created": sum(outcome.result == Result.CREATED for outcome in outcomes),
                "adopted": 0,
                "skipped": sum(outcome.result == Result.SKIPPED for outcome in outcomes),
                "people": [outcome.as_json() for outcome in outcomes],
            },
        )
    return Assignment(event.pk, tuple(outcomes))


def detach(
    *, template: ManagedEventTemplate, link_id: UUID, delete: bool, actor: User | None, now: datetime
) -> BookingLink:
    """Take a link off the template: it stays as its owner's own, or with `delete` it is gone for good.

    Bookings made on it keep their rows and their manage pages either way.

    Raises: NotAssigned.
    """
    with transaction.atomic():
        links = BookingLink.objects.select_for_update(no_key=True, of=("self",)).select_related("owner")
        link = links.filter(pk=link_id, managed_event_template=template).first()
        if link is None:
            raise NotAssigned
        record(
            "template.detached",
            template,
            now,
            actor=actor,
            before={"locked_sections": list(link.locked_sections), "version": link.template_version},
            detail={"link": link.pk, "name": link.owner.name, "slug": link.slug, "deleted": delete},
        )
        (remove_link if delete else detach_link)(link, now=now, actor=actor)
    return link


def _assign_one(
    template: ManagedEventTemplate,
    member: Membership,
    proposal: Proposal,
    chosen: str | None,
    actor: User | None,
    now: datetime,
) -> Outcome:
    """One person's link. Each try has a savepoint: what fails here leaves the transaction usable."""
    address = chosen or proposal.slug
    for _try in range(ADDRESS_TRIES):
        try:
            with transaction.atomic():
                create_link(
                    owner=member.user,
                    workspace=template.workspace,
                    slug=address,
                    values=template.state.starting_values(member.user.timezone),
                    assigned=Assigned(template.pk, template.locked_sections, template.version),
                    actor=actor,
                    now=now,
                )
        except SlugTaken:
            if chosen:
                break
            address = free_slug(proposal.wanted)  # Somebody was faster since the proposal was made.
        except (BadSlug, NoPayments) as error:
            return _skipped(member, str(error), slug=address)
        except DatabaseError:
            logger.exception("No link of template %s for %s", template.pk, member.pk)
            return _skipped(member, "This link could not be made. Try again.", slug=address)
        else:
            return Outcome(member.user.name, Result.CREATED, slug=address, wanted=proposal.wanted)
    return _skipped(member, "This address is taken. Choose another one.", slug=address)


def _skipped(member: Membership, reason: str, slug: str = "") -> Outcome:
    return Outcome(member.user.name, Result.SKIPPED, slug=slug, reason=reason)
