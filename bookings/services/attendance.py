"""Who came: marking attendees of past bookings, and taking it back."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import F

from bookings.domain.lifecycle import Change, after
from bookings.models import Attendee, Booking
from bookings.services import runs
from bookings.services.records import record
from workestra.accounts.models import User
from workestra.crm.models import Person

Attendance = Booking.Attendance


def mark(*, attendee: Attendee, attendance: Booking.Attendance, actor: User, now: datetime) -> Attendee:
    """Mark an attendee of a past booking attended or no-show, or unmark him; his person's no-show count follows.

    The booking sums up its attendees. Raises: BookingClosed before it begins, and when it stands no more.
    """
    with transaction.atomic():
        booking = Booking.objects.select_for_update(no_key=True).get(pk=attendee.booking_id)
        current = booking.attendees.get(pk=attendee.pk)
        after(current.status, Change.MARK, has_begun=booking.is_past(now))
        before = current.no_show_status
        if before == attendance:
            return current
        current.no_show_status = attendance
        current.save(update_fields=["no_show_status"])
        coming = booking.attendees.filter(status=Booking.Status.CONFIRMED)
        booking.no_show_status = summary(coming.values_list("no_show_status", flat=True))
        booking.save(update_fields=["no_show_status"])
        runs.mark(current, attendance, now)
        change = (attendance == Attendance.NO_SHOW) - (before == Attendance.NO_SHOW)
        if change and current.person_id is not None:
            Person.objects.filter(pk=current.person_id).update(no_show_count=F("no_show_count") + change)
        record(
            "booking.attendance_marked",
            current,
            now,
            actor=actor,
            before={"attendance": before},
            after={"attendance": attendance},
        )
    return current


def summary(marks: Collection[str]) -> Booking.Attendance:
    """What a booking with these marks has: nothing while one is missing, "attended" when anybody came."""
    found = {Attendance(mark) for mark in marks}
    if Attendance.UNMARKED in found:
        return Attendance.UNMARKED
    return Attendance.ATTENDED if Attendance.ATTENDED in found else Attendance.NO_SHOW
