"""Days out of office: a member hosts nothing on them. Bookings already made keep their time."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from scheduling.models import OutOfOffice
from workestra.accounts.models import Membership, User
from workestra.audit import services as audit

TARGET: Final = "out_of_office"


def add_absence(
    *, user: User, first_day: date, last_day: date, note: str, by: Membership, now: datetime
) -> OutOfOffice:
    """Close every link for this host from the first day to the last, both included, on his own clock.

    The caller has made sure that `by` may, and that the last day is not before the first.
    """
    with transaction.atomic():
        absence = OutOfOffice.objects.create(
            workspace=by.workspace, user=user, first_day=first_day, last_day=last_day, note=note
        )
        _record("out_of_office.added", absence, by, now, after=_facts(absence))
    return absence


def change_absence(
    *, absence_id: UUID, first_day: date, last_day: date, note: str, by: Membership, now: datetime
) -> OutOfOffice | None:
    """Move the days, or say something else of them; whose they are stays. None when they have been removed since.

    The caller has made sure of what `add_absence` asks for.
    """
    with transaction.atomic():
        absence = _held(absence_id, by)
        if absence is not None:
            before = _facts(absence)
            absence.first_day, absence.last_day, absence.note = first_day, last_day, note
            if _facts(absence) != before:
                absence.save(update_fields=["first_day", "last_day", "note"])
                _record("out_of_office.changed", absence, by, now, before=before, after=_facts(absence))
    return absence


def remove_absence(*, absence_id: UUID, by: Membership, now: datetime) -> OutOfOffice | None:
    """Open these days again; None when somebody did already. Gives what was removed."""
    with transaction.atomic():
        absence = _held(absence_id, by)
        if absence is not None:
            _record("out_of_office.removed", absence, by, now, before=_facts(absence))
            OutOfOffice.objects.filter(pk=absence.pk).delete()
    return absence


def _held(absence_id: UUID, by: Membership) -> OutOfOffice | None:
    """The absence of the member's workspace, locked."""
    found = OutOfOffice.objects.select_for_update(of=("self",)).select_related("user")
    return found.filter(pk=absence_id, workspace=by.workspace_id).first()


def _facts(absence: OutOfOffice) -> dict[str, Any]:
    return {
        "first_day": absence.first_day.isoformat(),
        "last_day": absence.last_day.isoformat(),
        "note": absence.note,
    }


def _record(action: str, absence: OutOfOffice, by: Membership, now: datetime, **more: Any) -> None:
    audit.record(
        workspace_id=absence.workspace_id,
        action=action,
        target_type=TARGET,
        target_id=absence.pk,
        target_name=absence.user.name,
        at=now,
        actor=by.user,
        **more,
    )
