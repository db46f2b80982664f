from django.apps import AppConfig


class OneOffConfig(AppConfig):
    name = "one_off"
