"""Random lives of bookings and sessions, which change hands as well, beside random edits of workflows: each message
once at most, never for what is off, none forgotten, and an edit reaches only what still waits. Then a thousand due
messages, with beats and workers in a crowd.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from bookings.models import Attendee, Booking, WorkflowRun
from bookings.services import attendance, hosting
from bookings.services import booking as service
from bookings.services import workflows as edits
from scheduling.domain.workflows import StepDraft, To, Trigger, WorkflowDraft
from scheduling.models import Workflow
from scheduling.services.busy_time import SlotTaken
from scheduling.services.workflows import draft_of as step_draft
from tests.bookings.making_workflows import (
    DAY,
    HOUR,
    deliver,
    make_due_runs,
    make_workflow,
    step_of,
)
from tests.concurrency.conftest import at_once
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.notifications import effects
from workestra.notifications.models import OutboxMessage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.thorough]

JUMPS = (
    timedelta(),
    timedelta(minutes=7),
    timedelta(minutes=30),
    HOUR,
    HOUR,
    5 * HOUR,
    5 * HOUR,
    DAY,
    4 * DAY,
    -timedelta(minutes=10),
)
AHEAD = {Trigger.BEFORE_START, Trigger.STARTS, Trigger.ENDS}
CANCELLED, MOVED, NO_NO_SHOW, OTHERS, OTHER_HOST = (
    "The booking was cancelled",
    "The meeting was moved",
    "It is not marked as a no-show any more",
    "It goes to somebody else now",
    "Somebody else hosts it now",
)
OTHER_MOMENT, NO_SHOW = "The workflow is about another moment now", "It is marked as a no-show"
COMES_BACK = {OTHERS, OTHER_HOST, OTHER_MOMENT, NO_NO_SHOW}
SEATS = 3

# Of an attendee's part of a booking, of a step, and to whom.
Key = tuple[UUID, UUID, str]


@dataclass
class Part:
    """What the model knows of an attendee's part of a booking."""

    start: datetime
    end: datetime
    email: str
    host: str
    session: UUID | None
    missed: bool = False
    page_of: UUID | None = None


@dataclass
class Message:
    """What the model knows of a message: "waiting", "sent", or why it was left out; and what it said when it went."""

    flow: UUID
    trigger: Trigger
    anchor: datetime
    due: datetime
    state: str = "waiting"
    said: str = ""


