"""The mail to somebody whose account can no longer be used."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from workestra.calendars.mirror import BROKEN_MAIL
from workestra.calendars.models import CalendarAccount
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renders


@renders(BROKEN_MAIL, "Account to reconnect")
def broken(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
    """Says which account it is, since when, and where to connect it again; nothing when that was done meanwhile."""
    account = (
        CalendarAccount.objects.filter(pk=message.topic_id, breaks=message.seq)
        .select_related("user", "workspace")
        .defer("credentials")
        .first()
    )
    if account is None or not account.is_broken:
        return Skip("The account was connected again, or is gone")
    context = {
        "account": account,
        "org": account.workspace,
        "zone": ZoneInfo(account.user.timezone),
        "heading": f"{account.kind.label} needs reconnecting",
        "recipient": message.recipient,
        "address": settings.SITE_URL + reverse("calendars:accounts"),
    }
    subject, text, html = (
        render_to_string(f"calendars/mail/account_broken.{ending}", context)
        for ending in ("subject.txt", "txt", "html")
    )
    mail = EmailMultiAlternatives(subject.strip(), text, settings.DEFAULT_FROM_EMAIL, [message.recipient])
    mail.attach_alternative(html, "text/html")
    return mail
