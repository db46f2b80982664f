"""What can be done with several bookings at once."""

from enum import StrEnum
from typing import Final

from bookings.domain.console import Tab
from bookings.domain.lifecycle import Change
from workestra.accounts.domain.permissions import Permission

MOST: Final = 5_000
"""So many bookings are changed in one run. Checking and reading through more than that is nobody's one decision."""
PAGE: Final = 50
MOST_CELLS: Final = 60
"""Nobody counts more by eye."""


class Action(StrEnum):
    CANCEL = "cancel"
    REASSIGN = "reassign"
    ATTENDANCE = "attendance"

    @property
    def tab(self) -> Tab:
        """Where the bookings are listed that it can be done with."""
        return Tab.PAST if self is Action.ATTENDANCE else Tab.UPCOMING

    @property
    def change(self) -> Change:
        return {
            Action.CANCEL: Change.CANCEL,
            Action.REASSIGN: Change.REASSIGN,
            Action.ATTENDANCE: Change.MARK,
        }[self]

    @property
    def permission(self) -> Permission:
        return Permission.DELETE if self is Action.CANCEL else Permission.EDIT

    @property
    def sends_mail(self) -> bool:
        return self is not Action.ATTENDANCE

    @property
    def verb(self) -> str:
        return {Action.CANCEL: "Cancel", Action.REASSIGN: "Reassign", Action.ATTENDANCE: "Mark"}[self]

    @property
    def done(self) -> str:
        return {
            Action.CANCEL: "cancelled",
            Action.REASSIGN: "reassigned",
            Action.ATTENDANCE: "marked",
        }[self]
