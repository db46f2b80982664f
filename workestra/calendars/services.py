"""Connecting accounts, choosing calendars, and hearing that one has changed."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership
from workestra.audit.services import Actor, record
from workestra.calendars import selectors, tasks
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.fields import BrokenSecret, Secret
from workestra.calendars.mirror import hash_of, keep_list, record_account
from workestra.calendars.models import (
    SYNCED,
    CalendarAccount,
    Feed,
    OwnEvent,
    OwnMeeting,
    RemoteBusy,
    RemoteCalendar,
)
from workestra.calendars.providers.provider import CalendarFacts, Grant
from workestra.notifications.doorbell import ring_on_commit

_EVENTS: Final = UUID("5d0b4c5e-1c39-4f5b-8f55-4a4c0e6f2b1d")


class Unwritable(Exception):
    """New bookings cannot go to this calendar: it is not the member's, is gone, or can only be read."""


def connect(
    member: Membership, kind: ProviderKind, grant: Grant, calendars: Sequence[CalendarFacts], now: datetime
) -> CalendarAccount:
    """Keep a granted access; an account of this name that is there already is mended by it.

    At first its main calendar (without one, every calendar) blocks time, and new bookings go to its main writable
    one when they go nowhere yet.
    """
    with transaction.atomic():
        account, is_new = keep_account(member, kind, grant, now)
        keep_list(account, calendars, now)
        if is_new:
            _choose_first(account)
        _read_soon(account.calendars.all())
        record_account(account, "account.connected" if is_new else "account.reconnected", member.user, now)
    return account


def keep_account(
    member: Membership, kind: ProviderKind, grant: Grant, now: datetime
) -> tuple[CalendarAccount, bool]:
    """Write down a granted access, in the caller's transaction; gives the account, and whether it is a new one.

    Of providers of meeting links a member has one account each: another one takes its place.
    """
    _lock_accounts_of(member)
    kept = {
        "credentials": Secret.of(grant.secrets),
        "scopes": list(grant.scopes),
        "state": CalendarAccount.State.CONNECTED,
        "state_since": now,
        "state_reason": "",
    }
    name = {"name": grant.name[:254].replace("\0", "")}
    which, told = ({}, kept | name) if kind.makes_meetings else (name, kept)
    account, is_new = CalendarAccount.objects.get_or_create(
        workspace=member.workspace,
        user=member.user,
        provider=kind,
        **which,
        defaults={**told, "created_at": now},
    )
    if not is_new:
        for field, value in told.items():
            setattr(account, field, value)
        account.save(update_fields=list(told))
    return account, is_new


def choose(
    member: Membership,
    checked: Collection[UUID],
    write_to: UUID | None,
    now: datetime,
    *,
    shown: Collection[UUID] | None = None,
) -> None:
    """Let these calendars of the member's block his time, and new bookings go to `write_to` (None: nowhere).

    Of the calendars that were not `shown`, and of accounts that need reconnecting, what blocks time stays as it is.

    Raises: Unwritable.
    """
    with transaction.atomic():
        _lock_accounts_of(member)
        mine = {
            calendar.pk: calendar
            for calendar in RemoteCalendar.objects.filter(
                workspace=member.workspace, user=member.user_id, is_gone=False
            ).select_related("account")
        }
        if write_to is not None and not (write_to in mine and mine[write_to].is_writable):
            raise Unwritable
        before = _choice(mine.values())
        for calendar in mine.values():
            if not calendar.account.is_broken and (shown is None or calendar.pk in shown):
                calendar.checked = calendar.pk in checked
            calendar.write_here = calendar.pk == write_to
        after = _choice(mine.values())
        if before == after:
            return
        checked = [calendar.pk for calendar in mine.values() if calendar.checked]
        # One at a time may be written to: the old one goes first.
        own = RemoteCalendar.objects.filter(pk__in=mine)
        own.update(write_here=False)
        own.filter(pk__in=checked).update(checked=True)
        own.exclude(pk__in=checked).update(checked=False)
        if write_to is not None:
            own.filter(pk=write_to).update(write_here=True)
        unread = own.exclude(SYNCED)
        RemoteBusy.objects.filter(calendar__in=unread).delete()
        unread.update(cursor="", synced_at=None, fully_read_at=None, window_start=None, window_end=None)
        _read_soon(own.filter(SYNCED, synced_at=None))
        record(
            workspace_id=member.workspace.pk,
            action="calendars.chosen",
            target_type="user",
            target_id=member.user_id,
            target_name=member.user.name,
            actor=member.user,
            at=now,
            before=before,
            after=after,
        )


