"""Who writes which message, and who carries what is no mail. The apps above register themselves; this app knows none
of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.core.mail import EmailMessage

from workestra.notifications.models import OutboxMessage


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to tell any more; `reason` says why, in words a person can read in the delivery log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text message to a number in E.164."""

    to: str
    body: str


class LeftOut(Exception):
    """A carrier has learned that there is nobody to tell; the message is why, as that of a `Skip`."""


class Refused(Exception):
    """A carrier would refuse the same message again."""


class Wait(Exception):
    """A carrier takes no more for `seconds`."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class CarrierAway(Exception):
    """A carrier takes nothing at all at the moment, whatever it says."""


Renderer = Callable[[OutboxMessage, datetime], EmailMessage | Text | Skip]
Carrier = Callable[[OutboxMessage, Text], bytes]


Follower = Callable[[OutboxMessage], None]


class UnknownKind(LookupError):
    """No app has registered a renderer for this kind."""


_renderers: dict[str, Renderer] = {}
_labels: dict[str, str] = {}
_followers: dict[str, Follower] = {}
_carriers: list[Carrier] = []


def label_of(kind: str) -> str:
    """What people call mails of this kind: "Confirmation"; without a label, the kind itself."""
    return _labels.get(_family(kind), kind)


def renders(kind: str, label: str = "") -> Callable[[Renderer], Renderer]:
    """Register the decorated function as the renderer of `kind`, such as "booking.confirmed.booker", called `label`.

    It gets the outbox message and the current time, reads the state of things as they are now, and answers
    with a mail addressed to `message.recipient` alone, with a `Text`, or with `Skip` when that state has moved on
    (cancelled, rescheduled, already over). It may run several times for one message and must change nothing.
    A kind stands for all that begin with it and a colon, such as "workflow:<key>".

    Raises ValueError when the kind already has one.
    """

    def register(renderer: Renderer) -> Renderer:
        if kind in _renderers:
            raise ValueError(f"{kind} already has a renderer: {_renderers[kind]}")
        _renderers[kind] = renderer
        if label:
            _labels[kind] = label
        return renderer

    return register


def renderer_of(kind: str) -> Renderer:
    """Raises UnknownKind."""
    try:
        return _renderers[_family(kind)]
    except KeyError:
        raise UnknownKind(f"nothing renders {kind!r}") from None


def _family(kind: str) -> str:
    return kind.partition(":")[0]


def follows(*topics: str) -> Callable[[Follower], Follower]:
    """Register what is called with each message about these topics after each try, whatever came of it.

    It may be called again, or never when the worker dies, and holds nobody up: what it raises is only logged.
    """

    def register(follower: Follower) -> Follower:
        _followers.update(dict.fromkeys(topics, follower))
        return follower

    return register


def follower_of(topic: str) -> Follower | None:
    return _followers.get(topic)


def carries_texts(carrier: Carrier) -> Carrier:
    """Register the decorated function as what hands over texts; it gives what was handed over, as it is to be kept.

    It may be called again with a message that it has handed over already, and has to find that out. Any exception but
    those of this module is a failure that may go away.
    """
    _carriers.append(carrier)
    return carrier


def text_carrier() -> Carrier:
    """What hands over texts. Raises CarrierAway when no app does."""
    if not _carriers:
        raise CarrierAway("nothing carries text messages")
    return _carriers[-1]
