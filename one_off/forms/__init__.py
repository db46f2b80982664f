"""What a host fills in to offer times, and what an invitee fills in to pick one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from bookings.domain.locations import LINK_MADE
from bookings.domain.names import looks_like_an_address
from bookings.domain.offers import LONGEST, SHORTEST
from bookings.forms.public import AddressField, BookerForm
from bookings.selectors.taken import Clash
from bookings.services.booking import Booker
from one_off.domain.offers import MAX_SLOTS, Offer
from scheduling.forms.times import instant_to_come
from scheduling.meeting_accounts import place_hint
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.invites import web_url
from workestra.calendars.domain.kinds import MEETING_PLACES
from workestra.calendars.domain.period import Period
from workestra.look.fields import LineField, LinesField
from workestra.look.forms import DateField, Switch, TimeField

PLACES: Final = [
    ("video", "Video link"),
    ("meeting", "Google Meet or Teams"),
    *MEETING_PLACES,
    ("phone", "Phone"),
    ("in_person", "In person"),
    ("other", "Other"),
]
"""The places of a booking link (`scheduling.models.LinkSettings`), the likeliest first."""

_MINUTES: Final = (SHORTEST.seconds // 60, LONGEST.seconds // 60)
_LENGTHS: Final = (15, 20, 30, 45, 60, 75, 90, 120, 180, 240, 300, 360, 420, 480)
_TOO_LONG: Final = "%(show_value)d characters are too many. %(limit_value)d fit."
_DAMAGED: Final = "A part of the form was lost on the way. Load the page again."


class WallTimeField(forms.Field):
    """A day and a time on the clock of a zone that the form knows. Gives a naive datetime, None when it is empty."""

    widget = forms.DateTimeInput({"type": "datetime-local", "class": "num"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            wall = datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("Write a day and a time, such as 2030-01-31 12:00") from error
        if wall.tzinfo is not None:
            raise ValidationError("Write the time without a zone")
        return wall


class OfferForm(forms.Form):
    """Everything of a one-off but its times. `zone` is the host's, in which he types."""

    nonce = forms.UUIDField(
        widget=forms.HiddenInput, error_messages=dict.fromkeys(("required", "invalid"), _DAMAGED)
    )
    title = LineField(
        label="Title",
        max_length=120,
        error_messages={"required": "Add a title: your invitee sees it above the times"},
    )
    description = LinesField(
        label="Description", max_length=2000, required=False, widget=forms.Textarea({"rows": 2})
    )
    reserve = forms.BooleanField(
        label="Reserve offered slots on my calendar",
        required=False,
        initial=True,
        widget=Switch({"aria-describedby": "reserve-what"}),
    )
    location_type = forms.ChoiceField(
        label="Where",
        choices=PLACES,
        initial="video",
        error_messages={"required": "Choose a place", "invalid_choice": "Choose one of these"},
    )
    location_detail = LineField(label="Link or address", max_length=300, required=False)
    invitee_name = LineField(label="For", max_length=120, required=False)
    invitee_email = AddressField(label="Email", max_length=254, required=False)
    closes = WallTimeField(label="Closes", required=False)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, zone: ZoneInfo, now: datetime, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.zone, self.now = zone, now
        for name in ("invitee_name", "invitee_email"):
            self.fields[name].widget.attrs["aria-describedby"] = "invitee-why"
        for field in self.fields.values():
            field.error_messages["max_length"] = _TOO_LONG
        self.fields[
            "closes"
        ].help_text = f"{words.zone_in_public(now, zone)}. Leave empty to keep it open until booked."

    def clean_closes(self) -> datetime | None:
        wall: datetime | None = self.cleaned_data["closes"]
        return None if wall is None else instant_to_come(wall, self.zone, self.now)

    def clean(self) -> None:
        kind, detail = self.cleaned_data.get("location_type"), self.cleaned_data.get("location_detail")
        if kind == "video" and detail and not web_url(detail):
            self.add_error("location_detail", "Start the link with https://, or leave it empty")
        if kind in {"phone", *LINK_MADE}:
            self.cleaned_data["location_detail"] = ""

    def offer(self, periods: Sequence[Period]) -> Offer:
        """What the form says, with these times. Only for a valid form."""
        typed = self.cleaned_data
        return Offer(
            title=typed["title"],
            description=typed["description"],
            periods=tuple(periods),
            timezone=self.zone.key,
            reserve=typed["reserve"],
            location_type=typed["location_type"],
            location_detail=typed["location_detail"],
            invitee_name=typed["invitee_name"],
            invitee_email=typed["invitee_email"],
            expires_at=typed["closes"],
        )

    def tell_of_accounts(self, missing: Mapping[str, str]) -> None:
        """Say beside the place whether the host has no account for it (`meeting_accounts.missing_accounts`)."""
        self["location_type"].help_text = place_hint(missing)

    @classmethod
    def again(cls, data: Mapping[str, str], *, zone: ZoneInfo, now: datetime) -> "OfferForm":
        """The form with everything typed in it and no judgment yet."""
        typed: dict[str, Any] = {name: data.get(name, "") for name in cls.base_fields}
        return cls(initial=typed | {"reserve": "reserve" in data}, zone=zone, now=now)


