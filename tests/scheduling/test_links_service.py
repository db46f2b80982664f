"""Making, changing and deleting booking links."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from managed_events.models import ManagedEventTemplate
from scheduling.domain.sections import SECTION_OF_FIELD, SECTIONS, fields_of
from scheduling.models import BookingLink, LinkHost
from scheduling.services import links
from scheduling.services.addresses import BadSlug, SlugTaken
from scheduling.services.links import Assigned, BadHosts, Deleted, Host, SectionLocked
from scheduling.services.payments import NoPayments
from tests.factories import make_booking, make_link
from tests.scheduling.link_settings import link_settings
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(alice: Membership, NOW: datetime) -> ManagedEventTemplate:
    return ManagedEventTemplate.objects.create(
        workspace=alice.workspace,
        title="Discovery Call",
        slug="discovery-call",
        locked_sections=["title", "duration"],
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.fixture
def managed(alice: Membership, template: ManagedEventTemplate) -> BookingLink:
    return make_link(
        alice,
        slug="alice-managed",
        managed_event_template=template,
        locked_sections=["title", "duration"],
        template_version=1,
    )


def create(owner: Membership, now: datetime, **given: Any) -> BookingLink:
    wanted: dict[str, Any] = {"slug": None, "values": {"title": "Discovery Call"}} | given
    return links.create_link(owner=owner.user, workspace=owner.workspace, actor=owner.user, now=now, **wanted)


def written(queries: CaptureQueriesContext) -> list[str]:
    return [
        query["sql"]
        for query in queries.captured_queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]


# --- Making ---


def test_a_new_link_is_hosted_by_its_owner_and_audited(alice: Membership, NOW: datetime) -> None:
    link = create(alice, NOW, slug="intro", values={"title": "Intro", "duration_minutes": 20})
    link.refresh_from_db()
    assert (link.slug, link.title, link.duration_minutes) == ("intro", "Intro", 20)
    assert [host.user_id for host in link.hosts.all()] == [alice.user_id]
    event = AuditEvent.objects.get(action="link.created")
    assert (event.target_id, event.actor_id, event.at) == (link.pk, alice.user_id, NOW)
    assert event.after["slug"] == "intro"


def test_a_round_robin_has_its_pool_with_weights(alice: Membership, bob: Membership, NOW: datetime) -> None:
    link = create(alice, NOW, strategy="round_robin", hosts=[Host(alice.user_id), Host(bob.user_id, 5)])
    assert {host.user_id: host.weight for host in link.hosts.all()} == {alice.user_id: 1, bob.user_id: 5}


def test_an_address_is_made_from_the_title_and_numbered_when_it_is_taken(
    alice: Membership, NOW: datetime
) -> None:
    made = [create(alice, NOW, values={"title": "Kaffee & Code!"}).slug for _ in range(3)]
    assert made == ["kaffee-code", "kaffee-code-2", "kaffee-code-3"]
    long = [create(alice, NOW, values={"title": "x" * 100}).slug for _ in range(2)]
    assert long == ["x" * 80, "x" * 78 + "-2"]
    assert create(alice, NOW, values={"title": "Book"}).slug == "book-2"
    assert create(alice, NOW, values={"title": "会议"}).slug == "meeting"


def test_an_address_is_unique_across_workspaces(alice: Membership, carol: Membership, NOW: datetime) -> None:
    create(alice, NOW, slug="intro")
    with pytest.raises(SlugTaken):
        create(carol, NOW, slug="intro")
    assert BookingLink.objects.count() == 1
    assert AuditEvent.objects.filter(action="link.created").count() == 1


@pytest.mark.parametrize(
    "slug", ["", "Intro", "in tro", "-intro", "a--b", "x" * 81, "admin", "book", "naïve"]
)
def test_what_cannot_be_an_address_is_refused(alice: Membership, NOW: datetime, slug: str) -> None:
    with pytest.raises(BadSlug):
        create(alice, NOW, slug=slug)
    assert not BookingLink.objects.exists()


def test_nobody_outside_the_workspace_can_host(
    alice: Membership, bob: Membership, carol: Membership, NOW: datetime
) -> None:
    bob.is_active = False
    bob.save()
    for stranger in (carol.user_id, bob.user_id, uuid4()):
        with pytest.raises(BadHosts):
            create(alice, NOW, strategy="round_robin", hosts=[Host(stranger)])
    with pytest.raises(BadHosts):
        create(alice, NOW, strategy="round_robin")
    assert not BookingLink.objects.exists()


def test_an_assigned_link_carries_its_template_and_locks(
    alice: Membership, template: ManagedEventTemplate, NOW: datetime
) -> None:
    link = create(alice, NOW, assigned=Assigned(template.pk, {"form", "title"}, version=3))
    link.refresh_from_db()
    assert link.managed_event_template == template
    assert (link.locked_sections, link.template_version, link.synced_at) == (["title", "form"], 3, NOW)


# --- Changing ---


def test_only_what_changed_is_written_and_audited(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    values = link.section_values() | {"title": "Demo", "duration_minutes": 45}
    with CaptureQueriesContext(
        connection,
    ) as queries:
        links.update_link(link_id=link.pk, by=alice, values=values, now=NOW)
    [update] = [sql for sql in written(queries) if sql.startswith("UPDATE")]
    assert update.count(" = ") == 3  # Two columns and the key.
    event = AuditEvent.objects.get(action="link.updated")
    assert event.before == {"title": "Discovery Call", "duration_minutes": 30}
    assert event.after == {"title": "Demo", "duration_minutes": 45}


def test_nothing_is_written_when_nothing_changed(alice: Membership, bob: Membership, NOW: datetime) -> None:
    link = make_link(alice, hosts=[alice, bob])
    pool = [Host(alice.user_id), Host(bob.user_id)]
    with CaptureQueriesContext(connection) as queries:
        links.update_link(
            link_id=link.pk,
            by=alice,
            values=link.section_values(),
            slug=link.slug,
            strategy=link.strategy,
            hosts=pool,
            now=NOW,
        )
    assert written(queries) == []


@hypothesis_settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(values=link_settings())
def test_whatever_the_settings_saving_them_again_writes_nothing(
    alice: Membership, NOW: datetime, values: dict[str, Any]
) -> None:
    values |= {"logo_id": None}
    link = create(alice, NOW, values=values | {"requires_payment": False})
    BookingLink.objects.filter(pk=link.pk).update(requires_payment=values["requires_payment"])
    with CaptureQueriesContext(connection) as queries:
        links.update_link(link_id=link.pk, by=alice, values=values, now=NOW)
    assert written(queries) == []


def test_nobody_begins_to_ask_for_payment_where_none_can_be_taken(alice: Membership, NOW: datetime) -> None:
    link = make_link(alice)
    paid = {"requires_payment": True, "price": 500, "currency": "EUR"}
    with pytest.raises(NoPayments, match="No payment provider is connected"):
        create(alice, NOW, values={"title": "Paid", **paid})
    with pytest.raises(NoPayments):
        links.update_link(link_id=link.pk, by=alice, values={"title": "Paid", **paid}, now=NOW)
    assert not BookingLink.objects.filter(title="Paid").exists()
    BookingLink.objects.filter(pk=link.pk).update(**paid)
    links.update_link(link_id=link.pk, by=alice, values={"title": "As it was", **paid}, now=NOW)
    assert not links.duplicate_link(link_id=link.pk, by=alice, now=NOW).requires_payment


@pytest.mark.parametrize("key", [section.key for section in SECTIONS])
def test_one_field_of_a_locked_section_refuses_the_whole_change(
    alice: Membership, managed: BookingLink, NOW: datetime, key: str
) -> None:
    BookingLink.objects.filter(pk=managed.pk).update(locked_sections=[key])
    before = BookingLink.objects.values().get(pk=managed.pk)
    others = {
        name: value for name, value in managed.section_values().items() if SECTION_OF_FIELD[name] != key
    }
    field = fields_of([key])[0]
    same_value = {field: getattr(managed, field)}
    with pytest.raises(SectionLocked) as refused:
        links.update_link(
            link_id=managed.pk,
            by=alice,
            values=others | {"location_detail" if key != "calendar" else "title": "Elsewhere"} | same_value,
            slug="another",
            now=NOW,
        )
    assert refused.value.sections == (key,)
    assert BookingLink.objects.values().get(pk=managed.pk) == before
    assert not AuditEvent.objects.exists()


def test_a_lock_set_while_the_form_was_open_counts(
    alice: Membership, managed: BookingLink, NOW: datetime
) -> None:
    BookingLink.objects.filter(pk=managed.pk).update(locked_sections=["calendar"])
    assert not managed.locks("calendar")
    with pytest.raises(SectionLocked):
        links.update_link(link_id=managed.pk, by=alice, values={"location_detail": "Stand C14"}, now=NOW)


def test_an_open_section_of_a_managed_link_is_its_owners(
    alice: Membership, managed: BookingLink, NOW: datetime
) -> None:
    links.update_link(link_id=managed.pk, by=alice, values={"location_detail": "Stand C14"}, now=NOW)
    managed.refresh_from_db()
    assert (managed.location_detail, managed.title) == ("Stand C14", "Discovery Call")


def test_a_locked_list_of_a_link_without_template_locks_nothing(alice: Membership, NOW: datetime) -> None:
    link = make_link(alice, locked_sections=["title"])
    links.update_link(link_id=link.pk, by=alice, values={"title": "Mine"}, now=NOW)
    link.refresh_from_db()
    assert link.title == "Mine"


@pytest.mark.parametrize("who", ["bob", "carol", "dana"])
def test_only_the_owner_changes_or_deletes_a_link(
    request: pytest.FixtureRequest, link: BookingLink, NOW: datetime, who: str
) -> None:
    other: Membership = request.getfixturevalue(who)
    with pytest.raises(BookingLink.DoesNotExist):
        links.update_link(link_id=link.pk, by=other, values={"title": "Hers"}, now=NOW)
    with pytest.raises(BookingLink.DoesNotExist):
        links.delete_link(link_id=link.pk, by=other, now=NOW)
    link.refresh_from_db()
    assert link.title == "Discovery Call"
    assert not AuditEvent.objects.exists()


def test_a_field_of_no_section_is_a_mistake_of_the_caller(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    with pytest.raises(ValueError, match="owner_id"):
        links.update_link(link_id=link.pk, by=alice, values={"owner_id": uuid4()}, now=NOW)


def test_a_taken_address_refuses_the_whole_change(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    other = make_link(alice, slug="taken")
    with pytest.raises(SlugTaken):
        links.update_link(link_id=link.pk, by=alice, values={"title": "New"}, slug=other.slug, now=NOW)
    with pytest.raises(BadSlug):
        links.update_link(link_id=link.pk, by=alice, values={"title": "New"}, slug="admin", now=NOW)
    link.refresh_from_db()
    assert (link.title, link.slug) == ("Discovery Call", "alice-discovery-call")
    assert not AuditEvent.objects.exists()


def test_who_stays_in_the_pool_keeps_his_turn(
    alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    link = make_link(alice, hosts=[alice, bob])
    LinkHost.objects.filter(link=link, user=bob.user).update(rotation=7)
    links.update_link(
        link_id=link.pk, by=alice, values={}, hosts=[Host(bob.user_id, 3), Host(dana.user_id)], now=NOW
    )
    assert {host.user_id: (host.weight, host.rotation) for host in link.hosts.all()} == {
        bob.user_id: (3, 7),
        dana.user_id: (1, 0),
    }
    event = AuditEvent.objects.get(action="link.updated")
    plain = {"max_per_day": None, "schedule_id": None}
    one, three = {"weight": 1, **plain}, {"weight": 3, **plain}
    assert event.before == {"hosts": {str(alice.user_id): one, str(bob.user_id): one}}
    assert event.after == {"hosts": {str(bob.user_id): three, str(dana.user_id): one}}


def test_a_link_made_individual_is_hosted_by_its_owner_alone(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    link = make_link(alice, hosts=[bob])
    links.update_link(link_id=link.pk, by=alice, values={}, strategy="individual", now=NOW)
    assert [host.user_id for host in link.hosts.all()] == [alice.user_id]


def test_a_host_who_left_may_stay_in_the_pool_but_not_enter_it(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    link = make_link(alice, hosts=[alice, bob])
    bob.is_active = False
    bob.save()
    pool = [Host(alice.user_id), Host(bob.user_id)]
    links.update_link(link_id=link.pk, by=alice, values={}, hosts=pool, now=NOW)
    links.update_link(link_id=link.pk, by=alice, values={}, hosts=[Host(alice.user_id)], now=NOW)
    with pytest.raises(BadHosts):
        links.update_link(link_id=link.pk, by=alice, values={}, hosts=pool, now=NOW)


def test_a_refusal_is_audited_by_itself(alice: Membership, managed: BookingLink, NOW: datetime) -> None:
    links.record_refusal(link=managed, by=alice, sections=["title"], now=NOW)
    event = AuditEvent.objects.get()
    assert (event.action, event.detail) == ("link.locked_section_refused", {"sections": ["title"]})


# --- Deleting ---


def test_a_deleted_link_leaves_its_bookings(alice: Membership, link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, NOW.replace(hour=12), NOW)
    assert links.delete_link(link_id=link.pk, by=alice, now=NOW) == Deleted.GONE
    booking.refresh_from_db()
    assert booking.link is None
    assert booking.page_slug == "alice-discovery-call"
    assert not BookingLink.objects.exists()
    assert AuditEvent.objects.get(action="link.deleted").before["slug"] == "alice-discovery-call"


def test_deleting_a_managed_link_makes_it_its_owners_own(
    alice: Membership, managed: BookingLink, NOW: datetime
) -> None:
    values = managed.section_values()
    assert links.delete_link(link_id=managed.pk, by=alice, now=NOW) == Deleted.DETACHED
    managed.refresh_from_db()
    assert not managed.is_managed
    assert (managed.locked_sections, managed.template_version, managed.synced_at) == ([], None, None)
    assert managed.section_values() == values
    assert AuditEvent.objects.get().action == "link.detached"
    assert links.delete_link(link_id=managed.pk, by=alice, now=NOW) == Deleted.GONE
