"""A fixed list of offered times as a booker picks from it: a one-off's, or other times for a booking of his."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.domain.zones import ZoneChoice, zone_choice, zone_choices
from bookings.views.picker import Host, Time
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.clock_words import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTime(Time):
    """One of the times. `leaf` is its day on a calendar sheet: ("Wed", "11", "Nov")."""

    slot_id: UUID
    is_next_year: bool
    """Whether its year has to be printed: it is not the one that is now."""
    can_be_picked: bool = True

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def leaf(self) -> tuple[str, str, str]:
        day = self.start.astimezone(self.zone).date()
        name, number, month = words.day(day).split()
        return name, number, f"{month} {day.year}" if self.is_next_year else month


def is_next_year(start: datetime, zone: ZoneInfo, now: datetime) -> bool:
    return start.astimezone(zone).year != now.astimezone(zone).year


@dataclass(frozen=True, slots=True)
class OfferedTimes:
    """The list with the zone it is read in. `times` are those that have not begun, in order."""

    host: Host
    zone: ZoneInfo
    now: datetime
    times: Sequence[OfferedTime]
    clock: Clock

    @property
    def chosen(self) -> OfferedTime | None:
        """The ticked time, unless it has gone."""
        return next((time for time in self.times if time.can_be_picked and time.is_chosen), None)

    @property
    def is_over(self) -> bool:
        """Whether nothing can be picked any more."""
        return not any(time.can_be_picked for time in self.times)

    @property
    def suggested_zones(self) -> list[ZoneChoice]:
        """The zone that is shown, then the host's."""
        keys = dict.fromkeys([self.zone.key, self.host.zone.key])
        return [zone_choice(key, self.now, self.clock) for key in keys]

    @property
    def zones(self) -> tuple[tuple[str, tuple[ZoneChoice, ...]], ...]:
        return zone_choices(self.now.replace(second=0, microsecond=0), self.clock)
