"""What happens after a booking is committed: the outbox has its mails written when it delivers them.

Each says what is true at that moment, and is left out when there is nothing to tell any more. The booker's mails hold
nothing that a stranger could have typed to reach somebody else's mailbox: no notes, no answers, a name only when it
looks like one; his guests' mails not even that, nor his number, nor a link to change anything.
"""

import re
from datetime import datetime, timedelta
from email.utils import formataddr
from functools import partial
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from bookings import selectors
from bookings.briefing import briefing_of
from bookings.domain import mail_kinds as kinds
from bookings.domain.add_to_calendar import calendar_links
from bookings.domain.names import greeting, in_one
from bookings.domain.offers import withdrawn_words
from bookings.invites import (
    guests_location_of,
    invite_for_booker,
    invite_for_former_host,
    invite_for_guest,
    invite_for_host,
    location_of,
    sender,
)
from bookings.letterhead import logo_for_mail
from bookings.letters import LETTERS, Letter, Reader
from bookings.models import Alternatives, Attendee, Booking
from bookings.selectors.runs import GAVE_WAY, MOMENTS, replacing
from scheduling.domain.workflows import Trigger
from workestra.accounts import selectors as accounts
from workestra.accounts.models import User
from workestra.calendars import selectors as calendars
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.clock_words import DayForm
from workestra.calendars.domain.invites import Invite, Method
from workestra.calendars.invite_mail import attach_invite
from workestra.notifications.models import OutboxMessage
from workestra.notifications.pictures import PicturedMail
from workestra.notifications.registry import Skip, renders

_REPLACED: Final = {
    Trigger.BOOKED: kinds.CONFIRMED_BOOKER,
    Trigger.RESCHEDULED: kinds.MOVED_BOOKER,
    Trigger.CANCELLED: kinds.CANCELLED_BOOKER,
}


def attach_replaced_invite(
    mail: EmailMultiAlternatives, trigger: Trigger, attendee: Attendee, now: datetime
) -> None:
    """Give a workflow's mail the calendar file of the one whose place it takes; nothing where that has none."""
    if trigger not in _REPLACED:
        return
    letter = LETTERS[_REPLACED[trigger]]
    assert letter.method is not None, "these mails all tell the booker's calendar something"
    context = _context(letter, attendee, attendee.email)
    attach_invite(mail, _invite(letter, letter.method, attendee, context, now))


def render_letter(letter: Letter, message: OutboxMessage, now: datetime) -> EmailMultiAlternatives | Skip:
    """The mail this message owes, or why there is nothing to tell."""
    attendee = _attendee_of(letter, message.topic_id)
    if attendee is None:
        return Skip("The booking no longer exists")
    if outdated := _outdated(letter, attendee, message, now):
        return Skip(outdated)
    if message.kind in MOMENTS and replacing(attendee, MOMENTS[message.kind]):
        return Skip(GAVE_WAY)
    booking, is_host = attendee.booking, letter.reader is Reader.HOST
    context = _context(letter, attendee, message.recipient)
    if message.kind == kinds.BRIEFING_HOST:
        context["briefing"] = briefing_of(booking, context["zone"], now)
    if letter in ABOUT_OTHER_TIMES:
        context |= _other_times(attendee, context)
    if letter in ENDING_AN_OFFER:
        context["withdrawn"] = _withdrawn(letter, attendee)
    logo = None if is_host else logo_for_mail(booking.link)
    context["logo"] = logo
    mail = PicturedMail(
        subject=_rendered(letter, "subject.txt", context).strip(),
        body=re.sub(r"\n{3,}", "\n\n", _rendered(letter, "txt", context)),
        from_email=settings.DEFAULT_FROM_EMAIL
        if is_host
        else formataddr((f"{booking.host.name}, {booking.workspace.name}", sender())),
        to=[message.recipient],
        reply_to=list(filter(None, [attendee.email if is_host else booking.host.email])),
    )
    mail.attach_alternative(_rendered(letter, "html", context), "text/html")
    if logo:
        logo.put_into(mail)
    # A host whose calendar we write to would have the meeting twice.
    in_calendar = is_host and calendars.is_written_to(kinds.BOOKING, booking.series_id, message.recipient)
    if letter.method is not None and not in_calendar:
        attach_invite(mail, _invite(letter, letter.method, attendee, context, now))
    return mail


ABOUT_OTHER_TIMES: Final = (LETTERS[kinds.ALTERNATIVES_BOOKER], LETTERS[kinds.ALTERNATIVES_HOST])
ENDING_AN_OFFER: Final = (
    LETTERS[kinds.REASSIGNED_BOOKER],
    LETTERS[kinds.PROPOSED_BOOKER],
    LETTERS[kinds.CANCELLED_BOOKER],
)


