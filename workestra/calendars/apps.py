from django.apps import AppConfig


class CalendarsConfig(AppConfig):
    name = "workestra.calendars"
    label = "calendars"

    def ready(self) -> None:
        from workestra.accounts.selectors import with_member
        from workestra.calendars import notices  # noqa: F401  Registers the mail's renderer with the outbox.
        from workestra.calendars.selectors import BROKEN_OF_MEMBER

        with_member("has_broken_calendar", BROKEN_OF_MEMBER)
