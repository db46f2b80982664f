"""Somebody books by an address in the very moment in which its person is merged."""

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from bookings.models import Attendee
from scheduling.models import BookingLink
from tests.crm.test_people import person_of
from tests.factories import make_booking
from workestra.accounts.models import Membership
from workestra.crm import services
from workestra.crm.models import Person
from workestra.crm.plans import merging
from workestra.crm.services.merging import PlanChanged, merge

pytestmark = pytest.mark.django_db(transaction=True)

MERGED_BY: float = 0.5
"""Seconds in which a merge that nothing holds up is over."""


def unguarded(*, workspace_id: UUID, email: str, **_rest: Any) -> Person:
    """Whose address it is, found as it was found before people could be merged."""
    return Person.objects.get(workspace=workspace_id, email=email)


def book_while_merging(
    link: BookingLink, alice: Membership, now: datetime, monkeypatch: pytest.MonkeyPatch, find: Any
) -> tuple[Person, Attendee]:
    """A booking by the address of the one who is merged, which has found its person before the merge begins and is
    written when the merge is over, or cannot get on."""
    kept = person_of(alice, now, email="priya@private.example")
    other = person_of(alice, now, email="priya@saltmarsh.example")
    token = merging(kept, other).token
    found, over = threading.Event(), threading.Event()

    def find_and_wait(**asked: Any) -> Person:
        person: Person = find(**asked)
        found.set()
        over.wait(MERGED_BY)
        return person

    def press(shown: str) -> None:
        merge(kept_id=kept.pk, other_id=other.pk, take={}, token=shown, by=alice, now=now)

    def do_merge() -> None:
        try:
            found.wait(10)
            press(token)
        except PlanChanged as changed:
            # The booking came first: the page shows it, and is sent again.
            press(changed.plan.token)
        finally:
            over.set()
            connection.close()

    monkeypatch.setattr("bookings.services.records.crm.match_or_create", find_and_wait)
    merging_thread = threading.Thread(target=do_merge)
    merging_thread.start()
    booking = make_booking(link, now + timedelta(days=1), now)
    merging_thread.join()
    return kept, booking.attendees.get()


def test_a_booking_by_the_merged_address_belongs_to_the_one_person(
    link: BookingLink, alice: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, attendee = book_while_merging(link, alice, NOW, monkeypatch, services.match_or_create)
    assert attendee.person == kept
    assert Person.objects.filter(merged_into=None).count() == 1


def test_control_without_the_lock_it_belongs_to_nobody_who_is_shown(
    link: BookingLink, alice: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    _kept, attendee = book_while_merging(link, alice, NOW, monkeypatch, unguarded)
    assert attendee.person
    assert attendee.person.merged_into is not None
