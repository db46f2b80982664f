"""The form that follows the section list, for links and templates alike."""

from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from managed_events.models import ManagedEventTemplate
from scheduling.domain.section_words import FIELD_LABELS, field_words, summary_of
from scheduling.domain.sections import RECOMMENDED_LOCKS, SECTION_OF_FIELD, SECTIONS, fields_of
from scheduling.forms import SectionsForm
from scheduling.models import BookingLink, LinkSettings
from tests.scheduling.link_settings import link_settings
from tests.scheduling.posting import sent_by

ROUND_TRIPS = hypothesis_settings(
    max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
KEYS = [section.key for section in SECTIONS]


def a_link(**values: Any) -> BookingLink:
    return BookingLink(**({"title": "Discovery Call", "timezone": "Europe/Berlin"} | values))


def rendered(form: SectionsForm, *, mode: str = "link") -> str:
    context = {"mode": mode, "template_name": "Discovery Call", "locks": RECOMMENDED_LOCKS}
    return "".join(
        render_to_string("scheduling/_section.html", {**context, "bound": bound}) for bound in form.sections()
    )


def posted(form: SectionsForm, **changes: Any) -> QueryDict:
    """The form sent back as it came, with these keys changed; None leaves a key out."""
    data = sent_by(rendered(form), within_form=False)
    for key, value in changes.items():
        if value is None:
            data.pop(key, None)
        else:
            data[key] = value
    return data


def sent(link: LinkSettings, **changes: Any) -> SectionsForm:
    return SectionsForm(posted(SectionsForm(instance=link), **changes), instance=link)


def errors(form: SectionsForm, field: str) -> str:
    return " ".join(str(error) for error in form.errors.get(field, []))


# --- One list drives everything ---


def test_every_setting_of_a_link_belongs_to_exactly_one_section() -> None:
    named = [field for section in SECTIONS for field in section.fields]
    assert sorted(named) == sorted(field.attname for field in LinkSettings._meta.fields)
    assert len(named) == len(set(named))


def test_the_form_has_every_field_of_every_section_and_nothing_else() -> None:
    assert set(SectionsForm.base_fields) == set(SECTION_OF_FIELD)
    assert [section.section for section in SectionsForm().sections()] == list(SECTIONS)


def test_every_field_of_every_section_is_on_the_page() -> None:
    key = "0b6a4f2e-5f0e-4d0c-9a55-0d5f3b9f6a01"
    sent_names = set(posted(SectionsForm(instance=a_link(reminder_enabled=True, workflow_ids=[key]))))
    unticked = {"hide_branding", "requires_payment", "date_overrides"}
    for name in set(SECTION_OF_FIELD) - unticked:
        assert any(key == name or key.startswith(f"{name}-") for key in sent_names), name
    html = rendered(SectionsForm(instance=a_link()))
    assert all(f'name="{name}' in html for name in unticked)


def test_the_form_is_no_wider_than_the_model() -> None:
    """Whatever the form lets through fits the column."""
    fields = {field.attname: field for field in LinkSettings._meta.fields}
    for name, field in SectionsForm.base_fields.items():
        column_length = getattr(fields[name], "max_length", None)
        if column_length:
            assert getattr(field, "max_length", None) or isinstance(field, forms.ChoiceField), name
            assert (getattr(field, "max_length", None) or 0) <= column_length, name
        highest = getattr(field, "max_value", None)
        if highest is not None:
            fields[name].clean(highest, None)


def test_every_field_has_words_for_summaries_and_diffs() -> None:
    values = a_link().section_values()
    assert set(FIELD_LABELS) == set(SECTION_OF_FIELD)
    for name in SECTION_OF_FIELD:
        assert field_words(name, values)
    for section in SECTIONS:
        assert summary_of(section.key, values)


@ROUND_TRIPS
@given(values=link_settings(), locked=st.sets(st.sampled_from(KEYS)))
def test_a_form_sent_back_as_it_came_changes_nothing(values: dict[str, Any], locked: set[str]) -> None:
    link = BookingLink(**values)
    page = SectionsForm(instance=link, locked=locked)
    form = SectionsForm(posted(page), instance=link, locked=locked)
    assert form.carried_locked_sections() == ()
    assert form.is_valid(), form.errors
    assert form.values == {name: values[name] for name in values if SECTION_OF_FIELD[name] not in locked}
    assert not any(section.changed for section in form.sections())


@ROUND_TRIPS
@given(values=link_settings())
def test_every_setting_can_be_put_into_words(values: dict[str, Any]) -> None:
    assert all(field_words(name, values) for name in values)
    assert all(isinstance(summary_of(key, values), str) for key in KEYS)


# --- Locks ---


def test_a_locked_section_is_readable_disabled_and_names_its_template() -> None:
    html = rendered(SectionsForm(instance=a_link(), locked=["title"]))
    assert "Locked by Discovery Call template" in html
    assert 'value="Discovery Call"' in html
    assert html.count('<fieldset class="sec-body" disabled') == 1


@pytest.mark.parametrize("key", KEYS)
def test_no_field_of_a_locked_section_is_read(key: str) -> None:
    link = a_link()
    everything = posted(SectionsForm(instance=link), title="Mine now", duration_minutes="5")
    form = SectionsForm(everything, instance=link, locked=[key])
    form.is_valid()
    assert not set(form.values) & set(fields_of([key]))
    assert form.carried_locked_sections() == (key,) or key == "form"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("availability", "weekly_hours-3-0-from"),
        ("availability", "date_overrides-0-closed"),
        ("form", "questions-7-label"),
        ("branding", "hide_branding"),
    ],
)
def test_a_single_input_of_a_locked_section_counts_as_carried(key: str, name: str) -> None:
    link = a_link()
    data = posted(SectionsForm(instance=link, locked=[key]))
    data[name] = "x"
    assert SectionsForm(data, instance=link, locked=[key]).carried_locked_sections() == (key,)