class ChangeForm(OfferForm):
    """The same of a one-off that is open: sent twice, it says the same twice."""

    nonce = None  # type: ignore[assignment]  # This is how Django takes a field away.


class SlotForm(forms.Form):
    """One offered time. A row without a day and a start does not count."""

    day = forms.DateField(
        widget=DateField(),
        error_messages={"required": "Pick a day.", "invalid": "Write the day as 2030-01-31."},
    )
    start = forms.TimeField(
        widget=TimeField(),
        error_messages={"required": "Pick a start.", "invalid": "Write the start as 16:30."},
    )
    minutes = forms.IntegerField(
        initial=30,
        min_value=_MINUTES[0],
        max_value=_MINUTES[1],
        widget=forms.Select,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            f"Pick a length between {_MINUTES[0]} and {_MINUTES[1]} minutes.",
        ),
    )

    clashes: Sequence[Clash] = ()

    def __init__(self, *args: Any, zone: ZoneInfo, now: datetime, **kwargs: Any) -> None:
        kwargs["use_required_attribute"] = False
        super().__init__(*args, **kwargs)
        self.zone, self.now = zone, now
        self.empty_permitted = True
        self._offer_lengths()

    def take_focus(self) -> None:
        """Let the page begin in this row."""
        self.fields["day"].widget.attrs["autofocus"] = True

    def has_changed(self) -> bool:
        return bool({"day", "start"} & set(self.changed_data))

    def clean(self) -> None:
        day, start = self.cleaned_data.get("day"), self.cleaned_data.get("start")
        if day is None or start is None:
            return
        try:
            self.cleaned_data["instant"] = instant_to_come(datetime.combine(day, start), self.zone, self.now)
        except ValidationError as error:
            self.add_error("start", error)

    @property
    def period(self) -> Period | None:
        """The time that is offered; None for an empty row and for one with a mistake."""
        if not self.is_valid() or "instant" not in self.cleaned_data:
            return None
        length = self.cleaned_data["minutes"]
        return Period.lasting(self.cleaned_data["instant"], SHORTEST * length / _MINUTES[0])

    @property
    def is_in_the_way(self) -> bool:
        """Whether the host has something else here then, so that it cannot be held."""
        return any(not clash.is_elsewhere for clash in self.clashes)

    @property
    def is_blank(self) -> bool:
        """Whether neither a day nor a start is in it."""
        return not self["day"].value() and not self["start"].value()

    @property
    def faults(self) -> list[str]:
        """What is wrong with this row, in sentences."""
        return (
            [str(message) for messages in self.errors.values() for message in messages]
            if self.is_bound
            else []
        )

    def _offer_lengths(self) -> None:
        lengths = [(minutes, _length(minutes)) for minutes in _LENGTHS]
        typed = str(self["minutes"].value())
        if typed.isascii() and typed.isdigit() and len(typed) <= 3 and int(typed) not in _LENGTHS:
            lengths = sorted([*lengths, (int(typed), _length(int(typed)))])
        self.fields["minutes"].widget.choices = lengths


if TYPE_CHECKING:
    _SlotSet = forms.BaseFormSet[SlotForm]
