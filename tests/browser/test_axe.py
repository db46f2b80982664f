"""Every page of the product, in every state the gallery names: wide and narrow, light and dark."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
import time_machine
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import DESKTOP, PHONE, Visit, assert_accessible, assert_fits
from tests.browser.gallery import LOOKS, Browsing
from tests.browser.states import workflow_of
from tests.browser.world import World, make_world, set_up_texts
from tests.conftest import signed_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Scheme = Literal["light", "dark"]
ROUNDS: tuple[tuple[tuple[int, int], Scheme, Scheme], ...] = (
    (DESKTOP, "light", "dark"),
    (PHONE, "dark", "light"),
)
COLORS_ONLY = {"runOnly": ["color-contrast", "link-in-text-block"], "resultTypes": ["violations"]}
FRAGMENTS = {
    "bookings:drawer": "seen in bookings:console with an open row",
    "bookings:fit": "beside a time in bookings:console with an open form",
    "scheduling:link_new_address": "seen in scheduling:link_new",
    "scheduling:link_address": "seen in scheduling:link_edit",
    "managed_events:new_address": "seen in managed_events:new",
    "managed_events:address": "seen in managed_events:edit",
    "notifications:mail_html": "a mail, in the frame of notifications:mail",
}


# Years after the style sheets were written a browser keeps them without asking: that halves the time.
LATER = datetime(2037, 11, 10, 14, 4, tzinfo=UTC)


@pytest.fixture
def world(live_server: LiveServer, settings: Any) -> Iterator[World]:
    settings.SITE_URL = live_server.url
    settings.EMAIL_BACKEND = "workestra.notifications.mailbox.MailboxBackend"
    set_up_texts(settings)
    with time_machine.travel(LATER, tick=True):
        yield make_world(LATER)


@pytest.mark.thorough
@pytest.mark.parametrize("who", [None, "alice", "mara"])
def test_every_page_is_accessible_and_fits_and_reports_no_error(
    visit: Visit, world: World, subtests: pytest.Subtests, who: str | None
) -> None:
    browsing = Browsing(visit, world, size=DESKTOP)
    known = set[str]()
    for look in LOOKS:
        if look.who != who:
            continue
        with subtests.test(look.name), browsing.opened(look) as page:
            assert page.locator("h1").count() == page.locator("main").count() == 1
            for size, scheme, other in ROUNDS:
                page.set_viewport_size({"width": size[0], "height": size[1]})
                page.emulate_media(color_scheme=scheme)
                assert_fits(page)
                assert_accessible(page)
                if look.view not in known:
                    # Further states of a page share most of their colors with its first.
                    page.emulate_media(color_scheme=other)
                    assert_accessible(page, COLORS_ONLY)
            known.add(look.view)


def test_every_address_that_answers_with_a_page_is_in_the_gallery(world: World) -> None:
    seen = {look.view for look in LOOKS} | FRAGMENTS.keys()
    assert seen <= {name for name, _pattern in addresses()}, "the gallery names what is no more"
    client = signed_in(world.members["mara"])
    unseen = {
        name: path
        for name, pattern in addresses()
        if name not in seen and is_a_page(client, path := example(name, pattern, world))
    }
    assert not unseen, f"add a Look to tests/browser/gallery.py for each of {unseen}"


def addresses(
    resolver: URLResolver | None = None, namespaces: Sequence[str] = ()
) -> Iterator[tuple[str, URLPattern]]:
    """Each address of the product with its full name."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = [*namespaces, pattern.namespace] if pattern.namespace else namespaces
            yield from addresses(pattern, inner)
        else:
            yield ":".join([*namespaces, str(pattern.name)]), pattern


def example(name: str, pattern: URLPattern, world: World) -> str:
    """A path that leads there, to something that exists."""
    booking = world.booking()
    things = {
        "slug": booking.page_slug,
        "token": world.manage(booking).rsplit("/", 1)[1],
        "booking_id": booking.pk,
        "link_id": world.link().pk,
        "template_id": world.template.pk,
        "run_id": world.template.propagations.get().pk,
        "one_off_id": world.one_off("open").pk,
        "proposal_id": "00000000-0000-0000-0000-000000000000",
        "file_id": "00000000-0000-0000-0000-000000000000",
        "attendee_id": booking.booker.pk,
        "schedule_id": world.schedule.pk,
        "absence_id": world.absence.pk,
        "account_id": world.account.pk,
        "kind": "caldav",
        "action": "cancel",
        "bulk_id": "00000000-0000-0000-0000-000000000000",
        "person_id": world.person.pk,
        "other_id": "00000000-0000-0000-0000-000000000000",
        "activity_id": world.person.activities.get(kind="call").pk,
        "opportunity_id": world.person.opportunities.get(outcome="").pk,
        "member_id": world.members["alice"].pk,
        "group_id": "00000000-0000-0000-0000-000000000000",
        "mail_id": world.mail("REQUEST").pk,
        "message_id": world.sent_about(booking).pk,
        "owed_id": booking.pk,
        "color": "005f73",
        "logo_key": world.template.logo_id,
        "key": "some-key",
        "workflow_id": workflow_of(world).pk,
    }
    try:
        return reverse(
            name,
            kwargs={
                each: things[each] for each in pattern.pattern.converters or pattern.pattern.regex.groupindex
            },
        )
    except KeyError as missing:
        raise AssertionError(f"say what {missing} may be in the address of {name}") from None


def is_a_page(client: Client, path: str) -> bool:
    """Whether a GET is answered with HTML. What leads elsewhere, to a download or nowhere is no page."""
    response = client.get(path)
    return response.status_code == 200 and response["Content-Type"].startswith("text/html")
