from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "workestra.crm"
    label = "crm"
