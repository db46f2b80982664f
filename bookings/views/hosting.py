"""What a host does with a booking in its drawer, beside cancelling it: a new time, another host, a note."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import reswap

from bookings import access
from bookings.domain.fit import Fit, fit_of, gone
from bookings.domain.lifecycle import BookingClosed, Change
from bookings.domain.offers import MOST_ALTERNATIVES, BadOffer, offered_words
from bookings.models import Booking
from bookings.selectors import hosting as selectors
from bookings.services import alternatives
from bookings.services import hosting as service
from bookings.views.closed import why_closed
from bookings.views.filters import list_url
from bookings.views.listing import answer_with_drawer, found, list_context, on_booking
from bookings.views.tools import (
    doubts_of,
    names_for,
    note_form,
    offer_form,
    propose_form,
    reassign_form,
    times_of,
)
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest

BUSY = "That did not save. Your text is still here. Try again."


@on_booking(Permission.EDIT)
def propose(request: MemberRequest, booking: Booking, now: datetime) -> HttpResponse:
    """Move the booking to a new start. A start that is taken is answered with others, and nothing typed is lost."""
    form = propose_form(request, booking, now, request.POST)
    refused = {"propose_form": form, "form": "propose"}
    if not form.is_valid():
        return answer_with_drawer(request, booking, now, status=422, **refused)
    start = form.cleaned_data["start"]
    if booking.allows(Change.MOVE, now) and (doubts := doubts_of(request, booking, [start], now)):
        return answer_with_drawer(request, booking, now, status=422, doubts=doubts, **refused)
    try:
        moved = service.propose(
            booking=booking,
            start=start,
            message=form.cleaned_data["message"],
            actor=request.member.user,
            now=now,
        )
    except SlotTaken:
        form.add_error("time", "That time is already booked. Pick another one.")
        times = times_of(request, booking, start, now)
        return answer_with_drawer(request, booking, now, status=409, times=times, **refused)
    except BookingClosed:
        fresh = access.booking_for(request.member, booking.pk)
        return answer_with_drawer(request, fresh, now, status=409, problem=why_closed(fresh, now))
    except TryAgain:
        form.add_error(None, BUSY)
        return answer_with_drawer(request, booking, now, status=503, **refused)
    return _done(request, moved, f"Moved. {_who_is(moved)} being told by mail.")


@require_safe
@vary_on_headers("HX-Request")
def fit(request: MemberRequest, booking_id: UUID) -> HttpResponse:
    """How a start that is typed suits the booking's hosts: that of a `row` of the form for other times, or without one
    that of the form for a new time. Empty while there is none."""
    now = timezone.now()
    booking = access.booking_for(request.member, booking_id, Permission.EDIT)
    row = request.GET.get("row", "")
    if row and row not in _ROWS:
        raise Http404("No such row.")
    if not request.htmx:
        return redirect(list_url(request, open=str(booking.pk), form="offer" if row else "propose"))
    context: dict[str, Any] = {"booking": booking}
    if row:
        form = offer_form(request, booking, now, request.GET)
        typed = form.typed(int(row))
        context["button"] = form.button
    else:
        typed = propose_form(request, booking, now, request.GET).typed
    found = Fit("bad", "Not possible", typed.problem) if typed.problem else None
    if typed.start:
        zone = ZoneInfo(request.member.user.timezone)
        names = names_for(request, booking)
        found = fit_of(selectors.judged(booking, typed.start, now, zone), names)
        if found.tone == "ok" and (hosts := selectors.gone(booking)):
            found = gone(names[str(host.pk)] for host in hosts)
    return render(request, "bookings/_fit.html#checked", context | {"fit": found})


_ROWS: Final = {str(number) for number in range(1, MOST_ALTERNATIVES + 1)}


@on_booking(Permission.EDIT)
def offer(request: MemberRequest, booking: Booking, now: datetime) -> HttpResponse:
    """Offer the booker other times; the meeting stays as it is until he picks one."""
    form = offer_form(request, booking, now, request.POST)
    refused = {"offer_form": form, "form": "offer"}
    if not form.is_valid():
        return answer_with_drawer(request, booking, now, status=422, **refused)
    starts = form.starts.values()
    if booking.allows(Change.OFFER, now) and (doubts := doubts_of(request, booking, starts, now)):
        return answer_with_drawer(request, booking, now, status=422, doubts=doubts, **refused)
    try:
        alternatives.offer(
            booking=booking,
            starts=list(starts),
            message=form.cleaned_data["message"],
            closes=timedelta(hours=form.cleaned_data["closes"]),
            actor=request.member.user,
            now=now,
        )
    except BadOffer as error:
        form.add_error(None, str(error))
        return answer_with_drawer(request, booking, now, status=422, **refused)
    except SlotTaken as taken:
        if isinstance(taken, alternatives.TimesTaken):
            form.refuse_taken(taken.clashes, request.member.user)
        else:
            form.add_error(None, "One of these times was taken just now. Look again and offer others.")
        return answer_with_drawer(request, booking, now, status=409, **refused)
    except alternatives.OfferOpen:
        problem = "Other times are offered already. Withdraw them first."
        fresh = access.booking_for(request.member, booking.pk)
        return answer_with_drawer(request, fresh, now, status=409, problem=problem)
    except BookingClosed:
        fresh = access.booking_for(request.member, booking.pk)
        return answer_with_drawer(request, fresh, now, status=409, problem=why_closed(fresh, now))
    except TryAgain:
        form.add_error(None, BUSY)
        return answer_with_drawer(request, booking, now, status=503, **refused)
    said = f"{offered_words(len(starts))}. {_who_is(booking)} being told by mail."
    if not request.htmx:
        return _done(request, booking, said)
    messages.success(request, said)
    fresh = access.booking_for(request.member, booking.pk)
    context = list_context(request, timezone.now(), opened=fresh, is_new_offer=True)
    return found(request, context | {"said": said})


@on_booking(Permission.EDIT)
def withdraw(request: MemberRequest, booking: Booking, now: datetime) -> HttpResponse:
    """Offer the other times no more."""
    try:
        alternatives.withdraw(booking=booking, actor=request.member.user, now=now)
    except alternatives.NotOpen as closed:
        problem = f"These times are offered no more: {closed.state.label.lower()}."
        fresh = access.booking_for(request.member, booking.pk)
        return answer_with_drawer(request, fresh, now, status=409, problem=problem)
    except TryAgain:
        return answer_with_drawer(request, booking, now, status=503, problem="Try again.")
    return _done(request, booking, "Withdrawn. The times are free again.")


@on_booking(Permission.EDIT)
def reassign(request: MemberRequest, booking: Booking, now: datetime) -> HttpResponse:
    """Give the booking to another host who is free."""
    form = reassign_form(request, booking, now, request.POST)
    refused = {"reassign_form": form, "form": "reassign"}
    if not form.is_valid():
        return answer_with_drawer(request, booking, now, status=422, **refused)
    host = form.chosen
    try:
        given = service.reassign(booking=booking, host=host, actor=request.member.user, now=now)
    except SlotTaken:
        again = reassign_form(request, booking, now)
        again.errors["host"] = again.error_class([f"{host.name} was booked just now. Choose somebody else."])
        return answer_with_drawer(request, booking, now, status=409, reassign_form=again, form="reassign")
    except (BookingClosed, service.NotToBeHandedOver):
        fresh = access.booking_for(request.member, booking.pk)
        return answer_with_drawer(request, fresh, now, status=409, problem=why_closed(fresh, now))
    except TryAgain:
        form.add_error(None, BUSY)
        return answer_with_drawer(request, booking, now, status=503, **refused)
    return _done(request, given, f"{host.name} hosts it now. {_who_is(given)} being told by mail.")


@on_booking(Permission.EDIT)
def note(request: MemberRequest, booking: Booking, now: datetime) -> HttpResponse:
    """Keep a private note on the booking."""
    form = note_form(booking, request.POST)
    if not form.is_valid():
        return answer_with_drawer(request, booking, now, status=422, note_form=form)
    service.note(booking=booking, text=form.cleaned_data["note"], actor=request.member.user, now=now)
    if not request.htmx:
        messages.success(request, "Note saved")
        return redirect(list_url(request, open=str(booking.pk)))
    context = {"d": {"booking": booking, "note_form": form}, "said": "Note saved"}
    return reswap(render(request, "bookings/_note.html#saved", context), "none")


@on_booking(Permission.EDIT)
def put_back(request: MemberRequest, booking: Booking, now: datetime) -> HttpResponse:
    """Write the meeting into its hosts' calendars again, where one was deleted or moved there."""
    if not booking.is_upcoming(now):
        return answer_with_drawer(request, booking, now, status=409, problem=why_closed(booking, now))
    service.put_back(booking=booking, actor=request.member.user, now=now)
    return _done(request, booking, "Being put back into the calendar")


def _done(request: MemberRequest, booking: Booking, said: str) -> HttpResponse:
    """The list with the booking as it is now, if the member may still see it."""
    messages.success(request, said)
    seen = accounts.reachable_user_ids(request.member, Permission.VIEW)
    fresh = access.booking_for(request.member, booking.pk) if access.reaches(seen, booking) else None
    if not request.htmx:
        return redirect(list_url(request, open=str(fresh.pk) if fresh else ""))
    context = list_context(request, timezone.now(), opened=fresh)
    return found(request, context | {"said": said, "has_focus": True, "focus": booking.pk})


def _who_is(booking: Booking) -> str:
    told = booking.company
    return f"{told[0].name} is" if len(told) == 1 else f"All {len(told)} attendees are"
