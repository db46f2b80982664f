"""The Celery application. The broker only rings doorbells: every piece of work is a row in PostgreSQL."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workestra.settings")

app = Celery("workestra")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
