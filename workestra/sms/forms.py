"""A member's own number, and the code that proves it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from workestra.look.fields import LineField
from workestra.sms import setup
from workestra.sms.numbers import BadNumber, is_mobile, number_of


class NumberField(LineField):
    """A phone number that can be texted; gives it in E.164. `region` is where one without a "+" is dialled."""

    def __init__(self, *, region: str = "", **more: Any) -> None:
        super().__init__(
            max_length=40, widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}), **more
        )
        self.region = region

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        return textable(typed, self.region) if typed else ""


class NumberForm(forms.Form):
    number = NumberField(
        label="Mobile number", error_messages={"required": "Write the number that texts are to go to"}
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, region: str, **more: Any) -> None:
        super().__init__(data, **more)
        field = self.fields["number"]
        assert isinstance(field, NumberField)
        field.region = region


class CodeForm(forms.Form):
    code = LineField(
        label="Code from the text",
        max_length=12,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code", "class": "w10"}),
        error_messages={"required": "Type the six digits of the text"},
    )

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].replace(" ", "")
        if len(code) != 6 or not (code.isascii() and code.isdigit()):
            raise ValidationError("The code has six digits")
        return code


def textable(typed: str, region: str) -> str:
    """The number in E.164, as `number_of` reads it. Raises: ValidationError, also where we text no numbers."""
    try:
        number = number_of(typed, region)
    except BadNumber as error:
        raise ValidationError(str(error)) from error
    if not setup.is_reachable(number):
        raise ValidationError("Numbers of this country are not texted here")
    if not is_mobile(number):
        raise ValidationError("Write the number of a mobile phone: texts reach no other")
    return number
