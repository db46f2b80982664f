"""Telling the owner of a link what somebody else has done with it: in the product and by mail, once."""

from uuid import UUID

from django.urls import reverse

from managed_events.domain.news import ADOPTED, GIVEN, News, of_adoption, of_gift
from managed_events.domain.words import short_names
from managed_events.models import ManagedEventTemplate
from scheduling.models import BookingLink
from workestra.accounts.models import User
from workestra.audit.models import AuditEvent
from workestra.notifications import services as notifications


def tell_adopted(link: BookingLink, template: ManagedEventTemplate, event: AuditEvent) -> None:
    """Its owner's link follows the template now, as `event` recorded."""
    news = of_adoption(
        actor=event.actor_name,
        title=event.before.get("title", link.title),
        template=template.title,
        locked=short_names(link.locked_sections),
    )
    _tell(ADOPTED, link, link.owner, event, news)


def tell_given(link: BookingLink, event: AuditEvent) -> None:
    """The link is its new owner's, as `event` recorded."""
    news = of_gift(actor=event.actor_name, title=link.title, former=event.before["owner"])
    _tell(GIVEN, link, link.owner, event, news)


def _tell(kind: str, link: BookingLink, owner: User, event: AuditEvent, news: News) -> None:
    """Who did it himself need not be told."""
    if event.actor_id == owner.pk:
        return
    key: UUID = event.pk
    notifications.notify(
        workspace_id=link.workspace_id,
        user_id=owner.pk,
        kind=kind,
        topic_id=key,
        title=news.headline,
        rows=[("What", news.text), ("Address", f"/book/{link.slug}")],
        path=reverse("scheduling:link_edit", args=[link.pk]),
    )
    notifications.enqueue(
        workspace_id=link.workspace_id,
        topic="link_news",
        topic_id=key,
        kind=kind,
        recipient=owner.email,
        seq=0,
    )
