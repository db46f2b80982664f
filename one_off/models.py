"""One-off meetings: a fixed list of offered times behind a secret address, good for one booking."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from workestra.accounts.models import User
from workestra.calendars.domain.period import Period

MOST_PROPOSED: Final = 3


class OneOff(models.Model):
    """A host's offer of up to ten times to one invitee. Its id is the owner key of the holds on its slots.

    The invitee's name and address are only what the host expects; `booking` knows who came. `picked_with` is the
    nonce of the form that booked it. The booking's idempotency key is this row's id: no second one can exist.
    """

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
    invitee_name = models.CharField(max_length=120, blank=True)
    invitee_email = models.EmailField(blank=True)
    invitee_timezone = models.CharField(max_length=64, blank=True)
    """The zone in which the host has chosen to write to him; empty as long as he has not."""
    location_type = models.CharField(max_length=16, default="phone")
    location_detail = models.CharField(max_length=300, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    token_hash = models.CharField(max_length=64, unique=True)
    booking = models.OneToOneField(
        "bookings.Booking", on_delete=models.SET_NULL, null=True, blank=True, related_name="one_off"
    )
    picked_with = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["host", "-created_at"], name="one_off_of_host"),
            models.Index(fields=["expires_at"], condition=Q(state="open"), name="one_off_to_expire"),
        ]
        constraints = [
            models.CheckConstraint(
                name="one_off_closed_unless_open",
                condition=Q(state="open", closed_at__isnull=True)
                | (~Q(state="open") & Q(closed_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="one_off_booking_only_when_booked", condition=Q(booking__isnull=True) | Q(state="booked")
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def state_at(self, now: datetime) -> State:
        """Its state, which is "expired" from its closing time on, whether or not the expiry job has been there."""
        if self.state == self.State.OPEN and self.expires_at is not None and self.expires_at <= now:
            return self.State.EXPIRED
        return self.State(self.state)


class OfferedSlot(models.Model):
    """A time that is offered, or was: one taken out of an open one-off keeps its row, until it is offered again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    one_off = models.ForeignKey(OneOff, on_delete=models.CASCADE, related_name="slots")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

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


class Proposal(models.Model):
    """Up to three times an invitee proposes because none of the offered ones suits him; he waits for one answer.

    `attendee` is he when he has a booking of the one-off already, which he would like to move. `nonce` is that of the
    form he sent. A later proposal of the same person takes the place of the one that waits.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        REPLACED = "replaced", "Replaced"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    one_off = models.ForeignKey(OneOff, on_delete=models.CASCADE, related_name="proposals")
    attendee = models.ForeignKey(
        "bookings.Attendee", on_delete=models.CASCADE, null=True, blank=True, related_name="proposals"
    )
    name = models.CharField(max_length=120)
    email = models.EmailField()
    phone = models.CharField(max_length=40, blank=True)
    timezone = models.CharField(max_length=64)
    message = models.TextField(max_length=500, blank=True)
    starts = ArrayField(models.DateTimeField(), size=MOST_PROPOSED)
    minutes = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    nonce = models.UUIDField(unique=True)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="proposal_of_one_to_three_times",
                condition=Q(starts__len__gte=1, starts__len__lte=MOST_PROPOSED),
            ),
            models.CheckConstraint(
                name="proposal_answered_unless_waiting",
                condition=Q(state="waiting", answered_at__isnull=True)
                | (~Q(state="waiting") & Q(answered_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.one_off_id}"

    @property
    def host(self) -> User:
        """Who answers it: whoever hosts the booking now that is to be moved, else who offered the times."""
        return self.attendee.booking.host if self.attendee else self.one_off.host

    @property
    def periods(self) -> list[Period]:
        """The proposed times, as they were named."""
        return [Period.lasting(start, timedelta(minutes=self.minutes)) for start in self.starts]
