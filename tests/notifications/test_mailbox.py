"""The local mailbox: what a worker "sends" is what the page shows, and the page exists nowhere else."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.checks import Error
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from icalendar import Calendar

from tests.conftest import signed_in
from tests.notifications.conftest import SENDER, Owe
from workestra.accounts.models import Membership
from workestra.calendars.domain.invites import Attendee, Invite, Method, Organizer, invite_uid
from workestra.calendars.domain.period import Period
from workestra.calendars.invite_mail import attach_invite
from workestra.notifications import effects
from workestra.notifications.checks import mailbox_stays_local
from workestra.notifications.models import CaughtMail

pytestmark = pytest.mark.django_db

START = datetime(2030, 1, 10, 15, 30, tzinfo=UTC)
INVITE = Invite(
    uid=invite_uid(uuid4(), "localhost"),
    sequence=0,
    method=Method.REQUEST,
    period=Period.lasting(START, timedelta(minutes=30)),
    summary="Discovery Call",
    organizer=Organizer("Workestra", "scheduling@localhost"),
    attendees=(Attendee("Priya Nair", "priya@orchardfreight.example"),),
    dtstamp=START - timedelta(days=3),
    location="Meeting room 1",
)


@pytest.fixture(autouse=True)
def _mailbox(settings: Any) -> None:
    settings.MAILBOX_ENABLED = True
    settings.LOCAL_SITE = True
    settings.EMAIL_BACKEND = "workestra.notifications.mailbox.MailboxBackend"


def catch(
    subject: str = "Booked: Thu 10 Jan",
    *,
    to: str = "Priya Nair <priya@orchardfreight.example>",
    html: str = "<p>See you</p>",
    invite: Invite | None = None,
) -> CaughtMail:
    message = EmailMultiAlternatives(subject, "See you on Thursday – 16:30", SENDER, [to])
    if html:
        message.attach_alternative(
            f"<html><head><title>x</title></head><body>{html}</body></html>", "text/html"
        )
    if invite:
        attach_invite(message, invite)
    assert message.send() == 1
    return CaughtMail.objects.latest("received_at")


def body_of(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.django_db(transaction=True)
def test_what_the_outbox_delivers_is_in_the_mailbox_to_the_byte(
    owe: Owe, NOW: datetime, client: Client
) -> None:
    message = owe()
    effects.deliver_due(NOW)
    message.refresh_from_db()
    caught = CaughtMail.objects.get()
    assert caught.message_id == f"<{message.pk}@localhost>"
    assert bytes(caught.raw) == message.mail
    assert "Note 0" in body_of(client.get("/mailbox"))


def test_the_newest_mail_comes_first_and_is_open(client: Client) -> None:
    catch("The older one")
    catch("The newer one")
    page = body_of(client.get("/mailbox"))
    assert page.index("The newer one") < page.index("The older one")
    assert '<h2 id="mo-h">The newer one</h2>' in page


def test_an_empty_mailbox_says_how_to_fill_it(client: Client) -> None:
    page = body_of(client.get("/mailbox"))
    assert "No mail yet" in page
    assert "Empty mailbox" not in page


def test_mails_are_found_by_recipient_subject_and_uid(client: Client) -> None:
    catch("For Priya", invite=INVITE)
    catch("For Tomas", to="tomas@larkhill.example")
    for words, found, hidden in (
        ("TOMAS@", "For Tomas", "For Priya"),
        ("for priya", "For Priya", "For Tomas"),
        (INVITE.uid[:20], "For Priya", "For Tomas"),
    ):
        page = body_of(client.get("/mailbox", {"q": words}))
        assert found in page
        assert hidden not in page
    assert "For Tomas" not in body_of(client.get("/mailbox", {"only": "invites"}))
    assert "No such mail" in body_of(client.get("/mailbox", {"q": "nobody"}))


def test_a_search_by_htmx_gets_the_list_alone(client: Client) -> None:
    catch()
    response = client.get("/mailbox", {"q": "priya"}, headers={"HX-Request": "true", "HX-Target": "box"})
    page = body_of(response)
    assert page.lstrip().startswith('<div class="mbx mt" id="box">')
    assert "HX-Request" in response["Vary"]


def test_an_open_mail_shows_headers_and_a_frame_with_the_mail(client: Client) -> None:
    caught = catch()
    response = client.get(f"/mailbox/{caught.pk}")
    page = body_of(response)
    assert "Priya Nair &lt;priya@orchardfreight.example&gt;" in page
    assert f'<iframe src="/mailbox/{caught.pk}/html"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "See you" not in page
    assert "frame-src 'self'" in response["Content-Security-Policy"]


def test_the_text_part_and_the_source_can_be_read(client: Client) -> None:
    caught = catch()
    assert "See you on Thursday – 16:30" in body_of(client.get(f"/mailbox/{caught.pk}?part=text"))
    source = body_of(client.get(f"/mailbox/{caught.pk}?part=source"))
    assert "Content-Type: multipart/alternative" in source
    assert "&lt;p&gt;See you&lt;/p&gt;" in source


def test_a_mail_without_html_shows_its_text(client: Client) -> None:
    caught = catch(html="")
    page = body_of(client.get(f"/mailbox/{caught.pk}"))
    assert "See you on Thursday" in page
    assert "<iframe" not in page


def test_the_frame_runs_no_script_reaches_no_network_and_has_no_origin(client: Client) -> None:
    caught = catch(html='<script>alert(1)</script><img src="https://tracker.example/x.gif">')
    response = client.get(f"/mailbox/{caught.pk}/html")
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "img-src data:" in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "frame-ancestors 'self'" in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert '<head><base target="_blank">' in body_of(response)


def test_the_invite_can_be_downloaded_byte_for_byte_and_read(client: Client) -> None:
    caught = catch(invite=INVITE)
    response = client.get(f"/mailbox/{caught.pk}/invite.ics")
    assert response["Content-Disposition"] == 'attachment; filename="invite.ics"'
    (event,) = Calendar.from_ical(response.content).events
    assert event.uid == INVITE.uid
    page = body_of(client.get(f"/mailbox/{caught.pk}"))
    assert "20300110T153000Z" in page
    assert "Thu 10 Jan" in page
    assert "30 minutes" in page
    assert "Priya Nair, NEEDS-ACTION, RSVP" in page
    assert "REQUEST 0" in page


def test_an_update_shows_what_changed_since_the_invite_before(client: Client) -> None:
    catch(invite=INVITE)
    catch(
        invite=Invite(
            **{name: getattr(INVITE, name) for name in INVITE.__slots__}
            | {"sequence": 1, "period": Period.lasting(START + timedelta(days=1), timedelta(minutes=30))}
        )
    )
    catch("To somebody else", to="tomas@larkhill.example", invite=INVITE)
    second = CaughtMail.objects.get(invite_sequence=1)
    page = body_of(client.get(f"/mailbox/{second.pk}"))
    assert "<del>0</del> <ins>1</ins>" in page
    assert "<del>20300110T153000Z</del> <ins>20300111T153000Z</ins>" in page
    assert page.count('<span class="sq-c">') == 2
    assert "Same UID as the first" in page


def test_the_source_can_be_downloaded_byte_for_byte(client: Client) -> None:
    caught = catch(invite=INVITE)
    response = client.get(f"/mailbox/{caught.pk}/source.eml")
    assert response.content == bytes(caught.raw)
    assert response["Content-Type"] == "message/rfc822"


def test_a_mail_without_an_invite_has_none_to_download(client: Client) -> None:
    assert client.get(f"/mailbox/{catch().pk}/invite.ics").status_code == 404
    assert client.get(f"/mailbox/{uuid4()}").status_code == 404


def test_what_a_stranger_wrote_is_shown_and_not_run(client: Client) -> None:
    catch("<script>alert(1)</script>", to='"<b>x</b>" <x@y.example>')
    page = body_of(client.get("/mailbox"))
    assert "<script>alert(1)</script>" not in page
    assert "<b>x</b>" not in page


def test_the_mailbox_is_emptied_by_a_post_only() -> None:
    client = Client(enforce_csrf_checks=True)
    catch()
    assert client.get("/mailbox/empty").status_code == 405
    assert client.post("/mailbox/empty").status_code == 403
    assert CaughtMail.objects.exists()
    client.get("/mailbox")
    response = client.post("/mailbox/empty", {"csrfmiddlewaretoken": client.cookies["csrf"].value})
    assert response["Location"] == "/mailbox"
    assert not CaughtMail.objects.exists()


def test_who_is_signed_in_keeps_the_sidebar(alice: Membership, client: Client) -> None:
    assert "Alice Okafor" in body_of(signed_in(alice).get("/mailbox"))
    assert "Alice Okafor" not in body_of(client.get("/mailbox"))


def test_elsewhere_there_is_no_mailbox(settings: Any, client: Client) -> None:
    caught = catch(invite=INVITE)
    settings.MAILBOX_ENABLED = False
    for path in (
        "",
        f"/{caught.pk}",
        f"/{caught.pk}/html",
        f"/{caught.pk}/invite.ics",
        f"/{caught.pk}/source.eml",
    ):
        assert client.get(f"/mailbox{path}").status_code == 404
    assert client.post("/mailbox/empty").status_code == 404
    assert CaughtMail.objects.exists()


def test_a_mailbox_that_others_could_reach_is_an_error(settings: Any) -> None:
    assert mailbox_stays_local(None) == []
    settings.LOCAL_SITE = False
    (error,) = mailbox_stays_local(None)
    assert isinstance(error, Error)
    assert error.id == "notifications.E001"
    settings.MAILBOX_ENABLED = False
    assert mailbox_stays_local(None) == []


def test_the_page_costs_the_same_however_much_was_caught(
    client: Client, django_assert_num_queries: Any
) -> None:
    for _ in range(12):
        catch(invite=INVITE)
    # The list, the open mail, and the other invites about its event.
    with django_assert_num_queries(3):
        client.get("/mailbox")


def test_several_mails_are_caught_at_once() -> None:
    messages = [EmailMultiAlternatives(f"{n}", "", SENDER, ["a@b.example"]) for n in range(3)]
    with mail.get_connection() as connection:
        assert connection.send_messages(messages) == 3
    assert CaughtMail.objects.count() == 3
