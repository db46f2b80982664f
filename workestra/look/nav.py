"""The sidebar. Entries name URLs of the apps above as data, without imports; missing URLs are left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


class _Member(Protocol):
    @property
    def administers(self) -> bool: ...
    @property
    def is_admin(self) -> bool: ...


@dataclass(frozen=True)
class Entry:
    label: str
    icon: str
    url_name: str
    whole_workspace: bool = False
    """Whether it is for admins of the workspace, not for those of a group."""
    beside: Sequence[str] = ()
    """Names of further addresses whose pages belong to it."""
    alone: bool = False
    """Whether the pages below its address have entries of their own."""


@dataclass(frozen=True)
class Group:
    label: str
    entries: Sequence[Entry]
    admin_only: bool = False
    mailbox_only: bool = False


@dataclass(frozen=True)
class Link:
    """An entry as one page shows it. `current` is "page" on that page, "true" on a page below it, else ""."""

    label: str
    icon: str
    url: str
    current: str
    count: str = ""
    """What waits there, in a word or two; "" when nothing does."""


@dataclass(frozen=True)
class Section:
    label: str
    links: Sequence[Link]


GROUPS: tuple[Group, ...] = (
    Group("", (Entry("Calendar", "calendar-days", "dashboard:calendar", alone=True),)),
    Group(
        "Tools",
        (
            Entry("Bookings", "calendar-check", "bookings:console"),
            Entry("People", "users", "crm:people"),
            Entry("Booking links", "link", "scheduling:links"),
            Entry("One-off meetings", "calendar-plus", "one_off:list"),
            Entry("Workflows", "workflow", "bookings:workflows"),
        ),
    ),
    Group(
        "Your time",
        (
            Entry("Notices", "bell", "notifications:notices"),
            Entry("Schedules", "clock", "scheduling:schedules"),
            Entry("What blocks my time", "lock", "one_off:holds"),
            Entry("Connected accounts", "calendar-cog", "calendars:accounts"),
        ),
    ),
    Group(
        "Admin",
        (
            Entry("Overview", "gauge", "dashboard:admin", alone=True),
            Entry("Managed events", "layers", "managed_events:list"),
            Entry(
                "People and groups",
                "user-round-cog",
                "people:members",
                True,
                ("people:groups", "people:roles"),
            ),
            Entry("Mail", "mail-x", "notifications:outbox", whole_workspace=True),
            Entry("Privacy", "shield-check", "privacy:privacy", whole_workspace=True),
            Entry("Audit log", "history", "audit:log", whole_workspace=True),
        ),
        admin_only=True,
    ),
    Group("Local", (Entry("Mailbox", "inbox", "notifications:mailbox"),), mailbox_only=True),
)


_COUNTS: Final[dict[str, Callable[[Any], str]]] = {}


def counts(url_name: str) -> Callable[[Callable[[Any], str]], Callable[[Any], str]]:
    """Registers what says, for a member, how much waits behind the entry of this address. Asked with every page."""

    def register(count: Callable[[Any], str]) -> Callable[[Any], str]:
        _COUNTS[url_name] = count
        return count

    return register


def sections(request: HttpRequest) -> list[Section]:
    """The sidebar for this request, in the order of `GROUPS`; groups with nothing to show are left out.

    Empty for a visitor who is not signed in to a workspace.
    """
    member: _Member | None = getattr(request, "member", None)
    if member is None:
        return []
    shown = []
    for group in GROUPS:
        if group.admin_only and not member.administers:
            continue
        if group.mailbox_only and not settings.MAILBOX_ENABLED:
            continue
        entries = [entry for entry in group.entries if member.is_admin or not entry.whole_workspace]
        links = [link for entry in entries if (link := _link(entry, request.path, member))]
        if links:
            shown.append(Section(group.label, links))
    return shown


def _link(entry: Entry, path: str, member: _Member) -> Link | None:
    try:
        url = reverse(entry.url_name)
    except NoReverseMatch:
        return None
    here, there = path.rstrip("/"), url.rstrip("/")
    if entry.alone and here != there:
        return Link(entry.label, entry.icon, url, "")
    below = [there, *(reverse(name).rstrip("/") for name in entry.beside)]
    current = (
        "page" if here == there else "true" if any(f"{here}/".startswith(f"{one}/") for one in below) else ""
    )
    count = _COUNTS.get(entry.url_name)
    return Link(entry.label, entry.icon, url, current, count(member) if count else "")
