"""Two sprites, so that a public page does not load the icons of the pages at work (docs/look.md)."""

PUBLIC = frozenset(
    {
        "arrow-left",
        "arrow-right",
        "bell",
        "calendar",
        "calendar-plus",
        "calendar-sync",
        "calendar-x-2",
        "check",
        "chevron-down",
        "chevron-left",
        "chevron-right",
        "circle-alert",
        "circle-check",
        "clock",
        "download",
        "globe",
        "hourglass",
        "info",
        "lock",
        "mail",
        "map-pin",
        "moon",
        "phone",
        "shield-check",
        "sun",
        "sun-moon",
        "triangle-alert",
        "user",
        "users",
        "video",
        "x",
    }
)


def sprite(name: str) -> str:
    """The sprite an icon is in, as a path under static/."""
    return "icons.svg" if name in PUBLIC else "icons-work.svg"
