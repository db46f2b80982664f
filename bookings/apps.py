from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"

    def ready(self) -> None:
        from bookings import effects  # noqa: F401  Registers the mails' renderers with the outbox.
        from bookings.meetings import BookedMeetings
        from workestra.crm import meetings

        meetings.register(BookedMeetings())
