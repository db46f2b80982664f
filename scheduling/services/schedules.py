"""Making, changing and deleting schedules. What refers to one follows it; when it goes, its hours stay behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from scheduling.models import Schedule
from workestra.accounts.models import Membership
from workestra.audit import services as audit

TARGET: Final = "schedule"
COPY: Final = " copy"
NAME_LENGTH: Final = 80
FIELDS: Final = ("name", "timezone", "weekly_hours", "date_overrides")
HOURS: Final = FIELDS[1:]
_NAME_UNIQUE: Final = "schedule_name_once_per_owner"


class NameTaken(Exception):
    """Another schedule of the same person has this name. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a deleted schedule left its hours to, and in how many pools its hosts have the link's hours from now on."""

    links: int
    templates: int
    pools: int


def create_schedule(*, by: Membership, values: Mapping[str, Any], now: datetime) -> Schedule:
    """Make a schedule of `by`. `values` has its name, zone, weekly hours and single dates.

    Raises: NameTaken.
    """
    schedule = Schedule(workspace=by.workspace, owner=by.user, **{field: values[field] for field in FIELDS})
    with transaction.atomic():
        _save(schedule)
        _record("schedule.created", schedule, by, now, after=_facts(schedule))
    return schedule


def update_schedule(
    *, schedule_id: UUID, by: Membership, values: Mapping[str, Any], now: datetime
) -> Schedule:
    """Change a schedule of `by`, and with it everything that refers to it. What is equal already is not written.

    Bookings keep their time.

    Raises: NameTaken; Schedule.DoesNotExist when `by` has no such schedule.
    """
    with transaction.atomic():
        schedule = _locked(schedule_id, by)
        before = _facts(schedule)
        changed = [field for field in FIELDS if values[field] != before[field]]
        for field in changed:
            setattr(schedule, field, values[field])
        if changed:
            _save(schedule, update_fields=changed)
            _record(
                "schedule.updated",
                schedule,
                by,
                now,
                before={field: before[field] for field in changed},
                after={field: values[field] for field in changed},
            )
    return schedule


def duplicate_schedule(*, schedule_id: UUID, by: Membership, now: datetime) -> Schedule:
    """Make another schedule of `by` with the same hours and a free name; nothing refers to it yet.

    Raises: NameTaken when somebody is faster; Schedule.DoesNotExist when `by` has no such schedule.
    """
    schedule = _of(by).get(pk=schedule_id)
    names = {name.lower() for name in _of(by).values_list("name", flat=True)}
    longest = NAME_LENGTH - len(f"{COPY} 99")
    name, number = schedule.name[:longest] + COPY, 1
    while name.lower() in names:
        number += 1
        name = f"{schedule.name[:longest]}{COPY} {number}"
    return create_schedule(by=by, values=_facts(schedule) | {"name": name}, now=now)


def delete_schedule(*, schedule_id: UUID, by: Membership, now: datetime) -> Left:
    """Delete a schedule of `by`. Links and templates that refer to it get its hours as their own.

    Hosts who have it in a pool have the link's hours from now on.

    Raises: Schedule.DoesNotExist when `by` has no such schedule.
    """
    with transaction.atomic():
        # Templates, the schedule, links: the order in which saves, assignments and runs lock them.
        templates = Schedule(pk=schedule_id).managedeventtemplates
        _lock(templates.all())
        schedule = _locked(schedule_id, by)
        _lock(schedule.bookinglinks.all())
        hours = {field: getattr(schedule, field) for field in HOURS}
        left = Left(
            links=schedule.bookinglinks.update(schedule=None, **hours),
            templates=schedule.managedeventtemplates.update(schedule=None, **hours),
            pools=schedule.hosts.update(schedule=None),
        )
        _record(
            "schedule.deleted",
            schedule,
            by,
            now,
            before=_facts(schedule),
            detail={"links": left.links, "templates": left.templates, "pools": left.pools},
        )
        schedule.delete()
    return left


def _of(by: Membership) -> QuerySet[Schedule]:
    return Schedule.objects.filter(workspace=by.workspace_id, owner=by.user_id)


def _locked(schedule_id: UUID, by: Membership) -> Schedule:
    return _of(by).select_for_update(no_key=True).get(pk=schedule_id)


def _lock(rows: QuerySet[Any]) -> None:
    list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk", flat=True))


def _facts(schedule: Schedule) -> dict[str, Any]:
    return {field: getattr(schedule, field) for field in FIELDS}


def _save(schedule: Schedule, **how: Any) -> None:
    try:
        with transaction.atomic():
            schedule.save(**how)
    except IntegrityError as error:
        diagnostics = getattr(error.__cause__, "diag", None)
        if getattr(diagnostics, "constraint_name", None) == _NAME_UNIQUE:
            raise NameTaken(schedule.name) from error
        raise


def _record(action: str, schedule: Schedule, by: Membership, now: datetime, **more: Any) -> None:
    audit.record(
        workspace_id=schedule.workspace_id,
        action=action,
        target_type=TARGET,
        target_id=schedule.pk,
        target_name=schedule.name,
        at=now,
        actor=by.user,
        **more,
    )
