"""A host leaves: what he offers is withdrawn, and what is held for it is free in the transaction in which he does."""

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from one_off.calendar_events import renew_placeholders
from one_off.models import OneOff
from one_off.selectors import in_state
from one_off.services import record
from scheduling.services.busy_time import LockedHosts, with_hosts_locked
from workestra.accounts.models import Membership, User


def withdraw_all(
    locked: LockedHosts, *, workspace_id: UUID, host_id: UUID, now: datetime, actor: User | None = None
) -> int:
    """Withdraw every open one-off of this host, who is locked, in this workspace; how many there were.

    Those whose closing time is over are left to the expiry job: what they held blocks nothing since.
    """
    mine = OneOff.objects.filter(in_state(OneOff.State.OPEN, now), workspace=workspace_id, host=host_id)
    gone = list(mine.select_for_update(no_key=True).order_by("pk"))
    for one_off in gone:
        locked.free(one_off.pk)
        one_off.state, one_off.closed_at = OneOff.State.WITHDRAWN, now
        one_off.save(update_fields=["state", "closed_at"])
        record("one_off.withdrawn", one_off, now, actor=actor, after={"state": one_off.state})
    if gone:
        renew_placeholders(gone)
    return len(gone)


def withdraw_of_leavers(now: datetime) -> int:
    """Withdraw what those offer who have left without anybody's doing it there and then; how many one-offs that was."""
    left = _of_leavers(now).order_by("host").values_list("workspace", "host").distinct()
    return sum(_withdraw_of(workspace_id, host_id, now) for workspace_id, host_id in left)


def _withdraw_of(workspace_id: UUID, host_id: UUID, now: datetime) -> int:
    def work(locked: LockedHosts) -> int:
        return withdraw_all(locked, workspace_id=workspace_id, host_id=host_id, now=now)

    return with_hosts_locked([host_id], work)


def _of_leavers(now: datetime) -> QuerySet[OneOff]:
    at_work = Membership.objects.filter(
        user=OuterRef("host"), workspace=OuterRef("workspace"), is_active=True, user__is_active=True
    )
    return OneOff.objects.filter(~Exists(at_work), in_state(OneOff.State.OPEN, now))
