"""A link's settings in words: for summaries, diffs and the audit log."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from scheduling.domain import money
from scheduling.domain.hours import WEEKDAYS
from scheduling.domain.sections import BY_KEY
from workestra.calendars.domain.clock_words import city

FIELD_LABELS: Final[Mapping[str, str]] = {
    "title": "Title",
    "description": "Description",
    "duration_minutes": "Duration",
    "slot_interval_minutes": "A start every",
    "buffer_before_minutes": "Buffer before",
    "buffer_after_minutes": "Buffer after",
    "timezone": "Time zone",
    "weekly_hours": "Weekly hours",
    "date_overrides": "Single dates",
    "minimum_notice_hours": "Minimum notice",
    "booking_window_days": "Booking window",
    "max_per_day": "Most a day",
    "max_per_week": "Most a week",
    "questions": "Questions",
    "reminder_enabled": "Reminder",
    "brand_color": "Brand color",
    "hide_branding": "“Scheduling by Workestra”",
    "requires_payment": "Payment",
    "price": "Price",
    "currency": "Currency",
    "refund_text": "Refunds",
    "calendar_provider": "Calendar",
    "location_type": "Place",
    "location_detail": "Number, address or link",
    "cancellation_text": "Cancellation policy",
    "cancel_cutoff_hours": "Cancelling closes",
    "reschedule_cutoff_hours": "Moving closes",
}

_PLACES: Final = {"phone": "Phone", "in_person": "In person", "video": "Video link", "other": "Other"}


def field_words(field: str, values: Mapping[str, Any]) -> str:
    """One field's value in words: "30 minutes", "Mon–Fri 09:00–17:00", "none". `values` is a whole link's."""
    value = values[field]
    if field.endswith("_minutes"):
        return _count(value, "minute") if value else "none"
    if field in {"cancel_cutoff_hours", "reschedule_cutoff_hours"}:
        return f"{_count(value, 'hour')} before" if value else "at the start"
    if field.endswith("_hours") and isinstance(value, int):
        return _count(value, "hour") if value else "none"
    match field:
        case "booking_window_days":
            return _count(value, "day")
        case "max_per_day" | "max_per_week":
            return _count(value, "meeting") if value else "no limit"
        case "weekly_hours":
            return (
                "; ".join(f"{_days(entry['days'])} {entry['start']}–{entry['end']}" for entry in value)
                or "closed"
            )
        case "date_overrides":
            return _count(len(value), "date") if value else "none"
        case "questions":
            return ", ".join(question["label"] for question in value) or "none"
        case "reminder_enabled":
            return "24 hours before" if value else "off"
        case "hide_branding":
            return "hidden" if value else "shown"
        case "requires_payment":
            return "asked for" if value else "not asked for"
        case "price":
            return (
                "none"
                if value is None
                else f"{money.amount_text(value, values['currency'])} {values['currency']}"
            )
        case "calendar_provider":
            return "none" if value == "none" else str(value).title()
        case "location_type":
            return _PLACES.get(value, str(value))
    return str(value) if value else "none"


def summary_of(key: str, values: Mapping[str, Any]) -> str:
    """A section's values in one line; `values` is a whole link's."""
    match key:
        case "title":
            return str(values["title"])
        case "duration":
            return (
                f"{field_words('duration_minutes', values)}, a start every "
                f"{field_words('slot_interval_minutes', values)}"
            )
        case "buffers":
            before, after = values["buffer_before_minutes"], values["buffer_after_minutes"]
            parts = [_count(before, "minute") + " before"] * bool(before)
            parts += [_count(after, "minute") + " after"] * bool(after)
            return ", ".join(parts) or "No gap"
        case "availability":
            place = city(ZoneInfo(values["timezone"])) or values["timezone"]
            return f"{field_words('weekly_hours', values)}, {place} time"
        case "form":
            count = len(values["questions"])
            return _count(count, "question") if count else "Name and email only"
        case "workflows":
            return "Reminder 24 hours before" if values["reminder_enabled"] else "No reminder"
        case "branding":
            return str(values["brand_color"])
        case "payment":
            return field_words("price", values) if values["requires_payment"] else "Free"
        case "calendar":
            return ", ".join(filter(None, (field_words("location_type", values), values["location_detail"])))
        case "policy":
            return f"Cancelling closes {field_words('cancel_cutoff_hours', values)}"
    return ", ".join(f"{FIELD_LABELS[field]}: {field_words(field, values)}" for field in BY_KEY[key].fields)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _days(days: Sequence[int]) -> str:
    """ "Mon–Fri" for a run of three or more, else "Mon, Wed"."""
    names = [WEEKDAYS[day][:3] for day in sorted(days)]
    run = len(days) > 2 and max(days) - min(days) + 1 == len(set(days))
    return f"{names[0]}–{names[-1]}" if run else ", ".join(names)
