"""Random slot cases near clock changes, from a seed."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

# Days around which clocks change, dates are skipped or offsets are odd.
PLACES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Europe/London", "2026-10-25"),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Australia/Sydney", "2026-04-05"),
    ("Australia/Sydney", "2026-10-04"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/St_Johns", "2010-11-07"),
    ("America/Santiago", "2026-04-05"),
    ("Africa/Cairo", "2026-04-24"),
    ("Pacific/Apia", "2011-12-30"),
    ("Asia/Kathmandu", "2026-06-10"),
    ("Asia/Kolkata", "2026-11-23"),
    ("Pacific/Chatham", "2026-09-27"),
    ("UTC", "2026-11-23"),
]


def random_case(seed: int) -> dict[str, Any]:
    """Every field of a slot case, with values that often stand in each other's way."""
    pick = Random(seed)
    zone, day = pick.choice(PLACES)
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    start = noon + timedelta(minutes=pick.randrange(-1500, 900))
    end = start + timedelta(minutes=pick.randrange(0, 400))
    strategy = pick.choice(["individual", "individual", "group", "round_robin", "collective"])
    case: dict[str, Any] = {
        "strategy": strategy,
        "duration": pick.choice([5, 15, 30, 45, 60, 90]),
        "slot_interval": pick.choice([5, 15, 20, 30, 45, 60]),
        "buffer_before": pick.choice([0, 0, 5, 15]),
        "buffer_after": pick.choice([0, 0, 10, 30]),
        "min_notice_minutes": pick.choice([0, 0, 0, 45, 600]),
        "now": _text(start + timedelta(minutes=pick.randrange(-2400, 200))),
        "invitee_timezone": pick.choice(PLACES)[0],
        "range": {"start": _text(start), "end": _text(end)},
    }
    if strategy in ("round_robin", "collective"):
        case["hosts"] = [
            _host(pick, pick.choice([zone, zone, pick.choice(PLACES)[0]]), start, end)
            for _ in range(pick.choice([2, 2, 3]))
        ]
        if strategy == "round_robin":
            for host in case["hosts"]:
                host["fixed"] = pick.random() < 0.25
    else:
        case["host"] = _host(pick, zone, start, end)
        case["busy"] = _busy(pick, start, end)
    if pick.random() < 0.25:
        case["booking_window"] = {"type": "rolling", "days": pick.randrange(0, 4)}
    elif pick.random() < 0.2:
        first = start.date() + timedelta(days=pick.randrange(-1, 2))
        last = first + timedelta(days=pick.randrange(0, 2))
        case["booking_window"] = {"type": "range", "start": first.isoformat(), "end": last.isoformat()}
    if pick.random() < 0.3:
        case["limits"] = {
            "bookings": {pick.choice(["PER_DAY", "PER_WEEK"]): pick.choice([0, 1, 1, 2, 3])},
            "minutes": {pick.choice(["PER_DAY", "PER_WEEK"]): pick.randrange(30, 300)},
        }
        del case["limits"][pick.choice(["bookings", "minutes"])]
    if strategy == "group":
        case["capacity"] = pick.randrange(1, 4)
        starts = {entry["start"] for entry in case["busy"] + case["host"]["busy"]}
        starts |= {_text(_near(pick, start, end)) for _ in range(3)}
        case["seats_taken"] = [{"start": text, "taken": pick.randrange(0, 4)} for text in sorted(starts)]
    return case


def _host(pick: Random, zone: str, start: datetime, end: datetime) -> dict[str, Any]:
    # Mostly open, so that the other rules come to bear.
    weekly = [
        _window(pick) | {"days": pick.sample(range(7), pick.randrange(4, 8))}
        for _ in range(pick.randrange(1, 4))
    ]
    if pick.random() < 0.01:
        weekly = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    host: dict[str, Any] = {
        "timezone": zone,
        "weekly_hours": weekly,
        "overrides": [
            {
                "date": (start.date() + timedelta(days=ahead)).isoformat(),
                "windows": [_window(pick) for _ in range(pick.randrange(0, 3))],
            }
            for ahead in pick.sample(range(-1, 2), pick.choice([0, 0, 0, 1, 2]))
        ],
        "busy": _busy(pick, start, end),
    }
    if pick.random() < 0.2:
        away = _near(pick, start, end)
        host["out_of_office"] = [
            {"start": _text(away), "end": _text(away + timedelta(minutes=pick.randrange(0, 300)))}
        ]
    return host


def _window(pick: Random) -> dict[str, Any]:
    opens, closes = pick.randrange(0, 96), pick.randrange(1, 97)
    if pick.random() < 0.6:
        opens, closes = pick.choice([(0, 92), (0, 48), (48, 96), (32, 72), (80, 24), (80, 40), (88, 88)])
    shift = pick.choice([0, 0, 0, 5, 10]) if closes < 96 else 0
    return {"start": _clock(opens * 15 + shift), "end": _clock(closes * 15 + shift)}


def _busy(pick: Random, start: datetime, end: datetime) -> list[dict[str, Any]]:
    entries = []
    for _ in range(pick.randrange(0, 4)):
        first = _near(pick, start, end)
        entry: dict[str, Any] = {
            "start": _text(first),
            "end": _text(first + timedelta(minutes=pick.choice([0, 15, 30, 60]))),
        }
        if pick.random() < 0.3:
            entry |= {"buffer_before": pick.choice([0, 5, 20]), "buffer_after": pick.choice([0, 10])}
        if pick.random() < 0.5:
            entry["kind"] = "booking_same_link"
        entries.append(entry)
    return entries


def _near(pick: Random, start: datetime, end: datetime) -> datetime:
    first = start + timedelta(minutes=pick.randrange(-120, (end - start) // timedelta(minutes=1) + 60))
    return first.replace(minute=first.minute // 5 * 5)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
