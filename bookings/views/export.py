"""A booking as a row of the file that the list can be downloaded as."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from bookings.domain.locations import location_in_row
from bookings.models import Booking

CSV_HEAD: Final = (
    *("state", "page", "strategy", "starts", "ends", "time zone", "minutes", "location", "hosts"),
    *("bookers", "emails", "phones", "attendance", "ended", "ended by", "reason", "booked", "booking"),
)
"""Times are those of the page's zone with their offset from UTC; several bookers stand in one cell."""


def cells_of(booking: Booking) -> tuple[str, ...]:
    """The booking's cells under `CSV_HEAD`."""
    company, zone = booking.company, ZoneInfo(booking.timezone)
    lead = company[0]
    return (
        booking.get_status_display(),
        booking.title,
        booking.strategy.replace("_", " "),
        _time(booking.starts_at, zone),
        _time(booking.ends_at, zone),
        booking.timezone,
        str(booking.duration_minutes),
        location_in_row(booking.location_type, booking.location_detail).text,
        "; ".join(host.name for host in booking.hosts),
        "; ".join(each.name for each in company),
        "; ".join(each.email for each in company),
        "; ".join(each.phone for each in company if each.phone),
        booking.get_no_show_status_display() if booking.no_show_status else "",
        _time(booking.ended_at, zone) if booking.ended_at else "",
        lead.get_ended_by_display(),
        lead.reason,
        _time(booking.created_at, zone),
        str(booking.pk),
    )


def _time(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(" ", "seconds")
