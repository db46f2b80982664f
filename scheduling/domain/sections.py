"""The sections of a booking link: the one list that forms, locks, refusals, plans, diffs and propagation walk.

Adding a field to a section is one line here, one migration and one form field (docs/adding-a-section.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Section:
    """A unit of locking. `locked_means` and `open_means` tell an admin what his lock toggle decides."""

    key: str
    label: str
    short: str
    icon: str
    fields: tuple[str, ...]
    locked_means: str
    open_means: str


SECTIONS: Final[tuple[Section, ...]] = (
    Section(
        "title",
        "Title and description",
        "Title",
        "type",
        ("title", "description"),
        "Everyone has this title.",
        "Each person may change it.",
    ),
    Section(
        "duration",
        "Duration and slot interval",
        "Duration",
        "timer",
        ("duration_minutes", "slot_interval_minutes"),
        "Every link has the same duration.",
        "Each person picks a duration.",
    ),
    Section(
        "buffers",
        "Buffers",
        "Buffers",
        "separator-vertical",
        ("buffer_before_minutes", "buffer_after_minutes"),
        "Same gap around every meeting.",
        "Each person keeps the gap that suits.",
    ),
    Section(
        "availability",
        "Availability hours",
        "Hours",
        "clock",
        (
            "schedule_id",
            "timezone",
            "weekly_hours",
            "date_overrides",
            "minimum_notice_hours",
            "booking_window_days",
            "max_per_day",
            "max_per_week",
        ),
        "Everyone works these hours.",
        "Each person keeps real hours.",
    ),
    Section(
        "form",
        "Pre-meeting form",
        "Form",
        "clipboard-list",
        ("questions",),
        "Everyone asks the same questions.",
        "Each person may ask other questions.",
    ),
    Section(
        "workflows",
        "Workflows",
        "Workflows",
        "workflow",
        ("reminder_enabled", "workflow_ids"),
        "Same messages for every link.",
        "Each person decides about messages.",
    ),
    Section(
        "branding",
        "Branding",
        "Branding",
        "palette",
        ("brand_color", "logo_id", "hide_branding"),
        "Same color and logo on every link.",
        "Each person may change color and logo.",
    ),
    Section(
        "payment",
        "Payment",
        "Payment",
        "credit-card",
        ("requires_payment", "price", "currency", "refund_text"),
        "Same price on every link.",
        "Each person sets a price.",
    ),
    Section(
        "calendar",
        "Calendar and location",
        "Calendar",
        "calendar-cog",
        (
            "calendar_provider",
            "location_type",
            "location_detail",
            "unreadable_policy",
            "unreadable_hours",
        ),
        "Every meeting lands in the same kind of calendar.",
        "Each person uses their own calendar and place.",
    ),
    Section(
        "policy",
        "Cancelling and briefing",
        "Policy",
        "shield",
        ("cancellation_text", "cancel_cutoff_hours", "reschedule_cutoff_hours", "briefing_enabled"),
        "Same rules for every booker.",
        "Each person sets the rules.",
    ),
)

BY_KEY: Final[Mapping[str, Section]] = {section.key: section for section in SECTIONS}
SECTION_OF_FIELD: Final[Mapping[str, str]] = {
    field: section.key for section in SECTIONS for field in section.fields
}
RECOMMENDED_LOCKS: Final = ("title", "duration", "form", "workflows", "branding")


def fields_of(keys: Iterable[str]) -> tuple[str, ...]:
    """The fields of these sections, in the list's order; sections that do not exist are ignored."""
    wanted = set(keys)
    return tuple(field for section in SECTIONS if section.key in wanted for field in section.fields)


def changed_sections(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys of the sections in which `after` differs from `before`, in the list's order.

    Both map field names to values; a field that `after` does not have counts as unchanged.
    """
    changed = {SECTION_OF_FIELD[field] for field, value in after.items() if before.get(field) != value}
    return tuple(section.key for section in SECTIONS if section.key in changed)
