"""Events of connected calendars on the pages that offer times: never offered, never asked for."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from bookings.models import Booking
from bookings.selectors import manage_token
from scheduling.domain.reasons import ReasonCode
from scheduling.models import BookingLink
from scheduling.selectors.times import open_starts_of, verdict_on
from scheduling.times_of_many import times_offered
from tests.calendars.making import MAIN, as_if_read, calendar_of, connect_google, mirror_busy
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from tests.fakes.google import FakeGoogle
from workestra.accounts.models import Membership
from workestra.calendars import effects, mirror
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, RemoteBusy, RemoteCalendar

pytestmark = pytest.mark.django_db

PAGE = reverse("calendars:accounts")
HALF = timedelta(minutes=30)


@pytest.fixture
def ten(NOW: datetime) -> datetime:
    """Tuesday at ten in Berlin."""
    return NOW.replace(hour=9) + timedelta(days=1)


@pytest.fixture
def account(alice: Membership, NOW: datetime, ten: datetime) -> CalendarAccount:
    """Alice's, read a moment ago: busy on Tuesday from ten to eleven."""
    account = connect_google(alice, None, NOW)
    as_if_read(NOW)
    mirror_busy(calendar_of(account), Period.lasting(ten, 2 * HALF))
    return account


def offered(link: BookingLink, day: datetime, now: datetime) -> list[datetime]:
    day = day.replace(hour=0)
    return open_starts_of(link, Period(day, day + timedelta(days=1)), now)


def test_an_event_takes_the_hosts_time_until_it_is_gone(
    link: BookingLink, account: CalendarAccount, ten: datetime, NOW: datetime
) -> None:
    free = offered(link, ten, NOW)
    assert not {ten, ten + HALF} & set(free)
    assert {ten - HALF, ten + 2 * HALF} <= set(free)
    (reason,) = verdict_on(link, ten, NOW).reasons
    assert (reason.code, "An event in the calendar 10:00" in reason.detail) == (ReasonCode.BUSY, True)
    assert times_offered([link], Period(ten, ten + timedelta(days=7)), NOW)[link.pk] == len(
        open_starts_of(link, Period(ten, ten + timedelta(days=7)), NOW)
    )
    RemoteBusy.objects.all().delete()
    assert {ten, ten + HALF} <= set(offered(link, ten, NOW))


def test_the_links_buffers_go_around_it(
    alice: Membership, account: CalendarAccount, ten: datetime, NOW: datetime
) -> None:
    link = make_link(alice, slug="with-buffer", buffer_after_minutes=30)
    assert ten - HALF not in offered(link, ten, NOW)
    assert ten - 2 * HALF in offered(link, ten, NOW)


def test_a_calendar_that_is_only_written_to_takes_no_time(
    link: BookingLink, account: CalendarAccount, ten: datetime, NOW: datetime
) -> None:
    RemoteCalendar.objects.filter(write_here=True).update(checked=False)
    assert ten in offered(link, ten, NOW)


def test_another_host_of_the_pool_takes_over(
    alice: Membership, bob: Membership, account: CalendarAccount, ten: datetime, NOW: datetime
) -> None:
    pool = make_link(alice, slug="pool", hosts=[alice, bob])
    assert ten in offered(pool, ten, NOW)
    for expected in (bob, None):
        if expected:
            assert make_booking(pool, ten, NOW).host == expected.user
    together = make_link(alice, slug="together", hosts=[alice, bob], strategy=BookingLink.Strategy.COLLECTIVE)
    assert ten + HALF not in offered(together, ten, NOW)


@pytest.mark.parametrize(
    ("policy", "hours", "is_open"),
    [("last_known", 12, True), ("last_known", 1, False), ("closed", 12, False), ("open", 1, True)],
)
def test_what_a_calendar_that_cannot_be_read_leaves_open_is_the_links_to_say(
    alice: Membership,
    account: CalendarAccount,
    ten: datetime,
    NOW: datetime,
    policy: str,
    hours: int,
    is_open: bool,
) -> None:
    link = make_link(alice, slug="policy", unreadable_policy=policy, unreadable_hours=hours)
    mirror.mark_broken(account, "Refused.", NOW)
    later = NOW + timedelta(hours=2)
    free = offered(link, ten, later)
    assert (ten + 2 * HALF in free) == is_open
    # What was last read counts in any case.
    assert ten not in free
    if not is_open:
        assert free == []
        codes = {reason.code for reason in verdict_on(link, ten + 2 * HALF, later).reasons}
        assert codes == {ReasonCode.UNREADABLE}


@pytest.mark.parametrize("policy", ["last_known", "closed"])
def test_a_calendar_that_was_never_read_is_not_free(
    alice: Membership, ten: datetime, NOW: datetime, policy: str
) -> None:
    link = make_link(alice, slug="policy", unreadable_policy=policy)
    assert offered(link, ten, NOW)
    connect_google(alice, None, NOW)
    assert offered(link, ten, NOW) == []


def test_pages_and_refusals_go_by_what_was_read_and_ask_nobody(
    client: Client, alice: Membership, link: BookingLink, google: FakeGoogle, ten: datetime, NOW: datetime
) -> None:
    google.events[MAIN.id].clear()
    google.add(
        MAIN.id, {"dateTime": ten.isoformat()}, {"dateTime": (ten + 2 * HALF).isoformat()}, summary="Dentist"
    )
    connect_google(alice, google, NOW)
    assert effects.read_due(NOW) == 1
    assert google.requests, "the control: reading does ask"
    google.calm()
    typed = {"name": "Priya Raman", "email": "priya@saltmarsh.example", "phone": "+49 30 123456"}
    address = reverse("bookings:details", args=[link.slug])

    def sent(start: datetime) -> Any:
        return client.post(address, typed | {"start": f"{start:%Y-%m-%dT%H:%MZ}", "nonce": str(uuid4())})

    with time_machine.travel(NOW, tick=False):
        day = {"date": f"{ten:%Y-%m-%d}", "tz": "UTC"}
        shown = client.get(reverse("bookings:book", args=[link.slug]), day)
        assert shown.status_code == 200
        assert b"Dentist" not in shown.content
        assert sent(ten).status_code == 409
        assert not Booking.objects.exists()
        form = client.get(address, {"start": f"{ten + 2 * HALF:%Y-%m-%dT%H:%MZ}"})
        assert form.status_code == 200
        booking = make_booking(link, ten + 2 * HALF, NOW)
        moving = reverse("bookings:reschedule", args=[booking.page_slug, manage_token(booking.booker)])
        assert client.get(moving).status_code in {200, 302}
        assert client.post(moving, {"start": f"{ten:%Y-%m-%dT%H:%MZ}"}).status_code == 409
        for page in (reverse("scheduling:explain", args=[link.pk]), reverse("bookings:console"), PAGE):
            assert signed_in(alice).get(page).status_code == 200
    assert google.requests == []
