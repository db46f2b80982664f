"""Telling hosts, about an hour before a meeting, what is known of those whom they will meet.

Level-triggered: whatever is due and still useful is told, however late, and once. The notice, the outbox row of the
mail and `briefing_sent_at` are written in one transaction that holds the booking's row, so that several workers, one
that dies, and a beat that comes twice make no difference.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from bookings.briefing import briefing_of
from bookings.domain import mail_kinds as kinds
from bookings.domain.names import in_one
from bookings.models import Booking
from workestra.accounts import selectors as accounts
from workestra.calendars.domain import clock_words as words
from workestra.notifications import selectors as notifications
from workestra.notifications import services as outbox

BEFORE: Final = timedelta(minutes=60)
BATCH: Final = 50
KIND: Final = "briefing"
FIRST: Final = UUID(int=0)


def send_due(now: datetime) -> int:
    """Brief the hosts of every meeting that begins within the hour and was made before that; returns of how many.

    `now` is by the database's clock. Rows that somebody else is changing at this moment are left to the next time.
    """
    told, behind = 0, FIRST
    while True:
        with transaction.atomic():
            due = _due(now, behind)
            told += sum(_brief(booking, now) for booking in due)
        if len(due) < BATCH:
            return told
        behind = due[-1].pk


def _due(now: datetime, behind: UUID) -> list[Booking]:
    """The next bookings to tell of, by id; their rows are held."""
    waiting = Booking.objects.filter(
        Q(link=None) | Q(link__briefing_enabled=True),
        status=Booking.Status.CONFIRMED,
        briefing_sent_at=None,
        starts_at__gt=now,
        starts_at__lte=now + BEFORE,
        created_at__lte=F("starts_at") - BEFORE,
        pk__gt=behind,
    )
    locked = waiting.select_for_update(skip_locked=True, no_key=True, of=("self",)).order_by("pk")
    return list(locked.select_related("host").prefetch_related("attendees", "co_hosts")[:BATCH])


def _brief(booking: Booking, now: datetime) -> bool:
    """Tell each host in the ways he wants; whether there was one who does. Who has left is told nothing."""
    members = accounts.active_members_of(booking.workspace_id).filter(user__in=booking.host_ids)
    here = set(members.values_list("user_id", flat=True))
    wanted = notifications.channels_of(here, booking.workspace_id, KIND)
    for host in (each for each in booking.hosts if each.pk in here):
        zone = ZoneInfo(booking.timezone)
        if wanted[host.pk].in_app:
            outbox.notify(
                workspace_id=booking.workspace_id,
                user_id=host.pk,
                kind=KIND,
                topic_id=booking.pk,
                title=f"{words.clock(booking.starts_at, zone)} {words.abbreviation(booking.starts_at, zone)}: "
                f"{booking.title} with {in_one([each.name for each in booking.company], most=2)}",
                rows=briefing_of(booking, ZoneInfo(host.timezone), now),
                path=f"{reverse('bookings:console')}?open={booking.pk}#b-{booking.pk}",
            )
        if wanted[host.pk].by_mail:
            outbox.enqueue(
                workspace_id=booking.workspace_id,
                topic=kinds.BOOKING,
                topic_id=booking.pk,
                kind=kinds.BRIEFING_HOST,
                recipient=host.email,
                seq=booking.ics_sequence,
            )
    if not any(channels.in_app or channels.by_mail for channels in wanted.values()):
        return False
    booking.briefing_sent_at = now
    booking.save(update_fields=["briefing_sent_at"])
    return True
