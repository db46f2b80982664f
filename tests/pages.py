"""Reading pages as a browser without scripts does: which forms there are and what they would send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form with the values it would send untouched; of radio buttons and boxes only the checked ones."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select: str | None = None
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(of.get("action", ""), of.get("method", "get").lower())
            self.forms.append(self._open)
        if self._open is None or "disabled" in of:
            return
        name = of.get("name", "")
        if tag == "input" and name:
            kind = of.get("type", "text")
            if kind in {"radio", "checkbox"}:
                self._open.choices.setdefault(name, []).append(of.get("value", "on"))
                if "checked" not in of:
                    return
            elif kind in {"submit", "image", "button"}:
                return
            self._open.values[name] = of.get("value", "on" if kind in {"radio", "checkbox"} else "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self._open.choices.setdefault(self._select, []).append(of.get("value", ""))
            if "selected" in of or self._select not in self._open.values:
                self._open.values[self._select] = of.get("value", "")
        elif tag == "textarea" and name:
            self._textarea = name
            self._open.values[name] = ""

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._textarea:
            self._open.values[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._open = None
            case "select":
                self._select = None
            case "textarea":
                if self._open is not None and self._textarea:
                    value = self._open.values[self._textarea]
                    self._open.values[self._textarea] = value.removeprefix("\n")
                self._textarea = None


def forms_in(html: str) -> list[Form]:
    """Every form of a page, in order."""
    parser = _Forms()
    parser.feed(html)
    return parser.forms


def form_posting(html: str, field_name: str) -> Form:
    """The page's POST form that has this field."""
    return next(form for form in forms_in(html) if form.method == "post" and field_name in form.values)
