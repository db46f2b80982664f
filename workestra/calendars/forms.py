"""What a member types to connect a calendar, and chooses of those he has."""

from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from workestra.calendars.providers.ics_feed import feed_address
from workestra.egress import is_web_address, may_be_private, parts_of
from workestra.look.fields import LineField


def _web_address(address: str) -> str:
    if not is_web_address(address):
        raise ValidationError(
            "Write the whole address, such as https://dav.example.com/, without a password in it."
        )
    return address


class CalDAVForm(forms.Form):
    url = forms.CharField(
        max_length=500,
        label="Server address",
        help_text="As your calendar program has it, such as https://dav.example.com/.",
        error_messages={"required": "Add the address of the server."},
        widget=forms.URLInput(attrs={"autocomplete": "url", "spellcheck": "false"}),
    )
    username = LineField(
        max_length=254,
        label="User name",
        error_messages={"required": "Add your user name on the server."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password = forms.CharField(
        max_length=500,
        strip=False,
        label="Password",
        help_text="Use an app password where the server has them. It is kept encrypted and never shown again.",
        error_messages={"required": "Add the password."},
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def clean_url(self) -> str:
        """Passwords go over TLS, unless the administrator has named the host as one of his own."""
        address = _web_address(self.cleaned_data["url"].strip())
        host, port = parts_of(address)
        if address.lower().startswith("http://") and not may_be_private(host, port):
            raise ValidationError("Use an https:// address: the password would go over the network in clear.")
        return address


class FeedForm(forms.Form):
    url = forms.CharField(
        max_length=1000,
        label="Feed address",
        help_text="Ends in .ics as a rule; webcal:// will do. It is kept encrypted and never shown again.",
        error_messages={"required": "Add the address of the feed."},
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    name = LineField(
        max_length=80,
        required=False,
        label="Name",
        help_text="Without one it has its own.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_url(self) -> str:
        return _web_address(feed_address(self.cleaned_data["url"]))


class ChoiceForm:
    """The boxes and the one mark of the page, by calendar id. What reads as no id is left out."""

    NOWHERE = "none"

    def __init__(self, data: QueryDict) -> None:
        self.shown = _ids(data, "shown")
        """Whose boxes were on the page: nothing is said of the others."""
        self.checked = _ids(data, "checked")
        mark = data.get("write")
        self.says_where = mark is not None
        self.write_to = next(iter(_ids(data, "write")), None)
        self.is_readable = mark in {None, self.NOWHERE} or self.write_to is not None


def _ids(data: QueryDict, name: str) -> set[UUID]:
    return {found for text in data.getlist(name) if (found := _uuid(text))}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
