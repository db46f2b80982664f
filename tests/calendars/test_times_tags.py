from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template, TemplateSyntaxError

START = datetime(2026, 11, 12, 15, 30, tzinfo=UTC)


def render(source: str, **context: Any) -> str:
    template = Template("{% load times %}" + source)
    return template.render(
        Context({"start": START, "end": START + timedelta(minutes=30), "tz": "Europe/Berlin"} | context)
    )


def test_a_time_carries_its_instant_and_both_clocks() -> None:
    assert render("{% zoned start tz %}") == (
        '<time datetime="2026-11-12T16:30+01:00"><span class="t24">16:30</span><span class="t12">4:30 pm</span></time>'
    )


def test_a_time_can_lead_with_its_day_and_end_with_its_zone() -> None:
    text = render('{% zoned start tz "short" abbr=True %}')
    assert ">Thu 12 Nov, <span" in text
    assert text.endswith("</span> CET</time>")


def test_a_range_carries_its_start() -> None:
    text = render('{% zoned_range start end tz "full" %}')
    assert 'datetime="2026-11-12T16:30+01:00"' in text
    assert "Thursday 12 November 2026, " in text
    assert "16:30 – 17:00" in text
    assert "4:30 pm – 5:00 pm" in text


def test_a_zone_may_be_an_object() -> None:
    assert render("{% zoned start tz %}", tz=ZoneInfo("Europe/Berlin")) == render("{% zoned start tz %}")


def test_a_day_is_the_day_in_the_zone() -> None:
    late = datetime(2026, 11, 12, 23, 30, tzinfo=UTC)
    assert (
        render("{% zoned_day start tz %}", start=late)
        == '<time datetime="2026-11-13">Friday 13 November</time>'
    )
    assert (
        render('{% zoned_day day form="short" %}', day=date(2026, 11, 12))
        == '<time datetime="2026-11-12">Thu 12 Nov</time>'
    )


def test_a_day_can_say_that_it_is_today() -> None:
    assert "Today, Thursday 12 November" in render("{% zoned_day start tz now=start %}")


def test_an_instant_without_a_zone_has_no_day() -> None:
    with pytest.raises(TemplateSyntaxError, match="without a zone"):
        render("{% zoned_day start %}")


def test_mails_get_plain_text() -> None:
    assert (
        render('{% time_words start tz end=end form="short" abbr=True %}') == "Thu 12 Nov, 16:30 – 17:00 CET"
    )
    assert render('{% time_words start tz clock="12" %}') == "4:30 pm"
    assert render('{% day_words start tz "full" %}') == "Thursday 12 November 2026"


def test_zones_months_and_lengths_are_filters() -> None:
    assert render("{{ tz|zone_row:start }}") == "CET, Berlin"
    assert render("{{ tz|zone_public:start }}") == "Berlin time (CET)"
    assert render("{{ tz|zone_city }}") == "Berlin"
    assert render("{{ start|month_words }}") == "November 2026"
    assert (
        render("{{ 30|length_words }}, {{ long|length_words }}", long=timedelta(hours=1))
        == "30 minutes, 1 hour"
    )
