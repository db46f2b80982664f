"""Keeping logos: a picture is kept once, from when it is sent until nobody names it any more."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from scheduling.domain.logos import LogoImage
from scheduling.models import Logo

UNNAMED_FOR: Final = timedelta(days=7)
"""How long a logo is kept that nobody names: so long may a form be open that was refused for something else."""

_BATCH: Final = 500


class LogoGone(Exception):
    """There is no such logo, or no more. Nothing was written."""

    def __init__(self) -> None:
        super().__init__("This logo is not there any more. Choose it again.")


def keep_logo(image: LogoImage, now: datetime) -> None:
    """Keep the picture. One that is there already is only remembered as sent now."""
    Logo.objects.bulk_create(
        [Logo(key=image.key, content=image.content, sent_at=now)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["sent_at"],
    )


def hold_logo(key: str | None) -> None:
    """Keep the logo from being removed until the transaction ends; None stands for no logo. Raises: LogoGone."""
    if key and not Logo.objects.select_for_update(no_key=True).filter(pk=key).exists():
        raise LogoGone


def remove_unnamed(now: datetime) -> int:
    """Remove logos that no link, no template and no version names any more, some hundreds at a time; how many.

    Safe to repeat, and to run twice at once.
    """
    names = [relation.name for relation in Logo._meta.related_objects]
    unnamed = Logo.objects.filter(
        sent_at__lt=now - UNNAMED_FOR, **{f"{name}__isnull": True for name in names}
    )
    with transaction.atomic():
        found = list(unnamed.values_list("pk", flat=True)[:_BATCH])
        held = (
            Logo.objects.filter(pk__in=found).select_for_update(skip_locked=True).values_list("pk", flat=True)
        )
        # Asked again under the locks: somebody may have sent or named one in between.
        return unnamed.filter(pk__in=list(held)).delete()[0]
