"""The base pages: what every page above inherits."""

import json
import re
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest
from django.shortcuts import render
from django.template.loader import render_to_string
from django.test import RequestFactory

from workestra.accounts.models import Membership
from workestra.look import nav


@pytest.fixture
def request_(rf: RequestFactory) -> HttpRequest:
    request = rf.get("/calendar/bookings", {"tab": "past"})
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    return request


def html(request: HttpRequest, template: str = "base_work.html", **context: Any) -> str:
    return render(request, template, context).content.decode()


def labels(request: HttpRequest) -> list[str]:
    return [link.label for section in nav.sections(request) for link in section.links]


def test_the_server_prints_theme_and_clock_so_that_nothing_flashes(request_: HttpRequest) -> None:
    assert '<html lang="en" data-clock="24">' in html(request_)
    request_.COOKIES |= {"theme": "dark", "clock": "12"}
    assert '<html lang="en" data-theme="dark" data-clock="12">' in html(request_)


def test_a_cookie_is_never_printed_as_it_came(request_: HttpRequest) -> None:
    request_.COOKIES |= {"theme": '"><script>', "clock": '"'}
    page = html(request_)
    assert '<html lang="en" data-clock="24">' in page
    assert "<script>" not in page


def test_the_theme_button_works_without_javascript(request_: HttpRequest) -> None:
    page = html(request_)
    assert '<input type="hidden" name="next" value="/calendar/bookings?tab=past">' in page
    assert 'name="theme" value="light"' in page
    request_.COOKIES["theme"] = "dark"
    assert 'name="theme" value="system"' in html(request_)


def test_htmx_may_not_evaluate_and_swaps_refused_forms(request_: HttpRequest) -> None:
    config = re.search(r"name=\"htmx-config\" content='([^']+)'", html(request_))
    assert config
    settings = json.loads(config[1])
    assert settings["allowEval"] is False
    assert settings["includeIndicatorStyles"] is False
    assert settings["selfRequestsOnly"] is True
    assert settings["historyCacheSize"] == 0
    swapped = {str(rule["code"]) for rule in settings["responseHandling"] if rule["swap"]}
    assert {"409", "422", "429", "[23].."} == swapped


@pytest.mark.parametrize("template", ["base_work.html", "base_public.html", "base_plain.html"])
def test_a_page_has_one_main_one_heading_place_a_skip_link_and_a_voice(
    request_: HttpRequest, template: str
) -> None:
    page = html(request_, template)
    assert page.count("<main") == 1
    assert '<a class="skip" href="#main">' in page
    assert 'aria-live="polite" id="say"' in page


def test_success_is_a_toast_and_trouble_a_note(request_: HttpRequest) -> None:
    messages.success(request_, "9 links updated")
    messages.error(request_, "That <did> not save")
    page = html(request_)
    assert re.search(r'class="toast" role="status">.*?9 links updated', page, re.DOTALL)
    assert re.search(r'class="note bad" role="alert">.*?That &lt;did&gt; not save', page, re.DOTALL)
    assert page.count("9 links updated") == page.count("That &lt;did&gt; not save") == 1


def test_the_sidebar_shows_only_what_a_member_may_open(
    request_: HttpRequest, alice: Membership, dana: Membership, settings: Any
) -> None:
    settings.MAILBOX_ENABLED = False
    request_.member = alice  # type: ignore[attr-defined]
    tools = ["Calendar", "Bookings", "People", "Booking links", "One-off meetings", "Workflows"]
    own = [*tools, "Notices", "Schedules", "What blocks my time", "Connected accounts"]
    assert labels(request_) == own
    request_.member = dana  # type: ignore[attr-defined]
    assert labels(request_) == [
        *own,
        "Overview",
        "Managed events",
        "People and groups",
        "Mail",
        "Privacy",
        "Audit log",
    ]
    settings.MAILBOX_ENABLED = True
    assert labels(request_)[-1] == "Mailbox"


def test_a_stranger_has_no_sidebar(request_: HttpRequest) -> None:
    assert nav.sections(request_) == []


def test_a_url_that_is_not_there_is_left_out(
    request_: HttpRequest, alice: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nav, "GROUPS", (nav.Group("Tools", (nav.Entry("Nowhere", "x", "no:where"),)),))
    request_.member = alice  # type: ignore[attr-defined]
    assert nav.sections(request_) == []


def test_the_sidebar_marks_the_page_and_the_pages_below_it(rf: RequestFactory, alice: Membership) -> None:
    current = {}
    for path in ("/calendar/bookings", "/settings/booking-links/new", "/settings/booking-links-old"):
        request = rf.get(path)
        request.member = alice  # type: ignore[attr-defined]
        current[path] = {
            link.label: link.current
            for section in nav.sections(request)
            for link in section.links
            if link.current
        }
    assert current == {
        "/calendar/bookings": {"Bookings": "page"},
        "/settings/booking-links/new": {"Booking links": "true"},
        "/settings/booking-links-old": {},
    }


def test_the_shell_names_the_member_and_lets_her_sign_out(request_: HttpRequest, alice: Membership) -> None:
    request_.member = alice  # type: ignore[attr-defined]
    page = html(request_)
    assert "Alice Okafor" in page
    assert "Larkhill" in page
    assert 'action="/accounts/logout/"' in page


@pytest.mark.parametrize(
    "template", ["400.html", "403.html", "403_csrf.html", "404.html", "429.html", "500.html"]
)
def test_an_error_page_needs_no_context(template: str) -> None:
    page = render_to_string(template)
    assert page.count("<h1") == 1
    assert "preferences" not in page


@pytest.mark.parametrize("template", ["404.html", "403.html"])
def test_an_error_page_does_not_say_what_exists(request_: HttpRequest, template: str) -> None:
    request_.path = "/book/<script>"
    assert "<script>" not in html(request_, template)
