"""A workflow in a real browser, by the keyboard alone: from a preset over a template to a rep's link and its end."""

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from bookings.selectors import manage_token
from bookings.services import booking as booking_service
from scheduling.models import Workflow
from tests.browser.conftest import Visit, assert_accessible
from tests.factories import make_booking
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def press(page: Page, role: str, name: str, key: str = "Enter") -> None:
    """Go there and press the key, as somebody without a mouse does."""
    found = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
    found.focus()
    found.press(key)


@pytest.mark.thorough
def test_from_a_preset_to_the_end_of_its_runs_by_keyboard(
    visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana, locks=["title", "workflows"], now=afternoon)
    assign_to(template, [alice], dana, now=afternoon)
    admin = visit("/calendar/workflows", member=dana)
    press(admin, "link", "Use Still coming?")
    admin.wait_for_url("**/calendar/workflows/new?preset=reconfirm")  # Typing waits for the page's scripts.
    admin.get_by_label("Name", exact=True).fill("Day before")
    body = admin.get_by_label("Message", exact=True)
    body.focus()
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

    assert Workflow.objects.get().name == "Day before"
    start = (afternoon + timedelta(days=3)).replace(hour=10, minute=0)
    booking = make_booking(link, start, afternoon)
    booker = visit(f"/b/{booking.page_slug}/manage/{manage_token(booking.booker)}/coming")
    assert_accessible(booker)
    press(booker, "button", "Yes, I’ll be there Nothing else to do.")
    expect(booker.get_by_role("heading", level=1)).to_have_text("See you then")

    drawer = f"/calendar/bookings?open={booking.pk}"
    rep.goto(drawer)
    run = rep.get_by_role("listitem").filter(has_text="Day before, priya@saltmarsh.example").last
    expect(run).to_contain_text("Waiting")
    expect(rep.get_by_text("Said yes")).to_be_visible()
    assert_accessible(rep)
    booking_service.cancel_by_host(booking=booking, reason="", actor=alice.user, now=afternoon)
    rep.goto(drawer)
    expect(run).to_contain_text("Not sent")
    expect(run).to_contain_text("The booking was cancelled")
