"""The admin's pages in a real browser: the whole way from a template to the reps' links, and how they look."""

from datetime import datetime, timedelta
from itertools import count
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from managed_events.models import ManagedEventTemplate, Propagation
from scheduling.models import BookingLink
from tests.browser.conftest import DESKTOP, PHONE, Visit, assert_accessible, assert_fits, picture
from tests.factories import GroupFactory, MembershipFactory, UserFactory, join_group, make_link
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/calendar/admin/managed-events"


def test_from_a_template_to_the_reps_links(
    visit: Visit, dana: Membership, alice: Membership, bob: Membership, afternoon: datetime
) -> None:
    make_link(bob, slug="bob-intro-call")
    admin = visit(LIST, member=dana)
    admin.get_by_role("link", name="New template").click()
    admin.get_by_label("Title", exact=True).fill("Intro Call")
    admin.get_by_role("switch", name="Lock buffers").press("Space")
    admin.get_by_role("button", name="Save and choose people").click()

    expect(admin.get_by_role("heading", level=1)).to_have_text("Assign Intro Call")
    admin.wait_for_load_state()
    admin.get_by_label("Find people").press_sequentially("lindq")
    expect(admin.get_by_role("checkbox", name="Assign Alice Okafor")).to_be_hidden()
    admin.get_by_role("checkbox", name="Assign Bob Lindqvist").check()
    expect(admin.get_by_label("Address for Bob Lindqvist")).to_have_value("bob-intro-call-2")
    admin.get_by_label("Find people").fill("")
    admin.get_by_role("checkbox", name="Assign Alice Okafor").check()
    expect(admin.get_by_role("checkbox", name="Assign Bob Lindqvist")).to_be_checked()
    admin.get_by_role("button", name="Save assignments").click()
    expect(admin.get_by_role("heading", name="2 links made")).to_be_visible()
    expect(admin.locator("#result")).to_contain_text("/book/bob-intro-call-2")

    admin.get_by_role("link", name="Edit template").click()
    admin.get_by_label("Title", exact=True).fill("Welcome Call")
    admin.get_by_label("After", exact=True).fill("10")
    admin.get_by_role("button", name="Save template").click()
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


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_enter_in_the_search_only_searches(
    scripts: bool, visit: Visit, sales: dict[str, ManagedEventTemplate], dana: Membership
) -> None:
    page = visit(PAGES["assign"](sales), member=dana, scripts=scripts)
    page.get_by_role("checkbox", name="Assign Dana Admin").check()
    page.get_by_label("Find people").fill("emi")
    page.get_by_label("Find people").press("Enter")
    expect(page.get_by_role("checkbox", name="Assign Alice Okafor")).to_be_hidden()
    expect(page.get_by_role("checkbox", name="Assign Emi Tanaka")).not_to_be_checked()
    page.get_by_label("Find people").fill("")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_role("checkbox", name="Assign Alice Okafor")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Assign Dana Admin")).to_be_checked()
    assert not sales["demo"].links.exists()


def test_people_are_assigned_with_the_keyboard_alone(
    visit: Visit, dana: Membership, alice: Membership, afternoon: datetime
) -> None:
    template = make_template(dana)
    page = visit(f"{LIST}/{template.pk}/assign", member=dana)
    page.keyboard.press("/")
    expect(page.get_by_label("Find people")).to_be_focused()
    page.keyboard.type("okafor")
    expect(page.get_by_role("checkbox", name="Assign Dana Admin")).to_be_hidden()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.get_by_role("checkbox", name="Assign Alice Okafor").evaluate(
            "e => e === document.activeElement"
        ):
            break
    page.keyboard.press("Space")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.get_by_role("button", name="Save assignments").evaluate("e => e === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 link made")).to_be_visible()
    assert link_of(template, alice)


# --- How they look ---------------------------------------------------------------------------------------------

CROWD = (
    "Bruno Keller",
    "Chloé Marchand",
    "Daniel Osei",
    "Emi Tanaka",
    "Farah Siddiqui",
    "Gustav Lindqvist",
    "Hana Novák",
    "Inês Carvalho",
)


