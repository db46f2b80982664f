"""Fields for plain text that people type."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from workestra.look.typed_text import BadText, lines, one_line


class LineField(forms.CharField):
    """One line of text, trimmed, without control characters."""

    def clean(self, value: Any) -> Any:
        return super().clean(_plain(one_line, value))


class LinesField(forms.CharField):
    """Text of several lines, trimmed, line breaks as "\\n", without other control characters."""

    widget = forms.Textarea

    def clean(self, value: Any) -> Any:
        return super().clean(_plain(lines, value))


def _plain(rule: Callable[[str], str], value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return rule(value)
    except BadText as error:
        raise ValidationError(str(error)) from error
