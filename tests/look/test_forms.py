import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django import forms
from django.template.loader import render_to_string

from workestra.look.forms import Affixed, DateField, Picks, PicksMultiple, Segments, Switch, TimeField

CHOICES = [("a", "Just me"), ("b", "2 to 5")]


class Everything(forms.Form):
    title = forms.CharField(help_text="Shown to <bookers>.", error_messages={"required": "Add a title."})
    note = forms.CharField(widget=forms.Textarea, required=False)
    count = forms.IntegerField(required=False)
    day = forms.DateField(widget=DateField, required=False)
    at = forms.TimeField(widget=TimeField, required=False)
    length = forms.ChoiceField(choices=CHOICES)
    agree = forms.BooleanField(required=False, help_text="Only then.")
    pay = forms.BooleanField(widget=Switch, required=False)
    size = forms.ChoiceField(choices=CHOICES, widget=Picks)
    tools = forms.MultipleChoiceField(choices=CHOICES, widget=PicksMultiple, required=False)
    scope = forms.ChoiceField(choices=CHOICES, widget=Segments)
    several = forms.MultipleChoiceField(choices=CHOICES, widget=forms.CheckboxSelectMultiple, required=False)
    slug = forms.SlugField(widget=Affixed("/book/", {"class": "slug"}))


def field(name: str, form: forms.Form | None = None) -> str:
    html = str((form or Everything())[name].as_field_group())
    return re.sub(r"\s+", " ", re.sub(r"\s+>", ">", html))


class Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.wanted: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "id":
                self.ids.append(value or "")
            if key in {"for", "aria-describedby"}:
                self.wanted += (value or "").split()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (
            "title",
            ['<label for="id_title">Title</label>', 'class="in"', '<p class="hint" id="id_title_helptext">'],
        ),
        ("note", ['<span class="opt">(optional)</span>', "<textarea", 'class="in"']),
        ("count", ['type="number"', 'class="in num"']),
        ("day", ['type="date"', 'class="in num"']),
        ("at", ['type="time"', 'class="in num"']),
        ("length", ["<select", 'class="in"']),
        ("agree", ['<label class="check" for="id_agree"><input type="checkbox"', '<small class="hint"']),
        ("pay", ['<label class="switch" for="id_pay"><input type="checkbox" role="switch"']),
        (
            "size",
            [
                '<fieldset class="field"',
                "<legend>Size</legend>",
                '<div class="picks">',
                '<label class="pick">',
            ],
        ),
        ("tools", ['<label class="pick"><input type="checkbox"']),
        ("scope", ['<div class="seg">']),
        ("several", ['<label class="check"><input type="checkbox"']),
        ("slug", ['<span class="affix"><span>/book/</span>', 'class="in slug"']),
    ],
)
def test_a_field_has_the_markup_of_the_design(name: str, parts: list[str]) -> None:
    html = field(name)
    assert [part for part in parts if part not in html] == []


def test_help_is_escaped() -> None:
    assert "Shown to &lt;bookers&gt;." in field("title")


def test_an_error_is_marked_described_and_says_what_to_do() -> None:
    html = field("title", Everything({}))
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_title_helptext id_title_error"' in html
    assert '<p class="err" id="id_title_error">' in html
    assert "Add a title." in html


@pytest.mark.parametrize("data", [None, {}], ids=["empty", "refused"])
def test_every_reference_leads_somewhere_and_no_id_is_used_twice(data: dict[str, Any] | None) -> None:
    form = Everything(data)
    ids = Ids()
    for bound in form:
        ids.feed(str(bound.as_field_group()))
    assert set(ids.wanted) - set(ids.ids) == set()
    assert len(ids.ids) == len(set(ids.ids))


def test_values_typed_are_kept() -> None:
    form = Everything({"title": 'A "quoted" one', "size": "b", "day": "2026-11-12", "at": "16:30"})
    assert 'value="A &quot;quoted&quot; one"' in field("title", form)
    assert re.search(r'value="b"[^>]* checked', field("size", form))
    assert 'value="2026-11-12"' in field("day", form)
    assert 'value="16:30"' in field("at", form)


def test_the_summary_counts_and_links_to_the_fields() -> None:
    form = Everything({"title": "", "length": "a", "size": "a", "scope": "a", "slug": "x"})
    form.is_valid()
    html = render_to_string("_form_errors.html", {"form": form})
    assert "One thing to fix." in html
    assert 'href="#id_title"' in html
    assert 'tabindex="-1"' in html
    assert "4 things to fix." in render_to_string("_form_errors.html", {"form": Everything({"slug": "x"})})


def test_the_summary_is_empty_for_a_form_without_errors() -> None:
    assert render_to_string("_form_errors.html", {"form": Everything()}).strip() == ""
