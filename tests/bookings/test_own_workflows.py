"""Workflows of a member's own: for his links alone, his to change, an admin's to stop, and still when he leaves."""

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from bookings.models import WorkflowRun
from bookings.services import workflows as service
from managed_events.jobs import follow_people
from managed_events.services.hand_over import give
from scheduling.models import BookingLink, Workflow
from scheduling.services.workflows import OwnerGone
from tests.bookings.making_workflows import DAY, deliver, make_workflow, runs_of, state_of
from tests.conftest import signed_in
from tests.factories import GroupFactory, join_group, make_booking, make_link
from tests.managed_events.making import make_template
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.people import services as people

pytestmark = pytest.mark.django_db
NEW, LIST = "/calendar/workflows/new", "/calendar/workflows"


@pytest.fixture
def own(alice: Membership, NOW: datetime) -> Workflow:
    """For all of Alice's links."""
    return make_workflow(alice, now=NOW, is_own=True, name="Badge and parking")


def url_of(workflow: Workflow, action: str = "") -> str:
    return f"{LIST}/{workflow.pk}{action}"


def lock(link: BookingLink, dana: Membership, NOW: datetime) -> None:
    link.managed_event_template, link.locked_sections = make_template(dana, now=NOW), ["workflows"]
    link.save()


def test_a_member_makes_one_for_his_own_links_and_changes_and_deletes_it(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    rep = signed_in(alice)
    page = rep.get(f"{NEW}?preset=reconfirm").content.decode()
    assert "Yours alone: it reaches no link of anybody else" in page
    sent: dict[str, Any] = form_posting(page, "s0-body").values
    assert "group" not in sent, "there is nothing to choose"
    rep.post(NEW, sent | {"reach": "chosen", "links": [str(link.pk)], "group": ""})
    made = Workflow.objects.get()
    link.refresh_from_db()
    assert (made.owner, made.group, made.every_link) == (alice.user, None, False)
    assert link.workflow_ids == [str(made.pk)]
    assert AuditEvent.objects.get(action="workflow.created").after["owner"] == "Alice Okafor"
    assert f"{made.name} (yours alone)" in rep.get(f"/settings/booking-links/{link.pk}").content.decode()
    assert rep.post(url_of(made), sent | {"name": "Mine", "reach": "every"}).status_code == 302
    assert rep.post(url_of(made, "/duplicate")).status_code == 302
    copy = Workflow.objects.get(name="Mine copy")
    assert (copy.owner, copy.is_paused) == (alice.user, True)
    rep.post(url_of(made, "/delete"))
    made.refresh_from_db()
    assert made.deleted_at


def test_who_may_not_edit_links_has_none_of_his_own(alice: Membership, own: Workflow) -> None:
    Membership.objects.filter(pk=alice.pk).update(role="viewer")
    viewer = signed_in(alice)
    assert viewer.get(NEW).status_code == 403
    assert viewer.post(url_of(own, "/pause")).status_code == 403
    assert (
        "Your role does not let you edit booking links any more." in viewer.get(url_of(own)).content.decode()
    )
    own.refresh_from_db()
    assert not own.is_paused


def test_it_is_for_its_owners_links_alone(
    alice: Membership, bob: Membership, link: BookingLink, own: Workflow, NOW: datetime
) -> None:
    assert len(runs_of(make_booking(link, NOW + 2 * DAY, NOW).booker)) == 1
    of_bob = make_link(bob, workflow_ids=[str(own.pk)])
    assert runs_of(make_booking(of_bob, NOW + 2 * DAY, NOW, email="z@example.com").booker) == []


def test_chosen_links_alone_have_it_and_one_that_names_it_loses_it_when_it_goes_to_somebody_else(
    alice: Membership, bob: Membership, dana: Membership, link: BookingLink, NOW: datetime
) -> None:
    chosen = make_workflow(alice, now=NOW, links=[link], is_own=True)
    other = make_link(alice, slug="alice-other")
    (run,) = runs_of(make_booking(link, NOW + 2 * DAY, NOW).booker)
    assert runs_of(make_booking(other, NOW + 3 * DAY, NOW, email="z@example.com").booker) == []
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    give(link_id=link.pk, to=bob, actor=dana.user, now=NOW)
    link.refresh_from_db()
    assert link.workflow_ids == []
    Membership.objects.filter(pk=alice.pk).update(is_active=True)
    BookingLink.objects.filter(pk=link.pk).update(workflow_ids=[str(chosen.pk)])
    deliver(NOW + DAY)
    assert state_of(run) == "left out: Its booking page does not use this workflow any more"


def test_a_template_that_keeps_a_links_workflows_keeps_his_own_out_and_the_page_says_so(
    alice: Membership, dana: Membership, link: BookingLink, own: Workflow, NOW: datetime
) -> None:
    (run,) = runs_of(make_booking(link, NOW + 2 * DAY, NOW).booker)
    lock(link, dana, NOW)
    assert runs_of(make_booking(link, NOW + 3 * DAY, NOW, email="z@example.com").booker) == []
    deliver(NOW + DAY)
    assert state_of(run).startswith("left out: Its booking page does not use")
    page = signed_in(alice).get(url_of(own)).content.decode()
    assert "Not on these: their template keeps its workflows" in page
    assert f"/book/{link.slug}" in page


def test_a_colleague_neither_sees_nor_picks_it_and_no_template_does(
    alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    own = make_workflow(alice, now=NOW, is_own=True, every=False, name="Badge and parking")
    colleague, admin = signed_in(bob), signed_in(dana)
    assert "Badge and parking" not in colleague.get(LIST).content.decode()
    assert colleague.get(url_of(own)).status_code == 404
    his = make_link(bob)
    pages = [
        colleague.get(f"/settings/booking-links/{his.pk}"),
        admin.get(reverse("managed_events:new")),
        admin.get(reverse("managed_events:edit", args=[make_template(dana, now=NOW).pk])),
    ]
    for page in pages:
        assert str(own.pk) not in page.content.decode()
    sent = form_posting(pages[0].content.decode(), "title").values | {"workflow_ids": str(own.pk)}
    assert colleague.post(f"/settings/booking-links/{his.pk}", sent).status_code == 422
    his.refresh_from_db()
    assert his.workflow_ids == []


def test_an_admin_finds_everybodys_by_whose_they_are_and_stops_them(
    alice: Membership, dana: Membership, own: Workflow, NOW: datetime
) -> None:
    make_workflow(dana, now=NOW, name="For all")
    make_workflow(dana, now=NOW, name="Only mine", is_own=True)
    admin = signed_in(dana)
    for whose, found in (
        (alice.user_id, "Badge and parking"),
        ("shared", "For all"),
        (dana.user_id, "Only mine"),
    ):
        page = admin.get(f"{LIST}?whose={whose}").content.decode()
        others = {"Badge and parking", "For all", "Only mine"} - {found}
        assert f">{found}</a>" in page
        assert not any(f">{other}</a>" in page for other in others)
    assert "Alice Okafor’s own" in admin.get(LIST).content.decode()
    page = admin.get(url_of(own)).content.decode()
    assert "It is for Alice Okafor’s own links, and Alice alone changes it." in page
    assert admin.post(url_of(own), form_posting(page, "s0-body").values).status_code == 403
    admin.post(url_of(own, "/pause"))
    own.refresh_from_db()
    assert own.is_paused
    admin.post(url_of(own, "/delete"))
    own.refresh_from_db()
    assert own.deleted_at


def test_a_groups_admin_chooses_between_his_group_and_himself(alice: Membership) -> None:
    group = GroupFactory(workspace=alice.workspace)
    join_group(group, alice, is_admin=True)
    lead = signed_in(alice)
    sent: dict[str, Any] = form_posting(
        lead.get(f"{NEW}?preset=reconfirm").content.decode(), "s0-body"
    ).values
    assert lead.post(NEW, sent | {"group": str(group.pk), "reach": "every"}).status_code == 422
    assert lead.post(NEW, sent | {"group": "own", "reach": "every"}).status_code == 302
    (made,) = Workflow.objects.all()
    assert (made.owner, made.group) == (alice.user, None)


def test_who_is_deactivated_leaves_them_paused_and_listed_where_an_admin_deletes_them(
    alice: Membership, dana: Membership, link: BookingLink, own: Workflow, NOW: datetime
) -> None:
    (run,) = runs_of(make_booking(link, NOW + 2 * DAY, NOW).booker)
    admin = signed_in(dana)
    plan = admin.get(reverse("people:deactivate", args=[alice.pk])).content.decode()
    assert "Alice’s own workflow stops" in plan
    assert "Badge and parking" in plan
    people.deactivate(member=alice, by=dana, now=NOW)
    own.refresh_from_db()
    assert own.is_paused
    deliver(NOW + DAY)
    assert state_of(run) == "left out: The workflow is paused"
    listed = admin.get("/calendar/admin/hand-over").content.decode()
    assert url_of(own, "/delete") in listed
    response = admin.post(url_of(own, "/pause"), {"on": "1"})
    assert response.status_code == 409
    assert "is that of somebody who has left" in response.content.decode()
    own.refresh_from_db()
    assert own.is_paused


def test_those_of_who_left_in_any_other_way_are_stopped_within_a_minute(
    alice: Membership, own: Workflow, NOW: datetime
) -> None:
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    follow_people()
    own.refresh_from_db()
    assert own.is_paused
    assert AuditEvent.objects.filter(action="workflow.paused").count() == 1
    follow_people()
    assert AuditEvent.objects.filter(action="workflow.paused").count() == 1
    with pytest.raises(OwnerGone):
        service.pause(workflow_id=own.pk, by=alice, is_paused=False, now=NOW)


def test_a_shared_workflow_is_not_made_ones_own_by_its_form(dana: Membership, NOW: datetime) -> None:
    shared = make_workflow(dana, now=NOW)
    admin = signed_in(dana)
    sent = form_posting(admin.get(url_of(shared)).content.decode(), "s0-body").values
    assert admin.post(url_of(shared), sent | {"group": "own"}).status_code == 422
    shared.refresh_from_db()
    assert shared.owner is None


def test_a_link_that_is_gone_leaves_none_of_his_own_on_its_bookings(
    alice: Membership, link: BookingLink, own: Workflow, NOW: datetime
) -> None:
    (run,) = runs_of(make_booking(link, NOW + 2 * DAY, NOW).booker)
    link.delete()
    deliver(NOW + DAY)
    assert state_of(run).startswith("left out: Its booking page does not use")
    assert WorkflowRun.objects.count() == 1
