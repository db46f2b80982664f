"""Why a time is not offered: the page, its JSON and the command, all from the engine's explanation."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from scheduling.models import BookingLink, LinkHost, OutOfOffice, Schedule
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, join_group, make_booking, make_link
from tests.one_off.making import make_one_off
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

pytestmark = pytest.mark.django_db

TUESDAY = date(2030, 1, 8)


@pytest.fixture(autouse=True)
def _monday_morning() -> Any:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


def at(hour: int, minute: int = 0) -> datetime:
    """An instant of Tuesday in UTC: an hour before the clock in Berlin."""
    return datetime(2030, 1, 8, hour, minute, tzinfo=UTC)


def address(link: BookingLink, **query: Any) -> str:
    return reverse(
        "scheduling:explain", args=[link.pk], query={"date": TUESDAY, "tz": "Europe/Berlin"} | query
    )


def page_of(client: Client, link: BookingLink, **query: Any) -> str:
    response = client.get(address(link, **query))
    assert response.status_code == 200
    return response.content.decode()


def answer_of(client: Client, link: BookingLink, **query: Any) -> dict[str, Any]:
    response = client.get(address(link, format="json", **query))
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def told(link: BookingLink, *options: str) -> str:
    out = StringIO()
    call_command("explain_slots", link.slug, "--on", str(TUESDAY), *options, stdout=out)
    return out.getvalue()


def details(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Each reason of the whole day with the clock time from which it holds."""
    return [
        (gap["from"]["local"][11:16], reason["code"], reason["detail"])
        for gap in answer["gaps"]
        for reason in gap["reasons"]
    ]


def test_every_reason_names_its_rule_and_its_cause(alice: Membership, link: BookingLink) -> None:
    BookingLink.objects.filter(pk=link.pk).update(buffer_after_minutes=30, max_per_day=5)
    link.refresh_from_db()
    make_booking(link, at(9), MONDAY_MORNING)
    make_one_off(alice, MONDAY_MORNING, title="Rollout", periods=(Period(at(13), at(13, 30)),))
    found = details(answer_of(signed_in(alice), link))
    assert ("10:00", "busy", "Discovery Call 10:00–10:30 (CET, Berlin)") in found
    assert (
        "10:30",
        "buffer",
        "Discovery Call 10:00–10:30 (CET, Berlin), and 30 minutes after it stay free",
    ) in found
    assert ("14:00", "hold", "Held for Rollout 14:00–14:30 (CET, Berlin)") in found


def test_times_are_told_in_the_zone_of_the_page(alice: Membership, link: BookingLink) -> None:
    make_booking(link, at(9), MONDAY_MORNING)
    text = page_of(signed_in(alice), link, tz="America/New_York")
    assert "04:00–04:30 (EST, New York)" in text
    assert "New York time (EST)" in text


def test_a_start_is_judged_with_the_nearest_ones(alice: Membership, link: BookingLink) -> None:
    make_booking(link, at(9), MONDAY_MORNING)
    text = page_of(signed_in(alice), link, at="10:00")
    assert "Not offered" in text
    assert "Nearest that is offered" in text
    assert " was just taken.” With it come the nearest free times." in text
    offered = page_of(signed_in(alice), link, at="11:00")
    assert "Offered</span>" in offered
    assert " is on the page, to be picked." in offered


def test_a_pool_is_explained_host_by_host(alice: Membership, bob: Membership) -> None:
    pool = make_link(alice, hosts=[alice, bob], slug="pool")
    OutOfOffice.objects.create(
        workspace=bob.workspace, user=bob.user, first_day=TUESDAY, last_day=TUESDAY, note="Ski"
    )
    answer = answer_of(signed_in(alice), pool)
    assert len(answer["starts"]) == 16
    of_bob = next(host for host in answer["hosts"] if host["name"] == bob.user.name)
    assert [gap["reasons"][0]["code"] for gap in of_bob["gaps"]][:1] == ["outside_hours"]
    assert "out_of_office" in {reason["code"] for gap in of_bob["gaps"] for reason in gap["reasons"]}
    only_bob = answer_of(signed_in(alice), pool, host=bob.user_id)
    assert [host["name"] for host in only_bob["hosts"]] == [bob.user.name]


