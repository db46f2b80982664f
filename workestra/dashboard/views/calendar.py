"""The overview at /calendar: what is on today, what waits for somebody, and how it has been going."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from bookings.domain.locations import Location, location_in_row
from bookings.domain.names import in_one
from bookings.models import Booking
from managed_events import access as managed
from one_off.models import OneOff, Proposal
from one_off.selectors import unanswered_proposals
from scheduling import selectors as scheduling
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Permission, Scope
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.calendars.models import RemoteCalendar
from workestra.calendars.selectors import broken_accounts, seen_calendars
from workestra.crm.selectors import Context, contexts_of
from workestra.dashboard import selectors
from workestra.dashboard.domain import lane
from workestra.dashboard.domain.figures import Showing
from workestra.dashboard.domain.lane import Place

LINKS = 6
SOON = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Stop:
    """A meeting, a hold, or what a connected calendar has, on today's lane.

    `kind` is "done", "next", "hold", "busy", or "" for a meeting to come. `beneath` is one that would lie on another.
    """

    place: Place
    kind: str
    starts_at: datetime
    who: str
    what: str
    url_id: str
    beneath: bool = False

    @property
    def slim(self) -> bool:
        """Whether there is no room for words."""
        return self.place.length < 4


@dataclass(frozen=True, slots=True)
class Lane:
    """Of connected calendars, `whole_day` names those with an event for the whole day, `beyond` is what they have at
    hours that are not shown, and `stale` are those of which nobody knows what they have now."""

    stops: Sequence[Stop]
    within_office: bool
    hours: Sequence[int]
    now_at: int | None
    whole_day: Sequence[str]
    beyond: Sequence[Period]
    stale: Sequence[RemoteCalendar]


@dataclass(frozen=True, slots=True)
class Next:
    """The meeting that is on, or the first to come. `minutes` until it, when that is soon; 0 while it is on."""

    booking: Booking
    who: str
    place: Location
    minutes: int | None
    note: str
    context: Context | None

    @property
    def lately(self) -> list[str]:
        """What was last written down about the person."""
        said = (
            [activity.text for activity in self.context.activities if activity.text] if self.context else []
        )
        return said[:2]


@require_GET
def calendar(request: MemberRequest) -> HttpResponse:
    """The member's day, what waits for him, and figures over whatever bookings his role reaches."""
    now = timezone.now()
    member = request.member
    zone = ZoneInfo(member.user.timezone)
    may_see = member.scope_of(Permission.VIEW) is not None
    context: dict[str, Any] = {
        "now": now,
        "zone": zone,
        "may_see": may_see,
        "may_edit": member.scope_of(Permission.EDIT) is not None,
        "site_url": settings.SITE_URL,
        "links": list(scheduling.links_of(member).order_by("title", "pk")[:LINKS]),
    }
    if may_see:
        context |= _day(member, now, zone) | _figures(member, now, zone)
    context |= _waiting(member, now, may_see=may_see)
    return render(request, "dashboard/calendar.html", context)


