"""The member's connected accounts: which calendars block his time, where new bookings go, what needs mending."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Membership
from workestra.calendars import access, effects, selectors, services
from workestra.calendars.connections import missing_settings
from workestra.calendars.domain.health import Health
from workestra.calendars.domain.kinds import CALENDAR_KINDS, MEETING_KINDS, ProviderKind
from workestra.calendars.forms import ChoiceForm
from workestra.calendars.models import CalendarAccount, OwnMeeting, RemoteCalendar


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """A calendar with its box and its mark as they stand on the page."""

    calendar: RemoteCalendar
    health: Health
    is_checked: bool
    is_written: bool


@dataclass(frozen=True, slots=True)
class Card:
    """An account as the page shows it. `stale_since` is set when a checked calendar of a working account could not be
    read lately."""

    account: CalendarAccount
    rows: Sequence[CalendarRow]
    stale_since: datetime | None

    @property
    def error(self) -> str:
        """Why it could not be read lately, in words."""
        failing = [row.calendar for row in self.rows if row.calendar.checked and row.calendar.failing_since]
        return failing[0].last_error if failing else ""


@dataclass(frozen=True, slots=True)
class Service:
    """A provider of meeting links, the member's account there if he has one, and the last link it did not make."""

    kind: ProviderKind
    account: CalendarAccount | None
    unmade: OwnMeeting | None
    is_set_up: bool


@require_http_methods(["GET", "POST"])
def index(request: MemberRequest) -> HttpResponse:
    """The page, and the choice of calendars made on it."""
    if request.method == "GET":
        return _page(request)
    form = ChoiceForm(request.POST)
    member = request.member
    current = selectors.written_calendar(member.workspace.pk, member.user_id)
    kept = current.pk if current else None
    write_to = form.write_to if form.says_where else kept
    try:
        if not form.is_readable:
            raise services.Unwritable
        services.choose(member, form.checked, write_to, timezone.now(), shown=form.shown)
    except services.Unwritable:
        messages.error(request, "New bookings cannot go to that calendar any more. Nothing was changed.")
        return _page(request, form, status=422)
    messages.success(request, "Saved")
    return redirect("calendars:accounts")


@require_POST
def read(request: MemberRequest, account_id: UUID) -> HttpResponse:
    """Have an account read again now."""
    account = access.own_account(request.member, account_id)
    services.read_again(account)
    messages.success(request, f"{account.kind.label} is being read")
    return redirect("calendars:accounts")


@require_POST
def feed_new(request: MemberRequest) -> HttpResponse:
    """A secret address for one's own bookings, in place of the one before."""
    services.new_feed_address(request.member, timezone.now())
    messages.success(request, "The feed has a new address")
    return redirect("calendars:accounts")


@require_POST
def feed_close(request: MemberRequest) -> HttpResponse:
    services.close_feed(request.member, timezone.now())
    messages.success(request, "The feed is off")
    return redirect("calendars:accounts")


@require_POST
def write_again(request: MemberRequest) -> HttpResponse:
    """Try once more to write the events that were given up."""
    if services.write_again(request.member):
        messages.success(request, "Being written again")
    return redirect("calendars:accounts")


@require_http_methods(["GET", "POST"])
def disconnect(request: MemberRequest, account_id: UUID) -> HttpResponse:
    """Asks whether an account is to be forgotten, and forgets it."""
    account = access.own_account(request.member, account_id)
    if request.method == "GET":
        written = any(calendar.write_here for calendar in account.calendars.all())
        checked = sum(calendar.checked and not calendar.is_gone for calendar in account.calendars.all())
        context = {"account": account, "written": written, "checked": checked}
        return render(request, "calendars/disconnect.html", context)
    effects.let_go(account)
    services.disconnect(account, request.member.user, timezone.now())
    messages.success(request, f"{account.kind.label} is disconnected")
    return redirect("calendars:accounts")


def _page(request: MemberRequest, form: ChoiceForm | None = None, *, status: int = 200) -> HttpResponse:
    now = timezone.now()
    cards = [_card(account, form, now) for account in selectors.calendar_accounts_of(request.member)]
    calendars = [row.calendar for card in cards for row in card.rows]
    feed = selectors.feed_of(request.member)
    token = selectors.feed_token(feed) if feed else None
    read = [calendar.synced_at for calendar in calendars if calendar.checked and calendar.synced_at]
    context = {
        "zone": ZoneInfo(request.member.user.timezone),
        "cards": cards,
        "broken": [card for card in cards if card.account.is_broken],
        "late": [card for card in cards if card.stale_since and not card.account.is_broken],
        "feed": feed,
        "feed_address": f"{settings.SITE_URL}/feed/{token}.ics" if token else "",
        "unwritten": selectors.unwritten_of(request.member),
        "sources": sum(calendar.checked for calendar in calendars),
        "written": any(row.is_written for card in cards for row in card.rows),
        "last_read": max(read, default=None),
        "kinds": [(kind, not missing_settings(kind)) for kind in CALENDAR_KINDS],
        "services": _services(request.member),
        "conferences": [
            (card.account, any(row.is_written for row in card.rows))
            for card in cards
            if card.account.kind.conference
        ],
    }
    return render(request, "calendars/accounts.html", context, status=status)


def _services(member: Membership) -> list[Service]:
    accounts = {account.kind: account for account in selectors.accounts_of(member)}
    unmade = {meeting.kind: meeting for meeting in selectors.unmade_of(member)}
    return [
        Service(kind, accounts.get(kind), unmade.get(kind), is_set_up=not missing_settings(kind))
        for kind in MEETING_KINDS
    ]


def _card(account: CalendarAccount, form: ChoiceForm | None, now: datetime) -> Card:
    rows = [
        CalendarRow(
            calendar,
            calendar.health(now),
            is_checked=calendar.pk in form.checked
            if form and calendar.pk in form.shown
            else calendar.checked,
            is_written=calendar.pk == form.write_to if form and form.says_where else calendar.write_here,
        )
        for calendar in selectors.calendars_of(account)
        if not calendar.is_gone
    ]
    # What was connected a moment ago is being read now: nothing to mend yet.
    stale = [
        row.health.stale_since
        for row in rows
        if row.calendar.checked and (row.calendar.synced_at or row.calendar.failing_since)
    ]
    return Card(account=account, rows=rows, stale_since=min(filter(None, stale), default=None))
