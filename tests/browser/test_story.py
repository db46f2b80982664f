"""The product's main job, once from end to end: only pages and mails are touched, everything behind them is real.

Web server, worker with beat, broker and mail server are processes of their own; the clock is today's.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import vobject
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Visit, visits
from tests.factories import PASSWORD, MembershipFactory, UserFactory
from tests.servers import Installation, MailSink, mail_sink, wait_until
from workestra.accounts.models import Membership, Workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADMIN, INVITEE = "dana@larkhill.example", "priya@saltmarsh.example"
REPS = {"alice": "Alice Okafor", "bruno": "Bruno Keller", "emi": "Emi Tanaka"}
NEW_YORK = ZoneInfo("America/New_York")
REASON = "The trade fair was moved to this day."


@pytest.fixture
def team(transactional_db: None, workspace: Workspace) -> list[Membership]:
    """People with a password that the real server can check, and nothing else: no links, no templates."""
    known = {"password": PBKDF2PasswordHasher().encode(PASSWORD, "salt")}
    admin = UserFactory(username="dana", name="Dana Admin", **known)
    reps = [UserFactory(username=username, name=name, **known) for username, name in REPS.items()]
    return [
        MembershipFactory(workspace=workspace, user=user, role="admin" if user is admin else "member")
        for user in (admin, *reps)
    ]


@pytest.fixture
def mails(installation: Installation, team: list[Membership]) -> Iterator[MailSink]:
    """Starts everything; gives what the mail server was handed."""
    with mail_sink() as sink:
        installation.send_mail_to(sink)
        installation.start_broker()
        installation.start_worker()
        installation.start_web()
        yield sink


@pytest.fixture
def visit(browser: Browser, installation: Installation, mails: MailSink) -> Iterator[Visit]:
    with visits(browser, installation.url) as visit:
        yield visit


def test_from_a_template_to_a_booking_to_a_change_to_a_cancellation(visit: Visit, mails: MailSink) -> None:
    admin = visit("/")
    sign_in(admin, ADMIN)
    admin.get_by_role("navigation", name="Main").get_by_role("link", name="Managed events").click()
    make_template(admin)
    assign_reps(admin)
    sign_out(admin)

    invitee = visit("/book/alice-discovery-call", size=PHONE, zone=NEW_YORK.key)
    booked = pick_a_time(invitee)
    fill_in_and_book(invitee)
    for recipient in (INVITEE, "alice@larkhill.example"):
        message = the_mail(mails, recipient, "REQUEST")
        assert invite_in(message).vevent.dtstart.value == booked
    request = the_mail(mails, INVITEE, "REQUEST")
    assert f"{booked.astimezone(NEW_YORK):%H:%M}" in plain_text(request)
    invited = invite_in(request).vevent
    assert invited.dtend.value - booked == timedelta(minutes=30)
    assert invited.summary.value == "Discovery Call with Alice Okafor"
    assert invited.organizer.value.removeprefix("mailto:") in str(request["From"])
    assert [each.value for each in invited.attendee_list if INVITEE in each.value]

    rep = visit("/calendar/bookings")
    sign_in(rep, "alice@larkhill.example")
    row = rep.get_by_role("listitem").filter(has_text="Priya Raman")
    expect(row).to_contain_text("Discovery Call")
    expect(row).to_contain_text("30m")

    sign_in(admin, ADMIN)
    change_a_locked_section(admin)
    for username in REPS:
        page = visit(f"/book/{username}-discovery-call")
        expect(page.get_by_role("heading", level=1)).to_have_text("Welcome Call")
        expect(page.locator(".meta")).to_contain_text("45 minutes")

    rep.get_by_role("link", name="Booking links").click()
    rep.get_by_role("link", name="Welcome Call").first.click()
    locked = rep.locator("section", has=rep.get_by_role("heading", name="Duration and slot interval"))
    expect(locked).to_contain_text("Locked by Welcome Call template")
    expect(locked.get_by_label("Duration", exact=True)).to_be_disabled()
    expect(locked.get_by_label("Duration", exact=True)).to_have_value("45")
    expect(rep.get_by_label("Minimum notice")).to_be_enabled()

    rep.get_by_role("link", name="Bookings", exact=True).click()
    row.locator("summary").first.click()
    expect(row).to_contain_text("30m")  # What was agreed on stays as it was.
    row.get_by_role("button", name="Cancel booking").click()
    row.get_by_role("textbox", name="Reason").fill(REASON)
    row.locator(".inline-form").get_by_role("button", name="Cancel booking").click()
    expect(rep.locator(".toast", has_text="Cancelled. Priya Raman is being told by mail.")).to_be_visible()
    expect(row).to_have_count(0)

    message = the_mail(mails, INVITEE, "CANCEL")
    withdrawn = invite_in(message).vevent
    assert REASON in plain_text(message)
    assert withdrawn.uid.value == invited.uid.value
    assert withdrawn.dtstart.value == booked
    assert withdrawn.status.value == "CANCELLED"
    assert int(withdrawn.sequence.value) > int(invited.sequence.value)
    invitee.reload()
    expect(invitee.get_by_role("heading", level=1)).to_contain_text("cancelled")


def sign_in(page: Page, email: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def make_template(page: Page) -> None:
    page.get_by_role("link", name="New template").first.click()
    page.get_by_label("Title", exact=True).fill("Discovery Call")
    expect(page.get_by_role("switch", name="Lock duration")).to_be_checked()
    page.get_by_role("button", name="Save and choose people").click()
    expect(page.get_by_role("dialog", name="Assign Discovery Call")).to_be_visible()


def assign_reps(page: Page) -> None:
    for name in REPS.values():
        page.get_by_role("checkbox", name=f"Assign {name}").check()
    page.get_by_role("button", name="Save assignments").click()
    expect(page.get_by_role("heading", name="3 links made")).to_be_visible()
    for username in REPS:
        expect(page.locator("#result")).to_contain_text(f"/book/{username}-discovery-call")


def pick_a_time(page: Page) -> datetime:
    """Pick the first time of the last free day that the page shows, and go on to the form."""
    expect(page.locator("#shown-zone")).to_have_value(NEW_YORK.key)
    if page.locator("table.cal a").count() == 0:
        page.get_by_role("link", name="Next month").click()
    page.locator("table.cal a").last.click()
    expect(page.locator("table.cal a").last).to_have_attribute("aria-current", "true")
    time = page.locator("label.slot").first
    start = datetime.fromisoformat(str(time.get_by_role("radio").get_attribute("value")))
    in_new_york = start.astimezone(NEW_YORK)
    expect(time).to_contain_text(f"{in_new_york:%H:%M}")
    time.click()
    expect(page.locator("#bar")).to_contain_text(f"{in_new_york:%H:%M}")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Discovery Call")
    return start


def fill_in_and_book(page: Page) -> None:
    page.get_by_label("Your name").fill("Priya Raman")
    page.get_by_label("Email").fill(INVITEE)
    page.get_by_label("Phone").fill("+1 212 555 0100")
    page.get_by_role("button", name="Book").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You’re booked with Alice")


def change_a_locked_section(page: Page) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Managed events").click()
    page.get_by_role("link", name="Discovery Call").first.click()
    page.get_by_role("link", name="Edit template").click()
    page.wait_for_load_state()
    page.get_by_label("Title", exact=True).fill("Welcome Call")
    page.get_by_label("Duration", exact=True).fill("45")
    page.get_by_role("button", name="Save and update 3 links").click()
    expect(page.locator("#syncline")).to_contain_text("3 links updated", timeout=20_000)
    expect(page.get_by_text("Matches", exact=True)).to_have_count(3)


def the_mail(mails: MailSink, recipient: str, method: str) -> EmailMessage:
    """The one mail to `recipient` whose invitation has this method, once it has come."""

    def found() -> list[EmailMessage]:
        return [mail for mail in mails.to(recipient) if invite_in(mail).method.value == method]

    wait_until(lambda: bool(found()), 20, f"{method} for {recipient}")
    (message,) = found()
    return message


def invite_in(message: EmailMessage) -> Any:
    """The invitation of a mail, as a calendar of other make reads it."""
    (part,) = (part for part in message.walk() if part.get_content_type() == "text/calendar")
    calendar = vobject.readOne(part.get_content())
    assert part.get_param("method") == calendar.method.value
    return calendar


def plain_text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
