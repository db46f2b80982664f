"""Times out of a mail's plain text: "Tue 24 Nov 10:00-10:30, 14:00" or "Tue 10am, Wed 2–3pm", line by line."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_DAY: Final = timedelta(days=1)
_EARLIEST: Final = 7
"""Who writes "2-3" and nothing else hardly means the night: a range of bare hours from before this is asked about."""

_WEEKDAY: Final = (
    r"(?P<weekday>(?a:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?))\b\.?,?"
)  # Letters of English alone: without regard to case a Turkish dotless i would be an i, too.
_MONTH: Final = (
    "(?a:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?)"
)
_DATE: Final = re.compile(
    rf"""(?:{_WEEKDAY}\s*)?(?:the\s+)?(?:
        (?P<iso>\d{{4}}-\d{{1,2}}-\d{{1,2}})
      | (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?\s*(?:of\s+)?(?P<month>{_MONTH})\b\.?
        (?:,?\s*(?P<year>\d{{4}})(?![:\d]))?
      | (?P<month2>{_MONTH})\b\.?\s*(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?![:.\d]|\s*[ap]\.?m)
        (?:,?\s*(?P<year2>\d{{4}})(?![:\d]))?
      | (?P<near>today|tomorrow)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ONLY_WEEKDAY: Final = re.compile(_WEEKDAY, re.IGNORECASE)
_NUMBERED: Final = re.compile(r"\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2})?(?!\d)|\d{1,2}/\d{1,2}(?!\d)")
_CLOCK: Final = (
    r"(?:(?P<{0}h>\d{{1,2}})(?:[:.](?P<{0}m>\d{{2}}))?(?:\s*(?P<{0}x>[ap])\.?m\b\.?|\s*h\b)?"
    r"|(?P<{0}noon>noon|midday))"
)
_TIME: Final = re.compile(
    _CLOCK.format("a") + r"(?:\s*(?:-|\u2013|\u2014|to|until|till)\s*" + _CLOCK.format("b") + r")?(?![\w:])",
    re.IGNORECASE,
)
_FILLER: Final = re.compile(
    r"[\s,;|&()•*·>–—-]+|(?:at|on|and|or|from|between|around|maybe)\b|\d{1,2}[.)]\s+(?=[a-z])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class TypedTime:
    """A start on the reader's clock. `minutes` is how long it lasts, None when no end was written."""

    start: datetime
    minutes: int | None


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of the text: what was found in it, or why it cannot be read (then nothing was)."""

    text: str
    times: tuple[TypedTime, ...] = ()
    problem: str = ""


class _Unreadable(Exception):
    """The message says why, for people."""


def read_times(text: str, now: datetime) -> list[ReadLine]:
    """What every line offers; empty lines are left out. `now` is the wall clock of whoever wrote it, without a zone.

    A day without a year is the next such day; a weekday alone is the next one, today included. A line that names no
    day goes on with the day of the line before. 10 and 10.30 are clock times in a range or with am and pm; a range of
    bare hours that would begin in the night is refused.
    """
    lines: list[ReadLine] = []
    day: date | None = None
    for raw in text.splitlines():
        line = raw.strip()
        if not line:
            continue
        try:
            times, day = _read(line, day, now)
        except _Unreadable as error:
            lines.append(ReadLine(line, problem=str(error)))
        else:
            lines.append(ReadLine(line, tuple(times)))
    return lines


def _read(line: str, day: date | None, now: datetime) -> tuple[list[TypedTime], date | None]:
    times: list[TypedTime] = []
    at, is_weekday_only, used = 0, False, True
    while at < len(line):
        if match := _DATE.match(line, at):
            if not used:
                raise _Unreadable("A day without a time. Write one behind it, such as 10:00.")
            day, is_weekday_only, used = _day_of(match, now), False, False
        elif match := _ONLY_WEEKDAY.match(line, at):
            if not used:
                raise _Unreadable("A day without a time. Write one behind it, such as 10:00.")
            wanted = _weekday(match["weekday"])
            day, is_weekday_only, used = now.date() + (wanted - now.weekday()) % 7 * _DAY, True, False
        elif _NUMBERED.match(line, at):
            raise _Unreadable("Write the month in letters, such as 24 Nov.")
        elif match := _FILLER.match(line, at):
            pass
        elif match := _TIME.match(line, at):
            if day is None:
                raise _Unreadable("Write the day first, such as Tue 24 Nov.")
            found = _time_of(match, day)
            if is_weekday_only and found.start <= now:
                day += 7 * _DAY
                found = TypedTime(found.start + 7 * _DAY, found.minutes)
            times.append(found)
            used = True
        else:
            raise _Unreadable(f"“{line[at : at + 30]}” is neither a day nor a time.")
        at = match.end()
    if not times:
        raise _Unreadable("No time in this line. Write one, such as Tue 24 Nov 10:00.")
    if not used:
        raise _Unreadable("A day without a time. Write one behind it, such as 10:00.")
    return times, day


def _day_of(match: re.Match[str], now: datetime) -> date:
    today = now.date()
    try:
        day = _written_day(match, today)
    except (ValueError, OverflowError) as error:
        raise _Unreadable(f"There is no {match[0].strip()}.") from error
    if match["weekday"] and day.weekday() != (wanted := _weekday(match["weekday"])):
        names = _DAYS[day.weekday()].title(), _DAYS[wanted].title()
        raise _Unreadable(
            f"{day.day} {_MONTHS[day.month - 1].title()} {day.year} is a {names[0]}, not a {names[1]}."
        )
    return day


def _written_day(match: re.Match[str], today: date) -> date:
    if match["near"]:
        return today + (_DAY if match["near"].lower() == "tomorrow" else timedelta())
    if match["iso"]:
        year, month, number = map(int, match["iso"].split("-"))
        return date(year, month, number)
    name, number = match["month"] or match["month2"], int(match["day"] or match["day2"])
    month = next(place for place, full in enumerate(_MONTHS, start=1) if full.startswith(name[:3].lower()))
    if year_written := match["year"] or match["year2"]:
        return date(int(year_written), month, number)
    for year in range(today.year, today.year + 9):  # The 29th of February may be that far.
        try:
            day = date(year, month, number)
        except ValueError:
            continue
        if day >= today:
            return day
    raise ValueError("no such day")


def _time_of(match: re.Match[str], day: date) -> TypedTime:
    is_bare = not any(match[name] for name in ("anoon", "am", "ax", "bh", "bnoon"))
    if is_bare and "h" not in match[0].lower():
        raise _Unreadable(f"Write {match[0].strip()} as {int(match['ah']):02}:00 or with am or pm.")
    is_whole = match["bh"] and not any(match[name] for name in ("am", "bm", "ax", "bx"))
    if is_whole and match["ah"] and int(match["ah"]) < _EARLIEST and "h" not in match[0].lower():
        raise _Unreadable(f"Write {match[0].strip()} with am or pm, or as {int(match['ah']):02}:00.")
    begin = _clock(match, "a", "")
    if not match["bh"] and not match["bnoon"]:
        return TypedTime(datetime.combine(day, begin), None)
    finish = _clock(match, "b", "")
    if match["bx"] and not match["ax"] and not match["anoon"]:
        # "2 to 3pm" is in the afternoon; "11 to 1pm" begins in the morning.
        later = _clock(match, "a", match["bx"])
        begin = later if later < finish else _clock(match, "a", "a" if match["bx"].lower() == "p" else "p")
    start, end = datetime.combine(day, begin), datetime.combine(day, finish)
    if end <= start:
        raise _Unreadable(f"{match[0].strip()} ends before it begins.")
    return TypedTime(start, int((end - start) / timedelta(minutes=1)))


def _clock(match: re.Match[str], side: str, half: str) -> time:
    """The clock time of a side; `half` is "a" or "p" where the other side says so."""
    if match[f"{side}noon"]:
        return time(12)
    hour, minute = int(match[f"{side}h"]), int(match[f"{side}m"] or 0)
    half = (match[f"{side}x"] or half).lower()
    if half and not 1 <= hour <= 12:
        raise _Unreadable(f"There is no {match[0].strip()}.")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, minute)
    except ValueError as error:
        raise _Unreadable(f"There is no {match[0].strip()}.") from error


def _weekday(name: str) -> int:
    return next(number for number, full in enumerate(_DAYS) if full.startswith(name[:3].lower()))
