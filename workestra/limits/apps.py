from django.apps import AppConfig


class LimitsConfig(AppConfig):
    name = "workestra.limits"
    label = "limits"

    def ready(self) -> None:
        from workestra.limits import checks  # noqa: F401
