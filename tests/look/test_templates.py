"""What a strict Content-Security-Policy and autoescaping forbid, in every template there is."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

ROOT = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(path for path in ROOT.rglob("*") if path.suffix in {".html", ".txt"})
PAGES = [
    path
    for path in TEMPLATES
    if path.suffix == ".html" and "mail" not in path.parts and not re.match(r"_mail_|base_mail", path.name)
]
FORBIDDEN = {
    "a style attribute": r"\sstyle\s*=",
    "a style element": r"<style",
    "an inline script": r"<script(?![^>]*\ssrc=)",
    "an event handler": r"\son[a-z]+\s*=",
    "hx-on": r"\shx-on[:-]",
    "evaluated values": r"hx-(?:vals|headers)\s*=\s*['\"]\s*js:",
    "a javascript: address": r"javascript:",
    "another site's script or style": r"<(?:script|link|img)[^>]*(?:src|href)=[\"']https?:",
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_has_nothing_inline(path: Path) -> None:
    text = re.sub(r"{% comment %}.*?{% endcomment %}", "", path.read_text(), flags=re.DOTALL)
    assert [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_nothing_is_marked_safe(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\|\s*(?:safe|safeseq)\b", text)
    if path.suffix == ".html":
        assert not re.search(r"{%\s*autoescape\s+off", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_it_compiles(path: Path) -> None:
    get_template(name(path))
