"""A link that somebody made himself joins a template: shown three ways first, then done as shown."""

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from managed_events import effects, mails, plans
from managed_events.models import ManagedEventTemplate
from managed_events.services.adoption import NotAdoptable, adopt
from managed_events.services.assignment import detach
from managed_events.services.templates import NotAsShown
from scheduling.domain.sections import SECTIONS, fields_of
from scheduling.models import BookingLink
from scheduling.services.links import SectionLocked, update_link
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, MembershipFactory, join_group, make_booking, make_link
from tests.managed_events.making import SAMPLE, assign_to, link_of, make_template, save
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.notifications.models import Notice, OutboxMessage
from workestra.notifications.registry import Skip

OTHERS = {field: other for field, _value, other in SAMPLE.values()}


@pytest.fixture
def template(dana: Membership) -> ManagedEventTemplate:
    return make_template(dana)


@pytest.fixture
def own(alice: Membership) -> BookingLink:
    """A link of Alice's own that differs from the template in every section."""
    return make_link(alice, slug="alice-own", **OTHERS)


def adopted(template: ManagedEventTemplate, link: BookingLink, actor: Membership, *take: str) -> Any:
    token = plans.of_adoption(template, link, take).token
    return adopt(
        template=template, link_id=link.pk, take=take, actor=actor.user, shown=token, now=MONDAY_MORNING
    )


@pytest.mark.parametrize("section", [section.key for section in SECTIONS])
@pytest.mark.parametrize("take", [False, True])
def test_each_section_follows_its_lock_or_what_was_chosen(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership, section: str, take: bool
) -> None:
    adopted(template, own, dana, *([section] if take else []))
    after, expected = BookingLink.objects.get(pk=own.pk), template.state.starting_values("Europe/Berlin")
    for field in fields_of([section]):
        if section in template.locked_sections or take:
            assert getattr(after, field) == expected[field]
        else:
            assert getattr(after, field) == getattr(own, field)


