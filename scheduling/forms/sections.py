"""The form of a booking link's sections: one form for links and for templates, whatever of it is locked."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import RegexValidator
from django.utils.datastructures import MultiValueDict

from scheduling.domain.hours import Availability
from scheduling.domain.link_rules import contradictions
from scheduling.domain.logos import HEIGHT, LogoImage
from scheduling.domain.section_words import hours_words, summary_of
from scheduling.domain.sections import BY_KEY, SECTION_OF_FIELD, SECTIONS, Section, fields_of
from scheduling.forms.fields import (
    CompoundField,
    CompoundWidget,
    DatesField,
    LogoField,
    QuestionsField,
    WeekField,
    ZoneField,
)
from scheduling.meeting_accounts import place_hint
from scheduling.models import LinkSettings, Schedule, Workflow
from scheduling.services.payments import NO_PAYMENTS, NoPayments, refuse_unpayable
from workestra.crm.domain import money
from workestra.look.fields import LineField, LinesField
from workestra.look.forms import Switch
from workestra.uploads.kinds import LOGO_KINDS_IN_WORDS

OWN_HOURS: Final = fields_of(["availability"])[1:4]
"""The fields that count for nothing while a schedule has their place."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """Fields that stand in one row of a section's card."""

    fields: tuple[forms.BoundField, ...]
    wide: bool


@dataclass(frozen=True, slots=True)
class BoundSection:
    """A section with its fields, for a page to print.

    `summary` says the values that stand in the form's instance in a few words. `changed` is only known for a form that
    was posted.
    """

    section: Section
    fields: tuple[forms.BoundField, ...]
    locked: bool
    changed: bool
    summary: str

    @property
    def waiting(self) -> tuple[str, ...]:
        """The fields that are of no account while a schedule is chosen: the page hides them then."""
        return OWN_HOURS

    @property
    def error_count(self) -> int:
        return sum(1 for field in self.fields if field.errors)

    @property
    def rows(self) -> list[FieldRow]:
        """The fields by how they stand: a wide one alone, neighboring narrow ones side by side."""
        rows: list[FieldRow] = []
        for field in self.fields:
            wide = _is_wide(field.field)
            if rows and not wide and not rows[-1].wide:
                rows[-1] = FieldRow((*rows[-1].fields, field), wide=False)
            else:
                rows.append(FieldRow((field,), wide))
        return rows


