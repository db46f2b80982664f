from django.apps import AppConfig


class ManagedEventsConfig(AppConfig):
    name = "managed_events"

    def ready(self) -> None:
        from managed_events import jobs  # noqa: F401  Celery looks for tasks in `tasks` only.