def test_a_collective_names_the_host_in_the_way(alice: Membership, bob: Membership) -> None:
    both = make_link(alice, hosts=[alice, bob], slug="both", strategy="collective")
    bobs = make_link(bob, slug="bobs")
    make_booking(bobs, at(9), MONDAY_MORNING)
    gaps = answer_of(signed_in(alice), both)["gaps"]
    busy = [reason for gap in gaps for reason in gap["reasons"] if reason["code"] == "busy"]
    assert {reason["host"] for reason in busy} == {str(bob.user_id)}


def test_a_group_says_its_hours(alice: Membership) -> None:
    group = make_link(alice, slug="class", strategy="group", capacity=5)
    answer = answer_of(signed_in(alice), group)
    assert answer["strategy"] == "group"
    assert {code for _, code, _ in details(answer)} == {"outside_hours"}


def test_the_hosts_own_hours_are_named(alice: Membership, bob: Membership) -> None:
    pool = make_link(alice, hosts=[alice, bob], slug="pool")
    early = Schedule.objects.create(
        workspace=bob.workspace,
        owner=bob.user,
        name="Early",
        timezone="Asia/Kathmandu",
        weekly_hours=[{"days": [1], "start": "08:00", "end": "12:00"}],
    )
    LinkHost.objects.filter(link=pool, user=bob.user).update(schedule=early)
    answer = answer_of(signed_in(alice), pool, host=bob.user_id)
    said = [reason["detail"] for gap in answer["hosts"][0]["gaps"] for reason in gap["reasons"]]
    assert any("08:00–12:00 (UTC+5:45, Kathmandu)" in detail for detail in said)


def test_names_of_meetings_are_told_to_those_only_who_may_see_the_hosts_calendar(
    alice: Membership, bob: Membership, dana: Membership
) -> None:
    pool = make_link(alice, hosts=[alice, bob], slug="pool")
    bobs = make_link(bob, slug="bobs", title="Job interview")
    make_booking(bobs, at(9), MONDAY_MORNING)
    assert "Job interview" not in page_of(signed_in(alice), pool, at="10:00")
    assert "A booking 10:00–10:30" in page_of(signed_in(alice), pool, at="10:00")
    assert "Job interview" in page_of(signed_in(dana), pool, at="10:00")


def test_a_past_day_and_one_beyond_the_booking_window_say_so(alice: Membership, link: BookingLink) -> None:
    client = signed_in(alice)
    assert "This day is over" in page_of(client, link, date="2030-01-02")
    assert "Already past" in page_of(client, link, date="2030-01-02")
    assert "Can be booked 30 days ahead" in page_of(client, link, date="2030-03-05")


def test_a_link_without_active_hosts_says_so(alice: Membership, link: BookingLink) -> None:
    LinkHost.objects.all().delete()
    assert "The link has no active host" in page_of(signed_in(alice), link)
    assert answer_of(signed_in(alice), link)["hosts"] == []
    assert "no active host" in told(link)
    assert "No meeting can begin" in page_of(signed_in(alice), link, at="10:00")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"date": "soon"}, "The date cannot be read"),
        ({"date": "2030-02-30"}, "The date cannot be read"),
        ({"date": "0001-01-01"}, "too far away"),
        ({"date": "9999-12-31"}, "too far away"),
        ({"tz": "Mars/Olympus"}, "no time zone of that name"),
        ({"tz": "\x00"}, "no time zone of that name"),
        ({"at": "25:00"}, "The start cannot be read"),
        ({"at": "02:30", "date": "2030-03-31"}, "Clocks skip 02:30"),
        ({"host": "nobody"}, "no host of the link"),
        ({"date": "2011-12-30", "tz": "Pacific/Apia"}, "does not exist in Pacific/Apia"),
    ],
)
def test_what_cannot_be_read_is_said_with_400(
    alice: Membership, link: BookingLink, query: dict[str, str], said: str
) -> None:
    client = signed_in(alice)
    for headers in ({}, {"HX-Request": "true"}):
        response = client.get(address(link, **query), headers=headers)
        assert response.status_code == 400
        assert said in response.content.decode()
    response = client.get(address(link, **query), headers={"Accept": "application/json"})
    assert response.status_code == 400
    assert said in response.json()["error"]


