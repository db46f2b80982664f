from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "workestra.demo"
    label = "demo"
