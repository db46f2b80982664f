"""Sixty people press Book at the same moment, on the real server: one is confirmed, the others get other times."""

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import requests

from bookings.models import Booking
from scheduling import selectors as scheduling
from scheduling.models import BookingLink, BusyTime
from tests.concurrency.conftest import without_the_constraint
from tests.factories import make_link
from tests.pages import form_posting
from tests.servers import Installation
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.notifications.models import OutboxMessage

CROWD = 60
UNGUARDED = "tests.concurrency.unguarded:application"


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


def first_start(link: BookingLink) -> datetime:
    now = datetime.now(UTC)
    return scheduling.open_slots_of(link, Period(now, now + timedelta(days=8)), now)[3].start


def rush(installation: Installation, link: BookingLink, start: datetime) -> list[Answer]:
    """What each of the crowd is answered: all have the form open before the first one sends it."""
    address = f"{installation.url}/book/{link.slug}/details"
    ready = threading.Barrier(CROWD)

    def one(number: int) -> Answer:
        with requests.Session() as browser:
            page = browser.get(
                address, params={"start": start.isoformat(), "tz": "Europe/Berlin"}, timeout=60
            )
            assert page.status_code == 200, page.text[:500]
            form = form_posting(page.text, "nonce")
            values = form.values | {
                "name": f"Guest {number}",
                "email": f"guest{number}@x.example",
                "phone": "+49 30 1234",
                "notes": f"Typed by guest {number}",
            }
            ready.wait(timeout=120)
            answer = browser.post(page.url, data=values, timeout=60, headers={"Referer": page.url})
            return Answer(answer.status_code, answer.text)

    with ThreadPoolExecutor(CROWD) as threads:
        return list(threads.map(one, range(CROWD)))


@pytest.fixture
def link(transactional_db: None, alice: Membership) -> BookingLink:
    hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    return make_link(alice, slug="alice-discovery-call", weekly_hours=hours)


def test_of_sixty_posts_for_one_time_one_is_confirmed_and_the_rest_are_offered_other_times(
    installation: Installation, link: BookingLink
) -> None:
    installation.start_web(processes=4, threads=4)
    answers = rush(installation, link, first_start(link))
    assert Counter(answer.status for answer in answers) == {200: 1, 409: CROWD - 1}
    assert (
        Booking.objects.filter(status="confirmed").count()
        == BusyTime.objects.filter(active=True).count()
        == 1
    )
    assert OutboxMessage.objects.filter(kind__contains="confirmed").count() == 2
    for number, answer in enumerate(answers):
        if answer.status == 409:
            assert "was just taken" in answer.text
            assert f"Typed by guest {number}" in answer.text
            assert len(set(re.findall(r'datetime="([^"]+)"', answer.text))) > 1, "other times are offered"


def test_control_with_the_guards_gone_the_same_rush_double_books(
    installation: Installation, link: BookingLink
) -> None:
    with without_the_constraint():
        installation.start_web(UNGUARDED, processes=4, threads=4)
        answers = rush(installation, link, first_start(link))
        assert Counter(answer.status for answer in answers)[200] > 1
        assert Booking.objects.filter(status="confirmed").count() > 1
