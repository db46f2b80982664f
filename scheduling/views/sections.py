"""What the views of links and of templates have in common, as their forms do."""

from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict

from scheduling.forms import SectionsForm
from scheduling.services import logos


def sent_with(
    request: HttpRequest,
) -> "tuple[QueryDict | None, MultiValueDict[str, UploadedFile[bytes]] | None]":
    """A form's fields and files; None for both where the page is only asked for."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def keep_sent_logo(form: SectionsForm, now: datetime) -> None:
    """Keep the logo that came with the form, be the rest good or not: the page shows it and sends its key again."""
    if form.sent_logo is not None:
        logos.keep_logo(form.sent_logo, now)
