"""Meeting links that a host's calendar makes (Google Meet, Teams), or an account of his (Zoom): they come after the
booking."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from bookings.domain import mail_kinds as kinds
from bookings.domain.locations import LINK_MADE
from bookings.models import Booking
from bookings.selectors.runs import kinds_in_place
from workestra.calendars import services as calendars
from workestra.calendars.domain.invites import web_url
from workestra.notifications import services as outbox


def keep_link(series_id: UUID, user_id: UUID, url: str, now: datetime) -> None:
    """There is a link for the booking of this series: everybody is told it, once.

    Mails that wait for it go out now; those that went without it go out again, with it.
    """
    with transaction.atomic():
        booking = (
            Booking.objects.select_for_update(no_key=True)
            .filter(
                series_id=series_id,
                status=Booking.Status.CONFIRMED,
                host=user_id,
                location_type__in=LINK_MADE,
            )
            .exclude(location_detail=url[:300])
            .first()
        )
        if booking is None or not web_url(url):
            return
        booking.location_detail = url[:300]
        booking.save(update_fields=["location_detail"])
        about = [booking.pk, *(attendee.pk for attendee in booking.company)]
        outbox.tell_now(about, [*kinds.INVITING, *kinds_in_place(booking.company)])
        calendars.renew_events(kinds.BOOKING, [series_id])
