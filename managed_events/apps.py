from django.apps import AppConfig


class ManagedEventsConfig(AppConfig):
    name = "managed_events"
