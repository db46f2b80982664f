"""Whose something is: of what somebody else did, or was told, nothing is handed out and nothing erased."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from bookings.models import Attendee, WorkflowRun
from bookings.services import booking as bookings
from one_off.models import OneOff
from scheduling.domain.workflows import To, Trigger
from scheduling.models import BookingLink
from tests.bookings.making_workflows import DAY, make_workflow, step_of
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from tests.one_off.making import TOMAS, make_one_off, pick
from tests.privacy.test_erasing import erased
from tests.sms.making import PRIYA, confirmed, text_step
from workestra.accounts.models import Membership
from workestra.accounts.seals import seal
from workestra.audit import services as audit
from workestra.audit.erasing import Traces
from workestra.audit.models import AuditEvent
from workestra.crm import services as crm
from workestra.notifications.models import OutboxMessage
from workestra.privacy.exporting import exported
from workestra.privacy.selectors import dossier
from workestra.sms import selectors as texts
from workestra.sms import services as sms
from workestra.sms.domain.words import Keyword

pytestmark = pytest.mark.django_db

EMAIL = "priya@saltmarsh.example"


@pytest.fixture(autouse=True)
def clock(NOW: datetime) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def handed_out(by: Membership, email: str = EMAIL) -> str:
    return exported(dossier(by.workspace_id, email), timezone.now()).content.decode()


def told(by: Membership, now: datetime, name: str, **values: Any) -> AuditEvent:
    """Something that a member did, about something that is nobody's."""
    return audit.record(
        workspace_id=by.workspace_id,
        action="template.saved",
        target_type="template",
        target_id=uuid4(),
        target_name=name,
        at=now,
        actor=by.user,
        after=values,
    )


@pytest.mark.parametrize(
    ("name", "phone"), [("Priya", "2026-11"), ("Priya", "+49 30 1234"), ("template.saved", "")]
)
def test_a_number_or_a_name_hides_nothing_that_others_did(
    link: BookingLink, dana: Membership, NOW: datetime, name: str, phone: str
) -> None:
    """Whoever books types what he likes: a date is a number as well."""
    make_booking(link, NOW + DAY, NOW, name=name, phone=phone)
    others = told(dana, NOW, f"{name} {phone}", at="2026-11-22", phone=phone, reason="To hide")
    erased(dana, NOW)
    left = AuditEvent.objects.get(pk=others.pk)
    assert (left.target_name, left.after) == (others.target_name, others.after)


def test_an_address_is_not_part_of_a_longer_one() -> None:
    of_her = Traces.of([EMAIL])
    for other in (f"dr.{EMAIL}", f"tom+{EMAIL}", f"x-{EMAIL}", f"{EMAIL}.uk", f"{EMAIL}-labs.example"):
        assert of_her.out_of(f"Asked {other}.") == f"Asked {other}."
    for around in ("{}", "Asked {}.", "<{}>, then", "mailto:{}?x", '"{}"', "{}, {}"):
        assert of_her.out_of(around.format(EMAIL, EMAIL)) == around.format("Erased person", "Erased person")