def disconnect(account: CalendarAccount, actor: Actor, now: datetime) -> None:
    """Forget the account, its secrets and all that was read through it."""
    with transaction.atomic():
        record_account(account, "account.disconnected", actor, now)
        CalendarAccount.objects.filter(pk=account.pk).delete()


def read_again(account: CalendarAccount) -> None:
    """Have all of the account's calendars read as soon as possible."""
    with transaction.atomic():
        _read_soon(account.calendars.all())


def reseal() -> tuple[int, list[UUID]]:
    """Put all credentials under the first key: how many were under another one, and the ids of the accounts whose
    credentials no key opens."""
    resealed, lost = 0, []
    for account_id in CalendarAccount.objects.order_by("id").values_list("pk", flat=True):
        with transaction.atomic():
            account = CalendarAccount.objects.select_for_update(no_key=True).filter(pk=account_id).first()
            if account is None or account.credentials.is_current:
                continue
            try:
                account.credentials = account.credentials.resealed()
            except BrokenSecret:
                lost.append(account_id)
                continue
            account.save(update_fields=["credentials"])
            resealed += 1
    return resealed, lost


def noticed(channel_id: str, secret: str, *, renew: bool = False, reread: bool = False) -> bool:
    """A provider tells that a calendar changed: read it soon. False when no channel has this id and secret.

    `renew` asks for another channel, `reread` has everything read anew.
    """
    # Anybody may call: what no provider sends (NUL, half of a surrogate pair) is asked of no database.
    if not (channel_id.isascii() and channel_id.isprintable() and secret.isascii()):
        return False
    with transaction.atomic():
        own = RemoteCalendar.objects.filter(channel_id=channel_id, channel_secret_hash=hash_of(secret))
        if not channel_id or not own.exists():
            return False
        if renew:
            own.update(channel_due_at=Now())
        if reread:
            own.update(cursor="")
        _read_soon(own)
    return True


def new_feed_address(member: Membership, now: datetime) -> Feed:
    """Give the member's bookings a secret address; one that they had is dead at once."""
    with transaction.atomic():
        _lock_accounts_of(member)
        feed = selectors.feed_of(member)
        action = "feed.renewed" if feed else "feed.made"
        if feed is None:
            feed = Feed(workspace=member.workspace, user=member.user)
        else:
            feed.generation += 1
        feed.token_hash = token_hash(tokens.issue(selectors.FEED, feed.pk, feed.generation))
        feed.made_at = now
        feed.save()
        _record_feed(member, action, now)
    return feed


def close_feed(member: Membership, now: datetime) -> None:
    """No address any more; nothing happens when there was none."""
    with transaction.atomic():
        gone, _ = Feed.objects.filter(workspace=member.workspace, user=member.user_id).delete()
        if gone:
            _record_feed(member, "feed.closed", now)


def _record_feed(member: Membership, action: str, now: datetime) -> None:
    record(
        workspace_id=member.workspace.pk,
        action=action,
        target_type="user",
        target_id=member.user_id,
        target_name=member.user.name,
        actor=member.user,
        at=now,
    )


