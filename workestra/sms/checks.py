"""System checks of the text messages."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from workestra.sms.numbers import BadNumber, exists, number_of


@register
def texts_have_a_sender_and_countries(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A sender nobody can answer cannot take a STOP, and a misspelled country would silently be none."""
    found: list[CheckMessage] = []
    if settings.TWILIO_FROM:
        try:
            is_number = number_of(settings.TWILIO_FROM, "") == settings.TWILIO_FROM
        except BadNumber:
            is_number = False
        if not is_number:
            found.append(
                Error(
                    "TWILIO_FROM is no phone number in E.164, such as +14155550123.",
                    hint="Short codes and names as senders go through TWILIO_MESSAGING_SERVICE_SID.",
                    id="sms.E001",
                )
            )
    unknown = [region for region in settings.SMS_COUNTRIES if not exists(region.upper())]
    if unknown:
        found.append(
            Error(
                f"SMS_COUNTRIES names what is no country: {', '.join(unknown)}.",
                hint="Two letters each (ISO 3166-1), comma-separated: DE,AT,CH.",
                id="sms.E002",
            )
        )
    return found
