"""The kinds of accounts that can be connected: calendars, and services that only make meeting links."""

from enum import StrEnum
from typing import Final


class ProviderKind(StrEnum):
    NONE = "none"
    GOOGLE = "google"
    MICROSOFT = "microsoft"
    CALDAV = "caldav"
    ICS = "ics"
    ZOOM = "zoom"
    WEBEX = "webex"
    GOTO = "goto"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def initial(self) -> str:
        return self.label[0]

    @property
    def what(self) -> str:
        """What connecting such an account does, in a sentence."""
        return _WHAT[self]

    @property
    def is_connected(self) -> bool:
        """Whether there is an account behind it."""
        return self is not ProviderKind.NONE

    @property
    def makes_meetings(self) -> bool:
        """Whether it has no calendars, and is asked for meeting links alone."""
        return self in MEETING_KINDS

    @property
    def conference(self) -> str:
        """The meeting link that this calendar's provider makes with an event; empty when it makes none."""
        return _CONFERENCES.get(self, "")


_LABELS = {
    ProviderKind.NONE: "None",
    ProviderKind.GOOGLE: "Google",
    ProviderKind.MICROSOFT: "Microsoft 365",
    ProviderKind.CALDAV: "CalDAV",
    ProviderKind.ICS: "ICS feed",
    ProviderKind.ZOOM: "Zoom",
    ProviderKind.WEBEX: "Webex",
    ProviderKind.GOTO: "GoTo",
}
_WHAT = {
    ProviderKind.NONE: "",
    ProviderKind.GOOGLE: "Google Calendar, private or of a Google Workspace.",
    ProviderKind.MICROSOFT: "Outlook and Exchange calendars of a work, school or private account.",
    ProviderKind.CALDAV: "Fastmail, iCloud, Nextcloud and every other CalDAV server.",
    ProviderKind.ICS: "A published calendar, to be read only: terms, shifts, travel.",
    ProviderKind.ZOOM: "A Zoom meeting for each booking that is to have one.",
    ProviderKind.WEBEX: "A Webex meeting for each booking that is to have one.",
    ProviderKind.GOTO: "A GoTo meeting for each booking that is to have one.",
}
_CONFERENCES = {ProviderKind.GOOGLE: "Google Meet", ProviderKind.MICROSOFT: "Teams"}

MEETING_KINDS: Final = (ProviderKind.ZOOM, ProviderKind.WEBEX, ProviderKind.GOTO)
CALENDAR_KINDS: Final = tuple(
    kind for kind in ProviderKind if kind not in (ProviderKind.NONE, *MEETING_KINDS)
)
MEETING_PLACES: Final = tuple((kind.value, kind.label) for kind in MEETING_KINDS)
"""As places to meet that can be chosen: value and label."""
