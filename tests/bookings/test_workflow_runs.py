"""Runs of workflows: planned with the booking, once each, never for what is off; an edit reaches what still waits."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.delivery_columns import follow_up
from bookings.domain import mail_kinds as kinds
from bookings.jobs import owe_what_was_left
from bookings.models import Attendee, Booking, WorkflowRun
from bookings.selectors import reminder_due
from bookings.selectors.runs import GAVE_WAY, kind_of
from bookings.services import attendance, hosting
from bookings.services import booking as booking_service
from bookings.services import workflows as service
from bookings.services.deliveries import send_again
from bookings.services.meeting_links import keep_link
from bookings.views.timeline import timeline_of
from scheduling.domain.workflows import To, Trigger
from scheduling.models import BookingLink
from scheduling.services.links import update_link
from tests.bookings.making_workflows import (
    DAY,
    HOUR,
    deliver,
    draft_of,
    make_preset,
    make_workflow,
    runs_of,
    state_of,
    step_of,
)
from tests.conftest import Figures
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership, RoleGrant
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db(transaction=True)
RULED = timedelta(seconds=1)


def book(link: BookingLink, now: datetime, days: int = 3) -> Booking:
    return make_booking(link, now + days * DAY, now)


def sent_subjects() -> list[str]:
    return [mail.subject for mail in outbox.outbox]


def test_a_booking_plans_what_lies_ahead_of_it_at_its_time(
    link: BookingLink, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BEFORE_START, step_of(DAY), step_of(4 * DAY), now=NOW)
    make_workflow(dana, Trigger.ENDS, step_of(HOUR, To.HOST), now=NOW)
    make_workflow(dana, Trigger.CANCELLED, step_of(timedelta()), now=NOW)
    booking = book(link, NOW)
    found = [(run.due_at, run.recipient) for run in runs_of(booking.booker)]
    assert found == [
        (booking.starts_at - DAY, "priya@saltmarsh.example"),
        (booking.ends_at + HOUR, alice.user.email),
    ], "four days before is over already, and nothing was cancelled"


def test_chosen_links_alone_have_a_workflow_that_is_not_for_every_one(
    link: BookingLink, dana: Membership, bob: Membership, NOW: datetime
) -> None:
    make_workflow(dana, now=NOW, links=[link])
    assert len(runs_of(book(link, NOW).booker)) == 1
    assert not runs_of(book(make_link(bob), NOW).booker)


def test_it_goes_out_once_at_its_time_and_not_before(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, now=NOW)
    booking = book(link, NOW)
    (run,) = runs_of(booking.booker)
    deliver(run.due_at - timedelta(minutes=1))
    assert state_of(run) == "waiting"
    for _again in range(2):
        deliver(run.due_at)
    assert state_of(run) == "sent"
    assert sent_subjects().count("About Discovery Call") == 1


def test_a_beat_that_stood_still_for_half_an_hour_sends_what_is_of_use_and_says_of_the_rest_why_not(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    minute = timedelta(minutes=1)
    to_start = 3 * DAY
    late = {
        # Each by when it is due: the beat stops 20 minutes before the start, of a meeting of half an hour.
        Trigger.BOOKED: (to_start - 15 * minute, "sent"),
        Trigger.BEFORE_START: (10 * minute, "left out: Too late: the meeting has begun"),
        Trigger.STARTS: (5 * minute, "sent"),
    }
    for trigger, (delay, _ends) in late.items():
        make_workflow(dana, trigger, step_of(delay), now=NOW)
    booking = book(link, NOW)
    deliver(booking.starts_at - 20 * minute)
    runs = {run.trigger: run for run in runs_of(booking.booker)}
    assert {state_of(run) for run in runs.values()} == {"waiting"}
    deliver(booking.starts_at + 10 * minute)
    assert {trigger: state_of(run) for trigger, run in runs.items()} == {
        trigger: ends for trigger, (_delay, ends) in late.items()
    }


def test_a_cancelled_booking_sends_what_a_cancellation_starts_and_nothing_else(
    link: BookingLink, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    make_workflow(dana, now=NOW)
    make_workflow(dana, Trigger.CANCELLED, step_of(HOUR, subject="Pick again"), now=NOW)
    booking = book(link, NOW)
    booking_service.cancel_by_host(booking=booking, reason="", actor=alice.user, now=NOW + HOUR)
    deliver(NOW + 3 * DAY)
    assert [state_of(run) for run in runs_of(booking.booker)] == [
        "sent",
        "left out: The booking was cancelled",
    ]


def test_a_moved_booking_starts_over_and_keeps_what_is_counted_from_booking(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, now=NOW)
    make_workflow(dana, Trigger.BOOKED, step_of(2 * HOUR, subject="Welcome"), now=NOW)
    make_workflow(dana, Trigger.RESCHEDULED, step_of(timedelta(), subject="Moved"), now=NOW)
    first = book(link, NOW).booker
    moved = booking_service.reschedule(attendee=first, start=NOW + 4 * DAY, now=NOW + HOUR)
    assert {state_of(run) for run in runs_of(first)} == {"left out: The meeting was moved"}
    assert [(run.trigger, run.due_at) for run in runs_of(moved)] == [
        (Trigger.RESCHEDULED, NOW + HOUR),
        (Trigger.BOOKED, NOW + 2 * HOUR),
        (Trigger.BEFORE_START, moved.booking.starts_at - DAY),
    ]
    deliver(NOW + 3 * DAY)
    assert {state_of(run) for run in runs_of(moved)} == {"sent"}


def test_a_no_show_starts_its_own_and_taking_it_back_stops_them(
    link: BookingLink, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.NO_SHOW, step_of(HOUR), now=NOW)
    make_workflow(dana, Trigger.ENDS, step_of(HOUR, subject="Thanks"), now=NOW)
    booking = book(link, NOW)
    over = booking.ends_at + timedelta(minutes=5)
    marks = Booking.Attendance

    def mark(attended: Booking.Attendance) -> None:
        attendance.mark(attendee=booking.booker, attendance=attended, actor=alice.user, now=over)

    mark(marks.NO_SHOW)
    missed = WorkflowRun.objects.get(trigger=Trigger.NO_SHOW)
    assert missed.due_at == over + HOUR
    mark(marks.UNMARKED)
    assert state_of(missed) == "left out: It is not marked as a no-show any more"
    mark(marks.NO_SHOW)
    assert state_of(missed) == "waiting"
    deliver(over + 2 * HOUR)
    assert state_of(missed) == "sent"
    assert state_of(WorkflowRun.objects.get(trigger=Trigger.ENDS)) == "left out: It is marked as a no-show"
    mark(marks.ATTENDED)
    mark(marks.NO_SHOW)
    assert WorkflowRun.objects.filter(trigger=Trigger.NO_SHOW).count() == 1


def test_a_new_host_is_told_in_place_of_the_one_before(
    link: BookingLink, dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BEFORE_START, step_of(HOUR, To.HOST), now=NOW)
    booking = book(link, NOW)
    hosting.reassign(booking=booking, host=bob.user, actor=dana.user, now=NOW)
    deliver(booking.starts_at - HOUR)
    told = {run.recipient: state_of(run) for run in runs_of(booking.booker)}
    assert told == {alice.user.email: "left out: Somebody else hosts it now", bob.user.email: "sent"}


def test_an_edit_reaches_only_what_still_waits(link: BookingLink, dana: Membership, NOW: datetime) -> None:
    workflow = make_workflow(dana, Trigger.BEFORE_START, step_of(2 * DAY), step_of(HOUR), now=NOW)
    booking = book(link, NOW)
    early, _late = runs_of(booking.booker)
    deliver(early.due_at)
    first, second = workflow.steps.all()
    steps = [
        step_of(DAY, subject="Changed one"),
        step_of(3 * HOUR, subject="Changed two"),
        step_of(2 * HOUR, subject="Added"),
    ]
    steps = [replace(steps[0], id=first.pk), replace(steps[1], id=second.pk), steps[2]]
    saved = service.save(
        workflow_id=workflow.pk,
        by=dana,
        draft=draft_of(Trigger.BEFORE_START, *steps),
        links=(),
        now=NOW + DAY,
    )
    assert saved.waiting == 1
    deliver(booking.starts_at - RULED)
    assert [run.due_at for run in runs_of(booking.booker)] == [early.due_at, booking.starts_at - 3 * HOUR]
    workflow_mails = [subject for subject in sent_subjects() if "Changed" in subject or "About" in subject]
    assert workflow_mails == ["About Discovery Call", "Changed two"]
    assert len(runs_of(make_booking(link, NOW + 4 * DAY, NOW + 2 * DAY, email="b@example.com").booker)) == 3


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ("paused", "left out: The workflow is paused"),
        ("deleted", "left out: The workflow was deleted"),
        ("moment", "left out: The workflow is about another moment now"),
        ("link", "left out: Its booking page does not use this workflow any more"),
        ("step", "left out: The message was taken out of the workflow"),
    ],
)
def test_what_does_not_hold_any_more_is_left_out_with_the_reason(
    change: str, ends: str, link: BookingLink, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(dana, now=NOW, links=[link])
    (run,) = runs_of(book(link, NOW).booker)
    match change:
        case "paused":
            service.pause(workflow_id=workflow.pk, by=dana, is_paused=True, now=NOW)
        case "deleted":
            service.delete(workflow_id=workflow.pk, by=dana, now=NOW)
        case "link":
            update_link(link_id=link.pk, by=alice, values={"workflow_ids": []}, now=NOW)
        case _:
            trigger = Trigger.STARTS if change == "moment" else Trigger.BEFORE_START
            step = step_of(DAY) if change == "step" else replace(step_of(DAY), id=workflow.steps.get().pk)
            draft = draft_of(trigger, step, every_link=False)
            service.save(workflow_id=workflow.pk, by=dana, draft=draft, links=(), now=NOW)
    deliver(run.due_at)
    assert state_of(run) == ends
    assert "About Discovery Call" not in sent_subjects()


def test_a_workflow_may_take_the_place_of_the_standard_mail_and_brings_its_calendar_file(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(
        dana, Trigger.BOOKED, step_of(timedelta(), subject="Welcome"), now=NOW, replaces=True
    )
    booking = book(link, NOW)
    confirmation = OutboxMessage.objects.get(kind=kinds.CONFIRMED_BOOKER)
    assert renderer_of(confirmation.kind)(confirmation, NOW) == Skip("A workflow’s message takes its place")
    (run,) = runs_of(booking.booker)
    mail = renderer_of(run.message.kind)(run.message, NOW)
    assert isinstance(mail, EmailMultiAlternatives)
    assert "text/calendar" in mail.message().as_string()
    service.pause(workflow_id=workflow.pk, by=dana, is_paused=True, now=NOW)
    assert isinstance(renderer_of(confirmation.kind)(confirmation, NOW), EmailMultiAlternatives), (
        "a paused workflow takes nobody's place"
    )


@pytest.mark.parametrize("end", ["paused", "deleted", "taken off the link", "taken out", "refused"])
def test_a_mail_that_gave_way_goes_out_after_all_when_the_workflows_does_not(
    end: str, link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(
        dana,
        Trigger.BEFORE_START,
        step_of(HOUR),
        step_of(HOUR, To.HOST),
        now=NOW,
        links=[link],
        replaces=True,
    )
    booking = book(link, NOW)
    deliver(booking.starts_at - DAY)
    reminder = OutboxMessage.objects.get(kind=kinds.REMINDER_BOOKER)
    assert reminder.skip_reason == "A workflow’s message takes its place"
    run = next(run for run in runs_of(booking.booker) if run.recipient == booking.booker.email)
    if end == "paused":
        service.pause(workflow_id=workflow.pk, by=dana, is_paused=True, now=NOW)
    elif end == "deleted":
        service.delete(workflow_id=workflow.pk, by=dana, now=NOW)
    elif end == "taken off the link":
        update_link(link_id=link.pk, by=alice, values={"workflow_ids": []}, now=NOW)
    elif end == "taken out":
        draft = draft_of(Trigger.BEFORE_START, step_of(HOUR, To.HOST), every_link=False, replaces=True)
        service.save(workflow_id=workflow.pk, by=dana, draft=draft, links=(), now=NOW)
    else:
        OutboxMessage.objects.filter(pk=run.message_id).update(dead_at=NOW, last_error="550 nobody")
        follow_up(OutboxMessage(topic_id=booking.booker.pk, kind=kind_of(run.pk)))
    deliver(booking.starts_at - HOUR)
    deliver(booking.starts_at - HOUR / 2)
    reminder.refresh_from_db()
    assert reminder.sent_at is not None, "one of the two reaches the booker"


def test_a_mail_that_gave_way_stays_away_when_the_workflow_is_paused_after_its_own_went_out(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(
        dana, Trigger.BOOKED, step_of(timedelta()), step_of(HOUR), now=NOW, replaces=True
    )
    book(link, NOW)
    deliver(NOW)
    service.pause(workflow_id=workflow.pk, by=dana, is_paused=True, now=NOW)
    deliver(NOW + HOUR)
    assert state_of(WorkflowRun.objects.get(step__delay=HOUR)) == "left out: The workflow is paused"
    assert OutboxMessage.objects.get(kind=kinds.CONFIRMED_BOOKER).sent_at is None


def test_a_copy_that_is_asked_for_is_of_the_same_run(
    link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BOOKED, step_of(timedelta()), now=NOW)
    booking = book(link, NOW)
    deliver(NOW)
    (run,) = runs_of(booking.booker)
    send_again(message=run.message, booking=booking, actor=alice.user, now=NOW)
    deliver(NOW + HOUR)
    assert sent_subjects().count("About Discovery Call") == 2


def test_a_meeting_link_that_comes_later_is_told_by_the_message_in_place_of_the_confirmation(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    welcome = replace(step_of(timedelta()), body="Meet at {{join_url}}")
    make_workflow(dana, Trigger.BOOKED, welcome, now=NOW, replaces=True)
    booking = book(link, NOW)
    Booking.objects.update(location_type="meeting", location_detail="")
    deliver(NOW)
    keep_link(booking.series_id, booking.host_id, "https://meet.example/abc", NOW)
    deliver(NOW + HOUR)
    bodies = [str(mail.body) for mail in outbox.outbox if booking.booker.email in mail.to]
    assert ["https://meet.example/abc" in body for body in bodies] == [False, True]


def test_who_may_not_edit_links_names_no_workflow_on_his_own(
    link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(dana, now=NOW, every=False)
    RoleGrant.objects.create(
        workspace=alice.workspace, role=alice.role, permission="scheduler.edit", scope=""
    )
    draft = draft_of(every_link=False)
    service.save(workflow_id=workflow.pk, by=alice, draft=draft, links=[link.pk], now=NOW)
    link.refresh_from_db()
    assert link.workflow_ids == []


def test_a_no_show_taken_back_gets_what_was_kept_back(
    link: BookingLink, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.ENDS, step_of(HOUR), now=NOW)
    booking = book(link, NOW)
    (run,) = runs_of(booking.booker)
    for attendance_now, due in ((Booking.Attendance.NO_SHOW, HOUR), (Booking.Attendance.ATTENDED, 2 * HOUR)):
        at = booking.ends_at + due
        attendance.mark(attendee=booking.booker, attendance=attendance_now, actor=alice.user, now=at)
        deliver(at)
        marked = attendance_now == Booking.Attendance.NO_SHOW
        assert state_of(run) == ("left out: It is marked as a no-show" if marked else "sent")


def test_the_standard_reminder_is_sent_once_where_a_workflow_reminds(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_preset(dana, "reminder", NOW)
    booking = book(link, NOW)
    deliver(booking.starts_at - DAY)
    assert sum("Reminder" in subject for subject in sent_subjects()) == 1


def test_the_hosts_of_a_session_are_told_once_however_many_come(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    link = make_link(alice, strategy="group", capacity=5)
    make_workflow(dana, Trigger.BEFORE_START, step_of(HOUR, To.HOST), now=NOW)
    start = NOW + 2 * DAY
    booking = make_booking(link, start, NOW)
    make_booking(link, start, NOW, email="second@example.com", name="Second One")
    deliver(booking.starts_at - HOUR)
    states = sorted(state_of(run) for run in WorkflowRun.objects.all())
    assert states == ["left out: Told once for the whole session", "sent"]


def test_hosts_are_told_of_a_session_though_one_of_its_attendees_did_not_come(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    link = make_link(alice, strategy="group", capacity=5)
    make_workflow(dana, Trigger.ENDS, step_of(HOUR, To.HOST), now=NOW)
    start = NOW + 2 * DAY
    make_booking(link, start, NOW)
    make_booking(link, start, NOW, email="second@example.com", name="Second One")
    first, second = WorkflowRun.objects.order_by("pk")
    booking = first.attendee.booking
    at = booking.ends_at + HOUR
    attendance.mark(attendee=first.attendee, attendance=Booking.Attendance.NO_SHOW, actor=alice.user, now=at)
    assert isinstance(renderer_of("workflow")(second.message, at), EmailMultiAlternatives)


def test_a_message_about_one_attendee_of_a_session_names_him_alone(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    link = make_link(alice, strategy="group", capacity=5)
    make_workflow(
        dana, Trigger.CANCELLED, step_of(timedelta(), To.HOST, subject="Off: {{booker_name}}"), now=NOW
    )
    start = NOW + 2 * DAY
    make_booking(link, start, NOW)
    make_booking(link, start, NOW, email="second@example.com", name="Second One")
    leaving = Attendee.objects.get(email="second@example.com")
    booking_service.cancel_by_booker(attendee=leaving, reason="", now=NOW)
    (run,) = WorkflowRun.objects.all()
    mail = renderer_of("workflow")(run.message, NOW)
    assert getattr(mail, "subject", "") == "Off: Second One"


def test_a_strangers_text_stays_text(link: BookingLink, dana: Membership, NOW: datetime) -> None:
    make_workflow(
        dana,
        Trigger.BOOKED,
        step_of(timedelta(), subject="Hi {{booker_name}} {{first_name}}"),
        step_of(timedelta(), To.HOST, subject="New: {{booker_name}}"),
        now=NOW,
    )
    name = "<b>Eve</b> {{manage_url}} https://evil.example"
    booking = make_booking(link, NOW + DAY, NOW, name=name)
    by_reader = {run.recipient: run.message for run in runs_of(booking.booker)}
    to_booker = renderer_of("workflow")(by_reader[booking.booker.email], NOW)
    to_host = renderer_of("workflow")(by_reader[booking.host.email], NOW)
    assert isinstance(to_booker, EmailMultiAlternatives)
    assert isinstance(to_host, EmailMultiAlternatives)
    assert to_booker.subject == "Hi", "what does not look like a name is not sent to whoever owns the address"
    assert to_host.subject == f"New: {name}"
    html = str(to_host.alternatives[0][0])
    assert "<b>Eve" not in html
    assert "evil.example</a>" not in html
    assert "/manage/" not in html + str(to_host.body), "the booker's own address is for himself alone"


def test_ten_messages_are_planned_moved_and_dropped_with_as_many_queries_as_one(
    link: BookingLink, dana: Membership, NOW: datetime, figures: Figures
) -> None:
    def asked() -> list[int]:
        counted = []
        with CaptureQueriesContext(connection) as queries:
            booking = book(link, NOW)
        counted.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            moved = booking_service.reschedule(attendee=booking.booker, start=NOW + 4 * DAY, now=NOW)
        counted.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            booking_service.cancel_by_booker(attendee=moved, reason="", now=NOW)
        return [*counted, len(queries)]

    book(link, NOW, days=2)  # Who comes for the first time is written down.
    without = asked()
    moments = (Trigger.BOOKED, Trigger.BEFORE_START, Trigger.CANCELLED)
    of_each = [make_workflow(dana, trigger, step_of(HOUR), now=NOW) for trigger in moments]
    one = asked()
    for workflow in of_each:
        draft = draft_of(Trigger(workflow.trigger), *(step_of(n * HOUR, To.HOST) for n in range(1, 11)))
        service.save(workflow_id=workflow.pk, by=dana, draft=draft, links=(), now=NOW)
    many = asked()
    assert WorkflowRun.objects.filter(step__isnull=False).count() == 10 * (2 + 2 + 1)
    assert many == one
    assert [more - none for more, none in zip(one, without, strict=True)] == [5, 6, 6]
    figures(f"queries of booking, moving and cancelling: {without}; with three workflows: {one}")


def test_a_drawer_and_the_confirmation_promise_one_of_two_mails(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    workflow = make_workflow(dana, Trigger.BEFORE_START, step_of(HOUR), now=NOW, replaces=True)
    booking = book(link, NOW)

    def waiting() -> list[str]:
        shown = timeline_of(Booking.objects.get())["deliveries"]
        to_booker = [each for each in shown if each.message.recipient == booking.booker.email]
        return sorted(each.held or each.label for each in to_booker)

    assert waiting() == ["Around it", "Confirmation"]
    assert reminder_due(booking.booker) == booking.starts_at - HOUR
    service.pause(workflow_id=workflow.pk, by=dana, is_paused=True, now=NOW)
    held = "The workflow is paused: left out unless it goes on before"
    assert waiting() == ["Confirmation", "Reminder", held]
    assert reminder_due(booking.booker) == booking.starts_at - DAY


def test_a_retry_is_left_out_once_the_standard_mail_went_in_its_place(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BOOKED, step_of(timedelta()), step_of(HOUR), now=NOW, replaces=True)
    booking = book(link, NOW)
    first, later = runs_of(booking.booker)
    OutboxMessage.objects.filter(kind=kinds.CONFIRMED_BOOKER).update(sent_at=NOW + timedelta(minutes=1))
    assert renderer_of("workflow")(first.message, NOW) == Skip("The standard mail went out in its place")
    assert isinstance(renderer_of("workflow")(later.message, NOW), EmailMultiAlternatives)


def test_what_gave_way_is_owed_though_the_worker_died_before_it_could_say_so(
    link: BookingLink, dana: Membership, NOW: datetime
) -> None:
    make_workflow(dana, Trigger.BOOKED, step_of(timedelta()), now=NOW, replaces=True)
    booking = book(link, NOW)
    (run,) = runs_of(booking.booker)
    confirmation = OutboxMessage.objects.filter(kind=kinds.CONFIRMED_BOOKER)
    confirmation.update(skipped_at=NOW, skip_reason=GAVE_WAY)
    owe_what_was_left.run()
    assert confirmation.get().skipped_at, "what stands in its place is still to come"
    OutboxMessage.objects.filter(pk=run.message_id).update(dead_at=timezone.now())
    for _again in range(2):
        owe_what_was_left.run()
        assert confirmation.get().skipped_at is None
