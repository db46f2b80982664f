"""Resetting cells, rows and columns of the matrix: shown first, then done as shown, and only where it was asked for."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from managed_events import plans, selectors
from managed_events.models import ManagedEventTemplate
from managed_events.services.resets import SyncRunning, reset
from managed_events.services.templates import NotAsShown
from scheduling.domain.sections import SECTIONS
from scheduling.models import BookingLink
from scheduling.services.links import update_link
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import MembershipFactory
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

EVERY = [section.key for section in SECTIONS]


@pytest.fixture
def template(dana: Membership, alice: Membership, bob: Membership) -> ManagedEventTemplate:
    """Alice has hours in New York and her own buffers, Bob his own buffers and a crooked title."""
    alice.user.timezone = "America/New_York"
    alice.user.save()
    template = make_template(dana)
    assign_to(template, [alice, bob], dana)
    for member, minutes in ((alice, 5), (bob, 20)):
        own = {"buffer_before_minutes": minutes, "minimum_notice_hours": 48}
        update_link(link_id=link_of(template, member).pk, by=member, values=own, now=MONDAY_MORNING)
    template.links.filter(owner=bob.user).update(title="Crooked")
    return template


def shown(template: ManagedEventTemplate, links: Any, sections: list[str]) -> str:
    return plans.of_reset(template, links, sections).token


def differing(before: BookingLink, after: BookingLink) -> set[str]:
    old, new = before.section_values(), after.section_values()
    return {field for field in old if old[field] != new[field]}


def test_a_cell_is_reset_and_nothing_else(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership, NOW: Any
) -> None:
    before = {member: link_of(template, member) for member in (alice, bob)}
    token = shown(template, template.links.filter(owner=alice.user), ["buffers"])
    reset(
        template=template,
        link_id=before[alice].pk,
        sections=["buffers"],
        actor=dana.user,
        shown=token,
        now=NOW,
    )
    assert differing(before[alice], link_of(template, alice)) == {"buffer_before_minutes"}
    assert differing(before[bob], link_of(template, bob)) == set()


def test_a_row_is_reset_to_what_a_new_link_of_its_owner_would_have(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership, NOW: Any
) -> None:
    for member in (alice, bob):
        links = template.links.filter(owner=member.user)
        reset(
            template=template,
            link_id=links.get().pk,
            sections=EVERY,
            actor=dana.user,
            shown=shown(template, links, EVERY),
            now=NOW,
        )
        begins = template.state.starting_values(member.user.timezone)
        assert link_of(template, member).section_values() == begins
    assert link_of(template, alice).timezone == "America/New_York"


def test_a_column_is_reset_on_every_link_in_its_owners_zone(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership, NOW: Any
) -> None:
    BookingLink.objects.filter(owner=alice.user).update(timezone="Asia/Tokyo")
    token = shown(template, template.links.all(), ["availability"])
    reset(template=template, link_id=None, sections=["availability"], actor=dana.user, shown=token, now=NOW)
    assert {link.owner.username: link.timezone for link in template.links.all()} == {
        "alice": "America/New_York",
        "bob": bob.user.timezone,
    }
    assert {link.minimum_notice_hours for link in template.links.all()} == {template.minimum_notice_hours}
    assert sorted(link.buffer_before_minutes for link in template.links.all()) == [5, 20]


def test_a_lock_that_a_link_lost_comes_back_with_its_section_alone(
    template: ManagedEventTemplate, dana: Membership, bob: Membership, NOW: Any
) -> None:
    template.links.filter(owner=bob.user).update(locked_sections=["payment"])
    links = template.links.filter(owner=bob.user)
    token = shown(template, links, ["title", "payment"])
    reset(
        template=template,
        link_id=links.get().pk,
        sections=["title", "payment"],
        actor=dana.user,
        shown=token,
        now=NOW,
    )
    assert link_of(template, bob).locked_sections == ["title"]
    assert link_of(template, bob).title == template.title


def test_the_log_keeps_what_was_lost(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: Any
) -> None:
    token = shown(template, template.links.all(), ["buffers"])
    reset(template=template, link_id=None, sections=["buffers"], actor=dana.user, shown=token, now=NOW)
    event = AuditEvent.objects.get(action="template.reset")
    assert event.actor == dana.user
    assert {link["name"]: link["before"] for link in event.detail["links"]} == {
        "Alice Okafor": {"buffer_before_minutes": 5},
        "Bob Lindqvist": {"buffer_before_minutes": 20},
    }


def test_what_was_not_shown_is_not_done(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: Any
) -> None:
    token = shown(template, template.links.all(), ["buffers"])
    link = link_of(template, alice)
    update_link(link_id=link.pk, by=alice, values={"buffer_before_minutes": 10}, now=NOW)
    with pytest.raises(NotAsShown):
        reset(template=template, link_id=None, sections=["buffers"], actor=dana.user, shown=token, now=NOW)
    assert sorted(link.buffer_before_minutes for link in template.links.all()) == [10, 20]
    assert not AuditEvent.objects.filter(action="template.reset").exists()


def test_a_reset_waits_for_a_sync(template: ManagedEventTemplate, dana: Membership, NOW: Any) -> None:
    save(template, dana, title="New")
    template.refresh_from_db()
    token = shown(template, template.links.all(), ["buffers"])
    with pytest.raises(SyncRunning):
        reset(template=template, link_id=None, sections=["buffers"], actor=dana.user, shown=token, now=NOW)
    finish_runs()
    reset(
        template=template,
        link_id=None,
        sections=["buffers"],
        actor=dana.user,
        shown=shown(template, template.links.all(), ["buffers"]),
        now=NOW,
    )


def test_a_column_takes_as_many_statements_for_many_links_as_for_few(
    template: ManagedEventTemplate, dana: Membership, NOW: Any
) -> None:
    def statements() -> int:
        template.links.update(buffer_before_minutes=30)
        token = shown(template, template.links.all(), ["buffers"])
        with CaptureQueriesContext(connection) as captured:
            reset(
                template=template, link_id=None, sections=["buffers"], actor=dana.user, shown=token, now=NOW
            )
        return len(captured)

    few = statements()
    assign_to(template, [MembershipFactory(workspace=dana.workspace) for _ in range(8)], dana)
    assert statements() == few


# --- The page ---


def address(template: ManagedEventTemplate, query: str = "") -> str:
    return reverse("managed_events:reset", args=[template.pk]) + query


def test_the_page_shows_what_it_will_do_and_then_does_that(
    template: ManagedEventTemplate, dana: Membership, alice: Membership
) -> None:
    browser = signed_in(dana)
    rows = browser.get(reverse("managed_events:detail", args=[template.pk])).content.decode()
    query = f"?link={link_of(template, alice).pk}&section=buffers"
    assert address(template, query).replace("&", "&") in rows
    html = browser.get(address(template, query)).content.decode()
    assert "Reset buffers of Alice Okafor’s link?" in html
    assert "<del>5 minutes</del><ins>none</ins>" in html
    answer = browser.post(address(template), form_posting(html, "plan").values)
    assert answer.status_code == 302
    assert link_of(template, alice).buffer_before_minutes == 0


def test_the_page_of_a_column_names_who_loses_what(template: ManagedEventTemplate, dana: Membership) -> None:
    html = signed_in(dana).get(address(template, "?section=buffers")).content.decode()
    assert "Reset buffers of every link?" in html
    assert "<del>20 minutes</del><ins>none</ins>" in html
    assert "Reset 2 links" in html


def test_a_page_that_is_old_shows_the_new_plan(
    template: ManagedEventTemplate, dana: Membership, alice: Membership
) -> None:
    browser = signed_in(dana)
    sent = form_posting(browser.get(address(template, "?section=buffers")).content.decode(), "plan").values
    link = link_of(template, alice)
    update_link(link_id=link.pk, by=alice, values={"buffer_before_minutes": 10}, now=MONDAY_MORNING)
    answer = browser.post(address(template), sent)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Things have changed since you looked" in html
    assert "<del>10 minutes</del>" in html
    assert link_of(template, alice).buffer_before_minutes == 10
    assert browser.post(address(template), form_posting(html, "plan").values).status_code == 302
    assert link_of(template, alice).buffer_before_minutes == 0


@pytest.mark.parametrize(
    "query", ["", "?section=nothing", "?link=x&section=title", "?link=00000000-0000-0000-0000-000000000000"]
)
def test_what_there_is_not_cannot_be_reset(
    template: ManagedEventTemplate, dana: Membership, query: str
) -> None:
    assert signed_in(dana).get(address(template, query)).status_code == 404


def test_a_link_of_another_template_is_not_reset(
    template: ManagedEventTemplate, dana: Membership, alice: Membership
) -> None:
    other = make_template(dana, slug="other")
    assign_to(other, [alice], dana)
    query = f"?link={link_of(other, alice).pk}"
    assert signed_in(dana).get(address(template, query)).status_code == 404


def test_the_matrix_shows_all_or_only_what_differs(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership
) -> None:
    update_link(
        link_id=link_of(template, alice).pk,
        by=alice,
        values={"buffer_before_minutes": 0, "minimum_notice_hours": 0},
        now=MONDAY_MORNING + timedelta(minutes=1),
    )
    assert [link.owner for link in selectors.with_own_values(template)] == [bob.user]
    assert [link.owner for link in selectors.out_of_step(template)] == [bob.user]
    page = reverse("managed_events:detail", args=[template.pk])
    html = signed_in(dana).get(f"{page}?show=own").content.decode()
    assert "Bob Lindqvist" in html
    assert "Alice Okafor’s" not in html
    assert "/book/alice-discovery-call</span>" not in html
    for label in ("All 2", "Own values 1", "Out of step 1"):
        assert label in html
