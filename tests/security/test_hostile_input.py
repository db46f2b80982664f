"""Anything may be typed anywhere: it is refused or kept as the text it is, and never half of it."""

import email
import email.policy
import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle, islice
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.core import mail
from django.db.models.functions import Now
from django.http import QueryDict
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from icalendar import Calendar

from bookings.models import Booking
from scheduling.domain import slugs
from scheduling.forms import LinkForm
from scheduling.models import BookingLink
from tests.conftest import MONDAY_MORNING
from tests.security.world import FREE_START, World, fingerprint, undone
from workestra.notifications import effects
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db

MARKUP: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{7*7}}{% debug %}${7*7}",
    "javascript:alert(1)",
)
"""Text that would do something if a page took it for more than text."""
STRANGE: Final = (
    "\x00",
    "a\x00b",
    "\x1b[2J\x07",
    "a\u2028b\u2029c",
    "\u202egnp.exe\u2066",
    "\ufeff\ufffe\uffff",
    "a\r\nBcc: victim@example.com\r\n\r\nbody",
    "x" * 100_000,
    "\U0001f600" * 3_000,
    "9" * 5_000,
    "-1",
    "0",
    "99999999999999999999",
    "NaN",
    "1e309",
    "٣",
    "0000-01-01",
    "9999-12-31",
    "2027-02-29",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2030-01-11T09:00",
    "24:01",
    "Mars/Olympus_Mons",
    "../../etc/passwd",
    "' OR 1=1; --",
    "%s%n{0}",
    "[]",
    "null",
    "7d9f1c52-0a7e-4d7b-9d6e-000000000000",
)
VALUES: Final = (*MARKUP, *STRANGE)
FORMS: Final = {
    "bookings:details": "anon",
    "bookings:reschedule": "anon",
    "bookings:manage_cancel": "anon",
    "bookings:alternatives": "anon",
    "one_off:pick": "anon",
    "one_off:propose": "anon",
    "one_off:propose_move": "anon",
    "one_off:move": "anon",
    "account_login": "anon",
    "account_reset_password": "anon",
    "look:preferences": "anon",
    "account_change_password": "alice",
    "bookings:cancel": "alice",
    "bookings:propose": "alice",
    "bookings:offer": "alice",
    "bookings:reassign": "dana",
    "bookings:note": "alice",
    "bookings:bulk": "alice",
    "bookings:attendance": "alice",
    "bookings:workflow_new": "alice",
    "bookings:workflow": "dana",
    "scheduling:link_new": "alice",
    "scheduling:link_edit": "alice",
    "scheduling:schedule_new": "alice",
    "scheduling:schedule_edit": "alice",
    "scheduling:out_of_office": "alice",
    "scheduling:out_of_office_edit": "alice",
    "calendars:accounts": "alice",
    "one_off:new": "alice",
    "one_off:edit": "alice",
    "one_off:accept": "alice",
    "one_off:write_in": "alice",
    "sms:number": "alice",
    "sms:confirm": "alice",
    "privacy:erase": "dana",
    "privacy:answers": "dana",
    "crm:person_new": "alice",
    "crm:person_edit": "alice",
    "crm:merge": "alice",
    "crm:activity_new": "alice",
    "crm:activity": "alice",
    "crm:opportunity_new": "alice",
    "crm:opportunity": "alice",
    "managed_events:new": "dana",
    "managed_events:edit": "dana",
    "managed_events:assign": "dana",
}
"""Every form, with somebody who may fill it in."""
LONG_FORMS: Final = {name for name in FORMS if name.startswith(("scheduling:link", "managed_events:"))}
HARMLESS_WHEN_EMPTY: Final = {
    "look:preferences",
    "bookings:cancel",
    "bookings:manage_cancel",
    "bookings:attendance",
}


