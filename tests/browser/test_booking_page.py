"""Booking, moving and cancelling in a real browser: desk and phone, light and dark, with and without scripts."""

import re
from datetime import UTC, datetime
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from bookings.models import Booking
from scheduling.models import BookingLink
from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BOOK = "/book/alice-discovery-call"
THURSDAY_HALF_PAST_FOUR = datetime(2026, 11, 12, 15, 30, tzinfo=UTC)
QUESTIONS = [
    {
        "key": "people",
        "label": "How many people plan shipments?",
        "type": "select",
        "required": True,
        "options": ["Just me", "2 to 5", "6 to 20", "More than 20"],
    },
    {
        "key": "worth",
        "label": "What would make this call worth your time?",
        "type": "textarea",
        "required": False,
        "options": [],
    },
]


ROOM_FOR_ITS_WORDS = """
select => {
    const style = getComputedStyle(select), pen = document.createElement("canvas").getContext("2d");
    pen.font = style.font;
    const words = pen.measureText(select.selectedOptions[0].text).width;
    return select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - words;
}
"""


@pytest.fixture(autouse=True)
def now(afternoon: datetime) -> datetime:
    return afternoon


@pytest.fixture
def link(alice: Membership) -> BookingLink:
    """Alice works in New York; her visitors sit in Berlin."""
    return make_link(
        alice,
        slug="alice-discovery-call",
        description="Half an hour to talk through how you move freight today and see if Larkhill fits.",
        timezone="America/New_York",
        questions=QUESTIONS,
        location_type="video",
        location_detail="https://meet.larkhill.example/alice",
        minimum_notice_hours=24,
        cancel_cutoff_hours=24,
        reschedule_cutoff_hours=24,
    )


def slot(page: Page, time: str) -> Locator:
    """The start at this time of the visitor's clock."""
    return page.locator("label.slot").filter(has=page.locator("b .t24", has_text=time))


def choose(page: Page, day: str, time: str) -> None:
    """Pick a day and a time, and wait for what the page says to each."""
    page.get_by_role("link", name=re.compile(day)).click()
    expect(page.locator("#slots-h")).to_have_text(day)
    slot(page, time).click()
    expect(page.locator("#bar p")).to_contain_text(time)


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(DESKTOP, "light", id="desktop", marks=pytest.mark.thorough),
        pytest.param(PHONE, "dark", id="phone"),
    ],
)
def test_the_whole_way(
    visit: Visit, link: BookingLink, now: datetime, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    page = visit(BOOK, size=size, scheme=scheme)
    expect(page.locator("#slots")).to_contain_text(
        "The earliest is tomorrow: Alice asks for 24 hours’ notice."
    )
    choose(page, "Thursday 12 November", "16:30")
    expect(page.locator("#bar")).to_contain_text("Thu 12 Nov, 16:30 – 17:00")
    if size == DESKTOP:
        expect(page.locator("#chosen")).to_contain_text("Alice, New York")

    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Your name").fill("Priya Raman")
    page.get_by_label("Email").fill("priya@orchardfreight")
    page.get_by_text("6 to 20").click()
    page.get_by_role("button", name=re.compile("^Book")).click()
    expect(page.get_by_text("One thing to fix.")).to_be_visible()
    expect(page.get_by_text("Add the ending, such as .com")).to_be_visible()

    page.get_by_label("Email").fill("priya@orchardfreight.example")
    make_booking(link, THURSDAY_HALF_PAST_FOUR, now)
    page.get_by_role("button", name=re.compile("^Book")).click()
    lost = page.get_by_role("alert").filter(has_text="was just taken")
    words = "16:30 was just taken. Your answers are kept. Pick another time below."
    expect(lost).to_contain_text(words, use_inner_text=True)
    expect(lost).to_be_focused()
    expect(page.get_by_label("Email")).to_have_value("priya@orchardfreight.example")
    expect(page.get_by_label("6 to 20")).to_be_checked()

    page.locator("label.near").filter(has_text="Mon 16 Nov").click()
    if size == DESKTOP:
        expect(page.locator("#chosen")).to_contain_text("Monday 16 November")
    page.locator("label.near").filter(has_text="17:00").click()
    if size == DESKTOP:
        expect(page.locator("#chosen")).to_contain_text("17:00 – 17:30")
    page.get_by_role("button", name="Book the time you picked").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You’re booked with Alice")
    expect(page.get_by_role("heading", level=1)).to_be_focused()

    page.get_by_role("link", name="Reschedule").click()
    choose(page, "Monday 16 November", "17:00")
    expect(page.get_by_role("button", name="Move to Mon 16 Nov, 17:00")).to_be_visible()
    page.get_by_role("button", name="Move to Mon 16 Nov, 17:00").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new time with Alice")

    page.get_by_role("link", name="Cancel booking").click()
    page.get_by_label("Reason").fill("Our planning lead is away all week.")
    page.get_by_role("button", name="Cancel booking").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This booking is cancelled")
    assert Booking.objects.filter(status="cancelled", attendees__name="Priya Raman").count() == 1


def test_the_whole_way_without_scripts(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK, scripts=False, size=PHONE)
    page.get_by_label("Time zone").select_option("more")
    page.get_by_role("button", name="Show this zone").click()
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Show this zone").click()
    page.get_by_role("link", name=re.compile("Thursday 12 November")).click()
    slot(page, "16:30").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Your name").fill("Priya Raman")
    page.get_by_label("Email").fill("priya@orchardfreight.example")
    page.get_by_text("6 to 20").click()
    page.get_by_role("button", name=re.compile("^Book")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You’re booked with Alice")
    booking = Booking.objects.get()
    assert (booking.starts_at, booking.booker.timezone) == (THURSDAY_HALF_PAST_FOUR, "Europe/Berlin")

    page.get_by_role("link", name="Reschedule").click()
    page.get_by_role("link", name=re.compile("Monday 16 November")).click()
    slot(page, "17:00").click()
    page.get_by_role("button", name="Move it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new time with Alice")

    page.get_by_role("link", name="Cancel booking").click()
    page.get_by_role("button", name="Cancel booking").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This booking is cancelled")


def test_the_whole_way_with_the_keyboard(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK)
    tab_to(page, "#day-2026-11-11")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#day-2026-11-12")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#slots-h")).to_have_text("Thursday 12 November")
    expect(page.locator("#say")).to_have_text("16 times on Thursday 12 November")
    expect(page.locator("#day-2026-11-12")).to_be_focused()
    tab_to(page, "input[name='start']")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#bar p")).to_contain_text("Thu 12 Nov, 15:30")
    tab_to(page, "#bar button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your details")).to_be_visible()
    tab_to(page, "#id_name")
    page.keyboard.type("Priya Raman")
    page.keyboard.press("Tab")
    page.keyboard.type("priya@orchardfreight.example")
    tab_to(page, "input[name='q-people']")
    page.keyboard.press("Space")
    tab_to(page, ".sheet-bar button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You’re booked with Alice")
    tab_to(page, "a.danger")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Need to change it?")).to_be_visible()
    tab_to(page, "#id_reason")
    page.keyboard.type("Away")
    tab_to(page, "#cancel button.solid")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("This booking is cancelled")


def test_times_are_in_the_zone_of_the_device(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK, zone="Asia/Tokyo")
    expect(page.locator("#tz")).to_have_value("Asia/Tokyo")
    expect(page.locator("#bar")).to_contain_text("Tokyo time (JST)")
    page.goto(BOOK)
    expect(page.locator("#bar")).to_contain_text("Tokyo time (JST)")


def test_a_chosen_zone_stays_chosen(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK)
    page.locator("#tz").select_option("more")
    expect(page.locator("#say")).to_have_text("All time zones are in the list now.")
    expect(page.locator("#tz")).to_have_value("Europe/Berlin")
    expect(page.locator("#tz")).to_be_focused()
    page.locator("#tz").select_option("Europe/Lisbon")
    expect(page.locator("#bar")).to_contain_text("Lisbon time (WET)")
    expect(page.locator("#say")).to_have_text("Times now in Lisbon time (WET)")
    choose(page, "Thursday 12 November", "15:30")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".pick-time")).to_contain_text("Lisbon time (WET)")


