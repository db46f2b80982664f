"""System checks of the notifications app."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register
def mailbox_stays_local(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The mailbox shows every mail to whoever asks: it must not exist where others can reach it."""
    if settings.MAILBOX_ENABLED and not settings.LOCAL_SITE:
        return [
            Error(
                f"The local mailbox is on, and {settings.SITE_HOST} is not this machine.",
                hint="Set EMAIL_URL to a mail server (smtp://user:password@host:587?tls=true).",
                id="notifications.E001",
            )
        ]
    return []
