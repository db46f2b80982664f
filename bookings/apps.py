from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"

    def ready(self) -> None:
        # Register what mails and events in hosts' calendars say, and what the beat asks for.
        from bookings import (  # noqa: F401
            calendar_events,
            delivery_columns,
            effects,
            jobs,
            placeholders,
            workflow_mails,
        )
        from bookings.meetings import BookedMeetings
        from workestra.crm import meetings

        meetings.register(BookedMeetings())
