from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "workestra.notifications"
    label = "notifications"

    def ready(self) -> None:
        from workestra.notifications import checks, unread  # noqa: F401
