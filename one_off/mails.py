"""The mails about what invitees propose: to the host, and back when nothing of it suits him."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from one_off.domain.mail_kinds import DECLINED_INVITEE, PROPOSED_HOST
from one_off.models import OneOff, Proposal
from one_off.selectors import token_of
from workestra.accounts import selectors as accounts
from workestra.calendars.domain import clock_words as words
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renders

_GONE: Final = Skip("It was answered, or another proposal came after it")


@renders(PROPOSED_HOST, "Proposed times")
def proposed(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
    """Who proposes what, and where the host answers."""
    proposal = _proposal(message)
    if proposal is None or proposal.state != Proposal.State.WAITING:
        return _GONE
    answers = accounts.active_members_of(proposal.one_off.workspace_id).filter(user=proposal.host)
    if not answers.filter(user__email=message.recipient).exists():
        return Skip("He does not answer it any more")
    one_off = proposal.one_off
    zone = ZoneInfo(one_off.timezone)
    context = {
        "heading": f"{proposal.name} proposes other times",
        "address": f"{settings.SITE_URL}{reverse('one_off:list')}#proposals",
        "times": _times(proposal, zone),
    }
    return _mail("proposed_host", message, proposal, context)


@renders(DECLINED_INVITEE, "Proposed times declined")
def declined(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
    """That none of his times suits; with the address of those that are still offered, if there are any."""
    proposal = _proposal(message)
    if proposal is None or proposal.state != Proposal.State.DECLINED:
        return _GONE
    one_off = proposal.one_off
    token = token_of(one_off) if one_off.state_at(now) == OneOff.State.OPEN else None
    context = {
        "heading": f"{proposal.host.first_name} cannot make the times you proposed",
        "address": f"{settings.SITE_URL}{reverse('one_off:pick', args=[token])}" if token else "",
        "times": _times(proposal, ZoneInfo(proposal.timezone)),
        "keeps": proposal.attendee_id is not None,
    }
    return _mail("declined_invitee", message, proposal, context)


def _proposal(message: OutboxMessage) -> Proposal | None:
    rows = Proposal.objects.select_related("one_off__host", "one_off__workspace", "attendee__booking__host")
    return rows.filter(pk=message.topic_id).first()


def _times(proposal: Proposal, zone: ZoneInfo) -> list[str]:
    """ "Mon 16 Nov, 10:00 – 10:45, New York time (EST)"."""
    return [
        f"{words.day(period.start.astimezone(zone).date())}, "
        f"{words.clock_range(period.start, period.end, zone)}, {words.zone_in_public(period.start, zone)}"
        for period in proposal.periods
    ]


def _mail(name: str, message: OutboxMessage, proposal: Proposal, more: dict[str, Any]) -> EmailMessage:
    context = more | {
        "proposal": proposal,
        "one_off": proposal.one_off,
        "org": proposal.one_off.workspace,
        "recipient": message.recipient,
    }
    subject, text, html = (
        render_to_string(f"one_off/mail/{name}.{ending}", context)
        for ending in ("subject.txt", "txt", "html")
    )
    mail = EmailMultiAlternatives(subject.strip(), text, settings.DEFAULT_FROM_EMAIL, [message.recipient])
    mail.attach_alternative(html, "text/html")
    return mail
