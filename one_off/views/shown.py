"""An offered time as pages print it, in the zone of the one who reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bookings.selectors.taken import Clash
from bookings.views import offered as picking
from bookings.views.picker import Host
from one_off.domain.offers import SlotState
from one_off.models import OneOff
from one_off.selectors import OfferedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(picking.OfferedTime):
    """An offered time with what else its host has then."""

    state: SlotState
    clashes: Sequence[Clash] = ()


def host_of(one_off: OneOff) -> Host:
    """Whom the invitee meets; `about` is where he works."""
    host = one_off.host
    return Host(host.name, host.first_name, one_off.workspace.name, ZoneInfo(one_off.timezone))


def shown(offered: OfferedTime, zone: ZoneInfo, host: Host, now: datetime, chosen: str = "") -> Shown:
    """The time in this zone. `chosen` is the id of the slot that is ticked, if any."""
    slot = offered.slot
    return Shown(
        slot.starts_at,
        slot.ends_at,
        zone,
        host,
        is_chosen=str(slot.pk) == chosen,
        slot_id=slot.pk,
        can_be_picked=offered.state.can_be_picked,
        is_next_year=picking.is_next_year(slot.starts_at, zone, now),
        state=offered.state,
        clashes=offered.clashes,
    )
