"""The admin's pages in a real browser: the whole way from a template to the reps' links, and how they look."""

from datetime import datetime, timedelta
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from managed_events.models import ManagedEventTemplate
from scheduling.models import BookingLink
from tests.browser.conftest import DESKTOP, PHONE, Visit, assert_accessible
from tests.factories import GroupFactory, MembershipFactory, UserFactory, join_group, make_link
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/calendar/admin/managed-events"


@pytest.mark.thorough
def test_from_a_template_to_the_reps_links(
    visit: Visit, dana: Membership, alice: Membership, bob: Membership, afternoon: datetime
) -> None:
    make_link(bob, slug="bob-intro-call")
    admin = visit(LIST, member=dana)
    admin.get_by_role("link", name="New template").click()
    admin.get_by_label("Title", exact=True).fill("Intro Call")
    admin.get_by_role("switch", name="Lock buffers").press("Space")
    admin.get_by_role("button", name="Save and choose people").click()

    expect(admin.get_by_role("dialog", name="Assign Intro Call")).to_be_visible()
    admin.wait_for_load_state()
    admin.get_by_label("Find people").press_sequentially("lindq")
    expect(admin.get_by_role("checkbox", name="Assign Alice Okafor")).to_be_hidden()
    admin.get_by_role("checkbox", name="Assign Bob Lindqvist").check()
    expect(admin.get_by_label("Address for Bob Lindqvist")).to_have_value("bob-intro-call-2")
    admin.get_by_label("Find people").fill("")
    admin.get_by_role("checkbox", name="Assign Alice Okafor").check()
    expect(admin.get_by_role("checkbox", name="Assign Bob Lindqvist")).to_be_checked()
    tally = admin.locator("#tally")
    expect(tally).to_have_text(
        "2 people selected: 2 new links, 0 already assigned. 0 links now, 2 after saving."
    )
    admin.get_by_role("button", name="Save assignments").click()
    expect(admin.get_by_role("heading", name="2 links made")).to_be_visible()
    expect(admin.get_by_role("link", name="/book/bob-intro-call-2", exact=True)).to_be_visible()
    expect(admin.get_by_role("button", name="Copy link of Bob Lindqvist")).to_be_visible()

    admin.get_by_role("link", name="Edit template").click()
    admin.wait_for_load_state()
    admin.get_by_label("Title", exact=True).fill("Welcome Call")
    admin.get_by_label("After", exact=True).fill("10")
    admin.get_by_role("button", name="Save and update 2 links").click()
    expect(admin.locator("#syncline")).to_contain_text("0 of 2 links")
    expect(admin.get_by_text("Updating", exact=True)).to_have_count(3)
    finish_runs(afternoon + timedelta(minutes=1))
    expect(admin.locator("#syncline")).to_contain_text("2 links updated", timeout=10_000)
    expect(admin.get_by_text("Matches", exact=True)).to_have_count(2)
    expect(admin.locator("#say")).to_have_text("2 links updated")

    template = ManagedEventTemplate.objects.get()
    rep = visit(f"/settings/booking-links/{link_of(template, alice).pk}", member=alice)
    expect(rep.get_by_text("Locked by Welcome Call template")).to_have_count(6)
    expect(rep.get_by_label("Title", exact=True)).to_be_disabled()
    expect(rep.get_by_label("Title", exact=True)).to_have_value("Welcome Call")
    expect(rep.get_by_label("After", exact=True)).to_be_disabled()
    expect(rep.get_by_label("Minimum notice")).to_be_enabled()

    booker = visit("/book/alice-intro-call")
    expect(booker.get_by_role("heading", level=1)).to_contain_text("Welcome Call")


