"""The host's list of one-offs, one of them, and who may see them."""

import re
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from one_off import services
from one_off.models import OneOff
from one_off.selectors import token_of
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import MembershipFactory, UserFactory, make_booking
from tests.one_off.hosting import LIST, NEW, page
from tests.one_off.making import DAY, HOUR, MINUTE, TOMAS, make_one_off, pick, three_times, written
from workestra.accounts.models import Membership, RoleGrant
from workestra.calendars.domain.period import Period

pytestmark = pytest.mark.usefixtures("at_now")


@pytest.fixture
def viewer(alice: Membership) -> Membership:
    user = UserFactory(username="vera", name="Vera Viewer")
    return MembershipFactory(workspace=alice.workspace, user=user, role="viewer")


def test_the_empty_list_says_what_to_do(browser: Client) -> None:
    html = page(browser.get(LIST))
    assert "No one-offs yet" in html
    assert html.count(f'href="{NEW}"') == 2


def test_every_state_is_listed_with_what_can_be_done(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    times = three_times(NOW)
    open_ = make_one_off(alice, NOW, title="Open one", periods=times[:1], expires_at=NOW + DAY)
    booked = make_one_off(alice, NOW, title="Booked one", periods=times[1:2])
    booking = pick(booked, NOW)
    expired = make_one_off(alice, NOW, title="Expired one", periods=times[2:], expires_at=NOW + DAY)
    OneOff.objects.filter(pk=expired.pk).update(expires_at=NOW - DAY)
    withdrawn = make_one_off(alice, NOW, title="Withdrawn one", periods=(Period.lasting(NOW + HOUR, HOUR),))
    services.withdraw(one_off=withdrawn, actor=alice.user, now=NOW)
    html = page(browser.get(LIST))
    assert "1 open, 1 slot held." in html
    for state, one_off in (
        ("open", open_),
        ("booked", booked),
        ("expired", expired),
        ("withdrawn", withdrawn),
    ):
        assert f'href="#{state}"' in html
        section = html[html.index(f'<h2 class="day" id="{state}"') :].split("</ul>\n")[0]
        assert one_off.title in section
    assert f"/one-off/{token_of(open_)}" in html
    assert all(str(token_of(one_off)) not in html for one_off in (booked, expired, withdrawn))
    assert f"?tab=upcoming&amp;open={booking.pk}" in html
    assert html.count("Copy link") == 1


def test_an_unheld_time_that_was_taken_is_not_shown_as_open(
    browser: Client, alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    make_one_off(alice, NOW, reserve=False, periods=three_times(NOW)[:1])
    make_booking(link, three_times(NOW)[0].start, NOW)
    html = page(browser.get(LIST))
    assert ", taken" in html
    assert "No time left to pick" in html


def test_nobody_else_sees_them(
    alice: Membership, bob: Membership, carol: Membership, dana: Membership, NOW: datetime
) -> None:
    make_one_off(alice, NOW, title="Secret plan")
    for other in (bob, carol, dana):
        assert "Secret plan" not in page(signed_in(other).get(LIST))


def test_a_long_list_shows_the_newest_and_leads_to_the_rest(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    for index in range(55):
        one_off = make_one_off(
            alice, NOW + index * timedelta(seconds=1), title=f"Number {index:02}", reserve=False
        )
        OneOff.objects.filter(pk=one_off.pk).update(state="withdrawn", closed_at=NOW)
    html = page(browser.get(LIST))
    assert "Number 54" in html
    assert "Number 34" not in html
    assert f'href="{LIST}?state=withdrawn"' in html
    first, second = (page(browser.get(f"{LIST}?state=withdrawn&page={number}")) for number in (1, 2))
    assert "Number 05" in first
    assert "Number 04" not in first
    assert "Number 04" in second
    assert browser.get(f"{LIST}?state=withdrawn&page=x").status_code == 200
    assert browser.get(f"{LIST}?state=nonsense").status_code == 200


@pytest.mark.parametrize("count", [1, 12])
def test_the_list_takes_the_same_queries_however_long_it_is(
    browser: Client,
    alice: Membership,
    NOW: datetime,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for index in range(count):
        make_one_off(alice, NOW, periods=(Period.lasting(NOW + (index + 1) * HOUR, HOUR),))
    # Session, user, membership, grants; counts, held; one-offs, slots, busy times.
    with django_assert_num_queries(11):
        browser.get(LIST)


def test_a_booked_one_shows_who_came_and_which_time(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    booking = pick(one_off, NOW, 1)
    html = page(browser.get(f"{LIST}/{one_off.pk}"))
    assert [html.count(word) for word in (">Picked</span>", "Released</span>", "Held</span>")][1:] == [2, 0]
    assert "Picked" in html
    assert TOMAS.email in html
    assert str(booking.pk) in html
    assert "Withdraw it" not in html
    assert str(token_of(one_off)) not in html


def test_the_address_is_not_shown_when_its_key_is_gone(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    OneOff.objects.update(token_hash="0" * 64)
    html = page(browser.get(f"{LIST}/{one_off.pk}"))
    assert "cannot be shown again" in html
    assert "Copy link" not in html
    assert "Copy link" not in page(browser.get(LIST))


def test_the_host_withdraws(browser: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    response = browser.post(f"{LIST}/{one_off.pk}/withdraw")
    assert (response.status_code, response["Location"]) == (303, LIST)
    one_off.refresh_from_db()
    assert one_off.state == "withdrawn"
    assert "Contract walkthrough is withdrawn" in page(browser.get(LIST))


def test_withdrawing_what_was_booked_meanwhile_says_so(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    pick(one_off, NOW)
    before = written()
    response = browser.post(f"{LIST}/{one_off.pk}/withdraw")
    assert response.status_code == 409
    assert "Somebody has just booked it" in page(response)
    assert written() == before


def test_withdrawing_what_has_expired_says_so(browser: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + DAY)
    OneOff.objects.update(expires_at=timezone.now() - MINUTE)
    response = browser.post(f"{LIST}/{one_off.pk}/withdraw")
    assert response.status_code == 409
    assert "It has expired already" in page(response)


def test_a_get_withdraws_nothing(browser: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    assert browser.get(f"{LIST}/{one_off.pk}/withdraw").status_code == 405
    one_off.refresh_from_db()
    assert one_off.state == "open"


def urls_of(one_off: OneOff) -> dict[str, list[str]]:
    return {
        "get": [LIST, NEW, f"{LIST}/{one_off.pk}"],
        "post": [NEW, f"{LIST}/{one_off.pk}/withdraw"],
    }


def test_strangers_are_sent_to_sign_in(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    before = written()
    for method, urls in urls_of(one_off).items():
        for url in urls:
            response = getattr(Client(), method)(url)
            assert response.status_code == 302
            assert response["Location"].startswith("/accounts/login/")
    assert written() == before


def bare(response: HttpResponse, one_off_id: UUID) -> str:
    """The page without what differs from one request to the next."""
    return re.sub(r'value="\w{64}"', "", page(response).replace(str(one_off_id), ""))


def test_other_peoples_one_offs_do_not_exist(
    alice: Membership, bob: Membership, carol: Membership, dana: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    before = written()
    for other in (bob, carol, dana):
        client = signed_in(other)
        foreign = client.get(f"{LIST}/{one_off.pk}")
        absent_id = uuid4()
        absent = client.get(f"{LIST}/{absent_id}")
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert bare(foreign, one_off.pk) == bare(absent, absent_id)
        assert client.post(f"{LIST}/{one_off.pk}/withdraw").status_code == 404
    assert written() == before


def test_a_viewer_may_look_but_not_make_or_withdraw(viewer: Membership, NOW: datetime) -> None:
    one_off = make_one_off(viewer, NOW)
    before, client = written(), signed_in(viewer)
    assert client.get(LIST).status_code == 200
    assert NEW not in page(client.get(LIST))
    assert client.get(f"{LIST}/{one_off.pk}").status_code == 200
    assert "Withdraw it" not in page(client.get(f"{LIST}/{one_off.pk}"))
    assert client.get(NEW).status_code == 403
    assert client.post(NEW).status_code == 403
    assert client.post(f"{LIST}/{one_off.pk}/withdraw").status_code == 403
    assert written() == before


def test_who_may_not_even_look_is_refused(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    RoleGrant.objects.create(workspace=alice.workspace, role="member", permission="scheduler.view", scope="")
    client = signed_in(alice)
    assert client.get(LIST).status_code == 403
    assert client.get(f"{LIST}/{one_off.pk}").status_code == 403
