"""The forms of a drawer: what a host can do with the booking, each with ids of its own, as a page may have several."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from bookings.domain import fit
from bookings.domain.fit import Fit
from bookings.domain.lifecycle import Change
from bookings.forms.console import CancelForm, NoteForm, OfferTimesForm, ProposeForm, ReassignForm
from bookings.models import Attendee, Booking
from bookings.selectors import hosting
from bookings.services.alternatives import in_the_way
from bookings.views.picker import BadAddress, start_of, start_value
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.calendars.domain.period import Period

FORMS: Final = frozenset({"cancel", "propose", "offer", "reassign"})
"""The forms that open below the facts; the address says which one is open when a page is loaded with it."""


SUGGESTED: Final = 3
"""So many times a new offer begins with."""


def tools_of(
    request: MemberRequest,
    booking: Booking,
    now: datetime,
    *,
    can_edit: bool,
    can_delete: bool,
    is_offering: bool,
) -> dict[str, Any]:
    """The forms for what the member may do with the booking at this moment; a part of the drawer's context.

    While one `is_offering` other times already, no more can be offered.
    """
    tools: dict[str, Any] = {"note_form": note_form(booking) if can_edit else None}
    if can_delete and booking.allows(Change.CANCEL, now):
        tools["cancel_form"] = cancel_form(booking)
    if can_edit and booking.allows(Change.MOVE, now):
        start = asked_start(request)
        tools["propose_form"] = propose_form(request, booking, now, start=start)
        tools["times"] = times_of(request, booking, start or booking.starts_at, now)
    if can_edit and booking.allows(Change.OFFER, now) and not booking.is_group and not is_offering:
        tools["offer_form"] = offer_form(request, booking, now)
    if can_edit and booking.allows(Change.REASSIGN, now) and len(booking.hosts) == 1:
        form = reassign_form(request, booking, now)
        if form.substitutes:
            tools["reassign_form"] = form
    return tools


def cancel_form(of: Booking | Attendee, data: Any = None) -> CancelForm:
    return CancelForm(data, auto_id=f"cx-{of.pk}-%s")


def propose_form(
    request: MemberRequest, booking: Booking, now: datetime, data: Any = None, start: datetime | None = None
) -> ProposeForm:
    zone = ZoneInfo(request.member.user.timezone)
    return ProposeForm(data, booking=booking, zone=zone, now=now, start=start)


def offer_form(request: MemberRequest, booking: Booking, now: datetime, data: Any = None) -> OfferTimesForm:
    """Without `data` it begins with the free times nearest to the one the booking has."""
    zone = ZoneInfo(request.member.user.timezone)
    near = hosting.times_near(booking, booking.starts_at, now)[:SUGGESTED] if data is None else ()
    notice = timedelta(hours=booking.link.minimum_notice_hours if booking.link else 0)
    names = names_for(request, booking)
    # Of one host alone who works here no longer nothing is suggested.
    left = hosting.gone(booking) if near and len(names) > 1 else []
    suits = fit.gone(names[str(host.pk)] for host in left) if left else fit.free(names.values())
    fits = [suits if start >= now + notice else None for start in near]
    return OfferTimesForm(data, booking=booking, zone=zone, now=now, suggested=near, fits=fits)


def doubts_of(
    request: MemberRequest, booking: Booking, starts: Iterable[datetime], now: datetime
) -> list[tuple[datetime, Fit]]:
    """What speaks against these starts, for a host to press once more: each that does not suit, with why.

    Empty when he has been told of all of them and sends them as `anyway`; and when one of them cannot be at all, which
    the service says.
    """
    length = timedelta(minutes=booking.duration_minutes)
    periods = [Period(start, start + length) for start in starts]
    if any(in_the_way(booking, periods, now)):
        return []
    zone, names = ZoneInfo(request.member.user.timezone), names_for(request, booking)
    found = [
        (each.start, doubt)
        for each in periods
        if (doubt := fit.doubt_of(hosting.judged(booking, each.start, now, zone), names))
    ]
    told = set(request.POST.getlist("anyway"))
    return [] if told.issuperset(start.isoformat() for start, _ in found) else found


def names_for(request: MemberRequest, booking: Booking) -> dict[str, str]:
    """What its hosts are called to the member, by the ids that the slot engine's reasons have."""
    return {
        str(host.pk): fit.YOU if host.pk == request.member.user_id else host.first_name
        for host in booking.hosts
    }


def times_of(
    request: MemberRequest, booking: Booking, wanted: datetime, now: datetime
) -> list[dict[str, Any]]:
    """Free times around a wanted one, each as the form takes it and as an address says it."""
    zone = ZoneInfo(request.member.user.timezone)
    return [
        {
            "start": start,
            "local": start.astimezone(zone).replace(tzinfo=None),
            "asked": start_value(start),
        }
        for start in hosting.times_near(booking, wanted, now)
    ]


def reassign_form(request: MemberRequest, booking: Booking, now: datetime, data: Any = None) -> ReassignForm:
    reach = accounts.reachable_user_ids(request.member, Permission.EDIT)
    return ReassignForm(data, booking=booking, substitutes=hosting.substitutes_for(booking, reach, now))


def note_form(booking: Booking, data: Any = None) -> NoteForm:
    return NoteForm(data, initial={"note": booking.private_note}, auto_id=f"pn-{booking.pk}-%s")


def take_focus(tools: dict[str, Any], name: str) -> None:
    """Let the page begin in the first field of this form."""
    form = tools.get(f"{name}_form")
    if form is not None:
        next(iter(form.fields.values())).widget.attrs["autofocus"] = True


def asked_start(request: MemberRequest) -> datetime | None:
    """The start that the address proposes; None when it names none that can be read."""
    try:
        return start_of(request.GET.get("start", ""))
    except BadAddress:
        return None
