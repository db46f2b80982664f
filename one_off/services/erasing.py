"""Taking a person out of what he was offered, and what he proposed. In the caller's transaction."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from one_off.models import OfferedSlot, OneOff, Proposal
from scheduling.services import busy_time
from workestra.accounts.domain.tokens import token_hash
from workestra.audit.erasing import ERASED, Traces
from workestra.calendars import erasing as calendars


def erase(
    *, one_offs: Sequence[OneOff], proposals: Sequence[Proposal], traces: Traces, now: datetime
) -> dict[UUID, tuple[str, ...]]:
    """Take him out of these; gives what is written about them is about, as `outbox.erase` takes it.

    None of the one-offs may be open. Their addresses lead nowhere any more. A proposal that waits is declined; he is
    not told.
    """
    for one_off in one_offs:
        busy_time.relabel(one_off.pk, traces.out_of)
        OneOff.objects.filter(pk=one_off.pk).update(
            title=traces.out_of(one_off.title)[:120],
            description=traces.out_of(one_off.description),
            location_detail=traces.out_of(one_off.location_detail)[:300],
            token_hash=token_hash(secrets.token_urlsafe(32)),
        )
        if not one_off.invitee_email or traces.has_address(one_off.invitee_email):
            # Otherwise it was offered to somebody else, who is expected still.
            OneOff.objects.filter(pk=one_off.pk).update(
                invitee_name=ERASED if one_off.invitee_name else "", invitee_email=""
            )
    Proposal.objects.filter(pk__in=[proposal.pk for proposal in proposals]).update(
        name=ERASED, email="", phone="", message=""
    )
    waiting = Proposal.objects.filter(
        pk__in=[proposal.pk for proposal in proposals], state=Proposal.State.WAITING
    )
    waiting.update(state=Proposal.State.DECLINED, answered_at=now)
    slots = OfferedSlot.objects.filter(one_off__in=one_offs).values_list("pk", flat=True)
    calendars.erase(set(slots), traces)
    nobody: tuple[str, ...] = ()
    return dict.fromkeys((one_off.pk for one_off in one_offs), nobody) | {
        proposal.pk: (proposal.email,) for proposal in proposals
    }
