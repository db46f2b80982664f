"""Times held for one-offs as placeholders in the host's own calendar."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from one_off.models import OfferedSlot, OneOff
from workestra.calendars import services as calendars
from workestra.calendars.providers.provider import ProviderEvent
from workestra.calendars.registry import describes

HOLD: Final = "one-off slot"
MARK: Final = "[Workestra: hold for one-off]"


@describes(HOLD)
def placeholder_of(slot_id: UUID, user_id: UUID, key: UUID, now: datetime) -> ProviderEvent | None:
    """The placeholder of an offered time while it is held; None once it is picked, withdrawn, expired or gone."""
    slot = OfferedSlot.objects.filter(pk=slot_id).select_related("one_off").first()
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


def keep_placeholders(one_offs: Sequence[OneOff], *, begin: bool = False) -> None:
    """Have placeholders of one-offs of one workspace stand as their times are held; `begin` makes those that lack."""
    slots = OfferedSlot.objects.filter(one_off__in=[each.pk for each in one_offs])
    calendars.keep_events(
        workspace_id=one_offs[0].workspace_id,
        topic=HOLD,
        topic_ids=list(slots.values_list("pk", flat=True)),
        user_ids={each.host_id for each in one_offs},
        begin=begin,
    )
