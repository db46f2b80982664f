from django.apps import AppConfig


class ManagedEventsConfig(AppConfig):
    name = "managed_events"

    def ready(self) -> None:
        # Celery looks for tasks in `tasks` only; `log` registers the words of the audit log.
        from managed_events import jobs, log, mails  # noqa: F401
