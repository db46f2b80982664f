"""Handing texts to the carrier, for the outbox. Safe to repeat, and to be killed at any point.

Before a text is handed over that is written down. Who dies before the answer is written leaves a text of which nobody
knows whether it was taken: it is looked for at the carrier first, and only what is not found is handed over again. What
the carrier tells of it meanwhile (`services.note_status`) is as good as having found it.
"""

from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from django.conf import settings
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from workestra.accounts.seals import seal
from workestra.limits import services as limits
from workestra.limits.services import LimitReached
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import LeftOut, Refused, Skip, Text, Wait, carries_texts, renders
from workestra.sms import selectors, setup
from workestra.sms.domain.segments import segments_of
from workestra.sms.models import Consent, HostNumber, SentText
from workestra.sms.twilio import StoppedThere, Taken, Twilio

CODE: Final = "sms.code"
VALID_FOR: Final = timedelta(minutes=10)
LONGEST: Final = 1600
"""Characters of a text that Twilio takes (error 21617)."""
IN_HAND: Final = 30.0
"""Seconds in which a worker that was taken for dead has his answer, or is."""
BLOCK: Final = 3
"""Numbers that differ in their last three digits alone are one block."""


@carries_texts
def hand_over(message: OutboxMessage, text: Text) -> bytes:
    """Hand a text to Twilio, once; what was handed over, with where to.

    Raises: LeftOut; Refused; Wait; CarrierAway.
    """
    sent, _made = SentText.objects.get_or_create(
        message=message,
        defaults={"number": text.to, "body": seal(text.body.encode()), "parts": segments_of(text.body).parts},
    )
    taken = Taken(sent.sid, sent.status) if sent.sid else None
    twilio = Twilio()
    if taken is None and sent.handed_at is not None:
        taken = _found(twilio, sent)
    if taken is None:
        taken = _sent(twilio, message, sent, text)
    if not sent.sid:
        SentText.objects.filter(pk=sent.pk, sid="").update(
            sid=taken.sid, status=taken.status, status_at=Now()
        )
    sent.refresh_from_db()
    return f"To: {sent.number}\nFrom: {_sender()}\nSid: {sent.sid}\n\n{sent.text}".encode()


def status_url(message: OutboxMessage) -> str:
    """Where Twilio tells what becomes of a text."""
    return f"{settings.SITE_URL}{reverse('sms:status', args=[message.pk])}"


def code_of(host_number: HostNumber) -> str:
    """The six digits that prove that somebody has this number. They are another with each code that is sent."""
    about = f"{host_number.pk} {host_number.number} {host_number.generation}"
    digest = salted_hmac("workestra.sms.code", about, algorithm="sha256").digest()
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06}"


def is_code(host_number: HostNumber, typed: str) -> bool:
    """Whether this is the code that was sent last."""
    return compare_digest(code_of(host_number).encode(), typed.encode())


@renders(CODE, "Code for a number")
def render_code(message: OutboxMessage, now: datetime) -> Text | Skip:
    """The code for a host's number."""
    asked = HostNumber.objects.select_related("workspace").filter(pk=message.topic_id).first()
    if asked is None or asked.generation != message.seq or asked.number != message.recipient:
        return Skip("Another number was entered since")
    if asked.confirmed_at:
        return Skip("The number is confirmed already")
    if now > asked.code_sent_at + VALID_FOR:
        return Skip("The code is no longer valid")
    if reason := setup.why_not():
        return Skip(reason)
    return Text(
        asked.number,
        f"{code_of(asked)} is your code for texts from {asked.workspace.name}. It is valid for ten minutes.",
    )


def _found(twilio: Twilio, sent: SentText) -> Taken | None:
    assert sent.handed_at is not None, "there is something to look for"
    others = SentText.objects.filter(number=sent.number).exclude(pk=sent.pk).exclude(sid="")
    return twilio.find(sent.number, sent.text, sent.handed_at, set(others.values_list("sid", flat=True)))


def _sent(twilio: Twilio, message: OutboxMessage, sent: SentText, text: Text) -> Taken:
    if len(text.body) > LONGEST:
        raise Refused(f"It has {len(text.body)} characters, and a text message has room for {LONGEST}")
    if sent.handed_at is None:
        _spend(message, text.to)
    _claim(sent, text)
    try:
        return twilio.send(text.to, text.body, status_url(message))
    except StoppedThere:
        _take_back(sent)
        if not selectors.has_stopped(text.to):
            Consent.objects.create(
                number=text.to,
                kind=Consent.Kind.STOPPED,
                how=Consent.How.CARRIER,
                at=timezone.now(),
            )
        raise LeftOut(selectors.NO_LONGER) from None
    except Refused:
        _take_back(sent)
        raise


def _claim(sent: SentText, text: Text) -> None:
    """Write down that it is handed over from here on, unless another worker, who took this one for dead, did so since.

    Raises: Wait.
    """
    as_read, sent.handed_at = sent.handed_at, timezone.now()
    sent.number, sent.body, sent.parts = text.to, seal(text.body.encode()), segments_of(text.body).parts
    unclaimed = SentText.objects.filter(pk=sent.pk, sid="", handed_at=as_read)
    values = {name: getattr(sent, name) for name in ("number", "body", "parts", "handed_at")}
    if not unclaimed.update(**values):
        raise Wait("Another worker is handing it over", IN_HAND)


def _take_back(sent: SentText) -> None:
    """Twilio has not got it: there is nothing to look for."""
    SentText.objects.filter(pk=sent.pk, handed_at=sent.handed_at).update(handed_at=None)


def _spend(message: OutboxMessage, number: str) -> None:
    """Raises: Wait when the number, its block of numbers or the workspace was sent enough; nothing is spent then."""
    spent: list[tuple[str, str]] = []
    for limit, subject in (
        ("texts_of_workspace_a_day", str(message.workspace_id)),
        ("texts_of_workspace", str(message.workspace_id)),
        ("texts_to_block", number[:-BLOCK]),
        ("texts_to_number_a_day", number),
        ("texts_to_number", number),
    ):
        try:
            limits.spend(limit, subject)
        except LimitReached as reached:
            for each in spent:
                limits.give_back(*each)
            raise Wait(reached.sentence, reached.wait) from reached
        spent.append((limit, subject))


def _sender() -> str:
    return settings.TWILIO_MESSAGING_SERVICE_SID or settings.TWILIO_FROM