def begin_events(
    *, workspace_id: UUID, topic: str, topic_ids: Collection[UUID], user_ids: Collection[UUID]
) -> None:
    """Have an event about each of these things in the calendar that each of these people's new bookings go to, where he
    has chosen one; those that are there already are brought up to date. Nobody is asked here.

    In the caller's transaction: the event and what it is about stand or fall together.
    """
    there = renew_events(topic, topic_ids)
    written = RemoteCalendar.objects.filter(
        workspace=workspace_id, user__in=user_ids, write_here=True, is_gone=False
    )
    begun = [
        OwnEvent(
            key=uuid5(_EVENTS, f"{topic} {topic_id} {calendar.user_id}"),
            workspace_id=workspace_id,
            user_id=calendar.user_id,
            calendar=calendar,
            topic=topic,
            topic_id=topic_id,
        )
        for calendar in written
        for topic_id in topic_ids
        if (topic_id, calendar.user_id) not in there
    ]
    if begun:
        OwnEvent.objects.bulk_create(begun)
        ring_on_commit(tasks.write_events)


def renew_events(topic: str, topic_ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """Have the events about these things, wherever they are, brought up to date; gives each one's thing and person.

    In the caller's transaction, like `begin_events`.
    """
    assert connection.in_atomic_block, "events are written in the transaction of what they are about"
    known = OwnEvent.objects.filter(topic=topic, topic_id__in=topic_ids)
    there = set(known.values_list("topic_id", "user_id"))
    if there:
        known.update(
            version=F("version") + 1,
            due_at=Now(),
            dead_at=None,
            failures=0,
            failing_since=None,
            last_error="",
        )
        ring_on_commit(tasks.write_events)
    return there


def write_again(member: Membership) -> int:
    """Try once more to write what was given up of the member's; how many that was."""
    with transaction.atomic():
        mine = OwnEvent.objects.filter(workspace=member.workspace, user=member.user_id)
        return revive(mine.filter(dead_at__isnull=False))


def try_again(owed: OwnEvent | OwnMeeting) -> bool:
    """Try at once what was given up or put off; False when it is as it should be, or being tried."""
    with transaction.atomic():
        idle = Q(leased_until=None) | Q(leased_until__lt=Now())
        rows: QuerySet[Any] = type(owed)._default_manager.filter(
            idle, pk=owed.pk, version__gt=F("written_version")
        )
        return bool(revive(rows))


def revive(rows: QuerySet[Any]) -> int:
    """Have these events, or these meetings, tried at once; how many they are. In the caller's transaction."""
    revived = rows.update(dead_at=None, failures=0, failing_since=None, due_at=Now())
    if revived:
        ring_on_commit(tasks.write_events if rows.model is OwnEvent else tasks.make_meetings)
    return revived


def _choose_first(account: CalendarAccount) -> None:
    calendars = account.calendars.all()
    main = calendars.filter(is_primary=True) or calendars
    RemoteCalendar.objects.filter(pk__in=[calendar.pk for calendar in main]).update(checked=True)
    written = RemoteCalendar.objects.filter(
        workspace=account.workspace_id, user=account.user_id, write_here=True
    )
    writable = calendars.filter(is_writable=True).order_by("-is_primary", "name", "id").first()
    if writable and not written.exists():
        RemoteCalendar.objects.filter(pk=writable.pk).update(write_here=True)


def _read_soon(calendars: Any) -> None:
    calendars.update(due_at=Now(), failures=0)
    ring_on_commit(tasks.read_calendars)


def _lock_accounts_of(member: Membership) -> None:
    # The user's row stands for all his accounts, also for one that is not there yet.
    type(member.user)._default_manager.select_for_update(no_key=True).get(pk=member.user_id)


def _choice(calendars: Iterable[RemoteCalendar]) -> dict[str, Any]:
    named = sorted(calendars, key=lambda calendar: (str(calendar.account), calendar.name, calendar.pk))
    return {
        "checked": [f"{each.account}: {each.name}" for each in named if each.checked],
        "written to": next((f"{each.account}: {each.name}" for each in named if each.write_here), ""),
    }
