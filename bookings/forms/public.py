"""What a booker fills in: his details and the link's questions, and why he cancels."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from bookings.domain.names import looks_like_an_address
from bookings.services.booking import Booker
from scheduling.domain.questions import Question, QuestionType, questions_of
from scheduling.forms.fields import LineField, LinesField
from scheduling.models import BookingLink
from workestra.look.forms import Picks

MAX_ANSWER: Final = 5_000
MAX_REASON: Final = 500
TRAP: Final = "leave_empty"
"""A field that people do not see: what fills it in is a program."""

_TOO_LONG: Final = "%(show_value)d characters are too many. %(limit_value)d fit."
# Choices up to this many are chips, more are a list.
_CHIPS: Final = 6
_PHONE: Final = re.compile(r"[0-9 ()./+-]+(?: ?(?:x|ext\.?) ?[0-9]+)?")


class AddressField(forms.EmailField):
    """An email address that any mail server takes; a malformed one is told what it lacks.

    Quoted local parts, local parts beyond ASCII and numeric hosts are refused, though RFC 5321 allows them: nobody has
    such an address, and forms that mail to `root@[127.0.0.1]` are asked for trouble. So are domains that have no ASCII
    form: no mail that names one can be written, not even the host's.
    """

    def clean(self, value: Any) -> Any:
        local, at, domain = str(value or "").strip().rpartition("@")
        if at and local and domain and "." not in domain and ":" not in domain:
            raise ValidationError("Add the ending, such as .com")
        try:
            address = super().clean(value)
        except ValidationError as error:
            if not any(part.code == "invalid" for part in error.error_list):
                raise
            raise ValidationError("Write it like name@example.com") from error
        if address and (
            '"' in local or not local.isascii() or domain.startswith("[") or not _in_ascii(domain)
        ):
            raise ValidationError("Write it like name@example.com")
        return address


def _in_ascii(domain: str) -> str:
    """The domain as mail servers know it (RFC 3490, ToASCII); "" when it cannot be one."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


class BookerForm(forms.Form):
    """Who comes."""

    name = LineField(label="Your name", max_length=120, widget=forms.TextInput({"autocomplete": "name"}))
    email = AddressField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={"required": "Add your email: the invitation goes there"},
    )
    phone = LineField(
        label="Phone",
        max_length=40,
        required=False,
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}),
        error_messages={"required": "Add the number to call"},
    )
    leave_empty = forms.CharField(
        label="Leave this empty",
        required=False,
        widget=forms.TextInput({"tabindex": "-1", "autocomplete": "off"}),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, location_type: str, reader: str, **kwargs: Any
    ) -> None:
        """`reader` is who reads the answers: a first name, or "the team"."""
        super().__init__(data, **kwargs)
        self.fields["name"].error_messages["required"] = f"Add your name so {reader} knows who is coming"
        if location_type == "phone":
            self.fields["phone"].required = True
            self.fields["phone"].help_text = f"{reader[:1].upper()}{reader[1:]} calls you on this number."
        for field in self.fields.values():
            field.error_messages["max_length"] = _TOO_LONG

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if looks_like_an_address(name):
            raise ValidationError("Write your name without a web or email address")
        return name

    def clean_phone(self) -> str:
        phone: str = self.cleaned_data["phone"]
        if phone and (not _PHONE.fullmatch(phone) or sum(map(str.isdigit, phone)) < 5):
            raise ValidationError("Write the number with digits, such as +49 30 123456")
        return phone

    def clean_leave_empty(self) -> str:
        if self.cleaned_data[TRAP]:
            raise ValidationError("Leave this field empty. It is there to catch programs.")
        return ""

    @property
    def kept(self) -> int:
        """How many fields somebody has filled in."""
        return sum(bool(self.data.get(self.add_prefix(name))) for name in self.fields)


class DetailsForm(BookerForm):
    """The booker's details with the questions of the link, each in a field named "q-" and its key."""

    notes = LinesField(
        label="Anything to know beforehand?",
        max_length=MAX_ANSWER,
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, link: BookingLink, reader: str, **kwargs: Any
    ) -> None:
        """`reader` is who reads the answers: a first name, or "the team"."""
        super().__init__(data, location_type=link.location_type, reader=reader, **kwargs)
        self.questions = questions_of(link.questions)
        self.fields["notes"].help_text = f"{reader[:1].upper()}{reader[1:]} reads this before the meeting."
        self.fields["notes"].error_messages["max_length"] = _TOO_LONG
        for question in self.questions:
            self.fields[_field_name(question)] = _field_of(question)
            self.fields[_field_name(question)].error_messages["max_length"] = _TOO_LONG
        self.order_fields(["name", "email", "phone", *map(_field_name, self.questions), "notes", TRAP])

    @property
    def question_fields(self) -> list[forms.BoundField]:
        """The link's own questions, in its order."""
        return [self[_field_name(question)] for question in self.questions]

    def booker(self, timezone: str) -> Booker:
        """The details as the booking takes them. Only for a valid form."""
        answers = [
            {"label": question.label, "answer": answer}
            for question in self.questions
            if (answer := _answer(question, self.cleaned_data[_field_name(question)]))
        ]
        return Booker(
            name=self.cleaned_data["name"],
            email=self.cleaned_data["email"],
            phone=self.cleaned_data["phone"],
            notes=self.cleaned_data["notes"],
            timezone=timezone,
            answers=answers,
        )


class CancelForm(forms.Form):
    reason = LinesField(
        label="Reason",
        max_length=MAX_REASON,
        required=False,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"max_length": _TOO_LONG},
    )


def prefilled(link: BookingLink, query: Mapping[str, str]) -> dict[str, str]:
    """What an address fills in: name, email, phone, notes and the questions, by key; the rest of it is ignored."""
    names = {key: key for key in ("name", "email", "phone", "notes")}
    names |= {question.key: _field_name(question) for question in questions_of(link.questions)}
    return {field: query[key][:MAX_ANSWER] for key, field in names.items() if query.get(key)}


def prefill_keys(link: BookingLink) -> list[str]:
    """The names an address may carry to fill the form in."""
    return ["name", "email", "phone", "notes", *(question.key for question in questions_of(link.questions))]


def _field_name(question: Question) -> str:
    return f"q-{question.key}"


def _field_of(question: Question) -> forms.Field:
    common: dict[str, Any] = {"label": question.label, "required": question.required}
    match question.type:
        case QuestionType.TEXT:
            return LineField(max_length=MAX_ANSWER, error_messages={"required": "Answer this"}, **common)
        case QuestionType.TEXTAREA:
            return LinesField(
                max_length=MAX_ANSWER,
                widget=forms.Textarea({"rows": 3}),
                error_messages={"required": "Answer this"},
                **common,
            )
        case QuestionType.SELECT:
            chips = len(question.options) <= _CHIPS
            choices = [(option, option) for option in question.options]
            return forms.ChoiceField(
                choices=choices if chips else [("", "Choose one"), *choices],
                widget=Picks() if chips else forms.Select(),
                error_messages={"required": "Choose one", "invalid_choice": "Choose one of these"},
                **common,
            )
        case QuestionType.CHECKBOX:
            return forms.BooleanField(error_messages={"required": "Tick this to go on"}, **common)


def _answer(question: Question, value: Any) -> str:
    if question.type is QuestionType.CHECKBOX:
        return "Yes" if value else "No"
    return str(value)
