"""People: found again by address, seen by those who met them, kept with what happened and what may come of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from bookings.models import Booking
from bookings.services import attendance
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import GroupFactory, join_group, make_booking, make_link
from workestra.accounts.models import Membership, User
from workestra.audit.models import AuditEvent
from workestra.crm import selectors, services
from workestra.crm.domain.addresses import normalized_email
from workestra.crm.models import Activity, Opportunity, Person
from workestra.crm.selectors import Place, Query

pytestmark = pytest.mark.django_db
FIELDS = {"name": "Wei-Lin Zhao", "email": "weilin@harborline.example", "lifecycle_stage": "lead"}
Sent = dict[str, Any]


@pytest.fixture(autouse=True)
def _clock(NOW: datetime) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def person_of(by: Membership, now: datetime, **values: Any) -> Person:
    return services.create_person(by=by, values={"phone": "", "company": "", **FIELDS} | values, now=now)


def deal_of(person: Person, by: Membership, now: datetime, **values: Any) -> Opportunity:
    plain = {"title": "Pilot", "stage": "proposal", "amount": 46_000, "currency": "EUR"}
    return services.create_opportunity(
        person=person, by=by, values=plain | {"closes_on": None, "outcome": ""} | values, now=now
    )


# --- Matching -----------------------------------------------------------------------------------------------------


@given(
    st.sampled_from(["Priya@Example.com", " priya@example.COM", "ｐriya@example.com", "PRIYA@EXAMPLE.COM "])
)
def test_however_an_address_is_written_it_is_the_same_person(address: str) -> None:
    assert normalized_email(address) == "priya@example.com"


@given(st.emails())
def test_normalizing_twice_changes_nothing(address: str) -> None:
    assert normalized_email(normalized_email(address)) == normalized_email(address)


def test_a_booking_belongs_to_the_person_with_its_address_and_keeps_what_the_team_knows(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    known = person_of(alice, NOW, name="Priya Raman, COO", email="Priya@Saltmarsh.example")
    booking = make_booking(link, NOW + timedelta(days=1), NOW, name="priya", email="PRIYA@saltmarsh.example")
    assert booking.booker.person == known
    assert Person.objects.get() == known
    page = signed_in(alice).get(reverse("bookings:console"), {"open": str(booking.pk)}).content.decode()
    assert "<span>Priya Raman, COO</span><small>PRIYA@saltmarsh.example</small>" in page, "in the row"
    assert f'<a href="/calendar/people/{known.pk}">priya</a>' in page, "in the drawer, as it was typed"


def test_no_shows_roll_up_to_the_person_and_are_taken_back(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    booking = make_booking(link, NOW + timedelta(days=1), NOW)
    later = NOW + timedelta(days=2)
    for mark, count in (("no_show", 1), ("attended", 0), ("no_show", 1), ("", 0)):
        attendance.mark(
            attendee=booking.booker, attendance=Booking.Attendance(mark), actor=alice.user, now=later
        )
        assert Person.objects.get().no_show_count == count
        found = selectors.listed(Person.objects.all(), Query(only_no_shows=True))
        assert found.count() == count


# --- The list -----------------------------------------------------------------------------------------------------


def test_pages_of_the_list_show_everybody_once_by_name(alice: Membership, NOW: datetime) -> None:
    names = [f"Person {number % 40:02}" for number in range(2 * selectors.PAGE_SIZE + 7)]
    Person.objects.bulk_create(
        Person(
            workspace=alice.workspace,
            owner=alice.user,
            name=name,
            email=f"{number}@x.example",
            created_at=NOW,
        )
        for number, name in enumerate(names)
    )
    seen: list[Person] = []
    place: Place | None = None
    for size in (selectors.PAGE_SIZE, selectors.PAGE_SIZE, 7):
        page, place = selectors.page_of(
            selectors.listed(Person.objects.all(), Query()), Place.parse(str(place)) if place else None
        )
        assert len(page) == size
        seen += page
    assert place is None
    assert [person.name for person in seen] == sorted(names)
    assert len({person.pk for person in seen}) == len(names)


@given(st.text(max_size=30).filter(lambda name: "\x00" not in name), st.uuids())
def test_a_place_is_read_as_it_was_written(name: str, key: Any) -> None:
    assert Place.parse(str(Place(name, key))) == Place(name, key)


def test_what_is_no_place_is_the_beginning() -> None:
    for text in ("", "~", "x~y", str(uuid4()), f"{uuid4()}~a\x00"):
        assert Place.parse(text) is None, text


def test_the_list_is_searched_by_every_word_and_filtered(alice: Membership, NOW: datetime) -> None:
    person_of(alice, NOW, company="Harborline", lifecycle_stage="customer")
    person_of(alice, NOW, name="Wei Chen", email="wei@other.example")
    client = signed_in(alice)
    for query, names in (
        ({"q": "wei"}, ["Wei Chen", "Wei-Lin Zhao"]),
        ({"q": "wei harbor"}, ["Wei-Lin Zhao"]),
        ({"stage": "customer"}, ["Wei-Lin Zhao"]),
        ({"stage": "nonsense"}, ["Wei Chen", "Wei-Lin Zhao"]),
        ({"missed": "1"}, []),
    ):
        rows = client.get(reverse("crm:people"), query).context["rows"]
        assert [row.person.name for row in rows] == names


def test_the_list_takes_the_same_queries_for_one_person_and_for_many(
    alice: Membership, NOW: datetime, django_assert_num_queries: Callable[[int], Any]
) -> None:
    client = signed_in(alice)
    for number in (1, 2, 3):
        deal_of(person_of(alice, NOW, email=f"{number}@x.example"), alice, NOW)
        with django_assert_num_queries(7):
            assert "1 open deal" in client.get(reverse("crm:people")).content.decode()


# --- Who sees whom ------------------------------------------------------------------------------------------------


def test_a_member_sees_whom_he_or_his_team_met_or_wrote_down_and_an_admin_everybody(
    alice: Membership, bob: Membership, dana: Membership, carol: Membership, link: BookingLink, NOW: datetime
) -> None:
    met = make_booking(link, NOW + timedelta(days=1), NOW).booker.person
    assert met
    written = person_of(alice, NOW)
    for member, status in ((alice, 200), (bob, 404), (dana, 200), (carol, 404)):
        for person in (met, written):
            assert signed_in(member).get(reverse("crm:person", args=[person.pk])).status_code == status
    group = GroupFactory(workspace=alice.workspace)
    for member in (alice, bob):
        join_group(group, member)
    Membership.objects.filter(pk=bob.pk).update(role="viewer")
    client = signed_in(bob)
    assert client.get(reverse("crm:person", args=[met.pk])).status_code == 200
    before = Person.objects.values().get(pk=met.pk)
    assert client.post(reverse("crm:person_edit", args=[met.pk]), FIELDS).status_code == 403
    assert Person.objects.values().get(pk=met.pk) == before
    assert not AuditEvent.objects.filter(target_id=met.pk).exists()


def test_a_page_tells_only_of_bookings_that_its_reader_may_see(
    alice: Membership, bob: Membership, dana: Membership, link: BookingLink, NOW: datetime
) -> None:
    person = make_booking(link, NOW + timedelta(days=1), NOW).booker.person
    assert person
    make_booking(make_link(bob, title="Secret Talks"), NOW + timedelta(days=1), NOW)
    address = reverse("crm:person", args=[person.pk])
    assert "Secret Talks" not in signed_in(alice).get(address).content.decode()
    assert "Discovery Call" in signed_in(alice).get(address).content.decode()
    assert "Secret Talks" in signed_in(dana).get(address).content.decode()


# --- Writing ------------------------------------------------------------------------------------------------------


def test_what_is_known_of_a_person_is_changed_and_the_log_says_what(alice: Membership, NOW: datetime) -> None:
    person = person_of(alice, NOW)
    sent = FIELDS | {
        "company": "Harborline",
        "lifecycle_stage": "evaluating",
        "email": "WL@harborline.example",
    }
    answer = signed_in(alice).post(reverse("crm:person_edit", args=[person.pk]), sent)
    assert answer.status_code == 302
    person.refresh_from_db()
    assert (person.company, person.email) == ("Harborline", "wl@harborline.example")
    event = AuditEvent.objects.get(action="person.updated")
    assert event.actor_name == alice.user.name
    assert event.before["lifecycle_stage"] == "lead"
    assert event.after["lifecycle_stage"] == "evaluating"
    assert "name" not in event.after
    stage = person.activities.latest("at", "stage")
    assert {each.stage for each in person.activities.all()} == {"lead", "evaluating"}
    assert stage.author == alice.user


def test_saving_without_a_change_writes_nothing(alice: Membership, NOW: datetime) -> None:
    person = person_of(alice, NOW)
    before = (AuditEvent.objects.count(), Activity.objects.count())
    signed_in(alice).post(reverse("crm:person_edit", args=[person.pk]), FIELDS)
    assert (AuditEvent.objects.count(), Activity.objects.count()) == before


@pytest.mark.parametrize("address", ["crm:person_new", "crm:person_edit"])
def test_an_address_that_another_person_has_is_refused_beside_the_field(
    alice: Membership, NOW: datetime, address: str
) -> None:
    person_of(alice, NOW, email="taken@x.example", name="Somebody Else")
    person = person_of(alice, NOW)
    url = reverse(address, args=[person.pk] if address == "crm:person_edit" else [])
    answer = signed_in(alice).post(url, FIELDS | {"email": "TAKEN@x.example", "company": "Kept"})
    assert answer.status_code == 422
    assert "Somebody Else has this address" in answer.content.decode()
    assert 'value="Kept"' in answer.content.decode()
    person.refresh_from_db()
    assert (person.email, person.company, Person.objects.count()) == (FIELDS["email"], "", 2)


def test_an_activity_is_written_down_changed_and_deleted(alice: Membership, NOW: datetime) -> None:
    person, client = person_of(alice, NOW), signed_in(alice)
    sent = {"kind": "call", "text": "Asked for a pilot.", "day": "2030-01-07", "time": "08:30"}
    assert client.post(reverse("crm:activity_new", args=[person.pk]), sent).status_code == 302
    activity = person.activities.get(kind="call")
    assert activity.at == NOW - timedelta(minutes=30), "on the clock of Berlin"
    url = reverse("crm:activity", args=[activity.pk])
    assert client.post(url, sent | {"text": "Asked for two."}).status_code == 302
    assert "Asked for two." in client.get(reverse("crm:person", args=[person.pk])).content.decode()
    assert client.post(reverse("crm:activity_delete", args=[activity.pk])).status_code == 302
    assert not person.activities.filter(kind="call").exists()
    actions = AuditEvent.objects.filter(target_id=person.pk).values_list("action", flat=True)
    assert sorted(actions) == [
        "person.activity_created",
        "person.activity_deleted",
        "person.activity_updated",
        "person.created",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": " "}, "Write what happened."),
        ({"day": "2030-01-08"}, "This has not happened yet."),
        ({"day": "0001-01-01"}, "Choose a later day."),
        ({"time": "25:00"}, "Enter a valid time."),
        ({"kind": "stage"}, "Select a valid choice."),
    ],
)
def test_an_activity_that_makes_no_sense_is_refused_and_kept_in_the_form(
    alice: Membership, NOW: datetime, change: Sent, message: str
) -> None:
    person = person_of(alice, NOW)
    sent = {"kind": "call", "text": "Called.", "day": "2030-01-07", "time": "08:30"} | change
    before = Activity.objects.count()
    answer = signed_in(alice).post(reverse("crm:activity_new", args=[person.pk]), sent)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert Activity.objects.count() == before


def test_the_last_day_there_is_has_not_happened_yet_wherever_one_lives(
    alice: Membership, NOW: datetime
) -> None:
    person = person_of(alice, NOW)
    User.objects.filter(pk=alice.user_id).update(timezone="America/New_York")
    sent = {"kind": "call", "text": "Called.", "day": "9999-12-31", "time": "23:59"}
    answer = signed_in(alice).post(reverse("crm:activity_new", args=[person.pk]), sent)
    assert answer.status_code == 422
    assert "This has not happened yet." in answer.content.decode()
    assert not Activity.objects.filter(kind="call").exists()


def test_a_change_of_stage_cannot_be_rewritten(alice: Membership, NOW: datetime) -> None:
    stage = person_of(alice, NOW).activities.get(kind="stage")
    client = signed_in(alice)
    assert client.get(reverse("crm:activity", args=[stage.pk])).status_code == 404
    assert client.post(reverse("crm:activity_delete", args=[stage.pk])).status_code == 404
    assert Activity.objects.filter(pk=stage.pk).exists()


def test_an_opportunity_is_written_down_and_won(alice: Membership, NOW: datetime) -> None:
    person, client = person_of(alice, NOW), signed_in(alice)
    sent = {
        "title": "Pilot",
        "stage": "interest",
        "amount": "46000",
        "currency": "EUR",
        "closes_on": "2030-03-01",
    }
    assert client.post(reverse("crm:opportunity_new", args=[person.pk]), sent).status_code == 302
    deal = person.opportunities.get()
    assert (deal.owner, deal.money, deal.is_open) == (alice.user, "EUR 46,000", True)
    deal_of(person, alice, NOW, amount=4_000)
    page = client.get(reverse("crm:person", args=[person.pk]))
    assert (page.context["pipeline"], page.context["open_deals"]) == ("EUR 50,000", 2)
    client.post(reverse("crm:opportunity", args=[deal.pk]), sent | {"outcome": "won"})
    page = client.get(reverse("crm:person", args=[person.pk]))
    assert (page.context["pipeline"], page.context["open_deals"]) == ("EUR 4,000", 1)
    event = AuditEvent.objects.get(action="opportunity.updated")
    assert (event.before, event.after) == ({"outcome": ""}, {"outcome": "won"})


@pytest.mark.parametrize("amount", ["-1", "1e9", "10000000000000", "many"])
def test_an_amount_that_is_none_is_refused(alice: Membership, NOW: datetime, amount: str) -> None:
    person = person_of(alice, NOW)
    sent = {"title": "Pilot", "stage": "interest", "amount": amount, "currency": "EUR"}
    answer = signed_in(alice).post(reverse("crm:opportunity_new", args=[person.pk]), sent)
    assert answer.status_code == 422
    assert not Opportunity.objects.exists()