for _kind, _letter in LETTERS.items():
    renders(_kind, kinds.LABELS[_kind])(partial(render_letter, _letter))


def _other_times(attendee: Attendee, context: dict[str, Any]) -> dict[str, Any]:
    """What was offered last, each time as its reader's clock shows it, and the page to answer on."""
    offered = attendee.booking.alternatives.latest("created_at", "id")
    zone = context["zone"]
    return {
        "offered": offered,
        "times": [words.moment(time.starts_at, zone) for time in offered.times.all()],
        "closes": words.moment(offered.expires_at, zone),
        "answer_url": context["manage_url"] and f"{context['manage_url']}/alternatives"
        if "manage_url" in context
        else "",
    }


def _withdrawn(letter: Letter, attendee: Attendee) -> str:
    """That the booker can pick from other times no more, as a host has changed the meeting; "" when he could not."""
    if letter is LETTERS[kinds.PROPOSED_BOOKER]:
        previous = _previous(attendee)
        booking = previous.booking if previous else attendee.booking
    else:
        booking = attendee.booking
    if attendee.ended_by == Attendee.Party.BOOKER:
        return ""
    offered = booking.alternatives.order_by("created_at", "id").last()
    if offered is None or offered.state != Alternatives.State.OVERTAKEN:
        return ""
    return withdrawn_words(offered.times.count(), "you")


def _attendee_of(letter: Letter, topic_id: UUID) -> Attendee | None:
    """Whom the mail is about; of a group session the one it began or ended with."""
    if letter.is_of_seat or letter.reader is not Reader.HOST:
        return selectors.attendee_for_mail(topic_id)
    booking = selectors.booking_for_mail(topic_id)
    return booking.company[0] if booking else None


def _outdated(letter: Letter, attendee: Attendee, message: OutboxMessage, now: datetime) -> str:
    """Why the mail would tell what is no longer so; "" when it still is."""
    booking = attendee.booking
    if attendee.is_erased and letter.reader is not Reader.HOST:
        return "Who it was for is erased"
    if letter.reader is Reader.HOST and not _works_here(booking, message.recipient):
        return "Whom it was for works here no longer"
    if letter.is_farewell:
        is_back = message.recipient in {host.email for host in booking.hosts}
        return "The meeting is his again" if is_back else ""
    told_of = booking if letter.reader is Reader.HOST and not letter.is_of_seat else attendee
    if told_of.status != letter.status:
        return f"The booking is {told_of.get_status_display().lower()} by now"
    if message.seq < told_of.ics_sequence:
        return "A later change has a mail of its own"
    if letter is LETTERS[kinds.ALTERNATIVES_BOOKER]:
        offered = booking.alternatives.order_by("created_at", "id").last()
        if offered is None or offered.state_at(now) != Alternatives.State.OPEN:
            return "These times are offered no more"
    if letter is LETTERS[kinds.ALTERNATIVES_HOST]:
        offered = booking.alternatives.order_by("created_at", "id").last()
        answered = {Alternatives.State.KEPT, Alternatives.State.DECLINED}
        if offered is None or offered.state not in answered:
            return "Other times were offered since"
    if letter.only_before_start and booking.is_past(now):
        return "The meeting has begun"
    if booking.ends_at <= now:
        return "The meeting is over"
    return ""


def _works_here(booking: Booking, address: str) -> bool:
    """Who has left is told nothing of meetings any more, wherever they are handed to."""
    return accounts.active_members_of(booking.workspace_id).filter(user__email=address).exists()


def _invite(
    letter: Letter, method: Method, attendee: Attendee, context: dict[str, Any], now: datetime
) -> Invite:
    match letter.reader:
        case Reader.BOOKER:
            return invite_for_booker(attendee, method, manage_url=context["manage_url"], now=now)
        case Reader.GUEST:
            return invite_for_guest(attendee, context["recipient"], method, now=now)
        case Reader.HOST if letter.is_farewell:
            return invite_for_former_host(attendee, context["recipient"], now=now)
        case Reader.HOST:
            return invite_for_host(attendee, method, now=now)


def _rendered(letter: Letter, ending: str, context: dict[str, Any]) -> str:
    return render_to_string(f"bookings/mail/{letter.template}.{ending}", context)


