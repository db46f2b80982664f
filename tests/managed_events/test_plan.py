"""What a save says it will do, and that it does exactly this or nothing."""

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from managed_events import plans
from managed_events.domain.plan import LinkState, plan_adoption, plan_reset, plan_save
from managed_events.domain.sync import Edit, TemplateState
from managed_events.domain.words import plan_counts
from managed_events.models import ManagedEventTemplate, Propagation, TemplateVersion
from managed_events.services.templates import NotAsShown, StaleVersion, save_template
from scheduling.domain.sections import SECTION_OF_FIELD, SECTIONS, fields_of
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import MembershipFactory, make_booking
from tests.managed_events.making import (
    SAMPLE,
    assign_to,
    draft_of,
    filled,
    finish_runs,
    link_of,
    make_template,
    save,
    shown_for,
)
from tests.managed_events.test_pages import at, page, previewed
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

ALL = tuple(section.key for section in SECTIONS)
BASE = {"schedule_id": None} | ManagedEventTemplate(title="Call").section_values()


def state(locks: Collection[str], **values: Any) -> TemplateState:
    return TemplateState(BASE | values, frozenset(locks))


def link(locks: Collection[str], key: UUID | None = None, **values: Any) -> LinkState:
    return LinkState(key or uuid4(), "Alice", "UTC", "alice", frozenset(locks), BASE | values)


# --- The rules, one cell a section -----------------------------------------------------------------------------


@pytest.mark.parametrize("section", ALL)
def test_a_locked_value_that_changes_is_written_and_nobody_loses_anything(section: str) -> None:
    field, _value, other = SAMPLE[section]
    plan = plan_save(Edit(state([section]), state([section], **{field: other})), [link([section])], version=1)
    (change,) = plan.changes
    assert change.writes == {field: other}
    assert (change.sections, change.lost) == ((section,), ())
    assert (len(plan.changing), plan.matching, len(plan.replaced)) == (1, 0, 0)


def test_losses_are_told_apart_by_whose_they_are_and_of_what_not_by_what_comes_instead() -> None:
    mine, theirs = link([], title="Mine"), link([], title="Mine")

    def losing(links: Collection[LinkState], **values: Any) -> str:
        return plan_save(Edit(state([]), state(["title"], **values)), links, version=1).losses

    harmless = plan_save(Edit(state(["title"]), state(["title"], title="New")), [link(["title"])], version=1)
    assert harmless.losses == ""
    assert losing([mine]) == losing([mine], title="New") != ""
    assert len({losing([mine]), losing([theirs]), losing([mine, theirs])}) == 3
    without = replace(harmless, without_times=(mine,))
    assert without.losses not in {"", replace(harmless, without_times=(theirs,)).losses}


@pytest.mark.parametrize("section", ALL)
def test_a_link_that_has_the_new_value_already_matches(section: str) -> None:
    field, _value, other = SAMPLE[section]
    edit = Edit(state([section]), state([section], **{field: other}))
    plan = plan_save(edit, [link([section], **{field: other})], version=1)
    assert plan.changes == ()
    assert plan.matching == 1


@pytest.mark.parametrize("section", ALL)
def test_an_open_value_that_changes_writes_no_link(section: str) -> None:
    field, _value, other = SAMPLE[section]
    plan = plan_save(Edit(state([]), state([], **{field: other})), [link([])], version=1)
    assert not plan.writes_links
    assert plan.matching == 1


@pytest.mark.parametrize("section", ALL)
def test_locking_a_section_names_the_values_that_are_lost(section: str) -> None:
    field, value, other = SAMPLE[section]
    own = link([], **{field: other})
    plan = plan_save(Edit(state([], **{field: value}), state([section], **{field: value})), [own], version=1)
    (change,) = plan.replaced
    assert (change.before, change.writes, change.lost) == ({field: other}, {field: value}, (section,))
    assert change.locks == {section}


@pytest.mark.parametrize("section", ALL)
def test_locking_what_a_link_never_touched_loses_nothing(section: str) -> None:
    field, value, other = SAMPLE[section]
    edit = Edit(state([], **{field: value}), state([section], **{field: other}))
    plan = plan_save(edit, [link([], **{field: value})], version=1)
    assert [change.lost for change in plan.valued] == [()]


