"""The form of a workflow: its moment, its messages, the links it is for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from scheduling.domain import variables
from scheduling.domain.workflows import (
    COUNTED,
    HAS_STANDARD_MAIL,
    LABELS,
    LONGEST_DELAY,
    MOST_STEPS,
    StepDraft,
    To,
    Trigger,
    WorkflowDraft,
    delay_words,
    in_units,
    why_not_ask,
)
from scheduling.models import BookingLink
from workestra.accounts.models import Group
from workestra.look.fields import LineField, LinesField
from workestra.look.forms import Picks, Segments

UNITS: Final = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
EVERY, CHOSEN = "every", "chosen"


def _variables_known(text: str) -> None:
    if problem := variables.problem(text):
        raise ValidationError(problem)


class StepForm(forms.Form):
    """One message. `removed` leaves it out."""

    id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    amount = forms.IntegerField(
        label="Send", min_value=0, max_value=525_600, widget=forms.NumberInput(attrs={"class": "num w4"})
    )
    unit = forms.ChoiceField(choices=[(unit, unit) for unit in reversed(UNITS)])
    to = forms.ChoiceField(choices=[(To.BOOKER, "Booker"), (To.HOST, "Host"), (To.ADDRESS, "An address")])
    address = forms.EmailField(
        label="Address", required=False, max_length=254, help_text="Only for “An address”."
    )
    subject = LineField(
        max_length=200,
        validators=[_variables_known],
        widget=forms.TextInput(attrs={"data-variables": "", "autocomplete": "off"}),
        error_messages={"required": "Add a subject."},
    )
    body = LinesField(
        label="Message",
        max_length=5000,
        validators=[_variables_known],
        widget=forms.Textarea(attrs={"rows": 7, "data-variables": ""}),
        error_messages={"required": "Write the message."},
    )
    asks = forms.BooleanField(
        label="Ask “Still coming?”",
        required=False,
        help_text="Adds a button to a page where the booker says yes, moves or cancels. "
        "For the booker alone, before the start.",
    )
    removed = forms.BooleanField(label="Remove this message", required=False)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        amount, unit = data.get("amount"), data.get("unit")
        if amount is not None and unit and amount * UNITS[unit] > LONGEST_DELAY:
            self.add_error("amount", "Choose at most 365 days.")
        if data.get("to") == To.ADDRESS and not data.get("address") and "address" not in self.errors:
            self.add_error("address", "Write the address that it goes to.")
        if data.get("asks") and data.get("to") and data["to"] != To.BOOKER:
            self.add_error(
                "asks", "Only the booker can be asked. Send it to the booker, or take the question away."
            )
        return data

    @property
    def is_removed(self) -> bool:
        return bool(self["removed"].value())

    @property
    def draft(self) -> StepDraft:
        data = self.cleaned_data
        to = To(data["to"])
        return StepDraft(
            data["id"],
            data["amount"] * UNITS[data["unit"]],
            to,
            data["subject"],
            data["body"],
            data["address"] if to == To.ADDRESS else "",
            data["asks"],
        )


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A message's form with what its summary says."""

    form: StepForm
    when: str
    length: str
    to: str
    subject: str
    number: int


