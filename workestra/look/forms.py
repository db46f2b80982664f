"""Form markup of the whole site: `{{ form.title.as_field_group }}` prints the design's field.

Templates are in templates/django/forms/. A widget's classes come from its template, never from a form.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Renders forms with the project's templates, which see the same tags and context as its pages."""


class Switch(forms.CheckboxInput):
    """A checkbox that saves or reveals something, with its label on the right."""

    template_name = "django/forms/widgets/switch.html"


class Picks(forms.RadioSelect):
    """One answer out of a few, as chips."""

    template_name = "django/forms/widgets/picks.html"


class PicksMultiple(forms.CheckboxSelectMultiple):
    """Any number of answers out of a few, as chips."""

    template_name = "django/forms/widgets/picks.html"


class Segments(forms.RadioSelect):
    """One of two to four short choices, side by side: filters and modes."""

    template_name = "django/forms/widgets/segments.html"


class Affixed(forms.TextInput):
    """A text field with something fixed before it, such as "/book/"."""

    template_name = "django/forms/widgets/affixed.html"

    def __init__(self, prefix: str, attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(dict(attrs or {}))
        self.prefix = prefix

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["prefix"] = self.prefix
        return context


class DateField(forms.DateInput):
    """The browser's own date picker. Values travel as 2026-11-12."""

    input_type = "date"

    def __init__(self, attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(dict(attrs or {}), format="%Y-%m-%d")


class TimeField(forms.TimeInput):
    """The browser's own time field. Values travel as 16:30."""

    input_type = "time"

    def __init__(self, attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(dict(attrs or {}), format="%H:%M")
