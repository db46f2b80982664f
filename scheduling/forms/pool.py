"""The people of a pool: who is in it, with weight, own cap and own hours, in the order of their turns."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from scheduling.models import LinkHost, Schedule
from scheduling.services.links import Host
from workestra.accounts.models import Membership

WEIGHTS = range(1, 101)
CAPS = range(1, 501)


@dataclass(frozen=True, slots=True)
class TypedHost:
    """Somebody who can be in the pool: whether he is ticked, and what was typed beside him.

    `turn` is his place among those who take turns, from 1; 0 for those who are not in the pool. `schedules` are those
    he can have, `faulty` names what of him could not be read.
    """

    user_id: UUID
    name: str
    is_in: bool = False
    weight: str = "1"
    cap: str = ""
    schedule: str = ""
    turn: int = 0
    schedules: Sequence[Schedule] = ()
    faulty: Collection[str] = ()

    def host(self) -> Host | None:
        """What was typed, or None when something of it cannot be read."""
        weight, cap = _number(self.weight, WEIGHTS), _number(self.cap, CAPS)
        chosen = {str(schedule.pk): schedule.pk for schedule in self.schedules}
        if (
            weight is None
            or (self.cap.strip() and cap is None)
            or (self.schedule and self.schedule not in chosen)
        ):
            return None
        return Host(self.user_id, weight, cap, chosen.get(self.schedule))

    def checked(self) -> "TypedHost":
        """The same, with what is wrong in `faulty`."""
        faulty = set()
        if self.is_in and _number(self.weight, WEIGHTS) is None:
            faulty.add("weight")
        if self.is_in and self.cap.strip() and _number(self.cap, CAPS) is None:
            faulty.add("cap")
        return replace(self, faulty=faulty)


class PoolWidget(forms.Widget):
    """People with a tick and what goes with it.

    `<name>` repeats the ids of those ticked; `<name>-<id>-weight`, `-cap`, `-schedule`.
    """

    template_name = "scheduling/widgets/pool.html"
    use_fieldset = True
    people: Sequence[TypedHost] = ()

    def id_for_label(self, id_: str | None) -> str:
        return ""

    def value_from_datadict(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> tuple[list[str], list[TypedHost]]:
        ticked = data.getlist(name) if hasattr(data, "getlist") else list(data.get(name, ()))
        rows = []
        for person in self.people:
            key = f"{name}-{person.user_id}"
            typed = {
                part: data.get(f"{key}-{part}", getattr(person, part))
                for part in ("weight", "cap", "schedule")
            }
            rows.append(replace(person, is_in=str(person.user_id) in ticked, **typed))
        return ticked, rows

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["widget"]["people"] = [(f"{name}-{host.user_id}", host) for host in value[1]]
        return context


class PoolField(forms.Field):
    """Gives a list of `Host`, in the order of turns; empty when nobody is ticked."""

    widget = PoolWidget

    def clean(self, value: tuple[list[str], list[TypedHost]]) -> list[Host]:
        ticked, rows = value
        if set(ticked) - {str(row.user_id) for row in rows}:
            raise ValidationError("Somebody chosen is not in this workspace. Choose again.")
        hosts = []
        for row in rows:
            if not row.is_in:
                continue
            host = row.host()
            if host is None:
                raise ValidationError(_problem(row))
            hosts.append(host)
        return hosts

    def prepare_value(self, value: tuple[list[str], list[TypedHost]]) -> Any:
        ticked, rows = value
        return ticked, [row.checked() for row in rows]


def people_of(
    members: Sequence[Membership], hosts: Sequence[LinkHost], schedules: Sequence[Schedule]
) -> list[TypedHost]:
    """Everybody who can be ticked: the hosts in the order of their turns, also those who have left; then by name."""
    names = {member.user_id: member.user.name for member in members}
    in_turn = sorted(hosts, key=lambda host: (host.rotation, -host.weight, host.user_id))
    people = []
    for turn, host in enumerate(in_turn, 1):
        name = names.pop(host.user_id, "") or f"{host.user.name} (left)"
        offered = [schedule for schedule in schedules if schedule.owner_id == host.user_id]
        if host.schedule and host.schedule not in offered:
            offered.append(host.schedule)
        people.append(
            TypedHost(
                host.user_id,
                name,
                is_in=True,
                weight=str(host.weight),
                cap=str(host.max_per_day or ""),
                schedule=str(host.schedule_id or ""),
                turn=turn,
                schedules=offered,
            )
        )
    others = [
        TypedHost(user_id, name, schedules=[each for each in schedules if each.owner_id == user_id])
        for user_id, name in names.items()
    ]
    return people + sorted(others, key=lambda person: (person.name.casefold(), str(person.user_id)))


def _problem(row: TypedHost) -> str:
    if _number(row.weight, WEIGHTS) is None:
        return f"{row.name}: write a weight from {WEIGHTS[0]} to {WEIGHTS[-1]}."
    if row.cap.strip() and _number(row.cap, CAPS) is None:
        return f"{row.name}: write how many meetings a day fit, from {CAPS[0]} to {CAPS[-1]}, or nothing."
    return f"{row.name}: this schedule is not there any more. Choose again."


def _number(text: str, allowed: range) -> int | None:
    text = text.strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    return number if number in allowed else None