@pytest.mark.parametrize("section", ALL)
def test_opening_a_section_writes_locks_and_no_value(section: str) -> None:
    plan = plan_save(Edit(state([section]), state([])), [link([section])], version=1)
    (change,) = plan.changes
    assert (change.writes, change.locks) == ({}, frozenset())
    assert plan.valued == ()
    assert plan.matching == 1


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("section", ALL)
def test_a_reset_gives_a_section_the_templates_values(section: str, locked: bool) -> None:
    field, value, other = SAMPLE[section]
    locks = [section] if locked else []
    own = link([], **{field: other, "price": 4900})
    plan = plan_reset(state(locks, **{field: value}), [own], sections=[section], version=1)
    (change,) = plan.changes
    assert change.writes[field] == value
    assert set(change.writes) <= set(fields_of([section]))
    assert change.locks == set(locks)
    assert change.lost == (section,)


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("section", ALL)
def test_adopting_keeps_what_is_open_unless_the_templates_is_taken(
    section: str, locked: bool, taken: bool
) -> None:
    field, value, other = SAMPLE[section]
    template = state([section] if locked else [], **{field: value})
    plan = plan_adoption(template, link([], **{field: other}), take=[section] if taken else [], version=1)
    (change,) = plan.changes
    assert change.writes == ({field: value} if locked or taken else {})
    assert change.locks == template.locks


# --- The token -------------------------------------------------------------------------------------------------

VALUES = {field: st.sampled_from([value, other]) for field, value, other in SAMPLE.values()}
some_values = st.fixed_dictionaries({}, optional=VALUES)
some_locks = st.sets(st.sampled_from(ALL))


@given(
    some_values, some_values, some_locks, some_locks, st.lists(st.tuples(some_locks, some_values), max_size=4)
)
def test_a_plan_is_the_same_whatever_the_order_of_links_and_does_what_it_says(
    before: Any, after: Any, old: set[str], new: set[str], links: Any
) -> None:
    edit = Edit(state(old, **before), state(new, **after))
    states = [link(locks, **values) for locks, values in links]
    plan = plan_save(edit, states, version=3)
    assert plan_save(edit, states[::-1], version=3).token == plan.token
    assert plan_save(edit, states, version=4).token != plan.token
    assert plan.was_asked_by(plan_save(edit, [], version=9).token)
    assert len(plan.changing) + plan.matching + len(plan.replaced) == plan.link_count == len(states)
    if edit.reaches_links:
        changes = {change.link.id: change for change in plan.changes}
        for each in states:
            change = changes.get(each.id)
            after_it = {**each.values, **(change.writes if change else {})}
            assert {field: after_it[field] for field in fields_of(new)} == edit.after.locked_values
            open_fields = set(SECTION_OF_FIELD) - set(fields_of(new))
            assert all(after_it[field] == each.values[field] for field in open_fields)
            assert (change.locks if change else each.locks) == new


def test_the_token_knows_what_is_written_over_and_by_what() -> None:
    key, other = uuid4(), uuid4()
    edit = Edit(state([]), state(["title"], title="New"))
    token = plan_save(edit, [link([], key, title="Mine")], version=1).token
    assert token == plan_save(edit, [link([], key, title="Mine", price=1)], version=1).token
    for links in (
        [link([], key, title="Mine too")],
        [link([], key, title="New")],
        [link([], key, title="Mine"), link([], other)],
        [link([], other, title="Mine")],
        [],
    ):
        changed = plan_save(edit, links, version=1)
        assert changed.token != token
        assert changed.was_asked_by(token)
    asked_for_more = plan_save(Edit(state([]), state(["title"], title="Newer")), [], version=1)
    assert not asked_for_more.was_asked_by(token)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((12, 8, 3, 1), "8 change, 3 already match, 1 override replaced"),
        ((2, 1, 1, 0), "1 changes, 1 already matches"),
        ((3, 0, 0, 3), "3 overrides replaced"),
        ((4, 0, 4, 0), "all already match"),
        ((1, 0, 1, 0), "already matches"),
    ],
)
def test_counts_of_a_plan_add_up(numbers: tuple[int, int, int, int], words: str) -> None:
    assert plan_counts(*numbers) == words


# --- From the database -----------------------------------------------------------------------------------------


@pytest.fixture
def template(dana: Membership) -> ManagedEventTemplate:
    return make_template(dana, locks=["title"])


def draft(template: ManagedEventTemplate, locks: Collection[str] | None = None, **values: Any) -> Any:
    made = draft_of(template)
    return replace(
        made, values={**made.values, **values}, locks=made.locks if locks is None else tuple(locks)
    )


