"""The head of the mails to bookers: the link's logo, or the workspace's name."""

from dataclasses import dataclass

from django.conf import settings

from scheduling import selectors as scheduling
from scheduling.domain.logos import shown_size
from scheduling.models import BookingLink
from workestra.notifications.pictures import PicturedMail


@dataclass(frozen=True, slots=True)
class MailLogo:
    """A logo that comes with the mail; `cid` is how its HTML names it, the size is in CSS pixels."""

    cid: str
    width: int
    height: int
    content: bytes

    def put_into(self, mail: PicturedMail) -> None:
        mail.picture, mail.cid = self.content, self.cid


def logo_for_mail(link: BookingLink | None) -> MailLogo | None:
    """The logo of the link; None without one, and when the link is gone."""
    content = scheduling.logo(link.logo_id) if link and link.logo_id else None
    if link is None or link.logo_id is None or content is None:
        return None
    width, height = shown_size(link.logo_id)
    return MailLogo(f"{link.logo_id}@{settings.SITE_HOST}", width, height, content)
