"""What CalDAV and feeds share: iCalendar text as pieces of time."""

from collections.abc import Collection, Mapping
from zoneinfo import ZoneInfo

from workestra.calendars.domain.event_ids import key_of_uid
from workestra.calendars.domain.ical_busy import UnreadableCalendar, busy_by_event
from workestra.calendars.domain.period import Period
from workestra.calendars.providers.provider import BadRequest, Piece


def pieces(
    text: str | bytes, window: Period, zone: ZoneInfo, addresses: Collection[str], etag: str = ""
) -> Mapping[str, tuple[Piece, ...]]:
    """Each event's pieces within `window` by its UID. Raises: BadRequest when the text is not what it should be."""
    try:
        found = busy_by_event(text, window, zone, addresses)
    except UnreadableCalendar as error:
        raise BadRequest(f"The calendar cannot be read: {error}.") from error
    return {
        uid: tuple(
            Piece(period=period, is_busy=is_busy, all_day=all_day, own_key=key_of_uid(uid), etag=etag)
            for period, is_busy, all_day in spans
        )
        for uid, spans in found.items()
    }
