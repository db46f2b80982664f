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
_CONFERENCES = {ProviderKind.GOOGLE: "Google Meet", ProviderKind.MICROSOFT: "Teams"}
