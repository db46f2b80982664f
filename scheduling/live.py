"""The last look into the hosts' connected calendars before a booking."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from scheduling.models import BookingLink, LinkHost
from scheduling.selectors.times import verdict_on
from workestra.calendars import live
from workestra.calendars.domain.period import Period


def look_again(
    link: BookingLink,
    start: datetime,
    now: datetime,
    *,
    hosts: Sequence[LinkHost],
    without: UUID | None = None,
) -> None:
    """Ask the calendars of the hosts who are free for this start, as far as is known, whether they still are.

    What they say is in the mirror then, where every verdict finds it. Nobody is asked for a start that is not offered.
    `without` is as in `verdict_on`. Before any lock and outside of transactions: it may take seconds.
    """
    calendars = live.to_ask([host.user_id for host in hosts])
    if not calendars:
        return
    verdict = verdict_on(link, start, now, hosts=hosts, without=without)
    free = {*verdict.host_ids, *verdict.needed_host_ids} if verdict.host_ids else set()
    period = Period(start, start + timedelta(minutes=link.duration_minutes)).widened(
        timedelta(minutes=link.buffer_before_minutes), timedelta(minutes=link.buffer_after_minutes)
    )
    asked = live.in_the_way(calendars, [host.user_id for host in hosts if str(host.user_id) in free])
    if asked:
        live.look(asked, period, now)
