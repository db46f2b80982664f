"""An offered time as pages print it, in the zone of the one who reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.views.picker import Host, Time
from one_off.domain.offers import SlotState
from one_off.models import OneOff
from one_off.selectors import Clash, OfferedTime
from workestra.calendars.domain import clock_words as words


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Time):
    """An offered time with what else its host has then. `leaf` is its day on a calendar sheet: ("Wed", "11", "Nov")."""

    slot_id: UUID
    state: SlotState
    is_next_year: bool
    """Whether its year has to be printed: it is not the one that is now."""
    clashes: Sequence[Clash] = ()

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def leaf(self) -> tuple[str, str, str]:
        day = self.start.astimezone(self.zone).date()
        name, number, month = words.day(day).split()
        return name, number, f"{month} {day.year}" if self.is_next_year else month


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
        state=offered.state,
        is_next_year=slot.starts_at.astimezone(zone).year != now.astimezone(zone).year,
        clashes=offered.clashes,
    )
