"""Writing down what was read of people's calendars, or why it could not be."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import F
from django.db.models.functions import Now

from workestra.audit.services import Actor, record
from workestra.calendars.domain.health import POLL, POLL_WITH_CHANNEL
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import SYNCED, CalendarAccount, RemoteBusy, RemoteCalendar
from workestra.calendars.providers.provider import CalendarFacts, Changes, Channel, Piece
from workestra.notifications.services import enqueue

BROKEN_MAIL: Final = "calendars.account_broken"
TELLING: Final = {ProviderKind.GOOGLE, ProviderKind.MICROSOFT}
"""The providers that tell of changes, at an https address."""
MOST_CALENDARS: Final = 200
LONGEST_ID: Final = 1000


def keep_list(account: CalendarAccount, calendars: Sequence[CalendarFacts], now: datetime) -> None:
    """Bring what is known of the account's calendars up to date; those that are no longer listed are gone."""
    with transaction.atomic():
        known = {calendar.remote_id: calendar for calendar in account.calendars.select_for_update()}
        # What a server calls by more than its address can be is not asked for again.
        for facts in [each for each in calendars if len(each.id) <= LONGEST_ID][:MOST_CALENDARS]:
            values: dict[str, Any] = {
                "name": facts.name[:254].replace("\0", ""),
                "is_primary": facts.is_primary,
                "is_writable": facts.is_writable,
                "is_gone": False,
            }
            calendar = known.pop(facts.id, None)
            if calendar is None:
                RemoteCalendar.objects.create(
                    account=account,
                    workspace_id=account.workspace_id,
                    user_id=account.user_id,
                    remote_id=facts.id,
                    channel_due_at=Now() if _can_tell(account.kind) else None,
                    **values,
                )
            else:
                if not facts.is_writable:
                    values["write_here"] = False
                RemoteCalendar.objects.filter(pk=calendar.pk).update(**values)
        for calendar in known.values():
            _forget(calendar)
        CalendarAccount.objects.filter(pk=account.pk).update(listed_at=now)


def mark_broken(account: CalendarAccount, reason: str, now: datetime) -> bool:
    """The account can no longer be read. Its owner gets one mail each time this happens; False when it was broken."""
    with transaction.atomic():
        row = (
            CalendarAccount.objects.select_for_update(no_key=True)
            .filter(pk=account.pk, state=CalendarAccount.State.CONNECTED)
            .select_related("user")
            .first()
        )
        if row is None:
            return False
        row.state, row.state_since, row.state_reason = CalendarAccount.State.BROKEN, now, reason[:200]
        row.breaks += 1
        row.save(update_fields=["state", "state_since", "state_reason", "breaks"])
        record_account(row, "account.broke", None, now, detail={"reason": row.state_reason})
        enqueue(
            workspace_id=row.workspace_id,
            topic="calendar account",
            topic_id=row.pk,
            kind=BROKEN_MAIL,
            recipient=row.user.email,
            seq=row.breaks,
        )
    return True


def store(calendar: RemoteCalendar, changes: Changes, window: Period, now: datetime) -> bool:
    """Write down what was read of a leased calendar; False, and nothing written, when the lease is no longer ours."""
    with transaction.atomic():
        row = (
            RemoteCalendar.objects.select_for_update(no_key=True)
            .filter(SYNCED, pk=calendar.pk, attempts=calendar.attempts)
            .first()
        )
        if row is None:
            return False
        old = RemoteBusy.objects.filter(calendar=row)
        if not changes.is_complete:
            old = old.filter(remote_id__in=[_kept_id(remote_id) for remote_id in changes.events])
        old.delete()
        RemoteBusy.objects.bulk_create(
            (
                _as_kept(row, remote_id, piece)
                for remote_id, pieces in changes.events.items()
                for piece in pieces
                if not piece.period.is_empty
            ),
            batch_size=500,
        )
        every = POLL_WITH_CHANNEL if _is_told(row, now) else POLL[calendar.account.kind]
        values: dict[str, Any] = {
            "cursor": changes.cursor,
            "synced_at": now,
            "leased_until": None,
            "failures": 0,
            "failing_since": None,
            "last_error": "",
        }
        if changes.is_complete:
            values |= {"window_start": window.start, "window_end": window.end, "fully_read_at": now}
        # A notice that came in while it was read has moved `due_at` into the past of now: it stays due.
        if row.due_at == calendar.due_at:
            values["due_at"] = Now() + every
        RemoteCalendar.objects.filter(pk=row.pk).update(**values)
    return True


