"""Whatever is done in whatever order, the product does what a model of a few lines does, and no invariant breaks.

Small in every run. `make stress` takes 10,000 steps with each of five seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from bookings.models import Attendee, Booking
from bookings.services import booking as bookings
from bookings.services import hosting
from bookings.services.booking import Booker, BookingClosed
from one_off import effects
from one_off import services as one_offs
from one_off.models import OneOff
from scheduling.models import BookingLink, BusyTime
from scheduling.services.busy_time import SlotTaken
from tests.conftest import Figures
from tests.factories import MembershipFactory, UserFactory, WorkspaceFactory, make_link
from tests.one_off.making import make_one_off
from workestra.calendars.domain.period import Period
from workestra.invariants.selectors import broken_invariants

HALF_HOUR = timedelta(minutes=30)
STARTS = 8
SEATS = 2
ALL_DAY = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]


@dataclass
class Taken:
    """Time of a host in the model."""

    host: UUID
    start: int
    length: int
    owner: UUID


@dataclass
class Offer:
    """A one-off in the model: its times by number, whether it holds them, and what became of it."""

    one_off: OneOff
    starts: list[int]
    held: bool
    state: str = "open"


@dataclass
class Meeting:
    """What one attendee has in the model: a meeting of his own, or a seat of a session."""

    attendee: Attendee
    link: str
    hosts: list[UUID]
    start: int
    stands: bool = True


@dataclass
class Model:
    taken: list[Taken] = field(default_factory=list)
    turns: dict[UUID, int] = field(default_factory=dict)

    def free(self, host: UUID, start: int, length: int, without: UUID | None = None) -> bool:
        return not any(
            each.host == host
            and each.owner != without
            and each.start < start + length
            and start < each.start + each.length
            for each in self.taken
        )

    def release(self, owner: UUID) -> None:
        self.taken = [each for each in self.taken if each.owner != owner]


starts = st.integers(0, STARTS - 1)


class Product(RuleBasedStateMachine):
    """Two hosts, a link of one of them, a pool of both, one that needs both, one of seats, and one-offs.

    They take half an hour or a whole one.
    """

    steps: ClassVar[int] = 0
    meetings = Bundle("meetings")
    offers = Bundle("offers")

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block._from_testcase = True  # type: ignore[attr-defined]  So that services may begin their own.
        self.block.__enter__()
        self.now = timezone.now()
        self.day = (self.now + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
        workspace = WorkspaceFactory()
        self.hosts = sorted(
            (MembershipFactory(workspace=workspace, user=UserFactory(timezone="UTC")) for _ in range(2)),
            key=lambda member: member.user_id,
        )
        self.lengths = {"own": 1, "pool": 2, "both": 1, "seats": 2}
        self.links = {
            "own": self._link(1, None),
            "pool": self._link(2, self.hosts),
            "both": self._link(1, self.hosts, strategy=BookingLink.Strategy.COLLECTIVE),
            "seats": self._link(2, None, strategy=BookingLink.Strategy.GROUP, capacity=SEATS),
        }
        self.model = Model(turns={member.user_id: 0 for member in self.hosts})
        self.made: list[Meeting] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def _link(self, length: int, hosts: list[Any] | None, **more: Any) -> BookingLink:
        return make_link(
            self.hosts[0],
            hosts=hosts,
            timezone="UTC",
            weekly_hours=ALL_DAY,
            duration_minutes=30 * length,
            slot_interval_minutes=30,
            **more,
        )

    def at(self, number: int) -> datetime:
        return self.day + number * HALF_HOUR

    def period(self, number: int) -> Period:
        return Period.lasting(self.at(number), HALF_HOUR)

    def does(self, expected: type[Exception] | None, act: Callable[[], Any]) -> Any:
        """What the product gives; it raises what the model says it does."""
        type(self).steps += 1
        if expected is None:
            return act()
        with pytest.raises(expected):
            act()
        return None

    def company(self, booking: UUID) -> list[Meeting]:
        """Those who come to a booking: one at most, but to a session."""
        return [each for each in self.made if each.stands and each.attendee.booking_id == booking]

    def session(self, start: int) -> list[Meeting]:
        """Those who come to the session that begins then; none when there is no session."""
        return [each for each in self.made if each.stands and (each.link, each.start) == ("seats", start)]

    def who_could(self, link: str, start: int, without: UUID | None = None) -> list[UUID]:
        """The hosts whom somebody who asks the page for this start would meet; none when he gets nobody."""
        own, both = self.hosts[0].user_id, [member.user_id for member in self.hosts]
        if link == "seats" and (session := self.session(start)):
            # A session that was handed to somebody whom the page does not have takes nobody in any more.
            return session[0].hosts if session[0].hosts == [own] and len(session) < SEATS else []
        if link == "pool":
            both.sort(key=lambda host: (self.model.turns[host], host))
        asked = both if link in {"pool", "both"} else [own]
        free = [host for host in asked if self.model.free(host, start, self.lengths[link], without)]
        if link == "both" and len(free) < len(both):
            return []
        return free[:1] if link == "pool" else free

    def take(self, hosts: list[UUID], start: int, length: int, owner: UUID) -> None:
        """These hosts have no time for anybody else; a session has it already when somebody joins."""
        self.model.release(owner)
        self.model.taken += [Taken(host, start, length, owner) for host in hosts]

    @rule(target=meetings, link=st.sampled_from(["own", "pool", "both", "seats"]), start=starts)
    def book(self, link: str, start: int) -> Any:
        hosts = self.who_could(link, start)
        booker = Booker(name="Priya", email=f"{uuid4().hex}@x.example", timezone="UTC")
        made: Attendee | None = self.does(
            None if hosts else SlotTaken,
            lambda: bookings.book(
                link=self.links[link], start=self.at(start), booker=booker, nonce=uuid4(), now=self.now
            ),
        )
        if made is None:
            return multiple()
        assert made.booking.host_ids == set(hosts)
        if link == "pool":
            self.model.turns[hosts[0]] = max(self.model.turns.values()) + 1
        self.take(hosts, start, self.lengths[link], made.booking_id)
        self.made.append(Meeting(made, link, hosts, start))
        return self.made[-1]

    @rule(target=meetings, meeting=meetings)
    def book_the_same(self, meeting: Meeting) -> Any:
        """Somebody else wants what one has: to a session he may come along."""
        return self.book(meeting.link, meeting.start)

    @rule(meeting=meetings)
    def cancel(self, meeting: Meeting) -> None:
        owner = meeting.attendee.booking_id
        self.does(
            None if meeting.stands else BookingClosed,
            lambda: bookings.cancel_by_booker(attendee=now_of(meeting), reason="", now=self.now),
        )
        meeting.stands = False
        if not self.company(owner):
            self.model.release(owner)

    @rule(meeting=meetings)
    def call_off(self, meeting: Meeting) -> None:
        """Its host cancels it for everybody who comes."""
        booking = now_of(meeting).booking
        company = self.company(booking.pk)
        self.does(
            None if company else BookingClosed,
            lambda: bookings.cancel_by_host(booking=booking, reason="", actor=booking.host, now=self.now),
        )
        for each in company:
            each.stands = False
        self.model.release(booking.pk)

    @rule(meeting=meetings, start=starts)
    def reschedule(self, meeting: Meeting, start: int) -> None:
        length, owner = self.lengths[meeting.link], meeting.attendee.booking_id
        company = self.company(owner)
        hosts = self.who_could_move(meeting, start, without=owner if len(company) == 1 else None)
        expected: type[Exception] | None = None
        if not meeting.stands:
            expected = BookingClosed
        elif not hosts or (meeting.link == "seats" and meeting.start == start):
            expected = SlotTaken
        moved: Attendee | None = self.does(
            expected,
            lambda: bookings.reschedule(attendee=now_of(meeting), start=self.at(start), now=self.now),
        )
        if moved is not None:
            assert moved.ics_sequence == meeting.attendee.ics_sequence + 1
            assert moved.booking.host_ids == set(hosts)
            if len(company) == 1:
                self.model.release(owner)
            self.take(hosts, start, length, moved.booking_id)
            meeting.attendee, meeting.start, meeting.hosts = moved, start, hosts

    def who_could_move(self, meeting: Meeting, start: int, without: UUID | None) -> list[UUID]:
        """The hosts with whom its booker would find himself: his own, or where he meets all of his page's, these."""
        if meeting.link in {"both", "seats"}:
            return self.who_could(meeting.link, start, without)
        (host,) = meeting.hosts
        return [host] if self.model.free(host, start, self.lengths[meeting.link], without) else []

    @rule(meeting=meetings, start=starts)
    def propose(self, meeting: Meeting, start: int) -> None:
        """Its host moves it with everybody who comes, whatever its page says."""
        length, booking = self.lengths[meeting.link], now_of(meeting).booking
        company = self.company(booking.pk)
        hosts = company[0].hosts if company else []
        expected: type[Exception] | None = None
        if not company:
            expected = BookingClosed
        elif (
            start == company[0].start
            or (meeting.link == "seats" and self.session(start))
            or not all(self.model.free(host, start, length, without=booking.pk) for host in hosts)
        ):
            expected = SlotTaken
        moved: Booking | None = self.does(
            expected,
            lambda: hosting.propose(
                booking=booking, start=self.at(start), message="", actor=booking.host, now=self.now
            ),
        )
        if moved is not None:
            self.model.release(booking.pk)
            self.take(hosts, start, length, moved.pk)
            self.told(company, moved)
            for each in company:
                each.start = start

    @rule(meeting=meetings, to=st.integers(0, 1))
    def reassign(self, meeting: Meeting, to: int) -> None:
        length, booking, host = self.lengths[meeting.link], now_of(meeting).booking, self.hosts[to].user
        company = self.company(booking.pk)
        expected: type[Exception] | None = None
        if not company:
            expected = BookingClosed
        elif meeting.link == "both" or host.pk == company[0].hosts[0]:
            expected = hosting.NotToBeHandedOver
        elif not self.model.free(host.pk, company[0].start, length):
            expected = SlotTaken
        given: Booking | None = self.does(
            expected,
            lambda: hosting.reassign(booking=booking, host=host, actor=booking.host, now=self.now),
        )
        if given is not None:
            self.take([host.pk], company[0].start, length, booking.pk)
            self.told(company, given)
            for each in company:
                each.hosts = [host.pk]

    def told(self, company: list[Meeting], booking: Booking) -> None:
        """Everybody who comes is at the booking now, and his calendar will believe it."""
        at = {attendee.email: attendee for attendee in booking.company}
        assert set(at) == {each.attendee.email for each in company}
        for each in company:
            attendee = at[each.attendee.email]
            assert attendee.ics_sequence == each.attendee.ics_sequence + 1
            each.attendee = attendee

    @rule(target=offers, times=st.lists(starts, min_size=1, max_size=3, unique=True), held=st.booleans())
    def offer(self, times: list[int], held: bool) -> Any:
        host = self.hosts[0]
        is_free = all(self.model.free(host.user_id, start, 1) for start in times)
        made: OneOff | None = self.does(
            None if is_free or not held else SlotTaken,
            lambda: make_one_off(
                host, self.now, periods=tuple(self.period(start) for start in sorted(times)), reserve=held
            ),
        )
        if made is None:
            return multiple()
        if held:
            self.model.taken += [Taken(host.user_id, start, 1, made.pk) for start in times]
        return Offer(made, sorted(times), held)

    @rule(offer=offers, which=st.integers(0, 2))
    def pick(self, offer: Offer, which: int) -> None:
        number, host = which % len(offer.starts), self.hosts[0].user_id
        start = offer.starts[number]
        expected: type[Exception] | None = None
        if offer.state != "open":
            expected = one_offs.OneOffClosed
        elif not self.model.free(host, start, 1, without=offer.one_off.pk):
            expected = SlotTaken
        current = OneOff.objects.get(pk=offer.one_off.pk)
        slot = current.slots.all()[number]
        booker = Booker(name="Tomás", email=f"{uuid4().hex}@x.example", timezone="UTC")
        picked: Attendee | None = self.does(
            expected,
            lambda: one_offs.pick(
                one_off=current, slot_id=slot.pk, booker=booker, nonce=uuid4(), now=self.now
            ),
        )
        if picked is not None:
            offer.state = "booked"
            self.model.release(offer.one_off.pk)
            self.model.taken.append(Taken(host, start, 1, picked.booking_id))

    @rule(offer=offers)
    def withdraw(self, offer: Offer) -> None:
        can = offer.state in {"open", "withdrawn"}
        self.does(
            None if can else one_offs.OneOffClosed,
            lambda: one_offs.withdraw(
                one_off=OneOff.objects.get(pk=offer.one_off.pk), actor=self.hosts[0].user, now=self.now
            ),
        )
        if can:
            offer.state = "withdrawn"
            self.model.release(offer.one_off.pk)

    @rule(offer=offers)
    def expire(self, offer: Offer) -> None:
        """Its closing time passes. Nothing has to come by for its times to be free."""
        if offer.state != "open":
            return
        over = self.now - timedelta(seconds=1)
        OneOff.objects.filter(pk=offer.one_off.pk).update(expires_at=over)
        BusyTime.objects.filter(owner_key=offer.one_off.pk, active=True).update(expires_at=over)
        offer.state = "expired"
        self.model.release(offer.one_off.pk)

    @rule()
    def tidy_up(self) -> None:
        effects.expire_over(self.now)

    @invariant()
    def nothing_is_broken(self) -> None:
        assert not (broken := broken_invariants()), "\n".join(map(str, broken))

    @invariant()
    def what_is_taken_is_what_the_model_says(self) -> None:
        rows = BusyTime.objects.filter(active=True).exclude(expires_at__lt=self.now)
        taken = {(row.host_id, row.owner_key, row.during.lower, row.during.upper) for row in rows}
        assert taken == {
            (each.host, each.owner, self.at(each.start), self.at(each.start + each.length))
            for each in self.model.taken
        }

    @invariant()
    def who_comes_is_who_the_model_says(self) -> None:
        coming = Attendee.objects.filter(status="confirmed", booking__link__isnull=False)
        assert set(coming.values_list("pk", "booking__starts_at")) == {
            (each.attendee.pk, self.at(each.start)) for each in self.made if each.stands
        }


def now_of(meeting: Meeting) -> Attendee:
    """Its attendee as a page that is opened now finds him, with his booking."""
    return Attendee.objects.select_related("booking").get(pk=meeting.attendee.pk)


def run(examples: int, steps: int) -> int:
    """Steps that were taken."""
    Product.steps = 0
    run_state_machine_as_test(
        Product,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Product.steps


@pytest.mark.django_db
def test_the_product_does_what_the_model_does() -> None:
    seed(1)(Product)
    assert run(examples=12, steps=25) > 50


@pytest.mark.stress
@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_the_product_does_what_the_model_does_for_ten_thousand_steps(number: int, figures: Figures) -> None:
    seed(number)(Product)
    steps = run(examples=440, steps=40)
    figures(f"R2: seed {number}: {steps} steps, no break")
    assert steps >= 10_000
