"""Who agreed to text messages, whose numbers hosts confirmed, and what became of texts at the carrier."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from workestra.accounts.seals import unseal


class Consent(models.Model):
    """Something that somebody said about texts to a number; rows are only ever added.

    Given and withdrawn are about one workspace. Stopped and started come from the phone itself, and are about all of
    them: only the phone undoes what it said. `wording` is what stood beside the box that was ticked.
    """

    class Kind(models.TextChoices):
        GIVEN = "given", "Given"
        WITHDRAWN = "withdrawn", "Withdrawn"
        STOPPED = "stopped", "Stopped"
        STARTED = "started", "Started again"

    class How(models.TextChoices):
        BOOKING = "booking", "A tick on a booking form"
        OWN_NUMBER = "own number", "A code sent to an own number"
        TEXT = "text", "A text from the number"
        CARRIER = "carrier", "The carrier refuses the number because of a STOP"

    number = models.CharField(max_length=16)
    workspace = models.ForeignKey(
        "accounts.Workspace", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    how = models.CharField(max_length=12, choices=How.choices)
    wording = models.TextField(blank=True)
    booking_id = models.UUIDField(null=True, blank=True)
    sid = models.CharField(max_length=34, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "sms_consents"
        constraints = [
            models.UniqueConstraint(fields=["sid"], condition=~Q(sid=""), name="sms_consent_once_per_text"),
            models.CheckConstraint(
                name="sms_consent_about_a_workspace_or_all",
                condition=Q(kind__in=["given", "withdrawn"], workspace__isnull=False)
                | Q(kind__in=["stopped", "started"], workspace=None),
            ),
        ]
        indexes = [models.Index(fields=["number", "-id"], name="sms_consent_of_number")]

    def __str__(self) -> str:
        return f"{self.kind}, {self.at:%Y-%m-%d}"


class Stopped(models.Model):
    """A number whose phone said STOP, and whose owner is erased: known by a keyed hash alone."""

    number_hash = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "sms_stopped"

    def __str__(self) -> str:
        return f"stopped, {self.at:%Y-%m-%d}"


class HostNumber(models.Model):
    """The number a member wants texts about his meetings at. `generation` counts the codes that were sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    number = models.CharField(max_length=16)
    generation = models.PositiveIntegerField(default=1)
    code_sent_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "sms_host_numbers"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="sms_host_number_once_per_member")
        ]

    def __str__(self) -> str:
        return f"number of {self.user_id}"


class SentText(models.Model):
    """What became of an outbox message at the carrier.

    `handed_at` stands from before the request until a refusal: while it stands and `sid` is empty, nobody knows whether
    the carrier has it. `body` is what was handed over, sealed.
    """

    message = models.OneToOneField(
        "notifications.OutboxMessage", on_delete=models.CASCADE, primary_key=True, related_name="text"
    )
    number = models.CharField(max_length=16)
    body = models.BinaryField()
    parts = models.PositiveSmallIntegerField()
    handed_at = models.DateTimeField(null=True)
    sid = models.CharField(max_length=34, blank=True)
    status = models.CharField(max_length=20, blank=True)
    error_code = models.CharField(max_length=10, blank=True)
    status_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "sms_sent_texts"
        constraints = [models.UniqueConstraint(fields=["sid"], condition=~Q(sid=""), name="sms_sid_once")]

    def __str__(self) -> str:
        return f"text of {self.message_id}"

    @property
    def text(self) -> str:
        """What was handed over. Raises: BrokenSeal when the key it was kept under is gone."""
        return unseal(bytes(self.body)).decode()
