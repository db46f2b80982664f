"""Tags every page may use: icons, avatars, stylesheets, the mark."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from zlib import crc32

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.forms import BaseForm, BoundField, CheckboxInput
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from workestra.look import stylesheets as sheets
from workestra.look.forms import Switch
from workestra.look.icons import sprite
from workestra.look.storage import BundledStaticFilesStorage

register = template.Library()


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """A decorative icon. `size` is "", "s", "l" or "xl". Names: docs/look.md."""
    return _icon(name, size, static(sprite(name)))


# A page has a dozen of them, and of most several.
@lru_cache(maxsize=1024)
def _icon(name: str, size: str, sprite_url: str) -> SafeString:
    classes = f"ic {size}".rstrip()
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', classes, sprite_url, name
    )


@register.simple_tag
def avatar(name: str, size: str = "") -> SafeString:
    """Initials in a circle, in one of eight hues that stays with the name. `size` is "", "s", "l" or "xl"."""
    classes = f"av h{crc32(name.encode()) % 8 + 1} {size}".rstrip()
    return format_html('<span class="{}" aria-hidden="true">{}</span>', classes, initials(name))


def initials(name: str) -> str:
    """First letters of the first and the last word: "Alice Okafor" -> "AO", "Emi" -> "E", "" -> "?"."""
    words = name.split()
    if not words:
        return "?"
    ends = words[:1] if len(words) == 1 else [words[0], words[-1]]
    return "".join(word[0] for word in ends).upper()


@register.simple_tag
def stylesheets(bundle: str) -> SafeString:
    """Links to the stylesheets of a bundle ("work", "public": workestra/look/stylesheets.py), in order."""
    return format_html_join(
        "\n", '<link rel="stylesheet" href="{}">', ((static(path),) for path in _paths(bundle))
    )


def _paths(bundle: str) -> tuple[str, ...]:
    if isinstance(staticfiles_storage, BundledStaticFilesStorage) and not settings.DEBUG:
        return (sheets.joined(bundle),)
    return sheets.files(bundle)


# --- Form markup (templates/django/forms/) ---


@register.filter
def field_kind(field: BoundField) -> str:
    """A field's shape: "switch", "check" (label on the right), "group" (legend) or "line" (label above)."""
    widget = field.field.widget
    if isinstance(widget, Switch):
        return "switch"
    if isinstance(widget, CheckboxInput):
        return "check"
    return "group" if widget.use_fieldset else "line"


@register.filter
def optional_mark(field: BoundField) -> SafeString | str:
    """ " (optional)" after the label of a field that may stay empty."""
    if field.field.required or field.field.disabled:
        return ""
    return format_html(' <span class="opt">({})</span>', "optional")


@register.simple_tag
def widget_classes(widget: dict[str, Any]) -> str:
    """Classes of a text-like widget: the design's, then those of its `attrs`."""
    own = ["in"]
    if widget.get("type") in {"number", "time", "date", "datetime-local"}:
        own.append("num")
    return " ".join([*own, *str(widget["attrs"].get("class", "")).split()])


@register.filter
def faulty_fields(form: BaseForm) -> list[BoundField]:
    """The visible fields with errors, in the form's order; then those of its `parts`, forms of which it consists."""
    parts: Sequence[BaseForm] = getattr(form, "parts", ())
    return [field for each in (form, *parts) for field in each.visible_fields() if field.errors]
