"""Who came: marking past bookings, and taking it back."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from bookings.models import Booking
from bookings.services.booking import record
from workestra.accounts.models import User
from workestra.crm.models import Person


class NotOver(Exception):
    """Attendance can only be marked on a confirmed booking that has begun."""


def mark(*, booking: Booking, attendance: Booking.Attendance, actor: User, now: datetime) -> Booking:
    """Mark a past booking attended or no-show, or unmark it; the person's no-show count follows.

    Raises: NotOver.
    """
    with transaction.atomic():
        current = Booking.objects.select_for_update(no_key=True, of=("self",)).get(pk=booking.pk)
        if current.status != Booking.Status.CONFIRMED or not current.is_past(now):
            raise NotOver(current.status)
        before = current.no_show_status
        if before == attendance:
            return current
        current.no_show_status = attendance
        current.save(update_fields=["no_show_status"])
        change = (attendance == Booking.Attendance.NO_SHOW) - (before == Booking.Attendance.NO_SHOW)
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
