"""Reads about bookings."""

from typing import Final

from bookings.models import Booking, RetiredToken
from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash

MANAGE: Final = "manage a booking"


def manage_token(booking: Booking) -> str | None:
    """The secret of the booking's manage page, for the booker's mails; None when its key is gone."""
    return tokens.reissue(MANAGE, booking.pk, booking.manage_token_generation, booking.manage_token_hash)


def booking_by_token(slug: str, token: str) -> Booking | None:
    """The booking whose manage page `/b/<slug>/manage/<token>` is; None when the token is not (or no longer) one."""
    return (
        Booking.objects.filter(manage_token_hash=token_hash(token), page_slug=slug)
        .select_related("link", "host", "workspace")
        .first()
    )


def is_retired(slug: str, token: str) -> bool:
    """Whether this was a booking's manage token once and has been replaced since."""
    return RetiredToken.objects.filter(token_hash=token_hash(token), booking__page_slug=slug).exists()
