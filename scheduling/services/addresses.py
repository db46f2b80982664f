"""Addresses of booking links: which can be had, and giving one to a link for good."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected

from scheduling.domain import slugs
from scheduling.models import BookingLink, RetiredSlug

# A unique column's constraint has no name in the model; PostgreSQL names it after table and column.
_SLUG_UNIQUE: Final = "scheduling_booking_links_slug_key"


class SlugTaken(Exception):
    """Another link has this address, or had it, maybe of another workspace. Nothing was written."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class BadSlug(ValueError):
    """This cannot be an address; the text says why."""


def problem(slug: str, *, workspace_id: UUID, link_id: UUID | None, now: datetime) -> str:
    """Why the link (None: a new one) of this workspace cannot have the address at this moment; empty when it can.

    What `check` and `claim` say, without a lock: somebody may be faster.
    """
    wrong = slugs.problem(slug)
    if wrong:
        return wrong
    retired = RetiredSlug.objects.filter(slug=slug).first()
    is_kept = retired is not None and retired.is_kept_from(workspace_id, now)
    holder = BookingLink.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if is_kept or (holder is not None and holder != link_id):
        return taken_words(slug)
    return ""


def taken_words(slug: str) -> str:
    """That the address is taken, and which one is not."""
    return f"{slug} is taken. {free_slug(slug)} is free."


def free_slug(wanted: str) -> str:
    """`wanted` as a title or an address, made into an address that no link has at this moment, or had before."""
    # Numbered addresses are cut so that the number fits: they share their beginning with the one wanted.
    base = slugs.suggested_slug(wanted, ())[: slugs.MAX_LENGTH - 10]
    taken = set(BookingLink.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    taken |= set(RetiredSlug.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return slugs.suggested_slug(wanted, taken)


def check(slug: str) -> None:
    """Refuse what cannot be an address at all.

    Raises: BadSlug.
    """
    wrong = slugs.problem(slug)
    if wrong:
        raise BadSlug(wrong)


def save(link: BookingLink, **how: Any) -> None:
    """Write the link, `how` as of `Model.save`, as long as no other link has its address.

    Raises: SlugTaken.
    """
    try:
        with transaction.atomic():
            link.save(**how)
    except OperationalError as error:
        if isinstance(error.__cause__, DeadlockDetected):
            # Two links that trade addresses wait for each other.
            raise SlugTaken(link.slug) from error
        raise
    except IntegrityError as error:
        diagnostics = getattr(error.__cause__, "diag", None)
        if getattr(diagnostics, "constraint_name", None) == _SLUG_UNIQUE:
            raise SlugTaken(link.slug) from error
        raise


def claim(link: BookingLink, now: datetime) -> None:
    """Give the link the address it has just taken for good, unless it is kept for somebody else.

    After the link is written: who retires an address holds it until then.

    Raises: SlugTaken.
    """
    retired = RetiredSlug.objects.select_for_update().filter(slug=link.slug).first()
    if retired is None:
        return
    if retired.is_kept_from(link.workspace_id, now):
        raise SlugTaken(link.slug)
    retired.delete()


def retire(link: BookingLink, slug: str, now: datetime, *, gone: bool = False) -> None:
    """Remember an address that the link no longer has."""
    RetiredSlug.objects.bulk_create(
        [RetiredSlug(slug=slug, workspace_id=link.workspace_id, link=None if gone else link, retired_at=now)],
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=["workspace", "link", "retired_at"],
    )