def test_a_template_shows_every_section_with_its_lock_toggle() -> None:
    html = rendered(SectionsForm(instance=ManagedEventTemplate(title="Discovery Call")), mode="template")
    data = sent_by(html, within_form=False)
    assert html.count('name="lock"') == len(SECTIONS)
    assert tuple(data.getlist("lock")) == RECOMMENDED_LOCKS
    assert "Everyone works these hours." in html
    assert "Locked by" not in html


def test_what_is_wrong_in_a_locked_section_stops_nobody_from_saving_the_others() -> None:
    link = a_link(duration_minutes=3, weekly_hours=[])
    form = SectionsForm(
        posted(SectionsForm(instance=link, locked=["duration", "availability"]), title="Mine"),
        instance=link,
        locked=["duration", "availability"],
    )
    assert form.is_valid(), form.errors
    assert form.values["title"] == "Mine"


# --- Hours ---


def test_windows_of_several_days_are_one_entry() -> None:
    form = sent(
        a_link(),
        **{"weekly_hours-0-0-to": "12:30", "weekly_hours-0-1-from": "1:30 pm", "weekly_hours-0-1-to": "5pm"},
        **{"weekly_hours-4-open": None},
    )
    assert form.is_valid(), form.errors
    assert form.values["weekly_hours"] == [
        {"days": [0], "start": "09:00", "end": "12:30"},
        {"days": [1, 2, 3], "start": "09:00", "end": "17:00"},
        {"days": [0], "start": "13:30", "end": "17:00"},
    ]


def test_a_day_can_run_past_midnight_and_to_midnight() -> None:
    form = sent(
        a_link(),
        **{"weekly_hours-0-0-from": "22", "weekly_hours-0-0-to": "2:00", "weekly_hours-1-0-to": "24:00"},
    )
    assert form.is_valid(), form.errors
    assert {"days": [0], "start": "22:00", "end": "02:00"} in form.values["weekly_hours"]
    assert {"days": [1], "start": "09:00", "end": "24:00"} in form.values["weekly_hours"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weekly_hours-0-0-from": "nine"}, "Monday: “nine” is not a time to start"),
        ({"weekly_hours-0-0-to": "25:00"}, "Monday: “25:00” is not a time to end"),
        ({"weekly_hours-0-0-to": ""}, "Monday: “” is not a time to end"),
        ({"weekly_hours-0-0-to": "09:00"}, "Monday: 09:00 to 09:00 is no time at all"),
        ({"weekly_hours-0-0-from": "24:00"}, "is not a time to start"),
        ({"weekly_hours-5-open": "on"}, "Saturday: add the hours"),
        ({"weekly_hours-0-0-from": "9" * 4000}, "is not a time to start"),
        ({f"weekly_hours-0-{row}-from": "9" for row in range(20)}, "Monday"),
        (
            {
                f"weekly_hours-0-{row}-{side}": str(9 + (side == "to"))
                for row in range(11)
                for side in ("from", "to")
            },
            "11 windows on one day are too many",
        ),
    ],
)
def test_hours_that_cannot_be_are_refused_with_the_day_and_kept_as_typed(
    changes: dict[str, str], words: str
) -> None:
    form = sent(a_link(), **changes)
    assert not form.is_valid()
    assert words in errors(form, "weekly_hours")
    name, value = next(iter(changes.items()))
    assert posted(form)[name] == value


