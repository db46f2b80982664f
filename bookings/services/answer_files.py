"""Files that answer questions: kept from the first time they are sent, and given to the booking once there is one."""

import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid4

from bookings import storage
from bookings.models import AnswerFile
from bookings.selectors import PendingFile
from scheduling.models import BookingLink
from workestra.accounts.domain.tokens import token_hash
from workestra.uploads.taking import Upload


class NotKept(Exception):
    """There was no room for the file."""


def keep(*, link: BookingLink, question: str, upload: Upload, now: datetime) -> PendingFile:
    """Keep a file until its booking is made, for a day at most. Raises NotKept."""
    file_id, key = uuid4(), secrets.token_urlsafe(32)
    try:
        storage.write(file_id, upload.content)
    except OSError as error:
        raise NotKept from error
    file = AnswerFile.objects.create(
        id=file_id,
        workspace_id=link.workspace_id,
        link=link,
        question=question,
        key_hash=token_hash(key),
        name=upload.name,
        content_type=upload.kind.value,
        size=len(upload.content),
        created_at=now,
    )
    return PendingFile(file.pk, key, file.name, file.size)


def attach(*, file_ids: Collection[UUID], series_id: UUID) -> None:
    """Give waiting files to a series of bookings, in the transaction of its first one."""
    AnswerFile.objects.filter(pk__in=file_ids, series_id=None).update(series_id=series_id)