def test_what_was_typed_about_a_booking_goes_whatever_it_names(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    booking = make_booking(link, NOW + DAY, NOW, name='Priya "Pri" Raman')
    bookings.cancel_by_host(booking=booking, reason="her dentist", actor=dana.user, now=NOW)
    told(dana, NOW, "Notes", about=[f'Priya "Pri" Raman <{EMAIL}>'])
    erased(dana, NOW)
    events = AuditEvent.objects.values("target_name", "before", "after", "detail", "actor_name")
    said = json.dumps(list(events), default=str)
    assert "dentist" not in said
    assert "Pri" not in said.replace("Privacy", "")


def test_who_is_nobody_s_person_leaves_no_name_behind(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    """He was offered times, and his data were handed out before he was erased."""
    make_one_off(alice, NOW, invitee_name="Priya Raman", invitee_email=EMAIL)
    signed_in(dana).post(reverse("privacy:export"), {"email": EMAIL})
    assert AuditEvent.objects.filter(action="person.exported").exists()
    erased(dana, NOW)
    assert not AuditEvent.objects.filter(target_name__icontains="Priya").exists()
    assert not AuditEvent.objects.filter(target_name__icontains=EMAIL).exists()


def test_times_offered_to_one_and_booked_by_another_tell_each_of_himself_alone(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, invitee_name="Priya Raman", invitee_email=EMAIL)
    pick(one_off, NOW, booker=TOMAS)
    assert EMAIL not in handed_out(dana, TOMAS.email)
    assert TOMAS.email not in handed_out(dana, EMAIL)
    erased(dana, NOW, TOMAS.email)
    one_off = OneOff.objects.get()
    assert (one_off.invitee_name, one_off.invitee_email) == ("Priya Raman", EMAIL)
    erased(dana, NOW, EMAIL)
    assert OneOff.objects.get().invitee_email == ""


def test_texts_to_a_number_that_others_have_as_well_are_theirs(
    link: BookingLink, alice: Membership, dana: Membership, NOW: datetime, settings: Any
) -> None:
    """Somebody books with the office's number, at which a workflow tells of every booking."""
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = "AC1", "x", "+15005550006"
    confirmed(alice, NOW, PRIYA)
    make_workflow(dana, Trigger.BEFORE_START, text_step(to=To.ADDRESS, address=PRIYA), now=NOW)
    make_booking(link, NOW + 3 * DAY, NOW, email="tom@x.example", name="Tom")
    about_tom = OutboxMessage.objects.filter(is_text=True, recipient=PRIYA).exclude(topic="sms.number").get()
    OutboxMessage.objects.filter(pk=about_tom.pk).update(payload=seal(b"To: x\n\nTom comes"))
    make_booking(link, NOW + 4 * DAY, NOW, phone=PRIYA)
    assert "Tom comes" not in handed_out(dana)
    assert "own number" not in handed_out(dana).casefold()
    erased(dana, NOW)
    about_tom.refresh_from_db()
    assert (about_tom.recipient, about_tom.skipped_at) == (PRIYA, None)
    assert about_tom.payload


def test_a_text_is_handed_out_as_it_was_read(link: BookingLink, dana: Membership, NOW: datetime) -> None:
    booker = make_booking(link, NOW + DAY, NOW).booker
    OutboxMessage.objects.filter(topic_id=booker.pk, recipient=EMAIL).update(
        payload=seal("To: +12024561111\n\nBis später, Zoë".encode()), is_text=True
    )
    assert "Bis später, Zoë" in handed_out(dana)


def test_a_phone_that_said_start_is_not_stopped_by_another_erasure(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    for day, keyword in enumerate((Keyword.STOP, Keyword.START)):
        make_booking(link, NOW + (day + 1) * DAY, NOW, phone=PRIYA, texts="Text me.")
        sms.hear(number=PRIYA, keyword=keyword, sid=f"SM{day}", now=NOW)
        erased(dana, NOW)
        assert texts.has_stopped(PRIYA) == (keyword == Keyword.STOP)


def test_a_workflow_s_message_is_forgotten_to_whomever_it_goes_by_now(
    alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    """The steps were for one, and are for another since."""
    workflow = make_workflow(dana, Trigger.BOOKED, step_of(to=To.HOST), step_of(to=To.BOOKER), now=NOW)
    both = make_link(alice, hosts=[alice, bob], strategy="collective")
    make_booking(both, NOW + DAY, NOW)
    assert WorkflowRun.objects.filter(recipient__in=[EMAIL, alice.user.email, bob.user.email]).count() == 3
    to_host, to_booker = workflow.steps.order_by("position")
    workflow.steps.filter(pk=to_host.pk).update(to=To.BOOKER)
    workflow.steps.filter(pk=to_booker.pk).update(to=To.HOST)
    erased(dana, NOW)
    left = set(WorkflowRun.objects.values_list("recipient", flat=True))
    assert left == {"", alice.user.email, bob.user.email}


def test_a_session_keeps_its_name_and_the_others_their_seats(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    workshop = make_link(alice, strategy="group", capacity=4, title="Yoga class")
    hers = make_booking(workshop, NOW + DAY, NOW, name="Yoga")
    toms = make_booking(workshop, NOW + DAY, NOW, name="Tom", email="tom@x.example", notes="A mat, please.")
    assert hers == toms
    assert "tom@x.example" not in handed_out(dana)
    erased(dana, NOW)
    hers.refresh_from_db()
    assert (hers.title, hers.attendee_count) == ("Yoga class", 1)
    tom = Attendee.objects.get(email="tom@x.example")
    assert (tom.status, tom.notes) == ("confirmed", "A mat, please.")


def test_an_address_that_a_member_corrected_leads_to_the_person(
    link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    person = make_booking(link, NOW + DAY, NOW).booker.person
    assert person
    values = crm.facts_of(person, crm.PERSON_FIELDS) | {"email": "priya@new.example"}
    crm.update_person(person_id=person.pk, by=alice, values=values, now=NOW)
    make_booking(link, NOW + 2 * DAY, NOW, name="Tom", email="tom@x.example", guests=[EMAIL])
    for email in (EMAIL, "priya@new.example"):
        found = dossier(dana.workspace_id, email)
        assert (found.person, len(found.attendees), found.guest_of) == (person, 1, 1)
