"""Agreeing to text messages and ending them; hosts' own numbers; what the carrier tells of a text."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from workestra.accounts.models import Membership, Workspace
from workestra.audit import services as audit
from workestra.limits import services as limits
from workestra.notifications import services as outbox
from workestra.sms import selectors
from workestra.sms.domain.words import Keyword, own_agreement
from workestra.sms.effects import CODE, VALID_FOR, is_code
from workestra.sms.models import Consent, HostNumber, SentText, Stopped

MOST_TRIES: Final = 5
_RANKS: Final = {
    status: rank
    for rank, statuses in enumerate(
        (
            ("", "accepted", "scheduled"),
            ("queued",),
            ("sending",),
            ("sent",),
            ("delivered", "undelivered", "failed", "canceled"),
            ("read",),
        )
    )
    for status in statuses
}
"""How far a text has come with each status; what is told late does not undo what is known already."""
_SAID: Final = {Keyword.STOP: Consent.Kind.STOPPED, Keyword.START: Consent.Kind.STARTED}


class WrongCode(Exception):
    """The code is not the one that was sent last. `tries_left` more may be typed before it is void."""

    def __init__(self, tries_left: int) -> None:
        super().__init__("wrong code")
        self.tries_left = tries_left


class CodeVoid(Exception):
    """There is no code to type: it is too old, or was guessed at too often."""


class NumberStopped(Exception):
    """The phone has said STOP, and only the phone can take that back."""


def agree(*, workspace_id: UUID, number: str, wording: str, booking_id: UUID, now: datetime) -> Consent:
    """Write down that whoever booked agreed to texts at this number, to these words."""
    return Consent.objects.create(
        workspace_id=workspace_id,
        number=number,
        kind=Consent.Kind.GIVEN,
        how=Consent.How.BOOKING,
        wording=wording,
        booking_id=booking_id,
        at=now,
    )


def hear(*, number: str, keyword: Keyword, sid: str, now: datetime) -> None:
    """The phone asks for an end of texts, or for them again. The same text told twice counts once."""
    if keyword in _SAID:
        Consent.objects.bulk_create(
            [Consent(number=number, kind=_SAID[keyword], how=Consent.How.TEXT, sid=sid, at=now)],
            ignore_conflicts=True,
        )


def note_status(*, message_id: UUID, sid: str, status: str, error_code: str, now: datetime) -> bool:
    """Twilio tells what has become of a text; whether there is such a text. Told late or twice, it changes nothing.

    A text whose answer was lost gets its sid in this way.
    """
    with transaction.atomic():
        texts = SentText.objects.select_for_update()
        text = texts.filter(message=message_id).first()
        if text is not None and not text.sid:
            # Of two with the same words and a lost answer each, one may have been found as the other's.
            text = texts.filter(sid=sid).first() or text
        if text is None or text.sid not in {"", sid}:
            return False
        if status in _RANKS and (not text.sid or _RANKS[status] > _RANKS.get(text.status, 0)):
            text.sid, text.status, text.error_code, text.status_at = sid, status, error_code, now
            text.save(update_fields=["sid", "status", "error_code", "status_at"])
    return True


def enter_number(*, by: Membership, number: str, now: datetime) -> HostNumber:
    """The member wants texts at this number: a code goes there, and until he types it nothing else does.

    For callers outside of transactions. Raises: LimitReached; NumberStopped.
    """
    if selectors.has_stopped(number):
        raise NumberStopped
    limits.spend("text_codes", str(by.pk))
    limits.spend("text_codes", number)
    with transaction.atomic():
        earlier = _locked(by)
        if earlier is not None and earlier.number != number:
            _withdraw(earlier, now)
        asked = earlier or HostNumber(workspace_id=by.workspace_id, user_id=by.user_id, generation=0)
        asked.number, asked.code_sent_at = number, now
        asked.generation, asked.tries, asked.confirmed_at = asked.generation + 1, 0, None
        asked.save()
        outbox.enqueue(
            workspace_id=by.workspace_id,
            topic="sms.number",
            topic_id=asked.pk,
            kind=CODE,
            recipient=number,
            seq=asked.generation,
        )
    return asked


def confirm_number(*, by: Membership, code: str, now: datetime) -> HostNumber:
    """The member has the phone: from now on he is texted there. Raises: CodeVoid; WrongCode."""
    with transaction.atomic():
        asked = _locked(by)
        if (
            asked is None
            or asked.confirmed_at
            or asked.tries >= MOST_TRIES
            or now > asked.code_sent_at + VALID_FOR
        ):
            raise CodeVoid
        is_right = is_code(asked, code)
        if is_right:
            asked.confirmed_at = now
            asked.save(update_fields=["confirmed_at"])
            Consent.objects.create(
                workspace_id=by.workspace_id,
                number=asked.number,
                kind=Consent.Kind.GIVEN,
                how=Consent.How.OWN_NUMBER,
                wording=own_agreement(by.workspace.name),
                at=now,
            )
            _record("number.confirmed", by, asked, now)
        else:
            HostNumber.objects.filter(pk=asked.pk).update(tries=F("tries") + 1)
    if not is_right:
        raise WrongCode(MOST_TRIES - asked.tries - 1)
    return asked


def forget_number(*, by: Membership, now: datetime) -> None:
    """The member wants no more texts; nothing when there is no number."""
    with transaction.atomic():
        asked = _locked(by)
        if asked is not None:
            _withdraw(asked, now)
            _record("number.removed", by, asked, now)
            asked.delete()


def erase(
    *, numbers: Collection[str], booking_ids: Collection[UUID], message_ids: Collection[UUID], now: datetime
) -> None:
    """Forget what was agreed to with these bookings, and these texts. In the caller's transaction.

    A STOP of one of the numbers stands: from now on it is known by a hash of the number.
    """
    SentText.objects.filter(message__in=message_ids).delete()
    Consent.objects.filter(booking_id__in=booking_ids, number__in=numbers).delete()
    for number in numbers:
        if selectors.has_stopped(number):
            key, *former = selectors.number_hashes(number)
            Stopped.objects.filter(number_hash__in=former).delete()
            Stopped.objects.get_or_create(number_hash=key, defaults={"at": now})
        else:
            # The phone may have said START since; the row that tells so goes below.
            Stopped.objects.filter(number_hash__in=selectors.number_hashes(number)).delete()
        if not HostNumber.objects.filter(number=number).exists():
            # What the phone said is about every workspace: where others text it, they go by the hash.
            Consent.objects.filter(number=number, workspace=None).delete()


def _locked(by: Membership) -> HostNumber | None:
    rows = HostNumber.objects.select_for_update().filter(workspace=by.workspace_id, user=by.user_id)
    return rows.first()


def _withdraw(asked: HostNumber, now: datetime) -> None:
    if asked.confirmed_at and not _is_shared(asked):
        Consent.objects.create(
            workspace_id=asked.workspace_id,
            number=asked.number,
            kind=Consent.Kind.WITHDRAWN,
            how=Consent.How.OWN_NUMBER,
            at=now,
        )


def _is_shared(asked: HostNumber) -> bool:
    """Whether a colleague has confirmed this number as his, too: what he agreed to stands. One at a time is asked, so
    that of two who remove it together the second knows."""
    Workspace.objects.select_for_update(no_key=True).get(pk=asked.workspace_id)
    return (
        selectors.confirmed_numbers(asked.workspace_id)
        .filter(number=asked.number)
        .exclude(pk=asked.pk)
        .exists()
    )


def _record(action: str, by: Membership, asked: HostNumber, now: datetime) -> None:
    audit.record(
        workspace_id=by.workspace_id,
        action=action,
        target_type="number",
        target_id=asked.pk,
        target_name=f"{by.user.name}, number ending in {asked.number[-2:]}",
        at=now,
        actor=by.user,
    )
