"""Texts through the outbox to a Twilio that answers, refuses, is away, or loses its answers."""

import logging
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse

from tests.conftest import signed_in
from tests.fakes.server import Answer
from tests.fakes.twilio import ACCOUNT, FROM, FakeTwilio, problem
from tests.sms.making import PRIYA
from workestra.accounts.models import Membership, Workspace
from workestra.logs import MaskingFormatter
from workestra.notifications import effects, registry, services
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Text
from workestra.sms import services as sms
from workestra.sms.models import Consent, SentText

KIND = "test.text"
BODY = "Discovery Call: Thursday 10 January, 10:00 - 10:30 Berlin time (CET). Reply STOP to opt out."


@pytest.fixture(autouse=True)
def _text_is_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._renderers, KIND, lambda message, now: Text(PRIYA, BODY))


@pytest.fixture
def message(workspace: Workspace) -> OutboxMessage:
    with transaction.atomic():
        return services.enqueue(
            workspace_id=workspace.pk,
            topic="note",
            topic_id=workspace.pk,
            kind=KIND,
            recipient="priya@saltmarsh.example",
            seq=0,
        )


def deliver(message: OutboxMessage, now: datetime) -> OutboxMessage:
    """One more try, whatever pause there was to be."""
    OutboxMessage.objects.filter(pk=message.pk).update(available_at="2020-01-01T00:00Z", leased_until=None)
    effects.deliver_due(now)
    return OutboxMessage.objects.get(pk=message.pk)


pytestmark = pytest.mark.django_db(transaction=True)


def test_a_text_goes_to_twilio_once_and_is_kept_as_it_was_sent(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime
) -> None:
    done = deliver(message, NOW)
    assert done.sent_at
    assert twilio.sent == [(PRIYA, BODY)]
    (request,) = twilio.asked("POST")
    assert request.form == {
        "To": PRIYA,
        "From": FROM,
        "Body": BODY,
        "StatusCallback": f"http://localhost:8000/api/sms/status/{message.pk}",
    }
    text = SentText.objects.get()
    assert (text.sid, text.status, text.parts) == (twilio.messages[0]["sid"], "queued", 1)
    assert done.mail == f"To: {PRIYA}\nFrom: {FROM}\nSid: {text.sid}\n\n{BODY}".encode()
    assert PRIYA.encode() not in bytes(text.body)


def test_a_messaging_service_stands_in_the_senders_place(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime, settings: Any
) -> None:
    settings.TWILIO_MESSAGING_SERVICE_SID = "MG" + "1" * 32
    assert deliver(message, NOW).sent_at
    assert "From" not in twilio.asked("POST")[0].form
    assert twilio.messages[0]["messaging_service_sid"] == settings.TWILIO_MESSAGING_SERVICE_SID


