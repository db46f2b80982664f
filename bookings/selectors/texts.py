"""Whether bookers are asked to agree to text messages."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from scheduling.domain.workflows import Channel, To
from scheduling.models import BookingLink, WorkflowStep
from workestra.accounts.models import Workspace
from workestra.sms import setup
from workestra.sms.domain.words import agreement
from workestra.sms.numbers import region_of_zone


@dataclass(frozen=True, slots=True)
class Texts:
    """What a booker agrees to with a tick, and the country where numbers without a "+" are dialled."""

    wording: str
    region: str


def texts_offered(link: BookingLink) -> Texts | None:
    """What bookers of the link are asked; None when no workflow would text them, which takes one query at the most."""
    return texts_of(link.workspace, link.zone, link.workflow_ids, link.has_workflows_of)


def texts_of(
    workspace: Workspace, zone: str, workflow_ids: Collection[str] = (), own_of: UUID | None = None
) -> Texts | None:
    """The same of a page with these workflows, and those of this member's own, whose times are in `zone`."""
    if not setup.is_ready():
        return None
    steps = WorkflowStep.objects.filter(
        Q(workflow__owner=None) | Q(workflow__owner=own_of),
        Q(workflow__every_link=True) | Q(workflow__in=list(workflow_ids)),
        workflow__workspace=workspace,
        workflow__deleted_at=None,
        workflow__is_paused=False,
        channel=Channel.SMS,
        to=To.BOOKER,
    )
    return Texts(agreement(workspace.name), region_of_zone(zone)) if steps.exists() else None
