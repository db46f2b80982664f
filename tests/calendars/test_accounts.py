"""The page of connected accounts, by a browser without JavaScript, with the real clients of the providers."""

import logging
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
import requests
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.calendars.making import MAIN, calendar_of, connect_google
from tests.conftest import signed_in
from tests.fakes.google import FakeGoogle
from tests.fakes.microsoft import FakeMicrosoft
from tests.fakes.oauth import Identity
from tests.fakes.server import Answer, Fake
from tests.pages import form_posting
from tests.security.test_secrets import everything_stored, log_lines
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars import mirror, services
from workestra.calendars.models import CalendarAccount, RemoteCalendar
from workestra.calendars.views import connect

pytestmark = pytest.mark.django_db

PAGE = reverse("calendars:accounts")


@pytest.fixture
def browser(alice: Membership) -> Client:
    return signed_in(alice)


def start(browser: Client, kind: str) -> dict[str, str]:
    """What the provider is asked when somebody goes to connect such an account."""
    sent = browser.get(reverse("calendars:connect", args=[kind]))
    assert sent.status_code == 302
    return dict(parse_qsl(urlsplit(sent["Location"]).query))


def come_back(browser: Client, kind: str, answer: dict[str, str]) -> str:
    """The page that he sees who comes back from the provider with this answer."""
    response = browser.get(reverse("calendars:callback", args=[kind]), answer, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    return str(response.content.decode())


def nothing_is_kept() -> bool:
    return not CalendarAccount.objects.exists() and not AuditEvent.objects.exists()


class TestConsent:
    def test_who_says_yes_to_google_has_his_calendars_read(
        self, browser: Client, alice: Membership, google: FakeGoogle
    ) -> None:
        asked = start(browser, "google")
        assert (
            asked["redirect_uri"] == f"http://localhost:8000{reverse('calendars:callback', args=['google'])}"
        )
        assert "Google is connected" in come_back(browser, "google", google.consent(asked))
        account = CalendarAccount.objects.get()
        assert (account.name, account.user, account.workspace) == (
            google.email,
            alice.user,
            alice.workspace,
        )
        main = account.calendars.get(is_primary=True)
        assert (main.checked, main.write_here) == (True, True)
        assert [event.action for event in AuditEvent.objects.all()] == ["account.connected"]

    def test_so_has_who_says_yes_to_microsoft(self, browser: Client, microsoft: FakeMicrosoft) -> None:
        page = come_back(browser, "microsoft", microsoft.consent(start(browser, "microsoft")))
        assert "Microsoft 365 is connected" in page
        assert CalendarAccount.objects.get().calendars.get(checked=True).name == "Calendar"

    def test_who_says_no_is_told_that_nothing_was_connected(
        self, browser: Client, google: FakeGoogle
    ) -> None:
        state = start(browser, "google")["state"]
        page = come_back(browser, "google", {"error": "access_denied", "state": state})
        assert "was not connected: the access was declined" in page
        assert nothing_is_kept()

    def test_who_leaves_a_box_empty_is_told_to_tick_all(self, browser: Client, google: FakeGoogle) -> None:
        google.declines = {"https://www.googleapis.com/auth/calendar.events"}
        try:
            page = come_back(browser, "google", google.consent(start(browser, "google")))
        finally:
            google.declines = set()
        assert "Not every box was ticked" in page
        assert nothing_is_kept()

    def test_an_answer_counts_once_for_whom_and_what_it_was_asked(
        self, browser: Client, bob: Membership, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = signed_in(bob)
        late = timedelta(minutes=11)
        for who, kind, state, wait in (
            (browser, "google", "x" * 43, timedelta()),
            (browser, "google", "", timedelta()),
            (other, "google", None, timedelta()),
            (browser, "microsoft", None, timedelta()),
            (browser, "google", None, late),
        ):
            answer = google.consent(start(browser, "google"))
            answer["state"] = answer["state"] if state is None else state
            moment = timezone.now() + wait
            with monkeypatch.context() as patch:
                patch.setattr(connect.timezone, "now", lambda moment=moment: moment)
                assert "Connect again" in come_back(who, kind, answer), (kind, state, wait)
            assert nothing_is_kept()
        answer = google.consent(start(browser, "google"))
        come_back(browser, "google", answer)
        google.calm()
        assert "Connect again" in come_back(browser, "google", answer)
        assert google.requests == []

    def test_what_google_says_wrong_is_told_and_nothing_kept(
        self, browser: Client, google: FakeGoogle
    ) -> None:
        for fault in ({"path": "/token"}, {"path": "/calendarList", "times": 9}):
            answer = google.consent(start(browser, "google"))
            google.fail(answer=Answer(503, {}), **fault)
            assert "Google was not connected." in come_back(browser, "google", answer)
            google.calm()
            assert nothing_is_kept()

    def test_without_its_credentials_it_says_what_to_set(self, browser: Client, settings: Any) -> None:
        settings.MICROSOFT_CLIENT_ID = settings.MICROSOFT_CLIENT_SECRET = ""
        page = browser.get(reverse("calendars:connect", args=["microsoft"])).content.decode()
        assert "MICROSOFT_CLIENT_ID" in page
        assert "docs/connect-microsoft.md" in page
        assert reverse("calendars:callback", args=["microsoft"]) in page
        settings.CALENDAR_KEYS = []
        assert "CALENDAR_KEYS" in browser.get(reverse("calendars:connect", args=["ics"])).content.decode()

    @pytest.mark.parametrize("kind", ["none", "skype"])
    def test_there_are_no_other_kinds(self, browser: Client, kind: str) -> None:
        for view in ("connect", "callback"):
            assert browser.get(reverse(f"calendars:{view}", args=[kind])).status_code == 404


class TestTyped:
    def test_a_caldav_server_is_connected_with_a_password(self, browser: Client, radicale: str) -> None:
        made = browser.get(reverse("calendars:connect", args=["caldav"]))
        assert b"Server address" in made.content
        typed = {"url": radicale, "username": "alice", "password": "wonderland"}
        calendar = f"{radicale}alice/{uuid4().hex[:12]}/"
        assert requests.request("MKCALENDAR", calendar, auth=("alice", "wonderland")).status_code == 201
        sent = browser.post(reverse("calendars:connect", args=["caldav"]), typed)
        assert (sent.status_code, sent["Location"]) == (302, PAGE)
        account = CalendarAccount.objects.get()
        assert account.name == "127.0.0.1, as alice"
        assert account.calendars.filter(is_writable=True).exists()
        again = browser.get(reverse("calendars:connect", args=["caldav"]), {"again": account.pk})
        assert form_posting(again.content.decode(), "password").values["url"] == radicale
        assert b"wonderland" not in again.content

    def test_a_wrong_password_is_said_and_all_but_it_stays(self, browser: Client, radicale: str) -> None:
        typed = {"url": radicale, "username": "alice", "password": "guessed"}
        sent = browser.post(reverse("calendars:connect", args=["caldav"]), typed)
        assert sent.status_code == 422
        values = form_posting(sent.content.decode(), "password").values
        assert (values["url"], values["username"], values["password"]) == (radicale, "alice", "")
        assert nothing_is_kept()

    @pytest.mark.parametrize(
        "url",
        [
            "dav.example.com",
            "ftp://dav.example.com/",
            "https://alice:secret@dav.example.com/",
            "http://dav.example.com/",
            "http://169.254.169.254/latest/meta-data/",
            "https://10.0.0.1/",
        ],
    )
    def test_an_address_that_is_not_a_public_one_by_tls_is_refused(
        self, browser: Client, settings: Any, url: str
    ) -> None:
        settings.EGRESS_PRIVATE_HOSTS = []
        typed = {"url": url, "username": "alice", "password": "wonderland"}
        sent = browser.post(reverse("calendars:connect", args=["caldav"]), typed)
        assert sent.status_code == 422
        assert form_posting(sent.content.decode(), "password").values["url"] == url
        assert nothing_is_kept()

    def test_feeds_are_told_apart_and_one_is_mended_under_its_name(self, browser: Client) -> None:
        feed = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nX-WR-CALNAME:Terms\r\nEND:VCALENDAR\r\n"

        class Website(Fake):
            routes = [("GET", "/.*", "show")]

            def show(self, request: Any) -> Answer:
                return Answer(200, feed, kind="text/calendar")

        website, address = Website(), reverse("calendars:connect", args=["ics"])
        with website.running():
            for typed in ({"url": f"{website.url}/a.ics"}, {"url": f"{website.url}/b.ics"}):
                assert browser.post(address, typed).status_code == 302
            accounts = {account.name: account for account in CalendarAccount.objects.all()}
            assert set(accounts) == {"Terms", "Terms 2"}
            again = browser.get(address, {"again": accounts["Terms"].pk}).content.decode()
            assert form_posting(again, "url").values["name"] == "Terms"
            assert "a.ics" not in again
            browser.post(address, {"url": f"{website.url}/c.ics", "name": "Terms"})
        assert CalendarAccount.objects.count() == 2
        accounts["Terms"].refresh_from_db()
        assert accounts["Terms"].credentials.open()["url"].endswith("/c.ics")

    def test_what_is_no_calendar_is_not_connected(self, browser: Client) -> None:
        class Website(Fake):
            routes = [("GET", "/.*", "show")]

            def show(self, request: Any) -> Answer:
                return Answer(200, "<html>", kind="text/html")

        website = Website()
        with website.running():
            sent = browser.post(reverse("calendars:connect", args=["ics"]), {"url": website.url})
        assert sent.status_code == 422
        assert nothing_is_kept()

    def test_nobody_tries_passwords_without_end(self, browser: Client, settings: Any) -> None:
        settings.LIMITS = settings.LIMITS | {"connecting": "1/h"}
        typed = {"url": "http://127.0.0.1:1/", "username": "alice", "password": "guessed"}
        address = reverse("calendars:connect", args=["caldav"])
        assert browser.post(address, typed).status_code == 422
        sent = browser.post(address, typed)
        assert sent.status_code == 429
        assert form_posting(sent.content.decode(), "password").values["username"] == "alice"


class TestPage:
    def test_with_nothing_connected_it_offers_all_kinds(self, browser: Client) -> None:
        page = browser.get(PAGE).content.decode()
        assert "No calendar connected" in page
        for kind in ("google", "microsoft", "caldav", "ics"):
            assert reverse("calendars:connect", args=[kind]) in page

    def test_what_is_chosen_is_kept_and_written_down(
        self, browser: Client, alice: Membership, NOW: datetime
    ) -> None:
        account = connect_google(alice, None, NOW)
        team, birthdays = calendar_of(account, "Sales team"), calendar_of(account, "Birthdays")
        form = form_posting(browser.get(PAGE).content.decode(), "write")
        assert set(form.choices["write"]) == {str(calendar_of(account).pk), str(team.pk), "none"}
        shown = [str(pk) for pk in account.calendars.values_list("pk", flat=True)]
        sent = browser.post(
            PAGE, {"shown": shown, "checked": [str(team.pk), str(birthdays.pk)], "write": str(team.pk)}
        )
        assert (sent.status_code, sent["Location"]) == (302, PAGE)
        checked = RemoteCalendar.objects.filter(checked=True)
        assert {each.name for each in checked} == {"Sales team", "Birthdays"}
        assert RemoteCalendar.objects.get(write_here=True) == team
        assert AuditEvent.objects.filter(action="calendars.chosen").count() == 1

    def test_nothing_is_said_of_calendars_that_were_not_on_the_page(
        self, browser: Client, alice: Membership, NOW: datetime
    ) -> None:
        account = connect_google(alice, None, NOW)
        assert browser.post(PAGE, {}).status_code == 302
        main = calendar_of(account)
        assert (main.checked, main.write_here) == (True, True)
        browser.post(PAGE, {"shown": str(main.pk), "write": "none"})
        main.refresh_from_db()
        assert (main.checked, main.write_here) == (False, False)

    @pytest.mark.parametrize("which", ["read-only", "foreign", "unknown", "nonsense"])
    def test_bookings_cannot_be_sent_elsewhere(
        self, browser: Client, alice: Membership, bob: Membership, NOW: datetime, which: str
    ) -> None:
        account, theirs = connect_google(alice, None, NOW), connect_google(bob, None, NOW)
        wrong = {
            "read-only": calendar_of(account, "Birthdays").pk,
            "foreign": calendar_of(theirs).pk,
            "unknown": uuid4(),
            "nonsense": "x",
        }[which]
        before = list(RemoteCalendar.objects.order_by("pk").values())
        main = calendar_of(account)
        sent = browser.post(PAGE, {"shown": str(main.pk), "write": str(wrong)})
        assert sent.status_code == 422
        assert b"Nothing was changed" in sent.content
        assert list(RemoteCalendar.objects.order_by("pk").values()) == before

    def test_a_broken_account_says_so_and_what_it_had_stays_chosen(
        self, browser: Client, alice: Membership, NOW: datetime
    ) -> None:
        account = connect_google(alice, None, NOW)
        assert b"needs reconnecting" not in browser.get(PAGE).content
        mirror.mark_broken(account, "Google no longer lets us in.", NOW)
        page = browser.get(PAGE).content.decode()
        assert "Google, alice@larkhill.example needs reconnecting" in page
        assert "Google no longer lets us in." in page
        assert f"{reverse('calendars:connect', args=['google'])}?again={account.pk}" in page
        assert browser.post(PAGE, {}).status_code == 302
        main = calendar_of(account)
        assert (main.checked, main.write_here) == (True, True)

    def test_every_other_page_of_its_owner_says_it_too_and_costs_nothing_more(
        self,
        browser: Client,
        alice: Membership,
        bob: Membership,
        NOW: datetime,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        links, banner = reverse("scheduling:links"), "A calendar of yours cannot be read"
        account = connect_google(alice, None, NOW)
        with CaptureQueriesContext(connection) as whole:
            assert banner not in browser.get(links).content.decode()
        mirror.mark_broken(account, "Google no longer lets us in.", NOW)
        with django_assert_num_queries(len(whole)):
            page = browser.get(links).content.decode()
        assert page.count(banner) == 1
        assert f'href="{PAGE}">Connect it again' in page
        assert banner not in browser.get(PAGE).content.decode()
        assert banner not in signed_in(bob).get(links).content.decode()

    def test_what_could_not_be_read_lately_is_said_with_the_reason(
        self, browser: Client, alice: Membership
    ) -> None:
        now = timezone.now()
        account = connect_google(alice, None, now)
        RemoteCalendar.objects.filter(checked=True).update(
            synced_at=now - timedelta(hours=2), failing_since=now, last_error="Google answered 503."
        )
        page = browser.get(PAGE).content.decode()
        assert "could not be read lately" in page
        assert "Google answered 503." in page
        assert not account.is_broken

    def test_it_is_read_again_when_asked(self, browser: Client, alice: Membership, NOW: datetime) -> None:
        account = connect_google(alice, None, NOW)
        RemoteCalendar.objects.update(due_at=NOW)
        assert browser.post(reverse("calendars:read", args=[account.pk])).status_code == 302
        assert calendar_of(account).due_at < NOW

    def test_disconnecting_forgets_it_and_gives_the_access_back(
        self, browser: Client, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        address = reverse("calendars:disconnect", args=[account.pk])
        assert b"New bookings go into no calendar" in browser.get(address).content
        assert CalendarAccount.objects.exists()
        assert browser.post(address).status_code == 302
        assert not CalendarAccount.objects.exists()
        assert not RemoteCalendar.objects.exists()
        assert google.revoked

    def test_it_is_forgotten_also_when_google_does_not_answer(
        self, browser: Client, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        google.fail(answer=Answer(503, {}), times=99)
        assert browser.post(reverse("calendars:disconnect", args=[account.pk])).status_code == 302
        assert not CalendarAccount.objects.exists()


class TestSecrets:
    def test_no_token_is_found_in_tables_pages_or_logs(
        self,
        browser: Client,
        alice: Membership,
        google: FakeGoogle,
        radicale: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        answer = google.consent(start(browser, "google"))
        shown = come_back(browser, "google", answer)
        typed = {"url": radicale, "username": "alice", "password": "wonderland"}
        browser.post(reverse("calendars:connect", args=["caldav"]), typed)
        google.fail(answer=Answer(500, {"planted": "answer"}), path="/token")
        shown += come_back(browser, "google", google.consent(start(browser, "google")))
        assert CalendarAccount.objects.count() == 2
        written = [text for _place, text in everything_stored()] + log_lines(list(caplog.records)) + [shown]
        hidden = ("planted-", "wonderland", answer["code"])
        assert [text for text in written if any(secret in text for secret in hidden)] == []

    def test_a_change_of_keys_leaves_accounts_connected(
        self, alice: Membership, NOW: datetime, settings: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        account = connect_google(alice, None, NOW)
        kept, old, new = account.credentials.open(), settings.CALENDAR_KEYS, Fernet.generate_key().decode()
        settings.CALENDAR_KEYS = [new, *old]
        account.refresh_from_db()
        assert account.credentials.open() == kept
        call_command("reseal_accounts")
        assert "Encrypted anew: 1." in capsys.readouterr().out
        settings.CALENDAR_KEYS = [new]
        account.refresh_from_db()
        assert account.credentials.open() == kept
        assert services.reseal() == (0, [])
        settings.CALENDAR_KEYS = [Fernet.generate_key().decode()]
        with pytest.raises(CommandError, match=str(account.pk)):
            call_command("reseal_accounts")

    def test_secrets_print_as_nothing(self, alice: Membership, NOW: datetime) -> None:
        account = connect_google(alice, None, NOW)
        assert "planted" not in f"{account!r} {account.credentials!r} {account.credentials} {vars(account)}"
        assert Identity.client_secret not in str(account.credentials.sealed)
        assert MAIN.name == calendar_of(account).name
