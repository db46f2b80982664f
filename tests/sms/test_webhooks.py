"""What Twilio tells, signed as Twilio signs it."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from twilio.request_validator import RequestValidator

from tests.fakes.twilio import TOKEN
from tests.sms.making import PRIYA
from workestra.accounts.models import Workspace
from workestra.notifications.models import OutboxMessage
from workestra.sms.models import Consent, SentText

SID = "SM" + "ab" * 16
INBOUND = "/api/sms/inbound"


def told(
    path: str, form: dict[str, str], *, url: str = "http://localhost:8000", token: str = TOKEN, **more: Any
) -> HttpResponse:
    signature = RequestValidator(token).compute_signature(f"{url}{path}", form)
    client = Client(enforce_csrf_checks=True)
    return client.post(path, form, headers={"X-Twilio-Signature": signature} | more)


def heard(body: str, sid: str = SID, **more: str) -> HttpResponse:
    return told(INBOUND, {"From": PRIYA, "To": "+14155550123", "Body": body, "MessageSid": sid} | more)


@pytest.mark.django_db
def test_stop_start_and_help_are_heard_once_each_and_answered(ready: None) -> None:
    for number, word in enumerate(("STOP", "start", "Help", "Hello there")):
        sid = f"SM{number:032}"
        answers = {heard(word, sid).content.decode() for _time in range(2)}
        assert len(answers) == 1
        (answer,) = answers
        assert answer.startswith('<?xml version="1.0" encoding="UTF-8"?><Response')
        assert ("<Message>" in answer) == (word != "Hello there")
    assert list(Consent.objects.order_by("id").values_list("kind", "how", "number")) == [
        ("stopped", "text", PRIYA),
        ("started", "text", PRIYA),
    ]


@pytest.mark.django_db
def test_where_twilio_has_answered_already_we_do_not(ready: None) -> None:
    assert "<Message>" not in heard("STOP", OptOutType="STOP").content.decode()
    assert Consent.objects.get().kind == "stopped"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "how",
    [{"token": "another"}, {"url": "https://elsewhere.example"}, {"X-Twilio-Signature": ""}],
    ids=["another token", "another address", "none"],
)
def test_what_twilio_did_not_sign_is_refused_and_changes_nothing(how: dict[str, str], ready: None) -> None:
    form = {"From": PRIYA, "Body": "STOP", "MessageSid": SID}
    assert told(INBOUND, form, **how).status_code == 403
    assert not Consent.objects.exists()


@pytest.mark.django_db
def test_a_signature_of_other_contents_or_of_no_token_is_refused(ready: None, settings: Any) -> None:
    form = {"From": PRIYA, "Body": "STOP", "MessageSid": SID}
    signature = RequestValidator(TOKEN).compute_signature(f"http://localhost:8000{INBOUND}", form)
    more = form | {"From": "+12024561112"}
    assert Client().post(INBOUND, more, headers={"X-Twilio-Signature": signature}).status_code == 403
    settings.TWILIO_AUTH_TOKEN = ""
    assert told(INBOUND, form, token="").status_code == 403
    assert not Consent.objects.exists()


@pytest.mark.django_db
def test_the_port_may_be_signed_or_not(ready: None, settings: Any) -> None:
    settings.SITE_URL = "https://scheduling.example.com"
    for url in ("https://scheduling.example.com", "https://scheduling.example.com:443"):
        assert told(INBOUND, {"From": PRIYA, "Body": "x", "MessageSid": SID}, url=url).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "number", ["", "+", "STOP", "+1 202", "anonymous", "+" + "1" * 40, "whatsapp:+12024561111"]
)
def test_only_numbers_are_heard(number: str, ready: None) -> None:
    assert told(INBOUND, {"From": number, "Body": "STOP", "MessageSid": SID}).status_code == 200
    assert not Consent.objects.exists()


@pytest.fixture
def sent(ready: None, workspace: Workspace, NOW: datetime) -> SentText:
    message = OutboxMessage.objects.create(
        workspace=workspace, topic="n", topic_id=uuid4(), kind="k", recipient="a@b.c", seq=0, sent_at=NOW
    )
    return SentText.objects.create(message=message, number=PRIYA, body=b"", parts=1, sid=SID, status="queued")


def status_told(text: SentText, status: str, sid: str = SID, **more: str) -> int:
    path = reverse("sms:status", args=[text.message_id])
    return told(path, {"MessageSid": sid, "MessageStatus": status} | more).status_code


def test_what_becomes_of_a_text_is_told_late_twice_and_out_of_order(sent: SentText) -> None:
    for told_now, known in (
        ("sending", "sending"),
        ("sent", "sent"),
        ("queued", "sent"),
        ("nonsense", "sent"),
        ("delivered", "delivered"),
        ("sent", "delivered"),
        ("undelivered", "delivered"),
    ):
        assert status_told(sent, told_now) == 204
        sent.refresh_from_db()
        assert sent.status == known


def test_why_a_text_did_not_arrive_is_kept(sent: SentText) -> None:
    assert status_told(sent, "undelivered", ErrorCode="30003") == 204
    sent.refresh_from_db()
    assert (sent.status, sent.error_code) == ("undelivered", "30003")


def test_another_text_or_none_is_not_found(sent: SentText) -> None:
    assert status_told(sent, "delivered", sid="SM" + "0" * 32) == 404
    assert status_told(SentText(message_id=uuid4()), "delivered") == 404
    sent.refresh_from_db()
    assert sent.status == "queued"


def test_what_is_told_of_a_text_that_was_found_as_anothers_is_kept_there(
    sent: SentText, NOW: datetime
) -> None:
    message = OutboxMessage.objects.create(
        workspace=sent.message.workspace, topic="n", topic_id=uuid4(), kind="k", recipient="a@b.c", seq=0
    )
    twin = SentText.objects.create(message=message, number=PRIYA, body=b"", parts=1, handed_at=NOW)
    assert status_told(twin, "delivered") == 204
    sent.refresh_from_db()
    twin.refresh_from_db()
    assert (sent.status, twin.sid) == ("delivered", "")
