"""What went out about a booking: exactly what was sent, or written at a host's provider, and another try of it."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from bookings import access
from bookings.models import Booking
from bookings.services import deliveries as service
from bookings.views.rows import Permissions
from bookings.views.timeline import Written, timeline_of, written_of
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.domain.seals import BrokenSeal
from workestra.accounts.http import MemberRequest
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import label_of
from workestra.sms.selectors import texts_of

SHOWN: Final = 200_000
"""Bytes of a mail that its page prints; the file has all of them."""


@require_safe
def delivery(request: MemberRequest, booking_id: UUID, message_id: UUID) -> HttpResponse:
    """What went over the wire; `format=eml` as a file. It may print the booker's link: only for who may renew that."""
    booking, message = _message(request, booking_id, message_id)
    try:
        mail, is_lost = message.mail, False
    except BrokenSeal:
        mail, is_lost = None, True
    is_text = message.pk in texts_of([message.pk])
    if mail is not None and request.GET.get("format") == "eml":
        name = f"{message.pk}.{'txt' if is_text else 'eml'}"
        disposition = content_disposition_header(as_attachment=True, filename=name)
        return HttpResponse(
            mail,
            content_type="text/plain; charset=utf-8" if is_text else "message/rfc822",
            headers={"Content-Disposition": str(disposition), "Cache-Control": "no-store, private"},
        )
    context = {
        "booking": booking,
        "message": message,
        "label": label_of(message.kind),
        "source": mail[:SHOWN].decode(errors="replace") if mail else "",
        "size": len(mail or b""),
        "is_cut": mail is not None and len(mail) > SHOWN,
        "is_lost": is_lost,
        "drawer_url": _drawer_url(booking),
    }
    response = render(request, "bookings/delivery.html", context)
    response["Cache-Control"] = "no-store, private"
    return response


@require_POST
def resend(request: MemberRequest, booking_id: UUID, message_id: UUID) -> HttpResponse:
    """Send another copy, or try a failed mail again. htmx gets the timeline."""
    booking, message = _message(request, booking_id, message_id)
    try:
        service.send_again(message=message, booking=booking, actor=request.member.user, now=timezone.now())
    except service.NotOver:
        messages.error(request, "This mail is still on its way.")
    else:
        messages.success(request, f"{label_of(message.kind)} to {message.recipient}: on its way.")
    return _timeline(request, booking)


@require_POST
def write_again(request: MemberRequest, booking_id: UUID, owed_id: UUID) -> HttpResponse:
    """Try once more to write the booking's event, or to make its meeting. htmx gets the timeline."""
    booking, each = _written(request, booking_id, owed_id)
    owed = each.owed
    if each.is_held:
        messages.error(request, f"{owed.label} needs reconnecting first: {owed.user.name} can do that.")
    elif service.write_again(owed=owed, booking=booking, actor=request.member.user, now=timezone.now()):
        messages.success(request, f"{owed.label} is asked again.")
    else:
        messages.success(request, f"The {owed.label} {owed.noun} is as it should be, or being seen to.")
    return _timeline(request, booking)


@require_safe
def written(request: MemberRequest, booking_id: UUID, owed_id: UUID) -> HttpResponse:
    """What was last written of the booking in a host's calendar, or made at his provider of meeting links."""
    booking, each = _written(request, booking_id, owed_id)
    context = {"booking": booking, "each": each, "drawer_url": _drawer_url(booking)}
    return render(request, "bookings/written.html", context)


def _timeline(request: MemberRequest, booking: Booking) -> HttpResponse:
    if not request.htmx:
        return redirect(_drawer_url(booking))
    context: dict[str, Any] = {
        "d": timeline_of(booking),
        "booking": booking,
        "zone": booking.timezone,
        "row": Permissions(request).row(booking, timezone.now()),
        "oob": True,
    }
    return render(request, "bookings/_deliveries.html", context)


def _message(request: MemberRequest, booking_id: UUID, message_id: UUID) -> tuple[Booking, OutboxMessage]:
    """Raises: Http404 and PermissionDenied as `access.booking_for` does; Http404 for a mail about something else."""
    booking = access.booking_for(request.member, booking_id, Permission.EDIT)
    topics = [booking.pk, *(attendee.pk for attendee in booking.attendees.all())]
    message = OutboxMessage.objects.filter(pk=message_id, topic_id__in=topics).first()
    if message is None:
        raise Http404("No such booking.")
    return booking, message


def _written(request: MemberRequest, booking_id: UUID, owed_id: UUID) -> tuple[Booking, Written]:
    """Raises: Http404 and PermissionDenied as `_message` does."""
    booking = access.booking_for(request.member, booking_id, Permission.EDIT)
    each = next((each for each in written_of(booking) if each.owed.pk == owed_id), None)
    if each is None:
        raise Http404("No such booking.")
    return booking, each


def _drawer_url(booking: Booking) -> str:
    return f"{reverse('bookings:console')}?open={booking.pk}#b-{booking.pk}"
