"""Booking links, their hosts and hours, and the table that makes a host's time exclusive."""

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import F, Q
from django.db.models.functions import Lower

from scheduling.domain.hours import Availability
from scheduling.domain.sections import BY_KEY, SECTION_OF_FIELD
from scheduling.domain.unread import UnreadablePolicy
from scheduling.domain.workflows import CHANNELS, LABELS, Channel, To, Trigger
from workestra.calendars.domain.kinds import MEETING_PLACES
from workestra.calendars.domain.period import Period

HEX_COLOR = RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write the color as # and six digits, such as #005F73.")


def working_week() -> list[dict[str, Any]]:
    """Monday to Friday, nine to five: what a new link starts with."""
    return [{"days": [0, 1, 2, 3, 4], "start": "09:00", "end": "17:00"}]


class Hours(models.Model):
    """Hours on the wall clock of a zone, in the shapes of `scheduling.domain.hours.Availability.from_json`."""

    timezone = models.CharField(max_length=64, default="UTC")
    weekly_hours = models.JSONField(default=working_week, blank=True)
    date_overrides = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True

    def own_hours(self) -> Availability:
        """The hours in this very row. Raises: BadAvailability."""
        return Availability.from_json(self.timezone, self.weekly_hours, self.date_overrides)


class Schedule(Hours):
    """Hours with a name, which links, templates and hosts refer to: who changes it changes all of them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="schedules")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="schedules")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                F("workspace"), F("owner"), Lower("name"), name="schedule_name_once_per_owner"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Logo(models.Model):
    """A picture, by its content: it never changes, and everybody who has the same one names the same row.

    `content` is a PNG as `workestra.uploads` wrote it. Whoever names a logo does it by a foreign key, so that it stays
    as long as anybody does; `sent_at` is when it was sent last.
    """

    key = models.CharField(primary_key=True, max_length=48)
    content = models.BinaryField()
    sent_at = models.DateTimeField()

    class Meta:
        triggers = [pgtrigger.ReadOnly(name="immutable", fields=["key", "content"])]

    def __str__(self) -> str:
        return self.key


class LinkSettings(Hours):
    """What booking links and templates have in common: exactly the fields that `domain.sections` names.

    With a `schedule`, zone, weekly hours and single dates are the schedule's, and the own ones wait until it is taken
    away; `availability()` and `zone` say what counts. `questions` is a list of `{"key", "label", "type", "required",
    "options"}`. `workflow_ids` are keys of workflows as text, ascending; those for every link are not among them.
    """

    title = models.CharField(max_length=120)
    description = models.TextField(max_length=2000, blank=True)

    duration_minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(5), MaxValueValidator(480)]
    )
    slot_interval_minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(5), MaxValueValidator(480)]
    )

    buffer_before_minutes = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(240)])
    buffer_after_minutes = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(240)])

    schedule = models.ForeignKey(
        Schedule, on_delete=models.SET_NULL, null=True, blank=True, related_name="%(class)ss"
    )
    minimum_notice_hours = models.PositiveSmallIntegerField(default=4, validators=[MaxValueValidator(8760)])
    booking_window_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(730)]
    )
    max_per_day = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    max_per_week = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])

    questions = models.JSONField(default=list, blank=True)

    reminder_enabled = models.BooleanField(default=True)
    workflow_ids = models.JSONField(default=list, blank=True)

    brand_color = models.CharField(max_length=7, default="#005F73", validators=[HEX_COLOR])
    logo = models.ForeignKey(
        Logo, on_delete=models.RESTRICT, null=True, blank=True, related_name="%(class)ss"
    )
    hide_branding = models.BooleanField(default=False)

    requires_payment = models.BooleanField(default=False)
    price = models.PositiveIntegerField(null=True, blank=True, help_text="In the currency's minor unit.")
    currency = models.CharField(max_length=3, blank=True)
    refund_text = models.TextField(max_length=1000, blank=True)

    calendar_provider = models.CharField(
        max_length=16,
        default="host",
        choices=[("host", "The calendar that each host has chosen"), ("none", "None")],
    )
    unreadable_policy = models.CharField(
        max_length=16,
        default=UnreadablePolicy.LAST_KNOWN,
        choices=[(policy.value, policy.label) for policy in UnreadablePolicy],
    )
    unreadable_hours = models.PositiveSmallIntegerField(
        default=12, validators=[MinValueValidator(1), MaxValueValidator(168)]
    )
    location_type = models.CharField(
        max_length=16,
        default="phone",
        choices=[
            ("phone", "Phone"),
            ("in_person", "In person"),
            ("meeting", "Google Meet or Teams"),
            *MEETING_PLACES,
            ("video", "Video link"),
            ("other", "Other"),
        ],
    )
    location_detail = models.CharField(max_length=300, blank=True)

    cancellation_text = models.TextField(max_length=1000, blank=True)
    cancel_cutoff_hours = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(720)])
    reschedule_cutoff_hours = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(720)])
    briefing_enabled = models.BooleanField(default=True)

    class Meta:
        abstract = True

    def section_values(self) -> dict[str, Any]:
        """Every sectioned field with its value, in the order of the section list."""
        return {field: getattr(self, field) for field in SECTION_OF_FIELD}

    def availability(self) -> Availability:
        """The hours that count: the schedule's, else the own ones. Raises: BadAvailability."""
        return (self.schedule or self).own_hours()

    @property
    def zone(self) -> str:
        """The IANA name of the zone on whose clock the hours are."""
        return (self.schedule or self).timezone


