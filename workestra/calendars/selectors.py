"""What is known of people's calendars, from the mirror alone: nothing here asks a provider."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Final
from uuid import UUID

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import SYNCED, CalendarAccount, Feed, OwnEvent, RemoteBusy, RemoteCalendar

FEED: Final = "feed"
"""What tokens of feeds are made for."""


@dataclass(frozen=True, slots=True)
class KnownBusy:
    """What the mirror knows of one person's time.

    `busy` is by start; periods may overlap each other. `stale_since` is since when one of his checked calendars could
    not be read (None: all were): what it has taken since is not in `busy`, and whether that time counts as free is for
    the caller to decide. `known_until` is where the shortest mirror ends; None when he has no checked calendar.
    """

    busy: tuple[Period, ...] = ()
    stale_since: datetime | None = None
    known_until: datetime | None = None

    def knows(self, within: Period) -> bool:
        """Whether `busy` is all there is in this span, by calendars that could be read."""
        return self.stale_since is None and (self.known_until is None or within.end <= self.known_until)


def busy_of(user_ids: Collection[UUID], within: Period, now: datetime) -> Mapping[UUID, KnownBusy]:
    """For each of these people what their connected calendars say of `within`; an entry for everyone asked about.

    Free and declined events are left out, and so are those that we wrote ourselves. Two queries, whatever the number;
    one when none of them has a calendar that counts.
    """
    checked = list(checked_calendars(user_ids))
    owners = {calendar.user_id for calendar in checked}
    spans: dict[UUID, list[Period]] = defaultdict(list)
    rows = RemoteBusy.objects.filter(
        user_id__in=owners,
        calendar__in=[calendar.pk for calendar in checked],
        during__overlap=_as_range(within),
        is_busy=True,
        own_key=None,
    )
    for user_id, during in rows.values_list("user_id", "during") if checked else ():
        spans[user_id].append(Period(during.lower, during.upper))
    since: dict[UUID, datetime] = {}
    until: dict[UUID, datetime] = {}
    for calendar in checked:
        user_id = calendar.user_id
        stale = calendar.health(now).stale_since
        if stale is not None:
            since[user_id] = min(stale, since.get(user_id, stale))
        end = calendar.window_end or calendar.account.created_at
        until[user_id] = min(end, until.get(user_id, end))
    return {
        user_id: KnownBusy(
            busy=tuple(sorted(spans[user_id])), stale_since=since.get(user_id), known_until=until.get(user_id)
        )
        for user_id in user_ids
    }


def checked_calendars(user_ids: Collection[UUID]) -> QuerySet[RemoteCalendar]:
    """The calendars whose events block these people's time, with their accounts."""
    return (
        RemoteCalendar.objects.filter(user_id__in=list(user_ids), checked=True, is_gone=False)
        .select_related("account")
        .defer("account__credentials", "cursor")
    )


def written_calendar(workspace_id: UUID, user_id: UUID) -> RemoteCalendar | None:
    """The calendar that this person's new bookings go to, with its account and him; None when there is none."""
    return (
        RemoteCalendar.objects.filter(
            workspace_id=workspace_id, user_id=user_id, write_here=True, is_gone=False
        )
        .select_related("account__user")
        .first()
    )


def own_events(keys: Collection[UUID]) -> Mapping[UUID, Period]:
    """Where our own events stand in people's calendars, by key, as last read; those that are gone are missing."""
    rows = RemoteBusy.objects.filter(own_key__in=list(keys)).values_list("own_key", "during")
    return {key: Period(during.lower, during.upper) for key, during in rows if key is not None}


def accounts_of(member: Membership) -> QuerySet[CalendarAccount]:
    """The member's own accounts, oldest first, with their calendars, without their credentials."""
    return (
        CalendarAccount.objects.filter(workspace=member.workspace, user=member.user_id)
        .defer("credentials")
        .prefetch_related("calendars")
        .order_by("created_at", "id")
    )


