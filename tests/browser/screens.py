"""Takes the pictures of docs/screens.md: `make screens`. No test, and not collected as one."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.addresses import on_mail
from tests.browser.conftest import COLORS_SETTLED, Visit
from tests.browser.gallery import LOOKS, Browsing, Look
from tests.browser.world import World, make_world, set_up_texts
from tests.servers import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FOLDER = ROOT / "docs" / "screens"
DESKTOP, PHONE, MAIL = (1280, 800), (390, 844), (680, 900)
EMAIL = Look("email", "notifications:mail_html", lambda world: f"{on_mail('REQUEST')(world)}/html", "mara")
PICTURES: dict[str, tuple[str, ...]] = {
    "login": ("desktop",),
    "book": ("desktop", "phone", "dark"),
    "book-details": ("desktop", "phone"),
    "book-texts": ("desktop", "phone"),
    "book-conflict": ("desktop", "phone"),
    "book-confirmed": ("desktop", "phone"),
    "book-group": ("desktop",),
    "book-collective": ("desktop",),
    "embed": ("desktop",),
    "email": ("mail",),
    "manage": ("desktop", "phone"),
    "manage-reschedule": ("desktop",),
    "manage-cancel": ("desktop",),
    "manage-cancelled": ("desktop",),
    "alternatives": ("desktop", "phone"),
    "reconfirm": ("desktop", "phone"),
    "one-off": ("desktop", "phone"),
    "one-off-expired": ("desktop",),
    "one-off-propose": ("desktop", "phone"),
    "bookings": ("desktop", "phone", "dark"),
    "booking-drawer": ("desktop", "phone"),
    "booking-offered": ("desktop",),
    "booking-astray": ("desktop",),
    "bookings-past": ("desktop",),
    "bookings-cancelled": ("desktop",),
    "bulk-checked": ("desktop",),
    "bulk-run": ("desktop",),
    "booking-texts": ("desktop",),
    "delivery": ("desktop",),
    "calendar-rep": ("desktop", "phone", "dark"),
    "calendar": ("desktop",),
    "people": ("desktop",),
    "person": ("desktop", "phone"),
    "merge": ("desktop",),
    "notices": ("desktop",),
    "schedules": ("desktop",),
    "schedule": ("desktop",),
    "out-of-office": ("desktop",),
    "accounts": ("desktop", "phone"),
    "calendar-broken": ("desktop",),
    "texts-to-you": ("desktop", "phone"),
    "holds": ("desktop",),
    "links": ("desktop", "phone"),
    "book-paused": ("desktop",),
    "link-locked": ("desktop", "phone"),
    "link-own": ("desktop",),
    "explain": ("desktop",),
    "one-off-list": ("desktop", "phone"),
    "one-off-new": ("desktop", "phone"),
    "one-off-detail": ("desktop",),
    "workflows": ("desktop", "phone"),
    "workflow": ("desktop", "phone", "dark"),
    "admin-overview": ("desktop", "phone"),
    "managed-list": ("desktop", "phone"),
    "managed-edit": ("desktop", "phone", "dark"),
    "managed-assign": ("desktop", "phone"),
    "managed-detail": ("desktop", "phone", "dark"),
    "managed-versions": ("desktop",),
    "managed-checks": ("desktop",),
    "managed-adopt": ("desktop",),
    "hand-over": ("desktop",),
    "members": ("desktop",),
    "member": ("desktop",),
    "group": ("desktop",),
    "roles": ("desktop",),
    "outbox": ("desktop",),
    "privacy": ("desktop",),
    "erase": ("desktop",),
    "audit-log": ("desktop",),
    "mailbox": ("desktop",),
}

BELOW = {
    "book-texts": "[name=texts]",
    "booking-offered": ".drawer .offered",
    "booking-texts": ".drawer .dl",
}
"""What a picture is of, where it lies further down its page."""


@pytest.fixture
def world(afternoon: datetime, transactional_db: None, settings: Any) -> World:
    settings.SITE_URL = "https://meet.larkhill.example"
    settings.EMAIL_BACKEND = "workestra.notifications.mailbox.MailboxBackend"
    set_up_texts(settings)
    return make_world(afternoon)


def test_take_every_picture(visit: Visit, world: World) -> None:
    looks = {look.name: look for look in (*LOOKS, EMAIL)}
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    at_a_desk, by_hand = Browsing(visit, world), Browsing(visit, world, touch=True)
    for name, variants in PICTURES.items():
        for variant in variants:
            browsing = by_hand if variant == "phone" else at_a_desk
            suffix = "" if variant in {"desktop", "mail"} else f"-{variant}"
            with browsing.opened(looks[name]) as page:
                take(page, variant, FOLDER / f"{name}{suffix}.png", BELOW.get(name))


def take(page: Page, variant: str, path: Path, below: str | None = None) -> None:
    width, height = {"phone": PHONE, "mail": MAIL}.get(variant, DESKTOP)
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if variant == "dark" else "light")
    page.evaluate(COLORS_SETTLED)
    page.evaluate("document.fonts.ready.then(() => null)")
    if below:
        page.locator(below).scroll_into_view_if_needed()
    page.screenshot(path=path, full_page=variant == "mail", scale="css")
