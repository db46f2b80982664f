"""What our events in people's calendars say. The apps above register who knows; this app asks without knowing them."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from workestra.calendars.providers.provider import ProviderEvent

Describer = Callable[[UUID, UUID, UUID, datetime], ProviderEvent | None]

_describers: dict[str, Describer] = {}


def describes(topic: str) -> Callable[[Describer], Describer]:
    """Register the decorated function for `topic`, such as "booking".

    It gets the topic's id, the id of the calendar's owner, the event's key and the current time, reads the state of
    things as they are now, and answers with the event as it should stand, or with None when none should. It may run
    several times and must change nothing.

    Raises ValueError when the topic already has one.
    """

    def register(describer: Describer) -> Describer:
        if topic in _describers:
            raise ValueError(f"{topic} already has a describer: {_describers[topic]}")
        _describers[topic] = describer
        return describer

    return register


def describer_of(topic: str) -> Describer:
    """Raises LookupError when nobody has registered one."""
    return _describers[topic]