@pytest.fixture
def sales(dana: Membership, alice: Membership, afternoon: datetime) -> dict[str, ManagedEventTemplate]:
    """The workspace of the design's pictures, as far as this stage goes."""
    numbers = count()
    people = [alice]
    for name in CROWD:
        user = UserFactory(name=name, username=name.split()[0].lower().replace("é", "e").replace("ê", "e"))
        people.append(MembershipFactory(workspace=dana.workspace, user=user))
    emea, success = (
        GroupFactory(workspace=dana.workspace, name=name) for name in ("Sales EMEA", "Customer success")
    )
    for person in people[:5]:
        join_group(emea, person)
    for person in people[5:]:
        join_group(success, person)

    def earlier() -> datetime:
        return afternoon - timedelta(days=3) + timedelta(hours=next(numbers))

    call = make_template(dana, now=earlier(), description="Half an hour to see if Larkhill fits.")
    assign_to(call, people[:6], dana, now=earlier())
    BookingLink.objects.filter(owner=people[1].user).update(location_detail="My own room")
    BookingLink.objects.filter(owner=people[3].user).update(reminder_enabled=False)
    save(call, dana, buffer_after_minutes=10, locks=[*call.locked_sections, "buffers"], now=earlier())
    finish_runs(earlier())
    BookingLink.objects.filter(owner=people[2].user).update(title="Crooked")
    make_link(people[4], slug="emi-product-demo")
    demo = make_template(dana, title="Product Demo", slug="product-demo", duration_minutes=45, now=earlier())
    review = make_template(dana, title="Renewal Review", slug="renewal-review", group=success, now=earlier())
    assign_to(review, people[5:], dana, now=earlier())
    run = save(review, dana, title="Renewal Review ", now=afternoon).run
    assert run is not None
    Propagation.objects.filter(pk=run.pk).update(links_done=3)
    return {"call": call, "demo": demo, "review": review}


PAGES = {
    "list": lambda sales: LIST,
    "new": lambda sales: f"{LIST}/new",
    "detail": lambda sales: f"{LIST}/{sales['call'].pk}",
    "running": lambda sales: f"{LIST}/{sales['review'].pk}",
    "empty": lambda sales: f"{LIST}/{sales['demo'].pk}",
    "edit": lambda sales: f"{LIST}/{sales['call'].pk}/template",
    "assign": lambda sales: f"{LIST}/{sales['demo'].pk}/assign",
    "delete": lambda sales: f"{LIST}/{sales['call'].pk}/delete",
}


def opened(page: Page) -> Page:
    """The page with its first rows open."""
    for name in ("Chloé Marchand", "Bruno Keller"):
        row = page.locator("summary", has_text=name)
        if row.count():
            row.first.click()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits(
    name: str,
    size: tuple[int, int],
    scheme: Literal["light", "dark"],
    visit: Visit,
    sales: dict[str, ManagedEventTemplate],
    dana: Membership,
) -> None:
    page = opened(visit(PAGES[name](sales), size=size, scheme=scheme, member=dana))
    if name == "assign":
        page.get_by_role("checkbox", name="Assign Dana Admin").check()
        page.get_by_role("button", name="Sales EMEA").click()
        expect(page.get_by_role("checkbox", name="Assign Emi Tanaka")).to_be_checked()
        expect(page.get_by_role("checkbox", name="Assign Dana Admin")).to_be_checked()
    where = "mobile" if size == PHONE else "desktop"
    picture(page, f"managed-{name}-{where}-{scheme}")
    assert_fits(page)
    assert_accessible(page)


def test_the_page_of_two_edits_is_accessible(
    visit: Visit, sales: dict[str, ManagedEventTemplate], dana: Membership
) -> None:
    page = visit(PAGES["edit"](sales), member=dana)
    save(sales["call"], dana, duration_minutes=45, title="Theirs", locks=["title", "policy"])
    page.get_by_label("Duration", exact=True).fill("60")
    page.get_by_role("button", name="Save template").click()
    expect(page.get_by_text("saved version 3 while you were editing")).to_be_visible()
    page.wait_for_load_state()
    picture(page, "managed-stale-desktop-light")
    assert_accessible(page)