class BookingLink(LinkSettings):
    """A public page `/book/<slug>` of one host or of a pool.

    A link made from a template carries the template's key and the sections it may not change; both are written
    by managed_events and enforced by `scheduling.services.links`.
    """

    class Strategy(models.TextChoices):
        INDIVIDUAL = "individual", "Individual"
        ROUND_ROBIN = "round_robin", "Round robin"
        COLLECTIVE = "collective", "Collective"
        GROUP = "group", "Group"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(
        "accounts.Workspace", on_delete=models.CASCADE, related_name="booking_links"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="booking_links"
    )
    slug = models.CharField(max_length=80, unique=True)
    strategy = models.CharField(max_length=16, choices=Strategy.choices, default=Strategy.INDIVIDUAL)
    capacity = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    embed_origins = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    managed_event_template = models.ForeignKey(
        "managed_events.ManagedEventTemplate",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="links",
    )
    locked_sections = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    template_version = models.PositiveIntegerField(null=True, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "scheduling_booking_links"
        ordering = ["title", "slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["managed_event_template", "owner"],
                condition=Q(managed_event_template__isnull=False),
                name="link_once_per_template_and_owner",
            ),
            models.CheckConstraint(
                name="link_capacity_of_groups_only",
                condition=Q(capacity=1) | Q(strategy="group", capacity__range=(1, 1000)),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_managed(self) -> bool:
        return self.managed_event_template_id is not None

    @property
    def is_paused(self) -> bool:
        """Whether it takes no new bookings at the moment; those made can be moved."""
        return self.paused_at is not None

    def locks(self, section: str) -> bool:
        """Whether `section` is kept by the template."""
        return self.is_managed and section in self.locked_sections and section in BY_KEY

    @property
    def has_workflows_of(self) -> uuid.UUID | None:
        """Whose own workflows it has: its owner's; None where a template keeps its workflows."""
        return None if self.locks("workflows") else self.owner_id


class LinkHost(models.Model):
    """A host of a link. Every link has at least one; only round robin and collective have more.

    `schedule` holds his own hours for this link, in place of the link's; `max_per_day` is his own cap, counted on his
    local days.
    """

    id = models.BigAutoField(primary_key=True)
    link = models.ForeignKey(BookingLink, on_delete=models.CASCADE, related_name="hosts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="hosted_links")
    weight = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    rotation = models.PositiveBigIntegerField(
        default=0, help_text="Rises with each assignment: least recent is lowest."
    )
    schedule = models.ForeignKey(
        Schedule, on_delete=models.SET_NULL, null=True, blank=True, related_name="hosts"
    )
    max_per_day = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "user"], name="link_host_once")]

    def __str__(self) -> str:
        return f"{self.user} on {self.link}"


KEPT_FROM_OTHERS: Final = timedelta(days=90)
"""How long after a link's deletion its addresses are not given to other workspaces: links to it are still about."""


class RetiredSlug(models.Model):
    """An address that a link had. While the link lives it leads there; afterwards it is kept from other workspaces."""

    slug = models.CharField(primary_key=True, max_length=80)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    link = models.ForeignKey(
        BookingLink, on_delete=models.SET_NULL, null=True, blank=True, related_name="retired_slugs"
    )
    retired_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug

    def is_kept_from(self, workspace_id: uuid.UUID, now: datetime) -> bool:
        """Whether no link of this workspace can have the address (again)."""
        is_over = self.link_id is None and now - self.retired_at >= KEPT_FROM_OTHERS
        return self.workspace_id != workspace_id and not is_over