def test_a_zone_the_device_reports_by_an_old_name_is_understood(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK, zone="Asia/Calcutta")
    expect(page.locator("#bar")).to_contain_text("(IST)")


def test_back_brings_back_the_day_and_the_month(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK)
    expect(page.locator("#bar")).to_contain_text("Pick a time")
    page.get_by_role("link", name=re.compile("Friday 13 November")).click()
    expect(page.locator("#slots-h")).to_have_text("Friday 13 November")
    page.get_by_role("link", name="Next month, December").click()
    expect(page.locator("#mon")).to_have_text("December 2026")
    page.go_back()
    expect(page.locator("#mon")).to_have_text("November 2026")
    expect(page.locator("#slots-h")).to_have_text("Friday 13 November")


def test_a_clock_of_twelve_hours_stays(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK)
    page.get_by_text("12h", exact=True).click()
    expect(page.locator("label.slot").first).to_contain_text("3:30 pm")
    expect(page.locator("label.slot .t24").first).to_be_hidden()
    page.goto(BOOK)
    expect(page.locator("label.slot .t12").first).to_be_visible()


def test_going_back_and_booking_again_does_not_book_twice(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK)
    page.goto(f"{BOOK}/details?start=2026-11-12T15:30Z&tz=Europe/Berlin&name=Priya&email=priya@x.example")
    page.get_by_text("6 to 20").click()
    page.get_by_role("button", name=re.compile("^Book")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You’re booked with Alice")
    first = page.url
    page.go_back()
    page.get_by_role("button", name=re.compile("^Book")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You’re booked with Alice")
    assert page.url == first
    assert Booking.objects.count() == 1


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until something that matches has the focus, as somebody without a mouse would."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not get to {selector}")


def test_on_a_phone_who_taps_a_day_is_brought_to_its_times(visit: Visit, link: BookingLink) -> None:
    page = visit(BOOK, size=PHONE, zone="America/Argentina/Buenos_Aires", touch=True)
    expect(page.locator("label.slot").first).not_to_be_in_viewport()
    day = page.get_by_role("link", name=re.compile("Thursday 12 November"))
    day.tap()
    expect(page.locator("#slots-h")).to_have_text("Thursday 12 November")
    expect(page.locator("label.slot").first).to_be_in_viewport(ratio=1)
    expect(day).to_be_focused()
    zone = page.get_by_label("Time zone")
    expect(zone.locator("option:checked")).to_have_text("Buenos Aires (UTC−3), now 11:04")
    assert zone.evaluate(ROOM_FOR_ITS_WORDS) > 0
