"""Bookings. A booking is a full row: it outlives the link, the template and the one-off it came from."""

import uuid
from datetime import datetime

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from workestra.calendars.domain.period import Period


class Booking(models.Model):
    """One meeting of a host with a booker. A rescheduled booking keeps its row; its successor shares the series.

    `timezone` is the page's zone, in which the host reads the booking; `booker_timezone` the booker's.
    `answers` is a list of `{"label", "answer"}` in the form's order. `page_slug` is the slug of manage addresses.
    """

    class Status(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        CANCELLED = "cancelled", "Cancelled"
        RESCHEDULED = "rescheduled", "Rescheduled"

    class Attendance(models.TextChoices):
        UNMARKED = "", "Not marked"
        ATTENDED = "attended", "Attended"
        NO_SHOW = "no_show", "No-show"

    class Party(models.TextChoices):
        BOOKER = "booker", "Booker"
        HOST = "host", "Host"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="bookings")
    link = models.ForeignKey(
        "scheduling.BookingLink", on_delete=models.SET_NULL, null=True, blank=True, related_name="bookings"
    )
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="hosted_bookings"
    )
    person = models.ForeignKey("crm.Person", on_delete=models.SET_NULL, null=True, related_name="bookings")

    title = models.CharField(max_length=120)
    strategy = models.CharField(max_length=16)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    location_type = models.CharField(max_length=16, blank=True)
    location_detail = models.CharField(max_length=300, blank=True)

    booker_name = models.CharField(max_length=120)
    booker_email = models.EmailField()
    booker_phone = models.CharField(max_length=40, blank=True)
    booker_timezone = models.CharField(max_length=64)
    notes = models.TextField(max_length=5000, blank=True)
    answers = models.JSONField(default=list, blank=True, encoder=DjangoJSONEncoder)
    attendee_count = models.PositiveIntegerField(default=1)

    status = models.CharField(max_length=16, choices=Status.choices, default=Status.CONFIRMED)
    no_show_status = models.CharField(max_length=16, choices=Attendance.choices, blank=True, default="")
    cancelled_by = models.CharField(max_length=8, choices=Party.choices, blank=True)
    cancellation_reason = models.CharField(max_length=500, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was cancelled or rescheduled.")

    series_id = models.UUIDField(default=uuid.uuid4)
    ics_sequence = models.PositiveIntegerField(default=0)
    page_slug = models.CharField(max_length=80)
    manage_token_hash = models.CharField(max_length=64, unique=True)
    manage_token_generation = models.PositiveIntegerField(default=0)
    idempotency_key = models.UUIDField(unique=True)

    buffer_before_minutes = models.PositiveSmallIntegerField(default=0)
    buffer_after_minutes = models.PositiveSmallIntegerField(default=0)
    assignment_receipt = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    briefing_sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "scheduling_calendar_events"
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="booking_ends_after_it_starts", condition=Q(ends_at__gt=models.F("starts_at"))
            ),
            models.CheckConstraint(
                name="booking_confirmed_or_ended",
                condition=Q(status="confirmed", ended_at=None)
                | (~Q(status="confirmed") & Q(ended_at__isnull=False)),
            ),
            models.UniqueConstraint(
                fields=["series_id"], condition=Q(status="confirmed"), name="booking_one_live_row_per_series"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "status", "starts_at", "id"], name="booking_by_tab"),
            models.Index(fields=["host", "status", "starts_at", "id"], name="booking_by_host"),
            models.Index(
                fields=["workspace", "status", "ended_at", "id"],
                condition=~Q(status="confirmed"),
                name="booking_by_end",
            ),
            models.Index(fields=["series_id", "ics_sequence"], name="booking_by_series"),
        ]

    def __str__(self) -> str:
        return f"{self.title} with {self.booker_name}"

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)

    @property
    def duration_minutes(self) -> int:
        return int((self.ends_at - self.starts_at).total_seconds() // 60)

    def is_past(self, now: datetime) -> bool:
        """Whether the meeting has begun: from then on it is read-only for its booker."""
        return self.starts_at <= now

    def is_upcoming(self, now: datetime) -> bool:
        """Whether it still stands and is to come."""
        return self.status == self.Status.CONFIRMED and not self.is_past(now)


class RetiredToken(models.Model):
    """A manage token that has been replaced: its page says so instead of "not found"."""

    token_hash = models.CharField(max_length=64, primary_key=True)
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="retired_tokens")
    retired_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"retired token of {self.booking_id}"


class AnswerFile(models.Model):
    """A file that a booker sent in answer to a question of a link, as it was written anew (`bookings.uploads`).

    Its bytes are in a file of this row's id (`bookings.storage`). It waits, known by the hash of a key in the booker's
    form, until a booking is made; then it belongs to that series, and is shown to whoever may see its bookings.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    link = models.ForeignKey("scheduling.BookingLink", on_delete=models.SET_NULL, null=True, related_name="+")
    question = models.CharField(max_length=80)
    key_hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField(help_text="In bytes.")
    series_id = models.UUIDField(null=True, blank=True, db_index=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
