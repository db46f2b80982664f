"""Where a meeting takes place, before and after booking."""

import pytest

from bookings.domain.add_to_calendar import calendar_links
from bookings.domain.locations import (
    Location,
    location_after,
    location_before,
    location_for_host,
    location_in_row,
)
from bookings.domain.zones import zone_choice, zone_choices
from tests.bookings.domain.test_month import at
from workestra.calendars.domain.clock_words import Clock
from workestra.calendars.domain.period import Period

LINK = "https://meet.larkhill.example/alice/"


def test_a_video_link_is_not_given_away_before_booking() -> None:
    before = location_before("video", LINK, "Alice")
    assert (before.text, before.url) == ("Video call", "")
    assert location_after("video", LINK, "", "Alice") == Location(
        "video", "meet.larkhill.example/alice", LINK
    )


@pytest.mark.parametrize("detail", ["javascript:alert(1)", "data:text/html,x", "meet.larkhill.example"])
def test_what_is_no_web_address_is_text(detail: str) -> None:
    assert location_after("video", detail, "", "Alice") == Location("video", detail)


@pytest.mark.parametrize(
    ("kind", "detail", "phone", "text"),
    [
        ("phone", "", "+49 30 1", "Alice calls you on +49 30 1"),
        ("phone", "", "", "Alice calls you"),
        ("video", "", "", "Alice sends you the link"),
        ("in_person", "Hall 3", "", "Hall 3"),
        ("in_person", "", "", "Agreed with Alice"),
        ("", "", "", "Agreed with Alice"),
    ],
)
def test_what_the_booker_is_told(kind: str, detail: str, phone: str, text: str) -> None:
    assert location_after(kind, detail, phone, "Alice").text == text


def test_before_booking_the_team_is_not_named() -> None:
    assert location_before("phone", "", "the team").note == "The team calls the number you give"


def test_what_the_hosts_calendar_says() -> None:
    assert location_for_host("phone", "", "+49 30 1", "Priya") == "Call Priya on +49 30 1"
    assert location_for_host("video", LINK, "+49 30 1", "Priya") == LINK


def test_calendar_links_carry_instants_in_utc() -> None:
    period = Period(at("2030-03-31T00:45"), at("2030-03-31T01:15"))
    links = calendar_links(title="A & B", period=period, location=LINK, details="")
    assert "dates=20300331T004500Z%2F20300331T011500Z" in links.google
    assert "text=A+%26+B" in links.google
    assert "startdt=2030-03-31T00%3A45%3A00Z" in links.outlook


def test_every_zone_is_listed_once_with_its_time() -> None:
    minute = at("2026-11-10T14:04")
    areas = dict(zone_choices(minute, Clock.H24))
    labels = [choice.label for choice in areas["Europe"]]
    assert "Berlin (CET), now 15:04" in labels
    assert len(labels) == len(set(labels))
    assert zone_choice("America/New_York", minute, Clock.H12).label == "New York (EST), now 9:04 am"
    assert zone_choice("UTC", minute, Clock.H24).label == "UTC, now 14:04"


@pytest.mark.parametrize(
    ("kind", "detail", "icon", "text", "url"),
    [
        ("video", "https://meet.google.com/abc", "video", "Meet", "https://meet.google.com/abc"),
        ("video", "https://larkhill.zoom.us/j/1", "video", "Zoom", "https://larkhill.zoom.us/j/1"),
        ("video", "https://notzoom.us/j/1", "video", "Video", "https://notzoom.us/j/1"),
        ("video", "javascript:alert(1)", "video", "Video", ""),
        ("video", "", "video", "Video", ""),
        ("phone", "", "phone", "Phone", ""),
        ("in_person", "Unit 4, Minato", "map-pin", "Unit 4, Minato", ""),
        ("in_person", "", "map-pin", "In person", ""),
        ("other", "", "info", "To be agreed", ""),
    ],
)
def test_a_row_says_in_a_word_where(kind: str, detail: str, icon: str, text: str, url: str) -> None:
    assert location_in_row(kind, detail) == Location(icon, text, url)
