"""When a host could be met otherwise: what his working hours and his calendars leave, for an invitee to propose."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.selectors.taken import seen_busy
from scheduling.domain.hours import Availability
from scheduling.domain.rules import Busy, HostCalendar, Rules, Strategy
from scheduling.domain.slots import open_starts
from scheduling.domain.wallclock import instants_of_dates
from scheduling.models import BookingLink, OutOfOffice, Schedule, working_week
from workestra.calendars.domain.period import Period

AHEAD: Final = timedelta(days=92)
SHORTEST_STEP: Final = timedelta(minutes=30)
_DAY: Final = timedelta(days=1)


def free_starts(
    *, host_id: UUID, workspace_id: UUID, zone: ZoneInfo, length: timedelta, now: datetime
) -> list[datetime]:
    """The starts in the next AHEAD at which he is free for so long, in UTC, by start; none where he never is.

    His time here and what was last read of his calendars count; `zone` is his, for hours that nobody has set.
    """
    window = Period(now, now + AHEAD)
    away = OutOfOffice.objects.filter(
        workspace=workspace_id, user=host_id, last_day__gte=(now - _DAY).date()
    ).values_list("first_day", "last_day")
    host = HostCalendar(
        host_id=str(host_id),
        availability=_hours_of(host_id, workspace_id, zone),
        busy=tuple(Busy(clash.period) for clash in seen_busy(host_id, [window], now)),
        out_of_office=tuple(
            Period(*span)
            for first, last in away
            for span in instants_of_dates(zone.key, first, last + _DAY, window.start, window.end)
        ),
    )
    rules = Rules(strategy=Strategy.INDIVIDUAL, duration=length, slot_interval=max(length, SHORTEST_STEP))
    return open_starts(hosts=[host], rules=rules, window=window, now=now)


def _hours_of(host_id: UUID, workspace_id: UUID, zone: ZoneInfo) -> Availability:
    """The hours of his first own page; without one his first schedule; without that, an ordinary week."""
    mine = {"workspace": workspace_id, "owner": host_id}
    link = BookingLink.objects.filter(**mine).select_related("schedule").order_by("created_at", "pk").first()
    if link is not None:
        return link.availability()
    schedule = Schedule.objects.filter(**mine).order_by("created_at", "pk").first()
    if schedule is not None:
        return schedule.own_hours()
    return Availability.from_json(zone.key, working_week(), [])
