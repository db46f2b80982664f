"""The calendars people connect, and what was last known of the time they take."""

import uuid
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from workestra.calendars.domain.health import POLL, Health, health_of
from workestra.calendars.domain.kinds import MEETING_KINDS, ProviderKind
from workestra.calendars.fields import SecretField


class CalendarAccount(models.Model):
    """Somebody's account with a provider of calendars or of meeting links; of the latter he has one of each kind.

    Disconnecting deletes it, with all that is known through it.
    """

    class State(models.TextChoices):
        CONNECTED = "connected", "Connected"
        BROKEN = "broken", "Needs reconnecting"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_accounts"
    )
    provider = models.CharField(
        max_length=16, choices=[(kind.value, kind.label) for kind in ProviderKind if kind.is_connected]
    )
    name = models.CharField(max_length=254)
    """Who or what is connected: an address, `host, as user`, a feed's own name."""
    credentials = SecretField()
    scopes = ArrayField(models.CharField(max_length=200), default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CONNECTED)
    state_since = models.DateTimeField(db_default=Now())
    state_reason = models.CharField(max_length=200, blank=True)
    breaks = models.PositiveIntegerField(default=0)
    """How often it broke: each time its owner gets one mail."""
    listed_at = models.DateTimeField(null=True)
    """When its calendars were listed last."""
    quiet_until = models.DateTimeField(null=True)
    """Until when its provider has asked to be left alone, for whatever purpose."""
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "calendars_accounts"
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "user", "provider", "name"], name="calendar_account_once"
            ),
            models.UniqueConstraint(
                fields=["workspace", "user", "provider"],
                condition=Q(provider__in=MEETING_KINDS),
                name="meeting_account_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind.label}, {self.name}"

    @property
    def kind(self) -> ProviderKind:
        return ProviderKind(self.provider)

    @property
    def is_broken(self) -> bool:
        return self.state == self.State.BROKEN


SYNCED = Q(is_gone=False) & (Q(checked=True) | Q(write_here=True))


class RemoteCalendar(models.Model):
    """One calendar of a connected account: whether its events block time, whether new ones go there, how far it was
    read.

    Reading it is level-triggered: due when `due_at` has come and nobody has leased it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(CalendarAccount, on_delete=models.CASCADE, related_name="calendars")
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    remote_id = models.CharField(max_length=1000)
    name = models.CharField(max_length=254)
    is_primary = models.BooleanField(default=False)
    is_writable = models.BooleanField(default=False)
    is_gone = models.BooleanField(default=False)
    """The provider no longer has it, or no longer shows it to this account."""
    checked = models.BooleanField(default=False)
    write_here = models.BooleanField(default=False)

    cursor = models.TextField(blank=True)
    window_start = models.DateTimeField(null=True)
    window_end = models.DateTimeField(null=True)
    """The span that the mirror covers; nothing is known beyond it."""
    fully_read_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    """Failed attempts since the last good one."""
    failing_since = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    channel_id = models.CharField(max_length=100, blank=True)
    channel_resource = models.CharField(max_length=300, blank=True)
    channel_secret_hash = models.CharField(max_length=64, blank=True)
    channel_expires_at = models.DateTimeField(null=True)
    channel_due_at = models.DateTimeField(null=True)
    """When the provider is asked again to tell us of changes; null when it cannot."""

    class Meta:
        db_table = "calendars_calendars"
        ordering = ["-is_primary", "name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "remote_id"], name="remote_calendar_once"),
            models.UniqueConstraint(
                fields=["workspace", "user"], condition=Q(write_here=True), name="one_calendar_written_to"
            ),
            models.CheckConstraint(
                condition=Q(write_here=False) | Q(is_writable=True), name="written_calendar_is_writable"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=SYNCED, name="remote_calendar_due"),
            models.Index(
                fields=["channel_id"], condition=~Q(channel_id=""), name="remote_calendar_by_channel"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def health(self, now: datetime) -> Health:
        """Whether what is known of it can still be believed. Needs `account`."""
        return health_of(
            self.account.kind,
            is_out_of_reach=self.account.is_broken or self.is_gone,
            synced_at=self.synced_at,
            connected_at=self.account.created_at,
            now=now,
        )

    @property
    def poll_every_minutes(self) -> int:
        """How often it is read when nobody tells us of changes."""
        return int(POLL[self.account.kind].total_seconds() // 60)


class RemoteBusy(models.Model):
    """A piece of time in the mirror of somebody's calendar. It may overlap any other; titles are not kept."""

    id = models.BigAutoField(primary_key=True)
    calendar = models.ForeignKey(RemoteCalendar, on_delete=models.CASCADE, related_name="mirror")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    during = DateTimeRangeField()
    is_busy = models.BooleanField()
    """False for what the calendar shows as free (RFC 5545 TRANSP:TRANSPARENT) and for declined invitations."""
    all_day = models.BooleanField(default=False)
    remote_id = models.CharField(max_length=1200)
    """The event as its provider names it; several pieces share it where a series is one object."""
    etag = models.CharField(max_length=200, blank=True)
    own_key = models.UUIDField(null=True)
    """The key of an event that we wrote ourselves: that time is counted in `BusyTime` already."""

    class Meta:
        db_table = "calendars_remote_busy"
        indexes = [
            GistIndex(
                fields=["user", "during"],
                condition=Q(is_busy=True, own_key=None),
                name="remote_busy_of_user",
            ),
            models.Index(fields=["calendar", "remote_id"], name="remote_busy_by_event"),
            models.Index(fields=["own_key"], condition=Q(own_key__isnull=False), name="remote_busy_own"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    during__isempty=False,
                    during__startswith__isnull=False,
                    during__endswith__isnull=False,
                    during__lower_inc=True,
                    during__upper_inc=False,
                ),
                name="remote_busy_half_open_and_bounded",
            )
        ]

    def __str__(self) -> str:
        return f"{self.remote_id} {self.during}"


