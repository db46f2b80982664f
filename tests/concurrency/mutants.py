"""Mistakes made on purpose in the protocol that takes and frees time: `python -m tests.concurrency.mutants [NAME ...]`.

Each is made in a copy of the clone, in which the tests of bookings then have to fail. Prints which test noticed each,
and fails when fewer than nine in ten were noticed. Takes a quarter of an hour.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
# The quick ones first.
SUITE = (
    "tests/scheduling/test_busy_time.py",
    "tests/bookings/test_booking_service.py",
    "tests/bookings/test_collective.py",
    "tests/bookings/test_group.py",
    "tests/one_off/test_services.py",
    "tests/concurrency/test_booking_races.py",
    "tests/concurrency/test_one_off_races.py",
    "tests/concurrency/test_change_races.py",
    "tests/concurrency/test_http_races.py",
    "tests/concurrency/test_seat_races.py",
    "tests/invariants",
)
BUSY_TIME, BOOKING, RECORDS, SESSIONS, ONE_OFF = (
    "scheduling/services/busy_time.py",
    "bookings/services/booking.py",
    "bookings/services/records.py",
    "bookings/services/sessions.py",
    "one_off/services/__init__.py",
)
ENOUGH = 0.9


@dataclass(frozen=True)
class Mutant:
    """`old` stands once in the file; behind `after`, where that is given."""

    name: str
    path: str
    old: str
    new: str
    after: str = ""


MUTANTS = (
    Mutant("no host is locked", BUSY_TIME, "                _lock(ordered)\n", ""),
    Mutant("hosts are locked in any order", BUSY_TIME, '.order_by("pk")', '.order_by("?")'),
    Mutant("a host who is gone is not noticed", BUSY_TIME, "len(found) != len(host_ids)", "not host_ids"),
    Mutant(
        "expired holds are not freed",
        BUSY_TIME,
        "            self._free_expired_holds(claim)\n",
        "            pass\n",
    ),
    Mutant(
        "holds are freed before their time", BUSY_TIME, "expires_at__lte=clock", "expires_at__isnull=False"
    ),
    Mutant("time is not taken", BUSY_TIME, "BusyTime.objects.bulk_create(rows)", "pass"),
    Mutant(
        "time is not given back",
        BUSY_TIME,
        "owner_key=owner_key, active=True",
        "owner_key=owner_key, active=False",
        after="def free(",
    ),
    Mutant(
        "the constraint's refusal is an error",
        BUSY_TIME,
        "                raise SlotTaken from error\n            raise\n",
        "                raise\n            raise\n",
    ),
    Mutant(
        "no savepoint around the constraint",
        BUSY_TIME,
        "            with transaction.atomic():\n",
        "            if True:\n",
    ),
    Mutant(
        "a deadlock is an error", BUSY_TIME, 'frozenset({"40001", "40P01", "55P03"})', 'frozenset({"40001"})'
    ),
    Mutant("one try is all", BUSY_TIME, "TRIES: Final = 3", "TRIES: Final = 1"),
    Mutant(
        "locks are waited for without end",
        BUSY_TIME,
        'LOCK_TIMEOUT: Final = "3s"',
        'LOCK_TIMEOUT: Final = "0"',
    ),
    Mutant(
        "the rules are not checked again",
        BOOKING,
        "    if not verdict.host_ids:\n        raise SlotTaken\n    session",
        "    session",
    ),
    Mutant(
        "the form's number is not looked up again",
        BOOKING,
        "    if made is not None:\n        return made\n    # The page may be",
        "    # The page may be",
    ),
    Mutant("whose turn it was is not kept", BOOKING, '        chosen.save(update_fields=["rotation"])\n', ""),
    Mutant(
        "a turn counts one's own only",
        BOOKING,
        "max(host.rotation for host in pool) + 1",
        "chosen.rotation + 1",
    ),
    Mutant(
        "weight does not break ties",
        "bookings/domain/assignment.py",
        "-host.weight, host.host_id",
        "host.weight, host.host_id",
    ),
    Mutant(
        "an ended booking is moved",
        BOOKING,
        "current.after(Change.MOVE, now)",
        "Booking.Status.RESCHEDULED",
        after="def reschedule(",
    ),
    Mutant(
        "an ended booking is cancelled",
        "bookings/domain/lifecycle.py",
        "    if not allows(state, change, has_begun=has_begun):\n        raise BookingClosed(state)\n",
        "",
    ),
    Mutant("the old time stays taken", RECORDS, "    locked.free(booking.pk)\n", ""),
    Mutant("a booking is in its own way", BOOKING, ", without=freed_by_moving(booking)", ""),
    Mutant(
        "SEQUENCE stays",
        RECORDS,
        "moved.ics_sequence = previous.ics_sequence + 1",
        "moved.ics_sequence = previous.ics_sequence",
    ),
    Mutant(
        "what is cancelled stays taken",
        SESSIONS,
        "        locked.free(booking.pk)\n",
        "        pass\n",
        after="def settle(",
    ),
    Mutant(
        "nobody is told of a cancellation",
        BOOKING,
        "    notices.announce_cancelled(booking, leaving, now=now)\n",
        "",
    ),
    Mutant(
        "a seat that is taken is not counted",
        SESSIONS,
        "    locked.seat(session.pk, session.attendee_count)\n",
        "",
    ),
    Mutant(
        "the time of one host of several is taken",
        RECORDS,
        "        for host in hosts\n",
        "        for host in hosts[:1]\n",
        after="def claims_of(",
    ),
    Mutant(
        "a closed one-off is picked",
        ONE_OFF,
        "    ensure_open(current, latest_of(now))\n",
        "",
        after="def _pick_locked(",
    ),
    Mutant(
        "its other times stay held", ONE_OFF, "    locked.free(current.pk)\n", "", after="def _pick_locked("
    ),
    Mutant(
        "a withdrawn one-off stays held",
        ONE_OFF,
        "        locked.free(current.pk)\n",
        "",
        after="def withdraw(",
    ),
    Mutant(
        "reserved times are not held",
        ONE_OFF,
        "        locked.take([_hold(one_off, period) for period in offer.periods])\n",
        "",
    ),
)


def main(names: list[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    survived = []
    with TemporaryDirectory(prefix="mutants-") as temporary:
        clone = Path(temporary) / "clone"
        copy(clone)
        for mutant in chosen:
            began = time.monotonic()
            noticed = by_whom(mutant, clone)
            if noticed is None:
                survived.append(mutant.name)
            print(f"{time.monotonic() - began:5.0f} s  {mutant.name}: {noticed or 'NOT NOTICED'}", flush=True)
    killed = len(chosen) - len(survived)
    print(f"{killed} of {len(chosen)} noticed")
    return 0 if killed >= ENOUGH * len(chosen) else 1


def copy(clone: Path) -> None:
    """What git knows of this clone, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)


def by_whom(mutant: Mutant, clone: Path) -> str | None:
    """The first test that fails with the mutant; None when all pass."""
    path = clone / mutant.path
    healthy = path.read_text()
    path.write_text(mutated(healthy, mutant))
    try:
        options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not stress"]
        command = [sys.executable, "-m", "pytest", *options, *SUITE]
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        run = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    finally:
        path.write_text(healthy)
    if run.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
    assert found, run.stdout[-3000:] + run.stderr[-3000:]
    return found[1]


def mutated(text: str, mutant: Mutant) -> str:
    head, after, tail = text.partition(mutant.after) if mutant.after else ("", "", text)
    assert tail.count(mutant.old) >= 1 if mutant.after else tail.count(mutant.old) == 1, mutant
    return head + after + tail.replace(mutant.old, mutant.new, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
