"""The Celery application. The broker only rings doorbells: every piece of work is a row in PostgreSQL."""

import os
from typing import Any, Final

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workestra.settings")

LONGEST_WAIT: Final = 5
"""Seconds between two tries to reach a broker that is away. Celery's own 30 would hold up, after an outage, beat and
worker for as long, and has no setting."""


class _Connection(Connection):
    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        return super().ensure_connection(*args, **{"interval_max": LONGEST_WAIT} | options)


class _Amqp(AMQP):
    Connection = _Connection


app = Celery("workestra", amqp=_Amqp)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
