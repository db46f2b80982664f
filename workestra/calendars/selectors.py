"""What is known of people's calendars, from the mirror alone: nothing here asks a provider."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Final, Self
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership
from workestra.calendars.domain.health import STALE_AFTER, health_of
from workestra.calendars.domain.kinds import CALENDAR_KINDS, MEETING_KINDS, ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import (
    SYNCED,
    CalendarAccount,
    Feed,
    OwnEvent,
    OwnMeeting,
    RemoteBusy,
    RemoteCalendar,
)

FEED: Final = "feed"
"""What tokens of feeds are made for."""


SETTLED: Final = timedelta(minutes=2)
"""So long after it was written an event is in what a provider answers."""


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

    def with_another(self, calendar: Self) -> Self:
        """With what one more of his calendars says."""
        return type(self)(
            tuple(sorted(self.busy + calendar.busy)),
            min(filter(None, (self.stale_since, calendar.stale_since)), default=None),
            min(filter(None, (self.known_until, calendar.known_until)), default=None),
        )


_NOTHING: Final = KnownBusy()

# Asked for every booking page: Django would take several times as long to write it as PostgreSQL to answer it.
_BUSY: Final = """
    SELECT calendar.user_id, account.provider, account.state,
        calendar.synced_at, account.created_at, calendar.window_end,
        ARRAY(
            SELECT mirror.during
            FROM calendars_remote_busy mirror
            WHERE mirror.user_id = calendar.user_id AND mirror.calendar_id = calendar.id
                AND mirror.during && %(within)s AND mirror.is_busy AND mirror.own_key IS NULL
            ORDER BY mirror.during
        )
    FROM calendars_calendars calendar
    JOIN calendars_accounts account ON account.id = calendar.account_id
    WHERE calendar.user_id = ANY(%(people)s) AND calendar.checked AND NOT calendar.is_gone
"""


def busy_of(user_ids: Collection[UUID], within: Period, now: datetime) -> Mapping[UUID, KnownBusy]:
    """For each of these people what their connected calendars say of `within`; an entry for everyone asked about.

    Free and declined events are left out, and so are those that we wrote ourselves. One query, whatever the number.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BUSY, {"people": list(user_ids), "within": _as_range(within)})
        calendars = cursor.fetchall()
    found: dict[UUID, KnownBusy] = {}
    for user_id, provider, state, synced_at, connected_at, window_end, spans in calendars:
        health = health_of(
            ProviderKind(provider),
            is_out_of_reach=state == CalendarAccount.State.BROKEN,
            synced_at=synced_at,
            connected_at=connected_at,
            now=now,
        )
        busy = tuple(Period(span.lower, span.upper) for span in spans)
        known = KnownBusy(busy, health.stale_since, window_end or connected_at)
        found[user_id] = found[user_id].with_another(known) if user_id in found else known
    return {user_id: found.get(user_id, _NOTHING) for user_id in user_ids}


def checked_calendars(user_ids: Collection[UUID]) -> QuerySet[RemoteCalendar]:
    """The calendars whose events block these people's time, with their accounts."""
    return (
        RemoteCalendar.objects.filter(user_id__in=list(user_ids), checked=True, is_gone=False)
        .select_related("account")
        .defer("account__credentials", "cursor")
    )


@dataclass(frozen=True, slots=True)
class SeenCalendar:
    """A calendar whose events block its owner's time, with those of a span as last read, by start.

    Events for whole days are apart. Those that we wrote ourselves, and what is free, are left out.
    """

    calendar: RemoteCalendar
    events: Sequence[Period]
    whole_days: Sequence[Period]


def seen_calendars(user_id: UUID, within: Period) -> list[SeenCalendar]:
    """A person's calendars, with accounts, as last read of this span. One query, whatever their number."""
    taken = RemoteBusy.objects.filter(
        calendar=OuterRef("pk"),
        user=OuterRef("user"),
        during__overlap=_as_range(within),
        is_busy=True,
        own_key=None,
    ).order_by("during")
    calendars = checked_calendars([user_id]).annotate(
        events=ArraySubquery(taken.filter(all_day=False).values("during")),
        whole_days=ArraySubquery(taken.filter(all_day=True).values("during")),
    )
    return [
        SeenCalendar(
            calendar,
            [Period(span.lower, span.upper) for span in calendar.events],
            [Period(span.lower, span.upper) for span in calendar.whole_days],
        )
        for calendar in calendars
    ]


def written_calendar(workspace_id: UUID, user_id: UUID) -> RemoteCalendar | None:
    """The calendar that this person's new bookings go to, with its account and him; None when there is none."""
    return (
        RemoteCalendar.objects.filter(
            workspace_id=workspace_id, user_id=user_id, write_here=True, is_gone=False
        )
        .select_related("account__user")
        .first()
    )


