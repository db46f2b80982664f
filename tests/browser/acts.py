"""What is done on a page of the gallery to bring it into its state."""

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from one_off.models import OneOff
from tests.browser.world import World
from tests.factories import make_booking
from tests.managed_events.making import save
from tests.scheduling.making_logos import OTHER


def press(name: str) -> Callable[[Page, World], None]:
    def act(page: Page, world: World) -> None:
        with page.expect_navigation():
            page.get_by_role("button", name=name).click()

    return act


def choose_the_second(page: Page, world: World) -> None:
    page.get_by_role("radio").nth(1).check(force=True)
    expect(page.locator("#bar")).not_to_contain_text("Pick a time")


def choose_a_time(page: Page, world: World, told_in: str = "#chosen") -> None:
    slot = page.locator("label.slot").nth(2)
    slot.click()
    expect(page.locator(told_in)).to_contain_text(slot.locator("b").inner_text().strip())


def choose_in_frame(page: Page, world: World) -> None:
    choose_a_time(page, world, told_in="#bar")


def lose_the_time(page: Page, world: World) -> None:
    """Somebody else books the time while the form is filled in."""
    page.get_by_label("Your name").fill("Priya Raman")
    page.get_by_label("Email").fill("priya@saltmarsh.example")
    page.get_by_label("Phone").fill("+1 212 555 0100")
    page.get_by_text("6 to 20", exact=True).click()
    page.get_by_label("What would make this call worth your time?").fill("Multi-stop planning.")
    make_booking(world.link("bruno-discovery-call"), world.start("bruno-discovery-call"), world.now)
    page.get_by_role("button", name="Book").click()
    expect(page.get_by_text("was just taken").first).to_be_visible()


def offer_a_taken_time(page: Page, world: World) -> None:
    """Without a title, and at a time that alice has given away already."""
    slot = OneOff.objects.get(title="Rollout plan").slots.all()[0]
    start = slot.starts_at.astimezone(ZoneInfo(world.members["alice"].user.timezone))
    page.get_by_label("Slot 1, date").fill(f"{start:%Y-%m-%d}")
    page.get_by_label("Slot 1, start").fill(f"{start:%H:%M}")
    page.get_by_role("button", name="Create link").click()
    expect(page.locator("#form-errors")).to_be_focused()


def add_a_row_of_each(page: Page, world: World) -> None:
    for button in ("Add hours on Monday", "Add a date", "Add question"):
        page.get_by_role("button", name=button).click()
    expect(page.get_by_role("group", name="New question")).to_be_visible()


def send_bad_hours(page: Page, world: World) -> None:
    page.get_by_label("Monday, from").fill("nine")
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_role("alert")).to_be_focused()


def open_the_first_rows(page: Page, world: World) -> None:
    for name in ("Tom Whitaker", "Bruno Keller"):
        page.locator("summary", has_text=name).first.click()


def send_another_logo(page: Page, world: World) -> None:
    page.get_by_label("Logo (optional)").set_input_files(
        {"name": "new.png", "mimeType": "image/png", "buffer": OTHER.content}
    )
    expect(page.get_by_role("insertion").filter(has_text="Logo after")).to_be_visible()
    expect(page.get_by_label("Remove the logo")).not_to_be_checked()


def save_after_somebody_else(page: Page, world: World) -> None:
    save(world.unused_template, world.members["mara"], duration_minutes=50, locks=["title"], now=world.now)
    page.get_by_label("Duration", exact=True).fill("60")
    # The plan in the page says it already; the state that is looked at is the page that answers.
    with page.expect_navigation():
        page.get_by_role("button", name="Save template").click()
    expect(page.get_by_text("while you were editing")).to_be_visible()


def sees(heading: str) -> Callable[[Page, World], None]:
    def act(page: Page, world: World) -> None:
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)

    return act


def send_empty(button: str) -> Callable[[Page, World], None]:
    def act(page: Page, world: World) -> None:
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("alert").first).to_be_visible()

    return act


def close_friday(page: Page, world: World) -> None:
    page.get_by_role("checkbox", name="Friday").uncheck()
    expect(page.locator("#plan")).to_contain_text("Friday closes.")


def send_bad_schedule(page: Page, world: World) -> None:
    page.get_by_label("Monday, to").first.fill("nine")
    page.get_by_role("button", name="Save and update").click()
    expect(page.get_by_role("alert").first).to_be_visible()


def offer_two_times(page: Page, world: World) -> None:
    page.get_by_label("Title").fill("Contract walkthrough")
    for number, start in ((1, "11:30"), (2, "14:00")):
        day = world.now + timedelta(days=7 + number)
        page.get_by_label(f"Slot {number}, date").fill(f"{day:%Y-%m-%d}")
        page.get_by_label(f"Slot {number}, start").fill(start)
    expect(page.locator("#slots-count")).to_contain_text("2 of 10")


def tick(*people: str) -> Callable[[Page, World], None]:
    def act(page: Page, world: World) -> None:
        for name in people:
            page.get_by_role("checkbox", name=f"Assign {name}").check()
        page.get_by_text(f"{len(people)} new link").wait_for()

    return act


def take_a_permission(page: Page, world: World) -> None:
    page.locator("#show-manager").check(force=True)
    page.locator("[name=manager-delete][value=none]").check()
    expect(page.locator("#rsum")).to_contain_text("1 change")


def open_the_first_entry(page: Page, world: World) -> None:
    page.locator(".arow > summary").first.click()
    page.evaluate("scrollTo(0, 0)")


def check_every(page: Page, world: World) -> None:
    for box in page.locator("input[name=pick]").all():
        box.check()
    press("Check the ticked")(page, world)
