"""A locked section on an assigned link: shown to its owner, refused to everybody, through the link's own pages."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from managed_events.models import ManagedEventTemplate
from scheduling.domain.sections import BY_KEY, SECTIONS
from scheduling.models import BookingLink
from scheduling.services.links import SectionLocked, delete_link, update_link
from tests.conftest import signed_in
from tests.managed_events.making import SAMPLE, assign_to, finish_runs, link_of, make_template, save
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

ALL = [section.key for section in SECTIONS]
LOCKED = ("title", "duration", "form")

TYPED = {
    "title": "Mine",
    "duration_minutes": "45",
    "buffer_after_minutes": "10",
    "minimum_notice_hours": "6",
    "questions": "x",
    "reminder_enabled": "on",
    "brand_color": "#8A2A2A",
    "refund_text": "Mine",
    "location_detail": "Mine",
    "cancel_cutoff_hours": "12",
}
"""For each section's sample field what a browser could send."""


@pytest.fixture
def template(dana: Membership, alice: Membership) -> ManagedEventTemplate:
    template = make_template(dana, locks=LOCKED, title="Discovery Call")
    assign_to(template, [alice], dana)
    return template


@pytest.fixture
def rep(alice: Membership) -> Client:
    return signed_in(alice)


def edit_page(link: BookingLink) -> str:
    return reverse("scheduling:link_edit", args=[link.pk])


def sent_by(rep: Client, link: BookingLink, **changes: str) -> dict[str, Any]:
    html = rep.get(edit_page(link)).content.decode()
    return {**form_posting(html, "slug").values, **changes}


def test_the_owner_reads_locked_sections_disabled_under_the_templates_name(
    template: ManagedEventTemplate, alice: Membership, rep: Client
) -> None:
    html = rep.get(edit_page(link_of(template, alice))).content.decode()
    assert html.count("Locked by Discovery Call template") == len(LOCKED)
    for key in ALL:
        card = html.split(f'id="{key}"')[1].split("</section>")[0]
        assert ('<fieldset class="sec-body" disabled' in card) == (key in LOCKED)
    assert 'value="Discovery Call"' in html


def test_the_page_itself_never_sends_a_locked_field(
    template: ManagedEventTemplate, alice: Membership, rep: Client
) -> None:
    link = link_of(template, alice)
    response = rep.post(edit_page(link), sent_by(rep, link, buffer_after_minutes="20"))
    assert response.status_code == 302
    link.refresh_from_db()
    assert (link.buffer_after_minutes, link.title) == (20, "Discovery Call")


@pytest.mark.parametrize("section", ALL)
def test_a_post_that_carries_a_locked_section_is_refused_whole(
    section: str, dana: Membership, alice: Membership, rep: Client
) -> None:
    template = make_template(dana, locks=[section])
    assign_to(template, [alice], dana)
    link = link_of(template, alice)
    open_field = "cancellation_text" if section != "policy" else "refund_text"
    field = SAMPLE[section][0]
    sent = sent_by(rep, link, **{field: TYPED[field], open_field: "Also typed"})
    before = BookingLink.objects.values().get(pk=link.pk)
    response = rep.post(edit_page(link), sent)
    assert response.status_code == 403
    text = response.content.decode()
    assert f"{BY_KEY[section].label} is" in text
    assert "locked by the" in text
    assert "Also typed" in text
    assert BookingLink.objects.values().get(pk=link.pk) == before
    event = AuditEvent.objects.get(action="link.locked_section_refused")
    assert (event.target_id, event.actor_id, event.detail) == (
        link.pk,
        alice.user_id,
        {"sections": [section]},
    )
    assert not AuditEvent.objects.filter(action="link.updated").exists()


