"""Reads about text messages: who may be texted, and what became of those that were."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from workestra.accounts.models import Membership
from workestra.sms import setup
from workestra.sms.models import Consent, HostNumber, SentText, Stopped

NO_LONGER: Final = "This number replied STOP"


def why_not(workspace_id: UUID, number: str) -> str:
    """Why the workspace must not text this number; "" when it may. What was said last counts."""
    if reason := setup.why_not():
        return reason
    if not setup.is_reachable(number):
        return "Numbers of this country are not texted here"
    said = Consent.objects.filter(Q(workspace=workspace_id) | Q(workspace=None), number=number)
    kinds = list(said.order_by("-id").values_list("kind", flat=True))
    last = _last(kinds, Consent.Kind.STOPPED, Consent.Kind.STARTED)
    if last == Consent.Kind.STOPPED or (not last and _was_stopped(number)):
        return NO_LONGER
    if _last(kinds, Consent.Kind.GIVEN, Consent.Kind.WITHDRAWN) != Consent.Kind.GIVEN:
        return "Nobody agreed to text messages at this number"
    return ""


def has_stopped(number: str) -> bool:
    """Whether the last that the phone itself said is STOP."""
    said = Consent.objects.filter(number=number, workspace=None).order_by("-id")
    last = said.values_list("kind", flat=True).first()
    return last == Consent.Kind.STOPPED or (last is None and _was_stopped(number))


def host_number(workspace_id: UUID, user_id: UUID) -> HostNumber | None:
    """The number that the member entered, confirmed or not."""
    return HostNumber.objects.filter(workspace=workspace_id, user=user_id).first()


def confirmed_numbers(workspace_id: UUID) -> QuerySet[HostNumber]:
    """The numbers that members of the workspace have confirmed as theirs. Those of who has left are not among them."""
    members = Membership.objects.filter(workspace=workspace_id, is_active=True)
    return HostNumber.objects.filter(
        workspace=workspace_id, user__in=members.values("user"), confirmed_at__isnull=False
    )


def number_of_host(workspace_id: UUID, email: str) -> str:
    """The confirmed number of a member of the workspace, by his address; "" without one."""
    numbers = confirmed_numbers(workspace_id).filter(user__email=email)
    return numbers.values_list("number", flat=True).first() or ""


def why_not_own(workspace_id: UUID, number: str) -> str:
    """The same as `why_not` of a number that was written into a workflow: a tick on a booking form was about one
    meeting and is not enough, a member has to have confirmed it as his own."""
    if not confirmed_numbers(workspace_id).filter(number=number).exists():
        return "Nobody here has confirmed this number as his own"
    return why_not(workspace_id, number)


def texts_of(message_ids: Collection[UUID]) -> dict[UUID, SentText]:
    """What became of these outbox messages at the carrier, by message; those that are no texts, or not yet handed over,
    are not among them."""
    found = SentText.objects.filter(message__in=message_ids).defer("body")
    return {text.message_id: text for text in found}


def consents_of(workspace_id: UUID, numbers: Collection[str]) -> list[Consent]:
    """All that was said about texts to these numbers, in order: to the workspace, or to everybody."""
    said = Consent.objects.filter(Q(workspace=workspace_id) | Q(workspace=None), number__in=numbers)
    return list(said.order_by("id"))


def number_hashes(number: str) -> list[str]:
    """What an erased number may be known by, the one under the current key first; nothing else tells of the number."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        salted_hmac("workestra.sms.stopped", number, secret=key, algorithm="sha256").hexdigest()
        for key in keys
    ]


def _was_stopped(number: str) -> bool:
    """Whether the phone had said STOP when its owner was erased. Whatever it said since is in `Consent` again."""
    return Stopped.objects.filter(number_hash__in=number_hashes(number)).exists()


def _last(kinds: list[str], *among: str) -> str:
    return next((kind for kind in kinds if kind in among), "")
