"""Answers that are erased when the workspace has kept them for as long as it wants to."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse

from bookings.models import AnswerFile, Attendee
from bookings.services import booking as bookings
from bookings.services.answer_files import keep
from bookings.services.booking import Booker
from bookings.storage import read
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import make_booking
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.notifications.models import OutboxMessage
from workestra.privacy import jobs, services
from workestra.privacy.models import Retention
from workestra.uploads.kinds import Kind
from workestra.uploads.taking import Upload

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock(NOW: datetime) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def moved(link: BookingLink, NOW: datetime, settings: Any, tmp_path: Path) -> tuple[Attendee, Attendee]:
    """Who answered with a file, as he was at his first time, and as he is at the second, a week later."""
    settings.UPLOADS_ROOT = str(tmp_path)
    upload = Upload("deck.png", Kind.PNG, b"deck")
    file = keep(link=link, question="Deck", upload=upload, now=NOW)
    answers = [{"label": "Deck", "answer": "deck.png", "file": str(file.id)}]
    booker = Booker("Priya Raman", "priya@saltmarsh.example", "Europe/Berlin", notes="Soon.", answers=answers)
    first = bookings.book(link=link, start=NOW + DAY, booker=booker, nonce=uuid4(), now=NOW)
    second = bookings.reschedule(attendee=first, start=NOW + 8 * DAY, now=NOW)
    OutboxMessage.objects.update(payload=b"sealed")
    return first, second


def test_answers_go_when_the_last_meeting_is_over_for_so_long_and_the_rest_stays(
    moved: tuple[Attendee, Attendee],
    link: BookingLink,
    dana: Membership,
    NOW: datetime,
    django_capture_on_commit_callbacks: Any,
) -> None:
    second = moved[1]
    file = AnswerFile.objects.get()
    other = make_booking(link, NOW + 2 * DAY, NOW, email="tom@x.example").booker
    over = second.booking.ends_at + 3 * DAY
    assert services.erase_old_answers(over + 100 * DAY) == 0, "off until somebody says so"
    services.keep_answers_for(days=3, by=dana, now=NOW)
    assert services.erase_old_answers(over - timedelta(seconds=1)) == 0
    assert read(file.pk) == b"deck"
    with django_capture_on_commit_callbacks(execute=True):
        assert services.erase_old_answers(over) == 2
    assert read(file.pk) is None
    for attendee in moved:
        attendee.refresh_from_db()
        assert (attendee.answers, attendee.notes, attendee.answers_erased_at) == ([], "", over)
        assert attendee.email == "priya@saltmarsh.example"
    about = OutboxMessage.objects.filter(topic_id__in=[second.pk, second.booking_id])
    assert about.exists()
    assert not about.exclude(payload=None).exists(), "mails told of the answers"
    assert "priya@saltmarsh.example" in about.values_list("recipient", flat=True)
    other.refresh_from_db()
    assert other.answers_erased_at is None, "there was nothing to erase"
    assert services.erase_old_answers(over) == 0
    assert AuditEvent.objects.filter(action="privacy.answers_erased").count() == 1


def test_a_workspace_erases_its_own_answers_alone(
    moved: tuple[Attendee, Attendee], carol: Membership, clock: Any, NOW: datetime
) -> None:
    services.keep_answers_for(days=1, by=carol, now=NOW)
    clock.move_to(NOW + 100 * DAY)
    jobs.erase_old_answers()
    assert not Attendee.objects.exclude(answers_erased_at=None).exists()


def test_an_admin_says_for_how_long(dana: Membership, alice: Membership) -> None:
    url, client = reverse("privacy:answers"), signed_in(dana)
    for typed in ("0", "3651", "soon"):
        refused = client.post(url, {"days": typed})
        assert refused.status_code == 422
        assert f'value="{typed}"' in refused.content.decode()
    assert signed_in(alice).post(url, {"days": "90"}).status_code == 403
    assert not Retention.objects.exists()
    assert client.post(url, {"days": "90"}).status_code == 302
    assert "Erased 90 days after the meeting" in client.get(reverse("privacy:privacy")).content.decode()
    assert client.post(url, {"days": ""}).status_code == 302
    assert not Retention.objects.exists()
    said = AuditEvent.objects.filter(action="privacy.saved").order_by("pk").values_list("after", flat=True)
    assert sorted(said, key=str) == [{"days": 90}, {"days": None}]