class Owed(models.Model):
    """Something of ours that somebody's provider should have as it stands here: an event, a meeting.

    What it should say is not kept here: the app that owns `topic` is asked each time (`registry`). `version` rises
    whenever that may have changed; the row is due until `written_version` has caught up.
    """

    key = models.UUIDField(primary_key=True, editable=False)
    """Derived from topic, id and owner: by it the provider's one is found again."""
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    topic = models.CharField(max_length=40)
    topic_id = models.UUIDField()
    version = models.PositiveIntegerField(default=1)
    written_version = models.PositiveIntegerField(default=0)
    written_at = models.DateTimeField(null=True)
    is_there = models.BooleanField(default=False)
    due_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    dead_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    remote_id = models.CharField(max_length=1000, blank=True, db_default="")
    """The provider's own id for it; empty until it is known."""
    told_title = models.CharField(max_length=500, blank=True, db_default="")
    told_start = models.DateTimeField(null=True)
    told_end = models.DateTimeField(null=True)
    """What the provider was last told, and took; it stays when the thing is removed there."""
    failed_before = models.PositiveIntegerField(db_default=0)
    """How many tries failed before the last that went through."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.topic} {self.topic_id}"

    @property
    def is_current(self) -> bool:
        """Whether the provider has it as it should be."""
        return self.written_version == self.version

    @property
    def failed_tries(self) -> int:
        """How many tries failed so far, or before the one that went through."""
        if self.is_current:
            return self.failed_before
        return self.failures + (self.dead_at is not None) if self.last_error else 0


class OwnEvent(Owed):
    """An event of ours in somebody's calendar, in the one that was his to be written to when it began.

    The provider's id is derived from the key: a repeat finds the first.
    """

    noun = "event"
    calendar = models.ForeignKey(RemoteCalendar, on_delete=models.CASCADE, related_name="own_events")

    class Meta:
        db_table = "calendars_own_events"
        constraints = [
            models.UniqueConstraint(fields=["topic_id", "topic", "user"], name="own_event_once"),
            models.CheckConstraint(
                condition=Q(written_version__lte=F("version")), name="own_event_never_ahead_of_itself"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(version__gt=F("written_version"), dead_at=None),
                name="own_event_due",
            ),
        ]

    @property
    def is_stuck(self) -> bool:
        """Whether somebody has to do something before it is current. Needs the account."""
        return not self.is_current and (self.dead_at is not None or self.calendar.account.is_broken)

    @property
    def label(self) -> str:
        """Whose provider it is at. Needs the account."""
        return self.calendar.account.kind.label


class OwnMeeting(Owed):
    """A meeting of ours at somebody's provider of meeting links: in the account of this kind that he has by then.

    These providers give ids of their own. Until one is known here, ours is found by the key, which the meeting carries.
    """

    noun = "meeting"
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.label) for kind in MEETING_KINDS])
    join_url = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "calendars_own_meetings"
        constraints = [
            models.UniqueConstraint(fields=["topic_id", "topic", "user"], name="own_meeting_once"),
            models.CheckConstraint(
                condition=Q(written_version__lte=F("version")), name="own_meeting_never_ahead_of_itself"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(version__gt=F("written_version"), dead_at=None),
                name="own_meeting_due",
            ),
        ]

    @property
    def label(self) -> str:
        return ProviderKind(self.kind).label


class Feed(models.Model):
    """The secret address at which other programs read a member's bookings. Of the address only a hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    generation = models.PositiveIntegerField(default=0)
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()

    class Meta:
        db_table = "calendars_feeds"
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="feed_once_per_member")]

    def __str__(self) -> str:
        return f"feed of {self.user}"
