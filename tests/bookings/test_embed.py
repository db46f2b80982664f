"""`/embed/<slug>`: the booking page for other people's pages, without cookies."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from bookings.models import Booking
from bookings.selectors import manage_token
from scheduling.models import BookingLink
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_link
from tests.pages import form_posting, forms_in
from workestra.accounts.models import Membership

pytestmark = pytest.mark.django_db(transaction=True)

SHOP, BLOG = "https://shop.example", "https://blog.example"
EMBED = "/embed/alice-discovery-call"
DETAILS = f"{EMBED}/details"
TEN = "2030-01-08T09:00Z"
OWN = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def _at_now() -> Iterator[None]:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def link(alice: Membership) -> BookingLink:
    return make_link(alice, slug="alice-discovery-call", embed_origins=[SHOP, BLOG], brand_color="#8a2a2a")


@pytest.fixture
def strict() -> Client:
    return Client(enforce_csrf_checks=True)


def typed(**changes: Any) -> dict[str, Any]:
    return {
        "start": TEN,
        "tz": "Europe/Lisbon",
        "origin": SHOP,
        "nonce": str(uuid4()),
        "name": "Priya Raman",
        "email": "priya@saltmarsh.example",
        "phone": "+1 212 555 0142",
    } | changes


def framed_by(response: Any) -> list[str]:
    found = re.search(r"frame-ancestors ([^;]*)", response["Content-Security-Policy"])
    assert found
    return found[1].split()


def test_only_the_links_own_origins_may_show_it(client: Client, link: BookingLink) -> None:
    response = client.get(EMBED)
    assert framed_by(response) == ["'self'", SHOP, BLOG]
    assert "X-Frame-Options" not in response
    BookingLink.objects.update(embed_origins=[])
    assert framed_by(client.get(EMBED)) == ["'self'"]
    page = client.get("/book/alice-discovery-call")
    assert framed_by(page) == ["'none'"]
    assert page["X-Frame-Options"] == "DENY"


def test_the_whole_way_without_cookies_or_scripts(strict: Client, link: BookingLink) -> None:
    responses = [strict.get(f"{EMBED}?tz=Europe/Lisbon&origin={SHOP}&clock=12&name=Priya")]
    chooser = next(form for form in forms_in(responses[-1].content.decode()) if form.action == DETAILS)
    assert chooser.values["origin"] == SHOP
    assert chooser.values["clock"] == "12"
    responses.append(strict.get(chooser.action, chooser.values | {"start": TEN}))
    form = form_posting(responses[-1].content.decode(), "email")
    assert form.values["name"] == "Priya"
    assert (form.action, form.values["origin"], form.values["clock"]) == (DETAILS, SHOP, "12")
    filled = form.values | {"email": "priya@saltmarsh.example", "phone": "+1 212 555 0142"}
    responses.append(strict.post(form.action, filled | {"email": ""}, headers=OWN))
    assert responses[-1].status_code == 422
    responses.append(strict.post(form.action, filled, headers=OWN))
    assert responses[-1].status_code == 303
    responses.append(strict.get(responses[-1]["Location"]))
    page = responses[-1].content.decode()
    assert "You’re booked with Alice" in page
    assert 'data-clock="12"' in page
    assert f'data-booked="{TEN}"' in page
    assert f'data-parent="{SHOP}"' in page
    booking = Booking.objects.get()
    for response in responses:
        told = response.content.decode() + str(response.headers)
        assert str(manage_token(booking.booker)) not in told
        assert "/manage/" not in told
        assert "csrfmiddlewaretoken" not in told
        assert not response.cookies
        assert "shop.example" in framed_by(response)[1]
    assert not strict.cookies
    assert "priya@" not in page


def test_a_lost_time_is_told_in_the_frame(strict: Client, link: BookingLink) -> None:
    strict.post(DETAILS, typed(), headers=OWN)
    lost = strict.post(DETAILS, typed(email="tomas@cobalt.example"), headers=OWN)
    assert lost.status_code == 409
    assert form_posting(lost.content.decode(), "email").action == DETAILS
    assert not lost.cookies
    assert framed_by(lost)[1:] == [SHOP, BLOG]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Origin": "null"},
        {"Origin": SHOP},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_form_of_another_page_books_nothing(
    strict: Client, link: BookingLink, sent: dict[str, str]
) -> None:
    assert strict.post(DETAILS, typed(), headers=sent).status_code == 403
    assert not Booking.objects.exists()


def test_who_is_signed_in_stays_it_and_is_nobody_in_the_frame(link: BookingLink, dana: Membership) -> None:
    client = signed_in(dana)
    before = {name: morsel.value for name, morsel in client.cookies.items()}
    response = client.get(EMBED)
    assert "Set-Cookie" not in response.headers
    assert not response.cookies
    assert dana.user.name not in response.content.decode()
    assert {name: morsel.value for name, morsel in client.cookies.items()} == before
    assert client.get("/calendar/bookings").status_code == 200


def test_the_same_form_twice_is_one_booking(strict: Client, link: BookingLink) -> None:
    form = typed()
    first, second = (strict.post(DETAILS, form, headers=OWN) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert Booking.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/embed/nobody", 404),
        (f"{EMBED}?tz=Mars/Base", 400),
        (f"{EMBED}?start=soon", 400),
        (f"{EMBED}/done?booked=x", 302),
        (f"{EMBED}/done", 302),
        (DETAILS, 302),
    ],
)
def test_bad_addresses_are_told_without_cookies(
    client: Client, link: BookingLink, path: str, status: int
) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert not response.cookies
    if status == 302:
        assert urlsplit(response["Location"]).path == EMBED


def test_an_origin_that_is_not_the_links_is_told_nothing(client: Client, link: BookingLink) -> None:
    assert 'data-parent=""' in client.get(f"{EMBED}?origin=https://evil.example").content.decode()
    BookingLink.objects.update(embed_origins=[BLOG])
    assert f'data-parent="{BLOG}"' in client.get(EMBED).content.decode()


def test_the_frame_has_the_links_color_and_no_other_site(client: Client, link: BookingLink) -> None:
    page = client.get(EMBED).content.decode()
    assert "/brand/8a2a2a.css" in page
    assert "Scheduling by Workestra" in page
    BookingLink.objects.update(hide_branding=True)
    assert "Scheduling by Workestra" not in client.get(EMBED).content.decode()


def test_an_old_address_leads_to_the_new_one(client: Client, link: BookingLink, alice: Membership) -> None:
    from scheduling.services.links import update_link

    update_link(link_id=link.pk, by=alice, values={}, slug="alice-call", now=MONDAY_MORNING)
    response = client.get(f"{EMBED}?tz=Europe/Lisbon")
    assert response["Location"] == "/embed/alice-call?tz=Europe/Lisbon"


class TestSettings:
    def test_the_owner_gets_the_lines_and_names_the_websites(
        self, link: BookingLink, alice: Membership, settings: Any
    ) -> None:
        client, path = signed_in(alice), f"/settings/booking-links/{link.pk}/embed"
        page = client.get(path)
        assert "frame-src 'self'" in page["Content-Security-Policy"]
        text = page.content.decode()
        assert f"data-workestra=&quot;{settings.SITE_URL}/book/alice-discovery-call&quot;" in text
        assert "/static/js/embed.js" in text
        response = client.post(path, {"embed_origins": "https://New.example\nhttps://new.example/"})
        assert response.status_code == 302
        link.refresh_from_db()
        assert link.embed_origins == ["https://new.example"]

    def test_what_is_no_website_is_refused(self, link: BookingLink, alice: Membership) -> None:
        client, path = signed_in(alice), f"/settings/booking-links/{link.pk}/embed"
        for bad in ("*", "http://shop.example", "'self'", "https://a.example; script-src *", "javascript:x"):
            response = client.post(path, {"embed_origins": bad})
            assert response.status_code == 422, bad
        link.refresh_from_db()
        assert link.embed_origins == [SHOP, BLOG]
