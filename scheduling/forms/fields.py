"""Form fields for what a booking link has besides plain values: hours, dates, questions, zones.

The inputs of a compound field are all named `<field>-…`, so that a POST carries a field exactly when it has a key
that is the field's name or begins with it and a dash.
"""

import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from scheduling.domain.hours import WEEKDAYS
from scheduling.domain.logos import LogoImage, is_key, logo_image
from scheduling.domain.questions import QuestionType, TypedQuestion, read_questions, typed_questions
from scheduling.domain.typed_hours import (
    TypedDate,
    TypedDay,
    TypedWindow,
    read_dates,
    read_week,
    typed_dates,
    typed_week,
)
from scheduling.domain.wallclock import known_zones, zones_in_use
from workestra.uploads.kinds import LOGO_ACCEPT, BadFile
from workestra.uploads.taking import taken_logo


class ZoneSelect(forms.Select):
    """Shows the cities by region, and the chosen zone always, also one with an old name (Brazil/Acre)."""

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> Any:
        offered = {zone for _, cities in cities_by_region() for zone, _ in cities} | {"UTC"}
        others = [(zone, zone) for zone in value if zone in known_zones() - offered]
        self.choices = [*others, ("UTC", "UTC"), *cities_by_region()]
        return super().optgroups(name, value, attrs)


class ZoneField(forms.ChoiceField):
    """An IANA zone out of all that are known."""

    widget = ZoneSelect

    def valid_value(self, value: Any) -> bool:
        return value in known_zones()


class CompoundWidget(forms.Widget):
    """A widget of many inputs, whose names all begin with the field's and a dash."""

    use_fieldset = True

    def id_for_label(self, id_: str | None) -> str:
        return ""

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return not any(key.startswith(f"{name}-") for key in data)


class WeekWidget(CompoundWidget):
    """Seven days, each with a tick and its windows. `<name>-<day>-open`, `<name>-<day>-<n>-from` and `-to`."""

    template_name = "scheduling/widgets/week.html"

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[TypedDay]:
        windows = _typed_windows(data, rf"{name}-([0-6])")
        return [
            TypedDay(day, f"{name}-{day}-open" in data, tuple(windows[str(day)]))
            for day in range(len(WEEKDAYS))
        ]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["widget"]["days"] = [(f"{name}-{day.weekday}", day) for day in value]
        return context


class DatesWidget(CompoundWidget):
    """Dates with hours of their own. `<name>-<n>-date`, `-closed`, `<name>-<n>-<m>-from` and `-to`."""

    template_name = "scheduling/widgets/dates.html"

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[TypedDate]:
        windows = _typed_windows(data, rf"{name}-(\d{{1,3}})")
        rows = _rows(data, rf"{name}-(\d{{1,3}})-(?:date|closed|\d{{1,3}}-(?:from|to))")
        return [
            TypedDate(data.get(f"{name}-{row}-date", ""), f"{name}-{row}-closed" in data, tuple(windows[row]))
            for row in rows
        ]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["widget"]["dates"] = [(f"{name}-{row}", date) for row, date in enumerate(value)]
        context["widget"]["spare"], context["widget"]["blank"] = f"{name}-{len(value)}", f"{name}-DATE"
        return context


class QuestionsWidget(CompoundWidget):
    """Questions. `<name>-<n>-label`, `-type`, `-required`, `-options` (one a line), `-key` (hidden)."""

    template_name = "scheduling/widgets/questions.html"

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[TypedQuestion]:
        return [
            TypedQuestion(
                key=data.get(f"{name}-{row}-key", ""),
                label=data.get(f"{name}-{row}-label", ""),
                type=data.get(f"{name}-{row}-type", QuestionType.TEXT.value),
                required=f"{name}-{row}-required" in data,
                options=data.get(f"{name}-{row}-options", ""),
            )
            for row in _rows(data, rf"{name}-(\d{{1,3}})-(?:label|type|required|options|key)")
        ]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["widget"]["questions"] = [(f"{name}-{row}", question) for row, question in enumerate(value)]
        context["widget"]["spare"], context["widget"]["blank"] = f"{name}-{len(value)}", f"{name}-QUESTION"
        context["widget"]["types"] = list(QuestionType)
        return context


@dataclass(frozen=True, slots=True)
class TypedLogo:
    """What a form says of a logo: a file sent now, the key of the one it shows (None: it says nothing), and whether
    that one shall go."""

    file: "UploadedFile[bytes] | None"
    key: str | None
    is_removed: bool


class LogoWidget(CompoundWidget):
    """`<name>` is a file, `<name>-kept` the key of the logo that the page shows, `<name>-remove` a tick."""

    template_name = "scheduling/widgets/logo.html"
    needs_multipart_form = True
    use_fieldset = False

    def id_for_label(self, id_: str | None) -> str:
        return id_ or ""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> TypedLogo:
        return TypedLogo((files or {}).get(name), data.get(f"{name}-kept"), f"{name}-remove" in data)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in (files or {}) and super().value_omitted_from_data(data, files, name)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        context["widget"] |= {"key": value.key or "", "is_removed": value.is_removed, "accept": LOGO_ACCEPT}
        return context


