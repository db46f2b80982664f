"""Workflows that text: what they say, to whom, and why they do not."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from bookings.models import Attendee
from bookings.services import booking as service
from bookings.services import workflows
from bookings.workflow_texts import MOST_PARTS, fitted, written
from scheduling.domain.workflow_presets import BY_KEY
from scheduling.domain.workflows import Channel, To, Trigger
from scheduling.models import BookingLink, Workflow
from tests.bookings.making_workflows import DAY, HOUR, deliver, make_preset, make_workflow, runs_of, state_of
from tests.conftest import signed_in
from tests.fakes.twilio import FakeTwilio
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from tests.managed_events.test_versions import back
from tests.pages import form_posting
from tests.sms.making import ALICE, PRIYA, booked_with_texts, confirmed, text_step
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import renderer_of
from workestra.sms import services as sms
from workestra.sms.domain.segments import segments_of
from workestra.sms.domain.words import Keyword
from workestra.sms.models import Consent, SentText


def said_of(attendee: Attendee, now: datetime) -> Any:
    """What the renderer gives for the one run."""
    (run,) = runs_of(attendee)
    return renderer_of(run.message.kind)(run.message, now)


def test_a_text_says_both_what_and_when_with_the_zone_and_how_to_opt_out(
    ready: None, link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BEFORE_START, text_step(), now=NOW)
    text = said_of(booked_with_texts(link, NOW), NOW)
    assert text.to == PRIYA
    assert text.body == (
        "Discovery Call with Alice Okafor: Wednesday 9 January, 04:00 - 04:30 New York time (EST). "
        "Reply STOP to opt out."
    )
    assert segments_of(text.body).is_gsm


def test_the_preset_fits_two_texts_and_goes_out_three_hours_before(
    ready: None, link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_preset(dana, "text", NOW)
    attendee = booked_with_texts(link, NOW)
    (run,) = runs_of(attendee)
    assert attendee.booking.starts_at - run.due_at == 3 * HOUR
    assert segments_of(said_of(attendee, NOW).body).parts <= 2


@pytest.mark.parametrize(
    ("booker", "reason"),
    [
        ({"phone": "", "texts": ""}, "The booker left no phone number"),
        ({"texts": ""}, "The booker did not agree to text messages"),
        ({"phone": "+442079460148"}, "Numbers of this country are not texted here"),
    ],
)
def test_without_number_or_consent_a_text_is_left_out_and_the_drawer_says_why(
    booker: dict[str, str],
    reason: str,
    ready: None,
    link: BookingLink,
    alice: Membership,
    dana: Membership,
    NOW: datetime,
) -> None:
    make_workflow(dana, Trigger.BOOKED, text_step(timedelta()), now=NOW)
    attendee = booked_with_texts(link, NOW, **booker)
    deliver(NOW)
    (run,) = runs_of(attendee)
    assert state_of(run) == f"left out: {reason}"
    drawer = signed_in(alice).get(
        reverse("bookings:drawer", args=[attendee.booking_id]), headers={"HX-Request": "true"}
    )
    assert reason in drawer.content.decode()
    assert "Around it by SMS" in drawer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_texts_go_out_once_with_their_fate_in_the_drawer_and_none_after_a_stop(
    twilio: FakeTwilio, link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BOOKED, text_step(timedelta()), text_step(HOUR), now=NOW)
    attendee = booked_with_texts(link, NOW)
    deliver(NOW)
    deliver(NOW)
    assert [number for number, _body in twilio.sent] == [PRIYA]
    text = SentText.objects.get()
    assert sms.note_status(
        message_id=text.message_id, sid=text.sid, status="undelivered", error_code="30005", now=NOW
    )
    drawer = signed_in(alice).get(
        reverse("bookings:drawer", args=[attendee.booking_id]), headers={"HX-Request": "true"}
    )
    for words in ("+1 202-456-1111", "Not delivered", "error 30005"):
        assert words in drawer.content.decode()
    page = signed_in(alice).get(reverse("bookings:delivery", args=[attendee.booking_id, text.message_id]))
    assert twilio.sent[0][1] in page.content.decode()
    sms.hear(number=PRIYA, keyword=Keyword.STOP, sid=f"SM{uuid4().hex}", now=NOW)
    deliver(NOW + 2 * HOUR)
    assert [state_of(run) for run in runs_of(attendee)] == ["sent", "left out: This number replied STOP"]
    assert len(twilio.sent) == 1


def test_a_cancelled_booking_is_not_texted_about(
    ready: None, link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BEFORE_START, text_step(), now=NOW)
    attendee = booked_with_texts(link, NOW)
    service.cancel_by_host(booking=attendee.booking, reason="", actor=alice.user, now=NOW)
    assert state_of(runs_of(attendee)[0]).startswith("left out")


def test_hosts_are_texted_where_they_confirmed_it_and_not_told_to_opt_out(
    ready: None, link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BEFORE_START, text_step(to=To.HOST, body="{{booker_name}}"), now=NOW)
    attendee = booked_with_texts(link, NOW)
    assert said_of(attendee, NOW).reason == "The host has confirmed no number"
    confirmed(alice, NOW)
    text = said_of(attendee, NOW)
    assert (text.to, text.body) == (ALICE, "Priya Raman")


def test_a_text_takes_no_standard_mails_place(
    ready: None, link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BOOKED, text_step(timedelta()), now=NOW, replaces=True)
    booked_with_texts(link, NOW)
    deliver(NOW)
    assert OutboxMessage.objects.get(kind="booking.confirmed.booker").sent_at


def test_a_moved_booking_goes_on_being_texted_about(
    ready: None, link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BEFORE_START, text_step(), now=NOW)
    attendee = booked_with_texts(link, NOW)
    moved = service.reschedule(attendee=attendee, start=NOW + 3 * DAY, now=NOW)
    assert moved.wants_texts
    assert said_of(moved, NOW).to == PRIYA


# --- The builder ---


def typed(admin: Membership, **more: str) -> dict[str, Any]:
    """What the builder's form sends for the preset that texts, with `more` typed into it."""
    page = signed_in(admin).get(f"{reverse('bookings:workflow_new')}?preset=text").content.decode()
    return form_posting(page, "name").values | {"name": "Texts", "reach": "every"} | more