class WorkflowForm(forms.Form):
    """After `is_valid()`, `draft` is the workflow that was asked for, `links_wanted` those of the member's own links.

    `draft` at the start gives the values shown. `groups` are those it may be given to; where `must_have_group`, it
    cannot be for the whole workspace. Where `is_typed_only`, what was sent is shown again as it is, and not checked.
    """

    name = LineField(max_length=80, error_messages={"required": "Give the workflow a name."})
    trigger = forms.ChoiceField(
        label="Messages are counted from",
        choices=[(each.value, LABELS[each]) for each in Trigger],
        widget=Picks,
    )
    replaces = forms.BooleanField(
        label="Takes the place of the standard mail of that moment",
        required=False,
        help_text="The booker’s confirmation, reminder, notice of a new time or cancellation. "
        "The calendar file goes along.",
    )
    reach = forms.ChoiceField(
        label="Which links", choices=[(EVERY, "Every link"), (CHOSEN, "Chosen links")], widget=Segments
    )
    links = forms.TypedMultipleChoiceField(
        label="Your own links", coerce=UUID, required=False, widget=forms.CheckboxSelectMultiple
    )
    group = forms.ModelChoiceField(Group.objects.none(), required=False, empty_label="Whole workspace")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        draft: WorkflowDraft,
        groups: QuerySet[Group],
        must_have_group: bool,
        own_links: Sequence[BookingLink],
        named_on: Sequence[UUID] = (),
        added: int = 0,
        is_typed_only: bool = False,
    ) -> None:
        initial = {
            "name": draft.name,
            "trigger": draft.trigger,
            "replaces": draft.replaces,
            "reach": EVERY if draft.every_link else CHOSEN,
            "links": [str(key) for key in named_on],
            "group": draft.group_id,
        }
        if data is not None and is_typed_only:
            initial |= typed(type(self), data)
        super().__init__(None if is_typed_only else data, initial=initial)
        group, links = self.fields["group"], self.fields["links"]
        assert isinstance(group, forms.ModelChoiceField)
        assert isinstance(links, forms.ChoiceField)
        group.queryset = groups
        links.choices = [(str(link.pk), f"{link.title}, /book/{link.slug}") for link in own_links]
        if must_have_group:
            group.required = True
            group.empty_label = None
            group.error_messages["required"] = "Choose the group that this workflow is of."
        self.must_have_group = must_have_group
        self.step_forms = _steps(data, draft, is_typed_only)
        for _number in range(added):
            self.add_blank()

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("reach") == EVERY and (self.must_have_group or data.get("group")):
            self.add_error(
                "reach", "A group’s workflow is for chosen links, the workspace’s alone for every one."
            )
        valid = [form.is_valid() for form in self.kept]
        if not self.kept:
            raise ValidationError("A workflow has one message at least. Add one.")
        if len(self.kept) > MOST_STEPS:
            raise ValidationError(f"A workflow has {MOST_STEPS} messages at the most.")
        if not all(valid):
            raise ValidationError("Some messages have something to fix.")
        if data.get("trigger"):
            trigger = Trigger(data["trigger"])
            if data.get("replaces"):
                self._check_replacing(trigger)
            self._check_asking(trigger)
        return data

    def _check_asking(self, trigger: Trigger) -> None:
        asking = [form for form in self.kept if form.cleaned_data["asks"]]
        refused = {form: why_not_ask(trigger, form.draft.delay) for form in asking}
        for form, reason in refused.items():
            if reason:
                form.add_error("asks", reason)
        if any(refused.values()):
            raise ValidationError("Some messages have something to fix.")

    def _check_replacing(self, trigger: Trigger) -> None:
        steps = [form.draft for form in self.kept if form.cleaned_data["to"] == To.BOOKER]
        if trigger not in HAS_STANDARD_MAIL:
            self.add_error(
                "replaces", f"There is no standard mail at this moment: {LABELS[trigger].lower()}."
            )
        elif not steps:
            self.add_error("replaces", "No message goes to the booker, so nothing would be in its place.")
        elif trigger != Trigger.BEFORE_START and not any(not step.delay for step in steps):
            self.add_error(
                "replaces", "Set a message to the booker to 0 minutes: the one in its place goes out at once."
            )

    def add_blank(self) -> None:
        """One more message to fill in."""
        self.step_forms.append(_blank(len(self.step_forms)))

    @property
    def kept(self) -> list[StepForm]:
        return [form for form in self.step_forms if not form.is_removed]

    @property
    def draft(self) -> WorkflowDraft:
        data = self.cleaned_data
        group: Group | None = data["group"]
        steps = [form.draft for form in self.kept]
        return WorkflowDraft(
            data["name"],
            Trigger(data["trigger"]),
            tuple(steps),
            every_link=data["reach"] == EVERY,
            replaces=data["replaces"],
            group_id=group.pk if group else None,
        )

    @property
    def links_wanted(self) -> list[UUID]:
        return list(self.cleaned_data["links"])

    @cached_property
    def chosen_trigger(self) -> Trigger:
        """The moment as the page shows it, whatever was sent."""
        value = self["trigger"].value()
        return Trigger(value) if value in tuple(Trigger) else Trigger.BEFORE_START

    @property
    def counted(self) -> str:
        return COUNTED[self.chosen_trigger]

    @property
    def steps(self) -> list[ShownStep]:
        """The messages as the page lists them, in the order they were made."""
        shown = []
        for number, form in enumerate(self.step_forms):
            amount, unit = form["amount"].value(), form["unit"].value()
            try:
                delay = int(amount) * UNITS[unit]
            except (TypeError, ValueError, KeyError, OverflowError):
                delay = timedelta()
            to = {To.BOOKER: "the booker", To.HOST: "the host"}.get(form["to"].value(), "an address")
            when = delay_words(self.chosen_trigger, max(delay, timedelta()))
            amount, unit = in_units(max(delay, timedelta()))
            length = f"{amount} {unit[:-1] if amount == 1 else unit}" if amount else ""
            shown.append(
                ShownStep(form, when, length, to, str(form["subject"].value() or "New message"), number)
            )
        return shown


def typed(form: type[forms.Form], data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """What was sent for each of the form's fields, as it is."""
    before = f"{prefix}-" if prefix else ""
    return {
        name: field.widget.value_from_datadict(data, {}, f"{before}{name}")
        for name, field in form.base_fields.items()
    }


def _steps(data: Mapping[str, Any] | None, draft: WorkflowDraft, is_typed_only: bool) -> list[StepForm]:
    if data is None:
        return [
            StepForm(prefix=f"s{number}", initial=_initial(step)) for number, step in enumerate(draft.steps)
        ]
    there = 0
    while there < 2 * MOST_STEPS and f"s{there}-subject" in data:
        there += 1
    if is_typed_only:
        return [
            StepForm(prefix=f"s{number}", initial=typed(StepForm, data, f"s{number}"))
            for number in range(there)
        ]
    return [StepForm(data, prefix=f"s{number}") for number in range(there)]


def _blank(number: int) -> StepForm:
    return StepForm(prefix=f"s{number}", initial={"amount": 1, "unit": "hours", "to": To.BOOKER})


def _initial(step: StepDraft) -> dict[str, Any]:
    amount, unit = in_units(step.delay)
    return {
        "id": step.id,
        "amount": amount,
        "unit": unit,
        "to": step.to,
        "address": step.address,
        "subject": step.subject,
        "body": step.body,
        "asks": step.asks,
    }
