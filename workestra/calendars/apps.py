from django.apps import AppConfig


class CalendarsConfig(AppConfig):
    name = "workestra.calendars"
    label = "calendars"
