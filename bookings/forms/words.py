"""What somebody adds to a mail about a booking, in his own words."""

from typing import Any, Final

from django import forms

from workestra.look.fields import LinesField

MOST: Final = 500
"""Characters, as many as a person reads before a meeting."""


class WordsField(LinesField):
    """A reason or a message of a few lines, which may be left out; `help_text` says where it is read."""

    def __init__(self, *, label: str, help_text: str, rows: int = 2, **more: Any) -> None:
        super().__init__(
            max_length=MOST,
            required=False,
            widget=forms.Textarea(attrs={"rows": rows}),
            label=label,
            help_text=f"{help_text} At most {MOST} characters.",
            error_messages={"max_length": f"Keep the {label.lower()} to {MOST} characters."},
            **more,
        )
