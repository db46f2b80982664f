from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "workestra.accounts"
    label = "accounts"