else:
    _SlotSet = forms.BaseFormSet


class BaseSlots(_SlotSet):
    """One to ten offered times."""

    default_error_messages = {
        "missing_management_form": "A part of the form was lost on the way. Check your times and send it again.",
        "too_many_forms": f"Offer at most {MAX_SLOTS} times.",
    }

    def add_fields(self, form: SlotForm, index: int | None) -> None:
        super().add_fields(form, index)
        number = (index or 0) + 1
        for name, label in (("day", "date"), ("start", "start"), ("minutes", "duration")):
            form.fields[name].widget.attrs |= {
                "aria-label": f"Slot {number}, {label}",
                "aria-describedby": f"id_{form.prefix}-note",
            }

    def clean(self) -> None:
        if any(self.errors) or not self.management_form.is_valid():
            return
        seen: set[Period] = set()
        for form in self.forms:
            if form.period in seen:
                form.add_error("start", "You offer this time already. Pick another one or remove it.")
            elif form.period is not None:
                seen.add(form.period)
        if not seen:
            raise ValidationError("Offer at least one time.")

    @property
    def periods(self) -> list[Period]:
        """The offered times, in the order of the rows."""
        return [form.period for form in self.forms if form.period is not None]

    @property
    def filled(self) -> int:
        """How many rows have something in them."""
        return sum(not form.is_blank for form in self.forms)

    @property
    def is_full(self) -> bool:
        return len(self.forms) >= MAX_SLOTS

    @property
    def faulty(self) -> list[tuple[int, SlotForm]]:
        """The rows with mistakes, each with its number; none in a form that has not been sent."""
        return [(number, form) for number, form in enumerate(self.forms, start=1) if form.faults]

    @property
    def cells(self) -> list[str]:
        """One class for each of the ten cells that count the filled rows."""
        return ["on" if index < self.filled else "none" for index in range(MAX_SLOTS)]


SlotSet = cast(
    type[BaseSlots],
    forms.formset_factory(
        SlotForm, formset=BaseSlots, extra=0, max_num=MAX_SLOTS, validate_max=True, absolute_max=2 * MAX_SLOTS
    ),
)


def typed_rows(data: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows of a posted slot set as they were typed; at most twice as many as can be offered."""
    total = data.get("slots-TOTAL_FORMS", "")
    count = min(int(total), 2 * MAX_SLOTS) if total.isascii() and total.isdigit() and len(total) < 4 else 0
    return [
        {name: data.get(f"slots-{row}-{name}", "") for name in SlotForm.base_fields} for row in range(count)
    ]


class PickForm(BookerForm):
    """Which of the offered times, and who comes."""

    nonce = forms.UUIDField(
        widget=forms.HiddenInput, error_messages=dict.fromkeys(("required", "invalid"), _DAMAGED)
    )
    slot = forms.UUIDField(
        label="Time", error_messages=dict.fromkeys(("required", "invalid"), "Pick one of the times")
    )

    def clean(self) -> dict[str, Any]:
        for message in self.errors.get("nonce", ()):
            self.add_error(None, str(message))
        return super().clean()

    def booker(self, timezone: str) -> Booker:
        """Who comes, as the booking takes him. Only for a valid form."""
        typed = self.cleaned_data
        return Booker(
            name=typed["name"],
            email=typed["email"],
            phone=typed["phone"],
            timezone=timezone,
            texts=self.agreed_to,
        )

    @property
    def is_known(self) -> bool:
        """Whether name and email can be shown as text: both are there, and nothing is wrong with them."""
        return all(self[name].value() and not self[name].errors for name in ("name", "email"))


def prefilled(query: Mapping[str, str]) -> dict[str, str]:
    """What an address fills in: a name and an email that make sense; whatever else it carries is ignored."""
    form = _Prefill(query)
    form.is_valid()
    return {name: value for name, value in form.cleaned_data.items() if value}


class _Prefill(forms.Form):
    name = LineField(max_length=120, required=False)
    email = AddressField(max_length=254, required=False)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if looks_like_an_address(name):
            raise ValidationError("no name")
        return name


def _length(minutes: int) -> str:
    """ "45 min", "1 h", "1 h 15"."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest:02}" if rest else f"{hours} h"
