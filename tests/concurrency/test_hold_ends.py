"""However a one-off ends, or an offer of other times for a booking, its times can be booked in the same instant, and
nothing of it is left: not a hold, not a placeholder once the provider is back."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.models import F, Max
from django.db.models.functions import Now
from django.utils import timezone

from bookings import jobs as booking_jobs
from bookings.models import Alternatives, Booking
from bookings.services import alternatives, hosting
from bookings.services import booking as bookings
from one_off import jobs, services, tasks
from one_off.domain.offers import Offer
from one_off.models import OneOff
from scheduling.models import BookingLink, BusyTime
from scheduling.services.busy_time import LockedHosts, SlotTaken
from tests.calendars.making import MAIN, as_if_read, connect_google
from tests.concurrency.conftest import assert_invariants
from tests.factories import MembershipFactory, make_booking, make_link
from tests.fakes.google import FakeGoogle
from tests.fakes.server import Answer
from tests.one_off.making import DAY, make_one_off, pick
from workestra.accounts.models import Membership
from workestra.calendars import writing
from workestra.calendars.domain.period import Period
from workestra.calendars.models import OwnEvent
from workestra.calendars.providers.google.calendar import GoogleCalendar
from workestra.calendars.providers.provider import ProviderEvent, WrittenEvent
from workestra.people import services as people

pytestmark = pytest.mark.django_db(transaction=True)

HALF = timedelta(minutes=30)
ENDS = ("pick", "expiry", "withdrawal", "change", "crash")
OFFER_ENDS = ("pick", "decline", "expiry", "withdrawal", "cancellation", "move", "handover", "crash")
ALWAYS = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]


@pytest.fixture
def google(settings: Any) -> Iterator[FakeGoogle]:
    fake = FakeGoogle()
    with fake.running():
        settings.GOOGLE_CLIENT_ID = FakeGoogle.client_id
        settings.GOOGLE_CLIENT_SECRET = FakeGoogle.client_secret
        settings.GOOGLE_TOKEN_URL, settings.GOOGLE_API_URL = f"{fake.url}/token", fake.url
        yield fake


def desk(member: Membership, fake: FakeGoogle, now: datetime) -> BookingLink:
    """Connects his calendar, and gives a link of his in another workspace, where he stays when he leaves this one."""
    connect_google(member, fake, now)
    as_if_read(now)
    return make_link(MembershipFactory(user=member.user), weekly_hours=ALWAYS, booking_window_days=365)


def offers(host: Membership, count: int, now: datetime) -> list[OneOff]:
    """Each of two times that are held, with a free half hour behind them."""
    first = now.replace(minute=0, second=0, microsecond=0) + DAY
    return [
        make_one_off(
            host,
            now,
            periods=[Period.lasting(first + (3 * number + index) * HALF, HALF) for index in range(2)],
            expires_at=now + 300 * DAY,
        )
        for number in range(count)
    ]


def end(one_off: OneOff, how: str, host: Membership, monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """End it; gives the times that are free by that."""
    now = timezone.now()
    free = [slot.starts_at for slot in one_off.slots.all()]
    match how:
        case "pick":
            pick(one_off, now)
            return free[1:]
        case "expiry":
            OneOff.objects.filter(pk=one_off.pk).update(expires_at=Now())
            BusyTime.objects.filter(owner_key=one_off.pk).update(expires_at=Now())
        case "withdrawal":
            services.withdraw(one_off=one_off, actor=host.user, now=now)
        case "change":
            offer = Offer(title="Later", periods=(Period.lasting(free[1] + HALF, HALF),), timezone="UTC")
            services.change(one_off=one_off, offer=offer, actor=host.user, now=now)
        case "crash":
            with monkeypatch.context() as patched:
                patched.setattr(LockedHosts, "free", killed_after(LockedHosts.free))
                with pytest.raises(DatabaseError):
                    services.withdraw(one_off=one_off, actor=host.user, now=now)
            connection.close()
            # Nothing of it was done; whoever tries again finds it as it was.
            assert BusyTime.objects.filter(owner_key=one_off.pk, active=True).count() == len(free)
            services.withdraw(one_off=one_off, actor=host.user, now=now)
    return free


def end_offer(
    offered: Alternatives, how: str, host: Membership, other: Membership, monkeypatch: pytest.MonkeyPatch
) -> list[datetime]:
    """End the offer of other times; gives the times that are free by that."""
    now = timezone.now()
    booking = offered.booking
    free = [time.starts_at for time in offered.times.all()]
    match how:
        case "pick":
            alternatives.pick(
                attendee=booking.booker, time_id=offered.times.all()[0].pk, timezone="", now=now
            )
            return free[1:]
        case "decline":
            alternatives.decline(attendee=booking.booker, answer="", is_content=True, now=now)
        case "expiry":
            Alternatives.objects.filter(pk=offered.pk).update(expires_at=Now())
            BusyTime.objects.filter(owner_key=booking.pk, kind=BusyTime.Kind.HOLD).update(expires_at=Now())
        case "withdrawal":
            alternatives.withdraw(booking=booking, actor=host.user, now=now)
        case "cancellation":
            bookings.cancel_by_host(booking=booking, actor=host.user, reason="", now=now)
        case "move":
            hosting.propose(booking=booking, start=free[1] + HALF, message="", actor=host.user, now=now)
        case "handover":
            hosting.reassign(booking=booking, host=other.user, actor=host.user, now=now)
        case "crash":
            with monkeypatch.context() as patched:
                patched.setattr(LockedHosts, "free_holds", killed_after(LockedHosts.free_holds))
                with pytest.raises(DatabaseError):
                    alternatives.withdraw(booking=booking, actor=host.user, now=now)
            connection.close()
            # Nothing of it was done; whoever tries again finds it as it was.
            held = BusyTime.objects.filter(owner_key=booking.pk, active=True, kind=BusyTime.Kind.HOLD)
            assert held.count() == len(free)
            alternatives.withdraw(booking=booking, actor=host.user, now=now)
    return free


def killed_after(free: Any) -> Any:
    def freed(*what: Any) -> None:
        free(*what)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    return freed


def write_all(now: datetime) -> int:
    """The reconciler's turns until nothing is due; how many rows it looked at."""
    OwnEvent.objects.update(due_at=Now() - HALF)
    looked = 0
    while more := writing.write_due(now):
        looked += more
    return looked


