"""Booking links in a real browser, with scripts and without."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from managed_events.models import ManagedEventTemplate
from scheduling.models import BookingLink
from tests.browser.conftest import Visit
from tests.factories import make_link
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/settings/booking-links"
NOW = datetime(2026, 11, 10, 14, tzinfo=UTC)
ASKED = [
    {
        "key": "size",
        "label": "How many people plan?",
        "type": "select",
        "required": True,
        "options": ["1", "More"],
    }
]


@pytest.fixture
def managed(alice: Membership) -> BookingLink:
    template = ManagedEventTemplate.objects.create(
        workspace=alice.workspace,
        title="Discovery Call",
        slug="discovery-call",
        created_at=NOW,
        updated_at=NOW,
    )
    return make_link(
        alice,
        slug="alice-discovery-call",
        managed_event_template=template,
        locked_sections=["title", "duration", "buffers", "form", "workflows", "branding"],
        template_version=1,
        synced_at=NOW,
        questions=ASKED,
    )


def saved(page: Page, link: BookingLink, button: str = "Save link") -> BookingLink:
    with page.expect_navigation():
        page.get_by_role("button", name=button).click()
    expect(page.get_by_text("is saved.")).to_be_visible()
    return BookingLink.objects.get(pk=link.pk)


def test_a_refused_form_leads_to_what_is_wrong(visit: Visit, alice: Membership) -> None:
    page = visit(f"{LIST}/new", member=alice)
    page.get_by_label("Monday, from").fill("nine")
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_role("alert")).to_contain_text("2 things to fix")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Title", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Monday, from")).to_have_value("nine")


def test_a_link_is_made_from_a_title(visit: Visit, alice: Membership) -> None:
    page = visit(LIST, member=alice)
    page.get_by_role("link", name="New link").first.click()
    page.get_by_label("Title", exact=True).fill("Kaffee & Code")
    with page.expect_navigation():
        page.get_by_role("button", name="Make link").click()
    expect(page.get_by_text("/book/kaffee-code", exact=True)).to_be_visible()
    assert BookingLink.objects.get().slug == "kaffee-code"


def test_rows_are_added_and_removed_without_a_page_load(visit: Visit, alice: Membership) -> None:
    link = make_link(alice)
    page = visit(f"{LIST}/{link.pk}", member=alice)

    page.get_by_role("button", name="Add hours on Monday").click()
    expect(page.get_by_label("Monday, from").nth(1)).to_be_focused()
    page.get_by_label("Monday, to").first.fill("12:00")
    page.get_by_label("Monday, from").nth(1).fill("1 pm")
    page.get_by_label("Monday, to").nth(1).fill("17")
    page.get_by_role("button", name="Remove these hours of Tuesday").click()
    page.get_by_role("button", name="Add hours on Tuesday").click()
    page.get_by_label("Tuesday, from").fill("10")
    page.get_by_label("Tuesday, to").fill("11")
    page.get_by_role("checkbox", name="Friday").uncheck()
    expect(page.get_by_label("Friday, from")).to_be_hidden()

    page.get_by_role("button", name="Add a date").click()
    page.get_by_label("Date", exact=True).fill("2026-12-24")
    page.get_by_role("group", name="New date").get_by_label("Closed").check()

    page.get_by_role("button", name="Add question").click()
    question = page.get_by_role("group", name="New question")
    question.get_by_label("Question", exact=True).fill("Where are you?")
    expect(question.get_by_label("Choices")).to_be_hidden()
    question.get_by_label("Answered by").select_option("One choice")
    question.get_by_label("Choices").fill("Berlin\nLisbon")

    link = saved(page, link)
    assert link.weekly_hours == [
        {"days": [0], "start": "09:00", "end": "12:00"},
        {"days": [2, 3], "start": "09:00", "end": "17:00"},
        {"days": [1], "start": "10:00", "end": "11:00"},
        {"days": [0], "start": "13:00", "end": "17:00"},
    ]
    assert link.date_overrides == [{"date": "2026-12-24", "windows": []}]
    assert link.questions == [
        {
            "key": "where-are-you",
            "label": "Where are you?",
            "type": "select",
            "required": False,
            "options": ["Berlin", "Lisbon"],
        }
    ]

    page.get_by_role("button", name="Remove this question").click()
    expect(page.get_by_role("button", name="Add question")).to_be_focused()
    assert saved(page, link).questions == []


def test_without_scripts_a_blank_row_stands_ready(visit: Visit, alice: Membership) -> None:
    link = make_link(alice)
    page = visit(f"{LIST}/{link.pk}", member=alice, scripts=False)
    expect(page.get_by_role("button", name="Add hours on Monday")).to_be_hidden()
    page.get_by_label("Monday, to").first.fill("12:00")
    page.get_by_label("Monday, from").nth(1).fill("13:00")
    page.get_by_label("Monday, to").nth(1).fill("17:00")
    page.get_by_label("Date", exact=True).fill("2026-12-24")
    page.get_by_role("group", name="New date").get_by_label("Closed").check()
    page.get_by_role("group", name="New question").get_by_label("Question", exact=True).fill("Where are you?")
    link = saved(page, link)
    assert {"days": [0], "start": "13:00", "end": "17:00"} in link.weekly_hours
    assert link.date_overrides == [{"date": "2026-12-24", "windows": []}]
    assert [question["label"] for question in link.questions] == ["Where are you?"]


def test_an_untouched_form_saves_nothing_new(visit: Visit, alice: Membership, managed: BookingLink) -> None:
    link = make_link(alice, questions=ASKED, description="One\n\ntwo", brand_color="#AbCdEf")
    for each in (link, managed):
        before = BookingLink.objects.values().get(pk=each.pk)
        page = visit(f"{LIST}/{each.pk}", member=alice)
        saved(page, each)
        assert BookingLink.objects.values().get(pk=each.pk) == before


def test_locked_sections_can_be_read_but_not_changed(
    visit: Visit, alice: Membership, managed: BookingLink
) -> None:
    page = visit(f"{LIST}/{managed.pk}", member=alice)
    expect(page.get_by_label("Title", exact=True)).to_be_disabled()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Discovery Call")
    expect(page.get_by_text("How many people plan?")).to_be_visible()
    expect(page.get_by_text("Locked by Discovery Call template")).to_have_count(6)
    page.get_by_label("Number, address or link").fill("Stand C14")
    assert saved(page, managed).location_detail == "Stand C14"


def test_the_pool_shows_when_it_is_a_round_robin(visit: Visit, alice: Membership, bob: Membership) -> None:
    link = make_link(alice)
    page = visit(f"{LIST}/{link.pk}", member=alice)
    weight = page.get_by_label("Weight of Bob Lindqvist")
    expect(weight).to_be_hidden()
    page.get_by_text("Round robin", exact=True).click()
    page.get_by_role("checkbox", name="Bob Lindqvist").check()
    weight.fill("4")
    link = saved(page, link)
    assert {host.user_id: host.weight for host in link.hosts.all()} == {alice.user_id: 1, bob.user_id: 4}


def test_an_address_that_is_taken_is_told_while_it_is_typed(
    visit: Visit, alice: Membership, bob: Membership
) -> None:
    make_link(bob, slug="taken")
    page = visit("/settings/booking-links/new", member=alice)
    told = page.locator("#address-live")
    page.get_by_role("textbox", name="Title").press_sequentially("Taken")
    expect(told).to_contain_text("It will be /book/taken-2")
    page.locator("#id_slug").press_sequentially("taken")
    expect(told).to_contain_text("taken is taken. taken-2 is free.")
    page.locator("#id_slug").press_sequentially("-call")
    expect(told).to_contain_text("/book/taken-call is free")
    expect(page.locator("#id_slug")).to_be_focused()


@pytest.mark.parametrize("scripts", [True, False])
def test_what_a_place_lacks_is_said_as_soon_as_it_is_chosen(
    visit: Visit, alice: Membership, scripts: bool
) -> None:
    page = visit("/settings/booking-links/new", member=alice, scripts=scripts)
    said = page.get_by_text(
        "has no Webex account connected. Bookings are taken all the same, without a link."
    )
    expect(said).to_be_hidden()
    page.get_by_label("Where you meet").select_option("webex")
    expect(said).to_be_visible()
    expect(page.get_by_text("need an account that the host has connected")).to_be_hidden()
    page.get_by_label("Where you meet").select_option("phone")
    expect(said).to_be_hidden()


def test_the_list_narrows_while_typing(visit: Visit, alice: Membership, managed: BookingLink) -> None:
    make_link(alice, title="Product Demo", slug="product-demo")
    page = visit(LIST, member=alice)
    page.keyboard.press("/")
    page.keyboard.type("demo")
    expect(page.get_by_role("heading", name="Discovery Call")).to_be_hidden()
    expect(page.get_by_role("heading", name="Product Demo")).to_be_visible()
    expect(page.get_by_label("Find by title or address")).to_be_focused()
    assert page.url.endswith("q=demo&w=all")
    page.get_by_text("Assigned 1").click()
    expect(page.get_by_text("Nothing matches “demo”.")).to_be_visible()


def test_a_link_is_deleted_after_asking(visit: Visit, alice: Membership) -> None:
    make_link(alice, title="Coffee", slug="coffee")
    page = visit(LIST, member=alice)
    page.get_by_role("link", name="Delete Coffee").click()
    page.get_by_role("link", name="Keep link").click()
    assert BookingLink.objects.count() == 1
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete link").click()
    expect(page.get_by_text("Coffee is deleted.")).to_be_visible()
    assert not BookingLink.objects.exists()
