"""One-off meetings: a fixed list of offered times behind a secret address, good for one booking."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from workestra.calendars.domain.period import Period

MAX_SLOTS = 10


class OneOff(models.Model):
    """A host's offer of up to ten times to one invitee. Its id is the owner key of the holds on its slots."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        BOOKED = "booked", "Booked"
        EXPIRED = "expired", "Expired"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="one_offs")
    host = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="one_offs")
    title = models.CharField(max_length=120)
    description = models.TextField(max_length=2000, blank=True)
    timezone = models.CharField(max_length=64)
    reserve = models.BooleanField(default=True)
    location_type = models.CharField(max_length=16, default="phone")
    location_detail = models.CharField(max_length=300, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    token_hash = models.CharField(max_length=64, unique=True)
    booking = models.OneToOneField(
        "bookings.Booking", on_delete=models.SET_NULL, null=True, blank=True, related_name="one_off"
    )
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["host", "-created_at"], name="one_off_of_host"),
            models.Index(fields=["expires_at"], condition=Q(state="open"), name="one_off_to_expire"),
        ]

    def __str__(self) -> str:
        return self.title

    def has_expired(self, now: datetime) -> bool:
        """Whether it can no longer be picked because its time is over, whatever the expiry job has done."""
        return self.state == self.State.EXPIRED or (
            self.state == self.State.OPEN and self.expires_at is not None and self.expires_at <= now
        )


class OfferedSlot(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    one_off = models.ForeignKey(OneOff, on_delete=models.CASCADE, related_name="slots")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_at", "ends_at"]
        constraints = [
            models.UniqueConstraint(fields=["one_off", "starts_at", "ends_at"], name="offered_slot_once"),
            models.CheckConstraint(
                name="offered_slot_ends_after_it_starts", condition=Q(ends_at__gt=models.F("starts_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)
