"""How a member wants to be told."""

from collections.abc import Mapping
from typing import Any

from django import forms

from workestra.look.forms import Switch
from workestra.notifications.models import Channels


class ChannelsForm(forms.Form):
    """Of briefings, for now the only thing there is a choice about."""

    in_app = forms.BooleanField(label="Here, in your notices", required=False, widget=Switch)
    by_mail = forms.BooleanField(label="By mail", required=False, widget=Switch)

    def __init__(self, data: Mapping[str, Any] | None = None, *, chosen: Channels) -> None:
        super().__init__(data, initial={"in_app": chosen.in_app, "by_mail": chosen.by_mail})
