"""Workflows' pages: made from a preset, refused with everything kept, tried out on oneself, read by those they bind."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from bookings.models import Attendee
from bookings.selectors import manage_token
from bookings.selectors import runs as reads
from scheduling.domain.workflow_presets import PRESETS
from scheduling.domain.workflows import Trigger
from scheduling.models import BookingLink, Workflow
from tests.bookings.making_workflows import DAY, make_preset, make_workflow, runs_of, state_of, step_of
from tests.conftest import signed_in
from tests.factories import GroupFactory, join_group, make_booking
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import renderer_of

pytestmark = pytest.mark.django_db
NEW = "/calendar/workflows/new"


@pytest.fixture
def admin(dana: Membership, NOW: datetime) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield signed_in(dana)


def filled_in(client: Client, url: str = f"{NEW}?preset=reconfirm", **changes: str) -> dict[str, Any]:
    values: dict[str, Any] = form_posting(client.get(url).content.decode(), "s0-body").values
    return values | {
        name.replace("_", "-", 1) if name[0] == "s" else name: it for name, it in changes.items()
    }


def test_who_may_make_none_reads_on_the_empty_page_who_does(admin: Client, alice: Membership) -> None:
    who = "Who may edit booking links makes them."
    page = reverse("bookings:workflows")
    assert who not in signed_in(alice).get(page).content.decode()
    Membership.objects.filter(pk=alice.pk).update(role="viewer")
    assert who in signed_in(alice).get(page).content.decode()
    assert who not in admin.get(page).content.decode()


@pytest.mark.parametrize("preset", [preset.key for preset in PRESETS if preset.key != "text"])
def test_a_preset_makes_a_workflow_as_it_stands(admin: Client, preset: str) -> None:
    response = admin.post(NEW, filled_in(admin, f"{NEW}?preset={preset}"))
    workflow = Workflow.objects.get()
    assert response["Location"] == reverse("bookings:workflow", args=[workflow.pk])
    assert workflow.trigger == next(each.draft.trigger for each in PRESETS if each.key == preset)
    assert AuditEvent.objects.get().action == "workflow.created"
    # Nobody is told that bookings have the messages of a workflow that no link has.
    assert "is on, for no link yet." in admin.get(response["Location"]).content.decode()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"s0-body": "Dear {{frist_name}}"}, "Did you mean {{first_name}}?"),
        ({"s0-subject": "Hi {{password"}, "two braces"),
        ({"name": ""}, "Give the workflow a name."),
        ({"s0-amount": "999", "s0-unit": "days"}, "at most 365 days"),
        ({"s0-to": "address"}, "Write the address that it goes to."),
        ({"s0-to": "host", "s0-asks": "on"}, "Only the booker can be asked."),
        ({"trigger": "ends", "replaces": "on"}, "There is no standard mail at this moment"),
        ({"trigger": "booked", "replaces": "on"}, "goes out at once"),
        ({"s0-removed": "on"}, "one message at least"),
        ({"trigger": "booked"}, "only just chosen this time. Ask before the start instead."),
        ({"trigger": "ends"}, "The meeting has begun by then. Ask before the start instead."),
        ({"s0-amount": "0"}, "the answer comes too late"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field_and_all_is_kept(
    admin: Client, changes: dict[str, str], says: str
) -> None:
    sent = filled_in(admin) | changes
    response = admin.post(NEW, sent)
    page = response.content.decode()
    assert response.status_code == 422
    assert says in page.replace("&#x27;", "'").replace("&quot;", '"')
    kept = form_posting(page, "s0-body").values
    assert kept["s0-subject"] == sent["s0-subject"]
    assert kept["s0-body"] == sent["s0-body"]
    assert not Workflow.objects.exists()


def test_who_has_no_link_to_choose_is_told_where_else_a_workflow_is_chosen(admin: Client) -> None:
    page = admin.get(NEW).content.decode()
    assert "You have no link of your own that leaves its workflows to you." in page
    assert f'href="{reverse("scheduling:link_new")}"' in page


def test_one_more_message_keeps_what_was_typed_and_complains_of_nothing(admin: Client) -> None:
    response = admin.post(NEW, filled_in(admin) | {"s0-body": "", "name": "Half", "add": "1"})
    page = response.content.decode()
    assert response.status_code == 200
    assert 'name="s1-body"' in page
    assert form_posting(page, "s0-body").values["name"] == "Half"
    assert 'class="err"' not in page
    assert not Workflow.objects.exists()


def test_the_preview_shows_a_real_booking_without_its_secret(
    admin: Client, link: BookingLink, NOW: datetime
) -> None:
    booking = make_booking(link, NOW + DAY, NOW)
    sent = filled_in(admin) | {"s0-body": "Hi {{first_name}}: {{start_time}} {{manage_url}}"}
    page = admin.post("/calendar/workflows/preview", sent).content.decode()
    assert "<mark>Priya</mark>" in page
    assert "03:00 – 03:30 New York time (EST)" in page
    assert (manage_token(booking.booker) or "?") not in page
    assert not Workflow.objects.exists()


def test_a_test_goes_to_oneself_alone(
    admin: Client, dana: Membership, link: BookingLink, NOW: datetime
) -> None:
    booking = make_booking(link, NOW + DAY, NOW)
    workflow = make_workflow(dana, now=NOW, links=[])
    for _twice in range(2):
        admin.post(f"/calendar/workflows/{workflow.pk}/test", {"with": str(booking.booker.pk)})
    tests = OutboxMessage.objects.filter(kind__startswith="workflow.test")
    assert {message.recipient for message in tests} == {dana.user.email}
    mail = renderer_of(tests[0].kind)(tests[0], NOW)
    assert getattr(mail, "subject", "") == "Test: About Discovery Call"
    assert tests.count() == 2


def test_pausing_going_on_duplicating_and_deleting(admin: Client, dana: Membership, NOW: datetime) -> None:
    workflow = make_workflow(dana, now=NOW)
    admin.post(f"/calendar/workflows/{workflow.pk}/pause")
    workflow.refresh_from_db()
    assert workflow.is_paused
    admin.post(f"/calendar/workflows/{workflow.pk}/pause", {"on": "1"})
    admin.post(f"/calendar/workflows/{workflow.pk}/duplicate")
    copy = Workflow.objects.get(name="Around it copy")
    assert (copy.is_paused, copy.every_link, copy.steps.count()) == (True, False, 1)
    assert admin.get(f"/calendar/workflows/{workflow.pk}/delete").status_code == 200
    admin.post(f"/calendar/workflows/{workflow.pk}/delete")
    assert admin.get(f"/calendar/workflows/{workflow.pk}").status_code == 404
    assert "Around it copy" in admin.get("/calendar/workflows?state=paused&q=about").content.decode()


def test_a_templates_workflow_reaches_its_links_stays_readable_and_goes_again(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(dana, now=NOW, name="Reminder and reconfirm", every=False)
    template = make_template(dana, locks=["title", "workflows"])
    assign_to(template, [alice], dana)
    save(template, dana, workflow_ids=[str(workflow.pk)])
    finish_runs()
    link = link_of(template, alice)
    assert link.workflow_ids == [str(workflow.pk)]
    booking = make_booking(link, NOW + 2 * DAY, NOW)
    assert len(runs_of(booking.booker)) == 1
    rep = signed_in(alice)
    page = rep.get(reverse("scheduling:link_edit", args=[link.pk])).content.decode()
    assert "Reminder and reconfirm" in page
    assert rep.get(f"/calendar/workflows/{workflow.pk}").status_code == 200
    sent = {"title": "Mine", "workflow_ids": []}
    assert (
        rep.post(reverse("scheduling:link_edit", args=[link.pk]), sent | {"workflow_ids": "x"}).status_code
        == 403
    )
    save(template, dana, workflow_ids=[])
    finish_runs()
    link.refresh_from_db()
    assert link.workflow_ids == []


def test_a_groups_admin_makes_workflows_of_his_group_for_chosen_links_alone(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    group = GroupFactory(workspace=alice.workspace)
    join_group(group, alice, is_admin=True)
    of_all = make_workflow(dana, now=NOW)
    lead = signed_in(alice)
    assert lead.post(NEW, filled_in(lead) | {"reach": "every"}).status_code == 422
    assert lead.post(NEW, filled_in(lead) | {"group": ""}).status_code == 422
    assert lead.post(NEW, filled_in(lead) | {"group": str(group.pk)}).status_code == 302
    assert lead.post(f"/calendar/workflows/{of_all.pk}/pause").status_code == 403


def test_own_links_are_chosen_on_the_workflows_page(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    alice.role = "admin"
    alice.save()
    client = signed_in(alice)
    made = client.post(NEW, filled_in(client) | {"links": [str(link.pk)], "reach": "chosen"}, follow=True)
    assert "Bookings from now on have its messages." in made.content.decode()
    workflow = Workflow.objects.get()
    link.refresh_from_db()
    assert link.workflow_ids == [str(workflow.pk)]
    url = f"/calendar/workflows/{workflow.pk}"
    sent = filled_in(client, url)
    sent.pop("links", None)
    client.post(url, sent)
    link.refresh_from_db()
    assert link.workflow_ids == []


def test_the_booker_says_yes_with_a_press_and_the_host_sees_it(
    link: BookingLink, alice: Membership, NOW: datetime
) -> None:
    booking = make_booking(link, NOW + DAY, NOW)
    url = reverse("bookings:reconfirm", args=[booking.page_slug, manage_token(booking.booker)])
    visitor = Client()
    with time_machine.travel(NOW, tick=False):
        assert "Are you still coming?" in visitor.get(url).content.decode()
        assert Attendee.objects.get().reconfirmed_at is None, "a GET changes nothing"
        for _twice in range(2):
            assert visitor.post(url).status_code == 303
        assert "See you then" in visitor.get(url).content.decode()
        drawer = reverse("bookings:drawer", args=[booking.pk])
        page = signed_in(alice).get(drawer, headers={"HX-Request": "true"}).content.decode()
    assert Attendee.objects.get().reconfirmed_at == NOW
    assert AuditEvent.objects.filter(action="booking.reconfirmed").count() == 1
    assert "Said yes" in page


@pytest.mark.parametrize("happens", ["locked", "deleted"])
def test_a_link_that_is_locked_or_deleted_while_its_workflow_is_saved_refuses_the_whole(
    link: BookingLink, dana: Membership, NOW: datetime, happens: str, monkeypatch: Any
) -> None:
    BookingLink.objects.filter(pk=link.pk).update(owner=dana.user)
    template = make_template(dana, now=NOW)
    listed = reads.own_links

    def and_then(member: Membership) -> list[BookingLink]:
        links = listed(member)
        rows = BookingLink.objects.filter(pk=link.pk)
        if happens == "deleted":
            rows.delete()
        else:
            rows.update(managed_event_template=template, locked_sections=["workflows"])
        return links

    client = signed_in(dana)
    sent = filled_in(client) | {"reach": "chosen", "links": str(link.pk)}
    # The page's form lists the links first, by the same selector; only the service's list comes too early.
    monkeypatch.setattr("bookings.services.workflows.reads", SimpleNamespace(own_links=and_then))
    response = client.post(NEW, sent)
    page = response.content.decode()
    assert response.status_code == 409
    assert "its template keeps its workflows now" in page
    assert sent["name"] in page
    assert not Workflow.objects.exists()


def test_nobody_says_yes_to_a_meeting_that_is_over(link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, NOW + DAY, NOW)
    url = reverse("bookings:reconfirm", args=[booking.page_slug, manage_token(booking.booker)])
    with time_machine.travel(NOW + 3 * DAY, tick=False):
        assert Client().get(url).status_code == 302
        assert Client().post(url).status_code == 409
    assert Attendee.objects.get().reconfirmed_at is None


def test_the_drawer_shows_every_run_with_its_state_and_lets_failed_ones_be_tried_again(
    link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    make_preset(dana, "thanks", NOW)
    make_workflow(dana, now=NOW, name="The day before")
    booking = make_booking(link, NOW + 2 * DAY, NOW)
    first, _second = runs_of(booking.booker)
    OutboxMessage.objects.filter(pk=first.message_id).update(dead_at=NOW, attempts=1, last_error="550 nobody")
    drawer = reverse("bookings:drawer", args=[booking.pk])
    page = signed_in(alice).get(drawer, headers={"HX-Request": "true"}).content.decode()
    for text in ("The day before, priya@saltmarsh.example", "How did it go?", "Waiting", "Failed", "Retry"):
        assert text in page
    signed_in(alice).post(reverse("bookings:resend", args=[booking.pk, first.message_id]))
    assert state_of(first) == "waiting"


CHANGES = (
    # The day on which a zone changes its clocks, the meeting in UTC, the booker's clock and the host's.
    (datetime.fromisoformat("2030-03-10T14:00Z"), "10:00 – 10:30 New York time (EDT)", "15:00 – 15:30"),
    (datetime.fromisoformat("2030-03-31T14:00Z"), "10:00 – 10:30 New York time (EDT)", "16:00 – 16:30"),
    (datetime.fromisoformat("2030-10-27T14:00Z"), "10:00 – 10:30 New York time (EDT)", "15:00 – 15:30"),
    (datetime.fromisoformat("2030-11-03T14:00Z"), "09:00 – 09:30 New York time (EST)", "15:00 – 15:30"),
)


@pytest.mark.parametrize(("start", "mine", "theirs"), CHANGES)
def test_every_presets_mail_has_both_clocks_right_on_the_days_they_change(
    start: datetime, mine: str, theirs: str, link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    """Berlin is six hours ahead of New York, but five between their changes."""
    for preset in PRESETS:
        if preset.key == "text":
            continue  # Texts are in tests/sms.
        make_preset(dana, preset.key, NOW)
    booking = make_booking(link, NOW + DAY, NOW)
    booking.starts_at, booking.ends_at = start, start + timedelta(minutes=30)
    booking.save()
    attendee = Attendee.objects.get()
    for run_of in Workflow.objects.all():
        step = run_of.steps.get()
        message = OutboxMessage(
            kind=f"workflow.test:{attendee.pk}", topic_id=step.pk, recipient=dana.user.email
        )
        text = str(getattr(renderer_of(message.kind)(message, NOW), "body", ""))
        abbreviation = "CEST" if start.month == 3 and start.day == 31 else "CET"
        assert f"{start:%A} {start.day} {start:%B}, {mine}" in text, run_of.name
        assert f"{theirs} for Alice in Berlin ({abbreviation})" in text, run_of.name


def test_replacing_the_confirmation_keeps_the_calendar_file(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BOOKED, step_of(timedelta()), now=NOW, replaces=True)
    (run,) = runs_of(make_booking(link, NOW + DAY, NOW).booker)
    mail: Any = renderer_of(run.message.kind)(run.message, NOW)
    parts = [part for part in mail.message().walk() if part.get_content_type() == "text/calendar"]
    event = Calendar.from_ical(parts[0].get_payload(decode=True)).events[0]
    assert event.start == NOW + DAY
