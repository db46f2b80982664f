"""What the pages about people are told of their bookings."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse

from bookings.access import reaches
from bookings.domain.locations import location_in_row
from bookings.models import Attendee, Booking
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Membership
from workestra.crm.meetings import Meeting
from workestra.crm.models import Person

MOST: Final = 100


class BookedMeetings:
    """The bookings that a person attends or attended."""

    def with_person(self, person: Person, member: Membership, now: datetime) -> Sequence[Meeting]:
        """Those with a host whose bookings the member may see, at most the latest hundred."""
        reach = accounts.reachable_user_ids(member, Permission.VIEW)
        attended = (
            Attendee.objects.filter(person=person)
            .select_related("booking__host")
            .prefetch_related("booking__co_hosts")
            .order_by("-booking__starts_at", "-pk")
        )
        if reach is not None:
            attended = attended.filter(Q(booking__host__in=reach) | Q(booking__co_hosts__in=reach)).distinct()
        return [_meeting(attendee, now) for attendee in attended[:MOST] if reaches(reach, attendee.booking)]

    def people_met_by(self, user_ids: Collection[UUID]) -> QuerySet[Any, Any]:
        hosted = Booking.objects.filter(host__in=user_ids).values("pk")
        beside = Booking.co_hosts.through.objects.filter(user_id__in=user_ids).values("booking_id")
        return (
            Attendee.objects.filter(Q(booking__in=hosted) | Q(booking__in=beside))
            .exclude(person=None)
            .values("person")
        )

    def keys_of(self, person_ids: Collection[UUID]) -> set[UUID]:
        return set(Attendee.objects.filter(person__in=person_ids).values_list("booking_id", flat=True))

    def hold(self, keys: Collection[UUID]) -> None:
        held = Booking.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=keys)
        list(held.order_by("pk").values_list("pk", flat=True))

    def hand_over(self, from_id: UUID, to_id: UUID) -> None:
        Attendee.objects.filter(person=from_id).update(person=to_id)


def _meeting(attendee: Attendee, now: datetime) -> Meeting:
    booking = attendee.booking
    return Meeting(
        title=booking.title,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        zone=booking.timezone,
        host=booking.host_names,
        place=f"{location_in_row(booking.location_type, booking.location_detail).text} · {booking.duration_minutes}m",
        url=f"{reverse('bookings:console')}?open={booking.pk}#b-{booking.pk}",
        state=_state(attendee, now),
    )


def _state(attendee: Attendee, now: datetime) -> str:
    if attendee.status != Booking.Status.CONFIRMED:
        return attendee.status
    if not attendee.booking.is_past(now):
        return "upcoming"
    return attendee.no_show_status or "unmarked"
