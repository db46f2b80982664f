from django.apps import AppConfig


class CalendarsConfig(AppConfig):
    name = "workestra.calendars"
    label = "calendars"

    def ready(self) -> None:
        from workestra.accounts.selectors import with_member
        from workestra.calendars import notices  # noqa: F401  Registers the mail's renderer with the outbox.
        from workestra.calendars.selectors import HAS_BROKEN_CALENDAR, HAS_BROKEN_MEETINGS

        with_member("has_broken_calendar", HAS_BROKEN_CALENDAR)
        with_member("has_broken_meetings", HAS_BROKEN_MEETINGS)
