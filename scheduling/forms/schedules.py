"""The forms of schedules and of days out of office."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from scheduling.domain.hours import Availability
from scheduling.domain.link_rules import longest_open
from scheduling.domain.typed_hours import YEARS
from scheduling.forms.fields import DatesField, WeekField, ZoneField
from scheduling.models import OutOfOffice, Schedule
from workestra.accounts.models import Membership
from workestra.look.fields import LineField
from workestra.look.forms import DateField

LONGEST_DAYS: Final = 366

Check = Callable[[Availability], str]
"""Why hours cannot be saved although they can be read, in a sentence; empty when they can."""


class ScheduleForm(forms.Form):
    """A schedule: its name and its hours. After `is_valid()`, `values` holds them and `hours` what they mean.

    `check` is asked about hours that have been read. Hours whose meaning did not change keep their stored form.
    """

    name = LineField(
        label="Name", max_length=80, error_messages={"required": "Give it a name, such as Working hours."}
    )
    timezone = ZoneField(label="Time zone")
    weekly_hours = WeekField(
        label="Days of the week",
        required=True,
        help_text="A window that ends before it starts runs past midnight and belongs to the day it starts on.",
    )
    date_overrides = DatesField(
        label="Dates that differ", help_text="A date here replaces the weekly hours of that day."
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        instance: Schedule | None = None,
        zone: str = "UTC",
        check: Check = lambda hours: "",
    ) -> None:
        self.stored = instance or Schedule(timezone=zone)
        self.check = check
        fields = ("name", "timezone", "weekly_hours", "date_overrides")
        super().__init__(data, initial={field: getattr(self.stored, field) for field in fields})

    @property
    def values(self) -> dict[str, Any]:
        """What was typed, by field."""
        return {name: self._kept(name, value) for name, value in self.cleaned_data.items()}

    @property
    def hours(self) -> Availability:
        """What was typed as hours."""
        values = self.values
        return Availability.from_json(values["timezone"], values["weekly_hours"], values["date_overrides"])

    def clean(self) -> dict[str, Any]:
        """Refuse hours that are none, and those that something else speaks against."""
        if not self.errors:
            hours = self.hours
            if not longest_open(hours):
                self.add_error("weekly_hours", "No day has hours. Tick a day, or add a date with hours.")
            elif problem := self.check(hours):
                self.add_error("weekly_hours", problem)
        return self.cleaned_data

    def _kept(self, name: str, value: Any) -> Any:
        stored = getattr(self.stored, name)
        field = self.fields[name]
        if isinstance(field, WeekField | DatesField):
            return stored if field.canonical(stored) == field.canonical(value) else value
        return value


class AbsenceForm(forms.Form):
    """Days out of office. `people` are those for whom they may be set; one alone is not asked for.

    With `absence` its days are changed, and stay whose they are.
    """

    user = forms.TypedChoiceField(label="Who", coerce=UUID)
    first_day = forms.DateField(
        label="First day", widget=DateField, error_messages={"required": "Choose the first day."}
    )
    last_day = forms.DateField(
        label="Last day",
        widget=DateField,
        required=False,
        help_text="The same day when left empty.",
    )
    note = LineField(
        label="Note", max_length=200, required=False, help_text="For yourself. Bookers never see it."
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        people: Sequence[Membership],
        me: Membership,
        today: date,
        absence: OutOfOffice | None = None,
    ) -> None:
        initial = (
            {"first_day": absence.first_day, "last_day": absence.last_day, "note": absence.note}
            if absence
            else {"user": str(me.user_id)}
        )
        super().__init__(data, initial=initial)
        self.absence = absence
        self.people = {person.user_id: person for person in people}
        self.today = today
        field = self.fields["user"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(key), person.user.name) for key, person in self.people.items()]
        field.error_messages["invalid_choice"] = "Choose somebody of whom you may change the calendar."
        if not self.asks_who:
            field.required = False
            field.widget = forms.HiddenInput()

    @property
    def asks_who(self) -> bool:
        return self.absence is None and len(self.people) > 1

    def clean(self) -> dict[str, Any]:
        """The last day is the first or later, not over, and not years away."""
        cleaned = self.cleaned_data
        if not self.asks_who:
            cleaned["user"] = self.absence.user_id if self.absence else next(iter(self.people))
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first is None or "last_day" not in cleaned:
            return cleaned
        last = cleaned["last_day"] = last or first
        if last < first:
            self.add_error("last_day", "The last day is before the first.")
        elif last < self.today:
            self.add_error("last_day", "These days are over.")
        elif (last - first).days >= LONGEST_DAYS or last.year not in YEARS:
            self.add_error("last_day", ValidationError(f"{LONGEST_DAYS} days fit at once."))
        return cleaned
