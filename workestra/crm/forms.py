"""The forms of people, of what happened with them, and of opportunities."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms

from workestra.crm.domain.addresses import normalized_email
from workestra.crm.domain.money import DIGITS
from workestra.crm.domain.stages import DEAL_STAGES, OUTCOMES, STAGES
from workestra.crm.models import Activity, Opportunity, Person
from workestra.crm.plans import MergePlan
from workestra.look.fields import LineField, LinesField
from workestra.look.forms import DateField, Picks, Segments, TimeField

MOST: Final = 10**12
"""More than any deal is worth, in any currency."""
WRITTEN: Final = [choice for choice in Activity.Kind.choices if choice[0] != Activity.Kind.STAGE]


class PersonForm(forms.Form):
    """What is known of a person. `values` are what `services.create_person` takes."""

    name = LineField(label="Name", max_length=120, error_messages={"required": "Write a name."})
    email = forms.EmailField(
        label="Email",
        error_messages={"required": "Write an address: bookings are matched by it."},
        help_text="Bookings with this address belong to this person.",
    )
    phone = LineField(label="Phone", max_length=40, required=False)
    company = LineField(label="Company", max_length=120, required=False)
    lifecycle_stage = forms.ChoiceField(label="Lifecycle stage", choices=STAGES, widget=Picks)

    def __init__(self, data: Mapping[str, Any] | None = None, *, instance: Person | None = None) -> None:
        shown = instance or Person()
        names = ("name", "email", "phone", "company", "lifecycle_stage")
        super().__init__(data, initial={name: getattr(shown, name) for name in names})

    def clean_email(self) -> str:
        email = normalized_email(self.cleaned_data["email"])
        # Case folding may make it longer, or bring out characters that no address has.
        forms.EmailField(max_length=254).clean(email)
        return email

    @property
    def values(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class ActivityForm(forms.Form):
    """Something that happened. Day and time are on the member's clock; `at` is the instant they mean."""

    kind = forms.ChoiceField(label="What", choices=WRITTEN, widget=Segments)
    text = LinesField(
        label="What happened",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write what happened."},
    )
    day = forms.DateField(label="Day", widget=DateField, error_messages={"required": "Choose a day."})
    time = forms.TimeField(label="Time", widget=TimeField, error_messages={"required": "Choose a time."})

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        zone: ZoneInfo,
        now: datetime,
        instance: Activity | None = None,
    ) -> None:
        at = (instance.at if instance else now).astimezone(zone)
        super().__init__(
            data,
            initial={
                "kind": instance.kind if instance else Activity.Kind.NOTE,
                "text": instance.text if instance else "",
                "day": at.date(),
                "time": at.time().replace(second=0, microsecond=0),
            },
            auto_id="activity-%s",
        )
        self.zone = zone
        self.now = now
        self.at = at

    def clean(self) -> dict[str, Any]:
        """It has happened: not in the future, and not before anybody could have written it down."""
        cleaned = self.cleaned_data
        day, time = cleaned.get("day"), cleaned.get("time")
        if day is not None and time is not None:
            if day.year < 1970:
                self.add_error("day", "Choose a later day.")
            elif (
                # The day first: the last one there is has no instant in UTC from where it ends later.
                day > self.now.astimezone(self.zone).date()
                or (at := datetime.combine(day, time, self.zone).astimezone(UTC)) > self.now
            ):
                self.add_error("day", "This has not happened yet. Choose a day and time that have passed.")
            else:
                self.at = at
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        return {"kind": self.cleaned_data["kind"], "text": self.cleaned_data["text"], "at": self.at}


class OpportunityForm(forms.Form):
    """A deal. `values` are what `services.create_opportunity` takes."""

    title = LineField(label="Title", max_length=120, error_messages={"required": "Write what it is about."})
    stage = forms.ChoiceField(label="Stage", choices=DEAL_STAGES, widget=Picks)
    amount = forms.IntegerField(
        label="Amount",
        required=False,
        min_value=0,
        max_value=MOST,
        help_text="In whole units, such as 46000. Leave it empty when nothing is known.",
    )
    currency = forms.ChoiceField(label="Currency", choices=[(code, code) for code in sorted(DIGITS)])
    closes_on = forms.DateField(label="Closes", widget=DateField, required=False)
    outcome = forms.ChoiceField(label="Outcome", choices=OUTCOMES, widget=Segments, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, instance: Opportunity | None = None) -> None:
        shown = instance or Opportunity(currency="EUR")
        initial = {name: getattr(shown, name) for name in self.base_fields}
        super().__init__(data, initial=initial | {"amount": shown.amount or None})

    def clean_amount(self) -> int:
        return self.cleaned_data["amount"] or 0

    @property
    def values(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class MergeForm(forms.Form):
    """Whose value is kept, of each that two people differ in. `initial` says by name what was chosen before."""

    def __init__(
        self,
        plan: MergePlan,
        data: Mapping[str, Any] | None = None,
        *,
        initial: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data)
        for choice in plan.choices:
            if choice.is_asked:
                self.fields[choice.name] = forms.ChoiceField(
                    label=choice.label,
                    choices=[("kept", choice.kept or "None"), ("other", choice.other or "None")],
                    widget=Picks,
                    initial=(initial or {}).get(choice.name, choice.default),
                    error_messages={"required": "Choose one."},
                )

    @property
    def take(self) -> dict[str, str]:
        """Whose value it is to be, of each that was asked: "kept" or "other"."""
        return dict(self.cleaned_data)