def complete(world: World, name: str) -> dict[str, Any]:
    """The form with every kind of input in it that it takes."""
    sent = dict(world.forms[name])
    bob = world.people["bob"]
    assert bob
    if name.startswith(("scheduling:link_", "managed_events:")) and "title" in sent:
        sent |= {
            "date_overrides-0-date": "2030-02-02",
            "date_overrides-0-0-from": "9",
            "date_overrides-0-0-to": "10",
            "questions-0-label": "Why?",
            "questions-0-type": "select",
            "questions-0-options": "This\nThat",
            "questions-0-key": "why",
        }
    match name:
        case "scheduling:link_new":
            sent |= {"pool": str(bob.user_id), f"pool-{bob.user_id}-weight": "1", "strategy": "round_robin"}
        case "managed_events:assign":
            sent |= {"person": str(bob.pk), f"address-{bob.pk}": "bob-intro", "q": "", "delete": ""}
        case "bookings:details":
            sent |= {"tz": "Europe/Berlin", "notes": "None", "leave_empty": "", "q-why": "This"}
        case "one_off:pick" | "one_off:propose" | "one_off:propose_move" | "one_off:move":
            sent |= {"tz": "Europe/Berlin"}
        case "bookings:workflow_new":
            sent |= {"links": str(world.link.pk), "group": "own"}
        case "bookings:reschedule":
            sent |= {"tz": "Europe/Berlin", "message": "Sorry"}
    return sent


def send(client: Client, url: str, sent: dict[str, Any]) -> Any:
    """As somebody who presses the button again when he is first shown what it would do."""
    response = client.post(url, sent)
    plan = re.search(r'name="plan" id="plan" value="([^"]+)"', response.content.decode(errors="replace"))
    if response.status_code == 409 and plan:
        return client.post(url, sent | {"plan": plan[1]})
    return response


def ensure_sound(world: World, name: str, sent: dict[str, Any], before: dict[str, str]) -> int:
    """Send it, and look at what comes of it; nothing of it stays. Returns the status."""
    with undone():
        response = send(world.browser(FORMS[name]), world.address(name), sent)
        assert response.status_code < 500
        if response.status_code >= 400:
            assert fingerprint() == before
        ensure_no_markup(response)
        return int(response.status_code)


def ensure_no_markup(response: Any) -> None:
    page = response.content.decode(errors="replace")
    for text in MARKUP[:3]:
        assert text not in page


# --- Forms ---


@pytest.mark.parametrize("name", FORMS)
def test_strange_values_everywhere_are_refused_or_taken_as_text(world: World, name: str) -> None:
    before, sent = fingerprint(), complete(world, name)
    assert ensure_sound(world, name, sent, before) < 400, "the form as it is has to be a good one"
    free = [key for key in sent if key not in {"nonce", "start", "version"}]
    for shift in range(0, len(VALUES), 9):
        values = islice(cycle(VALUES), shift, None)
        ensure_sound(world, name, sent | dict(zip(free, values, strict=False)), before)


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in FORMS if name not in LONG_FORMS])
def test_a_strange_value_in_one_field_is_refused_or_taken_as_text(world: World, name: str) -> None:
    before, sent = fingerprint(), complete(world, name)
    # Each value meets several fields, and each field several values, without trying every pair.
    values = cycle(VALUES)
    for key in sent:
        for value in islice(values, 2 if len(sent) > 12 else 4):
            ensure_sound(world, name, sent | {key: value}, before)


@pytest.mark.stress
@pytest.mark.parametrize("name", FORMS)
def test_every_strange_value_in_every_field(world: World, name: str) -> None:
    before, sent = fingerprint(), complete(world, name)
    for key in sent:
        for value in VALUES:
            ensure_sound(world, name, sent | {key: value}, before)
        ensure_sound(world, name, {other: sent[other] for other in sent if other != key}, before)
        ensure_sound(world, name, sent | {key: [sent[key], "<b>", "\x00"]}, before)


@pytest.mark.thorough
def test_a_links_form_lets_nothing_through_that_the_database_cannot_hold(world: World) -> None:
    sent = complete(world, "scheduling:link_edit")
    accepted = 0
    for key in (key for key in sent if not re.match("weekly_hours-[1-6]", key)):
        for value in VALUES:
            data = QueryDict(mutable=True)
            for name, typed in (sent | {key: value}).items():
                data.setlist(name, typed if isinstance(typed, list) else [typed])
            form = LinkForm(
                data,
                instance=world.link,
                address_problem=slugs.problem,
                members=[world.alice],
                hosts=list(world.link.hosts.all()),
            )
            if form.is_valid():
                accepted += 1
                kept = json.dumps([form.values, form.slug_wanted], ensure_ascii=False)
                assert not re.search(r"\\u0000|[\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", kept)
                assert len(kept) < 10_000
    assert accepted