@pytest.mark.parametrize(
    "what",
    [
        {"answer": Answer(500, {"code": 20500, "message": "Internal Server Error", "status": 500})},
        {"answer": Answer(503, "<html>busy</html>", kind="text/html")},
        {"silent": 0.4},
        {"half": True},
        {"silent": 0.4, "after": True},
        {"answer": Answer(500, {}), "after": True},
    ],
    ids=["500", "503 in HTML", "silence", "half an answer", "silence after", "500 after"],
)
def test_whatever_becomes_of_the_answer_the_text_arrives_once(
    what: dict[str, Any],
    twilio: FakeTwilio,
    message: OutboxMessage,
    NOW: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workestra.sms.twilio.TIMEOUT", 0.2)
    twilio.fail(methods="POST", **what)
    waiting = deliver(message, NOW)
    assert not waiting.sent_at
    assert not waiting.dead_at
    assert "Twilio" in waiting.last_error
    assert deliver(message, NOW).sent_at
    assert twilio.sent == [(PRIYA, BODY)]
    assert SentText.objects.get().sid == twilio.messages[0]["sid"]


def test_a_worker_that_dies_before_it_marks_leaves_a_text_that_is_found_again(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime
) -> None:
    assert deliver(message, NOW).sent_at
    SentText.objects.update(sid="", status="")
    OutboxMessage.objects.update(sent_at=None, payload=None)
    assert deliver(message, NOW).sent_at
    assert len(twilio.messages) == 1


def test_what_twilio_tells_meanwhile_is_as_good_as_having_found_it(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime
) -> None:
    deliver(message, NOW)
    sid = SentText.objects.get().sid
    SentText.objects.update(sid="", status="")
    OutboxMessage.objects.update(sent_at=None, payload=None)
    assert sms.note_status(message_id=message.pk, sid=sid, status="sent", error_code="", now=NOW)
    twilio.calm()
    assert deliver(message, NOW).sent_at
    assert not twilio.requests


def test_the_same_words_to_the_same_number_are_another_text(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime
) -> None:
    deliver(message, NOW)
    twilio.fail(methods="POST", answer=Answer(500, {}))
    copy = services.resend(OutboxMessage.objects.get())
    assert not deliver(copy, NOW).sent_at
    assert deliver(copy, NOW).sent_at
    assert len({message["sid"] for message in twilio.messages}) == 2
    assert SentText.objects.exclude(sid="").count() == 2


@pytest.mark.parametrize(
    ("code", "words"), [(21211, "not a valid"), (21201, "no To"), (21614, "not a mobile")]
)
def test_a_number_that_is_refused_ends_the_text_and_a_retry_tries_anew(
    code: int, words: str, twilio: FakeTwilio, message: OutboxMessage, NOW: datetime
) -> None:
    twilio.fail(answer=problem(400, code, words))
    dead = deliver(message, NOW)
    assert dead.dead_at
    assert f"error {code}: " in dead.last_error
    assert words in dead.last_error
    services.retry(dead)
    assert deliver(message, NOW).sent_at
    assert len(twilio.messages) == 1


def test_an_admin_is_told_that_it_is_a_text_that_waits_and_until_when(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime, dana: Membership, settings: Any
) -> None:
    settings.LIMITS = settings.LIMITS | {"texts_of_workspace_a_day": "1/d"}
    deliver(message, NOW)
    waiting = deliver(services.resend(OutboxMessage.objects.get()), NOW)
    assert (waiting.available_at - waiting.created_at).total_seconds() > 86_000
    page = signed_in(dana).get(reverse("notifications:outbox")).content.decode()
    assert f"{KIND} (text), {message.recipient}" in page
    assert "as many text messages as it may in a day. Try again in 24 hours." in page


def test_who_wrote_stop_to_twilio_is_left_out_and_remembered(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime
) -> None:
    twilio.stopped.add(PRIYA)
    left_out = deliver(message, NOW)
    assert left_out.skip_reason == "This number replied STOP"
    assert [(each.kind, each.how) for each in Consent.objects.all()] == [("stopped", "carrier")]
    assert not twilio.messages


def test_a_wrong_token_is_an_administrators_to_mend(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime, settings: Any
) -> None:
    right, settings.TWILIO_AUTH_TOKEN = settings.TWILIO_AUTH_TOKEN, "another"
    waiting = deliver(message, NOW)
    assert not waiting.dead_at
    assert "20003" in waiting.last_error
    assert ACCOUNT not in waiting.last_error
    settings.TWILIO_AUTH_TOKEN = right
    assert deliver(message, NOW).sent_at


def test_too_many_requests_are_answered_with_the_wait_that_was_asked_for(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime
) -> None:
    twilio.fail(answer=problem(429, 20429, "Too Many Requests", Retry_After="100"))
    before = OutboxMessage.objects.get().created_at
    waiting = deliver(message, NOW)
    assert 99 <= (waiting.available_at - before).total_seconds() <= 130
    assert deliver(message, NOW).sent_at


def test_a_twilio_that_is_away_is_asked_once_a_batch(
    twilio: FakeTwilio, workspace: Workspace, NOW: datetime
) -> None:
    twilio.fail(answer=Answer(503, {}), times=99)
    with transaction.atomic():
        for seq in range(3):
            services.enqueue(
                workspace_id=workspace.pk,
                topic="n",
                topic_id=uuid4(),
                kind=f"{KIND}:{seq}",
                recipient="a@b.c",
                seq=0,
            )
    effects.deliver_due(NOW)
    assert len(twilio.requests) == 1


def test_a_text_that_waits_holds_up_no_mail_to_the_same_person(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = EmailMessage("Cancelled", "It is off.", "a@larkhill.example", [message.recipient])
    monkeypatch.setitem(registry._renderers, "test.mail", lambda message, now: mail)
    twilio.fail(answer=Answer(503, {}))
    assert not deliver(message, NOW).sent_at
    with transaction.atomic():
        later = services.enqueue(
            workspace_id=message.workspace_id,
            topic="note",
            topic_id=message.topic_id,
            kind="test.mail",
            recipient=message.recipient,
            seq=0,
        )
    effects.deliver_due(NOW)
    assert OutboxMessage.objects.get(pk=later.pk).sent_at
    assert OutboxMessage.objects.get(pk=message.pk).sent_at is None


def test_a_number_its_block_and_a_workspace_are_texted_only_so_often(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime, settings: Any
) -> None:
    deliver(message, NOW)
    limits = ("texts_to_number", "texts_to_number_a_day", "texts_to_block", "texts_of_workspace")
    for limit in (*limits, "texts_of_workspace_a_day"):
        settings.LIMITS = settings.LIMITS | {limit: "1/h"}
        for seq in (1, 2):
            copy = services.resend(OutboxMessage.objects.get(pk=message.pk))
            done = deliver(copy, NOW)
            assert bool(done.sent_at) == (seq == 1), limit
        assert "text" in done.last_error
        assert (done.available_at - done.created_at).total_seconds() > 3000
        settings.LIMITS = settings.LIMITS | {limit: "off"}
        OutboxMessage.objects.filter(pk=done.pk).delete()
    assert len(twilio.messages) == 6


def test_neither_numbers_nor_the_token_reach_the_log(
    twilio: FakeTwilio,
    message: OutboxMessage,
    NOW: datetime,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
) -> None:
    caplog.set_level(logging.DEBUG)
    twilio.fail(answer=problem(400, 21211, f"The 'To' number {PRIYA} is not a valid phone number."))
    deliver(message, NOW)
    services.retry(OutboxMessage.objects.get())
    twilio.fail(answer=Answer(500, {}), after=True)
    deliver(message, NOW)
    deliver(message, NOW)
    printed = "\n".join(MaskingFormatter().format(record) for record in caplog.records)
    assert twilio.asked("GET")
    assert "will not be delivered" in printed
    for secret in (PRIYA, PRIYA[1:], settings.TWILIO_AUTH_TOKEN, "Discovery Call"):
        assert secret not in printed


def test_tries_that_find_twilio_away_or_busy_are_not_counted_as_texts(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime, settings: Any
) -> None:
    settings.LIMITS = settings.LIMITS | {"texts_to_number": "1/h"}
    twilio.fail(methods="POST", answer=Answer(503, {}))
    assert not deliver(message, NOW).sent_at
    twilio.fail(methods="POST", answer=problem(429, 20429, "Too Many Requests"))
    assert "20429" in deliver(message, NOW).last_error
    assert deliver(message, NOW).sent_at


def test_a_text_over_one_limit_uses_up_no_other(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime, settings: Any
) -> None:
    settings.LIMITS = settings.LIMITS | {"texts_to_number": "1/h", "texts_of_workspace": "2/h"}
    deliver(message, NOW)
    for _time in range(3):
        copy = services.resend(OutboxMessage.objects.get(pk=message.pk))
        assert "This number was sent" in deliver(copy, NOW).last_error
        OutboxMessage.objects.filter(pk=copy.pk).delete()
    settings.LIMITS = settings.LIMITS | {"texts_to_number": "off"}
    assert deliver(services.resend(OutboxMessage.objects.get(pk=message.pk)), NOW).sent_at


def test_a_worker_that_was_taken_for_dead_hands_nothing_over_after_the_one_that_followed(
    twilio: FakeTwilio, message: OutboxMessage, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stalled(message: OutboxMessage, number: str) -> None:
        SentText.objects.update(handed_at=NOW)

    monkeypatch.setattr("workestra.sms.effects._spend", stalled)
    assert "Another worker" in deliver(message, NOW).last_error
    assert not twilio.messages
    assert SentText.objects.get().handed_at == NOW
