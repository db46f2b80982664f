from django.apps import AppConfig


class LookConfig(AppConfig):
    name = "workestra.look"
    label = "look"
