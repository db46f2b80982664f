"""Times held for one-offs as placeholders in the host's own calendar."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from one_off.models import OfferedSlot, OneOff
from workestra.calendars.placeholders import Held, Placeholders


def _held(slot_id: UUID, user_id: UUID, now: datetime) -> Held | None:
    """An offered time while it is held; None once it is picked, withdrawn, expired or gone."""
    slot = OfferedSlot.objects.filter(pk=slot_id, withdrawn_at=None).select_related("one_off").first()
    if slot is None:
        return None
    one_off = slot.one_off
    if not one_off.reserve or one_off.host_id != user_id or one_off.state_at(now) != OneOff.State.OPEN:
        return None
    whom = one_off.invitee_name or one_off.invitee_email
    return Held(
        slot.period,
        "one-off",
        one_off.title,
        f"Offered to {whom}. " * bool(whom) + "It goes by itself when another time is picked.",
    )


PLACEHOLDERS: Final = Placeholders("one-off slot", _held)


def begin_placeholders(one_off: OneOff) -> None:
    """Have its held times in the host's calendar, in the transaction that holds them."""
    PLACEHOLDERS.begin(
        workspace_id=one_off.workspace_id,
        time_ids=list(one_off.slots.filter(withdrawn_at=None).values_list("pk", flat=True)),
        user_ids=[one_off.host_id],
    )


def renew_placeholders(one_offs: Sequence[OneOff]) -> None:
    """Have their placeholders stand as their times are held now, in the transaction that changes that."""
    slots = OfferedSlot.objects.filter(one_off__in=[each.pk for each in one_offs])
    PLACEHOLDERS.renew(list(slots.values_list("pk", flat=True)))