class Model:
    """What is to become of every message, worked out from what was done alone: nothing is read from the database but
    what order messages have there, by their ids and by when they were made: it says which of several a session gets.

    `flows` are the workflows as they were last saved; None is one that was deleted. Those that are a member's own are
    his in `owners`, and are for pages of his.
    """

    def __init__(self) -> None:
        self.flows: dict[UUID, tuple[WorkflowDraft, bool] | None] = {}
        self.owners: dict[UUID, UUID] = {}
        self.parts: dict[UUID, Part] = {}
        self.messages: dict[Key, Message] = {}
        self.ids: dict[Key, UUID] = {}
        self.made: dict[Key, datetime] = {}

    def plan(self, of: UUID, triggers: Collection[Trigger], now: datetime) -> None:
        part = self.parts[of]
        for flow, known in self.flows.items():
            if known is None or known[0].trigger not in triggers or not self.is_for(flow, of):
                continue
            draft = known[0]
            anchor = part.end if draft.trigger == Trigger.ENDS else part.start
            anchor = anchor if draft.trigger in AHEAD else now
            for step in draft.steps:
                due = self.due(draft.trigger, step.delay, anchor)
                if draft.trigger not in AHEAD or due > now:
                    self.enter(self.key(of, step), Message(flow, draft.trigger, anchor, due))

    def is_for(self, flow: UUID, of: UUID) -> bool:
        known = self.flows[flow]
        whose = self.owners.get(flow)
        return known is not None and known[0].every_link and whose in (None, self.parts[of].page_of)

    def key(self, of: UUID, step: StepDraft) -> Key:
        assert step.id
        to = {To.BOOKER: self.parts[of].email, To.HOST: self.parts[of].host, To.ADDRESS: step.address}
        return of, step.id, to[step.to]

    @staticmethod
    def due(trigger: Trigger, delay: timedelta, anchor: datetime) -> datetime:
        return anchor - delay if trigger == Trigger.BEFORE_START else anchor + delay

    def enter(self, key: Key, message: Message) -> None:
        if key not in self.messages or self.messages[key].state in COMES_BACK:
            self.messages[key] = message

    def waiting(self, of: UUID | None = None) -> list[tuple[Key, Message]]:
        return [
            (key, message)
            for key, message in self.messages.items()
            if message.state == "waiting" and of in (None, key[0])
        ]

    def move(self, before: UUID, after: UUID, now: datetime) -> None:
        for key, message in self.waiting(before):
            message.state = MOVED
            step = self.step(message.flow, key[1])
            if message.trigger == Trigger.BOOKED and step:
                again = Message(message.flow, message.trigger, message.anchor, message.due)
                self.enter(self.key(after, step), again)
        self.plan(after, AHEAD | {Trigger.RESCHEDULED}, now)

    def cancel(self, of: UUID, now: datetime) -> None:
        for _key, message in self.waiting(of):
            message.state = CANCELLED
        self.plan(of, {Trigger.CANCELLED}, now)

    def hand_over(self, of: UUID, host: str) -> None:
        self.parts[of].host = host
        for key, message in self.waiting(of):
            step = self.step(message.flow, key[1])
            if step and step.to == To.HOST:
                message.state = OTHER_HOST
                again = Message(message.flow, message.trigger, message.anchor, message.due)
                self.enter(self.key(of, step), again)

    def mark(self, of: UUID, missed: bool, now: datetime) -> None:
        self.parts[of].missed = missed
        if missed:
            self.plan(of, {Trigger.NO_SHOW}, now)
            return
        for key, message in self.messages.items():
            if key[0] == of and message.state == "waiting" and message.trigger == Trigger.NO_SHOW:
                message.state = NO_NO_SHOW
            elif key[0] == of and message.state == NO_SHOW:
                message.state = "waiting"

    def step(self, flow: UUID, step: UUID) -> StepDraft | None:
        known = self.flows[flow]
        return next((each for each in known[0].steps if each.id == step), None) if known else None

    def follow(self, flow: UUID) -> None:
        """What waits follows its workflow, which was saved or deleted; the rest stays as it is."""
        known = self.flows[flow]
        still = []
        for key, message in self.waiting():
            if message.flow != flow:
                continue
            step = self.step(flow, key[1])
            if known is None:
                message.state = "The workflow was deleted"
            elif step is None:
                message.state = "The message was taken out of the workflow"
            elif message.trigger != known[0].trigger:
                message.state = OTHER_MOMENT
            else:
                still.append((key, step, message))
        for key, step, message in still:
            due = self.due(message.trigger, step.delay, message.anchor)
            wanted = self.key(key[0], step)
            if wanted == key:
                message.due = due
            else:
                message.state = OTHERS
                self.enter(wanted, Message(flow, message.trigger, message.anchor, due))

    def deliver(self, now: datetime) -> None:
        due = {key: message for key, message in self.waiting() if message.due <= now}
        while due:
            # What one is told about one part of a booking goes out in the order it was owed.
            first: dict[tuple[UUID, str], Key] = {}
            for key in sorted(due, key=lambda key: self.made[key]):
                first.setdefault((key[0], key[2]), key)
            for key in sorted(first.values(), key=lambda key: (due[key].due, self.made[key])):
                message = due.pop(key)
                message.state = self.why_not(key, message, now) or "sent"
                step = self.step(message.flow, key[1])
                message.said = step.subject if step and message.state == "sent" else ""

    def is_told_by_another(self, key: Key, message: Message) -> bool:
        """Whether a session's host has this message, or has it coming, for another one of those who come."""
        session, (_of, step_id, to) = self.parts[key[0]].session, key
        step = self.step(message.flow, step_id)
        if session is None or message.trigger not in AHEAD or (step and step.to == To.BOOKER):
            return False
        others = [
            (other, self.parts[other[0]], told.state)
            for other, told in self.messages.items()
            if other != key and other[1:] == (step_id, to) and self.parts[other[0]].session == session
        ]
        return any(
            state == "sent"
            or (
                state == "waiting"
                and self.ids[other] < self.ids[key]
                and not (message.trigger == Trigger.ENDS and part.missed)
            )
            for other, part, state in others
        )

    def why_not(self, key: Key, message: Message, now: datetime) -> str:
        known, part = self.flows[message.flow], self.parts[key[0]]
        if known is None:
            return "The workflow was deleted"
        draft, is_paused = known
        step = self.step(message.flow, key[1])
        reasons = {
            "The workflow is paused": is_paused,
            "The message was taken out of the workflow": step is None,
            OTHER_MOMENT: message.trigger != draft.trigger,
            "Its booking page does not use this workflow any more": not self.is_for(message.flow, key[0]),
            OTHERS: step is not None and self.key(key[0], step) != key,
            "Told once for the whole session": self.is_told_by_another(key, message),
            NO_SHOW: message.trigger == Trigger.ENDS and part.missed,
            "Too late: the meeting has begun": message.trigger == Trigger.BEFORE_START and now >= part.start,
            "Too late: the meeting is over": message.trigger
            in {Trigger.BOOKED, Trigger.STARTS, Trigger.RESCHEDULED}
            and now >= (max(part.end, message.due) if message.trigger == Trigger.STARTS else part.end),
            "Too late: its time was more than three days ago": message.trigger
            in {Trigger.ENDS, Trigger.CANCELLED, Trigger.NO_SHOW}
            and now >= message.due + 3 * DAY,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")


class Story:
    """A workspace with a workflow for each moment, a page for one and a page of sessions, both of the first of two
    hosts, and a clock that jumps; what is done is told to the model too.
    """

    def __init__(self, seed: int, admin: Membership, hosts: Sequence[Membership], now: datetime) -> None:
        self.random, self.admin, self.now = Random(seed), admin, now
        self.hosts = [host.user for host in hosts]
        self.page_of = hosts[0].user_id
        self.link = make_link(hosts[0], booking_window_days=60)
        self.sessions = make_link(hosts[0], booking_window_days=60, strategy="group", capacity=SEATS)
        self.model = Model()
        self.done: Counter[str] = Counter()
        self.keys: dict[UUID, Key] = {}
        for trigger in Trigger:
            self.learn(make_workflow(admin, trigger, self.message(), self.message(), now=now))
        # One of each host's own: of whose page it is, and of who never has one. He may be given meetings, no page.
        for host in hosts:
            trigger = self.random.choice(list(Trigger))
            self.learn(make_workflow(host, trigger, self.message(), now=now, is_own=True))

    def message(self) -> StepDraft:
        to = self.random.choice((To.BOOKER, To.BOOKER, To.HOST, To.ADDRESS))
        delay = self.random.choice((timedelta(), HOUR, 3 * HOUR, DAY))
        address = "desk@example.com" if to == To.ADDRESS else ""
        return step_of(delay, to, subject=f"Wording {self.random.randrange(10**6)}", address=address)

    def learn(self, workflow: Workflow) -> None:
        steps = tuple(step_draft(step) for step in workflow.steps.all())
        draft = WorkflowDraft(workflow.name, Trigger(workflow.trigger), steps, workflow.every_link)
        self.model.flows[workflow.pk] = draft, workflow.is_paused
        if workflow.owner_id:
            self.model.owners[workflow.pk] = workflow.owner_id

    def part(self, attendee: Attendee) -> UUID:
        booking = attendee.booking
        of = attendee.email, booking.host.email, booking.pk if booking.is_group else None
        part = Part(booking.starts_at, booking.ends_at, *of, page_of=self.page_of)
        self.model.parts[attendee.pk] = part
        return attendee.pk

    def chosen(self, *, begun: bool) -> Attendee | None:
        found = Attendee.objects.filter(status=Booking.Status.CONFIRMED).select_related("booking__host")
        fit = [each for each in found if (each.booking.starts_at <= self.now) == begun]
        fit.sort(key=lambda each: (each.booking.starts_at, each.email))
        return self.random.choice(fit) if fit else None

    def start(self) -> datetime:
        day = self.now.replace(minute=0) + self.random.randrange(1, 6) * DAY
        return day.replace(hour=self.random.randrange(8, 16))

    def book(self) -> None:
        made = make_booking(self.link, self.start(), self.now, email=f"{uuid4().hex[:8]}@example.com")
        self.model.plan(self.part(made.booker), AHEAD | {Trigger.BOOKED}, self.now)

    def join(self) -> None:
        """A seat of a session: of one that others come to, where there is one."""
        there = Booking.objects.filter(link=self.sessions, status="confirmed", starts_at__gt=self.now)
        starts = list(there.order_by("starts_at").values_list("starts_at", flat=True)) or [self.start()]
        email = f"{uuid4().hex[:8]}@example.com"
        start = self.random.choice(starts if self.random.random() < 0.7 else [self.start()])
        session = make_booking(self.sessions, start, self.now, email=email)
        seat = next(each for each in session.company if each.email == email)
        self.done["joined"] += len(session.company) > 1
        self.model.plan(self.part(seat), AHEAD | {Trigger.BOOKED}, self.now)

    def move(self) -> None:
        if chosen := self.chosen(begun=False):
            if self.random.random() < 0.5:
                moved = service.reschedule(attendee=chosen, start=self.start(), now=self.now)
                self.model.move(chosen.pk, self.part(moved), self.now)
                return
            before = {each.email: each.pk for each in chosen.booking.company}
            by = {"booking": chosen.booking, "actor": self.admin.user}
            after = hosting.propose(**by, start=self.start(), message="", now=self.now).company
            assert before.keys() == {each.email for each in after}, "everybody comes along"
            for each in after:
                self.model.move(before[each.email], self.part(each), self.now)

    def cancel(self) -> None:
        if chosen := self.chosen(begun=False):
            if self.random.random() < 0.5:
                service.cancel_by_booker(attendee=chosen, reason="", now=self.now)
                self.model.cancel(chosen.pk, self.now)
                return
            company, by = chosen.booking.company, self.admin.user
            service.cancel_by_host(booking=chosen.booking, reason="", actor=by, now=self.now)
            for each in company:
                self.model.cancel(each.pk, self.now)

    def hand_over(self) -> None:
        if chosen := self.chosen(begun=False):
            (other,) = (host for host in self.hosts if host != chosen.booking.host)
            hosting.reassign(booking=chosen.booking, host=other, actor=self.admin.user, now=self.now)
            for each in chosen.booking.company:
                self.model.hand_over(each.pk, other.email)
                self.done["handed over"] += 1

    def mark(self) -> None:
        marks = Booking.Attendance
        missed = [key for key, part in self.model.parts.items() if part.missed]
        if missed and self.random.random() < 0.5:
            chosen = Attendee.objects.select_related("booking").get(pk=missed[-1])
        else:
            chosen = self.chosen(begun=True)
        if chosen and chosen.booking.starts_at <= self.now:
            mark = self.random.choice((marks.NO_SHOW, marks.ATTENDED, marks.UNMARKED))
            attendance.mark(attendee=chosen, attendance=mark, actor=self.admin.user, now=self.now)
            if mark != chosen.no_show_status:
                self.model.mark(chosen.pk, mark == marks.NO_SHOW, self.now)

    def edit(self) -> None:
        """Change one thing of a workflow: a message, their number, the moment, its links; pause or delete it."""
        there = Workflow.objects.filter(deleted_at=None).order_by("created_at", "trigger", "pk")
        workflow = self.random.choice(list(there))
        by = {"workflow_id": workflow.pk, "by": self.admin, "now": self.now}
        known = self.model.flows[workflow.pk]
        assert known
        draft, steps = known[0], list(known[0].steps)
        kinds = ("message", "message", "message", "more", "fewer", "moment", "reach", "off", "end")
        undone = ["off"] * workflow.is_paused + ["reach"] * (not draft.every_link)
        match self.random.choice(undone if undone and self.random.random() < 0.5 else kinds):
            case "off":
                self.learn(edits.pause(**by, is_paused=not workflow.is_paused))
                return
            case "end" if len(there) > 4:
                edits.delete(**by)
                self.model.flows[workflow.pk] = None
                self.model.follow(workflow.pk)
                return
            case "message":
                number = self.random.randrange(len(steps))
                steps[number] = replace(self.message(), id=steps[number].id)
            case "more":
                steps.append(self.message())
            case "fewer" if len(steps) > 1:
                steps.pop(self.random.randrange(len(steps)))
            case "moment":
                draft = replace(draft, trigger=self.random.choice(list(Trigger)))
            case "reach":
                draft = replace(draft, every_link=not draft.every_link)
        saved = edits.save(**by, draft=replace(draft, steps=tuple(steps)), links=())
        self.learn(Workflow.objects.get(pk=saved.workflow.pk))
        self.model.follow(workflow.pk)

    def deliver(self) -> None:
        # Those of a session's seats would hold up the workflows' in an order that the model does not know.
        OutboxMessage.objects.exclude(kind__startswith="workflow:").delete()
        deliver(self.now)
        self.model.deliver(self.now)

    def check(self) -> None:
        """Every message is as the model has it, and in the mail as often as it was sent: once."""
        runs = WorkflowRun.objects.select_related("message").defer("message__payload")
        for run in runs.exclude(pk__in=self.keys):
            assert run.step_id
            self.keys[run.pk] = key = run.attendee_id, run.step_id, run.recipient
            self.model.ids[key], self.model.made[key] = run.pk, run.message.created_at
        now_there = {
            self.keys[run.pk]: (
                "sent" if run.message.sent_at else run.message.skip_reason or "waiting",
                run.due_at,
            )
            for run in runs
        }
        early = [run for run in runs if run.message.available_at != run.due_at]
        assert all(now_there[self.keys[run.pk]][0] != "waiting" for run in early), "goes out when it is due"
        messages = self.model.messages.items()
        assert now_there == {key: (message.state, message.due) for key, message in messages}
        ids = {f"<{run.message_id}@localhost>": self.keys[run.pk] for run in runs}
        mails = [mail for mail in outbox.outbox if mail.extra_headers["Message-ID"] in ids]
        went = Counter((ids[mail.extra_headers["Message-ID"]], mail.subject) for mail in mails)
        assert went == Counter((key, message.said) for key, message in messages if message.state == "sent")


@pytest.mark.parametrize("seed", range(8))
def test_a_random_life_sends_each_message_once_and_only_while_it_holds(
    seed: int,
    dana: Membership,
    alice: Membership,
    bob: Membership,
    NOW: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story(seed, dana, [alice, bob], NOW)
    often = [story.book, story.join, story.deliver, story.deliver]
    seldom = [story.move, story.cancel, story.hand_over, story.mark, story.mark, story.edit, story.edit]
    steps = [*often, *often, story.join, *seldom, story.hand_over]
    monkeypatch.setattr(effects, "BATCH", 1000)  # So that what is due at once is one batch, whatever else is.
    for _step in range(60):
        story.now += story.random.choice(JUMPS)
        try:
            story.random.choice(steps)()
        except SlotTaken:
            continue
        story.check()
    story.now += 30 * DAY
    story.deliver()
    story.check()
    states = {message.state for message in story.model.messages.values()}
    assert "waiting" not in states, "forgotten"
    assert "sent" in states
    assert story.done["joined"] or story.done["handed over"]


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