@dataclass(frozen=True, slots=True)
class Astray:
    """An event of ours that its owner has deleted from his calendar, or moved to another time (`moved_to`)."""

    event: OwnEvent
    moved_to: Period | None


def astray(topic: str, topic_id: UUID, meant: Period) -> list[Astray]:
    """The events about this that were written and are no longer where they are `meant` to be, as last read.

    Nothing is said of calendars that are not read, nor of events written so shortly before the last reading that it may
    have missed them. One query, two when there is an event to look for.
    """
    events = {
        event.key: event
        for event in OwnEvent.objects.filter(
            topic=topic,
            topic_id=topic_id,
            is_there=True,
            written_version=F("version"),
            calendar__checked=True,
            calendar__is_gone=False,
            calendar__account__state=CalendarAccount.State.CONNECTED,
            calendar__synced_at__gt=F("written_at") + SETTLED,
        )
        .select_related("user", "calendar__account")
        .defer("calendar__account__credentials")
    }
    seen = own_events(events) if events else {}
    return [Astray(event, seen.get(key)) for key, event in events.items() if seen.get(key) != meant]


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


def calendar_accounts_of(member: Membership) -> QuerySet[CalendarAccount]:
    """Those of the member's own accounts that have calendars, as `accounts_of`."""
    return accounts_of(member).filter(provider__in=CALENDAR_KINDS)


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


def broken_accounts(member: Membership) -> Sequence[ProviderKind]:
    """The kinds of the member's accounts that need reconnecting, of calendars and of meeting links, oldest first; one
    kind as often as it has such accounts."""
    broken = accounts_of(member).filter(state=CalendarAccount.State.BROKEN)
    return [ProviderKind(provider) for provider in broken.values_list("provider", flat=True)]


@dataclass(frozen=True, slots=True)
class Unread:
    """An account whose checked calendars could not be read `since` then; `account` has its owner."""

    account: CalendarAccount
    since: datetime


def unread_accounts(members: QuerySet[Membership], now: datetime) -> tuple[list[Unread], int]:
    """The accounts of these members that are broken, or have a checked calendar that was not read in time.

    Longest first, and beside them how many accounts with calendars they have.

    One that was connected a moment ago, and has not been read yet, is given its time. Two queries.
    """
    accounts = CalendarAccount.objects.filter(
        Exists(members.filter(workspace=OuterRef("workspace"), user=OuterRef("user"))),
        provider__in=CALENDAR_KINDS,
    )
    late = Q(pk=None)
    for kind in CALENDAR_KINDS:
        late |= Q(account__provider=kind) & Q(seen__lt=now - STALE_AFTER[kind])
    unread = (
        RemoteCalendar.objects.filter(account=OuterRef("pk"), checked=True, is_gone=False)
        .annotate(seen=Coalesce("synced_at", "account__created_at"))
        .filter(late)
        .order_by("seen")
        .values("seen")[:1]
    )
    found = (
        accounts.annotate(late_since=Subquery(unread))
        .filter(Q(state=CalendarAccount.State.BROKEN) | Q(late_since__isnull=False))
        .select_related("user")
        .defer("credentials")
    )
    rows = [
        Unread(
            account, account.late_since or account.state_since if account.is_broken else account.late_since
        )
        for account in found
    ]
    return sorted(rows, key=lambda row: row.since), accounts.count()


_BROKEN_OF_MEMBER: Final = CalendarAccount.objects.filter(
    workspace=OuterRef("workspace"), user=OuterRef("user"), state=CalendarAccount.State.BROKEN
)
HAS_BROKEN_CALENDAR: Final = Exists(_BROKEN_OF_MEMBER.filter(provider__in=CALENDAR_KINDS))
HAS_BROKEN_MEETINGS: Final = Exists(_BROKEN_OF_MEMBER.filter(provider__in=MEETING_KINDS))
"""Whether a membership has an account with calendars, or one that makes meeting links, that needs reconnecting; in the
query that finds who is signed in."""


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
        _of_account_to_ask("account"),
        due_at__lte=Now(),
    ).order_by("due_at", "id")


def due_to_write() -> QuerySet[OwnEvent]:
    """Events of ours that may not be as they should, whose turn it is by the database's clock; longest due first."""
    return OwnEvent.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=Now()),
        _of_account_to_ask("calendar__account"),
        version__gt=F("written_version"),
        dead_at=None,
        due_at__lte=Now(),
    ).order_by("due_at", "key")


_ACCOUNT_OF_MEETING: Final = CalendarAccount.objects.filter(
    workspace=OuterRef("workspace"), user=OuterRef("user"), provider=OuterRef("kind")
)
"""The account that a meeting is made with, in a query of meetings."""


