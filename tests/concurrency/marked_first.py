"""The worker with a mistake made on purpose: a batch counts as sent once it is taken. The control of crashes."""

from importlib import import_module

import django
from django.db.models.functions import Now

from workestra.celery import app

django.setup()
effects = import_module("workestra.notifications.effects")
messages = import_module("workestra.notifications.models").OutboxMessage.objects

lease = effects._lease


def lease_and_mark():  # type: ignore[no-untyped-def]
    batch = lease()
    messages.filter(pk__in=[message.pk for message in batch]).update(sent_at=Now())
    return batch


effects._lease = lease_and_mark
effects._renew = lambda message: True

__all__ = ["app"]
