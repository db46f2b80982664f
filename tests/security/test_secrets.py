"""What must not be found where others look: tokens and passwords in tables, in logs, in messages to workers."""

import base64
import email
import logging.config
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.db.models.functions import Now
from pytest_django import DjangoCaptureOnCommitCallbacks

from bookings.models import Attendee
from bookings.selectors import MANAGE
from one_off.models import OneOff
from one_off.selectors import PICK
from tests.conftest import MONDAY_MORNING
from tests.factories import PASSWORD
from tests.fakes.twilio import TOKEN as TWILIO_TOKEN
from tests.security.world import FREE_START, World, every_url, fingerprint
from workestra.accounts import seals, tokens
from workestra.accounts.domain.seals import BrokenSeal
from workestra.notifications import doorbell, effects
from workestra.notifications.models import CaughtMail, OutboxMessage

pytestmark = pytest.mark.django_db

LATER_START = "2030-01-11T10:00Z"
NEW_PASSWORD = "another long one 7"
WRONG_PASSWORD = "wrong but secret 3"
_SECRET = re.compile(r"/(?:manage|(?<!calendar/)one-off)/([\w-]{20,})")


@dataclass(frozen=True)
class Day:
    """A day of a workspace: the secrets that were handed out, and what else came of it."""

    secrets: set[str]
    rings: list[Any]
    log: list[logging.LogRecord]