@pytest.mark.thorough
@pytest.mark.parametrize("name", FORMS)
def test_fields_may_be_missing_come_twice_or_be_made_up(world: World, name: str) -> None:
    before, sent = fingerprint(), complete(world, name)
    keys = list(sent)
    for some in (keys[::2], keys[1::2], keys[: len(keys) // 2], keys[len(keys) // 2 :], []):
        ensure_sound(world, name, {key: sent[key] for key in some}, before)
    ensure_sound(world, name, {key: [sent[key], "<b>", "\x00"] for key in keys}, before)
    ensure_sound(world, name, {key: ["<b>", sent[key]] for key in keys}, before)
    made_up = {f"{key}{ending}": "1" for key in keys for ending in ("[]", "-0", "__in", ".x")}
    ensure_sound(world, name, sent | made_up, before)


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in FORMS if name not in HARMLESS_WHEN_EMPTY])
def test_bytes_that_are_no_form_change_nothing(world: World, name: str) -> None:
    before, client = fingerprint(), world.browser(FORMS[name])
    for body, content_type in (
        (b"%ED%A0%80=%FF%FE&title=%ED%A0%80&name=%C0%AF", "application/x-www-form-urlencoded"),
        (b"\x00\xff\xfe", 'multipart/form-data; boundary="\xe4"'),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b'{"title": {"$gt": ""}}', "application/json"),
    ):
        response: Any = client.generic("POST", world.address(name), body, content_type)
        assert response.status_code < 500, content_type
        assert fingerprint() == before, content_type


# --- Addresses ---


ASKED: Final = {
    "bookings:book": ("start", "date", "month", "tz", "name"),
    "bookings:details": ("start", "tz", "name", "email", "notes"),
    "bookings:manage": ("open", "start", "date", "month", "tz"),
    "bookings:alternatives": ("slot", "tz"),
    "one_off:pick": ("slot", "tz", "name", "email"),
    "notifications:mailbox": ("q", "only", "part"),
    "account_login": ("next",),
    "bookings:console": (
        *("tab", "scope", "q", "todo", "after", "open", "form", "start"),
        *("link", "template", "host", "strategy", "attendance", "from", "to"),
    ),
    "bookings:workflows": ("q", "trigger", "state", "whose"),
    "crm:people": ("q", "stage", "missed", "after"),
    "privacy:privacy": ("email",),
    "crm:merge_with": ("q",),
    "scheduling:links": ("q", "w"),
    "one_off:list": ("state", "page"),
    "scheduling:link_new_address": ("slug", "title"),
    "managed_events:list": ("q", "group", "sync"),
    "managed_events:address": ("slug", "slug_pattern", "title"),
    "managed_events:detail": ("result", "page"),
}
"""What pages read from their address."""


def readers() -> dict[str, str]:
    of_alice = (
        *("bookings:console", "bookings:workflows", "crm:people", "crm:merge_with", "one_off:list"),
        *("scheduling:links", "scheduling:link_new_address"),
    )
    signed_in = dict.fromkeys(of_alice, "alice")
    return {
        name: "dana" if name.startswith(("managed", "privacy")) else signed_in.get(name, "anon")
        for name in ASKED
    }


@pytest.mark.thorough
@pytest.mark.parametrize("name", ASKED)
def test_a_strange_address_gets_an_answer(world: World, name: str) -> None:
    client, url, before = world.browser(readers()[name]), world.address(name), fingerprint()
    values = cycle(value for value in VALUES if len(value) < 6_000)
    for parameter in ASKED[name]:
        raw = [*map(quote, islice(values, 11)), "%00", "%ED%A0%80", "%C0%AF%FF", f"a&{parameter}=b"]
        for number, value in enumerate(raw):
            htmx = {"HX-Request": "true", "HX-Target": "bar"} if number % 3 == 0 else {}
            response: Any = client.get(f"{url}?{parameter}={value}", headers=htmx)
            assert response.status_code in {200, 302, 303, 400, 404, 409, 422}, (parameter, value)
            ensure_no_markup(response)
    assert fingerprint() == before


@pytest.mark.parametrize("name", ["bookings:book", "bookings:manage", "one_off:pick", "bookings:console"])
def test_what_htmx_says_of_itself_is_text_too(world: World, name: str) -> None:
    client, url = world.browser("alice"), world.address(name)
    for header in ("HX-Target", "HX-Trigger", "HX-Trigger-Name", "HX-Current-URL", "HX-Prompt"):
        for value in (MARKUP[1], "http://[", "%00", "list"):
            response: Any = client.get(
                url, headers={"HX-Request": "true", header: value, f"{header}-URI-AutoEncoded": "true"}
            )
            assert response.status_code in {200, 400}, (header, value)
            ensure_no_markup(response)


# --- What was taken is shown as text ---


