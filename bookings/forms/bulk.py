"""What is picked and typed to change several bookings at once."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms

from bookings.domain.bulk import Action
from bookings.forms.words import WordsField

_DAMAGED = "A part of the form was lost on the way. Load the page again."


class BulkForm(forms.Form):
    """The bookings picked, and what the action needs: a reason, a host, or how to mark them."""

    id = forms.UUIDField(
        widget=forms.HiddenInput, error_messages=dict.fromkeys(("required", "invalid"), _DAMAGED)
    )
    pick = forms.TypedMultipleChoiceField(
        coerce=UUID,
        error_messages={
            "required": "Pick at least one booking.",
            "invalid_choice": "One of these is no longer in the list. Pick again.",
        },
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        action: Action,
        hosts: Sequence[tuple[UUID, str]],
        listed: Sequence[UUID],
    ) -> None:
        super().__init__(data)
        self._listed = listed
        self.fields["pick"].choices = [(str(pk), str(pk)) for pk in listed]  # type: ignore[attr-defined]
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
    def picked(self) -> set[UUID]:
        """The bookings that were picked, as far as they are still listed: also of a form that is refused."""
        if not self.is_bound:
            return set()
        ticked = set(self["pick"].value() or ())
        return {pk for pk in self._listed if str(pk) in ticked}

    @property
    def host_id(self) -> UUID | None:
        """Who was chosen to host them. Only for a valid form."""
        host: UUID | None = self.cleaned_data.get("host")
        return host
