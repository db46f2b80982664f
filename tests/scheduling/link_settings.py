"""Hypothesis strategies for the settings that a link can have."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from scheduling.domain.link_rules import contradictions
from scheduling.domain.typed_hours import clock_text
from scheduling.domain.wallclock import known_zones
from workestra.crm.domain import money

_LETTERS = st.characters(
    exclude_categories=("Cc", "Cs", "Zl", "Zp"),
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)


def one_line(*, at_least: int = 0, at_most: int) -> st.SearchStrategy[str]:
    return (
        st.text(_LETTERS, min_size=at_least, max_size=min(at_most, 60))
        .map(str.strip)
        .filter(lambda text: at_least <= len(text) <= at_most)
    )


def lines(at_most: int) -> st.SearchStrategy[str]:
    return (
        st.lists(st.text(_LETTERS, max_size=20), max_size=4)
        .map("\n".join)
        .map(str.strip)
        .filter(lambda text: len(text) <= at_most)
    )


@st.composite
def _window(draw: st.DrawFn) -> dict[str, str]:
    start = draw(st.integers(0, 24 * 60 - 1))
    end = draw(st.integers(1, 24 * 60).filter(lambda end: end != start))
    return {"start": clock_text(start), "end": clock_text(end)}


_weeks = st.lists(
    st.builds(
        lambda days, window: {"days": days, **window},
        st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True),
        _window(),
    ),
    max_size=6,
)
_overrides = st.lists(
    st.builds(
        lambda day, windows: {"date": day.isoformat(), "windows": windows},
        st.dates(min_value=date(2000, 1, 1), max_value=date(2199, 12, 31)),
        st.lists(_window(), max_size=3),
    ),
    max_size=4,
    unique_by=lambda override: override["date"],
)


@st.composite
def _questions(draw: st.DrawFn) -> list[dict[str, Any]]:
    keys = draw(st.lists(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), max_size=4, unique=True))
    questions = []
    for key in keys:
        kind = draw(st.sampled_from(["text", "textarea", "select", "checkbox"]))
        options = (
            draw(st.lists(one_line(at_least=1, at_most=100), min_size=2, max_size=4, unique=True))
            if kind == "select"
            else []
        )
        questions.append(
            {
                "key": key,
                "label": draw(one_line(at_least=1, at_most=200)),
                "type": kind,
                "required": draw(st.booleans()),
                "options": options,
            }
        )
    return questions


@st.composite
def _any_settings(draw: st.DrawFn) -> dict[str, Any]:
    price = draw(st.none() | st.integers(0, money.MAX_MINOR))
    currency = draw(st.sampled_from(sorted(money.DIGITS)) | (st.just("") if price is None else st.nothing()))
    return {
        "title": draw(one_line(at_least=1, at_most=120)),
        "description": draw(lines(2000)),
        "duration_minutes": draw(st.integers(5, 480)),
        "slot_interval_minutes": draw(st.integers(5, 480)),
        "buffer_before_minutes": draw(st.integers(0, 240)),
        "buffer_after_minutes": draw(st.integers(0, 240)),
        "schedule_id": None,
        "timezone": draw(st.sampled_from(sorted(known_zones()))),
        "weekly_hours": draw(_weeks),
        "date_overrides": draw(_overrides),
        "minimum_notice_hours": draw(st.integers(0, 8760)),
        "booking_window_days": draw(st.integers(1, 730)),
        "max_per_day": draw(st.none() | st.integers(1, 500)),
        "max_per_week": draw(st.none() | st.integers(1, 3500)),
        "questions": draw(_questions()),
        "reminder_enabled": draw(st.booleans()),
        "workflow_ids": sorted(map(str, draw(st.sets(st.uuids(), max_size=3)))),
        "brand_color": draw(st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True)),
        "logo_id": draw(
            st.none() | st.from_regex(r"[0-9a-f]{32}-[1-9][0-9]{0,2}x[1-9][0-9]?", fullmatch=True)
        ),
        "hide_branding": draw(st.booleans()),
        "requires_payment": draw(st.booleans()),
        "price": price,
        "currency": currency,
        "refund_text": draw(lines(1000)),
        "calendar_provider": draw(st.sampled_from(["host", "none"])),
        "unreadable_policy": draw(st.sampled_from(["closed", "last_known", "open"])),
        "unreadable_hours": draw(st.integers(1, 168)),
        "location_type": draw(st.sampled_from(["phone", "in_person", "meeting", "video", "other"])),
        "location_detail": draw(one_line(at_most=300)),
        "cancellation_text": draw(lines(1000)),
        "cancel_cutoff_hours": draw(st.integers(0, 720)),
        "reschedule_cutoff_hours": draw(st.integers(0, 720)),
        "briefing_enabled": draw(st.booleans()),
    }


def link_settings() -> st.SearchStrategy[dict[str, Any]]:
    """Settings that the form would accept: of every field, none that contradict each other."""
    return _any_settings().filter(lambda values: not contradictions(values))