def tab_to(page: Page, target: Locator, most: int = 150) -> None:
    """Press Tab until `target` has the focus: it can be reached without a mouse."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"{target} is not reached with {most} tabs")


@pytest.mark.thorough
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_whole_way_with_the_keyboard_alone(
    size: tuple[int, int],
    scripts: bool,
    visit: Visit,
    dana: Membership,
    alice: Membership,
    afternoon: datetime,
) -> None:
    admin = visit(LIST, member=dana, scripts=scripts, size=size)
    keys = admin.keyboard

    def press(role: Literal["link", "button", "switch", "checkbox"], name: str, key: str = "Enter") -> None:
        tab_to(admin, admin.get_by_role(role, name=name, exact=True).last)
        keys.press(key)

    def write(label: str, text: str) -> None:
        tab_to(admin, admin.get_by_label(label, exact=True))
        keys.press("ControlOrMeta+a")
        keys.type(text)

    press("link", "New template")
    expect(admin.get_by_role("heading", level=1)).to_have_text("New template")
    write("Title", "Intro Call")
    press("switch", "Lock buffers", "Space")
    press("button", "Save and choose people")

    dialog = admin.get_by_role("dialog", name="Assign Intro Call")
    expect(dialog).to_be_visible()
    expect(admin.get_by_label("Find people")).to_be_focused()
    if scripts:
        keys.press("Escape")
        expect(dialog).to_be_hidden()
        press("link", "Assign people")
        expect(admin.get_by_label("Find people")).to_be_focused()
    press("checkbox", "Assign Alice Okafor", "Space")
    if scripts:
        expect(admin.locator("#tally")).to_contain_text("1 person selected: 1 new link, 0 already assigned.")
    press("button", "Save assignments")
    expect(admin.get_by_role("heading", name="1 link made")).to_be_visible()

    press("link", "Edit template")
    expect(admin.get_by_role("heading", name="What saving will do")).to_be_visible()
    write("Title", "Welcome Call")
    write("After", "10")
    if scripts:
        press("button", "Save and update 1 link")
    else:
        press("button", "Preview")
        expect(
            admin.get_by_text("Override replaced").or_(admin.get_by_text("Links that change"))
        ).to_be_visible()
        press("button", "Save and update 1 link")
    expect(admin.locator("#syncline")).to_contain_text("0 of 1 link")
    finish_runs(afternoon + timedelta(minutes=1))
    if not scripts:
        admin.reload()
    expect(admin.locator("#syncline")).to_contain_text("1 link updated")
    expect(admin.get_by_text("Welcome Call is saved, for 1 link.")).to_have_count(1 if scripts else 0)

    template = ManagedEventTemplate.objects.get()
    path = f"/settings/booking-links/{link_of(template, alice).pk}"
    rep = visit(path, member=alice, scripts=scripts, size=size)
    expect(rep.get_by_label("Title", exact=True)).to_be_disabled()
    expect(rep.get_by_label("Title", exact=True)).to_have_value("Welcome Call")
    expect(rep.get_by_label("After", exact=True)).to_be_disabled()
    tab_to(rep, rep.get_by_label("Minimum notice"))
    booker = visit("/book/alice-intro-call", scripts=scripts, size=size)
    expect(booker.get_by_role("heading", level=1)).to_contain_text("Welcome Call")


def test_a_rep_is_detached_from_his_row_without_a_script(
    visit: Visit, dana: Membership, alice: Membership, bob: Membership, afternoon: datetime
) -> None:
    template = make_template(dana)
    assign_to(template, [alice, bob], dana)
    page = visit(f"{LIST}/{template.pk}", member=dana, scripts=False)
    page.locator("summary", has_text="Alice Okafor").click()
    page.locator("summary", has_text="Detach Alice").click()
    page.get_by_label("Delete on detach").first.press("Space")
    page.get_by_role("button", name="Detach Alice Okafor").click()
    expect(page.get_by_text("Alice detached, the link is deleted.")).to_be_visible()
    assert not BookingLink.objects.filter(owner=alice.user).exists()
    assert visit("/book/alice-discovery-call").get_by_role("heading", level=1).is_visible()


def test_what_was_refused_is_not_said_any_more_once_it_is_mended(
    visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana, now=afternoon)
    assign_to(template, [alice], dana)
    page = visit(f"{LIST}/{template.pk}/template", member=dana)
    page.wait_for_load_state()
    page.get_by_label("Duration", exact=True).fill("1")
    page.get_by_role("button", name="Save template").click()
    expect(page.get_by_text("One thing to fix.")).to_be_visible()
    expect(page.locator("#effect")).to_contain_text("1 field to fix.")
    page.wait_for_load_state()
    page.get_by_label("Duration", exact=True).fill("45")
    expect(page.locator("#effect")).to_contain_text("45 minutes")
    expect(page.get_by_text("to fix.")).to_have_count(0)
    expect(page.get_by_text("Ensure this value")).to_have_count(0)


@pytest.mark.parametrize("how", ["button", "Enter"])
def test_one_press_saves_what_was_typed_a_moment_ago(
    how: str, visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana, now=afternoon)
    assign_to(template, [alice], dana)
    page = visit(f"{LIST}/{template.pk}/template", member=dana)
    page.wait_for_load_state()
    page.get_by_label("Title", exact=True).fill("Welcome Call")
    if how == "Enter":
        page.get_by_label("Title", exact=True).press("Enter")
    else:
        page.get_by_role("button", name="Save template").click()
    expect(page.get_by_text("Welcome Call is saved, for 1 link.")).to_be_visible()
    assert list(template.versions.order_by("number").values_list("number", "values__title")) == [
        (1, "Discovery Call"),
        (2, "Welcome Call"),
    ]


def test_one_press_does_not_take_from_people_what_the_page_has_not_shown(
    visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana, now=afternoon)
    assign_to(template, [alice], dana)
    BookingLink.objects.filter(owner=alice.user).update(minimum_notice_hours=20)
    page = visit(f"{LIST}/{template.pk}/template", member=dana)
    page.wait_for_load_state()
    page.get_by_role("switch", name="Lock availability").check()
    page.get_by_role("button", name="Save template").click()
    note = page.get_by_text("Nothing is saved yet. Look at what this takes from people, then save again.")
    expect(note).to_be_visible()
    expect(page.locator("#held")).to_be_focused()
    expect(page.locator("#effect")).to_contain_text("20 hours")
    assert_accessible(page)
    assert template.versions.count() == 1
    page.get_by_label("Title", exact=True).fill("Welcome Call")
    page.get_by_role("button", name="Save and update 1 link").click()
    expect(page.get_by_text("Welcome Call is saved, for 1 link.")).to_be_visible()
    assert template.versions.get(number=2).locked_sections.count("availability") == 1


def test_a_press_that_waited_for_its_plan_does_not_overrule_another_admin(
    visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana, now=afternoon)
    assign_to(template, [alice], dana)
    page = visit(f"{LIST}/{template.pk}/template", member=dana)
    page.wait_for_load_state()
    save(template, dana, buffer_after_minutes=5)
    page.get_by_label("Title", exact=True).fill("Welcome Call")
    page.get_by_role("button", name="Save template").click()
    expect(page.get_by_text("Below are both edits together")).to_be_visible()
    assert template.versions.count() == 2
    expect(page.get_by_label("Title", exact=True)).to_have_value("Welcome Call")
    expect(page.get_by_label("After", exact=True)).to_have_value("5")


def test_a_press_whose_plan_fails_is_for_the_server_to_judge(
    visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana, now=afternoon)
    assign_to(template, [alice], dana)
    page = visit(f"{LIST}/{template.pk}/template", member=dana)
    page.wait_for_load_state()
    page.route(
        "**/template",
        lambda route: (
            route.fulfill(status=429, body="") if "hx-request" in route.request.headers else route.continue_()
        ),
    )
    title, save_it = page.get_by_label("Title", exact=True), page.locator(".savebar .pri")
    title.fill("Welcome Call")
    with page.expect_response(lambda response: response.status == 429):
        page.keyboard.press("Enter")
    expect(save_it).not_to_have_attribute("aria-busy", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saving reaches 1 link.")).to_be_visible()
    assert template.versions.count() == 1


@pytest.fixture
def demo(dana: Membership, alice: Membership, afternoon: datetime) -> ManagedEventTemplate:
    """A template with nobody on it, and people to choose from."""
    emea = GroupFactory(workspace=dana.workspace, name="Sales EMEA")
    for username, name in (("bruno", "Bruno Keller"), ("emi", "Emi Tanaka"), ("hana", "Hana Novák")):
        person = MembershipFactory(workspace=dana.workspace, user=UserFactory(name=name, username=username))
        if username != "hana":
            join_group(emea, person)
    return make_template(dana, title="Product Demo", slug="product-demo", now=afternoon - timedelta(days=3))


@pytest.mark.parametrize(
    "scripts",
    [pytest.param(True, id="scripts"), pytest.param(False, id="no scripts", marks=pytest.mark.thorough)],
)
def test_enter_in_the_search_only_searches(
    scripts: bool, visit: Visit, demo: ManagedEventTemplate, dana: Membership
) -> None:
    page = visit(f"{LIST}/{demo.pk}/assign", member=dana, scripts=scripts)
    page.get_by_role("checkbox", name="Assign Dana Admin").check()
    page.get_by_label("Find people").fill("emi")
    page.get_by_label("Find people").press("Enter")
    expect(page.get_by_role("checkbox", name="Assign Alice Okafor")).to_be_hidden()
    expect(page.get_by_role("checkbox", name="Assign Emi Tanaka")).not_to_be_checked()
    page.get_by_label("Find people").fill("")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_role("checkbox", name="Assign Alice Okafor")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Assign Dana Admin")).to_be_checked()
    assert not demo.links.exists()


def test_a_group_is_ticked_with_one_press_and_nobody_is_unticked(
    visit: Visit, demo: ManagedEventTemplate, dana: Membership
) -> None:
    page = visit(f"{LIST}/{demo.pk}/assign", member=dana)
    page.get_by_role("checkbox", name="Assign Dana Admin").check()
    page.get_by_role("button", name="Sales EMEA").click()
    expect(page.get_by_role("checkbox", name="Assign Emi Tanaka")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Assign Hana Novák")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Assign Dana Admin")).to_be_checked()


def test_people_are_assigned_with_the_keyboard_alone(
    visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana)
    page = visit(f"{LIST}/{template.pk}/assign", member=dana)
    expect(page.get_by_label("Find people")).to_be_focused()
    page.keyboard.type("okafor")
    expect(page.get_by_role("checkbox", name="Assign Dana Admin")).to_be_hidden()
    tab_to(page, page.get_by_role("checkbox", name="Assign Alice Okafor"))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_role("button", name="Save assignments"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 link made")).to_be_visible()
    assert link_of(template, alice)
