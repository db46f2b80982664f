from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "workestra.dashboard"
    label = "dashboard"
