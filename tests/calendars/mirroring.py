"""Reading calendars in turns, and what is known of them then."""

from datetime import datetime, timedelta

from django.db import connection

from workestra.accounts.models import Membership
from workestra.calendars import selectors
from workestra.calendars.domain.period import Period
from workestra.calendars.models import RemoteCalendar

HOUR = timedelta(hours=1)


def known(member: Membership, now: datetime, days: int = 7) -> selectors.KnownBusy:
    return selectors.busy_of([member.user_id], Period(now, now + timedelta(days=days)), now)[member.user_id]


def fill_mirror(calendar: RemoteCalendar, now: datetime, count: int) -> None:
    """So many busy hours, one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO calendars_remote_busy (calendar_id, user_id, during, is_busy, all_day, remote_id, etag)"
            " SELECT %s, %s, tstzrange(at, at + interval '1 hour'), true, false, at::text, ''"
            " FROM generate_series(%s::timestamptz, %s::timestamptz, interval '1 hour') at",
            [calendar.pk, calendar.user_id, now, now + (count - 1) * HOUR],
        )
