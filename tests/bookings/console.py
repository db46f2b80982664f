"""The bookings console, as its tests ask it."""

import re
from datetime import UTC, datetime
from html import unescape
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse

from bookings.models import Booking
from tests.conftest import signed_in
from workestra.accounts.models import Membership

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
CONSOLE = "/calendar/bookings"
HTMX = {"HX-Request": "true"}


def address_of(booking: Booking, action: str) -> str:
    """Where this is done to the booking, or to the attendee it has."""
    subject = booking.booker if action in {"attendance", "manage_link"} else booking
    return reverse(f"bookings:{action}", args=[subject.pk])


def plain(response: HttpResponse) -> str:
    """What a 24-hour reader sees of the page."""
    page = re.sub(r'<span class="t12">[^<]*</span>|<[^>]*>', "", response.content.decode())
    return re.sub(r"\s+", " ", unescape(page))


def drawer_for(member: Membership, booking: Booking) -> HttpResponse:
    return signed_in(member).get(reverse("bookings:drawer", args=[booking.pk]), headers=HTMX)


def ids(response: HttpResponse) -> list[UUID]:
    return [row.booking.pk for row in response.context["rows"]]  # type: ignore[attr-defined]
