"""Erasing somebody: nothing in any table tells of him afterwards, and what stays is still of use."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse

from bookings.models import AnswerFile, Attendee, Booking
from bookings.selectors import manage_token
from bookings.services import alternatives, attendance, briefings
from bookings.services import booking as bookings
from bookings.services.answer_files import keep
from bookings.services.booking import Booker
from bookings.services.hosting import note
from bookings.storage import read
from one_off.models import OneOff, Proposal
from one_off.selectors import token_of
from one_off.services.proposals import propose
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.crm.test_people import deal_of, person_of
from tests.factories import make_booking, make_link
from tests.one_off.making import HOUR, make_one_off
from tests.sms.making import PRIYA
from workestra.accounts.domain.seals import BrokenSeal
from workestra.accounts.models import Membership
from workestra.accounts.seals import unseal
from workestra.audit.models import AuditEvent
from workestra.crm import services as crm
from workestra.crm.models import Person
from workestra.crm.plans import merging
from workestra.crm.services.merging import merge
from workestra.invariants.selectors import broken_invariants
from workestra.notifications import effects
from workestra.notifications.models import OutboxMessage
from workestra.notifications.selectors import waiting
from workestra.privacy import services
from workestra.privacy.selectors import dossier
from workestra.sms import selectors as texts
from workestra.sms import services as sms
from workestra.sms.domain.words import Keyword
from workestra.uploads.kinds import Kind
from workestra.uploads.taking import Upload

pytestmark = pytest.mark.django_db

EMAIL, OTHER = "priya@saltmarsh.example", "priya@private.example"
TOLD = (EMAIL, OTHER, "Priya Raman", "P. Raman", PRIYA, "forty lanes", "her dentist")
"""What must be nowhere: who she is, and what she and others wrote of her."""
ALL_DAYS = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock(NOW: datetime) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def root(settings: Any, tmp_path: Path) -> Path:
    settings.UPLOADS_ROOT = str(tmp_path / "uploads")
    settings.EMAIL_BACKEND = "workestra.notifications.mailbox.MailboxBackend"
    return tmp_path / "uploads"


def tables_that_tell(told: tuple[str, ...] = TOLD) -> set[str]:
    """The tables with a column of any kind, sealed or not, that holds one of these texts."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            if any(tells(value, told) for row in cursor.fetchall() for value in row):
                found.add(table)
    return found


def tells(value: Any, told: tuple[str, ...]) -> bool:
    texts_of_value = [str(value)]
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        with suppress(BrokenSeal):
            raw = unseal(raw)
        texts_of_value = [raw.decode(errors="replace")]
        for part in message_from_bytes(raw).walk():
            content = part.get_payload(decode=True)
            texts_of_value.append(content.decode(errors="replace") if isinstance(content, bytes) else "")
            texts_of_value += map(str, part.values())
    return any(text.casefold() in each.casefold() for text in told for each in texts_of_value)


@pytest.fixture
def file(link: BookingLink, NOW: datetime) -> AnswerFile:
    upload = Upload("deck of Priya Raman.png", Kind.PNG, b"forty lanes")
    return AnswerFile.objects.get(pk=keep(link=link, question="Deck", upload=upload, now=NOW).id)


@pytest.fixture
def met(
    link: BookingLink, alice: Membership, dana: Membership, file: AnswerFile, NOW: datetime, clock: Any
) -> Booking:
    """Priya has met Alice, moved to that time before, and comes again; everything there is was written about her."""
    said = Booker(
        name="Priya Raman",
        email="Priya@Saltmarsh.example",
        timezone="America/New_York",
        phone=PRIYA,
        notes="We plan forty lanes.",
        answers=[
            {"label": "Lanes", "answer": "forty lanes"},
            {"label": "Deck", "answer": file.name, "file": str(file.pk)},
        ],
        guests=["guest-of-hers@x.example"],
        texts="Text me.",
    )
    first = bookings.book(link=link, start=NOW + timedelta(days=1), booker=said, nonce=uuid4(), now=NOW)
    met = bookings.reschedule(
        attendee=first, start=NOW + timedelta(days=1, hours=2), now=NOW, message="It is her dentist."
    ).booking
    note(booking=met, text="Priya Raman wants forty lanes", actor=alice.user, now=NOW)
    alternatives.offer(
        booking=met,
        starts=[NOW + timedelta(days=1, hours=5)],
        message="forty lanes",
        closes=timedelta(0),
        actor=alice.user,
        now=NOW,
    )
    coming = make_booking(link, NOW + timedelta(days=8), NOW, name="P. Raman", email=OTHER)
    theirs = make_booking(
        link, NOW + timedelta(days=9), NOW, name="Tom", email="tom@x.example", guests=[EMAIL]
    )
    assert theirs
    offered = make_one_off(
        alice,
        NOW,
        title="Pilot for Priya Raman",
        invitee_name="Priya Raman",
        invitee_email=EMAIL,
    )
    propose(
        one_off=offered,
        booker=Booker(name="Priya Raman", email=EMAIL, timezone="Europe/Berlin", phone=PRIYA),
        starts=[NOW + timedelta(days=20)],
        length=HOUR,
        message="her dentist again",
        nonce=uuid4(),
        now=NOW,
    )
    person, again = met.booker.person, coming.booker.person
    assert person
    assert again
    deal_of(person, alice, NOW, title="forty lanes")
    crm.add_activity(person=person, kind="call", text="Spoke of her dentist", at=NOW, by=alice, now=NOW)
    plan = merging(person, again)
    merge(kept_id=person.pk, other_id=again.pk, take={}, token=plan.token, by=alice, now=NOW)
    briefings.send_due(met.starts_at - timedelta(minutes=50))
    deliver(NOW)
    for number in (1, 2):
        sms.hear(number=PRIYA, keyword=Keyword.STOP, sid=f"SM{number}", now=NOW)
    clock.move_to(met.ends_at + timedelta(days=1))
    attendance.mark(
        attendee=met.booker, attendance=Booking.Attendance.ATTENDED, actor=alice.user, now=met.ends_at
    )
    return Booking.objects.get(pk=met.pk)


