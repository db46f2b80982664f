"""What is picked and typed to change several bookings at once."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms

from bookings.domain.bulk import Action
from bookings.forms.words import WordsField

_DAMAGED = "A part of the form was lost on the way. Load the page again."


class BulkForm(forms.Form):
    """What an action needs beside bookings: a reason, a host, or how to mark them."""

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        action: Action,
        hosts: Sequence[tuple[UUID, str]],
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        match action:
            case Action.CANCEL:
                self.fields["reason"] = WordsField(
                    label="Reason", help_text="The bookers read it in the mail."
                )
            case Action.REASSIGN:
                self.fields["host"] = forms.TypedChoiceField(
                    label="New host",
                    required=False,
                    coerce=UUID,
                    empty_value=None,
                    choices=[("", "Whoever is free"), *((str(pk), name) for pk, name in hosts)],
                    help_text="Of each page the host whose turn it is, else by name.",
                    error_messages={"invalid_choice": "Choose one of these."},
                )
            case Action.ATTENDANCE:
                self.fields["attendance"] = forms.ChoiceField(
                    label="Mark as",
                    choices=[("attended", "Attended"), ("no_show", "No-show")],
                    error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose one of these."),
                )

    @property
    def typed(self) -> dict[str, str]:
        """The reason and the attendance, "" without. Only for a valid form."""
        return {name: self.cleaned_data.get(name, "") for name in ("reason", "attendance")}

    @property
    def host_id(self) -> UUID | None:
        """Who was chosen to host them. Only for a valid form."""
        host: UUID | None = self.cleaned_data.get("host")
        return host


class PickForm(BulkForm):
    """The bookings picked of those that are listed; with `all` everything that is."""

    id = forms.UUIDField(
        widget=forms.HiddenInput, error_messages=dict.fromkeys(("required", "invalid"), _DAMAGED)
    )
    all = forms.BooleanField(required=False)
    pick = forms.TypedMultipleChoiceField(
        coerce=UUID,
        required=False,
        error_messages={"invalid_choice": "One of these is no longer in the list. Pick again."},
    )

    def __init__(self, data: Mapping[str, Any] | None, *, listed: Sequence[UUID], **more: Any) -> None:
        """`listed` are those of the bookings sent that are in the list."""
        super().__init__(data, **more)
        self.fields["pick"].choices = [(str(pk), str(pk)) for pk in listed]  # type: ignore[attr-defined]
        # Who takes all of them does not mean what is ticked on the page.
        self.fields["pick"].disabled = data is not None and "all" in data

    def clean(self) -> None:
        if not self.cleaned_data.get("all") and not self.cleaned_data.get("pick", True):
            self.add_error("pick", "Pick at least one booking.")
