"""What somebody adds to a mail about a booking, in his own words."""

from typing import Any, Final

from django import forms

from workestra.look.fields import LinesField

MOST: Final = 500
"""Characters, as many as a person reads before a meeting."""


class WordsField(LinesField):
    """A reason, a message or a note of a few lines, which may be left out; `help_text` says where it is read."""

    def __init__(self, *, label: str = "", help_text: str = "", rows: int = 2, **more: Any) -> None:
        super().__init__(
            max_length=MOST,
            required=False,
            widget=forms.Textarea(attrs={"rows": rows}),
            label=label or None,
            help_text=help_text and f"{help_text} At most {MOST} characters.",
            error_messages={"max_length": "%(show_value)d characters are too many. %(limit_value)d fit."},
            **more,
        )
