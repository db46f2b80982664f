from django.apps import AppConfig


class InvariantsConfig(AppConfig):
    name = "workestra.invariants"
    label = "invariants"