def test_a_date_can_be_closed_or_have_hours_of_its_own() -> None:
    form = sent(
        a_link(),
        **{
            "date_overrides-0-date": "2030-12-31",
            "date_overrides-0-0-from": "9",
            "date_overrides-0-0-to": "12",
            "date_overrides-4-date": "2030-12-24",
            "date_overrides-4-closed": "on",
        },
    )
    assert form.is_valid(), form.errors
    assert form.values["date_overrides"] == [
        {"date": "2030-12-24", "windows": []},
        {"date": "2030-12-31", "windows": [{"start": "09:00", "end": "12:00"}]},
    ]


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("2030-12-24", "add the hours, or tick Closed"),
        ("soon", "soon: choose the day"),
        ("0001-01-01", "choose the day"),
        ("9999-12-31", "choose the day"),
        ("2030-02-30", "choose the day"),
    ],
)
def test_a_date_that_says_nothing_is_refused(date: str, words: str) -> None:
    form = sent(a_link(), **{"date_overrides-0-date": date})
    assert words in errors(form, "date_overrides")


def test_a_date_is_there_once() -> None:
    twice = {f"date_overrides-{row}-date": "2030-12-24" for row in range(2)}
    closed = {f"date_overrides-{row}-closed": "on" for row in range(2)}
    assert "is there twice" in errors(sent(a_link(), **twice, **closed), "date_overrides")


# --- Questions ---


def test_a_question_gets_a_key_once_and_keeps_it_when_it_is_reworded() -> None:
    form = sent(
        a_link(),
        **{"questions-0-label": "Your name?", "questions-0-type": "text", "questions-1-label": "name"},
    )
    assert form.is_valid(), form.errors
    asked = form.values["questions"]
    assert [question["key"] for question in asked] == ["your-name", "name-2"]
    again = sent(a_link(questions=asked), **{"questions-0-label": "Who are you?"})
    assert again.is_valid()
    assert again.values["questions"][0] == asked[0] | {"label": "Who are you?"}


def test_a_hand_made_key_is_not_taken_over() -> None:
    form = sent(
        a_link(), **{"questions-0-key": "email", "questions-0-label": "Team", "questions-0-type": "text"}
    )
    assert form.is_valid()
    assert form.values["questions"][0]["key"] == "team"


