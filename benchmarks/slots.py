"""How long the slot engine takes: `python -m benchmarks.slots`.

Every host works 09:00 to 17:00 on weekdays in Berlin and has his meetings of 30 to 60 minutes in those hours, at
random but the same in every run. The link has buffers, a notice and a booking window. The hosts' calendars are in
memory: what is timed is everything from them to the list of starts ("starts") or of `Slot` objects ("slots"), the
median of the runs. "growth" is against one host, the times of Cal.com are those of its newest slot functions on two
shared cores like those the aims were set on.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scheduling.domain.hours import Availability, Window
from scheduling.domain.slots import (
    Busy,
    BusyKind,
    HostCalendar,
    RollingWindow,
    Rules,
    Slot,
    Strategy,
    explain,
    open_slots,
    open_starts,
    verdict,
)
from workestra.calendars.domain.period import Period

MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
MONTH, YEAR = 30, 365
OFFICE = ((Window.parse("09:00", "17:00"),),) * 5 + ((), ())

SIZES = (
    (Strategy.INDIVIDUAL, 1),
    (Strategy.ROUND_ROBIN, 10),
    (Strategy.ROUND_ROBIN, 50),
    (Strategy.ROUND_ROBIN, 200),
    (Strategy.COLLECTIVE, 5),
    (Strategy.COLLECTIVE, 20),
)

# Milliseconds measured for Cal.com's newest slot functions on the same two cores, and what we aim at.
CALCOM_MS = {
    (Strategy.INDIVIDUAL, 1, MONTH, 40): (5.2, 0.2),
    (Strategy.INDIVIDUAL, 1, YEAR, 480): (67.0, 1.3),
    (Strategy.ROUND_ROBIN, 10, MONTH, 40): (24.0, 24.0),
    (Strategy.ROUND_ROBIN, 50, MONTH, 40): (108.0, 108.0),
    (Strategy.ROUND_ROBIN, 200, MONTH, 40): (471.0, 9.4),
    (Strategy.ROUND_ROBIN, 10, YEAR, 480): (439.0, 439.0),
    (Strategy.COLLECTIVE, 5, MONTH, 40): (15.0, 15.0),
    (Strategy.COLLECTIVE, 20, MONTH, 40): (45.0, 1.8),
}


@dataclass(frozen=True)
class Load:
    """One question to the engine."""

    hosts: Sequence[HostCalendar]
    rules: Rules
    window: Period

    def starts(self) -> list[datetime]:
        return open_starts(hosts=self.hosts, rules=self.rules, window=self.window, now=NOW)

    def slots(self) -> list[Slot]:
        return open_slots(hosts=self.hosts, rules=self.rules, window=self.window, now=NOW)


def load(
    strategy: Strategy,
    hosts: int,
    days: int,
    busy: int,
    availabilities: Callable[[int], Availability] = lambda _: Availability("Europe/Berlin", OFFICE),
    in_common: tuple[Busy, ...] = (),
) -> Load:
    chance = random.Random(1)
    rules = Rules(
        strategy,
        duration=30 * MINUTE,
        slot_interval=30 * MINUTE,
        buffer_after=10 * MINUTE,
        minimum_notice=60 * MINUTE,
        booking_window=RollingWindow(days),
    )
    calendars = [
        HostCalendar(str(number), availabilities(number), in_common + meetings(chance, busy, days))
        for number in range(hosts)
    ]
    return Load(calendars, rules, Period(NOW, NOW + timedelta(days=days)))


def meetings(chance: random.Random, number: int, days: int) -> tuple[Busy, ...]:
    weekdays = [day for day in (NOW + timedelta(days=ahead) for ahead in range(days)) if day.weekday() < 5]
    found = []
    for _ in range(number):
        start = chance.choice(weekdays) + chance.randrange(8 * 60, 16 * 60, 15) * MINUTE
        period = Period.lasting(start, chance.choice([30, 45, 60]) * MINUTE)
        found.append(Busy(period, buffer_after=chance.choice([0, 10]) * MINUTE, kind=BusyKind.BOOKING))
    return tuple(found)


def median_ms(call: Callable[[], object]) -> float:
    """Of at least 15 runs and a third of a second."""
    call()
    taken: list[float] = []
    while len(taken) < 15 or sum(taken) < 0.3:
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def matrix() -> None:
    print(
        f"{'strategy':<12}{'hosts':>6}{'days':>6}{'busy':>6}{'found':>7}{'starts':>10}{'slots':>10}", end=""
    )
    print(f"{'growth':>8}{'Cal.com':>10}{'faster':>8}{'aim':>8}")
    for days in (MONTH, YEAR):
        for busy in (40, 480):
            one_host = 0.0
            for strategy, hosts in SIZES:
                asked = load(strategy, hosts, days, busy)
                starts = median_ms(asked.starts)
                slots = median_ms(asked.slots)
                one_host = one_host or starts
                calcom, aim = CALCOM_MS.get((strategy, hosts, days, busy), (0.0, 0.0))
                line = f"{strategy:<12}{hosts:>6}{days:>6}{busy:>6}{len(asked.starts()):>7}"
                line += f"{starts:>7.3f} ms{slots:>7.3f} ms{starts / one_host:>7.1f}x"
                if calcom:
                    missed = f"{starts - aim:>+6.2f}" if starts > aim else "    met"
                    line += f"{calcom:>7.1f} ms{calcom / starts:>7.0f}x{aim:>6.1f}{missed}"
                print(line)


def own_schedule(schedules: int) -> Callable[[int], Availability]:
    """Opening from 07:00 to 10:30 and closing from 16:00 to 19:15, one after another."""
    opening = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(7 * 60, 10 * 60 + 31, 15)]
    closing = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(16 * 60, 19 * 60 + 16, 15)]
    windows = [Window.parse(opens, closes) for opens in opening for closes in closing]
    return lambda number: Availability("Europe/Berlin", ((windows[number % schedules],),) * 5 + ((), ()))


def others() -> None:
    pool = (Strategy.ROUND_ROBIN, 200, MONTH, 40)
    all_hands = Busy(Period.lasting(NOW + timedelta(days=3, hours=10), 60 * MINUTE))
    month = load(Strategy.INDIVIDUAL, 1, MONTH, 40)
    full = load(*pool)
    start = month.starts()[0]
    measured = {
        "pool of 200, eight schedules between them": load(*pool, own_schedule(8)).starts,
        "pool of 200, every host with a schedule of his own": load(*pool, own_schedule(200)).starts,
        "pool of 200, a meeting that all of them have": load(*pool, in_common=(all_hands,)).starts,
        "verdict on one start, 1 host": lambda: verdict(
            hosts=month.hosts, rules=month.rules, start=start, now=NOW
        ),
        "verdict on one start, pool of 200": lambda: verdict(
            hosts=full.hosts, rules=full.rules, start=start, now=NOW
        ),
        "explanation of a month, 1 host": lambda: explain(
            hosts=month.hosts, rules=month.rules, window=month.window, now=NOW
        ),
    }
    for name, call in measured.items():
        print(f"{name:<54}{median_ms(call):>8.3f} ms")


if __name__ == "__main__":
    matrix()
    print()
    others()
