from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "workestra.audit"
    label = "audit"
