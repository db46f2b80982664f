from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from managed_events.models import ManagedEventTemplate, Propagation, TemplateVersion
from managed_events.services.templates import (
    SlugInUse,
    StaleVersion,
    TemplateGone,
    create_template,
    delete_template,
    save_template,
)
from scheduling.domain.sections import SECTIONS
from scheduling.models import BookingLink
from scheduling.services.payments import NoPayments
from tests.factories import make_booking
from tests.managed_events.making import (
    SAMPLE,
    assign_to,
    draft_of,
    finish_runs,
    link_of,
    make_template,
    save,
)
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

ALL = [section.key for section in SECTIONS]


def stamps(template: ManagedEventTemplate) -> list[Any]:
    """PostgreSQL's mark of the transaction that wrote each of the template's links last."""
    links = template.links.order_by("pk").extra(
        select={"written_by": "xmin::text || cmin::text || ctid::text"}
    )
    return list(links.values_list("pk", "written_by"))


def test_a_new_template_is_its_own_first_version_and_in_the_audit_log(
    dana: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    version = template.versions.get()
    assert (version.number, version.author, version.saved_at) == (1, dana.user, NOW)
    assert version.state == template.state
    event = AuditEvent.objects.get(action="template.created")
    assert event.after["title"] == "Discovery Call"
    assert event.after["locked_sections"] == template.locked_sections
    assert event.actor_id == dana.user_id


def test_a_template_does_not_begin_to_ask_for_payment_where_none_can_be_taken(
    dana: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    draft = draft_of(template)
    paid = replace(draft, values={**draft.values, "requires_payment": True, "price": 500, "currency": "EUR"})
    with pytest.raises(NoPayments):
        save_template(template=template, author=dana.user, draft=paid, based_on=1, shown="", now=NOW)
    with pytest.raises(NoPayments):
        create_template(workspace=dana.workspace, author=dana.user, draft=replace(paid, slug="paid"), now=NOW)
    assert ManagedEventTemplate.objects.get().versions.count() == 1


def test_two_templates_of_a_workspace_cannot_share_a_slug(
    dana: Membership, carol: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    make_template(carol)
    with pytest.raises(SlugInUse):
        create_template(workspace=dana.workspace, author=dana.user, draft=draft_of(template), now=NOW)
    assert ManagedEventTemplate.objects.filter(workspace=dana.workspace).count() == 1
    assert AuditEvent.objects.filter(workspace=dana.workspace).count() == 1


# --- The table "How sync works" --------------------------------------------------------------------------------


@pytest.mark.parametrize("section", ALL)
def test_a_locked_value_that_changes_reaches_every_assigned_link(
    section: str, dana: Membership, alice: Membership, bob: Membership
) -> None:
    template = make_template(dana, locks=[section])
    assign_to(template, [alice, bob], dana)
    field, _before, after = SAMPLE[section]
    run = save(template, dana, **{field: after}).run
    assert run is not None
    assert [getattr(link_of(template, person), field) for person in (alice, bob)] != [after, after]
    finish_runs()
    assert [getattr(link_of(template, person), field) for person in (alice, bob)] == [after, after]
    run.refresh_from_db()
    assert (run.state, run.links_updated, run.links_done, run.links_total) == ("done", 2, 2, 2)


def test_bookings_already_made_do_not_move_when_the_template_changes(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    template = make_template(dana, locks=["duration", "title", "buffers"])
    assign_to(template, [alice], dana)
    link = link_of(template, alice)
    booking = make_booking(link, NOW + timedelta(days=1, hours=1), NOW)
    before = {field.name: getattr(booking, field.attname) for field in booking._meta.concrete_fields}
    save(template, dana, duration_minutes=60, title="Longer", buffer_before_minutes=15)
    finish_runs()
    booking.refresh_from_db()
    assert {field.name: getattr(booking, field.attname) for field in booking._meta.concrete_fields} == before


@pytest.mark.parametrize("section", ALL)
def test_a_locked_value_that_does_not_change_writes_no_link(
    section: str, dana: Membership, alice: Membership, bob: Membership
) -> None:
    template = make_template(dana, locks=[section])
    assign_to(template, [alice, bob], dana)
    before = stamps(template)
    other = "policy" if section == "title" else "title"
    field, _before, after = SAMPLE[other]
    saved = save(template, dana, **{field: after})
    finish_runs()
    assert saved.run is None
    assert not Propagation.objects.exists()
    assert saved.template.version == 2
    assert stamps(template) == before


@pytest.mark.parametrize("section", ALL)
def test_an_open_value_that_changes_is_for_new_links_only(
    section: str, dana: Membership, alice: Membership, bob: Membership
) -> None:
    template = make_template(dana, locks=[])
    assign_to(template, [alice], dana)
    before = stamps(template)
    field, _before, after = SAMPLE[section]
    save(template, dana, **{field: after})
    finish_runs()
    assert stamps(template) == before
    assign_to(template, [bob], dana)
    assert getattr(link_of(template, alice), field) != after
    assert getattr(link_of(template, bob), field) == after


@pytest.mark.parametrize("section", ALL)
def test_locking_a_section_replaces_what_its_owner_had_there_at_that_save(
    section: str, dana: Membership, alice: Membership
) -> None:
    template = make_template(dana, locks=[])
    assign_to(template, [alice], dana)
    field, value, other = SAMPLE[section]
    BookingLink.objects.filter(owner=alice.user).update(**{field: other})
    save(template, dana, locks=[section])
    finish_runs()
    link = link_of(template, alice)
    assert getattr(link, field) == value
    assert link.locked_sections == [section]


@pytest.mark.parametrize("section", ALL)
def test_opening_a_section_leaves_its_values_and_gives_it_to_the_owner(
    section: str, dana: Membership, alice: Membership
) -> None:
    template = make_template(dana, locks=ALL)
    assign_to(template, [alice], dana)
    before = link_of(template, alice).section_values()
    save(template, dana, locks=[key for key in ALL if key != section])
    finish_runs()
    link = link_of(template, alice)
    assert link.section_values() == before
    assert not link.locks(section)
    assert link.locked_sections == [key for key in ALL if key != section]


def test_what_an_owner_has_in_open_sections_stays_to_the_byte(dana: Membership, alice: Membership) -> None:
    template = make_template(dana, locks=["title"])
    assign_to(template, [alice], dana)
    own = {
        "weekly_hours": [{"days": [5], "start": "22:00", "end": "02:00"}],
        "description": "unused",
        "duration_minutes": 55,
        "questions": [{"key": "x", "label": "X?", "type": "text", "required": False}],
        "max_per_day": 3,
        "price": 4900,
        "currency": "EUR",
    }
    BookingLink.objects.filter(owner=alice.user).update(**own)
    before = link_of(template, alice).section_values()
    save(template, dana, title="Renamed", max_per_day=9, duration_minutes=15, price=1)
    finish_runs()
    after = link_of(template, alice).section_values()
    assert after == before | {"title": "Renamed", "description": template.description}


def test_a_save_that_changes_nothing_writes_nothing(dana: Membership, alice: Membership) -> None:
    template = make_template(dana)
    assign_to(template, [alice], dana)
    events = AuditEvent.objects.count()
    saved = save(template, dana)
    assert (saved.run, saved.template.version) == (None, 1)
    assert TemplateVersion.objects.count() == 1
    assert AuditEvent.objects.count() == events


def test_a_save_without_assigned_links_starts_no_run(dana: Membership) -> None:
    template = make_template(dana)
    assert save(template, dana, title="Renamed").run is None
    assert not Propagation.objects.exists()


def test_a_new_address_pattern_leaves_links_and_their_addresses_alone(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    assign_to(template, [alice], dana)
    before = stamps(template)
    draft = replace(draft_of(template), slug_pattern="{template}-{username}")
    saved = save_template(template=template, author=dana.user, draft=draft, based_on=1, shown="", now=NOW)
    assign_to(template, [bob], dana)
    assert saved.run is None
    assert stamps(template)[0] in before or stamps(template)[1] in before
    assert link_of(template, alice).slug == "alice-discovery-call"
    assert link_of(template, bob).slug == "discovery-call-bob"


# --- Versions and audit ----------------------------------------------------------------------------------------


def test_each_save_is_a_version_and_an_audit_event_with_before_and_after(
    dana: Membership, alice: Membership
) -> None:
    template = make_template(dana, locks=["title"])
    assign_to(template, [alice], dana)
    run = save(template, dana, title="Renamed", duration_minutes=45, locks=["title", "policy"]).run
    assert run is not None
    assert [version.number for version in template.versions.all()] == [2, 1]
    assert template.versions.get(number=1).values["title"] == "Discovery Call"
    event = AuditEvent.objects.get(action="template.saved")
    assert event.before == {"title": "Discovery Call", "duration_minutes": 30, "locked_sections": ["title"]}
    assert event.after == {"title": "Renamed", "duration_minutes": 45, "locked_sections": ["title", "policy"]}
    assert event.detail["pushed"] == ["title", "policy"]
    assert event.detail["locked"] == ["policy"]
    assert event.detail["links"] == 1
    assert event.detail["run"] == str(run.pk)


def test_a_version_cannot_be_changed(dana: Membership) -> None:
    template = make_template(dana)
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        template.versions.update(values={})
    template.versions.update(author=None)


# --- Two admins ------------------------------------------------------------------------------------------------


def test_the_second_of_two_admins_who_save_at_once_is_told(dana: Membership, NOW: datetime) -> None:
    template = make_template(dana)
    save(template, dana, title="First")
    draft = replace(draft_of(template), values={**template.section_values(), "title": "Second"})
    events = AuditEvent.objects.count()
    with pytest.raises(StaleVersion) as caught:
        save_template(template=template, author=dana.user, draft=draft, based_on=1, shown="", now=NOW)
    assert caught.value.current.version == 2
    template.refresh_from_db()
    assert template.title == "First"
    assert TemplateVersion.objects.count() == 2
    assert AuditEvent.objects.count() == events


def test_saving_a_template_that_was_deleted_says_so(dana: Membership, NOW: datetime) -> None:
    template = make_template(dana)
    delete_template(template=template, actor=dana.user, now=NOW)
    with pytest.raises(TemplateGone):
        save_template(
            template=template, author=dana.user, draft=draft_of(template), based_on=1, shown="", now=NOW
        )


# --- Deleting --------------------------------------------------------------------------------------------------


def test_links_of_a_deleted_template_stay_as_their_owners_own(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    assign_to(template, [alice, bob], dana)
    save(template, dana, title="On its way")
    before = link_of(template, alice).section_values()
    assert delete_template(template=template, actor=dana.user, now=NOW) == 2
    finish_runs()
    link = BookingLink.objects.get(slug="alice-discovery-call")
    assert (link.is_managed, link.locked_sections, link.template_version) == (False, [], None)
    assert link.section_values() == before
    assert not Propagation.objects.exists()
    event = AuditEvent.objects.get(action="template.deleted")
    assert event.detail == {"links": 2, "addresses": ["alice-discovery-call", "bob-discovery-call"]}
    assert event.before["title"] == "On its way"
