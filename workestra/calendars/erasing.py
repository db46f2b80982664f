"""Taking a person out of what hosts' calendars and accounts were told."""

from collections.abc import Collection
from uuid import UUID

from workestra.audit.erasing import Traces
from workestra.calendars import meetings
from workestra.calendars.models import OwnEvent, OwnMeeting
from workestra.calendars.services import renew_events


def erase(topic_ids: Collection[UUID], traces: Traces) -> None:
    """Take somebody out of what is known here of these things' events and meetings, and have those that are there
    written anew, as their apps describe them by then. In the caller's transaction."""
    for event in OwnEvent.objects.filter(topic_id__in=topic_ids):
        OwnEvent.objects.filter(pk=event.pk).update(
            told_title=traces.out_of(event.told_title), last_error=traces.out_of(event.last_error)
        )
    for meeting in OwnMeeting.objects.filter(topic_id__in=topic_ids):
        OwnMeeting.objects.filter(pk=meeting.pk).update(
            told_title=traces.out_of(meeting.told_title), last_error=traces.out_of(meeting.last_error)
        )
    write_anew(topic_ids)


def write_anew(topic_ids: Collection[UUID]) -> None:
    """Have the events and meetings of these things that are there written anew. In the caller's transaction."""
    there = OwnEvent.objects.filter(topic_id__in=topic_ids, is_there=True)
    for topic in set(there.values_list("topic", flat=True)):
        renew_events(topic, set(there.filter(topic=topic).values_list("topic_id", flat=True)))
    made = OwnMeeting.objects.filter(topic_id__in=topic_ids, is_there=True)
    for topic, topic_id in set(made.values_list("topic", "topic_id")):
        meetings.renew(topic, topic_id)
