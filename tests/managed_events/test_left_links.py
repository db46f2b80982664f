"""Links of people who have left get a new owner, and owners are told what others do with their links."""

from datetime import datetime
from uuid import uuid4

import pytest
import time_machine

from managed_events import mails
from managed_events.domain.news import of_adoption
from managed_events.services.hand_over import give
from scheduling.models import BookingLink, RetiredSlug
from scheduling.selectors.times import open_slots_of
from scheduling.services.links import update_link
from scheduling.services.owners import NotToBeGiven
from scheduling.services.schedules import create_schedule
from tests.conftest import signed_in
from tests.factories import GroupFactory, MembershipFactory, join_group, make_link
from tests.managed_events.making import assign_to, link_of, make_template
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.notifications.models import Notice, OutboxMessage
from workestra.notifications.registry import Skip

URL = "/calendar/admin/hand-over"
FRIDAYS = {"0": [], "1": [], "2": [], "3": [], "4": [["09:00", "12:00"]], "5": [], "6": []}


def leaves(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(is_active=False)


def owners() -> set[tuple[str, object]]:
    return set(BookingLink.objects.values_list("slug", "owner"))


def test_a_link_left_behind_goes_to_its_new_owner_with_everything_it_has(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    assign_to(template, [alice, bob], dana)
    link = link_of(template, alice)
    before = link.section_values()
    leaves(alice)
    given = give(link_id=link.pk, to=bob, actor=dana.user, now=NOW)
    assert (given.owner, given.slug, given.managed_event_template) == (bob.user, "alice-discovery-call", None)
    assert given.section_values() == before
    assert given.locked_sections == []
    assert [host.user for host in given.hosts.all()] == [bob.user]
    event = AuditEvent.objects.get(action="link.handed_over")
    assert (event.actor_name, event.before, event.after) == (
        "Dana Admin",
        {"owner": "Alice Okafor"},
        {"owner": "Bob Lindqvist"},
    )
    update_link(link_id=link.pk, by=bob, values={"title": "Mine"}, now=NOW)


def test_a_schedule_that_nobody_keeps_up_any_more_becomes_the_links_own_hours(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    schedule = create_schedule(
        by=alice,
        values={
            "name": "Fridays",
            "timezone": "Europe/Paris",
            "weekly_hours": FRIDAYS,
            "date_overrides": {},
        },
        now=NOW,
    )
    link = make_link(alice, slug="alices", schedule=schedule)
    leaves(alice)
    give(link_id=link.pk, to=bob, actor=dana.user, now=NOW)
    link = BookingLink.objects.get(pk=link.pk)
    assert (link.schedule, link.timezone, link.weekly_hours) == (None, "Europe/Paris", FRIDAYS)


def test_the_hosts_of_a_pool_stay(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    link = make_link(alice, slug="pool", strategy="round_robin", hosts=[bob, dana])
    leaves(alice)
    give(link_id=link.pk, to=dana, actor=dana.user, now=NOW)
    assert {host.user for host in link.hosts.all()} == {bob.user, dana.user}
    assert not Notice.objects.exists(), "Dana did it herself"


@pytest.mark.parametrize("case", ["owner is here", "taker has left", "elsewhere", "gone"])
def test_what_cannot_be_given_stays_as_it_is(
    case: str, dana: Membership, alice: Membership, bob: Membership, carol: Membership, NOW: datetime
) -> None:
    link = make_link(alice, slug="alices")
    if case != "owner is here":
        leaves(alice)
    if case == "taker has left":
        leaves(bob)
    before = owners()
    with pytest.raises(NotToBeGiven):
        give(
            link_id=uuid4() if case == "gone" else link.pk,
            to=carol if case == "elsewhere" else bob,
            actor=dana.user,
            now=NOW,
        )
    assert owners() == before
    assert not AuditEvent.objects.filter(action="link.handed_over").exists()
    assert not OutboxMessage.objects.exists()


def test_an_admin_gives_a_link_on_the_page_and_bookers_meet_its_new_owner(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    link = make_link(alice, slug="alices")
    week = Period(NOW, NOW.replace(day=NOW.day + 7))
    leaves(alice)
    assert not open_slots_of(link, week, NOW)
    with time_machine.travel(NOW, tick=False):
        browser = signed_in(dana)
        assert "<b>1 booking link</b> of people who have left" in (
            browser.get("/calendar/admin/managed-events").content.decode()
        )
        assert f'name="owner-{link.pk}"' in browser.get(URL).content.decode()
        refused = browser.post(URL, {f"owner-{link.pk}": alice.pk})
        assert refused.status_code == 422
        assert "Choose somebody who is here." in refused.content.decode()
        html = browser.post(URL, {f"owner-{link.pk}": bob.pk}, follow=True).content.decode()
    assert "1 link has a new owner, who is told." in html
    assert "Nothing to hand over" in html
    link = BookingLink.objects.get(pk=link.pk)
    assert link.owner == bob.user
    assert open_slots_of(link, week, NOW)
    assert not RetiredSlug.objects.exists()


def test_a_link_whose_owner_came_back_meanwhile_is_refused_beside_it(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = make_link(alice, slug="alices")
    leaves(alice)

    def too_late(**how: object) -> None:
        raise NotToBeGiven

    monkeypatch.setattr("managed_events.views.hand_over.give", too_late)
    response = signed_in(dana).post(URL, {f"owner-{link.pk}": bob.pk})
    assert response.status_code == 409
    assert "has changed meanwhile" in response.content.decode()


def test_a_groups_admin_gives_links_of_his_people_to_his_people_and_no_others(
    alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    group, other = GroupFactory(workspace=alice.workspace), GroupFactory(workspace=alice.workspace)
    lead = MembershipFactory(workspace=alice.workspace)
    stranger = MembershipFactory(workspace=alice.workspace)
    for member in (alice, bob):
        join_group(group, member)
    join_group(other, stranger)
    join_group(group, lead, is_admin=True)
    link, foreign = make_link(alice, slug="alices"), make_link(stranger, slug="strangers")
    for leaver in (alice, stranger):
        leaves(leaver)
    browser = signed_in(lead)
    html = browser.get(URL).content.decode()
    assert f"owner-{link.pk}" in html
    assert f"owner-{foreign.pk}" not in html
    before = owners()
    html = browser.post(URL, {f"owner-{foreign.pk}": bob.pk}, follow=True).content.decode()
    assert "1 choice was not used" in html
    assert browser.post(URL, {f"owner-{link.pk}": dana.pk}).status_code == 422, "Dana is not of the group"
    assert owners() == before
    html = browser.post(URL, {f"owner-{link.pk}": bob.pk}, follow=True).content.decode()
    assert "1 link has a new owner, who is told." in html
    assert BookingLink.objects.get(pk=link.pk).owner == bob.user


def test_the_new_owner_is_told_in_the_product_and_by_mail(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    link = make_link(alice, slug="alices", title="Coffee")
    leaves(alice)
    give(link_id=link.pk, to=bob, actor=dana.user, now=NOW)
    notice = Notice.objects.get()
    assert (notice.user, notice.title) == (bob.user, "“Coffee” is your booking link now")
    assert str(link.pk) in notice.path
    message = OutboxMessage.objects.get()
    assert message.recipient == bob.user.email
    mail = mails.given(message, NOW)
    assert not isinstance(mail, Skip)
    assert mail.subject == "“Coffee” is your booking link now"
    assert "Dana Admin handed it over to you, as Alice Okafor has left." in mail.body
    assert "/book/alices" in mail.body
    link.delete()
    assert isinstance(mails.given(message, NOW), Skip)


def test_what_follows_the_template_is_named_and_nothing_when_nothing_does() -> None:
    told = {"actor": "Dana", "title": "Intro", "template": "Discovery"}
    assert "Title follows it from now on. Everything else" in of_adoption(**told, locked="Title").text
    assert "Title and Form follow it from now on." in of_adoption(**told, locked="Title and Form").text
    assert "links. Its settings, its address" in of_adoption(**told, locked="").text
