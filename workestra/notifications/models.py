"""The outbox: every message the product owes somebody, from the moment it is owed. Notices, and caught mails."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from workestra.accounts.seals import unseal
from workestra.notifications.domain.mails import shown_name


class ClockTimestamp(models.Func):
    """The database's time of the statement, not of the transaction: rows of one transaction differ by it."""

    template = "clock_timestamp()"
    output_field = models.DateTimeField()


WAITING = Q(sent_at=None, dead_at=None, skipped_at=None)


class OutboxMessage(models.Model):
    """One mail, or text message, to one person about one thing, written in the transaction that makes it due.

    `recipient` is his address, also where he is texted; a number in E.164 where that is all we know of him.

    It waits until it is sent, skipped (there is nothing to tell any more) or dead (refused for good, or tried
    too often). What it says is rendered at delivery, by the renderer of its `kind`, from the state of that
    moment. What was said is kept sealed in `payload`: it may print secret addresses, of which the database else has
    only hashes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    topic = models.CharField(max_length=40)
    topic_id = models.UUIDField()
    kind = models.CharField(max_length=80)
    recipient = models.CharField(max_length=254)
    is_text = models.BooleanField(
        default=False,
        db_default=False,
        help_text="It goes by another way than mails: neither waits for the other.",
    )
    seq = models.PositiveIntegerField()
    resend_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="copies")
    available_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(
        null=True, help_text="The first failure of its own since something else was to blame."
    )
    sent_at = models.DateTimeField(null=True)
    skipped_at = models.DateTimeField(null=True)
    skip_reason = models.CharField(max_length=200, blank=True)
    dead_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    payload = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        db_table = "notifications_outbox_messages"
        constraints = [
            models.UniqueConstraint(
                fields=["topic_id", "kind", "recipient", "seq"],
                condition=Q(resend_of=None),
                name="outbox_once_per_topic_kind_recipient_seq",
            ),
            models.CheckConstraint(
                condition=Q(sent_at=None, dead_at=None)
                | Q(sent_at=None, skipped_at=None)
                | Q(dead_at=None, skipped_at=None),
                name="outbox_ends_once",
            ),
        ]
        indexes = [
            models.Index(fields=["available_at"], condition=WAITING, name="outbox_waiting"),
            models.Index(fields=["topic_id", "created_at"], name="outbox_of_topic"),
            models.Index(
                fields=["workspace", "-dead_at"], condition=Q(dead_at__isnull=False), name="outbox_given_up"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"

    @property
    def mail(self) -> bytes | None:
        """The mail as it went over the wire; None until then.

        Raises: BrokenSeal when the key it was kept under is gone.
        """
        return unseal(bytes(self.payload)) if self.payload else None


class Notice(models.Model):
    """Something a member is told in the product, about one thing, once. `rows` is a list of `[label, text]`.

    `path` leads to where more of it is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40)
    topic_id = models.UUIDField()
    title = models.CharField(max_length=300)
    rows = models.JSONField(default=list)
    path = models.CharField(max_length=300)
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notifications_notices"
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "topic_id"], name="notice_once_per_topic")
        ]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="notice_newest_first"),
            models.Index(fields=["user"], condition=models.Q(read_at=None), name="notice_unread"),
        ]

    def __str__(self) -> str:
        return self.title


class Channels(models.Model):
    """How a member wants to be told of one kind of thing. Without a row he is told both ways."""

    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    in_app = models.BooleanField(default=True)
    by_mail = models.BooleanField(default=True)

    class Meta:
        db_table = "notifications_channels"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user", "kind"], name="channels_once_per_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"


class CaughtMail(models.Model):
    """A mail the local mailbox caught instead of sending it. `invite_…` tell of the iCalendar object in it, if any."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    received_at = models.DateTimeField(db_default=Now())
    message_id = models.CharField(max_length=998)
    subject = models.TextField(blank=True)
    sender = models.TextField()
    recipients = models.TextField()
    invite_uid = models.TextField(blank=True)
    invite_method = models.CharField(max_length=20, blank=True)
    invite_sequence = models.PositiveIntegerField(null=True)
    raw = models.BinaryField()

    class Meta:
        db_table = "notifications_caught_mails"
        indexes = [models.Index(fields=["-received_at"], name="caught_mail_newest_first")]

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipients}"

    @property
    def recipient_name(self) -> str:
        """The first recipient as a list names him."""
        return shown_name(self.recipients)