@pytest.mark.parametrize("section", ALL)
def test_the_service_refuses_a_locked_section_whatever_the_form_did(
    section: str, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    template = make_template(dana, locks=[section])
    assign_to(template, [alice], dana)
    link = link_of(template, alice)
    field, unchanged, other = SAMPLE[section]
    for value in (other, unchanged):
        with pytest.raises(SectionLocked) as caught:
            update_link(link_id=link.pk, by=alice, values={field: value}, now=NOW)
        assert caught.value.sections == (section,)


def test_a_section_locked_while_its_owner_was_editing_is_refused_and_the_page_says_so(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, rep: Client
) -> None:
    link = link_of(template, alice)
    sent = sent_by(rep, link, buffer_after_minutes="20")
    save(template, dana, locks=[*LOCKED, "buffers"])
    finish_runs()
    response = rep.post(edit_page(link), sent)
    assert response.status_code == 403
    assert "Buffers is" in response.content.decode()
    link.refresh_from_db()
    assert link.buffer_after_minutes == 0


def test_a_section_that_was_opened_is_the_owners_again(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, rep: Client
) -> None:
    save(template, dana, locks=[])
    finish_runs()
    link = link_of(template, alice)
    assert rep.post(edit_page(link), sent_by(rep, link, title="Mine")).status_code == 302
    link.refresh_from_db()
    assert link.title == "Mine"


def test_the_owners_delete_only_takes_the_link_off_the_template(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    link = link_of(template, alice)
    delete_link(link_id=link.pk, by=alice, now=NOW)
    link.refresh_from_db()
    assert (link.is_managed, link.locked_sections) == (False, [])
    save(template, dana, title="Renamed")
    finish_runs()
    link.refresh_from_db()
    assert link.title == "Discovery Call"


@pytest.mark.parametrize("who", ["dana", "bob"])
def test_nobody_but_the_owner_edits_an_assigned_link(
    who: str, template: ManagedEventTemplate, alice: Membership, request: pytest.FixtureRequest
) -> None:
    member: Membership = request.getfixturevalue(who)
    link = link_of(template, alice)
    browser = signed_in(member)
    assert browser.get(edit_page(link)).status_code == 404
    assert browser.post(edit_page(link), {"buffer_after_minutes": "20"}).status_code == 404
    link.refresh_from_db()
    assert link.buffer_after_minutes == 0


def test_an_htmx_post_that_carries_a_locked_section_is_refused_as_well(
    template: ManagedEventTemplate, alice: Membership, rep: Client
) -> None:
    link = link_of(template, alice)
    sent = sent_by(rep, link, title="Mine", refund_text="Also typed")
    before = BookingLink.objects.values().get(pk=link.pk)
    assert rep.post(edit_page(link), sent, headers={"HX-Request": "true"}).status_code == 403
    assert BookingLink.objects.values().get(pk=link.pk) == before


def test_a_duplicate_takes_no_values_from_the_post_and_leaves_the_assigned_link_alone(
    template: ManagedEventTemplate, alice: Membership, rep: Client
) -> None:
    link = link_of(template, alice)
    before = BookingLink.objects.values().get(pk=link.pk)
    rep.post(
        reverse("scheduling:link_duplicate", args=[link.pk]), {"title": "Mine", "duration_minutes": "45"}
    )
    assert BookingLink.objects.values().get(pk=link.pk) == before
    copy = BookingLink.objects.get(owner=alice.user, managed_event_template=None)
    assert copy.section_values() == link.section_values() | {"title": "Discovery Call copy"}
    assert template.links.get() == link


def test_an_owner_in_another_zone_has_no_value_of_his_own_by_that(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    alice.user.timezone = "America/New_York"
    alice.user.save()
    template = make_template(dana)
    assign_to(template, [alice], dana)
    link = link_of(template, alice)
    url = reverse("scheduling:link_edit", args=[link.pk])
    assert "5 sections locked, 0 with your own value" in signed_in(alice).get(url).content.decode()
    update_link(link_id=link.pk, by=alice, values={"minimum_notice_hours": 9}, now=NOW)
    assert "5 sections locked, 1 with your own value" in signed_in(alice).get(url).content.decode()