def test_links_that_would_have_no_time_in_the_next_days_are_named(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    assign_to(template, [alice, bob], dana)
    BookingLink.objects.filter(owner=bob.user).update(
        weekly_hours=[{"days": [0], "start": "09:00", "end": "09:45"}]
    )
    plan = plans.with_outlook(
        plans.of_save(template, draft(template, ["title", "duration"], duration_minutes=60)), NOW
    )
    assert [state.owner for state in plan.without_times] == ["Bob Lindqvist"]
    assert plan.times_checked == 2
    unasked = plans.with_outlook(plans.of_save(template, draft(template, title="Renamed")), NOW)
    assert unasked.times_checked is None


def test_busy_days_and_days_away_count_when_times_are_looked_for(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    assign_to(template, [alice], dana)
    monday = [{"days": [0], "start": "09:00", "end": "10:00"}]
    wish = draft(template, ["title", "availability"], weekly_hours=monday, minimum_notice_hours=24)
    assert plans.with_outlook(plans.of_save(template, wish), NOW).without_times == ()
    make_booking(link_of(template, alice), NOW + timedelta(days=7), NOW)
    make_booking(link_of(template, alice), NOW + timedelta(days=7, minutes=30), NOW)
    plan = plans.with_outlook(plans.of_save(template, wish), NOW)
    assert [state.owner for state in plan.without_times] == ["Alice Okafor"]
    assert plan.bookings == 2


def test_only_so_many_links_are_asked_for_their_times(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign_to(template, [MembershipFactory(workspace=dana.workspace) for _ in range(4)], dana)
    monkeypatch.setattr(plans, "CHECKED", 3)
    wish = draft(template, ["title", "duration"], duration_minutes=45)
    assert plans.with_outlook(plans.of_save(template, wish), NOW).times_checked == 3


def test_the_number_of_queries_does_not_grow_with_the_links(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime, django_assert_num_queries: Any
) -> None:
    wish = draft(template, ALL, duration_minutes=45)
    for _ in range(2):
        assign_to(template, [MembershipFactory(workspace=dana.workspace) for _ in range(5)], dana)
        with django_assert_num_queries(7, exact=False) as counted:
            plans.with_outlook(plans.of_save(template, wish), NOW)
        assert len(counted) >= 5


def test_a_save_does_what_its_plan_says(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership
) -> None:
    assign_to(template, [alice, bob], dana)
    BookingLink.objects.filter(owner=bob.user).update(buffer_after_minutes=15)
    plan = save(template, dana, locks=["title", "buffers"], buffer_after_minutes=10).plan
    assert [change.link.owner for change in plan.changing] == ["Alice Okafor"]
    assert [(change.link.owner, change.before) for change in plan.replaced] == [
        ("Bob Lindqvist", {"buffer_after_minutes": 15})
    ]
    finish_runs()
    for change in plan.changes:
        made = BookingLink.objects.get(pk=change.link.id)
        assert {field: getattr(made, field) for field in change.writes} == change.writes
        assert set(made.locked_sections) == change.locks
    event = AuditEvent.objects.get(action="template.saved")
    assert [lost["before"] for lost in event.detail["replaced"]] == [{"buffer_after_minutes": 15}]


@pytest.mark.parametrize("world", ["override", "assigned", "detached"])
def test_when_the_world_has_moved_a_save_writes_nothing(
    world: str,
    template: ManagedEventTemplate,
    dana: Membership,
    alice: Membership,
    bob: Membership,
    NOW: datetime,
) -> None:
    assign_to(template, [alice], dana)
    wish = draft(template, ["title", "buffers"], buffer_after_minutes=10)
    shown = shown_for(template, wish)
    match world:
        case "override":
            BookingLink.objects.filter(owner=alice.user).update(buffer_after_minutes=25)
        case "assigned":
            assign_to(template, [bob], dana)
        case "detached":
            template.links.update(managed_event_template=None, locked_sections=[])
    events = AuditEvent.objects.count()
    with pytest.raises(NotAsShown) as caught:
        save_template(template=template, author=dana.user, draft=wish, based_on=1, shown=shown, now=NOW)
    assert caught.value.plan.was_asked_by(shown)
    assert (TemplateVersion.objects.count(), Propagation.objects.count()) == (1, 0)
    assert AuditEvent.objects.count() == events
    again = caught.value.plan.token
    saved = save_template(template=template, author=dana.user, draft=wish, based_on=1, shown=again, now=NOW)
    assert saved.plan.token == again


def test_a_version_that_somebody_else_made_comes_before_the_plan(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    assign_to(template, [alice], dana)
    wish = draft(template, title="Mine")
    shown = shown_for(template, wish)
    save(template, dana, title="Theirs")
    with pytest.raises(StaleVersion):
        save_template(template=template, author=dana.user, draft=wish, based_on=1, shown=shown, now=NOW)


# --- On the page -----------------------------------------------------------------------------------------------


@pytest.fixture
def admin(dana: Membership) -> Client:
    return signed_in(dana)


def test_the_preview_shows_what_saving_will_do_and_writes_nothing(
    admin: Client, template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership
) -> None:
    assign_to(template, [alice, bob], dana)
    BookingLink.objects.filter(owner=bob.user).update(buffer_after_minutes=15)
    sent = filled(page(admin, at("edit", template)), "title", buffer_after_minutes="10")
    sent |= {
        "lock": ["title", "buffers"],
        "preview": "1",
        "note": "Room to breathe",
        "minimum_notice_hours": "9",
    }
    events = AuditEvent.objects.count()
    for headers in ({}, {"HX-Request": "true"}):
        response = admin.post(at("edit", template), sent, headers=headers)
        assert response.status_code == 200
        html = response.content.decode()
        assert ("<html" in html) == (not headers)
        for words in (
            "2 links: 1 changes, 1 override replaced",
            "<b>Buffer after</b><del>none</del><ins>10 minutes</ins>",
            "<b>Buffers, lock</b><del>Open</del><ins>Locked</ins>",
            "<del>15 minutes</del><ins>10 minutes</ins>",
            "<b>Availability hours: open.</b>",
            "All 2 links checked keep free times",
            "Save and update 2 links",
        ):
            assert words in html, words
        assert re.search(r'name="plan" id="plan" value="[0-9a-f]{24}\.[0-9a-f]{24}"', html)
    assert 'value="Room to breathe"' in admin.post(at("edit", template), sent).content.decode()
    assert (TemplateVersion.objects.count(), AuditEvent.objects.count()) == (1, events)


def test_a_save_that_reaches_links_and_was_never_shown_is_shown_first(
    admin: Client, template: ManagedEventTemplate, dana: Membership, alice: Membership
) -> None:
    assign_to(template, [alice], dana)
    sent = filled(page(admin, at("edit", template)), "title", title="Renamed", buffer_after_minutes="5")
    response = admin.post(at("edit", template), sent)
    html = response.content.decode()
    assert response.status_code == 409
    assert "Nothing is saved yet.</b> Saving reaches 1 link." in html
    assert TemplateVersion.objects.count() == 1
    again = filled(html, "title")
    assert (again["title"], again["buffer_after_minutes"]) == ("Renamed", "5")
    assert admin.post(at("edit", template), again).status_code == 302
    assert TemplateVersion.objects.count() == 2


def test_a_save_whose_links_have_changed_shows_the_new_plan_and_keeps_what_was_typed(
    admin: Client, template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership
) -> None:
    assign_to(template, [alice], dana)
    sent = previewed(admin, template, title="Renamed", description="Typed", note="Why")
    assign_to(template, [bob], dana)
    response = admin.post(at("edit", template), sent)
    html = response.content.decode()
    assert response.status_code == 409
    assert "The links have changed since you looked." in html
    assert "2 links: 2 change" in html
    assert TemplateVersion.objects.count() == 1
    again = filled(html, "title")
    assert (again["title"], again["description"], again["note"]) == ("Renamed", "Typed", "Why")
    assert admin.post(at("edit", template), again).status_code == 302
    assert template.versions.get(number=2).note == "Why"


def test_a_preview_of_an_old_version_says_who_was_faster(
    admin: Client, template: ManagedEventTemplate, dana: Membership
) -> None:
    sent = filled(page(admin, at("edit", template)), "title", buffer_after_minutes="5") | {"preview": "1"}
    save(template, dana, title="Theirs")
    fragment = admin.post(at("edit", template), sent, headers={"HX-Request": "true"}).content.decode()
    assert "Dana Admin saved version 2 while you were editing." in fragment
    response = admin.post(at("edit", template), sent)
    assert response.status_code == 409
    assert "Below are both edits together" in response.content.decode()


def test_a_preview_of_a_form_with_mistakes_says_what_to_fix(
    admin: Client, template: ManagedEventTemplate
) -> None:
    sent = filled(page(admin, at("edit", template)), "title", title="") | {"preview": "1"}
    response = admin.post(at("edit", template), sent, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert "1 field to fix.</b> Add a title" in response.content.decode()
    assert admin.post(at("edit", template), sent).status_code == 422


def test_a_damaged_token_is_like_none(
    admin: Client, template: ManagedEventTemplate, dana: Membership, alice: Membership
) -> None:
    assign_to(template, [alice], dana)
    sent = filled(page(admin, at("edit", template)), "title", title="Renamed")
    for token in ("x", "." * 500, "\x00", "é"):
        assert admin.post(at("edit", template), sent | {"plan": token}).status_code == 409
    with patch("managed_events.views.templates.service.save_template") as never:
        sent["title"] = ""
        admin.post(at("edit", template), sent)
    never.assert_not_called()