def patch(calendar: RemoteCalendar, found: Changes, within: Period) -> bool:
    """Bring the mirror up to date in this span alone, by all that a calendar has in it; whether anything was different.

    Health stays as it is. What is different is read again soon; a reading that is under way may have begun before, and
    is not written down. Where one was since `calendar` was fetched, nobody knows which of the two is newer: everything
    is read anew.
    """
    with transaction.atomic():
        row = RemoteCalendar.objects.select_for_update(no_key=True).filter(SYNCED, pk=calendar.pk).first()
        if row is None:
            return False
        # Some providers give only what lies within the span: pieces are compared by their part in it.
        wanted = {
            (_kept_id(remote_id), part.start, part.end, piece.is_busy): piece
            for remote_id, pieces in found.events.items()
            for piece in pieces
            if (part := piece.period.clipped(within))
        }
        untrue = []
        for known in RemoteBusy.objects.filter(
            calendar=row, during__overlap=DateTimeTZRange(within.start, within.end, "[)")
        ):
            part = Period(known.during.lower, known.during.upper).clipped(within)
            if part and wanted.pop((known.remote_id, part.start, part.end, known.is_busy), None) is None:
                untrue.append(known.pk)
        is_different = bool(untrue or wanted)
        if is_different:
            RemoteBusy.objects.filter(pk__in=untrue).delete()
            RemoteBusy.objects.bulk_create(_as_kept(row, key[0], piece) for key, piece in wanted.items())
            values: dict[str, Any] = {"due_at": Now(), "leased_until": None, "attempts": F("attempts") + 1}
            if row.cursor != calendar.cursor:
                values["cursor"] = ""
            RemoteCalendar.objects.filter(pk=row.pk).update(**values)
    return is_different


def put_off(calendar: RemoteCalendar, pause: timedelta, reason: str, now: datetime) -> None:
    """A leased calendar could not be read: again after `pause`."""
    ours = RemoteCalendar.objects.filter(pk=calendar.pk, attempts=calendar.attempts)
    ours.update(
        leased_until=None,
        due_at=Now() + pause,
        failures=calendar.failures + 1,
        failing_since=calendar.failing_since or now,
        last_error=reason[:300].replace("\0", ""),
    )


def keep_channel(
    calendar: RemoteCalendar, channel: Channel | None, secret: str, now: datetime, pause: timedelta
) -> None:
    """Remember the promise to be told of changes until it is to be renewed, at half of its life; without one, ask again
    after `pause`."""
    values: dict[str, Any] = {"channel_due_at": Now() + pause}
    if channel is not None:
        values = {
            "channel_id": channel.id,
            "channel_resource": channel.resource[:300],
            "channel_secret_hash": hash_of(secret),
            "channel_expires_at": channel.expires_at,
            "channel_due_at": Now() + max((channel.expires_at - now) / 2, timedelta(minutes=5)),
        }
    RemoteCalendar.objects.filter(pk=calendar.pk).update(**values)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _as_kept(calendar: RemoteCalendar, remote_id: str, piece: Piece) -> RemoteBusy:
    return RemoteBusy(
        calendar=calendar,
        user_id=calendar.user_id,
        during=DateTimeTZRange(piece.period.start, piece.period.end, "[)"),
        is_busy=piece.is_busy,
        all_day=piece.all_day,
        remote_id=_kept_id(remote_id),
        etag=piece.etag[:200].replace("\0", ""),
        own_key=piece.own_key,
    )


def _kept_id(remote_id: str) -> str:
    """An event's id as the mirror keeps it: calendars hold what no column does."""
    return remote_id.replace("\0", "")[:1200]


def _forget(calendar: RemoteCalendar) -> None:
    RemoteBusy.objects.filter(calendar=calendar).delete()
    RemoteCalendar.objects.filter(pk=calendar.pk).update(is_gone=True, write_here=False, cursor="")


def _is_told(calendar: RemoteCalendar, now: datetime) -> bool:
    return bool(calendar.channel_expires_at and calendar.channel_expires_at > now)


def _can_tell(kind: ProviderKind) -> bool:
    return kind in TELLING and settings.SITE_URL.startswith("https://")


def record_account(
    account: CalendarAccount,
    action: str,
    actor: Actor | None,
    at: datetime,
    detail: dict[str, Any] | None = None,
) -> None:
    record(
        workspace_id=account.workspace_id,
        action=action,
        target_type="calendar account",
        target_id=account.pk,
        target_name=str(account),
        actor=actor,
        at=at,
        detail=detail,
    )
