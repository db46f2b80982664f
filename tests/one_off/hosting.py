"""The pages of a one-off's host, as their tests use them."""

from django.http import HttpResponse
from django.test import Client

from tests.pages import form_posting

LIST, NEW = "/calendar/one-off", "/calendar/one-off/new"
TUESDAY = ("2030-01-08", "10:00", "30")


def page(response: HttpResponse) -> str:
    return response.content.decode()


def typed(browser: Client, *rows: tuple[str, str, str], **changes: str) -> dict[str, str]:
    """The new form as loaded, with a title, these rows (day, start, minutes) and the changes filled in."""
    values = form_posting(page(browser.get(NEW)), "slots-0-day").values | {"title": "Contract walkthrough"}
    values["slots-TOTAL_FORMS"] = str(max(len(rows), int(values["slots-TOTAL_FORMS"])))
    for index, row in enumerate(rows):
        for name, value in zip(("day", "start", "minutes"), row, strict=True):
            values[f"slots-{index}-{name}"] = value
    return values | changes