def _context(letter: Letter, attendee: Attendee, recipient: str) -> dict[str, Any]:
    booking = attendee.booking
    mine, theirs = ZoneInfo(attendee.timezone), ZoneInfo(booking.timezone)
    other_name = booking.host_first_names
    if letter.reader is Reader.HOST:
        mine, theirs, other_name = theirs, mine, attendee.name
    location = guests_location_of(booking) if letter.reader is Reader.GUEST else location_of(attendee)
    previous = _previous(attendee)
    mover = previous.ended_by_user if previous else None
    name = greeting(attendee.name)
    headline = letter.headline.format(
        you=f"{name}, " if name else "",
        host=booking.host_first_names,
        booker=attendee.name,
        mover=mover.first_name if mover else booking.host_first_names,
    )
    if booking.is_group and letter is LETTERS[kinds.CANCELLED_HOST]:
        headline = "Your session is cancelled"
    if booking.is_group and letter.template == "briefing_host":
        headline = "Your session is next"
    return {
        "booking": booking,
        "attendee": attendee,
        "recipient": recipient,
        "is_guest": letter.reader is Reader.GUEST,
        "org": booking.workspace,
        "seats": f"{booking.attendee_count} of {booking.capacity} taken"
        if booking.is_group and booking.attendee_count
        else "",
        "other_hosts": in_one([host.name for host in booking.hosts if host.email != recipient])
        if len(booking.hosts) > 1
        else "",
        "headline": f"{headline[:1].upper()}{headline[1:]}",
        "zone": mine,
        "day": words.day(booking.starts_at.astimezone(mine).date(), DayForm.FULL),
        "time": words.clock_range(booking.starts_at, booking.ends_at, mine),
        "zone_words": words.zone_in_public(booking.starts_at, mine),
        "other": other_side(booking, mine, theirs, other_name),
        "short": words.moment(booking.starts_at, mine),
        "was": words.moment(previous.booking.starts_at, mine) if previous else "",
        "message": previous.reason if previous else "",
        "mover": mover,
        "moved_by": _as_read(mover, recipient) if mover else "",
        "location": location,
        "calendars": calendar_links(
            title=f"{booking.title} with {booking.host_names}",
            period=booking.period,
            location=location.url or location.text,
            details="To move or cancel it, use the link in your confirmation email.",
        ),
        "can_move": booking.link is not None,
        "until": _until(booking, mine),
        "book_url": f"{settings.SITE_URL}{reverse('bookings:book', args=[booking.link.slug])}"
        if booking.link
        else "",
        "cancelled_by": _cancelled_by(attendee, recipient),
        "site_url": settings.SITE_URL,
        "console_url": f"{settings.SITE_URL}{reverse('bookings:console')}?open={booking.pk}",
        **(own_addresses(attendee) if letter.reader is Reader.BOOKER else {}),
    }


def _cancelled_by(attendee: Attendee, recipient: str) -> str:
    """Who cancelled, as the hosts are told."""
    if attendee.ended_by != Attendee.Party.HOST:
        return attendee.name
    if attendee.ended_by_user is not None:
        return _as_read(attendee.ended_by_user, recipient)
    return "You" if len(attendee.booking.hosts) == 1 else "One of the hosts"


def _as_read(user: User, recipient: str) -> str:
    """How somebody is named to whoever reads the mail."""
    return "You" if user.email == recipient else user.name


def own_addresses(attendee: Attendee) -> dict[str, str]:
    """The booker's page; empty addresses when the key its token was made with is gone."""
    token = selectors.manage_token(attendee)
    if token is None:
        return {"manage_url": "", "ics_url": "", "reconfirm_url": ""}
    arguments = [attendee.booking.page_slug, token]
    return {
        "manage_url": f"{settings.SITE_URL}{reverse('bookings:manage', args=arguments)}",
        "ics_url": f"{settings.SITE_URL}{reverse('bookings:invite', args=arguments)}",
        "reconfirm_url": f"{settings.SITE_URL}{reverse('bookings:reconfirm', args=arguments)}",
    }


def other_side(booking: Booking, mine: ZoneInfo, theirs: ZoneInfo, name: str) -> str:
    """The time on the other side's clock; "" when it shows the same."""
    here, there = booking.starts_at.astimezone(mine), booking.starts_at.astimezone(theirs)
    if here.utcoffset() == there.utcoffset():
        return ""
    day = "" if here.date() == there.date() else f"{words.day(there.date())}, "
    time = words.clock_range(booking.starts_at, booking.ends_at, theirs)
    place, short = words.city(theirs), words.abbreviation(booking.starts_at, theirs)
    return f"{day}{time} for {name} {f'in {place} ({short})' if place else f'({short})'}"


def _until(booking: Booking, zone: ZoneInfo) -> str:
    """Until when the booker may still change something himself, in words."""
    link = booking.link
    hours = max(link.cancel_cutoff_hours, link.reschedule_cutoff_hours) if link else 0
    return (
        f"until {words.moment(booking.starts_at - timedelta(hours=hours), zone)}"
        if hours
        else "any time up to the start"
    )


def _previous(attendee: Attendee) -> Attendee | None:
    """Who he was at the booking before he moved to this one; None when he never did."""
    if not attendee.ics_sequence:
        return None
    earlier = [row for row in selectors.seats_of(attendee) if row.ics_sequence < attendee.ics_sequence]
    return earlier[-1] if earlier else None
