"""A link's branding in pages."""

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from scheduling.domain.logos import shown_size

register = template.Library()


@register.simple_tag
def logo(key: str, alt: str) -> SafeString:
    """{% logo link.logo_id org.name %}: the picture with this key, as large as it is shown everywhere.

    Lazily, so that a page that is opened once more, in its visitor's zone, asks for it only then.
    """
    width, height = shown_size(key)
    return format_html(
        '<img class="logo" src="{}" width="{}" height="{}" alt="{}" loading="lazy">',
        reverse("scheduling:logo", args=[key]),
        width,
        height,
        alt,
    )
