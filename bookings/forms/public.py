"""What a booker fills in: his details and the link's questions, and why he cancels."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from bookings.domain.names import looks_like_an_address
from bookings.forms.words import WordsField
from bookings.selectors import PendingFile
from bookings.selectors.texts import Texts
from bookings.services.booking import Booker
from scheduling.domain.questions import Question, QuestionType, questions_of
from scheduling.models import BookingLink
from workestra.limits.fill_time import is_too_quick, opened_again
from workestra.look.fields import LineField, LinesField
from workestra.look.forms import Picks
from workestra.look.typed_text import BadText, lines, one_line
from workestra.sms.domain.words import agreement_hint
from workestra.sms.forms import textable
from workestra.uploads.kinds import ACCEPT, KINDS_IN_WORDS, BadFile, size_words
from workestra.uploads.taking import Upload, taken

MAX_ANSWER: Final = 5_000
MAX_GUESTS: Final = 10
TRAP: Final = "leave_empty"
"""A field that people do not see: what fills it in is a program."""

_TOO_LONG: Final = "%(show_value)d characters are too many. %(limit_value)d fit."
# Choices up to this many are chips, more are a list.
_CHIPS: Final = 6
_TICKED: Final = frozenset({"1", "on", "true", "yes"})
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


@dataclass(frozen=True, slots=True)
class SentFile:
    """What a form says of a file: one sent now, the key of one sent before, and whether that one shall go."""

    file: "UploadedFile[bytes] | None"
    key: str
    is_removed: bool

    def __bool__(self) -> bool:
        return self.file is not None or bool(self.key and not self.is_removed)


class FileWidget(forms.Widget):
    """`<name>` is a file; `<name>-kept` the key of the one sent before; `<name>-remove` says that it shall go."""

    template_name = "bookings/widgets/file.html"
    needs_multipart_form = True
    kept: PendingFile | None = None

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> SentFile:
        key = str(data.get(f"{name}-kept", ""))
        return SentFile((files or {}).get(name), key, f"{name}-remove" in data)

    def use_required_attribute(self, initial: Any) -> bool:
        return super().use_required_attribute(initial) and self.kept is None

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["widget"]["accept"] = ACCEPT
        context["widget"]["kept"] = self.kept
        context["widget"]["size"] = size_words(self.kept.size) if self.kept else ""
        return context


class FileField(forms.Field):
    """A file: an `Upload` written anew, or the one that was sent with the form before and waits."""

    widget = FileWidget

    def __init__(self, *, kept: PendingFile | None, **kwargs: Any) -> None:
        super().__init__(help_text=KINDS_IN_WORDS, **kwargs)
        self.widget.kept = kept

    def clean(self, value: SentFile) -> Upload | PendingFile | None:
        if value.is_removed:
            self.widget.kept = None
        if value.file is not None:
            try:
                return taken(value.file.name or "", value.file.read(), value.file.size or 0)
            except BadFile as error:
                raise ValidationError(str(error)) from error
        if self.widget.kept is None and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        return self.widget.kept


class GuestsField(LinesField):
    """Addresses, one a line; commas and blanks part them as well. Gives each once, in order."""

    def clean(self, value: Any) -> list[str]:
        typed = re.split(r"[\s,;]+", super().clean(value).strip(" ,;\n"))
        guests: dict[str, str] = {}
        for text in filter(None, typed):
            try:
                address = AddressField(max_length=254).clean(text)
            except ValidationError as error:
                raise ValidationError(f"“{text[:60]}” is no address. {error.messages[0]}") from error
            guests.setdefault(address.casefold(), address)
        if len(guests) > MAX_GUESTS:
            raise ValidationError(f"{len(guests)} guests are too many. {MAX_GUESTS} fit.")
        return list(guests.values())


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
    texts = forms.BooleanField(required=False, help_text=agreement_hint())
    leave_empty = forms.CharField(
        label="Leave this empty",
        required=False,
        widget=forms.TextInput({"tabindex": "-1", "autocomplete": "off"}),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        location_type: str,
        reader: str,
        now: datetime,
        texts: Texts | None = None,
        **kwargs: Any,
    ) -> None:
        """`reader` is who reads the answers: a first name, or "the team". Without `texts` nobody is asked whether he
        wants any."""
        super().__init__(data, **kwargs)
        self.now = now
        self.region = texts.region if texts else ""
        if texts:
            self.fields["texts"].label = texts.wording
        else:
            del self.fields["texts"]
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

    def clean_texts(self) -> bool:
        """Who wants texts leaves a number that can be texted: it is in E.164 from here on."""
        wanted: bool = self.cleaned_data["texts"]
        if wanted and "phone" not in self.errors:
            typed = self.cleaned_data["phone"]
            if typed:
                try:
                    self.cleaned_data["phone"] = textable(typed, self.region)
                except ValidationError as error:
                    self.add_error("phone", f"{error.messages[0]}. Or leave the box below empty.")
            else:
                self.add_error("phone", "Add the number the texts go to")
        return wanted

    def clean_leave_empty(self) -> str:
        if self.cleaned_data[TRAP]:
            raise ValidationError("Leave this field empty. It is there to catch programs.")
        return ""

    def clean(self) -> dict[str, Any]:
        if is_too_quick(self.data.get("opened", ""), self.now):
            raise ValidationError(
                "All of it was filled in at once. Look it over, then book: everything is kept."
            )
        return self.cleaned_data

    @property
    def agreed_to(self) -> str:
        """The words by which the booker agreed to be texted; "" when he did not. Only for a valid form."""
        return str(self.fields["texts"].label) if self.cleaned_data.get("texts") else ""

    @property
    def opened(self) -> str:
        """The value of a hidden field: when the form was opened."""
        return opened_again(self.data.get("opened", ""), self.now)

    @property
    def kept(self) -> int:
        """How many fields somebody has filled in."""
        return sum(bool(self[name].value()) for name in self.fields) if self.is_bound else 0


class DetailsForm(BookerForm):
    """The booker's details with the questions of the link, each in a field named "q-" and its key."""

    notes = LinesField(
        label="Anything to know beforehand?",
        max_length=MAX_ANSWER,
        required=False,
        widget=forms.Textarea({"rows": 3}),
    )
    guests = GuestsField(
        label="Guests",
        max_length=MAX_ANSWER,
        required=False,
        help_text=f"Their email addresses, one a line, up to {MAX_GUESTS}. Each gets the invitation.",
        widget=forms.Textarea({"rows": 2, "inputmode": "email", "autocomplete": "off"}),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        link: BookingLink,
        reader: str,
        now: datetime,
        kept: Mapping[str, PendingFile] | None = None,
        **kwargs: Any,
    ) -> None:
        """`reader` is who reads the answers: a first name, or "the team". `kept` are files sent before, by question."""
        super().__init__(data, location_type=link.location_type, reader=reader, now=now, **kwargs)
        self.questions = questions_of(link.questions)
        self.fields["notes"].help_text = f"{reader[:1].upper()}{reader[1:]} reads this before the meeting."
        for name in ("notes", "guests"):
            self.fields[name].error_messages["max_length"] = _TOO_LONG
        for question in self.questions:
            self.fields[_field_name(question.key)] = _field_of(question, (kept or {}).get(question.key))
            self.fields[_field_name(question.key)].error_messages["max_length"] = _TOO_LONG
        self.order_fields(
            [
                "name",
                "email",
                "phone",
                "texts",
                *(_field_name(question.key) for question in self.questions),
                "notes",
                "guests",
                TRAP,
            ]
        )

    def clean(self) -> dict[str, Any]:
        """Whoever books is no guest of his own."""
        cleaned = super().clean() or self.cleaned_data
        own = cleaned.get("email", "").casefold()
        if "guests" in cleaned:
            cleaned["guests"] = [guest for guest in cleaned["guests"] if guest.casefold() != own]
        return cleaned

    @property
    def question_fields(self) -> list[forms.BoundField]:
        """The link's own questions, in its order."""
        return [self[_field_name(question.key)] for question in self.questions]

    @property
    def uploads(self) -> dict[str, Upload]:
        """The files sent with this form, by question; none when a program filled it in. Only for a form that was
        validated, valid or not."""
        if TRAP in self.errors:
            return {}
        answered = {
            question.key: self.cleaned_data.get(_field_name(question.key)) for question in self.questions
        }
        return {key: value for key, value in answered.items() if isinstance(value, Upload)}

    def keep(self, question: str, file: PendingFile | None) -> None:
        """Go on with a file that is kept now; None says that it could not be."""
        name = _field_name(question)
        if file is None:
            self.add_error(name, "This file could not be kept. Send it again.")
            return
        self.cleaned_data[name] = self.fields[name].widget.kept = file

    def booker(self, timezone: str) -> Booker:
        """The details as the booking takes them. Only for a valid form whose files are kept."""
        answers = [
            answer
            for question in self.questions
            if (answer := _answer(question, self.cleaned_data[_field_name(question.key)]))
        ]
        return Booker(
            name=self.cleaned_data["name"],
            email=self.cleaned_data["email"],
            phone=self.cleaned_data["phone"],
            notes=self.cleaned_data["notes"],
            timezone=timezone,
            answers=answers,
            guests=self.cleaned_data["guests"],
            texts=self.agreed_to,
        )