class OutOfOffice(models.Model):
    """Days on which a member hosts nothing. Both days are included, on the clock of the member's zone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="absences")
    first_day = models.DateField()
    last_day = models.DateField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["first_day", "last_day", "id"]
        constraints = [
            models.CheckConstraint(name="out_of_office_ends", condition=Q(last_day__gte=F("first_day")))
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.first_day} to {self.last_day}"


def as_range(period: Period) -> DateTimeTZRange:
    """The period as PostgreSQL's half-open tstzrange."""
    return DateTimeTZRange(period.start, period.end, "[)")


class BusyTime(models.Model):
    """A host's time that is taken. The exclusion constraint is the last guard against double booking.

    Written only by `scheduling.services.busy_time`. `during` is the bare meeting, half-open, in UTC; the buffers it
    was booked with stand beside it. Rows of one `owner_key` (a booking, a one-off) may overlap each other.
    `seats_taken` is how many come to a session of a group link: others may still join it.
    """

    class Kind(models.TextChoices):
        BOOKING = "booking", "Booking"
        HOLD = "hold", "Hold"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    # The constraint's own index begins with the host; a second one would only mislead the planner.
    host = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="busy_times", db_index=False
    )
    during = DateTimeRangeField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    owner_key = models.UUIDField()
    label = models.CharField(max_length=120)
    link = models.ForeignKey(BookingLink, on_delete=models.SET_NULL, null=True, related_name="busy_times")
    buffer_before_minutes = models.PositiveSmallIntegerField(default=0)
    buffer_after_minutes = models.PositiveSmallIntegerField(default=0)
    seats_taken = models.PositiveSmallIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["owner_key"], name="busy_time_owner_key")]
        constraints = [
            ExclusionConstraint(
                name="busy_time_no_overlap",
                expressions=[
                    (F("host"), RangeOperators.EQUAL),
                    (F("during"), RangeOperators.OVERLAPS),
                    (F("owner_key"), RangeOperators.NOT_EQUAL),
                ],
                condition=Q(active=True),
            ),
            models.CheckConstraint(
                name="busy_time_half_open_and_bounded",
                condition=Q(
                    during__isempty=False,
                    during__startswith__isnull=False,
                    during__endswith__isnull=False,
                    during__lower_inc=True,
                    during__upper_inc=False,
                ),
            ),
            models.CheckConstraint(
                name="busy_time_only_holds_expire", condition=Q(expires_at__isnull=True) | Q(kind="hold")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


class Workflow(models.Model):
    """Messages that go out around meetings, counted from one moment.

    `every_link` makes it the workspace's default; else it is for the links whose `workflow_ids` name it. One that was
    deleted keeps its row: links may name it still.

    With an `owner` it is a member's own: for his links alone, all of them or those that name it, as far as no template
    keeps their workflows. Who is to have a link next has not that of who had it before.

    `replaces` takes the place of the mail that the booker gets at that moment anyway.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="workflows")
    group = models.ForeignKey(
        "accounts.Group", on_delete=models.SET_NULL, null=True, blank=True, related_name="workflows"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="workflows",
    )
    name = models.CharField(max_length=80)
    trigger = models.CharField(max_length=16, choices=[(each.value, LABELS[each]) for each in Trigger])
    every_link = models.BooleanField(default=False)
    replaces = models.BooleanField(default=False)
    is_paused = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "scheduling_workflows"
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                name="workflow_of_a_group_is_not_for_every_link",
                condition=Q(group=None) | Q(every_link=False),
            ),
            models.CheckConstraint(
                name="workflow_of_a_group_or_of_a_member",
                condition=Q(group=None) | Q(owner=None),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WorkflowStep(models.Model):
    """One message of a workflow. `asks` adds the question whether the booker is still coming.

    A text message has no subject, and its `address` is a number in E.164.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    delay = models.DurationField()
    to = models.CharField(max_length=8, choices=[(each.value, each.value) for each in To])
    channel = models.CharField(
        max_length=8, choices=list(CHANNELS.items()), default=Channel.EMAIL, db_default=Channel.EMAIL
    )
    address = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(max_length=5000)
    asks = models.BooleanField(default=False)

    class Meta:
        db_table = "scheduling_workflow_steps"
        ordering = ["position"]

    def __str__(self) -> str:
        return self.subject or self.body[:60]