def deliver(now: datetime) -> None:
    """What is due by the clock of the test goes out; the database's is years behind."""
    due = waiting().filter(available_at__lte=now)
    due.update(available_at=datetime(2020, 1, 1, tzinfo=UTC))
    effects.deliver_due(now)


def erased(by: Membership, now: datetime, email: str = EMAIL, *, cancel: bool = True) -> services.Erased:
    token = dossier(by.workspace_id, email).token
    return services.erase(email=email, cancel=cancel, token=token, by=by, now=now)


def test_nothing_in_any_table_tells_of_who_was_erased(
    met: Booking,
    dana: Membership,
    file: AnswerFile,
    root: Path,
    NOW: datetime,
    django_capture_on_commit_callbacks: Any,
) -> None:
    assert len(tables_that_tell()) >= 15, "the look finds what there is"
    now = met.ends_at + ALL_DAYS
    with django_capture_on_commit_callbacks(execute=True):
        done = erased(dana, now, OTHER)
    assert (done.bookings, done.cancelled, done.files) == (3, 1, 1)
    assert tables_that_tell() == set()
    assert read(file.pk) is None
    deliver(now)
    assert tables_that_tell() == set(), "nor does what goes out afterwards"
    assert not broken_invariants()


def test_what_stays_counts_and_tells_of_nobody(met: Booking, dana: Membership, alice: Membership) -> None:
    theirs = Attendee.objects.get(email="tom@x.example")
    page_of_met = f"/b/{met.page_slug}/manage/{manage_token(met.booker)}"
    offered = OneOff.objects.get()
    token = token_of(offered)
    erased(dana, met.ends_at + ALL_DAYS)
    stays = Booking.objects.get(pk=met.pk)
    assert (stays.booker.name, stays.booker.email, stays.no_show_status) == ("Erased person", "", "attended")
    assert (stays.starts_at, stays.host) == (met.starts_at, met.host)
    theirs.refresh_from_db()
    assert (theirs.name, theirs.guests) == ("Tom", [])
    assert Client().get(page_of_met).status_code == 404
    assert token
    assert Client().get(reverse("one_off:pick", args=[token])).status_code == 404
    assert Proposal.objects.get().state == Proposal.State.DECLINED
    assert not Person.objects.filter(attendances__booking=met).exists()
    drawer = signed_in(alice).get(reverse("bookings:console"), {"tab": "past", "open": str(met.pk)})
    assert "Erased person" in drawer.content.decode()
    assert "mailto:&quot;" not in drawer.content.decode()
    event = AuditEvent.objects.get(action="person.erased")
    assert (event.actor_name, event.target_name, event.before) == (dana.user.name, "Erased person", {})
    for export in ("", "?tab=past"):
        assert signed_in(dana).get(reverse("bookings:export") + export).status_code == 200


def test_a_number_that_said_stop_is_not_texted_again_until_the_phone_says_start(
    met: Booking, dana: Membership, link: BookingLink, NOW: datetime, settings: Any
) -> None:
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = "AC1", "x", "+15005550006"
    now = met.ends_at + ALL_DAYS
    erased(dana, now)
    again = make_booking(link, NOW + timedelta(days=10), now, phone=PRIYA, texts="Text me.")
    assert texts.why_not(again.workspace_id, PRIYA) == texts.NO_LONGER
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key"
    assert texts.has_stopped(PRIYA), "also under a new key"
    sms.hear(number=PRIYA, keyword=Keyword.START, sid="SM9", now=now)
    assert not texts.has_stopped(PRIYA)


