"""Offered times as a host pastes them into a mail: in the reader's zone, each with the address that picks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.period import Period

_NUMBERS: Final = ("", "one time", "two times", "three times", "four times", "five times", "six times")


@dataclass(frozen=True, slots=True)
class Line:
    """A time in words ("Wed 11 Nov, 17:30 – 18:15") and the address of the page with this time ticked."""

    time: str
    url: str


@dataclass(frozen=True, slots=True)
class Mailable:
    """Words for a mail. `intro` names the zone, with its abbreviation ("Madrid time (CET)") unless the clocks change
    between the times: then each names its own."""

    intro: str
    lines: tuple[Line, ...]
    url: str

    @property
    def text(self) -> str:
        """Plain text, the addresses on lines of their own, so that no mail program breaks one."""
        rows = [self.intro, ""]
        for number, line in enumerate(self.lines, start=1):
            rows += [f"{number}. {line.time}", f"   {line.url}"]
        return "\n".join([*rows, "", f"All of them on one page: {self.url}"])


def mailable(title: str, times: Sequence[tuple[Period, str]], zone: ZoneInfo, url: str) -> Mailable:
    """The words for these times, at least one, in their order."""
    short = {words.abbreviation(period.start, zone) for period, _url in times}
    is_one = len(short) == 1
    place = words.zone_in_public(times[0][0].start, zone) if is_one else f"{words.city(zone)} time"
    count = _NUMBERS[len(times)] if len(times) < len(_NUMBERS) else f"{len(times)} times"
    verb = "is" if len(times) == 1 else "are"
    return Mailable(
        f"Here {verb} {count} for {title}, {place}. Pick the one that suits you:",
        tuple(Line(_time(period, zone, with_zone=not is_one), address) for period, address in times),
        url,
    )


def _time(period: Period, zone: ZoneInfo, *, with_zone: bool) -> str:
    day = words.day(period.start.astimezone(zone).date())
    spelled = f"{day}, {words.clock_range(period.start, period.end, zone)}"
    return f"{spelled} {words.abbreviation(period.start, zone)}" if with_zone else spelled
