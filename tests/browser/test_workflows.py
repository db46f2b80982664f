"""A workflow in a real browser, by the keyboard alone: from a preset over a template to a rep's link and its end."""

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from bookings.models import Booking
from bookings.selectors import manage_token
from tests.browser.conftest import Visit, assert_accessible
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def go_to(page: Page, found: Locator) -> None:
    """Tab until it has the focus, as somebody without a mouse does."""
    expect(found).to_be_visible()
    for _press in range(150):
        page.keyboard.press("Tab")
        if found.evaluate("found => found === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not get to {found}")


def press(page: Page, role: str, name: str, key: str = "Enter") -> None:
    """Go there and press the key."""
    go_to(page, page.get_by_role(role, name=name, exact=True))  # type: ignore[arg-type]
    page.keyboard.press(key)


def write(page: Page, label: str, text: str) -> None:
    """Go to the field and write this in place of what stands in it."""
    go_to(page, page.get_by_label(label, exact=True))
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


@pytest.mark.thorough
def test_from_a_preset_over_a_booking_to_the_end_of_its_runs_by_keyboard(
    visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana, locks=["title", "workflows"], now=afternoon)
    assign_to(template, [alice], dana, now=afternoon)
    admin = visit("/calendar/workflows", member=dana)
    press(admin, "link", "Use Still coming?")
    admin.wait_for_url("**/calendar/workflows/new?preset=reconfirm")  # Typing waits for the page's scripts.
    write(admin, "Name", "Day before")
    body = admin.get_by_label("Message", exact=True)
    go_to(admin, body)
    admin.keyboard.press("Control+End")
    admin.keyboard.type(" {{com")
    expect(admin.get_by_role("option", name="company")).to_be_visible()
    assert_accessible(admin)
    admin.keyboard.press("Enter")
    expect(body).to_have_value(re.compile(r"Are you still coming\? {{company}}$"))
    expect(admin.locator("#pv")).to_contain_text("Are you still coming? Larkhill")
    press(admin, "button", "Make workflow")
    expect(admin.get_by_role("heading", level=1)).to_have_text("Day before")

    admin.goto(f"/calendar/admin/managed-events/{template.pk}/template")
    press(admin, "checkbox", "Day before", "Space")
    press(admin, "button", "Save and update 1 link")
    expect(admin).not_to_have_url(f"/calendar/admin/managed-events/{template.pk}/template")
    finish_runs(afternoon + timedelta(minutes=1))

    link = link_of(template, alice)
    rep = visit(f"/settings/booking-links/{link.pk}", member=alice)
    expect(rep.get_by_role("checkbox", name="Day before")).to_be_checked()
    expect(rep.get_by_role("checkbox", name="Day before")).to_be_disabled()
    assert_accessible(rep)

    booker = visit(f"/book/{link.slug}")
    go_to(booker, booker.get_by_role("link", name=re.compile("Friday 13 November")))
    booker.keyboard.press("Enter")
    expect(booker.locator("#slots-h")).to_have_text("Friday 13 November")
    go_to(booker, booker.locator("input[name='start']").first)
    booker.keyboard.press("Space")
    expect(booker.locator("#bar p")).to_contain_text("Fri 13 Nov")
    press(booker, "button", "Continue")
    expect(booker.get_by_role("heading", name="Your details")).to_be_visible()
    own = {"name": "Priya Raman", "email": "priya@saltmarsh.example", "phone": "+49 30 1234"}
    for field, text in own.items():
        go_to(booker, booker.locator(f"#id_{field}"))
        booker.keyboard.type(text)
    assert_accessible(booker)
    go_to(booker, booker.locator(".sheet-bar button"))
    booker.keyboard.press("Enter")
    expect(booker.get_by_role("heading", level=1)).to_have_text("You’re booked with Alice")

    booking = Booking.objects.get()
    booker.goto(f"/b/{booking.page_slug}/manage/{manage_token(booking.booker)}/coming")
    assert_accessible(booker)
    press(booker, "button", "Yes, I’ll be there Nothing else to do.")
    expect(booker.get_by_role("heading", level=1)).to_have_text("See you then")

    drawer = f"/calendar/bookings?open={booking.pk}"
    rep.goto(drawer)
    run = rep.get_by_role("listitem").filter(has_text="Day before, priya@saltmarsh.example").last
    expect(run).to_contain_text("Waiting")
    expect(rep.get_by_text("Said yes")).to_be_visible()
    expect(rep.get_by_role("listitem").filter(has_text="Reminder, priya@")).to_have_count(0)
    assert_accessible(rep)
    go_to(rep, rep.locator(f"#co-b-{booking.pk}"))
    rep.keyboard.press("Enter")
    expect(rep.locator(f"#cx-{booking.pk}").get_by_label("Reason")).to_be_focused()
    rep.keyboard.type("We are moving house that day.")
    go_to(rep, rep.locator(f"#cx-{booking.pk} .btn.danger"))
    rep.keyboard.press("Enter")
    expect(rep.locator("#say")).to_contain_text("Cancelled.")
    rep.goto(drawer)
    expect(run).to_contain_text("Not sent")
    expect(run).to_contain_text("The booking was cancelled")
    assert_accessible(rep)
