"""Held times as placeholders in people's own calendars, whatever they are held for."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from workestra.calendars import selectors, services
from workestra.calendars.domain.period import Period
from workestra.calendars.models import OwnEvent
from workestra.calendars.providers.provider import ProviderEvent
from workestra.calendars.registry import Topic, register


@dataclass(frozen=True, slots=True)
class Held:
    """A time that is held. The placeholder is called `[Workestra: hold for <purpose>]` and the `title`, if any."""

    period: Period
    purpose: str
    title: str = ""
    description: str = ""


HeldOf = Callable[[UUID, UUID, datetime], Held | None]


class Placeholders:
    """The placeholders of one kind of held times. The app that holds them has one of these, made when it is loaded.

    `held` gets a time's id, the id of a calendar's owner and the current time, and answers with what is held of him
    then, or with None when nothing is, any more. It is asked whenever a placeholder is written or taken out.
    """

    def __init__(self, topic: str, held: HeldOf) -> None:
        self.topic = topic
        self._held = held
        register(topic, Topic(self._event))

    def begin(self, *, workspace_id: UUID, time_ids: Collection[UUID], user_ids: Collection[UUID]) -> None:
        """Have these times in these people's calendars, in the transaction that holds them."""
        services.begin_events(
            workspace_id=workspace_id, topic=self.topic, topic_ids=time_ids, user_ids=user_ids
        )

    def renew(self, time_ids: Collection[UUID]) -> None:
        """Have them stand as the times are held now, in the transaction that changes that."""
        services.renew_events(self.topic, time_ids)

    def of(self, user_id: UUID) -> "Standing":
        """How they stand in this person's calendars. One query."""
        return Standing(selectors.events_about(self.topic, user_id))

    def _event(self, time_id: UUID, user_id: UUID, key: UUID, now: datetime) -> ProviderEvent | None:
        held = self._held(time_id, user_id, now)
        if held is None:
            return None
        return ProviderEvent(
            key=key,
            period=held.period,
            summary=f"[Workestra: hold for {held.purpose}] {held.title}".strip(),
            description=held.description,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody's placeholders of one kind, by the id of the time each is for, with their accounts."""

    events: Mapping[UUID, OwnEvent]

    @property
    def lingering(self) -> list[UUID]:
        """The times whose placeholder is in his calendar and may have to be changed, or to go."""
        return [time_id for time_id, event in self.events.items() if event.is_there and not event.is_current]


@dataclass(frozen=True, slots=True)
class HeldTime:
    """A time that is held until somebody answers, or was and is still in the calendar of whose time it is.

    `about` says which time and for whom, `until` when it is free again without an answer, `url` where it is released.
    """

    period: Period
    title: str
    about: str
    until: datetime | None
    url: str
    is_held: bool
    placeholder: OwnEvent | None

    @property
    def is_stuck(self) -> bool:
        """Whether what the calendar shows is wrong until somebody does something."""
        return self.placeholder is not None and self.placeholder.is_stuck
