"""The form of a workflow: its moment, its messages, the links it is for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from bookings.workflow_mails import SAMPLE
from bookings.workflow_texts import MOST_PARTS, written
from scheduling.domain import variables
from scheduling.domain.workflows import (
    CHANNELS,
    COUNTED,
    HAS_STANDARD_MAIL,
    LABELS,
    LONGEST_DELAY,
    MOST_STEPS,
    Channel,
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
from workestra.sms.domain.segments import segments_of
from workestra.sms.numbers import BadNumber, number_of

UNITS: Final = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
EVERY, CHOSEN = "every", "chosen"
OWN: Final = "own"
"""The choice of whose a workflow is that makes it the member's alone."""


def _variables_known(text: str) -> None:
    if problem := variables.problem(text):
        raise ValidationError(problem)


@dataclass(frozen=True, slots=True)
class Texting:
    """Whether text messages can be sent here: why not, or ""; and why not to one number. `region` is where numbers
    without a "+" are dialled.
    """

    why_not: str
    why_not_number: Callable[[str], str]
    region: str = ""


class StepForm(forms.Form):
    """One message. `removed` leaves it out."""

    id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    amount = forms.IntegerField(
        label="Send", min_value=0, max_value=525_600, widget=forms.NumberInput(attrs={"class": "num w4"})
    )
    unit = forms.ChoiceField(choices=[(unit, unit) for unit in reversed(UNITS)])
    channel = forms.ChoiceField(label="By", choices=list(CHANNELS.items()), widget=Segments)
    to = forms.ChoiceField(
        choices=[(To.BOOKER, "Booker"), (To.HOST, "Host"), (To.ADDRESS, "An address or number")]
    )
    address = forms.EmailField(
        label="Address", required=False, max_length=254, help_text="Only for “An address or number”."
    )
    number = LineField(
        label="Number",
        required=False,
        max_length=40,
        widget=forms.TextInput({"type": "tel"}),
        help_text="Only for “An address or number”: one that somebody here has confirmed as his own.",
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

    def __init__(self, *args: Any, texting: Texting, **more: Any) -> None:
        super().__init__(*args, **more)
        self.texting = texting
        self.fields["channel"].help_text = texting.why_not
        self.fields["subject"].required = not self.is_text

    @property
    def part_name(self) -> str:
        """ "Message 2": what the note above the page calls it."""
        return f"Message {int(str(self.prefix).removeprefix('s')) + 1}"

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        amount, unit = data.get("amount"), data.get("unit")
        if amount is not None and unit and amount * UNITS[unit] > LONGEST_DELAY:
            self.add_error("amount", "Choose at most 365 days.")
        if self.is_text:
            self._check_text(data)
        elif data.get("to") == To.ADDRESS and not data.get("address") and "address" not in self.errors:
            self.add_error("address", "Write the address that it goes to.")
        if data.get("asks") and data.get("to") and data["to"] != To.BOOKER:
            self.add_error(
                "asks", "Only the booker can be asked. Send it to the booker, or take the question away."
            )
        return data

    def _check_text(self, data: dict[str, Any]) -> None:
        if self.texting.why_not:
            self.add_error("channel", "No text can be sent. Send it by email, or have texts set up.")
        # What is an email's alone does not stand in a text's way.
        for name in ("address", "subject"):
            self.errors.pop(name, None)
        if data.get("to") == To.ADDRESS and "number" not in self.errors:
            self._check_number(data)
        if data.get("asks"):
            self.add_error("asks", "Only an email can ask. Write {{manage_url}} into the text instead.")
        if data.get("body") and data.get("to"):
            parts = segments_of(written(data["body"], SAMPLE, To(data["to"]))).parts
            if parts > MOST_PARTS:
                self.add_error(
                    "body",
                    f"This takes {parts} texts, and {MOST_PARTS} are the most. Shorten it. "
                    "With letters or signs beyond the basic ones, such as emoji, half as much fits.",
                )

    def _check_number(self, data: dict[str, Any]) -> None:
        if not data.get("number"):
            self.add_error("number", "Write the number that it goes to.")
            return
        try:
            data["number"] = number_of(data["number"], self.texting.region)
        except BadNumber as error:
            self.add_error("number", f"{error}.")
            return
        if not self.texting.why_not and (reason := self.texting.why_not_number(data["number"])):
            self.add_error(
                "number", f"{reason}. Whoever has it confirms it first: Notices, then Texts to you."
            )

    @property
    def is_text(self) -> bool:
        """Whether it is a text message, as the page shows it."""
        return bool(self["channel"].value() == Channel.SMS)

    @property
    def is_removed(self) -> bool:
        return bool(self["removed"].value())

    @property
    def draft(self) -> StepDraft:
        data = self.cleaned_data
        to, channel = To(data["to"]), Channel(data["channel"])
        is_text = channel == Channel.SMS
        address = data["number"] if is_text else data["address"]
        return StepDraft(
            data["id"],
            data["amount"] * UNITS[data["unit"]],
            to,
            "" if is_text else data["subject"],
            data["body"],
            address if to == To.ADDRESS else "",
            data["asks"],
            channel,
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

    @property
    def by(self) -> str:
        return CHANNELS[Channel.SMS if self.form.is_text else Channel.EMAIL]


class WorkflowForm(forms.Form):
    """After `is_valid()`, `draft` is the workflow that was asked for, `links_wanted` those of the member's own links.

    `draft` at the start gives the values shown; one that `is_own` stays so. `groups` are those it may be given to;
    where `must_have_group`, it cannot be for the whole workspace; where `may_be_own`, it can be the member's alone, and
    is where nothing else can be chosen. Where `is_typed_only`, what was sent is shown again as it is, and not checked.
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
    group = forms.ChoiceField(
        label="Whose it is",
        required=False,
        error_messages={"invalid_choice": "This cannot be chosen any more. Choose again."},
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        draft: WorkflowDraft,
        groups: Sequence[Group],
        must_have_group: bool,
        may_be_own: bool,
        texting: Texting,
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
            "group": str(draft.group_id or ""),
        }
        if data is not None and is_typed_only:
            initial |= typed(type(self), data)
        super().__init__(None if is_typed_only else data, initial=initial)
        links = self.fields["links"]
        assert isinstance(links, forms.ChoiceField)
        links.choices = [(str(link.pk), f"{link.title}, /book/{link.slug}") for link in own_links]
        self.must_have_group = must_have_group
        self.may_be_own = may_be_own
        self.is_own_only = draft.is_own or (may_be_own and must_have_group and not groups)
        self._offer_owners(groups)
        self.texting = texting
        self.step_forms = _steps(data, draft, is_typed_only, texting)
        for _number in range(added):
            self.add_blank()

    def _offer_owners(self, groups: Sequence[Group]) -> None:
        if self.is_own_only:
            del self.fields["group"]
            reach = self.fields["reach"]
            assert isinstance(reach, forms.ChoiceField)
            reach.choices = [(EVERY, "All own links"), (CHOSEN, "Chosen links")]
            return
        group = self.fields["group"]
        assert isinstance(group, forms.ChoiceField)
        group.choices = [
            *([] if self.must_have_group else [("", "Whole workspace")]),
            *((str(each.pk), each.name) for each in groups),
            *([(OWN, "Yours alone, for your own links")] if self.may_be_own else []),
        ]
        if self.must_have_group:
            group.required = True
            group.error_messages["required"] = "Choose whose workflow this is."

    @property
    def whose(self) -> forms.BoundField | None:
        """The choice of whose it is; None where there is none."""
        return self["group"] if "group" in self.fields else None

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        is_shared = not self.is_own_only and data.get("group") != OWN
        if data.get("reach") == EVERY and is_shared and (self.must_have_group or data.get("group")):
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
        drafts = [form.draft for form in self.kept]
        steps = [step for step in drafts if step.to == To.BOOKER and step.channel == Channel.EMAIL]
        if trigger not in HAS_STANDARD_MAIL:
            self.add_error(
                "replaces", f"There is no standard mail at this moment: {LABELS[trigger].lower()}."
            )
        elif not steps:
            self.add_error("replaces", "No email goes to the booker, so nothing would be in its place.")
        elif trigger != Trigger.BEFORE_START and not any(not step.delay for step in steps):
            self.add_error(
                "replaces", "Set a message to the booker to 0 minutes: the one in its place goes out at once."
            )

    def add_blank(self) -> None:
        """One more message to fill in."""
        self.step_forms.append(_blank(len(self.step_forms), self.texting))

    @property
    def kept(self) -> list[StepForm]:
        return [form for form in self.step_forms if not form.is_removed]

    @property
    def parts(self) -> Sequence[StepForm]:
        """The forms that this one consists of, for the note that leads to what is to be fixed."""
        return self.kept if self.is_bound else ()

    @property
    def draft(self) -> WorkflowDraft:
        data = self.cleaned_data
        whose = data.get("group", OWN)
        steps = [form.draft for form in self.kept]
        return WorkflowDraft(
            data["name"],
            Trigger(data["trigger"]),
            tuple(steps),
            every_link=data["reach"] == EVERY,
            replaces=data["replaces"],
            group_id=UUID(whose) if whose and whose != OWN else None,
            is_own=whose == OWN,
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
            elsewhere = "a number" if form.is_text else "an address"
            to = {To.BOOKER: "the booker", To.HOST: "the host"}.get(form["to"].value(), elsewhere)
            says = str(form["body" if form.is_text else "subject"].value() or "New message")
            when = delay_words(self.chosen_trigger, max(delay, timedelta()))
            amount, unit = in_units(max(delay, timedelta()))
            length = f"{amount} {unit[:-1] if amount == 1 else unit}" if amount else ""
            shown.append(ShownStep(form, when, length, to, says[:80], number))
        return shown


def typed(form: type[forms.Form], data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """What was sent for each of the form's fields, as it is."""
    before = f"{prefix}-" if prefix else ""
    return {
        name: field.widget.value_from_datadict(data, {}, f"{before}{name}")
        for name, field in form.base_fields.items()
    }


def _steps(
    data: Mapping[str, Any] | None, draft: WorkflowDraft, is_typed_only: bool, texting: Texting
) -> list[StepForm]:
    if data is None:
        return [
            StepForm(prefix=f"s{number}", initial=_initial(step), texting=texting)
            for number, step in enumerate(draft.steps)
        ]
    there = 0
    while there < 2 * MOST_STEPS and f"s{there}-subject" in data:
        there += 1
    if is_typed_only:
        return [
            StepForm(prefix=f"s{number}", initial=typed(StepForm, data, f"s{number}"), texting=texting)
            for number in range(there)
        ]
    return [StepForm(data, prefix=f"s{number}", texting=texting) for number in range(there)]


def _blank(number: int, texting: Texting) -> StepForm:
    initial = {"amount": 1, "unit": "hours", "to": To.BOOKER, "channel": Channel.EMAIL}
    return StepForm(prefix=f"s{number}", initial=initial, texting=texting)


def _initial(step: StepDraft) -> dict[str, Any]:
    amount, unit = in_units(step.delay)
    return {
        "id": step.id,
        "amount": amount,
        "unit": unit,
        "to": step.to,
        "channel": step.channel,
        "address": "" if step.channel == Channel.SMS else step.address,
        "number": step.address if step.channel == Channel.SMS else "",
        "subject": step.subject,
        "body": step.body,
        "asks": step.asks,
    }
