"""Keeping people and programs from doing too much of one thing."""

import hmac
from functools import cache
from typing import Final

from django.conf import settings
from django.db.models.functions import Now

from workestra.limits.counters import counters
from workestra.limits.domain.rates import rate_of, wait_words
from workestra.limits.models import Counter

_BATCH: Final = 5_000
_WHY: Final = {
    "bookings": "Many bookings were tried from your network in a short while.",
    "bookings_by_address": "Many bookings were made with this email address in a short while.",
    "connecting": "Many calendars were tried in a short while.",
    "exports": "You have downloaded several of these files in a short while.",
    "invitations": "Many people were invited in a short while.",
    "mails_to_guests": "One of these guests was invited many times in a short while.",
    "mails_to_strangers": "Many bookings were made with this email address in a short while.",
    "password_resets": "A new password was asked for several times.",
    "text_codes": "Several codes were asked for.",
    "texts_of_workspace": "This workspace has sent many text messages in a short while.",
    "texts_of_workspace_a_day": "This workspace has sent as many text messages as it may in a day.",
    "texts_to_block": "Many text messages went to numbers like this one.",
    "texts_to_number": "This number was sent several text messages in a short while.",
    "texts_to_number_a_day": "This number was sent several text messages today.",
    "times": "Many pages were opened from your network in a short while.",
    "wrong_links": "Many links that lead nowhere were opened from your network.",
}


class LimitReached(Exception):
    """Something was done too often; in `wait` seconds it can be done again."""

    def __init__(self, limit: str, wait: int) -> None:
        super().__init__(f"{limit}: wait {wait} s")
        self.limit, self.wait = limit, wait

    @property
    def sentence(self) -> str:
        return f"{_WHY[self.limit]} Try again {wait_words(self.wait)}."


def spend(limit: str, *subject: str) -> None:
    """Count that `subject` does this once more. `limit` is a key of the setting LIMITS.

    For callers outside of transactions: what was counted stays counted.

    Raises: LimitReached, when that is too often.
    """
    rate = _rate(settings.LIMITS[limit])
    if rate is None:
        return
    hits, wait = counters().hit(_key(limit, subject), rate.seconds)
    if hits > rate.amount:
        raise LimitReached(limit, wait)


def ensure_left(limit: str, *subject: str) -> None:
    """Count nothing. Raises: LimitReached, when `subject` has done this as often as it may."""
    rate = _rate(settings.LIMITS[limit])
    if rate is None:
        return
    hits, wait = counters().read(_key(limit, subject))
    if hits >= rate.amount:
        raise LimitReached(limit, wait)


def give_back(limit: str, *subject: str) -> None:
    """What `spend` counted came to nothing: it does not count."""
    if _rate(settings.LIMITS[limit]) is not None:
        counters().take_back(_key(limit, subject))


def sweep() -> int:
    """Delete the rows of windows that are over, by the database's clock; gives how many."""
    swept = 0
    while True:
        over = Counter.objects.filter(ends_at__lte=Now()).order_by("ends_at").values("pk")[:_BATCH]
        deleted, _ = Counter.objects.filter(pk__in=over, ends_at__lte=Now()).delete()
        swept += deleted
        if deleted < _BATCH:
            return swept


def _key(limit: str, subject: tuple[str, ...]) -> str:
    # Addresses of people and of networks are personal data: whoever reads the counters learns none.
    about = "\x1f".join(subject).encode()
    return f"{limit}:{hmac.digest(settings.SECRET_KEY.encode(), about, 'sha256').hex()[:32]}"


_rate = cache(rate_of)