class AnswerForm(forms.Form):
    """What a booker says to other times: the key of one of them, "keep" or "none" with a note."""

    slot = forms.CharField(error_messages={"required": "Pick a time, or keep the one you have"})
    note = WordsField(label="What would suit you?")

    def clean_slot(self) -> UUID | str:
        said: str = self.cleaned_data["slot"]
        if said in {"keep", "none"}:
            return said
        try:
            return UUID(said)
        except ValueError as error:
            raise ValidationError("Pick a time, or keep the one you have") from error


class MoveForm(forms.Form):
    """What the booker has to say when he moves the meeting to the time he picked."""

    message = WordsField()

    def __init__(self, data: Mapping[str, Any] | None = None, *, host: str) -> None:
        super().__init__(data)
        self.fields["message"].label = f"A word for {host}"


class CancelForm(forms.Form):
    reason = WordsField(label="Reason", rows=3)


def prefilled(link: BookingLink, query: Mapping[str, str]) -> dict[str, Any]:
    """What an address fills in: name, email, phone, notes, guests and the questions, by key; the rest of it is ignored,
    and so is what no field would take. A tick that is required is never set: it has to be the booker's own."""
    longest = {"name": 120, "email": 254, "phone": 40, "notes": MAX_ANSWER, "guests": MAX_ANSWER}
    initial: dict[str, Any] = {}
    for key, most in longest.items():
        rule = lines if key in {"notes", "guests"} else one_line
        if text := _readable(query.get(key, ""), rule, most):
            initial[key] = text
    for question in questions_of(link.questions):
        text = _readable(query.get(question.key, ""), lines, MAX_ANSWER)
        match question.type:
            case QuestionType.TEXT | QuestionType.TEXTAREA:
                answer: Any = text
            case QuestionType.SELECT:
                answer = text if text in question.options else ""
            case QuestionType.CHECKBOX:
                answer = text.lower() in _TICKED and not question.required
            case QuestionType.FILE:
                answer = ""
        if answer:
            initial[_field_name(question.key)] = answer
    return initial