class LogoField(forms.Field):
    """The key of a logo, or None. `stored` is the key that counts where a form says nothing.

    `sent` is the picture that came with the form, written anew: whoever has the form has to keep it. It is shown, and
    comes back by its key, whatever else is wrong with the form.
    """

    widget = LogoWidget
    stored: str | None = None
    sent: LogoImage | None = None

    def clean(self, value: Any) -> str | None:
        if not isinstance(value, TypedLogo):
            return str(value) if value else None
        if value.file is not None:
            try:
                self.sent = logo_image(taken_logo(value.file.read(), value.file.size or 0))
            except BadFile as error:
                raise ValidationError(str(error)) from error
            return self.sent.key
        if value.is_removed:
            return None
        if value.key is None:
            return self.stored
        if value.key and not is_key(value.key):
            raise ValidationError("This logo is not there any more. Choose it again.")
        return value.key or None

    def prepare_value(self, value: Any) -> TypedLogo:
        """What to show: the logo sent with the form, or the one it showed before."""
        if not isinstance(value, TypedLogo):
            return TypedLogo(None, value, is_removed=False)
        if self.sent is not None:
            return TypedLogo(None, self.sent.key, is_removed=False)
        key = self.stored if value.key is None else value.key
        return TypedLogo(None, key if key and is_key(key) else None, value.is_removed)


class CompoundField(forms.Field, ABC):
    """A field stored as JSON and typed as rows. `clean` gives the JSON; what was typed is shown again after errors."""

    def __init__(self, *, required: bool = False, **kwargs: Any) -> None:
        super().__init__(required=required, **kwargs)

    @abstractmethod
    def read(self, typed: Any) -> tuple[list[dict[str, Any]], list[str], Sequence[Any]]:
        """What was typed, as JSON to store, with sentences about what is wrong, and as rows to show again."""

    @abstractmethod
    def typed(self, stored: Any) -> Sequence[Any]:
        """The rows that show what is stored."""

    def clean(self, value: Any) -> Any:
        if self.disabled:
            return value
        stored, problems, _ = self.read(value)
        if problems:
            raise ValidationError(problems)
        return stored

    def prepare_value(self, value: Any) -> Any:
        """Rows to show: those typed, with the faulty ones marked, or those of the stored JSON."""
        if _is_stored(value):
            return self.typed(value)
        return self.read(value)[2]

    def canonical(self, stored: Any) -> Any:
        """The one JSON that means what this stored JSON means."""
        return self.read(self.typed(stored))[0]


class WeekField(CompoundField):
    widget = WeekWidget

    def read(self, typed: Any) -> tuple[list[dict[str, Any]], list[str], Sequence[Any]]:
        return read_week(typed)

    def typed(self, stored: Any) -> Sequence[Any]:
        return typed_week(stored)


class DatesField(CompoundField):
    widget = DatesWidget

    def read(self, typed: Any) -> tuple[list[dict[str, Any]], list[str], Sequence[Any]]:
        return read_dates(typed)

    def typed(self, stored: Any) -> Sequence[Any]:
        return typed_dates(stored)


class QuestionsField(CompoundField):
    """`known_keys` are the keys of the questions the link has: only these are taken from the form."""

    widget = QuestionsWidget
    known_keys: Collection[str] = ()

    def read(self, typed: Any) -> tuple[list[dict[str, Any]], list[str], Sequence[Any]]:
        return read_questions(typed, self.known_keys)

    def typed(self, stored: Any) -> Sequence[Any]:
        return typed_questions(stored)

    def canonical(self, stored: Any) -> Any:
        return read_questions(typed_questions(stored), {question["key"] for question in stored})[0]


@cache
def cities_by_region() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Regions with the zones in use there and their names: ("Europe", (("Europe/Berlin", "Berlin"), …))."""
    by_region: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for zone in zones_in_use():
        region, _, city = zone.partition("/")
        if city:
            by_region[region].append((zone, city.replace("_", " ").replace("/", ", ")))
    return tuple((region, tuple(cities)) for region, cities in sorted(by_region.items()))


def _is_stored(value: Any) -> bool:
    return all(isinstance(entry, dict) for entry in value)


def _rows(data: Mapping[str, Any], pattern: str) -> list[str]:
    found = {match[1] for key in data if (match := re.fullmatch(pattern, key, re.ASCII))}
    return sorted(found, key=int)


def _typed_windows(data: Mapping[str, Any], prefix: str) -> dict[str, list[TypedWindow]]:
    sides: dict[str, dict[int, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for key in data:
        match = re.fullmatch(rf"{prefix}-(\d{{1,3}})-(from|to)", key, re.ASCII)
        if match:
            sides[match[1]][int(match[2])][match[3]] = data.get(key, "")
    windows: dict[str, list[TypedWindow]] = defaultdict(list)
    for row, numbered in sides.items():
        windows[row] = [
            TypedWindow(both.get("from", ""), both.get("to", "")) for _, both in sorted(numbered.items())
        ]
    return windows
