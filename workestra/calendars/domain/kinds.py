"""The kinds of calendars that can be connected."""

from enum import StrEnum


class ProviderKind(StrEnum):
    NONE = "none"
    GOOGLE = "google"
    MICROSOFT = "microsoft"
    CALDAV = "caldav"
    ICS = "ics"

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
    def conference(self) -> str:
        """The meeting link this provider makes by itself; empty when it makes none."""
        return _CONFERENCES.get(self, "")


_LABELS = {
    ProviderKind.NONE: "None",
    ProviderKind.GOOGLE: "Google",
    ProviderKind.MICROSOFT: "Microsoft 365",
    ProviderKind.CALDAV: "CalDAV",
    ProviderKind.ICS: "ICS feed",
}
_WHAT = {
    ProviderKind.NONE: "",
    ProviderKind.GOOGLE: "Google Calendar, private or of a Google Workspace.",
    ProviderKind.MICROSOFT: "Outlook and Exchange calendars of a work, school or private account.",
    ProviderKind.CALDAV: "Fastmail, iCloud, Nextcloud and every other CalDAV server.",
    ProviderKind.ICS: "A published calendar, to be read only: terms, shifts, travel.",
}
_CONFERENCES = {ProviderKind.GOOGLE: "Google Meet", ProviderKind.MICROSOFT: "Teams"}
