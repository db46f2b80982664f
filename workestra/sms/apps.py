from django.apps import AppConfig


class SmsConfig(AppConfig):
    name = "workestra.sms"
    label = "sms"

    def ready(self) -> None:
        from workestra.sms import checks, effects  # noqa: F401