def _day(member: Membership, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    today = now.astimezone(zone).date()
    first, last = selectors.midnight(today, zone), selectors.midnight(today + timedelta(days=1), zone)
    meetings = selectors.meetings_from(member, first)
    ahead = [meeting for meeting in meetings if meeting.ends_at > now]
    left = [meeting for meeting in ahead if meeting.starts_at < last]
    following = ahead[0] if ahead else None
    stops = [
        Stop(
            place,
            "done" if meeting.ends_at <= now else "next" if meeting is following else "",
            meeting.starts_at,
            _who(meeting),
            meeting.title,
            str(meeting.pk),
        )
        for meeting in meetings
        if (place := lane.place_of(meeting.starts_at, meeting.ends_at, today, zone))
    ] + [
        Stop(place, "hold", hold.starts_at, hold.label, "Held", "")
        for hold in selectors.holds_between(member, first, last, now)
        if (place := lane.place_of(hold.starts_at, hold.ends_at, today, zone))
    ]
    at = lane.quarter_of(now, zone)
    office = lane.fits_office(stop.place for stop in stops)
    shown = not office or lane.OFFICE[0] <= at < lane.OFFICE[1]
    whole = Period(first, last)
    calendars = seen_calendars(member.user_id, whole)
    taken = lane.taken_of(
        (event, each.calendar.name)
        for each in calendars
        for event in each.events
        if not event.contains(whole)
    )
    busy, beyond = _busy(taken, [stop.place for stop in stops], today, zone, office)
    return {
        "lane": Lane(
            sorted([*stops, *busy], key=lambda stop: (stop.place.at, stop.kind)),
            office,
            lane.hours(office),
            at if shown else None,
            [
                each.calendar.name
                for each in calendars
                if each.whole_days or any(event.contains(whole) for event in each.events)
            ],
            beyond,
            [each.calendar for each in calendars if each.calendar.health(now).is_stale],
        ),
        "left": len(left),
        "next": _next(following, now) if following else None,
    }


def _busy(
    taken: Sequence[lane.Taken], others: Sequence[Place], today: date, zone: ZoneInfo, office: bool
) -> tuple[list[Stop], list[Period]]:
    """What of connected calendars the lane shows, and what they have beyond its hours."""
    stops, beyond = [], []
    for each in taken:
        place = lane.place_of(each.period.start, each.period.end, today, zone)
        if place is None:
            continue
        part = lane.shown_of(place, office)
        if part is not None:
            beneath = lane.meets(part, others)
            stops.append(
                Stop(part, "busy", each.period.start, "Busy", in_one(each.names), "", beneath=beneath)
            )
        if part != place:
            beyond.append(each.period)
    return stops, beyond


def _next(meeting: Booking, now: datetime) -> Next:
    company = meeting.company
    person = company[0].person_id if len(company) == 1 else None
    wait = meeting.starts_at - now
    return Next(
        meeting,
        _who(meeting),
        location_in_row(meeting.location_type, meeting.location_detail),
        max(0, int(wait.total_seconds()) // 60) if wait <= SOON else None,
        company[0].notes if len(company) == 1 else "",
        contexts_of([person]).get(person) if person else None,
    )


def _waiting(member: Membership, now: datetime, *, may_see: bool) -> dict[str, Any]:
    """What somebody has to see to. Templates only for those who manage some."""
    reach = accounts.reachable_user_ids(member, Permission.VIEW)
    may_mark = accounts.reachable_user_ids(member, Permission.EDIT)
    marks = may_mark is None or member.user_id in may_mark
    mails = selectors.failed_mails(member, reach, now) if may_see else []
    unmarked = selectors.unmarked(member, now) if may_see and marks else 0
    closing: list[OneOff] = selectors.closing_one_offs(member, now) if may_see else []
    proposals: list[Proposal] = list(unanswered_proposals(member, now)) if may_see else []
    broken = broken_accounts(member)
    links = [kind for kind in broken if kind.makes_meetings]
    calendars = len(broken) - len(links)
    templates = selectors.templates_of(managed.templates_of(member)) if member.administers else None
    crooked = templates.crooked if templates else ()
    return {
        "mails": mails,
        "unmarked": unmarked,
        "closing": closing,
        "proposals": proposals,
        "broken": calendars,
        "broken_links": links,
        "templates": templates,
        "todo": bool(calendars)
        + len(links)
        + len(mails)
        + bool(unmarked)
        + len(proposals)
        + len(closing)
        + len(crooked),
    }


def _figures(member: Membership, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    today = now.astimezone(zone).date()
    reach = accounts.reachable_user_ids(member, Permission.VIEW)
    by_week = selectors.showing(member, reach, today, zone, now)
    return {
        "whose": _whose(member),
        "weeks": selectors.meetings_by_week(member, reach, today, zone),
        "showing": Showing(
            sum(week.attended for week in by_week.values()),
            sum(week.no_show for week in by_week.values()),
            sum(week.unmarked for week in by_week.values()),
        ),
        "showing_by_week": by_week.items(),
        "turns": selectors.round_robin(member, reach, today, zone),
    }


def _whose(member: Membership) -> str:
    match member.scope_of(Permission.VIEW):
        case Scope.ALL:
            return f"Everyone in {member.workspace.name}"
        case Scope.TEAM:
            return "Your team and you"
    return "Your meetings"


def _who(meeting: Booking) -> str:
    """ "Priya Raman", "Priya Raman and Tom Lee", "5 people"; what it is called when nobody is coming."""
    names = [attendee.name for attendee in meeting.company]
    return in_one(names) if 0 < len(names) < 3 else f"{len(names)} people" if names else meeting.title