def post(admin: Membership, form: dict[str, Any]) -> tuple[int, str]:
    response = signed_in(admin).post(reverse("bookings:workflow_new"), form)
    return response.status_code, response.content.decode()


def test_without_credentials_a_text_cannot_be_saved_and_the_page_says_what_is_missing(
    dana: Membership, settings: Any
) -> None:
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = settings.TWILIO_FROM = ""
    status, page = post(dana, typed(dana))
    assert status == 422
    assert "No text can be sent" in page
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"):
        assert name in page
    assert BY_KEY["text"].draft.steps[0].body in page
    assert not Workflow.objects.exists()
    listed = signed_in(dana).get(reverse("bookings:workflows")).content.decode()
    assert "preset=text" not in listed
    assert "Not set up" in listed


def test_with_credentials_a_text_is_saved_without_a_subject(ready: None, dana: Membership) -> None:
    status, _page = post(dana, typed(dana))
    assert status == 302
    step = Workflow.objects.get().steps.get()
    assert (step.channel, step.subject, step.to) == (Channel.SMS, "", To.BOOKER)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"s0-body": "word " * 130}, "This takes 5 texts, and 4 are the most"),
        ({"s0-body": "😀" * 140}, "This takes 5 texts"),
        ({"s0-asks": "on"}, "Only an email can ask"),
        ({"s0-to": "address"}, "Write the number that it goes to"),
        ({"s0-to": "address", "s0-number": "12"}, "Write it with + and the country code"),
        ({"s0-to": "address", "s0-number": PRIYA}, "Nobody here has confirmed this number as his own"),
        ({"replaces": "on"}, "No email goes to the booker"),
        ({"s0-channel": "pigeon"}, "Select a valid choice"),
        ({"s0-channel": "email"}, "Add a subject"),
    ],
)
def test_what_cannot_be_texted_is_refused_beside_its_field(
    more: dict[str, str], words: str, ready: None, dana: Membership
) -> None:
    status, page = post(dana, typed(dana, **more))
    assert status == 422
    assert words in page
    assert '<a class="tap" href="#id_' in page, "the note leads to the field"
    assert not Workflow.objects.exists()


