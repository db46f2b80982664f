"""Two people who are one."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from bookings.models import Booking
from bookings.services import attendance
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.crm.test_people import deal_of, person_of
from tests.factories import make_booking
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.crm import selectors, services
from workestra.crm.models import Activity, Opportunity, Person
from workestra.crm.plans import merging
from workestra.crm.services.merging import PersonGone, merge
from workestra.invariants.selectors import broken_invariants

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(NOW: datetime) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def merged(kept: Person, other: Person, by: Membership, now: datetime, **take: str) -> Person:
    token = merging(Person.objects.get(pk=kept.pk), Person.objects.get(pk=other.pk)).token
    return merge(kept_id=kept.pk, other_id=other.pk, take=take, token=token, by=by, now=now)


@pytest.fixture
def two(alice: Membership, link: BookingLink, NOW: datetime) -> tuple[Person, Person]:
    """Priya, who has booked and missed a meeting, and whom Alice wrote down with another address."""
    booking = make_booking(link, NOW + timedelta(days=1), NOW, name="P. Raman")
    attendance.mark(
        attendee=booking.booker,
        attendance=Booking.Attendance.NO_SHOW,
        actor=alice.user,
        now=NOW + timedelta(days=2),
    )
    other = booking.booker.person
    assert other
    deal_of(other, alice, NOW)
    services.add_activity(person=other, kind="call", text="Called.", at=NOW, by=alice, now=NOW)
    kept = person_of(alice, NOW, name="Priya Raman", email="priya@private.example", phone="+49 151 1234 5678")
    return kept, other


def test_all_that_one_had_is_the_others_and_both_addresses_are_known(
    alice: Membership, link: BookingLink, two: tuple[Person, Person], NOW: datetime
) -> None:
    kept, other = two
    merged(kept, other, alice, NOW, name="other")
    kept.refresh_from_db()
    assert (kept.name, kept.email, kept.no_show_count) == ("P. Raman", "priya@private.example", 1)
    assert [*kept.attendances.values_list("email", flat=True)] == ["priya@saltmarsh.example"]
    assert {each.kind for each in Activity.objects.filter(person=kept)} == {"stage", "call"}
    assert Opportunity.objects.get().person == kept
    for hours, email in enumerate(("PRIYA@saltmarsh.example", "priya@private.example")):
        booking = make_booking(link, NOW + timedelta(days=3, hours=hours), NOW, email=email)
        assert booking.booker.person == kept
    event = AuditEvent.objects.get(action="person.merged")
    assert event.before["merged"]["email"] == "priya@saltmarsh.example"
    assert Person.objects.filter(merged_into=None).count() == 1
    assert not broken_invariants()


def test_the_page_of_who_was_merged_leads_to_whom_he_was_merged_into(
    alice: Membership, bob: Membership, carol: Membership, two: tuple[Person, Person], NOW: datetime
) -> None:
    kept, other = two
    third = person_of(alice, NOW, name="Priya R.", email="pr@third.example")
    merged(kept, other, alice, NOW)
    merged(third, kept, alice, NOW)
    for former in (kept, other):
        answer = signed_in(alice).get(reverse("crm:person", args=[former.pk]))
        assert answer.status_code == 302
        assert answer["Location"] == reverse("crm:person", args=[third.pk])
        for stranger in (bob, carol):
            assert signed_in(stranger).get(reverse("crm:person", args=[former.pk])).status_code == 404
    page = signed_in(alice).get(answer["Location"]).content.decode()
    assert "priya@saltmarsh.example" in page
    assert "priya@private.example" in page
    found = signed_in(alice).get(reverse("crm:people"), {"q": "saltmarsh"}).context["rows"]
    assert [row.person for row in found] == [third]


def test_either_address_may_come_first_then_and_later(
    alice: Membership, two: tuple[Person, Person], NOW: datetime
) -> None:
    kept, other = two
    person = merged(kept, other, alice, NOW, email="other")
    assert person.email == "priya@saltmarsh.example"
    assert selectors.other_addresses(person) == ["priya@private.example"]
    fields = {"name": "Priya", "email": "Priya@Private.example", "lifecycle_stage": "lead"}
    answer = signed_in(alice).post(reverse("crm:person_edit", args=[person.pk]), fields)
    assert answer.status_code == 302
    person.refresh_from_db()
    assert person.email == "priya@private.example"
    assert selectors.other_addresses(person) == ["priya@saltmarsh.example"]


def test_an_address_that_was_merged_is_not_given_to_somebody_else(
    alice: Membership, two: tuple[Person, Person], NOW: datetime
) -> None:
    kept, other = two
    merged(kept, other, alice, NOW)
    sent = {"name": "Somebody", "email": "priya@saltmarsh.example", "lifecycle_stage": "lead"}
    answer = signed_in(alice).post(reverse("crm:person_new"), sent)
    assert answer.status_code == 422
    assert "Priya Raman has this address" in answer.content.decode()
    assert Person.objects.filter(merged_into=None).count() == 1


def test_the_page_shows_what_becomes_of_both_and_does_it_once(
    alice: Membership, two: tuple[Person, Person], NOW: datetime
) -> None:
    kept, other = two
    client = signed_in(alice)
    person_page = client.get(reverse("crm:person", args=[kept.pk])).content.decode()
    found_by = client.get(reverse("crm:merge_with", args=[kept.pk]), {"q": "saltmarsh"}).content.decode()
    url = reverse("crm:merge", args=[kept.pk, other.pk])
    assert reverse("crm:merge_with", args=[kept.pk]) in person_page
    assert url in found_by
    page = client.get(url)
    assert "This cannot be undone." in page.content.decode()
    sent = {"plan": page.context["plan"].token, "name": "kept", "email": "kept", "phone": "kept"}
    refused = client.post(url, sent | {"name": "nobody"})
    assert refused.status_code == 422
    services.add_activity(person=other, kind="note", text="Meanwhile.", at=NOW, by=alice, now=NOW)
    stale = client.post(url, sent | {"phone": "other"})
    assert stale.status_code == 409
    assert Person.objects.filter(merged_into=None).count() == 2, "nothing is written"
    assert stale.context["form"]["phone"].value() == "other", "what was chosen stays chosen"
    assert client.post(url, sent | {"plan": stale.context["plan"].token}).status_code == 302
    assert client.post(url, sent).status_code == 404
    assert Person.objects.filter(merged_into=None).get() == kept


def test_who_may_change_only_one_of_the_two_cannot_merge_them(
    alice: Membership, bob: Membership, two: tuple[Person, Person], NOW: datetime
) -> None:
    kept, _ = two
    bobs = person_of(bob, NOW, email="other@x.example")
    for address in ([kept.pk, bobs.pk], [bobs.pk, kept.pk], [kept.pk, kept.pk]):
        assert signed_in(alice).post(reverse("crm:merge", args=address)).status_code == 404
    with pytest.raises(PersonGone):
        merge(kept_id=kept.pk, other_id=kept.workspace_id, take={}, token="", by=alice, now=NOW)
    assert not Person.objects.exclude(merged_into=None).exists()


@pytest.mark.parametrize(
    ("values", "is_alike"),
    [
        ({"name": "priya raman"}, True),
        ({"phone": "0049-151 12345678"}, False),
        ({"phone": "+4915112345678"}, True),
        ({}, False),
    ],
)
def test_who_has_the_same_name_or_phone_is_named_on_the_page(
    alice: Membership, two: tuple[Person, Person], NOW: datetime, values: dict[str, str], is_alike: bool
) -> None:
    kept, _ = two
    person_of(alice, NOW, **{"name": "Wei", "email": "wei@x.example"} | values)
    page = signed_in(alice).get(reverse("crm:person", args=[kept.pk])).content.decode()
    assert ("Maybe the same person" in page) is is_alike
    assert ("wei@x.example" in page) is is_alike


@pytest.mark.parametrize("gone", ["merged", "erased"])
def test_nothing_is_written_down_of_who_is_merged_or_erased_meanwhile(
    alice: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """Between the look at whether a member may, and the writing of it."""
    kept = person_of(alice, NOW, name="Priya Raman", email="priya@private.example")
    other = person_of(alice, NOW, name="P. Raman", email="priya@saltmarsh.example")
    if gone == "merged":
        merged(kept, other, alice, NOW)
    else:
        services.erase([Person.objects.get(pk=other.pk)])
    known, client = Activity.objects.count(), signed_in(alice)
    monkeypatch.setattr("workestra.crm.views.access.person", lambda *_asked: other)
    note = {
        "kind": "note",
        "text": "Meanwhile.",
        "day": "2030-01-07",
        "time": "08:00",
        "at": "2030-01-07T08:00",
    }
    deal = {"title": "Pilot", "stage": "proposal", "amount": "1", "currency": "EUR"}
    assert client.post(reverse("crm:activity_new", args=[other.pk]), note).status_code == 404
    assert client.post(reverse("crm:opportunity_new", args=[other.pk]), deal).status_code == 404
    assert (Activity.objects.count(), Opportunity.objects.count()) == (known, 0)