class SectionsForm(forms.Form):
    """The sections of a link or a template.

    `instance` gives the values shown; without one they are those of a new link, with `initial` in front. `schedules`
    and `workflows` can be chosen, and always what the instance has. Sections of `locked` are shown disabled and are
    never read from `data`. After `is_valid()`, `values` holds the value of every field of the other sections; a field
    whose meaning did not change keeps the very value of the instance.
    """

    title = LineField(
        max_length=120, error_messages={"required": "Add a title, so that bookers know what this is."}
    )
    description = LinesField(
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Shown above the times.",
    )

    duration_minutes = forms.IntegerField(
        label="Duration", min_value=5, max_value=480, help_text="Minutes, from 5 to 480."
    )
    slot_interval_minutes = forms.IntegerField(
        label="Offer a start every", min_value=5, max_value=480, help_text="Minutes, from 5 to 480."
    )

    buffer_before_minutes = forms.IntegerField(
        label="Before", min_value=0, max_value=240, help_text="Minutes kept free before a meeting."
    )
    buffer_after_minutes = forms.IntegerField(
        label="After", min_value=0, max_value=240, help_text="Minutes kept free after a meeting."
    )

    schedule_id = forms.TypedChoiceField(
        label="Hours",
        coerce=UUID,
        empty_value=None,
        required=False,
        help_text="A schedule is kept in one place; its links follow when it changes.",
    )
    timezone = ZoneField(label="Time zone", help_text="The hours below are on this zone’s clock.")
    weekly_hours = WeekField(label="Weekly hours", required=True)
    date_overrides = DatesField(
        label="Single dates", help_text="A date here replaces the weekly hours of that day."
    )
    minimum_notice_hours = forms.IntegerField(
        label="Minimum notice", min_value=0, max_value=8760, help_text="Hours between booking and meeting."
    )
    booking_window_days = forms.IntegerField(
        label="Booking window", min_value=1, max_value=730, help_text="Days ahead that can be booked."
    )
    max_per_day = forms.IntegerField(
        label="Most meetings a day",
        min_value=1,
        max_value=500,
        required=False,
        help_text="Empty for no limit.",
    )
    max_per_week = forms.IntegerField(
        label="Most meetings a week",
        min_value=1,
        max_value=3500,
        required=False,
        help_text="Empty for no limit.",
    )

    questions = QuestionsField(label="Questions", help_text="Name and email are always asked.")

    reminder_enabled = forms.BooleanField(
        label="Remind the booker by email 24 hours before", required=False, widget=Switch
    )
    workflow_ids = forms.MultipleChoiceField(
        label="Workflows",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="All that are ticked send their messages. Those for every link do so anyway.",
        error_messages={"invalid_choice": "This workflow is not there any more. Choose again."},
    )

    brand_color = forms.CharField(
        label="Brand color",
        max_length=7,
        widget=forms.TextInput(attrs={"type": "color", "class": "color"}),
        validators=[
            RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write the color as # and six digits, such as #005F73.")
        ],
    )
    logo_id = LogoField(
        label="Logo",
        required=False,
        help_text=f"{LOGO_KINDS_IN_WORDS} Bookers see it {HEIGHT} pixels high, on its pages and in its mails.",
    )
    hide_branding = forms.BooleanField(
        label="Hide “Scheduling by Workestra” on its pages", required=False, widget=Switch
    )

    requires_payment = forms.BooleanField(
        label="Ask for payment when booking", required=False, widget=Switch, help_text=NO_PAYMENTS
    )
    price = forms.CharField(
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "class": "num"}),
        help_text="A number, such as 49.00.",
    )
    currency = forms.ChoiceField(
        choices=[("", "No currency"), *((code, code) for code in sorted(money.DIGITS))], required=False
    )
    refund_text = LinesField(
        label="Refunds",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What bookers read about getting their money back.",
    )

    calendar_provider = forms.ChoiceField(
        label="Create events in",
        choices=LinkSettings._meta.get_field("calendar_provider").choices or (),
        help_text="Where none is chosen or connected, the host too gets the meeting by email with a calendar file.",
    )
    location_type = forms.ChoiceField(
        label="Where you meet", choices=LinkSettings._meta.get_field("location_type").choices or ()
    )
    location_detail = LineField(
        label="Number, address or link",
        max_length=300,
        required=False,
        help_text="Bookers get it with their confirmation. Google Meet, Teams and the like make one for each meeting.",
    )

    unreadable_policy = forms.ChoiceField(
        label="When a host’s calendar cannot be read",
        choices=LinkSettings._meta.get_field("unreadable_policy").choices or (),
        help_text="Because its provider does not answer, or wants it to be connected again.",
    )
    unreadable_hours = forms.IntegerField(
        label="Last known is good for",
        min_value=1,
        max_value=168,
        help_text="Hours since it was read; afterwards no times are offered.",
    )

    cancellation_text = LinesField(
        label="Cancellation policy",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Bookers read it before they book.",
    )
    cancel_cutoff_hours = forms.IntegerField(
        label="Cancelling closes",
        min_value=0,
        max_value=720,
        help_text="Hours before the start; 0 for until it begins.",
    )
    reschedule_cutoff_hours = forms.IntegerField(
        label="Moving closes",
        min_value=0,
        max_value=720,
        help_text="Hours before the start; 0 for until it begins.",
    )
    briefing_enabled = forms.BooleanField(label="Brief the host 1 hour before", required=False, widget=Switch)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        files: "MultiValueDict[str, UploadedFile[bytes]] | None" = None,
        *,
        instance: LinkSettings | None = None,
        locked: Collection[str] = (),
        schedules: Sequence[Schedule] = (),
        workflows: Sequence[Workflow] = (),
        initial: Mapping[str, Any] | None = None,
        prefix: str | None = None,
    ) -> None:
        self.instance = instance
        self.locked = frozenset(locked) & frozenset(BY_KEY)
        self.stored = instance.section_values() if instance else _defaults() | dict(initial or {})
        shown = self.stored | {"price": _price_text(self.stored["price"], self.stored["currency"])}
        super().__init__(data, files, initial=shown, prefix=prefix)
        self._offer_schedules(schedules)
        self._offer_workflows(workflows)
        for name in fields_of(self.locked):
            self.fields[name].disabled = True
        color = self.stored["brand_color"]
        self.fields[
            "brand_color"
        ].help_text = (
            f"Now {color}. Pages take its hue and set light and dark themselves, so that text stays readable."
        )
        self._logo.stored = self.stored["logo_id"]
        questions = self.fields["questions"]
        assert isinstance(questions, QuestionsField)
        questions.known_keys = {question["key"] for question in self.stored["questions"]}
        self.values: dict[str, Any] = {}

    def tell_of_accounts(self, missing: Mapping[str, str]) -> None:
        """Say beside the place which hosts have no account for it (`meeting_accounts.missing_accounts`)."""
        self["location_type"].help_text = place_hint(missing)

    def sections(self) -> list[BoundSection]:
        """Every section in the list's order, with its fields."""
        return [
            BoundSection(
                section=section,
                fields=tuple(self[name] for name in section.fields),
                locked=section.key in self.locked,
                changed=any(
                    self.values.get(name, self.stored[name]) != self.stored[name] for name in section.fields
                ),
                summary=summary_of(section.key, self.stored, self._schedule_names),
            )
            for section in SECTIONS
        ]

    @property
    def sent_logo(self) -> LogoImage | None:
        """The picture that came with the form, good or not: it is to be kept before the page is shown."""
        return self._logo.sent if self.is_bound and self.errors is not None else None

    def carried_locked_sections(self) -> tuple[str, ...]:
        """Locked sections of which the POST carries any field: the page never sends them, so somebody else did."""
        if not self.is_bound:
            return ()
        names = fields_of(self.locked)
        carried = {
            SECTION_OF_FIELD[name]
            for key in (*self.data, *self.files)
            for name in names
            if key == self.add_prefix(name) or key.startswith(f"{self.add_prefix(name)}-")
        }
        return tuple(section.key for section in SECTIONS if section.key in carried)

    def clean(self) -> dict[str, Any]:
        """Bring the price into minor units, and refuse settings that can never work together."""
        unread = fields_of(self.locked)
        if self.cleaned_data.get("schedule_id") and "availability" not in self.locked:
            unread += OWN_HOURS
        for name in unread:
            self.errors.pop(name, None)
            self.cleaned_data[name] = self.stored[name]
        self._clean_payment()
        if not self.errors:
            self.values = {
                name: self._kept(name, self.cleaned_data[name])
                for name in SECTION_OF_FIELD
                if SECTION_OF_FIELD[name] not in self.locked
            }
            self._refuse_contradictions()
        return self.cleaned_data

    @property
    def _logo(self) -> LogoField:
        field = self.fields["logo_id"]
        assert isinstance(field, LogoField)
        return field

    def _clean_payment(self) -> None:
        if "payment" in self.locked:
            return
        try:
            refuse_unpayable(self.cleaned_data, before=self.stored["requires_payment"])
        except NoPayments as refused:
            self.add_error("requires_payment", str(refused))
        text, currency = self.cleaned_data.get("price"), self.cleaned_data.get("currency")
        if text is None or currency is None:
            return
        self.cleaned_data["price"] = None
        if not text:
            return
        if not currency:
            self.add_error("currency", "Choose the price’s currency.")
            return
        try:
            self.cleaned_data["price"] = money.minor_units(text, currency)
        except ValueError as error:
            self.add_error("price", str(error))

    def _refuse_contradictions(self) -> None:
        for contradiction in contradictions(self.stored | self.values, self._schedule_hours()):
            mine = [name for name in contradiction.fields if name in self.values]
            if mine:
                self.add_error(mine[0], ValidationError(contradiction.reason))

    def _offer_schedules(self, schedules: Sequence[Schedule]) -> None:
        offered = {schedule.pk: schedule for schedule in schedules}
        if self.instance and self.instance.schedule:
            offered.setdefault(self.instance.schedule.pk, self.instance.schedule)
        self._schedules = offered
        self._schedule_names = {key: schedule.name for key, schedule in offered.items()}
        field = self.fields["schedule_id"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", "Own hours, below"),
            *((str(key), f"Schedule: {schedule.name}") for key, schedule in offered.items()),
        ]
        field.error_messages["invalid_choice"] = "This schedule is not there any more. Choose again."
        if chosen := offered.get(self.stored["schedule_id"]):
            words = hours_words(chosen.timezone, chosen.weekly_hours)
            field.help_text = f"{chosen.name} has {words}. Its links follow when it changes."

    def _offer_workflows(self, workflows: Sequence[Workflow]) -> None:
        """Those that may be picked, and always the ones that the settings name already, whatever became of them."""
        offered = {str(each.pk): _workflow_words(each) for each in workflows}
        for key in self.stored["workflow_ids"]:
            offered.setdefault(key, "A workflow that is gone")
        field = self.fields["workflow_ids"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = list(offered.items())
        if not offered:
            field.help_text = "None to pick yet. They are made under Workflows."

    def clean_workflow_ids(self) -> list[str]:
        return sorted(self.cleaned_data["workflow_ids"])

    def hours_wanted(self) -> Availability:
        """The hours that count after the change. After `is_valid()`, or where `clean` has found nothing wrong."""
        values = self.stored | self.values
        return self._schedule_hours() or Availability.from_json(
            values["timezone"], values["weekly_hours"], values["date_overrides"]
        )

    def _schedule_hours(self) -> Availability | None:
        """The hours of the schedule that the settings now refer to; None for own hours."""
        chosen = self._schedules.get((self.stored | self.values)["schedule_id"])
        return chosen.own_hours() if chosen else None

    def _kept(self, name: str, value: Any) -> Any:
        """The stored value when the new one means the same, else the new one."""
        stored = self.stored[name]
        same: Callable[[Any], Any] = str.lower if name == "brand_color" else lambda it: it
        field = self.fields[name]
        if isinstance(field, CompoundField):
            same = field.canonical
        return stored if same(stored) == same(value) else value


def _defaults() -> dict[str, Any]:
    """The values of a new link."""
    fields = {field.attname: field for field in LinkSettings._meta.fields}
    return {name: "" if name == "title" else fields[name].get_default() for name in SECTION_OF_FIELD}


def _workflow_words(workflow: Workflow) -> str:
    if workflow.deleted_at:
        return f"{workflow.name} (deleted)"
    return f"{workflow.name} (yours alone)" if workflow.owner_id else workflow.name


def _price_text(price: int | None, currency: str) -> str:
    return "" if price is None else money.amount_text(price, currency)


def _is_wide(field: forms.Field) -> bool:
    long_text = isinstance(field, forms.CharField) and (field.max_length or 0) > 100
    return long_text or isinstance(field.widget, CompoundWidget | Switch)
