"""A link's logo: sent with its form, shown on its pages and in its mails, kept as long as anybody names it."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import ProgrammingError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from bookings import tasks
from bookings.domain import mail_kinds as kinds
from bookings.selectors import manage_token
from scheduling.models import BookingLink, Logo
from scheduling.services.links import create_link, update_link
from scheduling.services.logos import UNNAMED_FOR, LogoGone, keep_logo, remove_unnamed
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_booking, make_link
from tests.pages import form_posting
from tests.scheduling.making_logos import LARKHILL, OTHER, a_file, kept, png
from workestra.accounts.models import Membership
from workestra.notifications.domain.mails import read_mail, to_wire
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import renderer_of

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
ADDRESS = f"/brand/logo/{LARKHILL.key}.png"
NOBODYS = f"{'0' * 32}-30x30"


@pytest.fixture
def link(alice: Membership) -> BookingLink:
    kept(LARKHILL)
    return make_link(
        alice, slug="alice-discovery-call", logo_id=LARKHILL.key, embed_origins=["https://a.example"]
    )


def edit_page(link: BookingLink) -> str:
    return reverse("scheduling:link_edit", args=[link.pk])


def sent(client: Client, link: BookingLink, **changes: Any) -> dict[str, Any]:
    return {**form_posting(client.get(edit_page(link)).content.decode(), "slug").values, **changes}


def logo_of(link: BookingLink) -> str | None:
    link.refresh_from_db()
    return link.logo_id


class TestForm:
    def test_a_file_becomes_the_logo_stays_with_the_next_save_and_goes_by_its_tick(
        self, alice: Membership
    ) -> None:
        link, client = make_link(alice), signed_in(alice)
        client.post(edit_page(link), sent(client, link, logo_id=a_file(png((90, 30)))))
        key = logo_of(link)
        assert key is not None
        assert key.endswith("-90x30")
        assert f"/brand/logo/{key}.png" in client.get(edit_page(link)).content.decode()
        client.post(edit_page(link), sent(client, link, title="Other"))
        assert logo_of(link) == key
        client.post(edit_page(link), sent(client, link, **{"logo_id-remove": "on"}))
        assert logo_of(link) is None

    def test_a_form_refused_for_another_field_keeps_the_logo_that_came_with_it(
        self, alice: Membership
    ) -> None:
        link, client = make_link(alice), signed_in(alice)
        refused = client.post(edit_page(link), sent(client, link, title="", logo_id=a_file(png((90, 30)))))
        assert refused.status_code == 422
        assert logo_of(link) is None
        again = form_posting(refused.content.decode(), "slug").values
        assert f'src="/brand/logo/{again["logo_id-kept"]}.png"' in refused.content.decode()
        assert client.post(edit_page(link), {**again, "title": "Call"}).status_code == 302
        assert logo_of(link) == again["logo_id-kept"]

    def test_a_file_that_is_not_taken_leaves_everything_as_it_was(
        self, link: BookingLink, alice: Membership
    ) -> None:
        client = signed_in(alice)
        data = sent(client, link, title="Other", logo_id=a_file(b"<svg/>", "logo.svg"))
        refused = client.post(edit_page(link), data)
        assert refused.status_code == 422
        html = refused.content.decode()
        assert "An SVG can carry programs" in html
        assert 'value="Other"' in html
        assert form_posting(html, "slug").values["logo_id-kept"] == LARKHILL.key
        assert logo_of(link) == LARKHILL.key
        assert Logo.objects.count() == 1

    @pytest.mark.parametrize("key", [NOBODYS, "../../etc/passwd"])
    def test_the_key_of_no_logo_is_refused(self, link: BookingLink, alice: Membership, key: str) -> None:
        client = signed_in(alice)
        refused = client.post(edit_page(link), sent(client, link, title="Other", **{"logo_id-kept": key}))
        assert refused.status_code == 422
        assert "This logo is not there any more" in refused.content.decode()
        link.refresh_from_db()
        assert (link.title, link.logo_id) == ("Discovery Call", LARKHILL.key)

    def test_a_new_link_and_a_copy_have_a_logo_too(self, alice: Membership) -> None:
        client = signed_in(alice)
        page = form_posting(client.get(reverse("scheduling:link_new")).content.decode(), "slug").values
        client.post(
            reverse("scheduling:link_new"), {**page, "title": "Call", "logo_id": a_file(LARKHILL.content)}
        )
        link = BookingLink.objects.get()
        assert link.logo_id
        client.post(reverse("scheduling:link_duplicate", args=[link.pk]))
        assert BookingLink.objects.filter(logo_id=link.logo_id).count() == 2


class TestService:
    def test_a_logo_that_is_gone_cannot_be_named(self, alice: Membership, link: BookingLink) -> None:
        with pytest.raises(LogoGone):
            update_link(link_id=link.pk, by=alice, values={"logo_id": NOBODYS}, now=MONDAY_MORNING)
        values = {"title": "Call", "logo_id": NOBODYS}
        who = {"owner": alice.user, "workspace": alice.workspace, "actor": alice.user}
        with pytest.raises(LogoGone):
            create_link(slug=None, values=values, now=MONDAY_MORNING, **who)
        assert list(BookingLink.objects.values_list("logo_id", flat=True)) == [LARKHILL.key]

    def test_a_picture_never_changes(self, link: BookingLink) -> None:
        with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
            Logo.objects.update(content=b"other")

    def test_one_that_nobody_names_goes_after_some_days(self, link: BookingLink) -> None:
        kept(OTHER)
        late = MONDAY_MORNING + UNNAMED_FOR
        assert remove_unnamed(late) == 0
        assert remove_unnamed(late + timedelta(seconds=1)) == 1
        assert list(Logo.objects.values_list("pk", flat=True)) == [LARKHILL.key]
        keep_logo(OTHER, late)
        keep_logo(LARKHILL, late)
        assert Logo.objects.count() == 2

    def test_the_hourly_job_removes_them(self, tmp_path: Any, settings: Any) -> None:
        settings.UPLOADS_ROOT = str(tmp_path)
        keep_logo(OTHER, datetime(2020, 1, 1, tzinfo=UTC))
        tasks.remove_unneeded_files()
        assert not Logo.objects.exists()


class TestPages:
    def test_a_logo_can_be_kept_for_ever_and_needs_no_cookie(self, link: BookingLink, client: Client) -> None:
        response = client.get(ADDRESS)
        assert response.content == LARKHILL.content
        assert response["Content-Type"] == "image/png"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "public, max-age=31536000, immutable"
        assert not response.cookies
        assert client.get(f"/brand/logo/{NOBODYS}.png").status_code == 404
        assert client.get("/brand/logo/%00.png").status_code == 404

    def test_every_page_of_the_booker_shows_it_with_the_workspaces_name(
        self,
        link: BookingLink,
        alice: Membership,
        client: Client,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        size = 'width="105" height="30"'
        picture = f'<img class="logo" src="{ADDRESS}" {size} alt="{alice.workspace.name}" loading="lazy">'
        booking = make_booking(link, TUESDAY_TEN, MONDAY_MORNING)
        manage = f"/b/{link.slug}/manage/{manage_token(booking.booker)}"
        with django_assert_num_queries(5):
            page = client.get(f"/book/{link.slug}")
        assert picture in page.content.decode()
        for path in (f"/embed/{link.slug}", manage, f"{manage}/confirmed"):
            assert picture in client.get(path).content.decode(), path
        BookingLink.objects.update(logo_id=None)
        assert "org-mark" in client.get(manage).content.decode()


class TestMails:
    def mail_to(self, reader: str, link: BookingLink) -> Any:
        booking = make_booking(link, TUESDAY_TEN, MONDAY_MORNING)
        message = OutboxMessage.objects.get(kind=reader, topic_id__in=[booking.pk, booking.booker.pk])
        mail = renderer_of(message.kind)(message, MONDAY_MORNING)
        assert isinstance(mail, EmailMessage)
        return to_wire(mail.message())

    def test_the_bookers_mail_brings_the_logo_beside_its_html(self, link: BookingLink) -> None:
        wire = self.mail_to(kinds.CONFIRMED_BOOKER, link)
        message = message_from_bytes(wire, policy=policy.default)
        (related,) = [part for part in message.walk() if part.get_content_type() == "multipart/related"]
        html, picture = related.iter_parts()
        assert f'src="cid:{picture["Content-ID"].strip("<>")}" width="105" height="30"' in html.get_content()
        assert picture.get_content() == LARKHILL.content
        assert picture["Content-Disposition"] == "inline"
        kinds_of = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
        assert kinds_of == ["text/plain", "text/html", "image/png", "text/calendar", "application/ics"]
        read = read_mail(wire)
        assert 'src="data:image/png;base64,' in read.html, "the local mailbox shows it"
        assert read.ics

    def test_the_hosts_mail_and_one_without_a_logo_bring_none(self, link: BookingLink) -> None:
        assert b"image/png" not in self.mail_to(kinds.CONFIRMED_HOST, link)
        BookingLink.objects.update(logo_id=None)
        link.refresh_from_db()
        later = make_booking(link, TUESDAY_TEN + timedelta(hours=1), MONDAY_MORNING)
        message = OutboxMessage.objects.get(kind=kinds.CONFIRMED_BOOKER, topic_id=later.booker.pk)
        mail = renderer_of(message.kind)(message, MONDAY_MORNING)
        assert isinstance(mail, EmailMessage)
        assert b"image/png" not in to_wire(mail.message())
