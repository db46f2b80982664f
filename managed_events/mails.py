"""The mails to the owner of a link with which somebody else has done something."""

from datetime import datetime
from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from managed_events.domain.news import ADOPTED, GIVEN, News, of_adoption, of_gift
from managed_events.domain.words import short_names
from scheduling.models import BookingLink
from workestra.audit.models import AuditEvent
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renders

GONE = Skip("The link is gone, or somebody else’s by now")


@renders(ADOPTED, "Link adopted")
def adopted(message: OutboxMessage, now: datetime) -> EmailMultiAlternatives | Skip:
    """Says whose template the link follows, and what of it; nothing when it follows another, or none, by now."""
    event = AuditEvent.objects.get(pk=message.topic_id)
    link = _link_of(message, event.detail["link"])
    if link is None:
        return GONE
    if link.managed_event_template_id != event.target_id:
        return Skip("The link has been taken off the template")
    news = of_adoption(
        actor=event.actor_name,
        title=event.before.get("title", link.title),
        template=event.target_name,
        locked=short_names(link.locked_sections),
    )
    return _mail(message, link, news)


@renders(GIVEN, "Link handed over")
def given(message: OutboxMessage, now: datetime) -> EmailMultiAlternatives | Skip:
    """Says whose link it was, and what that means."""
    event = AuditEvent.objects.get(pk=message.topic_id)
    link = _link_of(message, str(event.target_id))
    if link is None:
        return GONE
    news = of_gift(actor=event.actor_name, title=link.title, former=event.before["owner"])
    return _mail(message, link, news)


def _link_of(message: OutboxMessage, link_id: str) -> BookingLink | None:
    links = BookingLink.objects.select_related("owner", "workspace")
    return links.filter(pk=link_id, owner__email=message.recipient).first()


def _mail(message: OutboxMessage, link: BookingLink, news: News) -> EmailMultiAlternatives:
    context = {
        "org": link.workspace,
        "news": news,
        "public": f"{settings.SITE_URL}/book/{link.slug}",
        "address": settings.SITE_URL + reverse("scheduling:link_edit", args=[link.pk]),
        "recipient": message.recipient,
    }
    subject, text, html = (
        render_to_string(f"managed_events/mail/link_news.{ending}", context)
        for ending in ("subject.txt", "txt", "html")
    )
    to = formataddr((link.owner.name, message.recipient))
    mail = EmailMultiAlternatives(subject.strip(), text, settings.DEFAULT_FROM_EMAIL, [to])
    mail.attach_alternative(html, "text/html")
    return mail
