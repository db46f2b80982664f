"""A browser without JavaScript, as far as forms go: what it sends back when a form is submitted as it came."""

from html.parser import HTMLParser

from django.http import QueryDict


class _Controls(HTMLParser):
    """Collects the successful controls of the first POST form in `main`, or of a fragment that is inside a form."""

    def __init__(self, *, within_form: bool) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self._in_main = False
        self._in_form = not within_form
        self._done = False
        self._skipped = 0  # Depth of <template>: its content is no part of the page.
        self._disabled: list[bool] = []
        self._select: tuple[str, bool] | None = None
        self._option: str | None = None
        self._chosen: list[str] = []
        self._first: str | None = None
        self._textarea: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "template":
            self._skipped += 1
        if tag == "main":
            self._in_main = True
        if tag == "form" and given.get("method") == "post" and self._in_main and not self._done:
            self._in_form = True
        if self._skipped or not self._in_form:
            return
        if tag == "fieldset":
            self._disabled.append("disabled" in given)
        off = "disabled" in given or any(self._disabled) or not given.get("name")
        if tag == "input" and not off:
            self._input(given)
        elif tag == "select":
            self._select, self._chosen, self._first = (given.get("name", ""), off), [], None
        elif tag == "option":
            self._option = given.get("value", "")
            self._first = self._option if self._first is None else self._first
            if "selected" in given:
                self._chosen.append(self._option)
        elif tag == "textarea":
            self._textarea, self._text = (None if off else given["name"]), ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._skipped -= 1
        if self._skipped or not self._in_form:
            return
        if tag == "form":
            self._in_form, self._done = False, True
        elif tag == "fieldset":
            self._disabled.pop()
        elif tag == "select" and self._select is not None:
            name, off = self._select
            value = self._chosen[-1] if self._chosen else self._first
            if not off and value is not None:
                self.sent.append((name, value))
            self._select = None
        elif tag == "textarea" and self._textarea is not None:
            text = self._text.removeprefix("\n").replace("\r\n", "\n").replace("\n", "\r\n")
            self.sent.append((self._textarea, text))
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None and not self._skipped:
            self._text += data

    def _input(self, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind in {"checkbox", "radio"}:
            if "checked" in given:
                self.sent.append((given["name"], given.get("value", "on")))
        elif kind == "color":
            self.sent.append((given["name"], given.get("value", "").lower()))
        elif kind not in {"submit", "button", "reset", "image"}:
            self.sent.append((given["name"], given.get("value", "")))


def sent_by(html: str, *, within_form: bool = True) -> QueryDict:
    """What submitting the page's form unchanged would send: the first POST form in `main`.

    With `within_form=False` the text is a part of a form.
    """
    controls = _Controls(within_form=within_form)
    controls.feed(html)
    controls.close()
    data = QueryDict(mutable=True)
    for name, value in controls.sent:
        data.appendlist(name, value)
    return data