def test_meetings_to_come_are_cancelled_only_when_that_is_said(
    met: Booking, dana: Membership, link: BookingLink, NOW: datetime
) -> None:
    before = tables_that_tell()
    with pytest.raises(services.StillToMeet):
        erased(dana, met.ends_at + ALL_DAYS, cancel=False)
    assert tables_that_tell() == before
    assert Attendee.objects.get(email=OTHER).status == Booking.Status.CONFIRMED
    token = dossier(dana.workspace_id, EMAIL).token
    make_booking(link, NOW + timedelta(days=10), NOW)
    with pytest.raises(services.DossierChanged):
        services.erase(email=EMAIL, cancel=True, token=token, by=dana, now=NOW)
    with pytest.raises(services.NothingHeld):
        erased(dana, NOW, "nobody@x.example")
    assert Attendee.objects.filter(email=EMAIL).exists()


def test_what_another_workspace_holds_stays_its_own(
    met: Booking, dana: Membership, carol: Membership, NOW: datetime
) -> None:
    elsewhere = make_booking(make_link(carol), NOW + timedelta(days=3), NOW)
    person_of(carol, NOW, email=OTHER)
    erased(dana, met.ends_at + ALL_DAYS)
    assert elsewhere.attendees.get().email == EMAIL
    assert {"booking_attendees", "crm_person", "notifications_outbox_messages"} <= tables_that_tell()
    assert Booking.objects.filter(workspace=dana.workspace, attendees__email=EMAIL).count() == 0


def test_what_a_worker_has_on_its_way_is_not_written_down(
    met: Booking, dana: Membership, NOW: datetime
) -> None:
    """It was written before she was erased, and comes back after it."""
    message = OutboxMessage.objects.filter(recipient__iexact=EMAIL).exclude(sent_at=None)[0]
    OutboxMessage.objects.filter(pk=message.pk).update(
        leased_until=NOW, attempts=1, sent_at=None, payload=None
    )
    message.refresh_from_db()
    erased(dana, met.ends_at + ALL_DAYS)
    assert not effects._ours(message).exists(), "its lease is over"
    stays = OutboxMessage.objects.get(pk=message.pk)
    assert stays.skipped_at
    assert EMAIL not in stays.recipient


def test_all_that_is_held_can_be_handed_out(met: Booking, dana: Membership, root: Path) -> None:
    client = signed_in(dana)
    page = client.get(reverse("privacy:privacy"), {"email": EMAIL.upper()}).content.decode()
    assert "What is held about Priya Raman" in page
    answer = client.post(reverse("privacy:export"), {"email": EMAIL})
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        held = json.loads(archive.read("personal-data.json"))
        assert archive.read(held["files"][0]["in_archive"]) == b"forty lanes"
    assert held["addresses"] == [OTHER, EMAIL]
    assert {each["email"] for each in held["bookings"]} == {"Priya@Saltmarsh.example", OTHER}
    assert held["proposed_times"][0]["message"] == "her dentist again"
    assert any("Spoke of her dentist" in str(person["activities"]) for person in held["people"])
    assert any("Discovery Call" in (each["said"] or "") for each in held["messages"])
    assert [each["said"] for each in held["text_message_consent"]][-1] == "Stopped"
    assert AuditEvent.objects.filter(action="person.exported").count() == 1
    made = person_of(dana, met.ends_at, email="only@x.example")
    plain = client.post(reverse("privacy:export"), {"email": "only@x.example"})
    assert json.loads(plain.content)["people"][0]["name"] == made.name


def test_the_pages_show_it_first_and_refuse_what_is_not_ticked(
    met: Booking, dana: Membership, alice: Membership, clock: Any
) -> None:
    client, url = signed_in(dana), reverse("privacy:erase")
    page = client.get(url, {"email": EMAIL})
    assert "Nobody can bring it back" in page.content.decode()
    sent = {"email": EMAIL, "seen": page.context["found"].token}
    refused = client.post(url, sent)
    assert refused.status_code == 422
    assert set(refused.context["form"].errors) == {"cancel", "sure"}
    stale = client.post(url, sent | {"seen": "x", "cancel": "on", "sure": "on"})
    assert stale.status_code == 409
    assert Attendee.objects.filter(email=OTHER).exists()
    for answer in (
        signed_in(alice).post(url, sent | {"cancel": "on", "sure": "on"}),
        signed_in(alice).post(reverse("privacy:export"), sent),
    ):
        assert answer.status_code == 403
    assert not AuditEvent.objects.filter(action__in=["person.erased", "person.exported"]).exists()
    assert client.post(url, sent | {"cancel": "on", "sure": "on"}).status_code == 302
    assert "Nothing is held about" in client.get(url, {"email": EMAIL}).content.decode()
