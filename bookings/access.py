"""Fetching bookings for members, as far as their role reaches."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import Http404

from bookings.models import Attendee, Booking, BulkRun
from workestra.accounts import selectors as accounts
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Membership


def booking_for(member: Membership, booking_id: UUID, permission: Permission = Permission.VIEW) -> Booking:
    """The booking, with link, host and attendees, for a member who may do this to it.

    Raises: Http404 for a booking that does not exist or that he may not see; PermissionDenied when he may see it,
    but not do this.
    """
    seen = require(member, Permission.VIEW)
    booking = (
        Booking.objects.filter(workspace=member.workspace, pk=booking_id)
        .select_related("link", "host", "workspace", "noted_by")
        .prefetch_related(Prefetch("attendees", Attendee.objects.select_related("person")))
        .first()
    )
    if booking is None or not reaches(seen, booking):
        raise Http404("No such booking.")
    if not may(member, permission, booking):
        raise PermissionDenied(f"Your role does not include {permission} for this booking.")
    return booking


def attendee_for(member: Membership, attendee_id: UUID, permission: Permission = Permission.VIEW) -> Attendee:
    """The attendee, with his booking as `booking_for` gives it, for a member who may do this to that booking.

    Raises: Http404 and PermissionDenied as `booking_for` does.
    """
    attendee = Attendee.objects.filter(booking__workspace=member.workspace, pk=attendee_id).first()
    if attendee is None:
        raise Http404("No such attendee.")
    attendee.booking = booking_for(member, attendee.booking_id, permission)
    return attendee


def bulk_run_for(member: Membership, run_id: UUID) -> BulkRun | None:
    """A run that the member has started; None when there is no such one."""
    return BulkRun.objects.filter(pk=run_id, member=member).select_related("member__workspace").first()


def may(member: Membership, permission: Permission, booking: Booking) -> bool:
    """Whether the member's permission reaches one of this booking's hosts."""
    return reaches(accounts.reachable_user_ids(member, permission), booking)


def reaches(reach: set[UUID] | None, booking: Booking) -> bool:
    """Whether one of the booking's hosts is among these users; None means everybody."""
    return reach is None or not reach.isdisjoint(booking.host_ids)