def test_address_hosts_and_bookings_stay(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    booking = make_booking(own, datetime.fromisoformat("2030-01-10T09:00+00:00"), NOW)
    (outcome,) = adopted(template, own, dana).outcomes
    assert (outcome.result, outcome.slug) == ("adopted", "alice-own")
    link = link_of(template, alice)
    assert (link.pk, link.slug, link.template_version) == (own.pk, "alice-own", 1)
    assert link.locked_sections == template.locked_sections
    assert [host.user for host in link.hosts.all()] == [alice.user]
    booking.refresh_from_db()
    assert (booking.link_id, booking.status) == (link.pk, "confirmed")


def test_it_follows_the_template_from_then_on(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    adopted(template, own, dana)
    with pytest.raises(SectionLocked):
        update_link(link_id=own.pk, by=alice, values={"title": "Mine"}, now=NOW)
    run = save(template, dana, title="Next").run
    assert run is not None
    effects.run(run.pk, lambda: NOW)
    own.refresh_from_db()
    assert own.title == "Next"


def test_an_older_run_does_not_undo_an_adoption(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership, bob: Membership, NOW: datetime
) -> None:
    assign_to(template, [bob], dana)
    older = save(template, dana, title="Old").run
    assert older is not None
    save(template, dana, locks=["duration"])
    template.refresh_from_db()
    adopted(template, own, dana)
    effects.run(older.pk, lambda: NOW)
    own.refresh_from_db()
    assert (own.title, own.locked_sections) == (OTHERS["title"], ["duration"])


def test_the_log_has_what_it_was_before(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership
) -> None:
    adopted(template, own, dana)
    event = AuditEvent.objects.get(action="link.adopted")
    assert (event.before["title"], event.after["title"]) == ("Intro Call", "Discovery Call")
    assert AuditEvent.objects.get(action="template.assigned").detail["people"][0]["result"] == "adopted"


def test_the_owner_is_told_in_the_product_and_by_mail_while_it_is_true(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    adopted(template, own, dana)
    headline = "Your link “Intro Call” belongs to Discovery Call now"
    notice = Notice.objects.get()
    assert (notice.user, notice.title) == (alice.user, headline)
    message = OutboxMessage.objects.get()
    assert message.recipient == alice.user.email
    mail = mails.adopted(message, NOW)
    assert not isinstance(mail, Skip)
    assert mail.subject == headline
    assert f"/book/{own.slug}" in mail.body
    detach(template=template, link_id=own.pk, delete=False, actor=dana.user, now=NOW)
    assert isinstance(mails.adopted(message, NOW), Skip)


def test_what_was_not_shown_is_not_done(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    token = plans.of_adoption(template, own, []).token
    update_link(link_id=own.pk, by=alice, values={"title": "Newer"}, now=NOW)
    with pytest.raises(NotAsShown):
        adopt(template=template, link_id=own.pk, take=[], actor=dana.user, shown=token, now=NOW)
    own.refresh_from_db()
    assert (own.title, own.is_managed) == ("Newer", False)


def test_who_cannot_join_is_refused_with_the_reason(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership, alice: Membership, bob: Membership
) -> None:
    pool = make_link(bob, slug="pool", strategy="round_robin")
    other = make_template(dana, slug="other")
    assign_to(other, [bob], dana)
    for link, why in ((pool, "single host"), (link_of(other, bob), "follows a template already")):
        with pytest.raises(NotAdoptable, match=why):
            adopted(template, link, dana)
    assign_to(template, [alice], dana)
    with pytest.raises(NotAdoptable, match="has a link of this template already"):
        adopted(template, own, dana)
    Membership.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(NotAdoptable, match="no longer in this workspace"):
        adopted(template, make_link(bob, slug="bobs"), dana)


# --- The page ---


def at(template: ManagedEventTemplate) -> str:
    return reverse("managed_events:adopt", args=[template.pk])


def test_the_page_shows_each_section_three_ways_and_does_that(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership, alice: Membership
) -> None:
    browser = signed_in(dana)
    html = browser.get(at(template)).content.decode()
    assert "Adopt Alice’s “Intro Call”" in html
    assert "<b>5</b> follow the template" in html
    assert "<b>5</b> stay theirs, open" in html
    sent = dict(form_posting(html, "plan").values) | {"take-buffers": "template"}
    shown = browser.post(at(template), sent | {"preview": "1"}, headers={"HX-Request": "true"})
    assert "<b>6</b> follow the template" in shown.content.decode()
    assert not BookingLink.objects.get(pk=own.pk).is_managed
    sent = dict(form_posting(shown.content.decode(), "plan").values) | {"take-buffers": "template"}
    answer = browser.post(at(template), sent, follow=True).content.decode()
    assert "1 link adopted" in answer
    assert link_of(template, alice).buffer_after_minutes == 0


def test_without_a_preview_a_new_choice_is_shown_before_it_is_done(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership
) -> None:
    browser = signed_in(dana)
    html = browser.get(at(template)).content.decode()
    sent = dict(form_posting(html, "plan").values) | {"take-buffers": "template"}
    answer = browser.post(at(template), sent)
    assert answer.status_code == 409
    assert "<b>6</b> follow the template" in answer.content.decode()
    assert not BookingLink.objects.get(pk=own.pk).is_managed


def test_a_groups_admin_adopts_links_of_his_group_only(
    dana: Membership, alice: Membership, own: BookingLink
) -> None:
    group = GroupFactory(workspace=dana.workspace)
    lead = MembershipFactory(workspace=dana.workspace)
    join_group(group, lead, is_admin=True)
    template = make_template(dana, group=group)
    assert "There is no link to adopt" in signed_in(lead).get(at(template)).content.decode()
    token = plans.of_adoption(template, own, []).token
    answer = signed_in(lead).post(at(template), {"link": str(own.pk), "plan": token})
    assert answer.status_code == 404
    assert not BookingLink.objects.get(pk=own.pk).is_managed


def test_the_assignment_page_offers_to_adopt(
    template: ManagedEventTemplate, own: BookingLink, dana: Membership
) -> None:
    html = signed_in(dana).get(reverse("managed_events:assign", args=[template.pk])).content.decode()
    assert f"{at(template)}?link={own.pk}" in html
