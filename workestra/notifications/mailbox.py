"""A mail backend that delivers nothing: every mail lands in the database, where /mailbox shows it.

The worker sends and the web process shows, so the catch is kept where both can see it.
"""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from workestra.notifications.domain.mails import read_invite, read_mail, to_wire
from workestra.notifications.models import CaughtMail


class MailboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Catch the mails; returns how many."""
        return len(CaughtMail.objects.bulk_create(_caught(mail) for mail in email_messages))


def _caught(message: EmailMessage) -> CaughtMail:
    raw = to_wire(message.message())
    mail = read_mail(raw)
    invite = read_invite(mail.ics)
    return CaughtMail(
        message_id=mail.message_id,
        subject=mail.subject,
        sender=mail.sender,
        recipients=mail.recipients,
        invite_uid=invite.uid if invite else "",
        invite_method=invite.method if invite else "",
        invite_sequence=invite.sequence if invite else None,
        raw=raw,
    )
