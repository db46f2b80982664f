"""Receives the files of forms: in memory, and never more than may be kept. Named in the settings."""

from io import BytesIO
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from scheduling.domain.questions import MAX_FILES
from workestra.uploads.kinds import MAX_BYTES

MAX_REQUEST_BYTES: Final = 100_000_000


class BoundedUploadHandler(FileUploadHandler):
    """Gives each file with its true size, and only the beginning of one that is too large: the form says so beside its
    field. A request that is far too large is not read at all (`RequestDataTooBig`: 400)."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._room = MAX_FILES * MAX_BYTES
        self._content = BytesIO()

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803  Django's name.
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        if content_length > MAX_REQUEST_BYTES:
            raise RequestDataTooBig("The request is larger than any form needs.")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._content = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) <= MAX_BYTES and len(raw_data) <= self._room:
            self._content.write(raw_data)
            self._room -= len(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        self._content.seek(0)
        return InMemoryUploadedFile(
            file=self._content,
            field_name=self.field_name,
            name=self.file_name or "",
            content_type=self.content_type or "",
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
