"""What helps a host to offer: his week, pasted text, another one like it, and words to send."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from one_off.models import OneOff
from one_off.selectors import token_of
from one_off.services import proposals
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import make_booking
from tests.one_off.hosting import LIST, NEW, TUESDAY, page, typed
from tests.one_off.making import DAY, HOUR, TOMAS, make_one_off, pick, written
from tests.pages import form_posting, forms_in
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

pytestmark = pytest.mark.usefixtures("at_now")


def test_a_click_on_the_week_offers_a_time_and_another_takes_it_back(browser: Client) -> None:
    html = page(browser.get(NEW))
    assert 'value="2030-01-08T10:00"' in html
    values = typed(browser, TUESDAY)
    offered = page(browser.post(NEW, values | {"offer": "2030-01-09T14:00"}))
    rows = form_posting(offered, "slots-0-day").values
    assert (rows["slots-1-day"], rows["slots-1-start"], rows["slots-1-minutes"]) == (
        "2030-01-09",
        "14:00",
        "30",
    )
    assert "Take out slot 2, Wed 9 Jan, 14:00" in offered
    gone = page(browser.post(NEW, rows | {"offer": "2030-01-09T14:00"}))
    assert "Take out slot 2" not in gone
    assert not OneOff.objects.exists()


def test_the_week_shows_what_the_host_has_and_leads_to_the_next(browser: Client, link: BookingLink) -> None:
    make_booking(link, datetime(2030, 1, 8, 9, 0, tzinfo=UTC), timezone.now())
    html = page(browser.get(NEW))
    assert "Priya Raman" in html
    assert 'value="2030-01-08T10:00"' not in html
    later = page(browser.post(NEW, typed(browser, TUESDAY) | {"week": "2030-01-14"}))
    assert "14 to 18 January" in later
    assert form_posting(later, "slots-0-day").values["slots-0-start"] == "10:00"


@pytest.mark.parametrize("junk", ["", "x", "2030-01-09", "2030-01-09T14:00+01:00", "9999-12-31T23:59"])
def test_a_click_that_makes_no_sense_changes_nothing(browser: Client, junk: str) -> None:
    response = browser.post(NEW, typed(browser, TUESDAY) | {"offer": junk, "shown": junk})
    assert response.status_code == 200
    assert not OneOff.objects.exists()


def test_pasted_times_fill_the_rows_and_what_cannot_be_read_stays_with_its_reason(browser: Client) -> None:
    text = "Tue 8 Jan 10:00-10:45, 14:00\nMon 9 Jan 10:00"
    html = page(browser.post(NEW, typed(browser) | {"paste": "1", "pasted": text}))
    rows = form_posting(html, "slots-0-day").values
    assert [rows[f"slots-{row}-{name}"] for row in (0, 1) for name in ("start", "minutes")] == [
        "10:00", "45", "14:00", "45",
    ]  # fmt: skip
    assert rows["pasted"] == "Mon 9 Jan 10:00"
    assert "9 January 2030 is a Wednesday, not a Monday." in html
    many = "\n".join(f"{day} Jan 2030 09:00" for day in range(8, 20))
    html = page(browser.post(NEW, typed(browser) | {"paste": "1", "pasted": many}))
    assert form_posting(html, "slots-0-day").values["slots-TOTAL_FORMS"] == "10"
    assert "10 times are the most." in html
    assert not OneOff.objects.exists()


def test_a_host_changes_what_he_has_sent(browser: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + 2 * DAY)
    url = f"{LIST}/{one_off.pk}/edit"
    assert url in page(browser.get(f"{LIST}/{one_off.pk}"))
    values = form_posting(page(browser.get(url)), "slots-0-day").values
    assert (values["title"], values["slots-0-start"], values["closes"]) == (
        "Contract walkthrough",
        "10:00",
        "2030-01-09T09:00",
    )
    # Its own holds are not in its way.
    assert "Held for Contract walkthrough" not in page(browser.get(url))
    response = browser.post(url, values | {"title": "Renamed", "slots-0-start": "11:00", "closes": ""})
    assert (response.status_code, response["Location"]) == (303, f"{LIST}/{one_off.pk}")
    one_off.refresh_from_db()
    assert (one_off.title, one_off.expires_at) == ("Renamed", None)
    assert one_off.slots.filter(withdrawn_at=None).first().starts_at == datetime(
        2030, 1, 8, 10, 0, tzinfo=UTC
    )
    assert "Taken out" in page(browser.get(response["Location"]))
    before = written()
    refused = browser.post(url, values | {"title": ""})
    assert refused.status_code == 422
    assert "Add a title" in page(refused)
    assert written() == before
    pick(one_off, NOW, index=1)
    assert browser.get(url).status_code == 409
    assert browser.post(url, values).status_code == 409


def test_a_page_opened_before_the_change_is_told_so(
    client: Client, browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, location_type="other")
    slot = one_off.slots.all()[0]
    url = f"/one-off/{token_of(one_off)}"
    form = form_posting(page(client.get(url)), "nonce").values
    edit = f"{LIST}/{one_off.pk}/edit"
    browser.post(
        edit, form_posting(page(browser.get(edit)), "slots-0-day").values | {"slots-0-start": "11:00"}
    )
    booker = {"slot": str(slot.pk), "name": TOMAS.name, "email": TOMAS.email}
    response = client.post(url, form | booker)
    assert response.status_code == 409
    assert "does not offer that time any more" in page(response)
    assert f'value="{TOMAS.email}"' in page(response)
    assert "11:00" in page(response)


def test_an_expired_one_is_offered_again_so_many_weeks_later(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + HOUR)
    with time_machine.travel(NOW + 9 * DAY, tick=False):
        again = signed_in(alice)
        assert f"{NEW}?from={one_off.pk}" in page(again.get(LIST))
        values = form_posting(page(again.get(f"{NEW}?from={one_off.pk}")), "slots-0-day").values
        assert (values["title"], values["slots-0-day"], values["slots-0-start"], values["closes"]) == (
            one_off.title,
            "2030-01-22",
            "10:00",
            "",
        )
        assert again.post(NEW, values).status_code == 303
    assert OneOff.objects.count() == 2


def test_another_hosts_one_off_begins_nothing(bob: Membership, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    values = form_posting(page(signed_in(bob).get(f"{NEW}?from={one_off.pk}")), "slots-0-day").values
    assert values["title"] == ""


def test_the_text_to_send_has_a_link_for_each_time_in_the_readers_zone(
    browser: Client, client: Client, alice: Membership, NOW: datetime, settings: Any
) -> None:
    one_off = make_one_off(
        alice, NOW, invitee_name="Tomás Herrera", invitee_email="tomas@cobaltfoods.example"
    )
    html = page(browser.get(f"{LIST}/{one_off.pk}?tz=America/New_York"))
    assert "Here are three times for Contract walkthrough, New York time (EST)." in html
    assert "1. Tue 8 Jan, 04:00 – 04:30" in html
    (url, *_) = re.findall(r'<li><a href="([^"]*slot=[^"]*)">', html)
    url = url.replace("&amp;", "&").removeprefix(settings.SITE_URL)
    picked = client.get(url)
    assert re.search(rf'value="{one_off.slots.all()[0].pk}" required checked', page(picked))
    assert "New York time" in page(picked)
    assert OneOff.objects.get().state == "open"


def test_the_readers_zone_is_the_one_he_booked_in_before(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    pick(make_one_off(alice, NOW), NOW, booker=TOMAS)
    one_off = make_one_off(alice, NOW, reserve=False, invitee_email=TOMAS.email)
    assert "Madrid time (CET)" in page(browser.get(f"{LIST}/{one_off.pk}"))


def test_a_persons_page_leads_to_an_offer_for_him(alice: Membership, NOW: datetime) -> None:
    page = signed_in(alice).get("/calendar/one-off/new?name=Wei+Zhao&email=wei@harborline.example")
    html = page.content.decode()
    assert 'value="Wei Zhao"' in html
    assert 'value="wei@harborline.example"' in html


def test_the_zone_chosen_for_the_text_is_kept_for_this_one_off_alone(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off, other = make_one_off(alice, NOW, reserve=False), make_one_off(alice, NOW, reserve=False)
    url = f"{LIST}/{one_off.pk}"
    assert browser.post(f"{url}/zone", {"tz": "Asia/Tokyo"})["Location"] == f"{url}#text"
    assert "Tokyo time (JST)" in page(browser.get(url))
    assert "Tokyo time" not in page(browser.get(f"{LIST}/{other.pk}"))
    browser.post(f"{url}/zone", {"tz": "Asia/Tokyo"})
    assert AuditEvent.objects.filter(action="one_off.changed").count() == 1
    refused = browser.post(f"{url}/zone", {"tz": "Mars/Olympus"})
    assert (refused.status_code, OneOff.objects.get(pk=one_off.pk).invitee_timezone) == (422, "Asia/Tokyo")
    assert "Choose a time zone from the list" in page(refused)


def test_what_its_invitee_proposes_is_answered_on_its_own_page_too(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off, other = make_one_off(alice, NOW, reserve=False), make_one_off(alice, NOW, reserve=False)
    start = NOW + 7 * DAY
    proposals.propose(
        one_off=one_off, booker=TOMAS, starts=[start], length=HOUR, message="", nonce=uuid4(), now=NOW
    )
    assert "Waiting for your answer" not in page(browser.get(f"{LIST}/{other.pk}"))
    html = page(browser.get(f"{LIST}/{one_off.pk}"))
    accept = next(form for form in forms_in(html) if form.action.endswith("/accept"))
    assert f"{TOMAS.name} proposes a time" in html
    assert browser.post(accept.action, {"start": start.isoformat()}).status_code == 303
    assert OneOff.objects.get(pk=one_off.pk).state == "booked"