def test_a_question_left_blank_goes() -> None:
    asked = [{"key": "team", "label": "Team?", "type": "text", "required": True, "options": []}]
    form = sent(a_link(questions=asked), **{"questions-0-label": " "})
    assert form.is_valid()
    assert form.values["questions"] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"questions-0-label": "Q", "questions-0-type": "fax"}, "choose how it is answered"),
        (
            {"questions-0-label": "Q", "questions-0-type": "select", "questions-0-options": "one"},
            "at least two",
        ),
        (
            {"questions-0-label": "Q", "questions-0-type": "select", "questions-0-options": "a\r\na"},
            "there twice",
        ),
        ({"questions-0-label": "", "questions-0-options": "a"}, "write what you want to ask"),
        ({"questions-0-label": "Q\x00"}, "cannot be shown"),
        ({"questions-0-label": "Q" * 201}, "201 characters are too many"),
        ({f"questions-{row}-label": f"Q{row}" for row in range(30)}, "30 questions are too many"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_and_kept_as_typed(
    changes: dict[str, str], words: str
) -> None:
    form = sent(a_link(), **changes)
    assert words in errors(form, "questions")
    assert posted(form)["questions-0-label"] == changes["questions-0-label"]


# --- The other fields ---


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"title": " "}, "title", "Add a title"),
        ({"title": "a\x00b"}, "title", "cannot be shown"),
        ({"title": "a\nb"}, "title", "cannot be shown"),
        ({"title": "\u202egnp.exe"}, "title", "cannot be shown"),
        ({"title": "x" * 121}, "title", "120"),
        ({"description": "a\x1bb"}, "description", "cannot be shown"),
        ({"duration_minutes": "4"}, "duration_minutes", "5"),
        ({"duration_minutes": "9" * 5000}, "duration_minutes", ""),
        ({"slot_interval_minutes": "-30"}, "slot_interval_minutes", "5"),
        ({"max_per_day": "99999"}, "max_per_day", "500"),
        ({"timezone": "Mars/Olympus"}, "timezone", "valid choice"),
        ({"timezone": "../etc/passwd"}, "timezone", "valid choice"),
        ({"brand_color": "red"}, "brand_color", "six digits"),
        ({"requires_payment": "on"}, "requires_payment", "No payment provider is connected"),
        ({"price": "49"}, "currency", "Choose the price’s currency"),
        ({"price": "49.999", "currency": "EUR"}, "price", "EUR has 2 digits"),
        ({"price": "1.5", "currency": "JPY"}, "price", "JPY has no digits"),
        ({"price": "free", "currency": "EUR"}, "price", "as a number"),
        ({"price": "99999999999", "currency": "EUR"}, "price", "more than"),
        ({"currency": "XXX"}, "currency", "valid choice"),
        ({"calendar_provider": "google"}, "calendar_provider", "valid choice"),
        ({"location_type": ""}, "location_type", "required"),
        ({"cancel_cutoff_hours": "721"}, "cancel_cutoff_hours", "720"),
        ({"duration_minutes": "481"}, "duration_minutes", "480"),
    ],
)
def test_a_value_that_cannot_be_is_refused_beside_its_field(
    changes: dict[str, str], field: str, words: str
) -> None:
    form = sent(a_link(), **changes)
    assert not form.is_valid()
    assert field in form.errors
    assert words in errors(form, field)
    assert not form.values


def test_text_is_trimmed_and_keeps_its_lines() -> None:
    form = sent(a_link(), title="  Demo ", description=" One\r\ntwo\r\n")
    assert form.is_valid()
    assert (form.values["title"], form.values["description"]) == ("Demo", "One\ntwo")


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [("49", "EUR", 4900), ("49,5", "EUR", 4950), ("500", "JPY", 500), ("1.250", "KWD", 1250)],
)
def test_a_price_is_stored_in_minor_units(typed: str, currency: str, minor: int) -> None:
    form = sent(a_link(), price=typed, currency=currency)
    assert form.is_valid(), form.errors
    assert form.values["price"] == minor


def test_a_form_that_lacks_most_of_its_fields_is_refused() -> None:
    """So a hand-made part of a form is never read as "everything else is off"."""
    assert not SectionsForm(QueryDict("title=Only+this"), instance=a_link()).is_valid()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        (
            {"minimum_notice_hours": "120", "booking_window_days": "2"},
            "minimum_notice_hours",
            "no time could be booked",
        ),
        ({f"weekly_hours-{day}-open": None for day in range(5)}, "weekly_hours", "No day has hours"),
        (
            {"duration_minutes": "480", **{f"weekly_hours-{day}-0-to": "12:00" for day in range(5)}},
            "duration_minutes",
            "the longest open time is 3 hours",
        ),
    ],
)
def test_settings_that_could_never_offer_a_time_are_refused_with_the_reason(
    changes: dict[str, Any], field: str, words: str
) -> None:
    form = sent(a_link(), **changes)
    assert words in errors(form, field)


def test_a_contradiction_is_shown_beside_a_field_that_can_be_changed() -> None:
    link = a_link(duration_minutes=480)
    form = SectionsForm(
        posted(
            SectionsForm(instance=link, locked=["duration"]),
            **{f"weekly_hours-{day}-0-to": "12:00" for day in range(5)},
        ),
        instance=link,
        locked=["duration"],
    )
    assert "does not fit" in errors(form, "weekly_hours")
