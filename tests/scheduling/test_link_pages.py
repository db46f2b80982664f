"""The pages of booking links, as a browser without JavaScript sees them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from managed_events.models import ManagedEventTemplate
from scheduling.models import BookingLink, RetiredSlug
from tests.conftest import signed_in
from tests.factories import MembershipFactory, UserFactory, make_booking, make_link
from tests.scheduling.posting import sent_by
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

pytestmark = pytest.mark.django_db

LIST = "/settings/booking-links"
NEW = f"{LIST}/new"


@pytest.fixture
def managed(alice: Membership, NOW: datetime) -> BookingLink:
    template = ManagedEventTemplate.objects.create(
        workspace=alice.workspace, title="Intro <Call>", slug="intro", created_at=NOW, updated_at=NOW
    )
    return make_link(
        alice,
        title="Intro <Call>",
        slug="alice-intro",
        managed_event_template=template,
        locked_sections=["title", "duration", "form"],
        template_version=1,
        synced_at=NOW,
        location_detail="Stand C14",
    )


def edit_url(link: BookingLink) -> str:
    return f"{LIST}/{link.pk}"


def page(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def as_query(data: QueryDict) -> dict[str, list[str]]:
    return dict(data.lists())


def submit(client: Client, url: str, changes: Mapping[str, Any] | None = None) -> Any:
    """Open the page, change these inputs (None leaves one out), and send its form."""
    data = sent_by(page(client, url))
    for name, value in (changes or {}).items():
        if value is None:
            data.pop(name, None)
        elif isinstance(value, list):
            data.setlist(name, value)
        else:
            data[name] = value
    return client.post(url, as_query(data))


def snapshot() -> tuple[Any, Any, int]:
    return (
        list(BookingLink.objects.order_by("pk").values()),
        list(BookingLink.objects.order_by("pk").values("hosts__user", "hosts__weight")),
        AuditEvent.objects.exclude(action="link.locked_section_refused").count(),
    )


# --- Who may ---


@pytest.mark.parametrize(("who", "status"), [("alice", 200), ("bob", 404), ("carol", 404), ("dana", 404)])
@pytest.mark.parametrize("path", ["", "/delete"])
def test_only_the_owner_opens_a_link(
    request: pytest.FixtureRequest, link: BookingLink, who: str, status: int, path: str
) -> None:
    client = signed_in(request.getfixturevalue(who))
    assert client.get(edit_url(link) + path).status_code == status


@pytest.mark.parametrize("who", ["bob", "carol", "dana"])
@pytest.mark.parametrize("path", ["", "/delete"])
def test_nobody_else_can_send_its_form(
    request: pytest.FixtureRequest, alice: Membership, link: BookingLink, who: str, path: str
) -> None:
    data = sent_by(page(signed_in(alice), edit_url(link)))
    data["title"] = "Taken over"
    before = snapshot()
    response = signed_in(request.getfixturevalue(who)).post(edit_url(link) + path, as_query(data))
    assert response.status_code == 404
    assert snapshot() == before


@pytest.mark.parametrize("path", ["", "/new", f"/{UUID(int=1)}", f"/{UUID(int=1)}/delete"])
def test_without_signing_in_there_is_nothing_to_see(client: Client, path: str) -> None:
    response = client.get(LIST + path)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_a_link_that_never_was_and_one_of_somebody_else_answer_the_same(
    bob: Membership, link: BookingLink
) -> None:
    client = signed_in(bob)
    absent, foreign = f"{LIST}/{uuid4()}", edit_url(link)
    answers = [client.get(url) for url in (absent, foreign)]
    assert [answer.status_code for answer in answers] == [404, 404]
    texts = [
        re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode()) for answer in answers
    ]
    assert texts[0].replace(absent, "") == texts[1].replace(foreign, "")


def test_a_viewer_sees_his_links_and_changes_none(alice: Membership, link: BookingLink) -> None:
    alice.role = "viewer"
    alice.save()
    client = signed_in(alice)
    assert f'{edit_url(link)}"' not in page(client, LIST)
    for url in (NEW, edit_url(link), edit_url(link) + "/delete"):
        assert client.get(url).status_code == 403
        assert client.post(url, {"title": "x"}).status_code == 403
    assert BookingLink.objects.get().title == "Discovery Call"


# --- The list ---


def test_the_list_shows_own_and_managed_links_apart(
    alice: Membership, bob: Membership, link: BookingLink, managed: BookingLink
) -> None:
    make_link(bob, title="Not hers")
    html = page(signed_in(alice), LIST)
    assert "http://localhost:8000/book/alice-discovery-call" in html
    assert "3 of 10 locked" in html
    assert "from Intro &lt;Call&gt; template" in html
    assert "Not hers" not in html
    assert "All 2" in html
    assert "Assigned 1" in html


def test_the_list_takes_as_many_queries_for_many_links_as_for_two(
    alice: Membership, bob: Membership, managed: BookingLink
) -> None:
    client = signed_in(alice)
    make_link(alice, hosts=[alice, bob])
    with CaptureQueriesContext(connection) as few:
        page(client, LIST)
    for _ in range(12):
        make_link(alice, hosts=[alice, bob])
    with CaptureQueriesContext(connection) as many:
        page(client, LIST)
    assert len(many) == len(few)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=intro", {"alice-intro"}),
        ("q=DISCOVERY", {"alice-discovery-call"}),
        ("w=own", {"alice-discovery-call"}),
        ("w=tpl", {"alice-intro"}),
        ("w=nonsense", {"alice-intro", "alice-discovery-call"}),
        ("q=%00&w=", {"alice-intro", "alice-discovery-call"}),
        ("q=%25", set()),
    ],
)
def test_the_list_can_be_searched(
    alice: Membership, link: BookingLink, managed: BookingLink, query: str, found: set[str]
) -> None:
    html = page(signed_in(alice), f"{LIST}?{query}")
    assert {slug for slug in ("alice-intro", "alice-discovery-call") if f"/book/{slug}<" in html} == found


def test_a_part_of_the_list_answers_htmx(alice: Membership, link: BookingLink) -> None:
    response = signed_in(alice).get(LIST, headers={"HX-Request": "true"})
    html = response.content.decode()
    assert html.lstrip().startswith('<div class="lks" id="links">')
    assert 'hx-swap-oob="innerHTML">1 link<' in html
    assert "HX-Request" in response["Vary"]


def test_without_links_the_list_offers_to_make_one(alice: Membership) -> None:
    assert NEW in page(signed_in(alice), LIST)


# --- Making ---


def test_a_title_is_enough_for_a_link(alice: Membership) -> None:
    response = submit(signed_in(alice), NEW, {"title": "Kaffee & Code"})
    link = BookingLink.objects.get()
    assert response.status_code == 302
    assert response["Location"] == edit_url(link)
    assert (link.slug, link.owner_id, link.strategy) == ("kaffee-code", alice.user_id, "individual")
    assert link.timezone == alice.user.timezone
    assert [host.user_id for host in link.hosts.all()] == [alice.user_id]


def test_a_round_robin_is_made_with_pool_and_weights(alice: Membership, bob: Membership) -> None:
    submit(
        signed_in(alice),
        NEW,
        {
            "title": "Demo",
            "slug": "demo",
            "strategy": "round_robin",
            "pool": [str(alice.user_id), str(bob.user_id)],
            f"pool-{bob.user_id}-weight": "3",
        },
    )
    link = BookingLink.objects.get(slug="demo")
    assert {host.user_id: host.weight for host in link.hosts.all()} == {alice.user_id: 1, bob.user_id: 3}


def test_the_pool_offers_this_workspaces_members_only(
    alice: Membership, bob: Membership, carol: Membership
) -> None:
    html = page(signed_in(alice), NEW)
    assert bob.user.name in html
    assert carol.user.name not in html


# --- Changing ---


def test_a_page_sent_back_as_it_came_writes_nothing(
    alice: Membership, bob: Membership, managed: BookingLink
) -> None:
    robin = make_link(
        alice,
        hosts=[alice, bob],
        weekly_hours=[{"days": [3, 0], "start": "22:00", "end": "02:00"}],
        date_overrides=[{"date": "2030-12-24", "windows": []}],
        questions=[
            {"key": "a", "label": "A <b>?", "type": "select", "required": True, "options": ["x", "y"]}
        ],
        timezone="Brazil/Acre",
        description="One\n\ntwo",
    )
    client = signed_in(alice)
    before = snapshot()
    for link in (robin, managed):
        with CaptureQueriesContext(connection) as queries:
            assert submit(client, edit_url(link)).status_code == 302
        wrote = [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
        assert not [sql for sql in wrote if "session" not in sql]
    assert snapshot() == before


def test_an_open_section_of_a_managed_link_is_saved(alice: Membership, managed: BookingLink) -> None:
    response = submit(
        signed_in(alice), edit_url(managed), {"location_detail": "Room 3", "slug": "alice-intro-call"}
    )
    assert response.status_code == 302
    managed.refresh_from_db()
    assert (managed.location_detail, managed.slug, managed.title) == (
        "Room 3",
        "alice-intro-call",
        "Intro <Call>",
    )


def test_a_managed_link_shows_what_is_locked_and_by_what(alice: Membership, managed: BookingLink) -> None:
    html = page(signed_in(alice), edit_url(managed))
    assert html.count("Locked by Intro &lt;Call&gt; template") == 3
    assert "3 of 10 locked" in html
    assert 'value="Intro &lt;Call&gt;"' in html
    assert "title" not in sent_by(html)


@pytest.mark.parametrize(
    "extra",
    [
        {"title": "Mine"},
        {"title": "Intro <Call>"},
        {"duration_minutes": "15"},
        {"questions-0-label": "Really?"},
        {"description": ""},
    ],
)
def test_a_hand_made_form_with_a_locked_section_is_refused_whole(
    alice: Membership, managed: BookingLink, extra: dict[str, str]
) -> None:
    before = snapshot()
    response = submit(signed_in(alice), edit_url(managed), extra | {"location_detail": "Room 3"})
    html = response.content.decode()
    assert response.status_code == 403
    assert "locked by the Intro &lt;Call&gt; template" in html
    assert "Nothing was saved" in html
    assert 'value="Room 3"' in html
    assert snapshot() == before
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id, event.target_id) == (
        "link.locked_section_refused",
        alice.user_id,
        managed.pk,
    )


def test_a_section_locked_while_the_page_was_open_is_refused(alice: Membership, managed: BookingLink) -> None:
    client = signed_in(alice)
    data = sent_by(page(client, edit_url(managed)))
    BookingLink.objects.filter(pk=managed.pk).update(locked_sections=["calendar"])
    response = client.post(edit_url(managed), as_query(data))
    assert response.status_code == 403
    assert "Calendar and location is" in response.content.decode()


def test_a_link_deleted_while_the_page_was_open_is_a_404(alice: Membership, link: BookingLink) -> None:
    client = signed_in(alice)
    data = sent_by(page(client, edit_url(link)))
    link.delete()
    assert client.post(edit_url(link), as_query(data)).status_code == 404
    assert client.post(edit_url(link) + "/delete").status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": ""}, "Add a title"),
        ({"title": "a\x00b"}, "cannot be shown"),
        ({"description": "\x00"}, "cannot be shown"),
        ({"slug": "\x00"}, "cannot be shown"),
        ({"timezone": "Mars/Olympus"}, "Select a valid choice"),
        ({"timezone": "\x00"}, "Select a valid choice"),
        ({"duration_minutes": "9" * 4400}, "whole number"),
        ({"duration_minutes": "1e400"}, "whole number"),
        ({"booking_window_days": "99999999999999999999"}, "730"),
        ({"weekly_hours-0-0-from": "\x00"}, "is not a time to start"),
        ({"date_overrides-0-date": "\x00"}, "choose the day"),
        ({f"questions-{row}-label": f"Q{row}" for row in range(30)}, "30 questions are too many"),
        ({"questions-0-label": "Q", "questions-0-type": "\x00"}, "choose how it is answered"),
        ({"slug": "taken"}, "taken is taken. taken-2 is free."),
        ({"slug": "settings"}, "is a word we need ourselves"),
        ({"slug": "two words"}, "lowercase letters"),
        ({"strategy": "everybody"}, "Select a valid choice"),
        ({"strategy": "round_robin", "pool": []}, "Choose who takes turns"),
        ({"strategy": "round_robin", "pool": ["\x00"]}, "not in this workspace"),
        ({"strategy": "round_robin", "pool": [str(UUID(int=2))]}, "not in this workspace"),
        ({"requires_payment": "on"}, "No payment provider is connected"),
        ({"price": "9" * 19, "currency": "EUR"}, "as a number"),
        ({"minimum_notice_hours": "8760", "booking_window_days": "1"}, "no time could be booked"),
    ],
)
@pytest.mark.parametrize("new", [True, False])
def test_bad_input_is_told_beside_its_field_and_nothing_is_written(
    alice: Membership, bob: Membership, link: BookingLink, changes: dict[str, Any], words: str, new: bool
) -> None:
    make_link(bob, slug="taken")
    before = snapshot()
    response = submit(signed_in(alice), NEW if new else edit_url(link), {"title": "Kept", **changes})
    html = response.content.decode()
    assert response.status_code == 422
    assert words in html
    assert "<title>Error: " in html
    assert snapshot() == before
    if "title" not in changes:
        assert 'value="Kept"' in html


def test_a_host_of_another_workspace_is_refused(
    alice: Membership, carol: Membership, link: BookingLink
) -> None:
    before = snapshot()
    changes = {"strategy": "round_robin", "pool": [str(alice.user_id), str(carol.user_id)]}
    response = submit(signed_in(alice), edit_url(link), changes)
    assert response.status_code == 422
    assert snapshot() == before


@pytest.mark.parametrize("weight", ["0", "101", "-1", "many", "", "9" * 50, "٣"])
def test_a_weight_that_cannot_be_is_refused(
    alice: Membership, bob: Membership, link: BookingLink, weight: str
) -> None:
    before = snapshot()
    changes = {"strategy": "round_robin", "pool": [str(bob.user_id)], f"pool-{bob.user_id}-weight": weight}
    response = submit(signed_in(alice), edit_url(link), changes)
    assert response.status_code == 422
    assert "Bob Lindqvist: write a weight from 1 to 100" in response.content.decode()
    assert snapshot() == before


def test_more_fields_than_any_form_has_are_refused_plainly(alice: Membership, link: BookingLink) -> None:
    response = signed_in(alice).post(edit_url(link), {f"x{number}": "1" for number in range(1200)})
    assert response.status_code == 400


def test_an_empty_post_is_refused_and_turns_nothing_off(alice: Membership, link: BookingLink) -> None:
    before = snapshot()
    assert signed_in(alice).post(edit_url(link), {}).status_code == 422
    assert snapshot() == before


def test_the_form_is_protected_against_other_sites(alice: Membership, link: BookingLink) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)
    assert client.post(edit_url(link), {"title": "x"}).status_code == 403


def test_a_host_who_left_is_still_named(alice: Membership) -> None:
    left = MembershipFactory(workspace=alice.workspace, user=UserFactory(name="Lea Left"))
    link = make_link(alice, hosts=[alice, left])
    left.is_active = False
    left.save()
    client = signed_in(alice)
    assert "Lea Left (left)" in page(client, edit_url(link))
    assert submit(client, edit_url(link)).status_code == 302
    assert link.hosts.count() == 2


# --- Pausing ---


def test_a_link_is_paused_and_resumed_by_its_switch_and_both_are_logged_once(
    alice: Membership, link: BookingLink
) -> None:
    client, url = signed_in(alice), f"{edit_url(link)}/state"
    for _ in range(2):
        assert client.post(url)["Location"] == LIST
    assert BookingLink.objects.get().is_paused
    assert "Paused<span" in page(client, LIST)
    row = client.post(url, {"open": "on"}, headers={"HX-Request": "true"})
    assert "takes bookings again" in row.content.decode()
    assert not BookingLink.objects.get().is_paused
    logged = AuditEvent.objects.filter(action__in=["link.paused", "link.resumed"])
    assert sorted(logged.values_list("action", flat=True)) == ["link.paused", "link.resumed"]


# --- Deleting ---


def test_deleting_asks_first_and_says_what_stays(
    alice: Membership, link: BookingLink, time_machine: Any
) -> None:
    now = datetime.fromisoformat("2030-01-07T08:00:00+00:00")
    time_machine.move_to(now, tick=False)
    make_booking(link, now.replace(hour=12), now)
    client = signed_in(alice)
    html = page(client, edit_url(link) + "/delete")
    assert "1 meeting ahead stays booked" in html
    assert BookingLink.objects.exists()
    response = submit(client, edit_url(link) + "/delete")
    assert (response.status_code, response["Location"]) == (302, LIST)
    assert not BookingLink.objects.exists()


def test_deleting_a_managed_link_detaches_it(alice: Membership, managed: BookingLink) -> None:
    client = signed_in(alice)
    assert "becomes your own" in page(client, edit_url(managed) + "/delete")
    response = submit(client, edit_url(managed) + "/delete")
    assert response["Location"] == edit_url(managed)
    managed.refresh_from_db()
    assert not managed.is_managed
    assert "Locked by" not in page(client, edit_url(managed))


# --- An address as it is typed ---


def asked(member: Membership, link: BookingLink | None, **typed: str) -> str:
    name, arguments = ("link_address", [link.pk]) if link else ("link_new_address", [])
    response = signed_in(member).get(reverse(f"scheduling:{name}", args=arguments), typed)
    assert response.status_code == 200
    return response.content.decode().strip()


def test_a_typed_address_is_said_to_be_free_or_not_before_saving(
    alice: Membership, bob: Membership, carol: Membership, link: BookingLink, NOW: datetime
) -> None:
    make_link(carol, slug="taken")
    RetiredSlug.objects.create(slug="kept", workspace=carol.workspace, link=make_link(carol), retired_at=NOW)
    RetiredSlug.objects.create(slug="ours-once", workspace=alice.workspace, retired_at=NOW)
    for one in (link, None):
        assert "taken is taken. taken-2 is free." in asked(alice, one, slug="taken")
        assert "kept is taken. kept-2 is free." in asked(alice, one, slug="kept")
        assert "/book/ours-once</span> is free" in asked(alice, one, slug="ours-once")
        assert "is a word we need ourselves" in asked(alice, one, slug="settings")
    assert asked(alice, link, slug=link.slug) == ""
    assert asked(alice, None, slug="", title="") == ""
    assert "/book/taken-2" in asked(alice, None, slug="", title="Taken!")


def test_a_taken_address_is_told_with_everything_else_that_is_wrong(
    alice: Membership, bob: Membership, link: BookingLink
) -> None:
    make_link(bob, slug="taken")
    before = snapshot()
    response = submit(signed_in(alice), edit_url(link), {"title": "", "slug": "taken"})
    html = response.content.decode()
    assert response.status_code == 422
    assert "taken is taken. taken-2 is free." in html
    assert "Add a title" in html
    assert snapshot() == before


def test_an_address_lost_while_the_form_was_sent_is_told_in_the_same_words(
    alice: Membership, bob: Membership, link: BookingLink
) -> None:
    make_link(bob, slug="taken")
    with patch("scheduling.services.addresses.problem", return_value=""):
        response = submit(signed_in(alice), edit_url(link), {"slug": "taken"})
    assert response.status_code == 422
    assert "taken is taken. taken-2 is free." in response.content.decode()