def placeholders(fake: FakeGoogle) -> int:
    return sum(event["summary"].startswith("[Workestra: hold") for event in fake.live(MAIN.id))


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(12, id="reduced", marks=pytest.mark.thorough),
        pytest.param(1000, id="full", marks=pytest.mark.stress),
    ],
)
def test_whatever_ends_a_one_off_its_times_are_free_at_once_and_nothing_of_it_is_left(
    alice: Membership,
    bob: Membership,
    dana: Membership,
    google: FakeGoogle,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    google.add_calendar(MAIN.id, MAIN.name)
    hers, his = desk(alice, google, now), desk(bob, google, now)
    leaving = offers(bob, size // 6, now)
    ending = offers(alice, size - len(leaving), now)
    assert write_all(now) == placeholders(google) == 2 * size

    google.fail(answer=Answer(503, {}), times=10_000_000)
    for one_off, how in zip(ending, islice(cycle(ENDS), len(ending)), strict=False):
        with pytest.raises(SlotTaken):
            make_booking(hers, one_off.slots.all()[0].starts_at, timezone.now())
        for start in end(one_off, how, alice, monkeypatch):
            make_booking(hers, start, timezone.now())
        if how == "change":
            services.withdraw(one_off=one_off, actor=alice.user, now=timezone.now())
    people.deactivate(member=bob, by=dana, now=timezone.now())
    for one_off in leaving:
        for slot in one_off.slots.all():
            make_booking(his, slot.starts_at, timezone.now())

    tasks.expire_one_offs()
    jobs.withdraw_of_leavers()
    assert not BusyTime.objects.filter(active=True, kind=BusyTime.Kind.HOLD).exists()
    assert not OneOff.objects.filter(state=OneOff.State.OPEN).exists()
    assert_invariants()

    write_all(now)
    assert placeholders(google) == 2 * size
    wait = OwnEvent.objects.filter(version__gt=F("written_version")).aggregate(
        longest=Max(F("due_at") - Now())
    )
    assert timedelta() < wait["longest"] <= timedelta(minutes=15)
    google.calm()
    write_all(now)
    assert placeholders(google) == 0
    assert not OwnEvent.objects.filter(dead_at__isnull=False).exists()
    assert len(google.live(MAIN.id)) == OneOff.objects.filter(state=OneOff.State.BOOKED).count()


def test_who_is_gone_without_anybodys_deactivating_him_holds_nothing_after_a_sweep(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    gone, stays = make_one_off(alice, NOW), make_one_off(bob, NOW)
    type(alice.user).objects.filter(pk=alice.user_id).update(is_active=False)
    jobs.withdraw_of_leavers()
    assert list(BusyTime.objects.filter(active=True).values_list("owner_key", flat=True).distinct()) == [
        stays.pk
    ]
    gone.refresh_from_db()
    assert gone.state == OneOff.State.WITHDRAWN


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(8, id="reduced", marks=pytest.mark.thorough),
        pytest.param(400, id="full", marks=pytest.mark.stress),
    ],
)
def test_whatever_ends_an_offer_of_other_times_they_are_free_at_once_and_nothing_of_it_is_left(
    alice: Membership, bob: Membership, google: FakeGoogle, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    google.add_calendar(MAIN.id, MAIN.name)
    connect_google(alice, google, now)
    as_if_read(now)
    hers = make_link(alice, weekly_hours=ALWAYS, booking_window_days=365)
    first = now.replace(minute=0, second=0, microsecond=0) + DAY
    offers = []
    for number in range(size):
        # The meeting, two times that are held, and one that a host's own move goes to.
        start = first + 4 * number * HALF
        booking = make_booking(hers, start, timezone.now())
        offers.append(
            alternatives.offer(
                booking=booking,
                starts=[start + HALF, start + 2 * HALF],
                message="",
                closes=timedelta(),
                actor=alice.user,
                now=timezone.now(),
            )
        )
    write_all(now)
    assert placeholders(google) == 2 * size

    google.fail(answer=Answer(503, {}), times=10_000_000)
    for offered, how in zip(offers, islice(cycle(OFFER_ENDS), size), strict=True):
        with pytest.raises(SlotTaken):
            make_booking(hers, offered.times.all()[0].starts_at, timezone.now())
        for start in end_offer(offered, how, alice, bob, monkeypatch):
            make_booking(hers, start, timezone.now())
    booking_jobs.expire_alternatives()
    assert not BusyTime.objects.filter(active=True, kind=BusyTime.Kind.HOLD).exists()
    assert not Alternatives.objects.filter(state=Alternatives.State.OPEN).exists()
    assert_invariants()

    write_all(now)
    assert placeholders(google) == 2 * size
    google.calm()
    write_all(now)
    assert placeholders(google) == 0
    assert not OwnEvent.objects.filter(dead_at__isnull=False).exists()
    theirs = Booking.objects.filter(status=Booking.Status.CONFIRMED, host=alice.user)
    assert len(google.live(MAIN.id)) == theirs.count()


def test_no_placeholder_outlives_an_answer_that_comes_while_it_is_being_written(
    alice: Membership, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    google.add_calendar(MAIN.id, MAIN.name)
    connect_google(alice, google, now)
    as_if_read(now)
    start = now.replace(minute=0, second=0, microsecond=0) + DAY
    booking = make_booking(make_link(alice, weekly_hours=ALWAYS), start, now)
    alternatives.offer(
        booking=booking, starts=[start + HALF], message="", closes=timedelta(), actor=alice.user, now=now
    )
    put = GoogleCalendar.put_event
    answered = []

    def answered_meanwhile(self: GoogleCalendar, calendar_id: str, event: ProviderEvent) -> WrittenEvent:
        if event.summary.startswith("[Workestra: hold") and not answered:
            answered.append(alternatives.withdraw(booking=booking, actor=alice.user, now=now))
        return put(self, calendar_id, event)

    monkeypatch.setattr(GoogleCalendar, "put_event", answered_meanwhile)
    write_all(now)
    assert answered
    assert placeholders(google) == 0
    assert_invariants()
