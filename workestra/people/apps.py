from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "workestra.people"
    label = "people"

    def ready(self) -> None:
        from workestra.people import effects  # noqa: F401  Registers the invitation's renderer with the outbox.
