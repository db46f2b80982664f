"""What our events in people's calendars say, and our meetings at their providers.

The apps above register who knows; this app asks without knowing them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from workestra.calendars.providers.meetings import Meeting
from workestra.calendars.providers.provider import ProviderEvent

Describer = Callable[[UUID, UUID, UUID, datetime], ProviderEvent | None]
MeetingDescriber = Callable[[UUID, UUID, UUID, datetime], Meeting | None]
Joined = Callable[[UUID, UUID, str, datetime], None]


@dataclass(frozen=True, slots=True)
class Topic:
    """Who answers for the events of a topic.

    `describe` gets the topic's id, the id of the calendar's owner, the event's key and the current time, reads the
    state of things as they are now, and answers with the event as it should stand, or with None when none should. It
    may run several times and must change nothing.

    `joined` is told the link that the provider has made for the meeting, with the topic's id, the id of the calendar's
    owner and the current time; it may be told the same link again.

    `meeting` answers as `describe` does for a meeting in the account of the person with this id at a provider of links.
    """

    describe: Describer
    joined: Joined | None = None
    meeting: MeetingDescriber | None = None


_topics: dict[str, Topic] = {}


def register(name: str, topic: Topic) -> None:
    """Have this topic answer for the events of `name`, such as "booking". Raises ValueError when it is taken."""
    if name in _topics:
        raise ValueError(f"{name} already has a topic: {_topics[name]}")
    _topics[name] = topic


def topic_of(name: str) -> Topic:
    """Raises LookupError when nobody has registered one."""
    return _topics[name]