def prefill_keys(link: BookingLink) -> list[str]:
    """The names an address may carry to fill the form in."""
    asked = [question.key for question in questions_of(link.questions) if question.type != QuestionType.FILE]
    return ["name", "email", "phone", "notes", "guests", *asked]


def file_keys(link: BookingLink, typed: Mapping[str, str]) -> dict[str, str]:
    """The keys of files sent before that a form carries, by question."""
    return {
        question.key: typed.get(f"{_field_name(question.key)}-kept", "")
        for question in questions_of(link.questions)
        if question.type == QuestionType.FILE
    }


def _readable(text: str, rule: Callable[[str], str], most: int) -> str:
    try:
        return rule(text)[:most]
    except BadText:
        return ""


def _field_name(question: str) -> str:
    return f"q-{question}"


def _field_of(question: Question, kept: PendingFile | None) -> forms.Field:
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
        case QuestionType.FILE:
            return FileField(kept=kept, error_messages={"required": "Choose a file"}, **common)


def _answer(question: Question, value: Any) -> dict[str, Any]:
    """As `Booking.answers` holds it; empty for a question that was left out."""
    if isinstance(value, PendingFile):
        return {
            "label": question.label,
            "answer": f"{value.name}, {size_words(value.size)}",
            "file": str(value.id),
        }
    if question.type is QuestionType.CHECKBOX:
        return {"label": question.label, "answer": "Yes" if value else "No"}
    return {"label": question.label, "answer": str(value)} if value else {}
