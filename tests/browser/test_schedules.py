"""Schedules in a real browser: without JavaScript, and by keyboard alone."""

from typing import Any

import pytest
from playwright.sync_api import expect

from scheduling.models import OutOfOffice, Schedule
from tests.browser.conftest import Visit
from tests.factories import make_link
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_schedule_is_made_chosen_and_deleted_without_javascript(
    visit: Visit, alice: Membership, afternoon: Any
) -> None:
    link = make_link(alice)
    page = visit("/calendar/schedules/new", member=alice, scripts=False)
    page.get_by_label("Name").fill("Mornings")
    page.get_by_label("Monday, to").first.fill("11:00")
    page.get_by_role("button", name="Make schedule").click()
    schedule = Schedule.objects.get(name="Mornings")
    page.goto(f"/settings/booking-links/{link.pk}")
    page.locator("select[name=schedule_id]").select_option(str(schedule.pk))
    page.get_by_role("button", name="Save").first.click()
    page.goto(f"/calendar/schedules/{schedule.pk}")
    expect(page.get_by_text("Used by 1 link").first).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_text("This link keeps the hours as its own")).to_be_visible()
    page.get_by_role("button", name="Delete schedule").click()
    expect(page.get_by_text("Mornings is deleted. 1 link keeps its hours.")).to_be_visible()
    link.refresh_from_db()
    assert (link.schedule_id, link.weekly_hours[0]["end"]) == (None, "11:00")


def test_hours_change_and_days_go_by_keyboard_alone(visit: Visit, alice: Membership, afternoon: Any) -> None:
    schedule = Schedule.objects.create(
        workspace=alice.workspace,
        owner=alice.user,
        name="Office",
        timezone="Europe/Berlin",
        weekly_hours=[{"days": [0, 1], "start": "09:00", "end": "12:00"}],
    )
    page = visit(f"/calendar/schedules/{schedule.pk}", member=alice)
    keys = page.keyboard

    def reach(selector: str) -> None:
        for _ in range(80):
            if page.locator(":focus").evaluate_all(
                "(all, wanted) => all.some(e => e.matches(wanted))", selector
            ):
                return
            keys.press("Tab")
        raise AssertionError(f"the keyboard does not reach {selector}")

    page.locator('[name="weekly_hours-0-0-from"]').fill("08:30")
    reach("[data-repeat]")
    keys.press("Enter")
    expect(page.locator("#say")).to_have_text("Copied to 1 other day")
    expect(page.get_by_label("Tuesday, from")).to_have_value("08:30")
    reach('[name="weekly_hours-1-open"]')
    keys.press("Space")
    expect(page.locator("#plan")).to_contain_text("Tuesday closes.")
    reach("button.pri:not([formaction])")
    keys.press("Enter")
    expect(page.get_by_text("Office is saved.")).to_be_visible()
    schedule.refresh_from_db()
    assert schedule.weekly_hours == [{"days": [0], "start": "08:30", "end": "12:00"}]
    page.goto("/calendar/schedules/out-of-office")
    reach('[name="first_day"]')
    keys.type("06032036")
    reach("form.panel button.pri")
    keys.press("Enter")
    expect(
        page.get_by_text("can be booked again").or_(page.get_by_text("You are out of office"))
    ).to_be_visible()
    assert OutOfOffice.objects.count() == 1
