from django.apps import AppConfig


class BookingsConfig(AppConfig):
    name = "bookings"

    def ready(self) -> None:
        # Register what mails and events in hosts' calendars say, and what the beat asks for.
        from bookings import calendar_events, delivery_columns, effects, jobs, workflow_mails  # noqa: F401
        from bookings.meetings import BookedMeetings
        from workestra.crm import meetings

        meetings.register(BookedMeetings())
