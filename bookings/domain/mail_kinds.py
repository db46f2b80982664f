"""The kinds of mail a booking's life puts into the outbox, each about a booking or about one attendee."""

from typing import Final

BOOKING: Final = "booking"
ATTENDEE: Final = "attendee"

CONFIRMED_BOOKER: Final = "booking.confirmed.booker"
CONFIRMED_GUEST: Final = "booking.confirmed.guest"
CONFIRMED_HOST: Final = "booking.confirmed.host"
MOVED_BOOKER: Final = "booking.moved.booker"
MOVED_GUEST: Final = "booking.moved.guest"
MOVED_HOST: Final = "booking.moved.host"
PROPOSED_BOOKER: Final = "booking.proposed.booker"
PROPOSED_GUEST: Final = "booking.proposed.guest"
PROPOSED_HOST: Final = "booking.proposed.host"
ALTERNATIVES_BOOKER: Final = "booking.alternatives.booker"
ALTERNATIVES_HOST: Final = "booking.alternatives.host"
REASSIGNED_BOOKER: Final = "booking.reassigned.booker"
REASSIGNED_GUEST: Final = "booking.reassigned.guest"
REASSIGNED_HOST: Final = "booking.reassigned.host"
GIVEN_AWAY_HOST: Final = "booking.given_away.host"
CANCELLED_BOOKER: Final = "booking.cancelled.booker"
CANCELLED_GUEST: Final = "booking.cancelled.guest"
CANCELLED_HOST: Final = "booking.cancelled.host"
SEAT_TAKEN_HOST: Final = "booking.seat_taken.host"
SEAT_MOVED_HOST: Final = "booking.seat_moved.host"
SEAT_LEFT_HOST: Final = "booking.seat_left.host"
REMINDER_BOOKER: Final = "booking.reminder.booker"
BRIEFING_HOST: Final = "booking.briefing.host"

INVITING: Final = (
    *(CONFIRMED_BOOKER, CONFIRMED_GUEST, CONFIRMED_HOST),
    *(MOVED_BOOKER, MOVED_GUEST, MOVED_HOST),
    *(PROPOSED_BOOKER, PROPOSED_GUEST, PROPOSED_HOST),
    *(REASSIGNED_BOOKER, REASSIGNED_GUEST, REASSIGNED_HOST),
)
"""Those that say where the meeting is."""

LABELS: Final = {
    CONFIRMED_BOOKER: "Confirmation",
    CONFIRMED_GUEST: "Confirmation",
    CONFIRMED_HOST: "Confirmation",
    MOVED_BOOKER: "New time",
    MOVED_GUEST: "New time",
    MOVED_HOST: "New time",
    PROPOSED_BOOKER: "Your host has proposed a new time",
    ALTERNATIVES_BOOKER: "Other times offered",
    ALTERNATIVES_HOST: "Other times answered",
    PROPOSED_GUEST: "New time",
    PROPOSED_HOST: "New time",
    REASSIGNED_BOOKER: "New host",
    REASSIGNED_GUEST: "New host",
    REASSIGNED_HOST: "Handed over to you",
    GIVEN_AWAY_HOST: "Given to somebody else",
    CANCELLED_BOOKER: "Cancellation",
    CANCELLED_GUEST: "Cancellation",
    CANCELLED_HOST: "Cancellation",
    SEAT_TAKEN_HOST: "New attendee",
    SEAT_MOVED_HOST: "Attendee moved",
    SEAT_LEFT_HOST: "Attendee left",
    REMINDER_BOOKER: "Reminder",
    BRIEFING_HOST: "Briefing",
}