def shown_after(world: World, name: str, sent: dict[str, Any]) -> Iterator[Any]:
    """The pages that show what this form has just saved."""
    links, bookings = set(BookingLink.objects.all()), set(Booking.objects.all())
    response = send(world.browser(FORMS[name]), world.address(name), sent)
    assert response.status_code < 400
    alice, dana, anon = (world.browser(who) for who in ("alice", "dana", "anon"))
    match name.partition(":")[0]:
        case "bookings":
            known = world.offered if name == "bookings:alternatives" else world.booking
            (booking,) = set(Booking.objects.all()) - bookings or {known}
            yield alice.get(f"/calendar/bookings/{booking.pk}/drawer", headers={"HX-Request": "true"})
            yield alice.get("/calendar/bookings")
            yield anon.get(response["Location"])
            yield anon.get(world.address("bookings:manage"))
        case "scheduling":
            (link,) = set(BookingLink.objects.all()) - links or {world.link}
            link.refresh_from_db()
            yield anon.get(f"/book/{link.slug}")
            yield anon.get(f"/book/{link.slug}/details?start={FREE_START}")
            yield alice.get(f"/settings/booking-links/{link.pk}")
            yield alice.get("/settings/booking-links")
        case "managed_events":
            for page in ("managed_events:list", "managed_events:detail", "managed_events:edit"):
                yield dana.get(world.address(page))
        case "one_off":
            made = alice.get(response["Location"])
            yield made
            yield anon.get(re.search(r"/one-off/[\w-]{43}", made.content.decode())[0])  # type: ignore[index]
            yield alice.get("/calendar/one-off")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("bookings:details", ("notes",)),
        ("bookings:cancel", ("reason",)),
        ("bookings:manage_cancel", ("reason",)),
        ("bookings:offer", ("message",)),
        ("bookings:alternatives", ("note",)),
        (
            "scheduling:link_edit",
            ("title", "description", "location_detail", "cancellation_text", "refund_text"),
        ),
        ("scheduling:link_new", ("title", "description", "location_detail", "questions-0-label")),
        ("managed_events:edit", ("title", "description", "questions-0-label", "questions-0-options")),
        ("one_off:new", ("title", "description", "location_detail")),
    ],
)
def test_markup_that_is_kept_is_printed_as_text(world: World, name: str, fields: tuple[str, ...]) -> None:
    everything = " ".join(MARKUP[:4])
    texts = dict.fromkeys(fields, everything)
    if "questions-0-options" in texts:
        texts["questions-0-options"] = f"{MARKUP[0]}\n{MARKUP[1]}"
    sent = complete(world, name) | texts
    if "location_type" in sent:
        sent["location_type"] = "other"
    printed = 0
    for page in shown_after(world, name, sent):
        ensure_no_markup(page)
        printed += html.escape(everything) in page.content.decode()
    assert printed


# --- Mails ---


def delivered() -> list[email.message.EmailMessage]:
    """Every mail that is owed, sent and read back from its bytes."""
    OutboxMessage.objects.update(available_at=Now() - timedelta(minutes=1))
    mail.outbox.clear()
    effects.deliver_due(MONDAY_MORNING)
    assert not OutboxMessage.objects.filter(sent_at=None, skipped_at=None).exists(), (
        "a mail could not be written"
    )
    read = [
        email.message_from_bytes(bytes(message.message().as_bytes()), policy=email.policy.default)
        for message in mail.outbox
    ]
    return [message for message in read if isinstance(message, email.message.EmailMessage)]


EXPECTED_HEADERS: Final = {
    "content-type", "mime-version", "subject", "from", "to", "reply-to", "date", "message-id", "auto-submitted",
}  # fmt: skip


