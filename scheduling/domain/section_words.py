"""A link's settings in words: for summaries, diffs and the audit log."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduling.domain.hours import WEEKDAYS
from scheduling.domain.sections import BY_KEY
from scheduling.domain.unread import UnreadablePolicy
from workestra.calendars.domain.clock_words import city
from workestra.calendars.domain.kinds import MEETING_PLACES
from workestra.crm.domain import money

FIELD_LABELS: Final[Mapping[str, str]] = {
    "title": "Title",
    "description": "Description",
    "duration_minutes": "Duration",
    "slot_interval_minutes": "A start every",
    "buffer_before_minutes": "Buffer before",
    "buffer_after_minutes": "Buffer after",
    "schedule_id": "Hours",
    "timezone": "Time zone",
    "weekly_hours": "Weekly hours",
    "date_overrides": "Single dates",
    "minimum_notice_hours": "Minimum notice",
    "booking_window_days": "Booking window",
    "max_per_day": "Most a day",
    "max_per_week": "Most a week",
    "questions": "Questions",
    "reminder_enabled": "Reminder",
    "workflow_ids": "Workflows",
    "brand_color": "Brand color",
    "logo_id": "Logo",
    "hide_branding": "“Scheduling by Workestra”",
    "requires_payment": "Payment",
    "price": "Price",
    "currency": "Currency",
    "refund_text": "Refunds",
    "calendar_provider": "Calendar",
    "unreadable_policy": "When a calendar cannot be read",
    "unreadable_hours": "Last known is good for",
    "location_type": "Place",
    "location_detail": "Number, address or link",
    "cancellation_text": "Cancellation policy",
    "cancel_cutoff_hours": "Cancelling closes",
    "reschedule_cutoff_hours": "Moving closes",
    "briefing_enabled": "Briefing",
}

Names = Mapping[UUID, str]
"""The names of schedules and workflows by their keys: settings carry only the keys."""

NO_NAMES: Final[Names] = MappingProxyType({})

_PLACES: Final = {
    "phone": "Phone",
    "in_person": "In person",
    "meeting": "Google Meet or Teams",
    **dict(MEETING_PLACES),
    "video": "Video link",
    "other": "Other",
}


def field_words(field: str, values: Mapping[str, Any], schedules: Names = NO_NAMES) -> str:
    """One field's value in words: "30 minutes", "Mon–Fri 09:00–17:00", "none". `values` is a whole link's.

    `schedules` has the names of what it refers to; without it the words are "a schedule", "a workflow".
    """
    value = values[field]
    if field.endswith("_minutes"):
        return _count(value, "minute") if value else "none"
    if field in {"cancel_cutoff_hours", "reschedule_cutoff_hours"}:
        return f"{_count(value, 'hour')} before" if value else "at the start"
    if field.endswith("_hours") and isinstance(value, int):
        return _count(value, "hour") if value else "none"
    match field:
        case "schedule_id":
            return _schedule_words(value, schedules) if value else "own hours"
        case "booking_window_days":
            return _count(value, "day")
        case "max_per_day" | "max_per_week":
            return _count(value, "meeting") if value else "no limit"
        case "weekly_hours":
            return week_words(value)
        case "date_overrides":
            return _count(len(value), "date") if value else "none"
        case "questions":
            return ", ".join(question["label"] for question in value) or "none"
        case "reminder_enabled":
            return "24 hours before" if value else "off"
        case "workflow_ids":
            return ", ".join(schedules.get(UUID(key), "a workflow") for key in value) or "none"
        case "briefing_enabled":
            return "1 hour before" if value else "off"
        case "logo_id":
            # Its first digits: two pictures are told apart where only words can be.
            return f"picture {value[:6]}" if value else "none"
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
            return "none" if value == "none" else "each host’s own"
        case "unreadable_policy":
            return UnreadablePolicy(value).label.lower()
        case "location_type":
            return _PLACES.get(value, str(value))
    return str(value) if value else "none"


def summary_of(key: str, values: Mapping[str, Any], schedules: Names = NO_NAMES) -> str:
    """A section's values in one line; `values` is a whole link's, `schedules` as in `field_words`."""
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
            if values["schedule_id"]:
                return f"Schedule: {_schedule_words(values['schedule_id'], schedules)}"
            return hours_words(values["timezone"], values["weekly_hours"])
        case "form":
            count = len(values["questions"])
            return _count(count, "question") if count else "Name and email only"
        case "workflows":
            parts = ["Reminder 24 hours before" if values["reminder_enabled"] else "No reminder"]
            if values["workflow_ids"]:
                parts.append(_count(len(values["workflow_ids"]), "workflow"))
            return ", ".join(parts)
        case "branding":
            return (
                f"{values['brand_color']}, with a logo" if values["logo_id"] else str(values["brand_color"])
            )
        case "payment":
            return field_words("price", values) if values["requires_payment"] else "Free"
        case "calendar":
            return ", ".join(filter(None, (field_words("location_type", values), values["location_detail"])))
        case "policy":
            return f"Cancelling closes {field_words('cancel_cutoff_hours', values)}"
    return ", ".join(f"{FIELD_LABELS[field]}: {field_words(field, values)}" for field in BY_KEY[key].fields)


def hours_words(zone: str, weekly_hours: Sequence[Mapping[str, Any]]) -> str:
    """ "Mon–Fri 09:00–17:00, Berlin time" for stored hours."""
    return f"{week_words(weekly_hours)}, {city(ZoneInfo(zone)) or zone} time"


def week_words(weekly_hours: Sequence[Mapping[str, Any]]) -> str:
    """ "Mon–Fri 09:00–12:00; Mon 13:00–17:00" for stored weekly hours; "closed" for none."""
    stretches = [
        f"{_days(entry['days'])} {entry['start']}–{entry['end']}" for entry in weekly_hours if entry["days"]
    ]
    return "; ".join(stretches) or "closed"


def _schedule_words(schedule_id: UUID, schedules: Names) -> str:
    return schedules.get(schedule_id, "a schedule")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _days(days: Sequence[int]) -> str:
    """ "Mon–Fri" for a run of three or more, else "Mon, Wed"."""
    names = [WEEKDAYS[day][:3] for day in sorted(days)]
    run = len(days) > 2 and max(days) - min(days) + 1 == len(set(days))
    return f"{names[0]}–{names[-1]}" if run else ", ".join(names)