def unused_name(member: Membership, kind: ProviderKind, name: str) -> str:
    """`name`, with a number after it when the member has another account of this kind and name."""
    taken = set(accounts_of(member).filter(provider=kind).values_list("name", flat=True))
    base = name[:240].replace("\0", "")
    return next(
        each for number in count(1) if (each := f"{base} {number}" if number > 1 else base) not in taken
    )


def calendars_of(account: CalendarAccount) -> Sequence[RemoteCalendar]:
    """The account's calendars with the account, main one first."""
    calendars = list(account.calendars.all())
    for calendar in calendars:
        calendar.account = account
    return calendars


def broken_accounts(member: Membership) -> int:
    """How many of the member's accounts need reconnecting."""
    return accounts_of(member).filter(state=CalendarAccount.State.BROKEN).count()


def feed_of(member: Membership) -> Feed | None:
    return Feed.objects.filter(workspace=member.workspace, user=member.user_id).first()


def feed_token(feed: Feed) -> str | None:
    """The secret part of its address; None when the key it was made under is gone."""
    return tokens.reissue(FEED, feed.pk, feed.generation, feed.token_hash)


def feed_by_token(token: str) -> Feed | None:
    """The feed of a member who is still one, with user and workspace; None when there is none at this address."""
    at_work = Membership.objects.filter(
        workspace=OuterRef("workspace"), user=OuterRef("user"), is_active=True, user__is_active=True
    )
    feeds = Feed.objects.filter(Exists(at_work), token_hash=token_hash(token))
    return feeds.select_related("user", "workspace").first()


def due_to_read() -> QuerySet[RemoteCalendar]:
    """Calendars whose turn it is by the database's clock, and that nobody is reading; longest due first."""
    return RemoteCalendar.objects.filter(
        SYNCED,
        Q(leased_until=None) | Q(leased_until__lt=Now()),
        _of_connected_account(),
        due_at__lte=Now(),
    ).order_by("due_at", "id")


def due_to_write() -> QuerySet[OwnEvent]:
    """Events of ours that may not be as they should, whose turn it is by the database's clock; longest due first."""
    return OwnEvent.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=Now()),
        version__gt=F("written_version"),
        dead_at=None,
        due_at__lte=Now(),
        calendar__account__state=CalendarAccount.State.CONNECTED,
    ).order_by("due_at", "key")


def events_about(topic: str, user_id: UUID) -> Mapping[UUID, OwnEvent]:
    """The events of this topic in a person's calendars, by the thing they are about, with their accounts."""
    events = OwnEvent.objects.filter(topic=topic, user_id=user_id).select_related("calendar__account")
    return {event.topic_id: event for event in events.defer("calendar__account__credentials")}


def is_written_to(topic: str, topic_id: UUID, email: str) -> bool:
    """Whether the event about this goes into a calendar of the person with this address, so that he needs no file."""
    return OwnEvent.objects.filter(topic=topic, topic_id=topic_id, user__email=email, dead_at=None).exists()


def unwritten_of(member: Membership) -> Sequence[OwnEvent]:
    """What could not be written into the member's calendars and is tried no more, newest first, with its calendar."""
    return list(
        OwnEvent.objects.filter(workspace=member.workspace, user=member.user_id, dead_at__isnull=False)
        .select_related("calendar__account")
        .defer("calendar__account__credentials")
        .order_by("-dead_at", "key")
    )


def due_channels() -> QuerySet[RemoteCalendar]:
    """Calendars whose provider is to be asked (again) to tell us of changes."""
    return RemoteCalendar.objects.filter(SYNCED, _of_connected_account(), channel_due_at__lte=Now()).order_by(
        "channel_due_at", "id"
    )


def _of_connected_account() -> Exists:
    return Exists(
        CalendarAccount.objects.filter(pk=OuterRef("account"), state=CalendarAccount.State.CONNECTED)
    )


def _as_range(period: Period) -> DateTimeTZRange:
    return DateTimeTZRange(period.start, period.end, "[)")
