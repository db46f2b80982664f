"""What an invitee fills in when none of the times suits him."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField

from bookings.forms.public import BookerForm
from bookings.forms.words import WordsField
from bookings.services.booking import Booker
from one_off.models import MOST_PROPOSED
from scheduling.forms.times import instant_to_come
from workestra.calendars.domain import clock_words as words
from workestra.look.forms import DateField, TimeField

_DAMAGED: Final = "A part of the form was lost on the way. Load the page again."
_NUMBERS: Final = range(1, MOST_PROPOSED + 1)


class TimesForm(forms.Form):
    """Up to three starts, ticked or typed on the invitee's clock, and a few words.

    `picked` are those that are ticked. After cleaning `starts` are all of them, those first, each once.
    """

    nonce = forms.UUIDField(
        widget=forms.HiddenInput, error_messages=dict.fromkeys(("required", "invalid"), _DAMAGED)
    )
    message = WordsField()

    def __init__(
        self,
        *args: Any,
        zone: ZoneInfo,
        at: datetime,
        host: str,
        picked: Sequence[datetime] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.at, self.host, self.picked = zone, at, host, list(picked)
        self.fields["message"].label = f"A note for {host}"
        for number in _NUMBERS:
            self.fields[f"day{number}"] = forms.DateField(
                label=f"Time {number}: day",
                required=False,
                widget=DateField(),
                error_messages={"invalid": "Write the day as 2030-01-31"},
            )
            self.fields[f"start{number}"] = forms.TimeField(
                label="Start",
                required=False,
                widget=TimeField(),
                error_messages={"invalid": "Write the start as 16:30"},
            )

    @property
    def rows(self) -> list[tuple[BoundField, BoundField]]:
        return [(self[f"day{number}"], self[f"start{number}"]) for number in _NUMBERS]

    def clean(self) -> dict[str, Any]:
        for message in self.errors.get("nonce", ()):
            self.add_error(None, str(message))
        starts = list(self.picked)
        if any(start <= self.at for start in starts):
            self.add_error(None, "One of the times you ticked has passed. Take it out.")
        for number in _NUMBERS:
            day: date | None = self.cleaned_data.get(f"day{number}")
            start: time | None = self.cleaned_data.get(f"start{number}")
            if day is None and start is None:
                continue
            if day is None or start is None:
                missing = "day" if day is None else "start"
                if f"{missing}{number}" not in self.errors:
                    self.add_error(f"{missing}{number}", f"Add the {missing}")
                continue
            try:
                instant = instant_to_come(datetime.combine(day, start), self.zone, self.at)
            except ValidationError as error:
                self.add_error(f"start{number}", error)
                continue
            if instant in starts:
                self.add_error(f"start{number}", "You propose this time already")
            starts.append(instant)
        if not starts and not self.errors:
            self.add_error(None, "Propose at least one time")
        if len(starts) > MOST_PROPOSED:
            self.add_error(None, "Three times at most: take one out.")
        self.cleaned_data["starts"] = starts
        return super().clean() or self.cleaned_data

    def refuse(self, taken: Sequence[bool]) -> None:
        """Say of the starts, in order, which the host has not got."""
        filled = [number for number in _NUMBERS if self.cleaned_data.get(f"day{number}")]
        fields = [*[None] * len(self.picked), *(f"start{number}" for number in filled)]
        for start, field, is_taken in zip(self.cleaned_data["starts"], fields, taken, strict=True):
            if not is_taken:
                continue
            if field is None:
                when = f"{words.day(start.astimezone(self.zone).date())}, {words.clock(start, self.zone)}"
                self.add_error(None, f"{when}: {self.host} is not free then any more. It is taken out.")
                self.picked.remove(start)
            else:
                self.add_error(field, f"{self.host} is not free then. Propose another time")

    @property
    def has_typed(self) -> bool:
        """Whether a day or a time is typed."""
        return any(self[f"{name}{number}"].value() for name in ("day", "start") for number in _NUMBERS)


class ProposeForm(TimesForm, BookerForm):
    """The same of somebody who has not picked anything yet: who he is, too."""

    def booker(self, timezone: str) -> Booker:
        """Who proposes. Only for a valid form."""
        typed = self.cleaned_data
        return Booker(name=typed["name"], email=typed["email"], phone=typed["phone"], timezone=timezone)
