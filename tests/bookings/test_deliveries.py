"""The delivery timeline: exactly what was sent, sent again, tried again; and the page of mails that did not go out."""

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from bookings.delivery_columns import sum_up
from bookings.domain import mail_kinds as kinds
from bookings.models import Booking
from bookings.services import booking as service
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import make_booking
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.notifications import effects
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    return make_booking(link, NOW + timedelta(days=1), NOW)


def of_kind(kind: str) -> OutboxMessage:
    return OutboxMessage.objects.filter(kind=kind).latest("created_at", "pk")


def delivered(kind: str, now: datetime) -> OutboxMessage:
    """What the poller does with the newest mail of the kind, without its own transactions."""
    message = of_kind(kind)
    OutboxMessage.objects.filter(pk=message.pk).update(attempts=message.attempts + 1, available_at=Now())
    message.refresh_from_db()
    with effects._Post() as post:
        effects._deliver(message, post, now)
    message.refresh_from_db()
    return message


def die(message: OutboxMessage) -> None:
    OutboxMessage.objects.filter(pk=message.pk).update(
        dead_at=Now(), attempts=3, last_error="SMTPRecipientsRefused: 550 no such user"
    )


def post(client: Client, message: OutboxMessage, booking: Booking, **how: Any) -> Any:
    return client.post(reverse("bookings:resend", args=[booking.pk, message.pk]), **how)


