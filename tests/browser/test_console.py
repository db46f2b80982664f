"""The bookings console in a real browser: the whole drawer by keyboard, what it keeps, announces and looks like."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from bookings.models import Booking
from bookings.services import attendance
from bookings.services import booking as bookings
from scheduling.models import BookingLink
from tests.browser.conftest import PHONE, Visit, assert_accessible
from tests.factories import make_booking, make_link
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("afternoon"),
]

CONSOLE = "/calendar/bookings"
BERLIN = ZoneInfo("Europe/Berlin")
LAST_WEEK = datetime(2026, 11, 2, 8, tzinfo=UTC)
REASON = "A customer visit has moved into this slot."

Book = Callable[[datetime, str], Booking]


def november(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def page_of_alice(alice: Membership) -> BookingLink:
    return make_link(
        alice,
        slug="alice-discovery-call",
        location_type="video",
        location_detail="https://meet.google.com/abc-defg-hij",
    )


@pytest.fixture
def book(page_of_alice: BookingLink) -> Book:
    def book(start: datetime, name: str) -> Booking:
        email = f"{name.split()[0].lower()}@saltmarsh.example"
        return make_booking(page_of_alice, start, LAST_WEEK, name=name, email=email)

    return book


@pytest.fixture
def three(book: Book) -> list[Booking]:
    """Today at 15:30 in Berlin, which is in 26 minutes, and two tomorrow."""
    return [
        book(november(10, 14, 30), "Noor Haddad"),
        book(november(11, 8), "Wei-Lin Zhao"),
        book(november(11, 14), "Samuel Adeyemi"),
    ]


@pytest.fixture
def past(book: Book, afternoon: datetime, alice: Membership) -> list[Booking]:
    """Today at 14:00, and two yesterday, of whom Yusuf came."""
    past = [
        book(november(10, 13), "Mateus Ribeiro"),
        book(november(9, 13), "Yusuf Demir"),
        book(november(9, 9), "Aisha Rahman"),
    ]
    attendance.mark(
        attendee=past[1].booker, attendance=Booking.Attendance.ATTENDED, actor=alice.user, now=afternoon
    )
    return past


def row_of(page: Page, booking: Booking) -> Locator:
    return page.locator(f"#b-{booking.pk}")


def summary_of(page: Page, booking: Booking) -> Locator:
    return row_of(page, booking).locator("summary")


def test_the_whole_drawer_by_keyboard_keeps_what_was_typed_until_it_is_sent(
    visit: Visit, alice: Membership, three: list[Booking]
) -> None:
    noor, wei, samuel = three
    page = visit(CONSOLE, member=alice)
    expect(page.locator(".day").first).to_have_text(
        "Today, Tuesday 10 November 1 meeting, first in 26 minutes"
    )
    expect(summary_of(page, noor)).to_contain_text("In 26 min")
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url) if "/drawer" in request.url else None)

    summary_of(page, wei).focus()
    page.keyboard.press("Enter")
    opener = row_of(page, wei).locator("[data-form^=cx]")
    expect(opener).to_have_text("Cancel booking")
    expect(page).to_have_url(re.compile(rf"\?open={wei.pk}$"))
    expect(summary_of(page, wei)).to_be_focused()
    for name in (
        "Wei-Lin Zhao",
        "weilin@",
        "meet.google.com",
        "Join",
        "Reschedule",
        "Offer other times",
        "Copy new manage link",
        "Cancel booking",
    ):
        page.keyboard.press("Tab")
        if name != "weilin@":
            expect(page.locator(":focus")).to_contain_text(name)
    page.keyboard.press("Enter")
    reason = row_of(page, wei).get_by_label("Reason")
    expect(reason).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#say")).to_have_text("Cancel this booking")
    page.keyboard.type(REASON)
    page.keyboard.press("Escape")
    expect(reason).to_be_hidden()
    expect(opener).to_be_focused()

    summary_of(page, wei).press("Enter")
    expect(page).to_have_url(re.compile(rf"{CONSOLE}$"))
    summary_of(page, noor).press("Enter")
    row_of(page, noor).locator("[data-form^=cx]").press("Enter")
    row_of(page, noor).locator(".inline-form .btn.danger").press("Enter")
    expect(row_of(page, noor)).to_have_count(0)
    expect(summary_of(page, wei)).to_be_focused()

    page.keyboard.press("Enter")
    opener.press("Enter")
    expect(reason).to_have_value(REASON)
    assert len(fetched) == 2
    row_of(page, wei).locator(".inline-form .btn.danger").press("Enter")
    expect(row_of(page, wei)).to_have_count(0)
    expect(summary_of(page, samuel)).to_be_focused()
    expect(page.locator("#say")).to_have_text("Cancelled. Wei-Lin Zhao is being told by mail.")
    expect(page.locator(".toast").last).to_contain_text("Cancelled. Wei-Lin Zhao is being told by mail.")
    expect(page.locator(".day")).to_have_text("Tomorrow, Wednesday 11 November 1 meeting")
    expect(page.locator("#tab-cancelled")).to_have_text("Cancelled 2")
    wei.refresh_from_db()
    assert (wei.status, wei.booker.reason) == ("cancelled", REASON)


def test_a_new_time_is_proposed_by_keyboard_and_what_was_typed_stays_while_the_form_is_away(
    visit: Visit, alice: Membership, three: list[Booking]
) -> None:
    wei = three[1]
    page = visit(f"{CONSOLE}?open={wei.pk}", member=alice)
    row = row_of(page, wei)
    row.get_by_role("button", name="Reschedule").press("Enter")
    expect(page.locator(":focus")).to_have_attribute("name", "day")
    expect(page.locator("#say")).to_have_text("Move the meeting")
    message = row.locator(".inline-form[id^=rs]").get_by_label("Message")
    message.fill(REASON)
    row.get_by_role("button", name="Cancel booking").first.press("Enter")
    expect(message).to_be_hidden()
    row.get_by_role("button", name="Reschedule").press("Enter")
    expect(message).to_have_value(REASON)
    row.get_by_label("New day").fill("2026-11-10")
    row.get_by_label("New start").fill("15:30")
    row.get_by_role("button", name="Move the meeting").press("Enter")
    expect(row).to_contain_text("That time is already booked.")
    expect(message).to_have_value(REASON)
    near = row.locator(".near a").first
    day, time = near.get_attribute("data-day") or "", near.get_attribute("data-time") or ""
    near.press("Enter")
    expect(row.get_by_label("New day")).to_have_value(day)
    expect(row.get_by_label("New start")).to_have_value(time)
    row.get_by_role("button", name="Move the meeting").press("Enter")
    expect(page.locator(".toast").last).to_contain_text("Moved. Wei-Lin Zhao is being told by mail.")
    moved = Booking.objects.get(series_id=wei.series_id, status="confirmed")
    assert moved.starts_at.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M") == f"{day} {time}"
    expect(summary_of(page, moved)).to_be_focused()


@pytest.mark.thorough
def test_beside_each_typed_time_it_is_said_whether_the_host_has_it(
    visit: Visit, alice: Membership, three: list[Booking]
) -> None:
    booking, _, tomorrow = three
    page = visit(f"{CONSOLE}?open={booking.pk}&form=offer", member=alice)
    form = page.get_by_role("form", name="Offer Noor other times")
    local = tomorrow.starts_at.astimezone(BERLIN)
    form.get_by_label("Time 2, day").fill(f"{local:%Y-%m-%d}")
    form.get_by_label("Time 2, start").fill(f"{local:%H:%M}")
    row = form.locator(".alt > li").nth(1)
    expect(row).to_contain_text(f"You are busy{tomorrow.title}", use_inner_text=False)
    form.get_by_label("Time 2, start").fill("22:00")
    expect(row).to_contain_text("Outside hours")
    assert_accessible(page)
    page.goto(f"{CONSOLE}?open={booking.pk}&form=propose")
    page.locator("[data-day]").first.click()
    expect(page.get_by_role("form", name="Move the meeting")).to_contain_text("You are free")


@pytest.mark.thorough
def test_a_late_time_is_offered_by_pressing_twice_and_the_offer_is_read_next(
    visit: Visit, alice: Membership, three: list[Booking]
) -> None:
    booking = three[0]
    page = visit(f"{CONSOLE}?open={booking.pk}&form=offer", member=alice)
    form = page.get_by_role("form", name="Offer Noor other times")
    form.get_by_label("Time 2, start").fill("22:00")
    form.get_by_role("button", name="Offer 3 times", exact=True).click()
    expect(page.locator(":focus")).to_contain_text("Press once more to offer them anyway.")
    assert_accessible(page)
    form.get_by_role("button", name="Offer 3 times anyway").click()
    expect(page.get_by_role("region", name="Other times offered")).to_be_focused()
    expect(page.locator("#say")).to_contain_text("3 times offered.")


def test_a_refused_reason_and_a_booking_somebody_else_cancelled_are_said_in_the_drawer(
    visit: Visit, alice: Membership, three: list[Booking], afternoon: datetime
) -> None:
    noor = three[0]
    page = visit(f"{CONSOLE}?open={noor.pk}&form=cancel", member=alice)
    reason = row_of(page, noor).get_by_label("Reason")
    expect(reason).to_be_focused()
    reason.evaluate("(field, text) => { field.removeAttribute('maxlength'); field.value = text }", "x" * 501)
    submit = row_of(page, noor).locator(".inline-form .btn.danger")
    submit.click()
    expect(page.locator(":focus")).to_contain_text("One thing to fix.")
    expect(reason).to_have_value("x" * 501)
    reason.fill("ill")
    bookings.cancel_by_booker(attendee=noor.booker, reason="", now=afternoon)
    submit.click()
    expect(page.locator(":focus")).to_contain_text("Cancelled by Noor")
    expect(submit).to_have_count(0)


def test_attendance_is_marked_counted_and_undone_in_place(
    visit: Visit, alice: Membership, past: list[Booking]
) -> None:
    aisha = past[2]
    page = visit(f"{CONSOLE}?tab=past", member=alice, size=PHONE)
    marks, day = page.locator("#marks"), page.locator(".day").last
    expect(marks).to_contain_text("2 of 3 to mark from the last 7 days")
    expect(day).to_have_text("Yesterday, Monday 9 November 1 to mark")
    row_of(page, aisha).get_by_role("button", name="No-show").click()
    expect(row_of(page, aisha).locator(".badge")).to_have_text("No-show")
    expect(row_of(page, aisha).get_by_role("button", name="Change")).to_be_focused()
    expect(marks).to_contain_text("1 of 3 to mark")
    expect(day).to_have_text("Yesterday, Monday 9 November All marked")
    aisha.refresh_from_db()
    assert aisha.no_show_status == "no_show"

    toast = page.get_by_role("status").filter(has_text="Aisha Rahman marked no-show")
    toast.get_by_role("button", name="Undo").click()
    expect(toast).to_have_count(0)
    expect(row_of(page, aisha).get_by_role("button", name="Attended")).to_be_focused()
    expect(day).to_have_text("Yesterday, Monday 9 November 1 to mark")
    aisha.refresh_from_db()
    assert aisha.no_show_status == ""

    page.get_by_text("Only to mark").click()
    expect(page.locator("#list > .list > li")).to_have_count(2)
    expect(page.get_by_role("switch", name="Only to mark")).to_be_focused()
    expect(page).to_have_url(re.compile(r"todo=1"))


def test_a_new_manage_link_is_copied_and_shown(visit: Visit, alice: Membership, three: list[Booking]) -> None:
    noor = three[0]
    page = visit(f"{CONSOLE}?open={noor.pk}", member=alice)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy new manage link")
    button.press("Enter")
    field = page.get_by_label("New manage link for Noor Haddad")
    expect(field).to_have_value(re.compile(rf"/b/{noor.page_slug}/manage/"))
    expect(page.locator("#say")).to_have_text("New manage link copied. The old one no longer works.")
    expect(button).to_be_focused()
    address = field.input_value()
    assert page.evaluate("navigator.clipboard.readText()") == address
    noor.refresh_from_db()
    assert noor.booker.manage_token_hash == token_hash(address.rpartition("/")[2])


def test_search_keeps_the_focus_and_back_restores_tab_search_and_row(
    visit: Visit, dana: Membership, three: list[Booking]
) -> None:
    page = visit(CONSOLE, member=dana)
    expect(page.locator("#whose")).to_contain_text("Everyone in Larkhill.")
    page.keyboard.press("/")
    page.keyboard.type("wei")
    expect(page.locator("#list > .list > li")).to_have_count(1)
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#say")).to_have_text("1 booking")
    expect(page.locator("#tab-upcoming")).to_have_text("Upcoming 1")
    expect(page).to_have_url(re.compile(r"\?tab=upcoming&q=wei$"))
    page.locator("summary").click()
    expect(page.locator(".drawer-g .facts")).to_be_visible()

    page.locator("#tab-cancelled").press("Enter")
    expect(page.locator(".empty")).to_contain_text("Nothing matches “wei”.")
    expect(page.locator("#tab-cancelled")).to_be_focused()
    expect(page.locator("#say")).to_have_text("Cancelled, 0 bookings")
    expect(page).to_have_title("Cancelled · Bookings · Workestra")
    expect(page.locator("#q")).to_have_value("wei")
    page.go_back()
    expect(page.locator("#q")).to_have_value("wei")
    expect(page.locator("#list > .list > li")).to_have_count(1)
    expect(page.locator(".drawer-g .facts")).to_be_visible()
    page.wait_for_load_state()

    page.locator("#q").fill("")
    expect(page.locator("#list > .list > li")).to_have_count(3)
    page.get_by_text("Mine").click()
    expect(page.locator("#whose")).to_contain_text("Yours.")
    expect(page.locator("#list > .list > li")).to_have_count(0)


def test_a_drawer_that_cannot_be_fetched_says_so_and_can_be_tried_again(
    visit: Visit, alice: Membership, three: list[Booking]
) -> None:
    noor, wei, samuel = three
    page = visit(CONSOLE, member=alice)
    page.evaluate(
        """() => {
            const send = XMLHttpRequest.prototype.send, say = console.error;
            console.error = () => {};
            XMLHttpRequest.prototype.send = function () { setTimeout(() => this.onerror()); };
            window.mend = () => { XMLHttpRequest.prototype.send = send; console.error = say; };
        }"""
    )
    summary_of(page, noor).click()
    expect(row_of(page, noor).get_by_role("alert")).to_contain_text("That did not work.")
    expect(row_of(page, noor).get_by_role("link", name="Open the full record")).to_be_visible()
    page.evaluate("window.mend()")
    summary_of(page, noor).click()
    summary_of(page, noor).click()
    expect(row_of(page, noor).locator(".drawer-g .facts")).to_be_visible()

    Booking.objects.filter(pk=wei.pk).delete()
    summary_of(page, wei).click()
    expect(row_of(page, wei).get_by_role("alert")).to_contain_text("This booking is no longer here.")

    page.context.clear_cookies()
    summary_of(page, samuel).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page).to_have_url(re.compile(rf"next=.*{samuel.pk}"))


@pytest.mark.thorough
def test_everything_works_without_a_script(
    visit: Visit, alice: Membership, three: list[Booking], past: list[Booking]
) -> None:
    noor = three[0]
    page = visit(CONSOLE, member=alice, scripts=False)
    page.get_by_label("Find by name, email or page").fill("noor")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#list > .list > li")).to_have_count(1)
    summary_of(page, noor).click()
    page.get_by_role("link", name="Open the full record of Noor Haddad").click()
    page.get_by_role("button", name="Copy new manage link").click()
    expect(page.get_by_label("New manage link for Noor Haddad")).to_have_value(re.compile(r"^http.*/manage/"))
    page.get_by_role("button", name="Cancel booking").click()
    expect(page.get_by_label("Reason")).to_be_focused()
    page.get_by_label("Reason").fill(REASON)
    page.locator(".inline-form").get_by_role("button", name="Cancel booking").click()
    expect(page.locator(".toast")).to_contain_text("Cancelled. Noor Haddad is being told by mail.")
    expect(page.locator("#q")).to_have_value("noor")

    page.goto(f"{CONSOLE}?tab=past")
    row_of(page, past[0]).get_by_role("button", name="Attended").click()
    expect(row_of(page, past[0]).locator(".badge")).to_have_text("Attended")
    expect(page.locator("#marks")).to_contain_text("1 of 3 to mark")


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Go to a control as somebody does who has no mouse."""
    for _press in range(120):
        page.keyboard.press(key)
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{key} does not lead to {target}")


