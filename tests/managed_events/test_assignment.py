from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from managed_events.domain.assignment import Outcome, Result
from managed_events.models import ManagedEventTemplate
from managed_events.selectors import proposed_addresses
from managed_events.services import assignment
from managed_events.services.assignment import NotAssigned, assign, detach
from managed_events.services.templates import TemplateGone, delete_template
from scheduling.models import KEPT_FROM_OTHERS, BookingLink, RetiredSlug
from scheduling.services import links as link_services
from scheduling.services.addresses import SlugTaken
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import MembershipFactory, UserFactory, make_booking, make_link
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent


def created(name: str, slug: str, wanted: str = "") -> Outcome:
    return Outcome(name, Result.CREATED, slug=slug, wanted=wanted or slug)


def test_each_person_gets_a_link_with_all_the_templates_values(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    bob.user.timezone = "America/New_York"
    bob.user.save()
    template = make_template(dana, buffer_after_minutes=5, location_detail="Ask me")
    outcomes = assign_to(template, [alice, bob], dana).outcomes
    assert outcomes == (
        created("Alice Okafor", "alice-discovery-call"),
        created("Bob Lindqvist", "bob-discovery-call"),
    )
    for person, timezone in ((alice, "Europe/Berlin"), (bob, "America/New_York")):
        link = link_of(template, person)
        assert link.section_values() == template.section_values() | {"timezone": timezone}
        assert link.locked_sections == template.locked_sections
        assert (link.template_version, link.synced_at, link.strategy) == (1, NOW, "individual")
        assert link.workspace_id == dana.workspace_id
        assert [host.user_id for host in link.hosts.all()] == [person.user_id]


def test_locked_hours_come_with_the_templates_own_zone(dana: Membership, bob: Membership) -> None:
    bob.user.timezone = "America/New_York"
    bob.user.save()
    template = make_template(dana, locks=["availability"], timezone="Asia/Tokyo")
    assign_to(template, [bob], dana)
    assert link_of(template, bob).timezone == "Asia/Tokyo"


def test_somebody_assigned_already_is_skipped(dana: Membership, alice: Membership) -> None:
    template = make_template(dana)
    assign_to(template, [alice], dana)
    outcomes = assign_to(template, [alice], dana).outcomes
    assert outcomes == (
        Outcome("Alice Okafor", Result.SKIPPED, reason="Already has a link of this template."),
    )
    assert template.links.count() == 1


def test_somebody_named_twice_gets_one_link(dana: Membership, alice: Membership) -> None:
    template = make_template(dana)
    results = [outcome.result for outcome in assign_to(template, [alice, alice], dana).outcomes]
    assert results == [Result.CREATED, Result.SKIPPED]


def test_somebody_who_has_left_is_skipped(dana: Membership, alice: Membership, bob: Membership) -> None:
    template = make_template(dana)
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    skipped, made = assign_to(template, [alice, bob], dana).outcomes
    assert (skipped.result, skipped.reason) == (Result.SKIPPED, "No longer in this workspace.")
    assert made == created("Bob Lindqvist", "bob-discovery-call")


def test_somebody_of_another_workspace_is_skipped(dana: Membership, carol: Membership) -> None:
    template = make_template(dana)
    (outcome,) = assign_to(template, [carol], dana).outcomes
    assert outcome.result == Result.SKIPPED
    assert not BookingLink.objects.exists()


# --- Addresses -------------------------------------------------------------------------------------------------


def test_a_taken_address_gets_the_next_free_number(
    dana: Membership, alice: Membership, bob: Membership
) -> None:
    make_link(alice, slug="alice-discovery-call")
    make_link(bob, slug="bob-discovery-call")
    make_link(alice, slug="bob-discovery-call-2")
    template = make_template(dana)
    proposals = proposed_addresses(template, [alice, bob], MONDAY_MORNING)
    assert (proposals[alice.pk].slug, proposals[alice.pk].holder) == ("alice-discovery-call-2", alice)
    assert (proposals[bob.pk].slug, proposals[bob.pk].holder) == ("bob-discovery-call-3", bob)
    assert assign_to(template, [alice, bob], dana).outcomes == (
        created("Alice Okafor", "alice-discovery-call-2", "alice-discovery-call"),
        created("Bob Lindqvist", "bob-discovery-call-3", "bob-discovery-call"),
    )


def test_whose_address_it_is_stays_in_his_workspace(
    dana: Membership, alice: Membership, carol: Membership
) -> None:
    make_link(carol, slug="alice-discovery-call")
    proposal = proposed_addresses(make_template(dana), [alice], MONDAY_MORNING)[alice.pk]
    assert (proposal.slug, proposal.holder) == ("alice-discovery-call-2", None)


def test_two_people_never_get_the_same_proposal(dana: Membership, bob: Membership) -> None:
    second = MembershipFactory(workspace=dana.workspace, user=UserFactory(username="bob-2"))
    make_link(dana, slug="call-bob")
    template = make_template(dana, slug="call", slug_pattern="{template}-{username}")
    proposals = proposed_addresses(template, [bob, second], MONDAY_MORNING)
    assert (proposals[bob.pk].slug, proposals[second.pk].slug) == ("call-bob-2", "call-bob-2-2")


def test_the_number_of_queries_for_proposals_does_not_grow(
    dana: Membership, django_assert_num_queries: Any
) -> None:
    people = [MembershipFactory(workspace=dana.workspace) for _ in range(12)]
    for person in people[:6]:
        make_link(person, slug=f"{person.user.username}-discovery-call")
    template = make_template(dana)
    with django_assert_num_queries(5):
        proposed_addresses(template, people, MONDAY_MORNING)


def test_an_address_with_a_crowd_of_numbers_gets_the_next_one_and_many_are_asked_for_by_name(
    dana: Membership, alice: Membership
) -> None:
    longest = "alice-" + "x" * 74
    for slug in (
        "alice-call",
        *(f"alice-call-{number}" for number in range(2, 14)),
        longest,
        f"{longest[:78]}-2",
    ):
        make_link(dana, slug=slug)
    template = make_template(dana, slug="call")
    with CaptureQueriesContext(connection) as queries:
        assert proposed_addresses(template, [alice], MONDAY_MORNING)[alice.pk].slug == "alice-call-14"
    assert not any("LIKE" in query["sql"] for query in queries)
    template.slug = longest.removeprefix("alice-")
    assert proposed_addresses(template, [alice], MONDAY_MORNING)[alice.pk].slug == f"{longest[:78]}-3"


def test_an_address_taken_in_the_last_moment_gets_a_number(dana: Membership, alice: Membership) -> None:
    template = make_template(dana)
    proposals = proposed_addresses(template, [alice], MONDAY_MORNING)
    make_link(dana, slug="alice-discovery-call")
    with patch("managed_events.selectors.proposed_addresses", return_value=proposals):
        (outcome,) = assign_to(template, [alice], dana).outcomes
    assert outcome == created("Alice Okafor", "alice-discovery-call-2", "alice-discovery-call")


def test_a_chosen_address_is_used_and_never_changed(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    make_link(dana, slug="taken")
    template = make_template(dana)
    chosen = {alice.pk: "alice-intro", bob.pk: "taken"}
    made, skipped = assign(
        template=template, people=[alice, bob], actor=dana.user, now=NOW, addresses=chosen
    ).outcomes
    assert made == created("Alice Okafor", "alice-intro", "alice-discovery-call")
    assert (skipped.result, skipped.slug) == (Result.SKIPPED, "taken")
    assert "taken" in skipped.reason


@pytest.mark.parametrize("address", ["Alice", "a b", "admin", "-x", "x" * 81])
def test_an_impossible_address_skips_that_person_only(
    address: str, dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    skipped, made = assign(
        template=template, people=[alice, bob], actor=dana.user, now=NOW, addresses={alice.pk: address}
    ).outcomes
    assert skipped.result == Result.SKIPPED
    assert skipped.reason
    assert made.result == Result.CREATED


def test_one_persons_failure_never_aborts_the_rest(
    dana: Membership, alice: Membership, bob: Membership
) -> None:
    def failing(**how: Any) -> BookingLink:
        if how["owner"] == alice.user:
            BookingLink.objects.raw("SELECT 1 / 0 AS id")[0]
        return link_services.create_link(**how)

    template = make_template(dana)
    with patch.object(assignment, "create_link", failing):
        skipped, made = assign_to(template, [alice, bob], dana).outcomes
    assert (skipped.name, skipped.result) == ("Alice Okafor", Result.SKIPPED)
    assert made == created("Bob Lindqvist", "bob-discovery-call")
    assert [link.owner for link in template.links.all()] == [bob.user]


def test_the_audit_log_keeps_what_came_of_each_person(
    dana: Membership, alice: Membership, bob: Membership
) -> None:
    template = make_template(dana)
    assign_to(template, [alice], dana)
    event_id = assign_to(template, [alice, bob], dana).event_id
    event = AuditEvent.objects.get(pk=event_id)
    assert (event.action, event.actor_name, event.target_id) == (
        "template.assigned",
        "Dana Admin",
        template.pk,
    )
    assert (event.detail["created"], event.detail["skipped"]) == (1, 1)
    assert [person["slug"] for person in event.detail["people"]] == ["", "bob-discovery-call"]


def test_a_deleted_template_cannot_be_assigned(dana: Membership, alice: Membership, NOW: datetime) -> None:
    template = make_template(dana)
    delete_template(template=template, actor=dana.user, now=NOW)
    with pytest.raises(TemplateGone):
        assign_to(template, [alice], dana)
    assert not BookingLink.objects.exists()


def test_a_link_made_while_a_run_is_on_its_way_is_in_line_from_the_start(
    dana: Membership, alice: Membership, bob: Membership
) -> None:
    template = make_template(dana)
    assign_to(template, [alice], dana)
    save(template, dana, title="Renamed")
    assign_to(template, [bob], dana)
    assert link_of(template, bob).title == "Renamed"
    finish_runs()
    assert {link.title for link in template.links.all()} == {"Renamed"}
    assert template.propagations.get().links_updated == 1


# --- Detaching -------------------------------------------------------------------------------------------------


def detached(
    template: ManagedEventTemplate, person: Membership, actor: Membership, now: datetime, **how: bool
) -> None:
    link = link_of(template, person)
    detach(template=template, link_id=link.pk, delete=how.get("delete", False), actor=actor.user, now=now)


def test_a_detached_link_stays_as_its_owners_own_and_no_longer_follows(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    assign_to(template, [alice], dana)
    before = link_of(template, alice).section_values()
    detached(template, alice, dana, NOW)
    link = BookingLink.objects.get(slug="alice-discovery-call")
    assert (link.is_managed, link.locked_sections, link.owner) == (False, [], alice.user)
    save(template, dana, title="Renamed")
    finish_runs()
    link.refresh_from_db()
    assert link.section_values() == before
    event = AuditEvent.objects.get(action="template.detached")
    assert (event.detail["slug"], event.detail["deleted"]) == ("alice-discovery-call", False)
    assert event.before["locked_sections"] == template.locked_sections


def test_delete_on_detach_takes_the_page_and_leaves_the_bookings(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    assign_to(template, [alice], dana)
    booking = make_booking(link_of(template, alice), NOW.replace(day=8, hour=10), NOW)
    detached(template, alice, dana, NOW, delete=True)
    assert not BookingLink.objects.filter(slug="alice-discovery-call").exists()
    booking.refresh_from_db()
    assert (booking.status, booking.link, booking.host) == ("confirmed", None, alice.user)
    assert AuditEvent.objects.get(action="template.detached").detail["deleted"] is True


def test_somebody_detached_can_be_assigned_again(dana: Membership, alice: Membership, NOW: datetime) -> None:
    template = make_template(dana)
    assign_to(template, [alice], dana)
    detached(template, alice, dana, NOW)
    (outcome,) = assign_to(template, [alice], dana).outcomes
    assert outcome.slug == "alice-discovery-call-2"


def test_a_link_of_another_template_is_not_detached(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    template, other = make_template(dana), make_template(dana, slug="demo")
    assign_to(other, [alice], dana)
    with pytest.raises(NotAssigned):
        detach(template=template, link_id=link_of(other, alice).pk, delete=True, actor=dana.user, now=NOW)
    assert link_of(other, alice).is_managed
    assert not AuditEvent.objects.filter(action="template.detached").exists()


def test_a_failing_database_is_not_taken_for_a_taken_address() -> None:
    assert not issubclass(SlugTaken, DatabaseError)


# --- Addresses as they are typed ---


def test_the_form_says_whose_address_a_typed_pattern_would_take(
    dana: Membership, alice: Membership, bob: Membership
) -> None:
    make_link(bob, slug="bob-intro")
    template = make_template(dana)
    client = signed_in(dana)
    asked = {"slug": "intro", "slug_pattern": "{username}-{template}"}
    html = client.get(reverse("managed_events:address", args=[template.pk]), asked).content.decode()
    assert "/book/dana-intro" in html
    assert "1 of 3 addresses is taken" in html
    assert "bob-intro-2" in html
    html = client.get(
        reverse("managed_events:new_address"), {**asked, "slug": "discovery-call"}
    ).content.decode()
    assert "Another template has this name" in html
    html = client.get(
        reverse("managed_events:new_address"), {**asked, "slug_pattern": "call"}
    ).content.decode()
    assert "Put {username} in" in html


def test_an_address_kept_for_another_workspace_is_not_proposed(
    dana: Membership, alice: Membership, carol: Membership
) -> None:
    kept, _numbered = (
        RetiredSlug.objects.create(slug=slug, workspace=carol.workspace, retired_at=MONDAY_MORNING)
        for slug in ("alice-discovery-call", "alice-discovery-call-2")
    )
    template = make_template(dana)
    assert proposed_addresses(template, [alice], MONDAY_MORNING)[alice.pk].slug == "alice-discovery-call-3"
    later = kept.retired_at + KEPT_FROM_OTHERS
    assert proposed_addresses(template, [alice], later)[alice.pk].slug == "alice-discovery-call"
