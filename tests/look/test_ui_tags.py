import re
from pathlib import Path

from django.conf import settings
from django.template import Context, Template

from workestra.look.icons import PUBLIC
from workestra.look.nav import GROUPS
from workestra.look.templatetags.ui import initials

BASE = Path(settings.BASE_DIR)


def render(source: str) -> str:
    return Template("{% load ui %}" + source).render(Context())


def test_an_icon_is_hidden_from_screen_readers() -> None:
    assert render('{% icon "lock" "s" %}') == (
        '<svg class="ic s" aria-hidden="true"><use href="/static/icons.svg#i-lock"/></svg>'
    )


def symbols(name: str) -> set[str]:
    return set(re.findall(r'<symbol id="i-([a-z0-9-]+)"', (BASE / "static" / name).read_text()))


def test_an_icon_is_taken_from_the_sprite_it_is_in() -> None:
    assert symbols("icons.svg") == PUBLIC
    assert symbols("icons-work.svg") & PUBLIC == set()
    assert "/icons-work.svg#i-layers" in render('{% icon "layers" %}')


def test_every_icon_a_template_or_the_navigation_names_is_there() -> None:
    named = {entry.icon for group in GROUPS for entry in group.entries}
    for template in (BASE / "templates").rglob("*.html"):
        named |= set(re.findall(r'{% icon "([^"]+)"', template.read_text()))
    assert named - symbols("icons.svg") - symbols("icons-work.svg") == set()


def test_a_public_page_names_only_public_icons() -> None:
    named = set()
    for template in (BASE / "templates").rglob("*.html"):
        text = template.read_text()
        if re.search(r'{% extends "base_(?:public|plain)', text):
            named |= set(re.findall(r'{% icon "([^"]+)"', text))
    assert named - PUBLIC == set()


def test_initials_are_those_of_the_first_and_the_last_name() -> None:
    assert initials("Alice Okafor") == "AO"
    assert initials("wei lin zhao") == "WZ"
    assert initials("Emi") == "E"
    assert initials("  ") == "?"


def test_a_person_keeps_the_same_avatar() -> None:
    first = render('{% avatar "Alice Okafor" "l" %}')
    assert first == render('{% avatar "Alice Okafor" "l" %}')
    assert re.fullmatch(r'<span class="av h[1-8] l" aria-hidden="true">AO</span>', first)


def test_a_name_is_never_markup() -> None:
    assert "<b>" not in render('{% avatar "<b>x</b> <i>y</i>" %}')
