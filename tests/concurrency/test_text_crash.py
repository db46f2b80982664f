"""The worker killed in the middle of a text: the carrier has it, and nobody here knows. Every text arrives, and once.

Twilio knows no key by which it would take the same request only once: what a dead worker may have handed over is looked
for among its messages by number, words and time.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db.models import F

from tests.conftest import Figures
from tests.factories import MembershipFactory, UserFactory
from tests.fakes.twilio import ACCOUNT, FROM, TOKEN, FakeTwilio
from tests.servers import CELERY, Installation, wait_until
from workestra.accounts.models import Workspace
from workestra.notifications.effects import LEASE
from workestra.notifications.models import OutboxMessage
from workestra.sms.models import SentText
from workestra.sms.services import enter_number

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

TEXTS, KILLS = 30, 3
NEVER_LOOKING = "tests.concurrency.never_looking:app"


@pytest.fixture
def twilio(installation: Installation) -> Iterator[FakeTwilio]:
    """A carrier that takes its time, so that a text has a middle to be killed in."""
    fake = FakeTwilio()
    fake.delay = 0.1
    with fake.running():
        installation.environment |= {
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": FROM,
            "TWILIO_API_URL": fake.url,
            "SMS_COUNTRIES": "US,DE",
        }
        yield fake


@pytest.fixture
def numbers(transactional_db: None, workspace: Workspace) -> list[str]:
    """Numbers that are owed a text each: the code that proves them."""
    now, numbers = datetime.now(UTC), [f"+4915112345{number:03}" for number in range(TEXTS)]
    for number in numbers:
        enter_number(by=MembershipFactory(workspace=workspace, user=UserFactory()), number=number, now=now)
    return numbers


def kill_in_mid_text(installation: Installation, twilio: FakeTwilio, application: str) -> None:
    """Start a worker, and kill it while the carrier has a text in hand that is not answered yet; so many times. What it
    leased is free without the time of waiting."""
    installation.start_broker()
    for kill in range(1, KILLS + 1):
        worker = installation.start_worker(application)
        wait_until(
            lambda wanted=6 * kill: len(twilio.messages) >= wanted and twilio._at_once > 0, 60, "texts arrive"
        )
        installation.kill(worker)
        wait_until(lambda: twilio._at_once == 0, 10, "the carrier has done what it was asked")
        leased = OutboxMessage.objects.filter(leased_until__isnull=False)
        leased.update(leased_until=F("leased_until") - LEASE)
    assert SentText.objects.filter(handed_at__isnull=False, sid="").exists(), "killed in the middle"
    installation.start_worker(application)
    wait_until(lambda: not OutboxMessage.objects.filter(sent_at=None).exists(), 60, "the rest goes out")


def test_a_worker_killed_in_mid_text_loses_none_and_repeats_none(
    installation: Installation, twilio: FakeTwilio, numbers: list[str], figures: Figures
) -> None:
    kill_in_mid_text(installation, twilio, CELERY)
    assert Counter(number for number, _body in twilio.sent) == Counter(numbers)
    kept = SentText.objects.values_list("sid", flat=True)
    assert sorted(kept) == sorted(message["sid"] for message in twilio.messages)
    looked = len(twilio.asked("GET"))
    assert looked
    figures(f"{KILLS} kills in the middle of {TEXTS} texts: each once, {looked} looked for at the carrier")


def test_control_workers_that_do_not_look_hand_texts_over_twice(
    installation: Installation, twilio: FakeTwilio, numbers: list[str]
) -> None:
    kill_in_mid_text(installation, twilio, NEVER_LOOKING)
    came = Counter(number for number, _body in twilio.sent)
    assert set(came) == set(numbers)
    assert came.total() > TEXTS
