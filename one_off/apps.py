from django.apps import AppConfig


class OneOffConfig(AppConfig):
    name = "one_off"

    def ready(self) -> None:
        from one_off import calendar_events  # noqa: F401  Registers what placeholders say.
