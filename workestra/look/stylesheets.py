"""Which stylesheets a page loads, in order. Files are in static/css/; how to add one: docs/look.md.

`collectstatic` joins each list into one file (storage.py). Without it the pages link every file by itself.
"""

_FOUNDATION = ("tokens", "base")
_SHARED = (
    "components/icon",
    "components/button",
    "components/field",
    "components/choice",
    "components/badge",
    "components/avatar",
    "components/toast",
    "components/note",
    "components/steps",
    "components/month",
    "components/slots",
    "components/ruler",
    "public/sheet",
    "public/pick",
)
# What public pages need only behind the first one: that has to come fast, also over a bad connection.
_LATER = (
    "components/cells",
    "components/facts",
    "components/timeline",
    "public/done",
    "public/offers",
    "public/manage",
    "public/race",
    "public/answers",
)
_WORK = (
    "components/lock",
    "components/section",
    "components/tabs",
    "components/table",
    "components/panel",
    "components/rows",
    "components/spine",
    "components/drawer",
    "components/dialog",
    "components/menu",
    "components/empty",
    "components/progress",
    "components/skeleton",
    "components/diff",
    "components/week",
    "components/lane",
    "components/shell",
    "components/filters",
    "pages/managed-list",
    "pages/edit",
    "pages/managed-detail",
    "pages/assign",
    "pages/bookings",
    "pages/one-off",
    "pages/dashboard",
    "pages/links",
    "pages/schedules",
    "pages/link-form",
    "pages/embed-settings",
    "pages/explain",
    "pages/holds",
    "pages/connections",
    "pages/person",
    "pages/workflows",
    "pages/audit-log",
    "pages/roles",
    "pages/members",
    "pages/managed-adopt",
    "pages/managed-versions",
    "pages/bulk",
    "pages/admin-overview",
    "pages/mailbox",
    "components/positions",
)
_LAST = ("utilities",)

# What single public pages add to "public": `{% stylesheets "login" %}` after it.
_ALONE = ("proposals", "reconfirm", "team", "login", "embed")

BUNDLES: dict[str, tuple[str, ...]] = {
    "public": (*_FOUNDATION, *_SHARED, *_LAST),
    "later": _LATER,
    **{name: (f"public/{name}",) for name in _ALONE},
    "work": (*_FOUNDATION, *_SHARED, *_LATER, *_WORK, *_LAST, "print"),
}


def files(bundle: str) -> tuple[str, ...]:
    """The source files of a bundle, as paths under static/, in the order of the cascade.

    Raises KeyError for an unknown bundle.
    """
    return tuple(f"css/{name}.css" for name in BUNDLES[bundle])


def joined(bundle: str) -> str:
    """The path under static/ of the one file that `collectstatic` makes of a bundle."""
    return f"css/{bundle}.css"
