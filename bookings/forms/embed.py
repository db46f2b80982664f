"""Where a link may be embedded."""

from django import forms
from django.core.exceptions import ValidationError

from scheduling.domain.origins import read_origins
from workestra.look.fields import LinesField


class EmbedForm(forms.Form):
    embed_origins = LinesField(
        label="Websites that may embed it",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "slug"}),
        help_text="One a line, such as https://www.example.com. Empty: no other website can show it.",
    )

    def clean_embed_origins(self) -> list[str]:
        """The origins, each once."""
        origins, problems = read_origins(self.cleaned_data["embed_origins"])
        if problems:
            raise ValidationError(problems)
        return origins