def due_to_make() -> QuerySet[OwnMeeting]:
    """Meetings that may not be as they should, whose turn it is by the database's clock; longest due first.

    Those in an account that needs reconnecting, or whose provider has asked to be left alone, wait for that.
    """
    waiting = _ACCOUNT_OF_MEETING.filter(Q(state=CalendarAccount.State.BROKEN) | Q(quiet_until__gt=Now()))
    return OwnMeeting.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=Now()),
        ~Exists(waiting),
        version__gt=F("written_version"),
        dead_at=None,
        due_at__lte=Now(),
    ).order_by("due_at", "key")


def meeting_account(workspace_id: UUID, user_id: UUID, kind: ProviderKind) -> CalendarAccount | None:
    """The account that makes this person's meetings of this kind, with him; None when he has connected none."""
    accounts = CalendarAccount.objects.filter(workspace=workspace_id, user=user_id, provider=kind)
    return accounts.select_related("user").first()


def without_meeting_account(
    workspace_id: UUID, user_ids: Collection[UUID]
) -> Mapping[ProviderKind, frozenset[UUID]]:
    """For each provider of links, who of these people has no account there that works. One query."""
    working = CalendarAccount.objects.filter(
        workspace=workspace_id,
        user__in=user_ids,
        provider__in=MEETING_KINDS,
        state=CalendarAccount.State.CONNECTED,
    )
    there = set(working.values_list("provider", "user_id"))
    return {
        kind: frozenset(user_id for user_id in user_ids if (kind.value, user_id) not in there)
        for kind in MEETING_KINDS
    }


def without_conference(workspace_id: UUID, user_ids: Collection[UUID]) -> frozenset[UUID]:
    """Who of these people has no calendar that is written to and whose provider makes a meeting link with the event."""
    written = RemoteCalendar.objects.filter(
        workspace=workspace_id,
        user__in=user_ids,
        write_here=True,
        is_gone=False,
        account__provider__in=[kind for kind in CALENDAR_KINDS if kind.conference],
        account__state=CalendarAccount.State.CONNECTED,
    )
    return frozenset(user_ids) - set(written.values_list("user_id", flat=True))


def unmade_of(member: Membership) -> Sequence[OwnMeeting]:
    """The member's meetings that could not be made, or not be brought up to date, at the last try; oldest first."""
    tried = OwnMeeting.objects.filter(workspace=member.workspace, user=member.user_id).exclude(last_error="")
    return list(tried.order_by("created_at", "key"))


@dataclass(frozen=True, slots=True)
class OwedThere:
    """What a person's provider is owed; `is_held` while nothing is asked of it, for its account needs reconnecting."""

    row: OwnEvent | OwnMeeting
    is_held: bool


def owed_about(topic: str, topic_id: UUID) -> Sequence[OwedThere]:
    """The meetings at providers of links about this, then the events in calendars, newest first each, with whose they
    are and, of events, the calendar and its account. Two queries, however many there are."""
    meetings = (
        OwnMeeting.objects.filter(topic=topic, topic_id=topic_id)
        .select_related("user")
        .annotate(is_held=Exists(_ACCOUNT_OF_MEETING.filter(state=CalendarAccount.State.BROKEN)))
        .order_by("-created_at", "key")
    )
    events = (
        OwnEvent.objects.filter(topic=topic, topic_id=topic_id)
        .select_related("user", "calendar__account")
        .defer("calendar__account__credentials", "calendar__cursor")
        .order_by("-created_at", "key")
    )
    return [OwedThere(row, row.is_held) for row in meetings] + [
        OwedThere(row, row.calendar.account.is_broken) for row in events
    ]


def events_about(topic: str, user_id: UUID) -> Mapping[UUID, OwnEvent]:
    """The events of this topic in a person's calendars, by the thing they are about, with their accounts."""
    events = OwnEvent.objects.filter(topic=topic, user_id=user_id).select_related("calendar__account")
    return {event.topic_id: event for event in events.defer("calendar__account__credentials")}


def is_written_to(topic: str, topic_id: UUID, email: str) -> bool:
    """Whether the event about this goes into a calendar of the person with this address, so that he needs no file.

    Into one whose account is broken nothing goes until he connects it again.
    """
    events = OwnEvent.objects.filter(topic=topic, topic_id=topic_id, user__email=email, dead_at=None)
    return events.filter(calendar__account__state=CalendarAccount.State.CONNECTED).exists()


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
    return RemoteCalendar.objects.filter(
        SYNCED, _of_account_to_ask("account"), channel_due_at__lte=Now()
    ).order_by("channel_due_at", "id")


def _of_account_to_ask(account: str) -> Exists:
    """Whether its account lets us in, and its provider has not asked to be left alone."""
    return Exists(
        CalendarAccount.objects.filter(
            Q(quiet_until=None) | Q(quiet_until__lte=Now()),
            pk=OuterRef(account),
            state=CalendarAccount.State.CONNECTED,
        )
    )


def _as_range(period: Period) -> DateTimeTZRange:
    return DateTimeTZRange(period.start, period.end, "[)")