@pytest.mark.thorough
def test_every_row_action_is_done_on_a_phones_width_without_a_mouse(
    visit: Visit, alice: Membership, three: list[Booking], past: list[Booking]
) -> None:
    noor, wei, _samuel = three
    page = visit(CONSOLE, member=alice, size=PHONE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    told = page.locator(".toast").last

    # Reschedule: a day and a time in one's own zone, a message; what is typed outlives the drawer.
    tab_to(page, summary_of(page, wei))
    page.keyboard.press("Enter")
    row = row_of(page, wei)
    opener = row.get_by_role("button", name="Reschedule")
    expect(opener).to_be_visible()
    tab_to(page, opener)
    page.keyboard.press("Enter")
    day, time, message = (
        row.get_by_label("New day"),
        row.get_by_label("New start"),
        row.locator(".inline-form[id^=rs]").get_by_label("Message"),
    )
    expect(day).to_be_focused()
    page.keyboard.type("11112026")  # In whatever order the browser asks for them.
    tab_to(page, message)
    page.keyboard.type(REASON)
    assert_accessible(page)
    tab_to(page, summary_of(page, wei), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(message).to_be_hidden()
    page.keyboard.press("Enter")
    expect(message).to_be_visible()
    expect(message).to_have_value(REASON)
    expect(day).to_have_value("2026-11-11")
    tab_to(page, time)
    page.keyboard.type("1130")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab_to(page, row.get_by_role("button", name="Move the meeting"))
    page.keyboard.press("Enter")
    expect(told).to_contain_text("Moved. Wei-Lin Zhao is being told by mail.")
    moved = Booking.objects.get(series_id=wei.series_id, status="confirmed")
    assert moved.starts_at == november(11, 10, 30)
    assert (moved.ics_sequence, moved.location_detail) == (wei.ics_sequence + 1, wei.location_detail)
    expect(summary_of(page, moved)).to_be_focused()

    # Copy new manage link.
    row = row_of(page, moved)
    if not row.get_by_role("button", name="Copy new manage link").is_visible():
        page.keyboard.press("Enter")
    tab_to(page, row.get_by_role("button", name="Copy new manage link"))
    page.keyboard.press("Enter")
    link = page.get_by_label("New manage link for Wei-Lin Zhao")
    expect(link).to_have_value(re.compile(rf"/b/{wei.page_slug}/manage/"))
    assert page.evaluate("navigator.clipboard.readText()") == link.input_value()

    # Cancel booking, with a reason that outlives the drawer too.
    tab_to(page, summary_of(page, noor), "Shift+Tab")
    page.keyboard.press("Enter")
    row = row_of(page, noor)
    tab_to(page, row.locator("[data-form^=cx]"))
    page.keyboard.press("Enter")
    reason = row.get_by_label("Reason")
    expect(reason).to_be_focused()
    page.keyboard.type(REASON)
    assert_accessible(page)
    tab_to(page, summary_of(page, noor), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(reason).to_be_hidden()
    page.keyboard.press("Enter")
    expect(reason).to_have_value(REASON)
    tab_to(page, row.locator(".inline-form .btn.danger"))
    page.keyboard.press("Enter")
    expect(told).to_contain_text("Cancelled. Noor Haddad is being told by mail.")
    noor.refresh_from_db()
    assert (noor.status, noor.booker.reason) == ("cancelled", REASON)

    # Mark attended and mark no-show, on the Past tab only, and undo.
    expect(page.get_by_role("button", name="Attended")).to_have_count(0)
    tab_to(page, page.locator("#tab-past"), "Shift+Tab")
    page.keyboard.press("Enter")
    mateus, _yusuf, aisha = past
    for booking, button, badge, status in (
        (mateus, "Attended", "Attended", "attended"),
        (aisha, "No-show", "No-show", "no_show"),
    ):
        row = row_of(page, booking)
        expect(row.get_by_role("button", name=button)).to_be_visible()
        tab_to(page, row.get_by_role("button", name=button))
        page.keyboard.press("Enter")
        expect(row.locator(".badge")).to_have_text(badge)
        booking.refresh_from_db()
        assert booking.no_show_status == status
    expect(page.get_by_role("button", name="Reschedule")).to_have_count(0)
    undo = page.locator(".toast", has_text="Aisha Rahman marked no-show").get_by_role("button", name="Undo")
    tab_to(page, undo)
    page.keyboard.press("Enter")
    expect(row_of(page, aisha).get_by_role("button", name="Attended")).to_be_focused()
    aisha.refresh_from_db()
    assert aisha.no_show_status == ""
    assert_accessible(page)