def in_ascii(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


def ensure_mails_are_ours(recipients: set[str]) -> None:
    mails = delivered()
    assert {str(message["To"]) for message in mails} == {in_ascii(address) for address in recipients}
    for message in mails:
        assert {name.lower() for name in message} <= EXPECTED_HEADERS
        assert len({name.lower() for name in message}) == len(message)
        assert not message.defects
        assert "\n" not in str(message["Subject"])
        for part in message.walk():
            assert not part.defects
            if part.get_content_type() == "text/calendar":
                calendar = Calendar.from_ical(part.get_payload(decode=True))  # type: ignore[arg-type]
                (event,) = calendar.events
                assert len(event.attendees) == 2
                assert event.organizer.email == "scheduling@localhost"


HARMLESS_BUT_ODD: Final = (
    {"name": "O'Neill-D’Arcy, “Jr.” <3".replace("<", "")},
    {"name": "=?utf-8?q?Subject=3A_x?="},
    {"name": "Ünïcødé 名前"},
    {"name": "%(host)s {host} {booker} {0}"},
    {"name": ",;:()[]"},
    {"name": '"'},
    {"name": "x" * 120},
    {"email": "a+b'c=d@sub.example.com"},
    {"email": "a@bücher.example"},
    {"email": "!#$%&'*+/=?^_`{|}~-@example.com"},
    {"notes": "a\r\nBcc: victim@example.com\r\n\r\nBEGIN:VEVENT\r\nATTENDEE:mailto:x@example.com\r\n"},
    {"notes": "END:VEVENT\nEND:VCALENDAR\nBEGIN:VCALENDAR"},
    {"notes": "\U0001f600" * 2_000},
    {"notes": "From here\n.\nQUIT\n"},
)


@pytest.mark.parametrize("typed", HARMLESS_BUT_ODD)
def test_mails_about_odd_bookings_have_our_headers_and_no_others(world: World, typed: dict[str, str]) -> None:
    OutboxMessage.objects.all().delete()
    sent = complete(world, "bookings:details") | typed
    response = send(world.browser("anon"), world.address("bookings:details"), sent)
    assert response.status_code == 303
    ensure_mails_are_ours({sent["email"], world.alice.user.email})
    manage = response["Location"].removesuffix("/confirmed")
    reason = {"reason": "Bcc: x@example.com\r\n\r\n" + typed.get("notes", "")[:400]}
    assert world.browser("anon").post(f"{manage}/cancel", reason).status_code == 303
    ensure_mails_are_ours({sent["email"], world.alice.user.email})


@pytest.mark.parametrize("field", ["name", "email", "phone"])
@pytest.mark.parametrize(
    "ending", ["\r\nBcc: victim@example.com", "\nSubject: x", "\r", "\x0bx", "\x85x", "\u2028x"]
)
def test_a_line_break_in_what_becomes_a_header_is_refused(world: World, field: str, ending: str) -> None:
    before, sent = fingerprint(), complete(world, "bookings:details")
    sent[field] = sent[field][:4] + ending + sent[field][4:]
    response = send(world.browser("anon"), world.address("bookings:details"), sent)
    assert response.status_code == 422
    assert fingerprint() == before


ANY_TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=130)


@given(
    name=ANY_TEXT,
    address=st.one_of(st.emails(), ANY_TEXT),
    phone=st.one_of(st.just("+49 30 123456"), ANY_TEXT),
    notes=ANY_TEXT,
)
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_booked_can_be_mailed(
    world: World, name: str, address: str, phone: str, notes: str
) -> None:
    typed = {"name": name, "email": address, "phone": phone, "notes": notes, "nonce": str(uuid4())}
    with undone():
        OutboxMessage.objects.all().delete()
        before, booked_before = fingerprint(), list(Booking.objects.values_list("pk", flat=True))
        sent = complete(world, "bookings:details") | typed
        response = send(world.browser("anon"), world.address("bookings:details"), sent)
        if response.status_code == 303:
            booked = Booking.objects.exclude(pk__in=booked_before).get()
            ensure_mails_are_ours({str(booked.booker.email), world.alice.user.email})
        else:
            assert response.status_code == 422
            assert fingerprint() == before


@given(texts=st.lists(ANY_TEXT, min_size=6, max_size=6))
@hypothesis_settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_host_saves_can_be_opened_and_booked(world: World, texts: list[str]) -> None:
    title, description, place, policy, question, options = texts
    typed = {
        "title": title,
        "description": description,
        "location_type": "other",
        "location_detail": place,
        "cancellation_text": policy,
        "questions-0-label": question,
        "questions-0-options": options,
    }
    with undone():
        before = fingerprint()
        saved = send(
            world.browser("alice"),
            world.address("scheduling:link_edit"),
            complete(world, "scheduling:link_edit") | typed,
        )
        if saved.status_code != 302:
            assert saved.status_code == 422
            assert fingerprint() == before
        OutboxMessage.objects.all().delete()
        assert world.browser("anon").get(world.address("bookings:book")).status_code == 200
        booked = send(
            world.browser("anon"), world.address("bookings:details"), world.forms["bookings:details"]
        )
        assert booked.status_code in {303, 422}
        if booked.status_code == 303:
            ensure_mails_are_ours({world.forms["bookings:details"]["email"], world.alice.user.email})
