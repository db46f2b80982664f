"""One-offs in a real browser: offered by the host, picked by an invitee in another zone, with scripts and without."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Booking
from one_off.models import OneOff
from one_off.selectors import token_of
from scheduling.models import BookingLink, BusyTime
from tests.browser.conftest import Visit
from tests.factories import make_booking
from tests.one_off.making import TOMAS, make_one_off, pick
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST, NEW = "/calendar/one-off", "/calendar/one-off/new"
# Wednesday 11 to Friday 13 November 2026, as New York reads them: 11:30, 09:00, 10:00.
WEDNESDAY = datetime(2026, 11, 11, 16, 30, tzinfo=UTC)
THREE = (
    Period.lasting(WEDNESDAY, timedelta(minutes=45)),
    Period.lasting(datetime(2026, 11, 12, 14, 0, tzinfo=UTC), timedelta(minutes=45)),
    Period.lasting(datetime(2026, 11, 13, 15, 0, tzinfo=UTC), timedelta(hours=1)),
)


@pytest.fixture(autouse=True)
def _addresses(settings: Any, live_server: LiveServer) -> None:
    settings.SITE_URL = live_server.url


@pytest.fixture
def in_new_york(alice: Membership) -> Membership:
    alice.user.timezone = "America/New_York"
    alice.user.save()
    return alice


def offered(alice: Membership, now: datetime, **fields: Any) -> OneOff:
    values = {
        "periods": THREE,
        "timezone": "America/New_York",
        "description": "Following our call on Friday, Tomás: here are three times to go through the draft together.",
        "location_type": "video",
        "location_detail": "https://meet.example/contract",
    }
    return make_one_off(alice, now, **(values | fields))


def fill_row(page: Page, number: int, day: str, start: str) -> None:
    page.get_by_label(f"Slot {number}, date").fill(day)
    page.get_by_label(f"Slot {number}, start").fill(start)


def seen(page: Page) -> str:
    """The text a person sees, on a 24-hour clock."""
    return page.locator("main").inner_text()


# --- The host ---


@pytest.mark.thorough
def test_a_host_offers_times_with_scripts(
    visit: Visit, in_new_york: Membership, link: BookingLink, afternoon: datetime
) -> None:
    make_booking(link, datetime(2026, 11, 12, 15, 30, tzinfo=UTC), afternoon)
    page = visit(NEW, member=in_new_york)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Title").fill("Contract walkthrough")
    fill_row(page, 1, "2026-11-11", "11:30")
    fill_row(page, 2, "2026-11-12", "09:00")
    expect(page.locator("#slots-count")).to_contain_text("2 of 10")
    fill_row(page, 3, "2026-11-12", "10:30")
    note = page.locator("#id_slots-2-note")
    expect(note).to_contain_text(
        "You meet Priya Raman then, 10:30 – 11:00. Pick another start", use_inner_text=True
    )
    page.get_by_label("Reserve offered slots on my calendar").uncheck()
    expect(note).to_contain_text("You can offer it all the same.", use_inner_text=True)
    page.get_by_label("Reserve offered slots on my calendar").check()
    page.get_by_role("button", name="Remove slot 3").click()
    expect(page.get_by_label("Slot 3, date")).to_have_count(0)
    expect(page.get_by_label("Slot 2, date")).to_be_focused()
    page.get_by_role("button", name="Add slot").click()
    expect(page.get_by_label("Slot 3, date")).to_be_focused()
    fill_row(page, 3, "2026-11-13", "10:00")
    page.get_by_label("Slot 3, duration").select_option("60")
    expect(page.get_by_label("Title")).to_have_value("Contract walkthrough")
    page.get_by_role("button", name="Create link").click()
    page.wait_for_url(re.compile(r"/calendar/one-off/[0-9a-f-]{36}$"))
    one_off = OneOff.objects.get()
    assert BusyTime.objects.filter(owner_key=one_off.pk, active=True).count() == 3
    address = page.get_by_label("Link", exact=True).input_value()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address
    assert page.request.get(address).status == 200


def test_a_host_offers_times_without_scripts(
    visit: Visit, in_new_york: Membership, afternoon: datetime
) -> None:
    page = visit(NEW, member=in_new_york, scripts=False)
    page.get_by_label("Title").fill("Contract walkthrough")
    fill_row(page, 1, "2026-11-11", "11:30")
    fill_row(page, 2, "2026-11-12", "09:00")
    page.get_by_role("button", name="Add slot").click()
    expect(page.get_by_label("Slot 4, date")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Contract walkthrough")
    page.get_by_role("button", name="Remove slot 1").click()
    expect(page.get_by_label("Slot 1, start")).to_have_value("09:00")
    # Enter in a field saves; it does not remove a row.
    page.get_by_label("Title").press("Enter")
    page.wait_for_url(re.compile(r"/calendar/one-off/[0-9a-f-]{36}$"))
    address = page.get_by_label("Link", exact=True).input_value()
    assert address.endswith(f"/one-off/{token_of(OneOff.objects.get())}")
    page.get_by_role("button", name="Withdraw it").click()
    page.wait_for_url(re.compile(r"/calendar/one-off$"))
    assert OneOff.objects.get().state == "withdrawn"


def test_times_clicked_on_the_week_are_mailed_as_text_and_picked_without_scripts(
    visit: Visit, in_new_york: Membership, link: BookingLink, afternoon: datetime
) -> None:
    make_booking(link, datetime(2026, 11, 12, 15, 30, tzinfo=UTC), afternoon)
    page = visit(NEW, member=in_new_york)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("Title").fill("Contract walkthrough")
    expect(page.locator(".wc").nth(3).locator(".busy")).to_contain_text("Priya Raman")
    page.get_by_role("button", name="Offer Wed 11 Nov, 11:30").click()
    expect(page.locator("#slots-count")).to_contain_text("1 of 10")
    taken_back = page.get_by_role("button", name="Take out slot 1, Wed 11 Nov, 11:30")
    expect(taken_back).to_be_focused()
    taken_back.click()
    expect(page.locator("#slots-count")).to_contain_text("0 of 10")
    page.get_by_role("button", name="Offer Thu 12 Nov, 09:00").click()
    expect(page.locator("#slots-count")).to_contain_text("1 of 10")
    page.get_by_role("button", name="Week after").click()
    page.get_by_role("button", name="Offer Mon 16 Nov, 10:00").press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#slots-count")).to_contain_text("2 of 10")
    page.get_by_text("Paste times from a mail").click()
    page.get_by_label("Times as text").fill("Fri 13 Nov 14:00-14:45\nMon 13 Nov 10:00")
    page.get_by_role("button", name="Fill in the rows").click()
    expect(page.locator("#pasted-faults")).to_contain_text("13 November 2026 is a Friday, not a Monday.")
    page.get_by_role("button", name="Create link").click()
    page.wait_for_url(re.compile(r"/calendar/one-off/[0-9a-f-]{36}$"))
    one_off = OneOff.objects.get()
    assert [f"{slot.starts_at:%d %H:%M}" for slot in one_off.slots.all()] == [
        "12 14:00",
        "13 19:00",
        "16 15:30",
    ]
    page.get_by_label("Your invitee’s time zone").select_option("Europe/Madrid")
    expect(page.locator("#as-html")).to_contain_text("Madrid time (CET)")
    page.get_by_role("button", name="Copy as plain text").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert "Madrid time (CET)" in text
    assert "2. Fri 13 Nov, 20:00 – 20:45" in text
    page.get_by_role("button", name="Copy with links").click()
    expect(page.locator("[data-rich]")).to_have_text("Copied")
    rich = page.evaluate(
        "navigator.clipboard.read().then(all => all[0].getType('text/html')).then(blob => blob.text())"
    )
    assert rich.count("slot=") == 3
    (address,) = re.findall(r"2\. .*\n +(\S+)", text)
    page = visit(address, scripts=False, zone="Europe/Madrid")
    assert "20:00 – 20:45" in seen(page)
    expect(page.locator("[name=slot]").nth(1)).to_be_checked()
    page.get_by_label("Your name").fill("Tomás Herrera")
    page.get_by_label("Email").fill("tomas@cobaltfoods.example")
    page.get_by_role("button", name="Confirm this time").click()
    page.wait_for_url(re.compile(r"/b/one-off/manage/.+/confirmed$"))
    assert Booking.objects.filter(starts_at=datetime(2026, 11, 13, 19, 0, tzinfo=UTC)).exists()
    page.goto(address)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This one-off was already booked")
    assert not BusyTime.objects.filter(owner_key=one_off.pk, active=True).exists()


def test_withdrawing_from_the_list_asks_first(
    visit: Visit, in_new_york: Membership, afternoon: datetime
) -> None:
    offered(in_new_york, afternoon)
    page = visit(LIST, member=in_new_york)
    page.get_by_role("link", name="Withdraw Contract walkthrough").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The link stops working at once")
    dialog.get_by_role("button", name="Keep it open").click()
    expect(dialog).to_be_hidden()
    assert OneOff.objects.get().state == "open"
    page.get_by_role("link", name="Withdraw Contract walkthrough").click()
    dialog.get_by_role("button", name="Withdraw it").click()
    expect(page.locator("#withdrawn")).to_be_visible()
    expect(page.locator(".toast")).to_contain_text("Contract walkthrough is withdrawn")


# --- The invitee ---


def test_an_invitee_in_another_zone_picks_without_scripts(
    visit: Visit, in_new_york: Membership, afternoon: datetime
) -> None:
    one_off = offered(in_new_york, afternoon)
    page = visit(f"/one-off/{token_of(one_off)}", scripts=False, zone="Europe/Madrid")
    page.get_by_label("Your name").fill("Tomás Herrera")
    page.get_by_label("Time zone").select_option("Europe/Madrid")
    page.get_by_role("button", name="Show this zone").click()
    expect(page.locator("main")).to_contain_text("Shown in Madrid time (CET)")
    expect(page.get_by_label("Your name")).to_have_value("Tomás Herrera")
    assert "15:00 – 15:45" in seen(page)
    page.locator(".offer").nth(1).click()
    # Without an email the form comes back, with the time still ticked.
    page.get_by_label("Your name").press("Enter")
    expect(page.locator("#form-errors")).to_be_visible()
    expect(page.locator("[name=slot]").nth(1)).to_be_checked()
    page.get_by_label("Email").fill("tomas@cobaltfoods.example")
    page.get_by_role("button", name="Confirm this time").click()
    page.wait_for_url(re.compile(r"/b/one-off/manage/.+/confirmed$"))
    assert "15:00 – 15:45" in seen(page)
    booking = Booking.objects.get()
    assert (booking.starts_at, booking.booker.timezone) == (THREE[1].start, "Europe/Madrid")
    page.goto(f"/one-off/{token_of(one_off)}")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This one-off was already booked")


def test_an_invitee_picks_with_scripts_in_his_own_zone(
    visit: Visit, in_new_york: Membership, afternoon: datetime
) -> None:
    one_off = offered(in_new_york, afternoon, reserve=False)
    page = visit(
        f"/one-off/{token_of(one_off)}?name=Tom%C3%A1s+Herrera&email=tomas@cobaltfoods.example",
        zone="Europe/Madrid",
    )
    expect(page.locator("main")).to_contain_text("Shown in Madrid time (CET)")
    expect(page.get_by_text("Not you? Change")).to_be_visible()
    page.locator(".offer").nth(2).click()
    bar = page.locator("#bar")
    expect(bar).to_contain_text("Fri 13 Nov, 16:00 – 17:00", use_inner_text=True)
    expect(page.locator("#chosen .ruler")).to_be_visible()
    # Somebody else takes that time meanwhile, on the host's link.
    elsewhere = offered(in_new_york, afternoon, title="Elsewhere", periods=THREE[2:], reserve=False)
    pick(elsewhere, afternoon)
    bar.get_by_role("button").click()
    expect(page.locator("#lost")).to_contain_text("Fri 13 Nov, 16:00 was just taken.", use_inner_text=True)
    expect(page.locator("#lost")).to_be_focused()
    expect(page.locator(".offer[data-gone]")).to_contain_text("Just taken")
    page.locator(".offer").nth(0).click()
    expect(bar).to_contain_text("Wed 11 Nov, 17:30 – 18:15", use_inner_text=True)
    bar.get_by_role("button").click()
    page.wait_for_url(re.compile(r"/b/one-off/manage/.+/confirmed$"))
    assert Booking.objects.filter(starts_at=THREE[0].start, attendees__email=TOMAS.email).count() == 1


def test_the_keyboard_alone_is_enough(visit: Visit, in_new_york: Membership, afternoon: datetime) -> None:
    one_off = offered(in_new_york, afternoon)
    page = visit(f"/one-off/{token_of(one_off)}")
    expect(page.locator("main")).to_contain_text("Berlin time (CET)")
    page.locator("[name=slot]").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#bar")).to_contain_text("Thu 12 Nov, 15:00 – 15:45", use_inner_text=True)
    expect(page.locator("[name=slot]").nth(1)).to_be_focused()
    page.get_by_label("Your name").fill("Tomás Herrera")
    page.get_by_label("Email").fill("tomas@cobaltfoods.example")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/confirmed$"))
    assert Booking.objects.get().starts_at == THREE[1].start


def test_the_clock_changes_without_losing_what_is_typed(
    visit: Visit, in_new_york: Membership, afternoon: datetime
) -> None:
    one_off = offered(in_new_york, afternoon)
    page = visit(f"/one-off/{token_of(one_off)}")
    page.get_by_label("Your name").fill("Tomás")
    page.locator(".zone .seg").get_by_text("12h").click()
    assert "3:00 pm – 3:45 pm" in seen(page)
    expect(page.get_by_label("Your name")).to_have_value("Tomás")
