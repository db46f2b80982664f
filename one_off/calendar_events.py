"""Times held for one-offs as placeholders in the host's own calendar."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from one_off.models import OfferedSlot, OneOff
from one_off.selectors import HOLD
from workestra.calendars import services as calendars
from workestra.calendars.providers.provider import ProviderEvent
from workestra.calendars.registry import Topic, register

MARK: Final = "[Workestra: hold for one-off]"


def placeholder_of(slot_id: UUID, user_id: UUID, key: UUID, now: datetime) -> ProviderEvent | None:
    """The placeholder of an offered time while it is held; None once it is picked, withdrawn, expired or gone."""
    slot = OfferedSlot.objects.filter(pk=slot_id, withdrawn_at=None).select_related("one_off").first()
    if slot is None:
        return None
    one_off = slot.one_off
    if not one_off.reserve or one_off.host_id != user_id or one_off.state_at(now) != OneOff.State.OPEN:
        return None
    whom = one_off.invitee_name or one_off.invitee_email
    return ProviderEvent(
        key=key,
        period=slot.period,
        summary=f"{MARK} {one_off.title}",
        description=f"Offered to {whom}. " * bool(whom) + "It goes by itself when another time is picked.",
    )


register(HOLD, Topic(placeholder_of))


def begin_placeholders(one_off: OneOff) -> None:
    """Have its held times in the host's calendar, in the transaction that holds them."""
    calendars.begin_events(
        workspace_id=one_off.workspace_id,
        topic=HOLD,
        topic_ids=list(one_off.slots.filter(withdrawn_at=None).values_list("pk", flat=True)),
        user_ids=[one_off.host_id],
    )


def renew_placeholders(one_offs: Sequence[OneOff]) -> None:
    """Have their placeholders stand as their times are held now, in the transaction that changes that."""
    calendars.renew_events(HOLD, _slots_of(one_offs))


def _slots_of(one_offs: Sequence[OneOff]) -> list[UUID]:
    slots = OfferedSlot.objects.filter(one_off__in=[each.pk for each in one_offs])
    return list(slots.values_list("pk", flat=True))
