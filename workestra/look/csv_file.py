"""Rows as a CSV file that no spreadsheet takes for a program."""

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from django.http import StreamingHttpResponse

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet calculate a cell that begins with it."""


def csv_response(name: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> StreamingHttpResponse:
    """A file to download, sent line by line; a cell that could be a formula begins with an apostrophe."""
    writer = csv.writer(_Echo())
    lines: Iterator[str] = (writer.writerow(map(_safe, row)) for row in chain([head], rows))
    return StreamingHttpResponse(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class _Echo:
    """A file that hands back what is written, for a response that is sent line by line."""

    def write(self, line: str) -> str:
        return line


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