def test_a_reminder_is_owed_once_a_day_ahead_and_anew_for_a_new_time(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    far, near = (make_booking(link, NOW + timedelta(days=days), NOW) for days in (3, 1))
    reminders = OutboxMessage.objects.filter(kind=kinds.REMINDER_BOOKER)
    assert [(each.topic_id, each.available_at) for each in reminders] == [
        (far.booker.pk, far.starts_at - timedelta(hours=24))
    ], "none for a meeting that is not further off than that"
    moved = service.reschedule(attendee=far.booker, start=NOW + timedelta(days=2, hours=1), now=NOW)
    waiting = reminders.filter(sent_at=None, skipped_at=None)
    assert [(each.topic_id, each.available_at) for each in waiting] == [
        (moved.pk, moved.booking.starts_at - timedelta(hours=24))
    ]
    service.cancel_by_host(booking=moved.booking, reason="", actor=alice.user, now=NOW)
    assert not waiting.all().exists()
    assert near.is_upcoming(NOW)


def test_the_exact_mail_is_shown_and_saved(booking: Booking, alice: Membership, NOW: datetime) -> None:
    message = delivered(kinds.CONFIRMED_BOOKER, NOW)
    client, url = signed_in(alice), reverse("bookings:delivery", args=[booking.pk, message.pk])
    page = client.get(url)
    assert page["Cache-Control"] == "no-store, private"
    assert "METHOD:REQUEST" in page.content.decode()
    saved = client.get(url, {"format": "eml"})
    assert saved.content == message.mail
    assert saved["Content-Type"] == "message/rfc822"
    read = message_from_bytes(saved.content, policy=policy.default)
    assert read["Message-ID"] == mail.outbox[0].extra_headers["Message-ID"] == f"<{message.pk}@localhost>"


def test_a_mail_whose_key_is_gone_says_so(
    booking: Booking, alice: Membership, NOW: datetime, settings: Any
) -> None:
    message = delivered(kinds.CONFIRMED_BOOKER, NOW)
    OutboxMessage.objects.filter(pk=message.pk).update(payload=b"sealed under another key")
    page = signed_in(alice).get(reverse("bookings:delivery", args=[booking.pk, message.pk]))
    assert "It can no longer be read." in page.content.decode()


def test_a_sent_mail_goes_out_again_as_another_message_and_the_log_says_who(
    booking: Booking, alice: Membership, NOW: datetime
) -> None:
    first = delivered(kinds.CONFIRMED_BOOKER, NOW)
    panel = post(signed_in(alice), first, booking, headers={"HX-Request": "true"}).content.decode()
    assert "Again" in panel
    assert "on its way" in panel
    copy = OutboxMessage.objects.get(resend_of=first)
    assert (copy.kind, copy.recipient, copy.seq) == (first.kind, first.recipient, first.seq)
    again = OutboxMessage.objects.get(pk=copy.pk)
    with effects._Post() as mailer:
        effects._deliver(again, mailer, NOW)
    ids = [sent.extra_headers["Message-ID"] for sent in mail.outbox]
    assert len(set(ids)) == 2
    event = AuditEvent.objects.get(action="booking.mail_resent")
    assert (event.actor_name, event.detail["recipient"]) == (alice.user.name, first.recipient)


def test_a_failed_mail_gets_another_set_of_tries(booking: Booking, alice: Membership, NOW: datetime) -> None:
    message = of_kind(kinds.CONFIRMED_BOOKER)
    die(message)
    page = signed_in(alice).get(reverse("bookings:console"), {"open": str(booking.pk)}).content.decode()
    assert "1 failed" in page
    assert ">Retry<" in page
    assert post(signed_in(alice), message, booking).status_code == 302
    message.refresh_from_db()
    assert (message.dead_at, message.attempts) == (None, 0)
    assert not OutboxMessage.objects.filter(resend_of=message).exists()


def test_a_mail_on_its_way_is_not_sent_twice(booking: Booking, alice: Membership) -> None:
    message = of_kind(kinds.CONFIRMED_BOOKER)
    before = OutboxMessage.objects.count()
    assert post(signed_in(alice), message, booking).status_code == 302
    assert OutboxMessage.objects.count() == before
    assert not AuditEvent.objects.filter(action="booking.mail_resent").exists()


def test_two_clicks_owe_one_copy_and_another_one_once_it_was_sent(
    booking: Booking, alice: Membership, NOW: datetime
) -> None:
    first = delivered(kinds.CONFIRMED_BOOKER, NOW)
    client = signed_in(alice)
    for _click in range(2):
        assert post(client, first, booking).status_code == 302
    copy = OutboxMessage.objects.get(resend_of=first)
    post(client, copy, booking)
    assert OutboxMessage.objects.filter(resend_of=first).count() == 1
    OutboxMessage.objects.filter(pk=copy.pk).update(sent_at=Now())
    post(client, copy, booking)
    assert OutboxMessage.objects.filter(resend_of=first).count() == 2
    assert AuditEvent.objects.filter(action="booking.mail_resent").count() == 2


def test_a_confirmation_sent_again_after_the_cancellation_is_left_out(
    booking: Booking, alice: Membership, NOW: datetime
) -> None:
    first = delivered(kinds.CONFIRMED_BOOKER, NOW)
    service.cancel_by_host(booking=booking, reason="", actor=alice.user, now=NOW)
    post(signed_in(alice), first, booking)
    copy = delivered(kinds.CONFIRMED_BOOKER, NOW)
    assert copy.resend_of == first
    assert copy.skip_reason == "The booking is cancelled by now"


def test_the_mails_of_another_booking_are_not_found_here(
    booking: Booking, link: BookingLink, alice: Membership, NOW: datetime
) -> None:
    other = make_booking(link, NOW + timedelta(days=2), NOW)
    message = OutboxMessage.objects.get(topic_id=other.pk)
    client = signed_in(alice)
    assert client.get(reverse("bookings:delivery", args=[booking.pk, message.pk])).status_code == 404
    assert post(client, message, booking).status_code == 404


def test_admins_see_what_did_not_go_out_and_try_one_or_all_again(
    booking: Booking, dana: Membership, carol: Membership, NOW: datetime
) -> None:
    booker, host = of_kind(kinds.CONFIRMED_BOOKER), of_kind(kinds.CONFIRMED_HOST)
    for message in (booker, host):
        die(message)
    client, url = signed_in(dana), reverse("notifications:outbox")
    page = client.get(url).content.decode()
    assert f"Confirmation, {booker.recipient}" in page
    assert "550 no such user" in page
    assert "Retry all 2" in page
    assert booker.recipient not in signed_in(carol).get(url).content.decode()
    retry = reverse("notifications:outbox_retry", args=[booker.pk])
    assert signed_in(carol).post(retry).status_code == 404
    assert client.post(retry).status_code == 302
    assert set(OutboxMessage.objects.filter(dead_at__isnull=False)) == {host}
    client.post(retry)
    assert AuditEvent.objects.filter(action="mail.retried").count() == 1, "it is not dead any more"
    signed_in(carol).post(reverse("notifications:outbox_retry_all"))
    assert OutboxMessage.objects.filter(dead_at__isnull=False).exists()
    client.post(reverse("notifications:outbox_retry_all"))
    assert not OutboxMessage.objects.filter(dead_at__isnull=False).exists()


def test_what_fails_for_now_is_listed_without_a_button(booking: Booking, dana: Membership) -> None:
    message = of_kind(kinds.CONFIRMED_BOOKER)
    OutboxMessage.objects.filter(pk=message.pk).update(attempts=2, last_error="TimeoutError: timed out")
    page = signed_in(dana).get(reverse("notifications:outbox")).content.decode()
    assert "TimeoutError: timed out" in page
    assert "Retry" not in page


# --- The columns of the booking's own row ---


def test_a_booking_counts_its_mails_and_keeps_the_last_error(
    booking: Booking, alice: Membership, NOW: datetime
) -> None:
    booker, host = of_kind(kinds.CONFIRMED_BOOKER), of_kind(kinds.CONFIRMED_HOST)
    OutboxMessage.objects.filter(pk=host.pk).update(sent_at=NOW, attempts=2)
    die(booker)
    sum_up(booker)
    sum_up(host)
    booking.refresh_from_db()
    assert (booking.mails_sent, booking.mails_failed, booking.mail_attempts) == (1, 1, 5)
    assert booking.mail_error == "SMTPRecipientsRefused: 550 no such user"
    with time_machine.travel(NOW, tick=False):
        page = signed_in(alice).get(reverse("bookings:console")).content.decode()
        assert "Mail failed" in page
        moved = service.reschedule(attendee=booking.booker, start=NOW + timedelta(days=2), now=NOW)
        assert (moved.booking.mails_sent, moved.booking.mails_failed, moved.booking.mail_error) == (0, 0, "")
    OutboxMessage.objects.filter(pk=booker.pk).update(dead_at=None, sent_at=NOW, last_error="")
    sum_up(booker)
    booking.refresh_from_db()
    assert (booking.mails_sent, booking.mails_failed, booking.mail_error) == (2, 0, "")


@pytest.mark.django_db(transaction=True)
def test_every_try_is_counted_in_the_booking_whatever_came_of_it(
    booking: Booking,
) -> None:
    OutboxMessage.objects.filter(kind=kinds.CONFIRMED_BOOKER).update(recipient="nobody at all")
    OutboxMessage.objects.exclude(kind=kinds.REMINDER_BOOKER).update(available_at=Now())
    effects.deliver_due(booking.created_at)
    booking.refresh_from_db()
    assert (booking.mails_sent, booking.mails_failed, booking.mail_attempts) == (1, 1, 2)
    assert "nobody at all" in booking.mail_error
