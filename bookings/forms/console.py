"""What a host types in the console."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from bookings.domain.fit import Fit
from bookings.domain.offers import MOST_ALTERNATIVES
from bookings.forms.words import WordsField
from bookings.models import Booking
from bookings.selectors.hosting import Substitute
from bookings.selectors.taken import Clash
from scheduling.forms.times import instant_to_come
from workestra.accounts.models import User
from workestra.calendars.domain import clock_words as words
from workestra.look.fields import LinesField
from workestra.look.forms import DateField, TimeField


@dataclass(frozen=True, slots=True)
class Typed:
    """A day and a start that somebody types, perhaps not to the end: the start they name, or what is wrong with them.

    Neither while one of the two is missing.
    """

    start: datetime | None = None
    problem: str = ""

    @classmethod
    def of(cls, form: forms.Form, day: str, time: str, start: Callable[[], datetime | None]) -> Self:
        if not (form[day].value() and form[time].value()):
            return cls()
        problems = [*form.errors.get(day, ()), *form.errors.get(time, ())]
        return cls(problem=problems[0]) if problems else cls(start())


class CancelForm(forms.Form):
    reason = WordsField(label="Reason", help_text="The booker reads it in the mail.", rows=3)


class AttendanceForm(forms.Form):
    attendance = forms.TypedChoiceField(
        choices=Booking.Attendance.choices,
        coerce=Booking.Attendance,
        required=False,
        empty_value=Booking.Attendance.UNMARKED,
    )


class ProposeForm(forms.Form):
    """A new start for a booking, on the clock of the member who types it, with a message to whoever booked it."""

    day = forms.DateField(
        label="New day",
        widget=DateField(),
        error_messages={"required": "Pick a day.", "invalid": "Write the day as 2030-01-31."},
    )
    time = forms.TimeField(
        label="New start",
        widget=TimeField({"class": "num"}),
        error_messages={"required": "Pick a start.", "invalid": "Write the start as 16:30."},
    )
    message = WordsField(label="Message", help_text="It is in the mail with the new time.")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        booking: Booking,
        zone: ZoneInfo,
        now: datetime,
        start: datetime | None = None,
    ) -> None:
        """Without `data` it begins with `start`, or with the time the booking has."""
        local = (start or booking.starts_at).astimezone(zone)
        super().__init__(
            data, initial={"day": local.date(), "time": local.time()}, auto_id=f"rs-{booking.pk}-%s"
        )
        self.booking, self.zone, self.now = booking, zone, now
        self.fields["time"].help_text = (
            f"Your local time: {words.zone_in_public(booking.starts_at, zone)}. "
            f"{words.length(timedelta(minutes=booking.duration_minutes))}, as before."
        )

    def clean(self) -> None:
        day, time = self.cleaned_data.get("day"), self.cleaned_data.get("time")
        if day is None or time is None:
            return
        try:
            start = instant_to_come(datetime.combine(day, time), self.zone, self.now)
            if start == self.booking.starts_at:
                raise ValidationError("That is the time it has. Pick another one.")
        except ValidationError as error:
            self.add_error("time", error)
        else:
            self.cleaned_data["start"] = start

    @property
    def typed(self) -> Typed:
        return Typed.of(self, "day", "time", lambda: self.cleaned_data.get("start"))


class OfferTimesForm(forms.Form):
    """One to five other starts to offer the booker, on the clock of the member who types them. Empty rows do not count.

    The offer closes some hours before the time the booking has, or when that begins.
    """

    message = WordsField(label="Message", help_text="It is in the mail with the times.")
    closes = forms.TypedChoiceField(
        label="Closes",
        coerce=int,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose when it closes."),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        booking: Booking,
        zone: ZoneInfo,
        now: datetime,
        suggested: Sequence[datetime] = (),
        fits: Sequence[Fit | None] = (),
    ) -> None:
        """Without `data` its rows begin with the `suggested` starts, each said to suit as in `fits`."""
        super().__init__(data, auto_id=f"of-{booking.pk}-%s")
        self.fits = fits
        self.starts: dict[int, datetime] = {}
        self.booking, self.zone, self.now = booking, zone, now
        for number in range(1, MOST_ALTERNATIVES + 1):
            start = suggested[number - 1].astimezone(zone) if number <= len(suggested) else None
            self.fields[f"day{number}"] = forms.DateField(
                label=f"Time {number}, day",
                required=False,
                initial=start and start.date(),
                widget=DateField({"class": "num", "aria-label": f"Time {number}, day"}),
                error_messages={"invalid": "Write the day as 2030-01-31."},
            )
            self.fields[f"time{number}"] = forms.TimeField(
                label=f"Time {number}, start",
                required=False,
                initial=start and start.time(),
                widget=TimeField({"class": "num", "aria-label": f"Time {number}, start"}),
                error_messages={"invalid": "Write the start as 16:30."},
            )
        self.order_fields([name for name in self.fields if name not in {"message", "closes"}])
        self.fields["closes"].choices = [  # type: ignore[attr-defined]
            (hours, words_)
            for hours, words_ in _CLOSES
            if not hours or booking.starts_at - timedelta(hours=hours) > now
        ]
        self.zone_words = words.zone_in_public(booking.starts_at, zone)

    @property
    def rows(self) -> list[tuple[int, forms.BoundField, forms.BoundField, Fit | None]]:
        """Number, day and start of each row, and how its start suits when it is one of those suggested."""
        fits = () if self.is_bound else self.fits
        return [
            (number, self[f"day{number}"], self[f"time{number}"], fit)
            for number, fit in zip_longest(range(1, MOST_ALTERNATIVES + 1), fits)
        ]

    @property
    def button(self) -> str:
        """What its button says of the starts that are checked: "Offer 3 times"."""
        count = len(self.starts)
        return f"Offer {count} time{'' if count == 1 else 's'}" if count else "Offer these times"

    def typed(self, number: int) -> Typed:
        """What the row of this number says."""
        return Typed.of(self, f"day{number}", f"time{number}", lambda: self.starts.get(number))

    def clean(self) -> None:
        self.starts = {}
        for number in range(1, MOST_ALTERNATIVES + 1):
            day, time = self.cleaned_data.get(f"day{number}"), self.cleaned_data.get(f"time{number}")
            if day is None or time is None:
                if (day is None) != (time is None) and not {
                    f"day{number}",
                    f"time{number}",
                } & self.errors.keys():
                    self.add_error(f"time{number}", "Give both a day and a start, or neither.")
                continue
            try:
                start = instant_to_come(datetime.combine(day, time), self.zone, self.now)
                if start == self.booking.starts_at:
                    raise ValidationError("That is the time it has. Offer another one.")
                if start in self.starts.values():
                    raise ValidationError("This time is there already.")
            except ValidationError as error:
                self.add_error(f"time{number}", error)
            else:
                self.starts[number] = start
        if not self.starts and not self.errors:
            self.add_error("time1", "Offer at least one time.")

    def refuse_taken(self, met: Sequence[Sequence[Clash]], reader: User) -> None:
        """Say beside each start what stands in its way: with whom the `reader` meets then, of others only that.

        `met` are in the order of the starts themselves.
        """
        hosts = self.booking.hosts
        others = (
            f"{hosts[0].first_name} is not free then" if len(hosts) == 1 else "Not every host is free then"
        )
        in_order = sorted(self.starts, key=self.starts.__getitem__)
        for number, found in zip(in_order, met, strict=True):
            if found:
                self.add_error(
                    f"time{number}",
                    f"{found[0].words if hosts == [reader] else others}. Pick another start or clear it.",
                )


_CLOSES: Final = (
    (0, "When the time it has begins"),
    (2, "2 hours before that"),
    (24, "1 day before that"),
    (48, "2 days before that"),
)


class ReassignForm(forms.Form):
    """Who is to host a booking: one of those who are free."""

    host = forms.TypedChoiceField(
        label="New host",
        coerce=UUID,
        error_messages={
            "required": "Choose who is to host it.",
            "invalid_choice": "Choose somebody who is free.",
        },
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, booking: Booking, substitutes: Sequence[Substitute]
    ) -> None:
        super().__init__(data, auto_id=f"ra-{booking.pk}-%s")
        self.substitutes = substitutes
        free = [(str(each.user.pk), _named(each)) for each in substitutes if not each.taken]
        taken = [f"{each.user.name} ({each.taken})" for each in substitutes if each.taken]
        self.fields["host"].choices = [("", "Choose"), *free]  # type: ignore[attr-defined]
        self.fields["host"].help_text = f"Not free: {', '.join(taken[:5])}." if taken else ""
        self.is_offered = bool(free)

    @property
    def chosen(self) -> User:
        """Who was chosen. Only for a valid form."""
        host_id = self.cleaned_data["host"]
        return next(each.user for each in self.substitutes if each.user.pk == host_id)


def _named(free: Substitute) -> str:
    return f"{free.user.name} (free, not in this page’s pool)" if free.is_outsider else free.user.name


class NoteForm(forms.Form):
    note = LinesField(
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Private note",
        error_messages={"max_length": "Keep the note to 5000 characters."},
    )
