"""What happens after a booking is committed: the outbox has its mails written when it delivers them.

Each says what is true at that moment, and is left out when there is nothing to tell any more. The booker's mails hold
nothing that a stranger could have typed to reach somebody else's mailbox: no notes, no answers, a name only when it
looks like one.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formataddr
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from bookings import selectors
from bookings.domain import mail_kinds as kinds
from bookings.domain.add_to_calendar import calendar_links
from bookings.domain.names import greeting
from bookings.invites import invite_for_booker, invite_for_host, location_of, sender
from bookings.models import Booking
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.clock_words import DayForm
from workestra.calendars.domain.invites import Method
from workestra.calendars.invite_mail import attach_invite
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renders


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one side about a booking in `status`. `method` is what its calendar is asked to do, if anything.

    `headline` may name {host}, {booker} and {you} ("Priya, ", or nothing when the name does not look like one).
    """

    template: str
    headline: str
    status: Booking.Status
    method: Method | None
    to_host: bool = False
    only_before_start: bool = False


LETTERS: Final = {
    kinds.CONFIRMED_BOOKER: Letter(
        "confirmed_booker", "{you}you’re booked with {host}", Booking.Status.CONFIRMED, Method.REQUEST
    ),
    kinds.MOVED_BOOKER: Letter(
        "moved_booker", "{you}your meeting with {host} has moved", Booking.Status.CONFIRMED, Method.REQUEST
    ),
    kinds.CANCELLED_BOOKER: Letter(
        "cancelled_booker",
        "{you}your meeting with {host} is cancelled",
        Booking.Status.CANCELLED,
        Method.CANCEL,
    ),
    kinds.REMINDER_BOOKER: Letter(
        "reminder_booker",
        "{you}you meet {host} soon",
        Booking.Status.CONFIRMED,
        method=None,
        only_before_start=True,
    ),
    kinds.CONFIRMED_HOST: Letter(
        "confirmed_host", "{booker} booked you", Booking.Status.CONFIRMED, Method.REQUEST, to_host=True
    ),
    kinds.MOVED_HOST: Letter(
        "moved_host", "{booker} moved your meeting", Booking.Status.CONFIRMED, Method.REQUEST, to_host=True
    ),
    kinds.CANCELLED_HOST: Letter(
        "cancelled_host",
        "Your meeting with {booker} is cancelled",
        Booking.Status.CANCELLED,
        Method.CANCEL,
        to_host=True,
    ),
}


def render_letter(letter: Letter, message: OutboxMessage, now: datetime) -> EmailMultiAlternatives | Skip:
    """The mail this message owes, or why there is nothing to tell."""
    booking = selectors.booking_for_mail(message.topic_id)
    if booking is None:
        return Skip("The booking no longer exists")
    if outdated := _outdated(letter, booking, message.seq, now):
        return Skip(outdated)
    context = _context(letter, booking)
    host = booking.host
    mail = EmailMultiAlternatives(
        subject=_rendered(letter, "subject.txt", context).strip(),
        body=re.sub(r"\n{3,}", "\n\n", _rendered(letter, "txt", context)),
        from_email=formataddr((f"{host.name}, {booking.workspace.name}", sender()))
        if not letter.to_host
        else settings.DEFAULT_FROM_EMAIL,
        to=[message.recipient],
        reply_to=[booking.booker_email if letter.to_host else host.email],
    )
    mail.attach_alternative(_rendered(letter, "html", context), "text/html")
    if letter.method is not None:
        attach_invite(
            mail,
            invite_for_host(booking, letter.method, now=now)
            if letter.to_host
            else invite_for_booker(booking, letter.method, manage_url=context["manage_url"], now=now),
        )
    return mail


for _kind, _letter in LETTERS.items():
    renders(_kind)(partial(render_letter, _letter))


def _outdated(letter: Letter, booking: Booking, seq: int, now: datetime) -> str:
    """Why the mail would tell what is no longer so; "" when it still is."""
    if booking.status != letter.status:
        return f"The booking is {booking.get_status_display().lower()} by now"
    if seq < booking.ics_sequence:
        return "A later change has a mail of its own"
    if letter.only_before_start and booking.is_past(now):
        return "The meeting has begun"
    if booking.ends_at <= now:
        return "The meeting is over"
    return ""


