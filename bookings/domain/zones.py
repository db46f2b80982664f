"""The time zones a booker can choose from."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduling.domain.wallclock import zones_in_use
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.clock_words import Clock


@dataclass(frozen=True, slots=True)
class ZoneChoice:
    key: str
    label: str


@lru_cache(maxsize=8)
def zone_choices(minute: datetime, clock: Clock) -> tuple[tuple[str, tuple[ZoneChoice, ...]], ...]:
    """Every zone in use somewhere, under its part of the world, both by name; each with its time at `minute`.

    Pass a datetime cut to the minute: answers are kept.
    """
    areas: dict[str, list[ZoneChoice]] = {}
    for key in zones_in_use():
        areas.setdefault(key.partition("/")[0], []).append(zone_choice(key, minute, clock))
    return tuple(
        (area, tuple(sorted(choices, key=lambda choice: choice.label))) for area, choices in areas.items()
    )


def zone_choice(key: str, minute: datetime, clock: Clock) -> ZoneChoice:
    """ "Berlin (CET), now 15:04". Raises ZoneInfoNotFoundError for a zone that does not exist."""
    zone = ZoneInfo(key)
    place, short = words.city(zone), words.abbreviation(minute, zone)
    name = f"{place} ({short})" if place else short
    return ZoneChoice(key, f"{name}, now {words.clock(minute, zone, clock)}")
