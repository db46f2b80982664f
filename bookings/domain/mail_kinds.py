"""The kinds of mail a booking's life puts into the outbox, and what they are about."""

from typing import Final

TOPIC: Final = "booking"

CONFIRMED_BOOKER: Final = "booking.confirmed.booker"
CONFIRMED_HOST: Final = "booking.confirmed.host"
MOVED_BOOKER: Final = "booking.moved.booker"
MOVED_HOST: Final = "booking.moved.host"
CANCELLED_BOOKER: Final = "booking.cancelled.booker"
CANCELLED_HOST: Final = "booking.cancelled.host"
REMINDER_BOOKER: Final = "booking.reminder.booker"

LABELS: Final = {
    CONFIRMED_BOOKER: "Confirmation",
    CONFIRMED_HOST: "Confirmation",
    MOVED_BOOKER: "New time",
    MOVED_HOST: "New time",
    CANCELLED_BOOKER: "Cancellation",
    CANCELLED_HOST: "Cancellation",
    REMINDER_BOOKER: "Reminder",
}
