"""Files as answers: from the form to the members who may see them, through everything that may come between."""

import io
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from bookings import storage
from bookings.models import AnswerFile, Booking
from bookings.selectors import manage_token
from bookings.tasks import remove_unneeded_files
from scheduling.models import BookingLink
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_booking, make_link
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import renderer_of

pytestmark = pytest.mark.django_db(transaction=True)

BOOK = "/book/alice-discovery-call"
DETAILS = f"{BOOK}/details"
TEN = "2030-01-08T09:00Z"
QUESTIONS = [
    {"key": "deck", "label": "Your deck", "type": "file", "required": True, "options": []},
    {"key": "plan", "label": "Your plan", "type": "file", "required": False, "options": []},
]


@pytest.fixture(autouse=True)
def now() -> Iterator[Any]:
    with time_machine.travel(MONDAY_MORNING, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def root(settings: Any, tmp_path: Path) -> Path:
    settings.UPLOADS_ROOT = str(tmp_path / "uploads")
    return tmp_path / "uploads"


@pytest.fixture
def link(alice: Membership) -> BookingLink:
    return make_link(alice, slug="alice-discovery-call", questions=QUESTIONS)


def picture(name: str = "deck.png") -> SimpleUploadedFile:
    written = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(written, "PNG")
    return SimpleUploadedFile(name, written.getvalue(), "image/png")


def typed(**changes: Any) -> dict[str, Any]:
    return {
        "start": TEN,
        "tz": "Europe/Berlin",
        "nonce": str(uuid4()),
        "name": "Priya Raman",
        "email": "priya@saltmarsh.example",
        "phone": "+1 212 555 0142",
    } | changes


def book_with(client: Client, **changes: Any) -> Booking:
    response = client.post(DETAILS, typed(**{"q-deck": picture()} | changes))
    assert response.status_code == 303, response.content.decode()
    return Booking.objects.latest("created_at", "id")


def bytes_kept(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def file_url(booking: Booking, file: AnswerFile) -> str:
    return f"/calendar/bookings/{booking.pk}/files/{file.pk}"


def test_a_file_reaches_the_members_who_see_the_booking_and_nobody_else(
    client: Client, link: BookingLink, alice: Membership, bob: Membership, dana: Membership, carol: Membership
) -> None:
    page = client.get(f"{DETAILS}?start={TEN}").content.decode()
    assert 'enctype="multipart/form-data"' in page
    booking, file = book_with(client), AnswerFile.objects.get()
    assert booking.booker.answers == [
        {"label": "Your deck", "answer": "deck.png, 1 KB", "file": str(file.pk)},
    ]
    url = file_url(booking, file)
    for member in (alice, dana):
        response = signed_in(member).get(url)
        assert response.status_code == 200
        assert response["Content-Type"] == "image/png"
        assert response["Content-Disposition"] == 'attachment; filename="deck.png"'
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "no-store, private"
        with Image.open(io.BytesIO(response.content)) as image:
            assert image.size == (30, 20)
    drawer = signed_in(alice).get(f"/calendar/bookings?open={booking.pk}").content.decode()
    assert f'href="{url}" download' in drawer
    for member in (bob, carol):
        assert signed_in(member).get(url).status_code == 404
    assert client.get(url)["Location"].startswith("/accounts/login/")
    other = make_booking(make_link(alice), booking.starts_at + timedelta(hours=1), MONDAY_MORNING)
    assert signed_in(alice).get(file_url(other, file)).status_code == 404


def test_the_hosts_mail_has_the_file_and_the_bookers_has_not(
    client: Client, link: BookingLink, settings: Any
) -> None:
    booking, file = book_with(client), AnswerFile.objects.get()
    url = settings.SITE_URL + file_url(booking, file)
    bodies = {}
    for message in OutboxMessage.objects.filter(kind__contains="confirmed"):
        mail: Any = renderer_of(message.kind)(message, MONDAY_MORNING)
        bodies[message.recipient] = mail.body + str(mail.alternatives)
    assert bodies["alice@larkhill.example"].count(url) == 2
    assert "deck.png, 1 KB" in bodies["alice@larkhill.example"]
    assert "deck.png" not in bodies["priya@saltmarsh.example"]


def test_a_file_goes_along_when_the_booking_moves(
    client: Client, link: BookingLink, alice: Membership
) -> None:
    booking, file = book_with(client), AnswerFile.objects.get()
    moved_to = {"start": "2030-01-09T09:00Z"}
    response = client.post(
        f"/b/{booking.page_slug}/manage/{manage_token(booking.booker)}/reschedule", moved_to
    )
    assert response.status_code == 303
    moved = Booking.objects.get(status="confirmed")
    for each in (booking, moved):
        assert signed_in(alice).get(file_url(each, file)).status_code == 200


def test_a_refused_form_keeps_its_file(client: Client, link: BookingLink, root: Path) -> None:
    sent = typed(email="", **{"q-deck": picture("My deck.png")})
    refused = client.post(DETAILS, sent)
    assert refused.status_code == 422
    form = form_posting(refused.content.decode(), "email")
    assert "<b>My deck.png</b>, 1 KB" in refused.content.decode()
    response = client.post(DETAILS, form.values | {"email": "priya@saltmarsh.example"})
    assert response.status_code == 303
    assert Booking.objects.get().booker.answers[0]["answer"] == "My deck.png, 1 KB"
    assert AnswerFile.objects.get().series_id == Booking.objects.get().series_id
    assert len(bytes_kept(root)) == 1


def test_a_lost_time_keeps_the_file(client: Client, link: BookingLink) -> None:
    make_booking(link, MONDAY_MORNING + timedelta(hours=25), MONDAY_MORNING)
    lost = client.post(DETAILS, typed(**{"q-deck": picture()}))
    assert lost.status_code == 409
    form = form_posting(lost.content.decode(), "email")
    assert client.post(DETAILS, form.values).status_code == 303
    assert Booking.objects.latest("created_at", "id").booker.answers or AnswerFile.objects.get().series_id


def test_a_kept_file_can_be_removed_and_replaced(client: Client, link: BookingLink) -> None:
    form = form_posting(
        client.post(DETAILS, typed(email="", **{"q-deck": picture()})).content.decode(), "email"
    )
    values = form.values | {"email": "priya@saltmarsh.example"}
    removed = client.post(DETAILS, values | {"q-deck-remove": "on"})
    assert removed.status_code == 422
    assert "Choose a file" in removed.content.decode()
    assert "q-deck-kept" not in removed.content.decode()
    response = client.post(DETAILS, values | {"q-deck": picture("better.png")})
    assert response.status_code == 303
    assert Booking.objects.get().booker.answers[0]["answer"] == "better.png, 1 KB"


def test_the_same_form_twice_is_one_booking_with_its_file(client: Client, link: BookingLink) -> None:
    form = form_posting(
        client.post(DETAILS, typed(email="", **{"q-deck": picture()})).content.decode(), "email"
    )
    values = form.values | {"email": "priya@saltmarsh.example"}
    first, second = client.post(DETAILS, values), client.post(DETAILS, values)
    assert (first.status_code, first["Location"]) == (second.status_code, second["Location"])
    assert Booking.objects.count() == 1


def test_a_key_opens_only_its_own_question_of_its_own_link(
    client: Client, link: BookingLink, alice: Membership
) -> None:
    other = make_link(alice, slug="alice-other", questions=QUESTIONS)
    form = form_posting(
        client.post(DETAILS, typed(email="", **{"q-deck": picture()})).content.decode(), "email"
    )
    key = form.values["q-deck-kept"]
    values = typed(**{"q-deck-kept": key, "q-plan-kept": key})
    elsewhere = client.post(f"/book/{other.slug}/details", values)
    assert elsewhere.status_code == 422
    assert client.post(DETAILS, values).status_code == 303
    assert [answer["label"] for answer in Booking.objects.get().booker.answers] == ["Your deck"]
    for key in ("x", "\x00", "a" * 5000, str(AnswerFile.objects.get().pk)):
        assert (
            client.post(DETAILS, typed(start="2030-01-08T10:00Z", **{"q-deck-kept": key})).status_code == 422
        )


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("deck.svg", b"<svg onload='alert(1)'/>", "This kind of file is not taken"),
        ("deck.png", b"\x89PNG\r\n\x1a\nnothing", "This image is damaged"),
        ("deck.png", b"\x89PNG\r\n\x1a\n" + bytes(5_000_001), "5 MB fit"),
        ("deck.png", b"", "This file is empty"),
    ],
)
def test_what_is_not_taken_is_said_beside_the_field(
    client: Client, link: BookingLink, root: Path, name: str, data: bytes, words: str
) -> None:
    response = client.post(DETAILS, typed(**{"q-deck": SimpleUploadedFile(name, data)}))
    assert response.status_code == 422
    error = re.search(r'id="id_q-deck_error"[^>]*>.*?</p>', response.content.decode(), re.DOTALL)
    assert error
    assert words in error[0]
    assert 'value="priya@saltmarsh.example"' in response.content.decode()
    assert not Booking.objects.exists()
    assert bytes_kept(root) == []


