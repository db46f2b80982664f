"""The booking page inside a page of another origin: what books there, what is told, and who may not show it."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Booking
from scheduling.models import BookingLink
from tests.browser.conftest import DESKTOP, PHONE, assert_accessible, assert_fits
from tests.browser.test_booking_page import QUESTIONS
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PARENT = """<!doctype html>
<html lang="en"><head><title>Talk to us</title><meta name="viewport" content="width=device-width">
<style>body {{ margin: 0 auto; max-width: 26rem }}</style></head>
<body><main><h1>Talk to us</h1>
<div data-workestra="{site}/book/alice-discovery-call" data-title="Book a call"><a href="{site}">Book</a></div></main>
<script>window.told = []; addEventListener("message", e => told.push([e.origin, e.data]));
for (const type of ["ready", "booked"]) addEventListener("workestra:" + type, e => told.push([type, e.detail]));
</script>
<script src="{site}/static/js/embed.js"></script></body></html>"""

Website = Callable[[], str]


@pytest.fixture(autouse=True)
def now(afternoon: datetime) -> datetime:
    return afternoon


@pytest.fixture
def website(live_server: LiveServer) -> Iterator[Website]:
    """Starts a website with the snippet in its page; gives its origin, another one for each."""
    body = PARENT.format(site=live_server.url).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ExitStack() as stack:

        def start() -> str:
            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def link(alice: Membership) -> BookingLink:
    return make_link(
        alice,
        slug="alice-discovery-call",
        timezone="America/New_York",
        location_type="video",
        location_detail="https://meet.larkhill.example/alice",
        brand_color="#8a2a2a",
    )


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": DESKTOP[0], "height": DESKTOP[1]},
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def test_somebody_books_inside_another_websites_page(
    page: Page, website: Website, link: BookingLink, live_server: LiveServer
) -> None:
    origin = website()
    BookingLink.objects.update(embed_origins=[origin, "https://www.example.com"])
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(origin)
    frame = page.frame_locator("iframe[title='Book a call']")
    choose_a_time(frame)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert_fits(page)
    frame.get_by_role("button", name="Continue").click()
    frame.get_by_label("Your name").fill("Priya Raman")
    frame.get_by_label("Email").fill("priya@orchardfreight.example")
    frame.get_by_role("button", name=re.compile("^Book")).click()
    expect(frame.get_by_role("heading", level=2)).to_have_text("You’re booked with Alice")
    booking = Booking.objects.get()
    assert booking.booker.email == "priya@orchardfreight.example"
    assert booking.booker.timezone == "Europe/Berlin"

    page.wait_for_function("told.some(([, data]) => data.type === 'workestra:booked')")
    told = page.evaluate("told")
    sent = [data for sender, data in told if sender == live_server.url]
    assert {"type": "workestra:ready", "link": link.slug} in sent
    booked = {"link": link.slug, "start": f"{booking.starts_at:%Y-%m-%dT%H:%MZ}"}
    assert {"type": "workestra:booked", **booked} in sent
    assert ["booked", booked] in told
    assert "priya" not in str(told).lower()
    height = [data["height"] for data in sent if data["type"] == "workestra:height"][-1]
    assert page.locator("iframe").evaluate("frame => frame.style.height") == f"{height}px"
    assert page.context.cookies() == []
    # Chromium may skip the transition between two pages, and reports it as an error. So does it that `autofocus` is
    # nothing in a frame of another origin: frame.js does it instead.
    expected = ("Transition was", "Blocked autofocusing")
    assert [each for each in problems if not any(words in each for words in expected)] == []


def test_who_loses_the_race_in_the_frame_keeps_what_he_typed_and_books_another_time(
    page: Page, website: Website, link: BookingLink, now: datetime
) -> None:
    origin = website()
    BookingLink.objects.update(embed_origins=[origin], questions=QUESTIONS)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.goto(origin)
    frame = page.frame_locator("iframe[title='Book a call']")
    choose_a_time(frame)
    frame.get_by_role("button", name="Continue").click()
    frame.get_by_label("Your name").fill("Priya Raman")
    frame.get_by_label("Email").fill("priya@orchardfreight.example")
    frame.get_by_text("6 to 20").click()
    lost = datetime(2026, 11, 12, 15, 30, tzinfo=UTC)
    make_booking(link, lost, now)
    frame.get_by_label("Email").press("Enter")

    note = frame.get_by_role("alert").filter(has_text="was just taken")
    words = "4:30 pm was just taken. Your answers are kept. Pick another time below."
    expect(note).to_contain_text(words, use_inner_text=True)
    expect(note).to_be_focused()
    expect(note).to_be_in_viewport()
    expect(frame.get_by_label("Your name")).to_have_value("Priya Raman")
    expect(frame.get_by_label("Email")).to_have_value("priya@orchardfreight.example")
    expect(frame.get_by_label("6 to 20")).to_be_checked()
    assert Booking.objects.count() == 1
    assert_fits(page)
    (inside,) = page.frames[1:]
    assert inside.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert_whole(page)

    nearest = ["5:00 pm", "4:00 pm", "5:30 pm"]
    shown = frame.locator("label.near b")
    expect(shown.first).to_have_text(nearest[0], use_inner_text=True)
    assert [text.strip() for text in shown.all_inner_texts()][:3] == nearest
    page.keyboard.press("Tab")  # Past the way to the month.
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(frame.get_by_role("radio", name=re.compile("Thu 12 Nov.*4:00 pm"))).to_be_checked()
    frame.get_by_role("button", name="Book the time you picked").press("Enter")
    expect(frame.get_by_role("heading", level=2)).to_have_text("You’re booked with Alice")
    expect(frame.get_by_role("heading", level=2)).to_be_focused()
    booking = Booking.objects.exclude(starts_at=lost).get()
    assert booking.starts_at == lost - timedelta(minutes=30)
    assert booking.booker.email == "priya@orchardfreight.example"
    assert booking.booker.answers[0]["answer"] == "6 to 20"
    assert page.context.cookies() == []


def test_a_website_that_is_not_named_cannot_show_it(page: Page, website: Website, link: BookingLink) -> None:
    named, other = website(), website()
    BookingLink.objects.update(embed_origins=[named])
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.goto(other)
    page.wait_for_timeout(1_000)
    assert any("frame-ancestors" in text for text in refused), refused
    assert page.frame_locator("iframe").get_by_role("heading").count() == 0
    assert not any(data["type"].startswith("workestra:") for _, data in page.evaluate("told"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_frame_is_accessible(
    browser: Browser, live_server: LiveServer, link: BookingLink, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": 420, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        timezone_id="Europe/Berlin",
    )
    page = context.new_page()
    page.goto(f"{live_server.url}/embed/{link.slug}?tz=Europe/Berlin&date=2026-11-12&start=2026-11-12T15:30Z")
    expect(page.locator("#bar")).to_contain_text("16:30")
    assert_fits(page)
    assert_accessible(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Email")).to_be_visible()
    page.get_by_text("Add guests").click()
    assert_fits(page)
    assert_accessible(page)
    context.close()


def assert_whole(page: Page) -> None:
    """The frame is as high as what it shows: nobody scrolls in it."""
    (inside,) = page.frames[1:]
    needed = inside.evaluate("document.documentElement.scrollHeight")
    page.wait_for_function("needed => document.querySelector('iframe').clientHeight >= needed", arg=needed)


def choose_a_time(frame: FrameLocator) -> None:
    frame.get_by_role("link", name=re.compile("Thursday 12 November")).click()
    expect(frame.locator("#slots-h")).to_have_text("Thursday 12 November")
    frame.locator("label.slot", has=frame.locator("b .t24", has_text="16:30")).click()
    expect(frame.locator("#bar p")).to_contain_text("Thu 12 Nov, 16:30")
    frame.get_by_text("12h", exact=True).click()
    expect(frame.locator("#bar p")).to_contain_text("4:30 pm", use_inner_text=True)
    expect(frame.locator("#slots input[name='clock']")).to_have_value("12")