@pytest.fixture
def day(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Day:
    """Meetings booked, refused, moved, cancelled and picked; people signing in; every mail delivered."""
    rings: list[Any] = []
    monkeypatch.setattr(doorbell._bell, "ring", rings.append)
    caplog.set_level(logging.INFO)
    seen: list[str] = []

    def ask(who: str, url: str, data: dict[str, Any] | None = None) -> Any:
        client = world.browser(who)
        response = client.get(url) if data is None else client.post(url, data)
        assert response.status_code < 500, url
        seen.extend([response.get("Location", ""), response.content.decode()])
        return response

    with django_capture_on_commit_callbacks(execute=True):
        booked = ask("anon", world.address("bookings:details"), world.forms["bookings:details"])
        manage = booked["Location"].removesuffix("/confirmed")
        for path in ("", "/confirmed", "/invite.ics", "/nonsense"):
            ask("anon", manage + path)
        ask("anon", f"{manage}?date=nonsense")
        ask("anon", f"{manage}/reschedule", {"start": FREE_START})
        ask("anon", f"{manage}/reschedule", {"start": "2030-01-11T03:00Z"})
        moved = ask("anon", f"{manage}/reschedule", {"start": LATER_START})["Location"]
        ask("anon", manage)
        ask("anon", f"{moved.removesuffix('/confirmed')}/cancel", {"reason": "x" * 1_000})
        ask("anon", f"{moved.removesuffix('/confirmed')}/cancel", {"reason": "Ill"})
        ask("alice", world.address("bookings:manage_link"), {})
        ask("alice", ask("alice", world.address("one_off:new"), world.forms["one_off:new"])["Location"])
        offered = world.address("one_off:pick")
        ask("anon", offered, world.forms["one_off:pick"] | {"slot": "nonsense"})
        ask("anon", offered, world.forms["one_off:pick"])
        ask("anon", offered)
        ask("dana", world.address("managed_events:edit"), world.forms["managed_events:edit"])
        ask("alice", world.address("sms:number"), world.forms["sms:number"])
        address = world.alice.user.email
        ask("anon", "/accounts/login/", {"login": address, "password": WRONG_PASSWORD})
        ask("anon", "/accounts/login/", {"login": address, "password": PASSWORD})
        ask("anon", "/accounts/password/reset/", {"email": address})
        ask("alice", world.address("account_change_password"), world.forms["account_change_password"])
    # Leases and due times go by the database's clock.
    OutboxMessage.objects.update(available_at=Now() - timedelta(minutes=1))
    mail.outbox.clear()
    effects.deliver_due(MONDAY_MORNING)
    assert len(mail.outbox) >= 4
    seen += [str(message.body) for message in mail.outbox]
    secrets = {secret for text in seen for secret in _SECRET.findall(text)}
    assert len(secrets) >= 5
    return Day(secrets, rings, list(caplog.records))


def everything_stored() -> Iterator[tuple[str, str]]:
    """Every value of every table as text, with where it was found; mails also as their readers see them.

    But for the local mailbox: it is no store of the product's, but what its mail server would be.
    """
    for model in apps.get_models():
        if model is CaughtMail:
            continue
        for row in model._default_manager.all():
            for field in model._meta.concrete_fields:
                place, value = f"{model._meta.label}.{field.name}", field.value_from_object(row)
                if isinstance(value, bytes | memoryview):
                    for part in email.message_from_bytes(bytes(value)).walk():
                        content = part.get_payload(decode=True)
                        yield place, content.decode(errors="replace") if isinstance(content, bytes) else ""
                    value = bytes(value).decode(errors="replace")
                yield place, str(value)
            if isinstance(row, Session):
                yield "sessions", str(row.get_decoded())


def test_no_table_holds_a_token_or_a_password_in_clear(day: Day) -> None:
    hidden = day.secrets | {PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, TWILIO_TOKEN}
    found = {place for place, text in everything_stored() if any(secret in text for secret in hidden)}
    assert not found


def test_no_line_of_the_log_holds_one(day: Day) -> None:
    hidden = day.secrets | {PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, TWILIO_TOKEN}
    written = log_lines(day.log)
    assert any("Gone: /b/" in line for line in written)
    assert any("Unprocessable" in line and "/one-off/…" in line for line in written)
    assert [line for line in written if any(secret in line for secret in hidden)] == []


def test_addresses_of_the_hosts_own_pages_stay_in_the_log() -> None:
    record = logging.LogRecord(
        "x", logging.INFO, "x.py", 1, "Not Found: /calendar/one-off/%s", ("4f6c",), None
    )
    assert log_lines([record])[0].endswith("/calendar/one-off/4f6c")


def log_lines(records: list[logging.LogRecord]) -> list[str]:
    """What a server writes of these records, as its settings format them."""
    handler = settings.LOGGING["handlers"]["console"]
    # A copy: it takes the formatter's class out of what it is given.
    formatter = logging.config.DictConfigurator(settings.LOGGING).configure_formatter(  # type: ignore[no-untyped-call]
        dict(settings.LOGGING["formatters"][handler["formatter"]])
    )
    return [formatter.format(record) for record in records]


def test_messages_to_workers_name_rows_and_nothing_else(day: Day) -> None:
    assert {ring.task.name for ring in day.rings} >= {
        "workestra.notifications.tasks.deliver_outbox",
        "managed_events.tasks.propagate",
    }
    for ring in day.rings:
        for argument in ring.args:
            assert str(UUID(argument)) == argument


def test_a_token_is_256_bits_and_no_two_are_alike() -> None:
    issued = {
        tokens.issue(purpose, uuid4(), generation)
        for purpose in (MANAGE, PICK)
        for generation in (0, 1)
        for _ in range(500)
    }
    assert len(issued) == 2_000
    assert {len(base64.urlsafe_b64decode(token + "=")) for token in issued} == {32}


def test_tokens_of_one_thing_say_nothing_about_each_other() -> None:
    subject = uuid4()
    related = [tokens.issue(purpose, subject, number) for purpose in (MANAGE, PICK) for number in range(20)]
    assert len(set(related)) == len(related)
    assert len({token[:4] for token in related}) > len(related) / 2


def test_what_is_stored_of_a_token_opens_nothing(world: World) -> None:
    for model, name in ((Attendee, "bookings:manage"), (OneOff, "one_off:pick")):
        row = model._default_manager.latest("created_at")
        stored = getattr(row, "manage_token_hash", "") or getattr(row, "token_hash", "")
        assert len(stored) == 64
        assert world.browser("anon").get(world.address(name, token=stored)).status_code == 404


# What a provider tells is no form: it is proven by a secret or a signature.
NOTICES = {"calendars:google_notice", "calendars:microsoft_notice", "sms:inbound", "sms:status"}


@pytest.mark.parametrize("name", [name for name in every_url() if name not in NOTICES])
def test_a_form_of_another_site_is_refused_at_every_address(world: World, name: str) -> None:
    before = fingerprint()
    for who in ("anon", "alice", "dana"):
        client = world.browser(who, enforce_csrf_checks=True)
        refused = client.post(world.address(name), world.forms.get(name, {}))
        assert refused.status_code == 403
        assert b"form" in refused.content
        forged = client.post(
            world.address(name),
            world.forms.get(name, {}) | {"csrfmiddlewaretoken": "a" * 64},
            headers={"Origin": "https://evil.example"},
        )
        assert forged.status_code == 403
    assert fingerprint() == before


def test_what_is_sealed_is_read_again_after_a_change_of_keys(settings: Any) -> None:
    seal = seals.seal("Grüße".encode())
    assert "Grüße".encode() not in seal
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert seals.unseal(seal) == "Grüße".encode()
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(BrokenSeal):
        seals.unseal(seal)


def test_what_is_sealed_cannot_be_changed() -> None:
    seal = bytearray(seals.seal(b"Thursday"))
    seal[-3] ^= 1
    with pytest.raises(BrokenSeal):
        seals.unseal(bytes(seal))
