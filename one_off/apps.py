from django.apps import AppConfig


class OneOffConfig(AppConfig):
    name = "one_off"

    def ready(self) -> None:
        from bookings import moving
        from one_off import calendar_events, jobs, mails  # noqa: F401  They register what placeholders and mails say.
        from one_off.selectors import PICK

        moving.register(PICK, "one_off:move")
