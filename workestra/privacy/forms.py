"""Finding somebody, erasing him, and for how long answers are kept."""

from typing import Any

from django import forms

from workestra.privacy.models import LONGEST


class FindForm(forms.Form):
    email = forms.EmailField(
        label="Email",
        max_length=254,
        error_messages={"required": "Write the address."},
        help_text="One that they booked with, or are written to at.",
    )


class EraseForm(forms.Form):
    """`cancel` is asked for only where there is something to cancel."""

    email = forms.EmailField(max_length=254, widget=forms.HiddenInput)
    cancel = forms.BooleanField(required=False, label="Cancel and withdraw these first")
    sure = forms.BooleanField(
        label="Erase for good", error_messages={"required": "Tick this: nobody can bring it back."}
    )

    def __init__(self, *args: Any, has_to_cancel: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_to_cancel:
            self.fields["cancel"].required = True
            self.fields["cancel"].error_messages["required"] = (
                "Tick this, or cancel them yourself: a meeting to come needs somebody to meet."
            )
        else:
            del self.fields["cancel"]


class RetentionForm(forms.Form):
    days = forms.IntegerField(
        label="Days after the meeting",
        required=False,
        min_value=1,
        max_value=LONGEST,
        help_text="Empty: answers are kept until somebody is erased.",
    )
