from django.apps import AppConfig


class CalendarsConfig(AppConfig):
    name = "workestra.calendars"
    label = "calendars"

    def ready(self) -> None:
        from workestra.calendars import notices  # noqa: F401  Registers the mail's renderer with the outbox.
