"""How a start suits the hosts of a meeting that one of them, or a colleague, wants to have then: in a few words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bookings.domain.names import in_one
from scheduling.domain.reasons import ReasonCode
from scheduling.domain.slots import Verdict

YOU: Final = "You"


@dataclass(frozen=True, slots=True)
class Fit:
    """`tone` is "ok", "warn" for what keeps bookers from it, but no host, or "bad". `why` says what is in the way, as
    far as the reader may know it."""

    tone: str
    words: str
    why: str = ""

    @property
    def icon(self) -> str:
        return {"ok": "check", "warn": "triangle-alert", "bad": "x"}[self.tone]


_ANOTHER_SESSION: Final = ("bad", "Another session is then")
_SAID: Final = {
    ReasonCode.BUSY: ("bad", "{} busy"),
    ReasonCode.HOLD: ("bad", "{} busy"),
    ReasonCode.CAPACITY: _ANOTHER_SESSION,
    ReasonCode.OUT_OF_OFFICE: ("warn", "{} out of office"),
    ReasonCode.UNREADABLE: ("warn", "Calendar not read lately"),
    ReasonCode.OUTSIDE_HOURS: ("warn", "Outside hours"),
    ReasonCode.DATE_OVERRIDE: ("warn", "Outside hours"),
    ReasonCode.NOTICE: ("warn", "Within the notice"),
    ReasonCode.BUFFER: ("warn", "Within a buffer"),
    ReasonCode.HOST_CAP: ("warn", "Over a limit"),
    ReasonCode.CAP_DAY: ("warn", "Over a limit"),
    ReasonCode.CAP_WEEK: ("warn", "Over a limit"),
    ReasonCode.BOOKING_WINDOW: ("warn", "Beyond the booking window"),
}
"""Of several the first counts. A host may begin beside the grid of his page, and on a paused one: these say nothing."""
_OF_THE_PAGE: Final = frozenset({ReasonCode.NOTICE, ReasonCode.BOOKING_WINDOW})
"""What every booker can find out. Everything else is told to the host himself alone."""


def free(names: Iterable[str]) -> Fit:
    """That hosts of these names are free."""
    return Fit("ok", f"{_who(names)} free")


def gone(names: Iterable[str]) -> Fit:
    """That hosts of these names are members no more."""
    return Fit("warn", f"{_who(names)} here no longer")


def fit_of(judged: Verdict, names: Mapping[str, str]) -> Fit:
    """What the engine says of a start, to one reader: of others only that they are not free.

    `names` are the hosts' by the ids that reasons have; the reader's own is `YOU`.
    """
    if judged.seats_taken:
        return Fit(*_ANOTHER_SESSION)
    against = [reason for reason in judged.reasons if reason.code in _SAID and reason.host_id in names]
    why = ". ".join(
        dict.fromkeys(
            reason.detail for reason in against if names[reason.host_id] == YOU or reason.code in _OF_THE_PAGE
        )
    )
    for tone, words in _SAID.values():
        whom = dict.fromkeys(reason.host_id for reason in against if _SAID[reason.code][1] == words)
        if whom:
            return Fit(tone, words.format(_who(names[host_id] for host_id in whom)), why)
    return free(names.values())


def doubt_of(judged: Verdict, names: Mapping[str, str]) -> Fit | None:
    """Why a host should think twice before he takes a start; None when nothing speaks against it.

    The notice and the window of his page bind its bookers alone.
    """
    against = tuple(reason for reason in judged.reasons if reason.code not in _OF_THE_PAGE)
    found = fit_of(replace(judged, reasons=against), names)
    return None if found.tone == "ok" else found


def _who(names: Iterable[str]) -> str:
    """ "You are", "Alice is", "You and Bob are"."""
    ordered = sorted(names, key=lambda name: name != YOU)
    return f"{in_one(ordered)} {'is' if len(ordered) == 1 and ordered[0] != YOU else 'are'}"