def test_files_of_programs_and_files_nobody_asked_for_are_not_kept(
    client: Client, link: BookingLink, root: Path
) -> None:
    assert client.post(DETAILS, typed(leave_empty="x", **{"q-deck": picture()})).status_code == 422
    assert bytes_kept(root) == []
    book_with(client, avatar=picture(), name_2=picture())
    assert len(bytes_kept(root)) == 1


def test_more_files_than_any_form_has_are_not_read(client: Client, link: BookingLink) -> None:
    many = {f"f{number}": picture() for number in range(30)}
    assert client.post(DETAILS, typed(**many)).status_code == 400


def test_a_full_disk_is_said_and_loses_nothing(
    client: Client, link: BookingLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file_id: UUID, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write", full)
    response = client.post(DETAILS, typed(**{"q-deck": picture()}))
    assert response.status_code == 422
    assert "This file could not be kept. Send it again." in response.content.decode()
    assert not AnswerFile.objects.exists()


def test_bytes_are_only_for_the_product_itself(client: Client, link: BookingLink, root: Path) -> None:
    book_with(client)
    (path,) = bytes_kept(root)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_waited_a_day_is_removed_rows_first_and_what_is_booked_stays(
    client: Client, link: BookingLink, root: Path, now: Any
) -> None:
    booking = book_with(client)
    client.post(DETAILS, typed(email="", **{"q-deck": picture()}))
    assert len(bytes_kept(root)) == 2
    remove_unneeded_files()
    assert AnswerFile.objects.count() == len(bytes_kept(root)) == 2

    now.shift(timedelta(days=1, minutes=1))
    _older(root)
    for _run in range(2):
        remove_unneeded_files()
        assert AnswerFile.objects.get().series_id == booking.series_id
        assert len(bytes_kept(root)) == 1

    booking.delete()
    remove_unneeded_files()
    assert not AnswerFile.objects.exists()
    assert bytes_kept(root) == []


def test_bytes_without_a_row_are_removed_once_they_are_old_enough(
    client: Client, link: BookingLink, root: Path
) -> None:
    storage.write(uuid4(), b"what a killed worker left")
    (root / "aa").mkdir(exist_ok=True)
    (root / "aa" / "README").write_text("not ours")
    _older(root, minutes=10)
    assert storage.remove_unneeded(MONDAY_MORNING) == 0
    _older(root, minutes=120)
    assert storage.remove_unneeded(MONDAY_MORNING) == 1
    assert storage.remove_unneeded(MONDAY_MORNING) == 0
    assert [path.name for path in bytes_kept(root)] == ["README"]


def test_the_beat_knows_the_task_by_its_name(settings: Any) -> None:
    assert remove_unneeded_files.name in {job["task"] for job in settings.CELERY_BEAT_SCHEDULE.values()}


def _older(root: Path, minutes: int = 24 * 60) -> None:
    """What is on the disk was written that long before the test's clock."""
    then = MONDAY_MORNING.timestamp() - minutes * 60
    for path in bytes_kept(root):
        os.utime(path, (then, then))
