from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "workestra.privacy"
    label = "privacy"
