"""Random lives of bookings beside random edits of workflows: each message once at most, never for what is off, none
forgotten, and an edit reaches only what still waits. Then a thousand due messages, with beats and workers in a crowd.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from bookings.models import Attendee, Booking, WorkflowRun
from bookings.services import attendance
from bookings.services import booking as service
from bookings.services import workflows as edits
from scheduling.domain.workflows import Trigger, WorkflowDraft, due_at, why_not
from scheduling.models import BookingLink, Workflow
from scheduling.services.busy_time import SlotTaken
from scheduling.services.workflows import draft_of as step_draft
from tests.bookings.making_workflows import (
    DAY,
    HOUR,
    deliver,
    make_due_runs,
    make_workflow,
    state_of,
    step_of,
)
from tests.concurrency.conftest import at_once
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.notifications import effects
from workestra.notifications.models import OutboxMessage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

TRIGGERS = (
    Trigger.BOOKED,
    Trigger.BEFORE_START,
    Trigger.RESCHEDULED,
    Trigger.ENDS,
    Trigger.CANCELLED,
    Trigger.NO_SHOW,
)
JUMPS = (
    timedelta(),
    timedelta(minutes=7),
    timedelta(minutes=30),
    HOUR,
    5 * HOUR,
    DAY,
    -timedelta(minutes=10),
)


class Story:
    """A workspace with a workflow for each moment, a clock that jumps, and what must hold after every step."""

    def __init__(self, seed: int, admin: Membership, link: BookingLink, now: datetime) -> None:
        self.random, self.admin, self.link, self.now = Random(seed), admin, link, now
        for trigger in TRIGGERS:
            make_workflow(admin, trigger, step_of(self.delay()), now=now, links=[])
        self.expected: set[tuple[Any, Any]] = set()
        self.ended: dict[Any, tuple[str, datetime]] = {}

    def delay(self) -> timedelta:
        return self.random.choice((timedelta(), HOUR, 3 * HOUR, DAY))

    def standing(self) -> list[Attendee]:
        found = Attendee.objects.filter(status=Booking.Status.CONFIRMED).select_related("booking")
        return sorted(found, key=lambda each: (each.booking.starts_at, each.email))

    def start(self) -> datetime:
        day = self.now.replace(minute=0) + self.random.randrange(1, 6) * DAY
        return day.replace(hour=self.random.randrange(8, 16))

    def expect(self, attendee: Attendee, *triggers: Trigger) -> None:
        """What was planned for him now by the steps there are: worked out anew, from the booking alone."""
        for workflow in Workflow.objects.filter(deleted_at=None, trigger__in=triggers):
            for step in workflow.steps.all():
                anchors = {
                    Trigger.BEFORE_START: attendee.booking.starts_at,
                    Trigger.ENDS: attendee.booking.ends_at,
                }
                anchor = anchors.get(Trigger(workflow.trigger), self.now)
                due = due_at(Trigger(workflow.trigger), step.delay, anchor)
                if workflow.trigger not in anchors or due > self.now:
                    self.expected.add((attendee.pk, step.pk))

    def book(self) -> None:
        made = make_booking(self.link, self.start(), self.now, email=f"{uuid4().hex[:8]}@example.com")
        self.expect(made.booker, Trigger.BOOKED, Trigger.BEFORE_START, Trigger.ENDS)

    def move(self) -> None:
        ahead = [each for each in self.standing() if each.booking.starts_at > self.now]
        if ahead:
            chosen = self.random.choice(ahead)
            moved = service.reschedule(attendee=chosen, start=self.start(), now=self.now)
            self.expect(moved, Trigger.RESCHEDULED, Trigger.BEFORE_START, Trigger.ENDS)

    def cancel(self) -> None:
        ahead = [each for each in self.standing() if each.booking.starts_at > self.now]
        if ahead:
            chosen = service.cancel_by_booker(attendee=self.random.choice(ahead), reason="", now=self.now)
            self.expect(chosen, Trigger.CANCELLED)

    def mark(self) -> None:
        begun = [each for each in self.standing() if each.booking.starts_at <= self.now]
        if begun:
            chosen, marks = self.random.choice(begun), Booking.Attendance
            mark = self.random.choice((marks.NO_SHOW, marks.ATTENDED, marks.UNMARKED))
            attendance.mark(attendee=chosen, attendance=mark, actor=self.admin.user, now=self.now)
            if mark == marks.NO_SHOW:
                self.expect(chosen, Trigger.NO_SHOW)

    def edit(self) -> None:
        workflow = self.random.choice(list(Workflow.objects.filter(deleted_at=None).order_by("trigger")))
        over = {run.pk: run.due_at for run in WorkflowRun.objects.all() if state_of(run) != "waiting"}
        step = workflow.steps.get()
        draft = WorkflowDraft(
            workflow.name,
            Trigger(workflow.trigger),
            (replace(step_draft(step), delay=self.delay()),),
            every_link=True,
        )
        edits.save(workflow_id=workflow.pk, by=self.admin, draft=draft, links=(), now=self.now)
        for run in WorkflowRun.objects.filter(workflow=workflow).select_related("step"):
            assert run.step
            if run.pk in over:
                assert run.due_at == over[run.pk], "an edit does not reach what is over"
            else:
                assert run.due_at == due_at(Trigger(run.trigger), run.step.delay, run.anchor)

    def deliver(self) -> None:
        """What goes out is what may; what is due and stays behind is nothing."""
        waited = {run.pk for run in WorkflowRun.objects.all() if state_of(run) == "waiting"}
        deliver(self.now)
        for run in WorkflowRun.objects.select_related("attendee__booking"):
            state, attendee = state_of(run), run.attendee
            if run.pk in waited and state != "waiting":
                assert run.due_at <= self.now
                reason = why_not(
                    Trigger(run.trigger),
                    status=attendee.status,
                    no_show=attendee.no_show_status == Booking.Attendance.NO_SHOW,
                    start=attendee.booking.starts_at,
                    end=attendee.booking.ends_at,
                    due=run.due_at,
                    now=self.now,
                )
                assert state == (f"left out: {reason}" if reason else "sent")
            assert state != "waiting" or run.due_at > self.now, "forgotten"

    def check(self) -> None:
        planned = Counter(WorkflowRun.objects.values_list("attendee", "step"))
        assert max(planned.values(), default=1) == 1
        assert self.expected <= set(planned), "a message was never planned"
        for run in WorkflowRun.objects.all():
            state = state_of(run)
            if self.ended.get(run.pk, ("", self.now))[0] == "sent":
                assert state == "sent", "what went out stays so"
            self.ended[run.pk] = (state, run.due_at)


@pytest.mark.parametrize("seed", range(8))
def test_a_random_life_sends_each_message_once_and_only_while_it_holds(
    seed: int, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    link = make_link(alice, booking_window_days=60)
    story = Story(seed, dana, link, NOW)
    steps = [
        story.book,
        story.book,
        story.move,
        story.cancel,
        story.mark,
        story.edit,
        story.deliver,
        story.deliver,
    ]
    for _step in range(60):
        story.now += story.random.choice(JUMPS)
        try:
            story.random.choice(steps)()
        except SlotTaken:
            continue
        story.check()
    story.now += 30 * DAY
    story.deliver()
    assert OutboxMessage.objects.filter(kind__startswith="workflow", attempts__gt=1).count() == 0
    states = Counter(state_of(run).partition(":")[0] for run in WorkflowRun.objects.all())
    assert set(states) <= {"sent", "left out"}
    assert states["sent"]


class CountingServer(BaseEmailBackend):
    """Takes every mail, and remembers whom it was for."""

    accepted: list[str] = []

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        self.accepted.extend(message.to[0] for message in messages)
        return len(messages)


def test_four_beats_and_four_workers_send_a_thousand_messages_once_each(
    alice: Membership, dana: Membership, NOW: datetime, settings: Any
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.CountingServer"
    CountingServer.accepted = []
    booking = make_due_runs(alice, dana, 1000, NOW)
    messages = OutboxMessage.objects.all()
    messages.update(available_at="2020-01-01T00:00Z")
    # All of them are late, and of use.
    late = booking.starts_at - timedelta(minutes=1)

    def until_none_is_left(_worker: int) -> bool:
        while effects.deliver_due(late):
            pass
        return True

    assert at_once(8, until_none_is_left) == [True] * 8
    assert Counter(CountingServer.accepted) == Counter(f"b{number}@example.com" for number in range(1000))
    assert messages.filter(sent_at__isnull=False, attempts=1).count() == 1000