def test_htmx_gets_the_answer_alone_with_its_buttons(alice: Membership, link: BookingLink) -> None:
    response = signed_in(alice).get(address(link), headers={"HX-Request": "true"})
    text = response.content.decode()
    assert text.startswith('<div id="why">')
    assert 'id="acts" hx-swap-oob="true"' in text
    assert "16 times offered on Tuesday 8 January" in text


def test_the_owner_admins_and_those_who_see_his_calendar_may_ask(
    alice: Membership, bob: Membership, carol: Membership, dana: Membership, link: BookingLink
) -> None:
    group = GroupFactory(workspace=alice.workspace)
    join_group(group, alice)
    join_group(group, bob)
    assert signed_in(bob).get(address(link)).status_code == 404
    bob.role = "manager"
    bob.save()
    assert [signed_in(who).get(address(link)).status_code for who in (alice, bob, dana, carol)] == [
        200,
        200,
        200,
        404,
    ]
    assert signed_in(alice).get(reverse("scheduling:explain", args=[uuid4()])).status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_hosts(
    alice: Membership, bob: Membership, dana: Membership, django_assert_num_queries: Any
) -> None:
    client = signed_in(alice)
    client.get(address(make_link(alice, slug="warm")))
    one, three = make_link(alice, slug="one"), make_link(alice, hosts=[alice, bob, dana], slug="three")
    with django_assert_num_queries(10) as counted:
        client.get(address(one))
    with django_assert_num_queries(len(counted)):
        client.get(address(three))


def test_both_days_of_a_clock_change_are_drawn_in_full(alice: Membership) -> None:
    hours = [{"days": [6], "start": "00:00", "end": "24:00"}]
    always = make_link(alice, slug="always", weekly_hours=hours, booking_window_days=365)
    client = signed_in(alice)
    assert "cols-92" in page_of(client, always, date="2030-03-31")
    assert "cols-100" in page_of(client, always, date="2030-10-27")
    assert len(answer_of(client, always, date="2030-10-27")["starts"]) == 50


def test_the_command_tells_the_day_in_words(alice: Membership, bob: Membership, link: BookingLink) -> None:
    make_booking(link, at(9), MONDAY_MORNING)
    text = told(link)
    assert "Tuesday 8 January 2030, Europe/Berlin, asked at 09:00" in text
    assert "Offered: 09:00 09:30 10:30" in text
    assert "10:00 – 10:30  Discovery Call" in text
    assert "17:00 – 24:00" in text
    pool = told(make_link(alice, hosts=[alice, bob], slug="pool"), "--zone", "Asia/Kathmandu")
    assert "Bob Lindqvist cannot begin a meeting" in pool


def test_the_command_prints_what_the_page_answers_as_json(alice: Membership, link: BookingLink) -> None:
    assert json.loads(told(link, "--json")) == answer_of(signed_in(alice), link)


@pytest.mark.parametrize(
    "options",
    [
        ("nobody", "--on", "2030-01-08"),
        ("alice-discovery-call", "--on", "soon"),
        ("alice-discovery-call", "--on", "2030-01-08", "--zone", "Mars/Olympus"),
        ("alice-discovery-call", "--on", "2011-12-30", "--zone", "Pacific/Apia"),
    ],
)
def test_the_command_refuses_in_words_what_it_cannot_read(
    link: BookingLink, options: tuple[str, ...]
) -> None:
    with pytest.raises(CommandError):
        call_command("explain_slots", *options)


def test_the_explained_day_is_what_the_page_offers(alice: Membership, link: BookingLink) -> None:
    from bookings.selectors import offer_of

    make_booking(link, at(9), MONDAY_MORNING)
    midnight = datetime(2030, 1, 7, 23, tzinfo=UTC)
    offer = offer_of(link, Period(midnight, midnight + timedelta(days=1)), MONDAY_MORNING)
    starts = [datetime.fromisoformat(start["at"]) for start in answer_of(signed_in(alice), link)["starts"]]
    assert starts == offer.starts
