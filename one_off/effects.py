"""What time does to one-offs. Safe to repeat and to run twice at once: rows in use wait for the next run."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import DateTimeField, F, Func

from one_off.calendar_events import renew_placeholders
from one_off.models import OneOff
from scheduling.services import busy_time
from workestra.audit import services as audit

BATCH: Final = 200


def expire_over(now: datetime) -> int:
    """Mark every open one-off whose closing time is over by the database's clock, and free what expired holds keep.

    Nothing waits for this: a page, a pick and the slot engine look at the closing time themselves. `now` is only the
    time of the audit events. Gives how many were marked.
    """
    marked = 0
    while True:
        with transaction.atomic():
            over = list(
                OneOff.objects.select_for_update(no_key=True, skip_locked=True)
                .filter(
                    state=OneOff.State.OPEN,
                    expires_at__lte=Func(function="clock_timestamp", output_field=DateTimeField()),
                )
                .order_by("expires_at")[:BATCH]
            )
            OneOff.objects.filter(pk__in=[one_off.pk for one_off in over]).update(
                state=OneOff.State.EXPIRED, closed_at=F("expires_at")
            )
            busy_time.free_expired_holds()
            if over:
                renew_placeholders(over)
            for one_off in over:
                audit.record(
                    workspace_id=one_off.workspace_id,
                    action="one_off.expired",
                    target_type="one_off",
                    target_id=one_off.pk,
                    target_name=one_off.title,
                    at=now,
                    after={"state": OneOff.State.EXPIRED},
                )
        marked += len(over)
        if len(over) < BATCH:
            return marked