def test_a_confirmed_number_can_be_texted(
    ready: None, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    confirmed(alice, NOW)
    status, _page = post(dana, typed(dana, **{"s0-to": "address", "s0-number": "0151 12345678"}))
    assert status == 302
    assert Workflow.objects.get().steps.get().address == ALICE


def test_the_preview_counts_what_goes_out_and_tells_it_beside_the_text(ready: None, dana: Membership) -> None:
    form = typed(dana, **{"s0-body": "a" * 100})
    page = signed_in(dana).post(reverse("bookings:workflow_preview"), form).content.decode()
    assert page.count("123 of 160") == 3
    assert 'id="text-0" hx-swap-oob="true"' in page
    assert 'id="room-0" hx-swap-oob="true"' in page
    assert "Reply STOP to opt out." in page


def test_a_test_goes_to_the_own_number_or_says_that_there_is_none(
    ready: None, dana: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(dana, Trigger.BEFORE_START, text_step(), now=NOW)
    url = reverse("bookings:workflow_test", args=[workflow.pk])
    page = signed_in(dana).post(url, follow=True).content.decode()
    assert "You have confirmed no number of your own" in page
    assert not OutboxMessage.objects.exists()
    confirmed(dana, NOW)
    signed_in(dana).post(url)
    message = OutboxMessage.objects.get(topic="workflow.test")
    text: Any = renderer_of(message.kind)(message, NOW)
    assert text.to == ALICE
    assert text.body.startswith("Test: ")


def test_a_workflow_that_texts_is_copied_whole(ready: None, dana: Membership, NOW: datetime) -> None:
    workflow = make_workflow(dana, Trigger.BEFORE_START, text_step(), now=NOW)
    copy = workflows.duplicate(workflow_id=workflow.pk, by=dana, now=NOW)
    assert copy.steps.get().channel == Channel.SMS


# --- The booking form ---


def details(link: BookingLink, now: datetime) -> str:
    query = f"?start={(now + DAY):%Y-%m-%dT%H:%MZ}&texts=on&phone={PRIYA.replace('+', '%2B')}"
    url = reverse("bookings:details", args=[link.slug])
    return str(Client().get(f"{url}{query}").content.decode())


@pytest.fixture
def at_now(NOW: datetime) -> Any:
    import time_machine

    with time_machine.travel(NOW, tick=False):
        yield


def test_only_pages_whose_workflows_text_ask_and_nobody_ticks_for_the_booker(
    at_now: None, ready: None, link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    assert 'name="texts"' not in details(link, NOW)
    workflow = make_workflow(dana, Trigger.BEFORE_START, text_step(), now=NOW)
    page = details(link, NOW)
    box = page[page.index('name="texts"') - 60 : page.index('name="texts"') + 60]
    assert "checked" not in box
    assert "Larkhill texts the number above" in page
    workflows.pause(workflow_id=workflow.pk, by=dana, is_paused=True, now=NOW)
    assert 'name="texts"' not in details(link, NOW)


@pytest.mark.parametrize(
    ("typed_number", "words"),
    [
        ("", "Add the number the texts go to"),
        ("00000 00000", "Write it with + and the country code"),
        ("030 123456", "Write the number of a mobile phone"),
        ("0900 5 123456", "Write the number of a mobile phone"),
        ("+44 20 7946 0148", "Numbers of this country are not texted here"),
    ],
)
def test_who_wants_texts_leaves_a_number_that_can_be_texted(
    typed_number: str,
    words: str,
    at_now: None,
    ready: None,
    link: BookingLink,
    dana: Membership,
    NOW: datetime,
) -> None:
    link.location_type = "video"
    link.save()
    make_workflow(dana, Trigger.BEFORE_START, text_step(), now=NOW)
    form = form_posting(details(link, NOW), "email").values | {
        "name": "Priya Raman",
        "email": "priya@saltmarsh.example",
        "phone": typed_number,
        "texts": "on",
    }
    response = Client().post(reverse("bookings:details", args=[link.slug]), form)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Attendee.objects.exists()
    assert not Consent.objects.exists()


def test_a_tick_is_kept_with_the_words_that_stood_beside_it(
    at_now: None, ready: None, link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BEFORE_START, text_step(HOUR), now=NOW)
    form = form_posting(details(link, NOW), "email").values | {
        "name": "Priya Raman",
        "email": "priya@saltmarsh.example",
        "phone": "(0151) 12345678",
        "texts": "on",
    }
    response = Client().post(reverse("bookings:details", args=[link.slug]), form)
    assert response.status_code == 303
    attendee = Attendee.objects.get()
    assert (attendee.phone, attendee.wants_texts) == (ALICE, True)
    assert Consent.objects.get().wording.startswith("Text me about this meeting. Larkhill")


# --- What others typed, and for whom they ticked ---


def test_a_tick_about_one_meeting_lets_nobody_text_the_number_about_others(
    ready: None, link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    step = text_step(to=To.ADDRESS, address=PRIYA)
    make_workflow(dana, Trigger.BEFORE_START, step, now=NOW)
    attendee = booked_with_texts(link, NOW)
    assert said_of(attendee, NOW).reason == "Nobody here has confirmed this number as his own"
    confirmed(alice, NOW, PRIYA)
    assert said_of(attendee, NOW).to == PRIYA
    alice.is_active = False
    alice.save()
    assert said_of(attendee, NOW).reason == "Nobody here has confirmed this number as his own"


def test_what_people_typed_makes_no_text_longer_than_one_may_be() -> None:
    body = "{{event_title}} {{booker_name}}, {{start_time}}. " + "x" * 80
    typed_long = {
        "event_title": "Ж" * 120,
        "booker_name": "Ж" * 60,
        "start_time": "Thursday 12 November, 16:30",
    }
    text = fitted(body, typed_long, To.BOOKER)
    assert segments_of(text).parts <= MOST_PARTS < segments_of(written(body, typed_long, To.BOOKER)).parts
    assert "Thursday 12 November, 16:30" in text
    assert "x" * 80 in text


def test_a_text_that_fits_no_way_is_left_out_with_the_reason(
    ready: None, link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BEFORE_START, text_step(body="x" * 400 + "{{event_title}}"), now=NOW)
    link.title = "Встреча"
    link.save()
    attendee = booked_with_texts(link, NOW)
    reason = said_of(attendee, NOW).reason
    assert reason == "With this booking it takes 7 texts, and 4 are the most"


def test_a_templates_texts_reach_its_links_stay_readable_and_come_back_with_its_version(
    ready: None, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(dana, Trigger.BOOKED, text_step(timedelta()), now=NOW, every=False)
    template = make_template(dana, locks=["title", "workflows"])
    assign_to(template, [alice], dana)
    for workflow_ids in ([str(workflow.pk)], []):
        save(template, dana, workflow_ids=workflow_ids)
        finish_runs()
    link = link_of(template, alice)
    asked = f"{reverse('bookings:details', args=[link.slug])}?start=2030-01-09T10:00Z"
    assert 'name="texts"' not in Client().get(asked).content.decode()
    back(template, 2, dana, NOW)
    finish_runs()
    link.refresh_from_db()
    assert link.workflow_ids == [str(workflow.pk)]
    assert 'name="texts"' in Client().get(asked).content.decode()
    attendee = booked_with_texts(link, NOW)
    assert said_of(attendee, NOW).to == PRIYA
    rep = signed_in(alice)
    read = rep.get(reverse("bookings:workflow", args=[workflow.pk]))
    assert read.status_code == 200
    assert "{{event_title}} with {{host_name}}" in read.content.decode()
    assert rep.post(reverse("bookings:workflow_pause", args=[workflow.pk])).status_code == 403