def _rendered(letter: Letter, ending: str, context: dict[str, Any]) -> str:
    return render_to_string(f"bookings/mail/{letter.template}.{ending}", context)


def _context(letter: Letter, booking: Booking) -> dict[str, Any]:
    mine, theirs = ZoneInfo(booking.booker_timezone), ZoneInfo(booking.timezone)
    other_name = booking.host.first_name
    if letter.to_host:
        mine, theirs, other_name = theirs, mine, booking.booker_name
    location = location_of(booking)
    name = greeting(booking.booker_name)
    headline = letter.headline.format(
        you=f"{name}, " if name else "", host=booking.host.first_name, booker=booking.booker_name
    )
    previous = _previous(booking)
    return {
        "booking": booking,
        "org": booking.workspace,
        "host": booking.host,
        "headline": f"{headline[:1].upper()}{headline[1:]}",
        "zone": mine,
        "day": words.day(booking.starts_at.astimezone(mine).date(), DayForm.FULL),
        "time": words.clock_range(booking.starts_at, booking.ends_at, mine),
        "zone_words": words.zone_in_public(booking.starts_at, mine),
        "other": _other(booking, mine, theirs, other_name),
        "short": _short(booking.starts_at, mine),
        "was": _short(previous.starts_at, mine) if previous else "",
        "location": location,
        "calendars": calendar_links(
            title=f"{booking.title} with {booking.host.name}",
            period=booking.period,
            location=location.url or location.text,
            details="To move or cancel it, use the link in your confirmation email.",
        ),
        "can_move": booking.link is not None,
        "until": _until(booking, mine),
        "book_url": f"{settings.SITE_URL}{reverse('bookings:book', args=[booking.link.slug])}"
        if booking.link
        else "",
        "cancelled_by": "You" if booking.cancelled_by == Booking.Party.HOST else booking.booker_name,
        "site_url": settings.SITE_URL,
        "console_url": f"{settings.SITE_URL}{reverse('bookings:console')}?open={booking.pk}",
        **({} if letter.to_host else _own_addresses(booking)),
    }


def _own_addresses(booking: Booking) -> dict[str, str]:
    """The booker's page; empty addresses when the key its token was made with is gone."""
    token = selectors.manage_token(booking)
    if token is None:
        return {"manage_url": "", "ics_url": ""}
    arguments = [booking.page_slug, token]
    return {
        "manage_url": f"{settings.SITE_URL}{reverse('bookings:manage', args=arguments)}",
        "ics_url": f"{settings.SITE_URL}{reverse('bookings:invite', args=arguments)}",
    }


def _other(booking: Booking, mine: ZoneInfo, theirs: ZoneInfo, name: str) -> str:
    """The time on the other side's clock; "" when it shows the same."""
    here, there = booking.starts_at.astimezone(mine), booking.starts_at.astimezone(theirs)
    if here.utcoffset() == there.utcoffset():
        return ""
    day = "" if here.date() == there.date() else f"{words.day(there.date())}, "
    time = words.clock_range(booking.starts_at, booking.ends_at, theirs)
    place, short = words.city(theirs), words.abbreviation(booking.starts_at, theirs)
    return f"{day}{time} for {name} {f'in {place} ({short})' if place else f'({short})'}"


def _short(instant: datetime, zone: ZoneInfo) -> str:
    """ "Thu 12 Nov, 16:30 CET"."""
    local = instant.astimezone(zone)
    return f"{words.day(local.date())}, {words.clock(instant, zone)} {words.abbreviation(instant, zone)}"


def _until(booking: Booking, zone: ZoneInfo) -> str:
    """Until when the booker may still change something himself, in words."""
    link = booking.link
    hours = max(link.cancel_cutoff_hours, link.reschedule_cutoff_hours) if link else 0
    return (
        f"until {_short(booking.starts_at - timedelta(hours=hours), zone)}"
        if hours
        else "any time up to the start"
    )


def _previous(booking: Booking) -> Booking | None:
    """What the booking was before it moved; None for one that never did."""
    if not booking.ics_sequence:
        return None
    earlier = [row for row in selectors.series_of(booking) if row.ics_sequence < booking.ics_sequence]
    return earlier[-1] if earlier else None
