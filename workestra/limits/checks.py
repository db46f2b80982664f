"""System checks of the limits."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from workestra.limits.domain.rates import rate_of


@register
def limits_can_be_read(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A misspelled limit is found at the start, not by the first visitor."""
    wrong: list[CheckMessage] = []
    for name, text in settings.LIMITS.items():
        try:
            rate_of(text)
        except ValueError as error:
            wrong.append(Error(f"LIMIT_{name.upper()}: {error}.", id="limits.E001"))
    return wrong
