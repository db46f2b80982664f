"""What a first visit of the booking page makes a phone load, from the real server, as it comes over the wire."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from tests.browser.conftest import PHONE
from tests.factories import make_link
from tests.scheduling.making_logos import LARKHILL, kept
from tests.servers import Installation
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST_BYTES = 60_000


def test_a_first_visit_weighs_less_than_sixty_kilobytes(
    browser: Browser, installation: Installation, alice: Membership
) -> None:
    """Everything counts: heads and bodies, the page (twice: the second time in the visitor's zone), its font, styles,
    scripts, icons and a logo."""
    kept(LARKHILL)
    make_link(
        alice,
        slug="alice-discovery-call",
        description="Half an hour to talk through how you move freight today and see if Larkhill fits.",
        timezone="America/New_York",
        brand_color="#8a2a2a",
        logo_id=LARKHILL.key,
    )
    installation.start_web()
    context = browser.new_context(
        viewport={"width": PHONE[0], "height": PHONE[1]},
        timezone_id="Europe/Berlin",
        base_url=installation.url,
    )
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    addresses: dict[str, str] = {}
    sizes: dict[str, int] = {}
    network.on(
        "Network.requestWillBeSent",
        lambda event: addresses.update({event["requestId"]: event["request"]["url"]}),
    )
    network.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: int(event["encodedDataLength"])}),
    )
    day = timezone.now() + timedelta(days=7)
    page.goto(f"/book/alice-discovery-call?month={day:%Y-%m}", wait_until="networkidle")
    context.close()
    weights = [(addresses[each].removeprefix(installation.url)[:80], size) for each, size in sizes.items()]
    assert any("hanken-grotesk-latin" in address for address, _ in weights)
    assert any("htmx" in address for address, _ in weights)
    assert any("logo" in address for address, _ in weights)
    assert len([address for address, _ in weights if address.startswith("/book/")]) == 2
    assert sum(size for _, size in weights) <= MOST_BYTES, weights
