"""Bookings. A booking is a full row: it outlives the link, the template and the one-off it came from."""

import uuid
from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.functional import cached_property

from bookings.domain.lifecycle import Change, after, allows
from bookings.domain.names import in_one
from workestra.accounts.models import User
from workestra.calendars.domain.period import Period

MOST_GUESTS: Final = 10


CONFIRMED_OR_ENDED: Final = Q(status="confirmed", ended_at=None) | (
    ~Q(status="confirmed") & Q(ended_at__isnull=False)
)


class Booking(models.Model):
    """One meeting: when and where its hosts meet those who booked it, its attendees.

    There is one attendee, but for a group session, which has up to `capacity`. `attendee_count` is how many of them
    are coming: none once the booking has ended. A rescheduled booking keeps its row; its successor shares the series.

    `host` is the one with the lowest id of all that a collective meeting needs; the others are its `co_hosts`.
    `timezone` is the page's zone, in which the host reads the booking. `page_slug` is the slug of manage addresses.
    `private_note` is for whoever may see the booking in the console, and for nobody else.
    `no_show_status` sums up its attendees': of several it is marked when all are, attended when anybody was there.
    """

    class Status(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        CANCELLED = "cancelled", "Cancelled"
        RESCHEDULED = "rescheduled", "Rescheduled"

    class Attendance(models.TextChoices):
        UNMARKED = "", "Not marked"
        ATTENDED = "attended", "Attended"
        NO_SHOW = "no_show", "No-show"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="bookings")
    link = models.ForeignKey(
        "scheduling.BookingLink", on_delete=models.SET_NULL, null=True, blank=True, related_name="bookings"
    )
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="hosted_bookings"
    )
    co_hosts = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="cohosted_bookings", db_table="scheduling_calendar_event_hosts"
    )

    title = models.CharField(max_length=120)
    strategy = models.CharField(max_length=16)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    location_type = models.CharField(max_length=16, blank=True)
    location_detail = models.CharField(max_length=300, blank=True)
    capacity = models.PositiveSmallIntegerField(default=1)
    attendee_count = models.PositiveIntegerField(default=1)

    status = models.CharField(max_length=16, choices=Status.choices, default=Status.CONFIRMED)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was cancelled or rescheduled.")
    no_show_status = models.CharField(max_length=16, choices=Attendance.choices, blank=True, default="")

    series_id = models.UUIDField(default=uuid.uuid4)
    ics_sequence = models.PositiveIntegerField(default=0)
    page_slug = models.CharField(max_length=80)

    buffer_before_minutes = models.PositiveSmallIntegerField(default=0)
    buffer_after_minutes = models.PositiveSmallIntegerField(default=0)
    assignment_receipt = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    private_note = models.TextField(max_length=5000, blank=True)
    noted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    noted_at = models.DateTimeField(null=True, blank=True)
    briefing_sent_at = models.DateTimeField(null=True, blank=True)
    mails_sent = models.PositiveIntegerField(default=0)
    mails_failed = models.PositiveIntegerField(default=0)
    mail_attempts = models.PositiveIntegerField(default=0)
    mail_error = models.CharField(max_length=300, blank=True, help_text="Of the last mail that failed.")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "scheduling_calendar_events"
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="booking_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))
            ),
            models.CheckConstraint(name="booking_confirmed_or_ended", condition=CONFIRMED_OR_ENDED),
            models.CheckConstraint(
                name="booking_never_over_capacity",
                condition=Q(attendee_count__gte=0, attendee_count__lte=F("capacity")),
            ),
            models.CheckConstraint(
                name="booking_attended_while_confirmed",
                condition=Q(status="confirmed", attendee_count__gt=0)
                | (~Q(status="confirmed") & Q(attendee_count=0)),
            ),
            models.UniqueConstraint(
                fields=["series_id"], condition=Q(status="confirmed"), name="booking_one_live_row_per_series"
            ),
            models.UniqueConstraint(
                fields=["link", "starts_at"],
                condition=Q(status="confirmed", strategy="group"),
                name="booking_one_session_per_start",
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
            GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="booking_by_title"),
            models.Index(
                fields=["starts_at"],
                condition=Q(status="confirmed", briefing_sent_at=None),
                name="booking_not_briefed",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)

    @property
    def duration_minutes(self) -> int:
        return int((self.ends_at - self.starts_at).total_seconds() // 60)

    @property
    def is_group(self) -> bool:
        return self.strategy == "group"

    @cached_property
    def hosts(self) -> list[User]:
        """Everybody who hosts it, by id."""
        others = self.co_hosts.all() if self.strategy == "collective" else []
        return [self.host, *sorted(others, key=lambda host: host.pk)]

    @property
    def host_ids(self) -> set[uuid.UUID]:
        return {host.pk for host in self.hosts}

    @property
    def host_names(self) -> str:
        return in_one([host.name for host in self.hosts])

    @property
    def host_first_names(self) -> str:
        return in_one([host.first_name for host in self.hosts])

    @property
    def booker(self) -> "Attendee":
        """The one who booked it; not to be asked of a group session, which several have booked."""
        (booker,) = self.attendees.all()
        return booker

    @property
    def company(self) -> "list[Attendee]":
        """Who is coming, first come first; of a booking that has ended, who was until then."""
        return [each for each in self.attendees.all() if each.ended_at == self.ended_at]

    def is_past(self, now: datetime) -> bool:
        """Whether the meeting has begun: from then on it is read-only for its attendees."""
        return self.starts_at <= now

    def allows(self, change: Change, now: datetime) -> bool:
        """Whether it can be changed like this now."""
        return allows(self.status, change, has_begun=self.is_past(now))

    def after(self, change: Change, now: datetime) -> "Booking.Status":
        """The state it has after this change. Raises: BookingClosed when it cannot be changed like this now."""
        return Booking.Status(after(self.status, change, has_begun=self.is_past(now)))

    def is_upcoming(self, now: datetime) -> bool:
        """Whether it still stands and is to come."""
        return self.status == self.Status.CONFIRMED and not self.is_past(now)


class Attendee(models.Model):
    """Somebody who booked a meeting, or a seat of a group session, and what he said of himself.

    He has a manage page, mails and a calendar event of his own. When he moves to another time this row stays as
    "rescheduled", and its successor at the other booking shares the series. But for group sessions he shares the
    booking's series and state. `timezone` is the one he reads times in. `answers` is a list of `{"label", "answer"}` in
    the form's order. `guests` are addresses that he asked to be invited as well. Who is erased has no address.
    """

    class Party(models.TextChoices):
        BOOKER = "booker", "Booker"
        HOST = "host", "Host"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="attendees")
    person = models.ForeignKey("crm.Person", on_delete=models.SET_NULL, null=True, related_name="attendances")

    name = models.CharField(max_length=120)
    email = models.EmailField()
    phone = models.CharField(max_length=40, blank=True)
    timezone = models.CharField(max_length=64)
    notes = models.TextField(max_length=5000, blank=True)
    answers = models.JSONField(default=list, blank=True, encoder=DjangoJSONEncoder)
    guests = ArrayField(models.EmailField(), default=list, blank=True, size=MOST_GUESTS)
    wants_texts = models.BooleanField(
        default=False, db_default=False, help_text="He ticked to be texted; his phone is in E.164 then."
    )

    status = models.CharField(max_length=16, choices=Booking.Status.choices, default=Booking.Status.CONFIRMED)
    ended_by = models.CharField(max_length=8, choices=Party.choices, blank=True)
    ended_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who did it for the hosts, and wrote the reason.",
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was cancelled or moved.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When he cancelled or moved away.")
    no_show_status = models.CharField(
        max_length=16, choices=Booking.Attendance.choices, blank=True, default=""
    )

    answers_erased_at = models.DateTimeField(
        null=True, blank=True, help_text="When his answers, notes and files were erased."
    )
    reconfirmed_at = models.DateTimeField(
        null=True, blank=True, help_text="When he said that he is still coming."
    )

    series_id = models.UUIDField(default=uuid.uuid4)
    ics_sequence = models.PositiveIntegerField(default=0)
    manage_token_hash = models.CharField(max_length=64, unique=True)
    manage_token_generation = models.PositiveIntegerField(default=0)
    idempotency_key = models.UUIDField(unique=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "booking_attendees"
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(name="attendee_confirmed_or_ended", condition=CONFIRMED_OR_ENDED),
            models.CheckConstraint(name="attendee_guests_at_most", condition=Q(guests__len__lte=MOST_GUESTS)),
            models.UniqueConstraint(
                fields=["series_id"], condition=Q(status="confirmed"), name="attendee_one_live_row_per_series"
            ),
        ]
        indexes = [
            models.Index(fields=["series_id", "ics_sequence"], name="attendee_by_series"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="attendee_by_name"),
            GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="attendee_by_email"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_erased(self) -> bool:
        """Whether nobody knows any more who he was."""
        return not self.email

    @property
    def first_name(self) -> str:
        return self.name.split(" ")[0]

    def after(self, change: Change, now: datetime) -> Booking.Status:
        """The state his part has after this change. Raises: BookingClosed when it cannot be changed so now."""
        return Booking.Status(after(self.status, change, has_begun=self.booking.is_past(now)))

    def is_upcoming(self, now: datetime) -> bool:
        """Whether he is still to come."""
        return self.status == Booking.Status.CONFIRMED and not self.booking.is_past(now)


class WorkflowRun(models.Model):
    """One message of a workflow that one attendee's part of a booking has ahead of it, or behind it.

    It is due at `due_at`, counted from `anchor`, the moment of its trigger. `message` is its row in the outbox: whether
    it waits, went out, was left out or failed is said there alone. A step that was removed leaves its runs.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.ForeignKey("scheduling.Workflow", on_delete=models.CASCADE, related_name="runs")
    step = models.ForeignKey(
        "scheduling.WorkflowStep", on_delete=models.SET_NULL, null=True, related_name="runs"
    )
    attendee = models.ForeignKey(Attendee, on_delete=models.CASCADE, related_name="workflow_runs")
    message = models.OneToOneField(
        "notifications.OutboxMessage", on_delete=models.CASCADE, related_name="workflow_run"
    )
    trigger = models.CharField(max_length=16)
    recipient = models.CharField(max_length=254)
    anchor = models.DateTimeField()
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "scheduling_workflow_runs"
        constraints = [
            models.UniqueConstraint(fields=["step", "attendee", "recipient"], name="workflow_run_once")
        ]

    def __str__(self) -> str:
        return f"{self.workflow} for {self.attendee}"


class RetiredToken(models.Model):
    """A manage token that has been replaced: its page says so instead of "not found"."""

    token_hash = models.CharField(max_length=64, primary_key=True)
    attendee = models.ForeignKey(Attendee, on_delete=models.CASCADE, related_name="retired_tokens")
    retired_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"retired token of {self.attendee_id}"


class AnswerFile(models.Model):
    """A file that a booker sent in answer to a question of a link, as it was written anew (`workestra.uploads.taking`).

    Its bytes are in a file of this row's id (`bookings.storage`). It waits, known by the hash of a key in the booker's
    form, until a booking is made; then it belongs to its attendee's series, and is shown to whoever may see that
    booking.
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


class Alternatives(models.Model):
    """Other times that a host offers to who booked a meeting, which stands as it is meanwhile.

    The times are held under the booking's own key, so that whatever ends or moves it gives them back. `answer` is what
    the booker wrote when none of them suited him.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        PICKED = "picked", "Picked"
        KEPT = "kept", "Kept the time"
        DECLINED = "declined", "None suits"
        EXPIRED = "expired", "Expired"
        WITHDRAWN = "withdrawn", "Withdrawn"
        OVERTAKEN = "overtaken", "Overtaken"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="alternatives")
    offered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    message = models.CharField(max_length=500, blank=True)
    answer = models.CharField(max_length=500, blank=True)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="alternatives_closed_unless_open",
                condition=Q(state="open", closed_at=None) | (~Q(state="open") & Q(closed_at__isnull=False)),
            ),
            models.UniqueConstraint(
                fields=["booking"], condition=Q(state="open"), name="alternatives_one_open_per_booking"
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="open"), name="alternatives_to_expire")
        ]

    def __str__(self) -> str:
        return f"other times for {self.booking_id}"

    def state_at(self, now: datetime) -> State:
        """Its state, which is "expired" from its closing time on, whether or not the expiry job has been there."""
        if self.state == self.State.OPEN and self.expires_at <= now:
            return self.State.EXPIRED
        return self.State(self.state)


class AlternativeTime(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alternatives = models.ForeignKey(Alternatives, on_delete=models.CASCADE, related_name="times")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["alternatives", "starts_at"], name="alternative_time_once"),
            models.CheckConstraint(
                name="alternative_time_ends_after_it_starts", condition=Q(ends_at__gt=F("starts_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def period(self) -> Period:
        return Period(self.starts_at, self.ends_at)


class BulkRun(models.Model):
    """One change of several bookings, done row by row by a worker. `member` asked for it, and it is done in his name.

    It begins as a draft, which keeps what each booking was shown to get; nothing is done before it is started.
    `host` is who is to host them all; without one a reassignment gives each to whoever was the best free host. A run
    that `undoes` another one sets attendance back to what that one found.
    """

    class Action(models.TextChoices):
        CANCEL = "cancel", "Cancel"
        REASSIGN = "reassign", "Reassign"
        ATTENDANCE = "attendance", "Mark attendance"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.ForeignKey("accounts.Membership", on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=16, choices=Action.choices)
    reason = models.CharField(max_length=500, blank=True)
    attendance = models.CharField(max_length=16, choices=Booking.Attendance.choices, blank=True, default="")
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    undoes = models.OneToOneField(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="undone_by"
    )
    checked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True, help_text="Not set: it is a draft.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-checked_at"]
        constraints = [
            models.CheckConstraint(
                name="bulk_run_started_before_it_finished",
                condition=Q(finished_at=None) | Q(started_at__isnull=False),
            )
        ]
        indexes = [
            models.Index(fields=["started_at"], condition=Q(finished_at=None), name="bulk_run_unfinished")
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}, {self.checked_at:%Y-%m-%d %H:%M}"


class BulkItem(models.Model):
    """One booking of a run. A worker that does it holds it until `leased_until`; `host` is who is to have it.

    `seen` is the booking as it was shown (`plans.seen_of`), `mails` how many go out. Of a booking that was marked,
    `before` is the attendance that each of its attendees had, by id.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        OUT = "out", "Left out by the member"
        KEPT = "kept", "Cannot be done"

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, related_name="items")
    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="+")
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    problem = models.CharField(max_length=200, blank=True)
    seen = models.CharField(max_length=32, blank=True)
    mails = models.PositiveIntegerField(default=0)
    before = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "booking"], name="bulk_item_once")]
        indexes = [models.Index(fields=["run", "id"], condition=Q(state="waiting"), name="bulk_item_waiting")]

    def __str__(self) -> str:
        return f"{self.booking}: {self.state}"
