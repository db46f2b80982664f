"""The worker with a mistake made on purpose: what a dead one may have handed over is not looked for at the carrier, but
handed over again. The control of texts.
"""

from importlib import import_module

import django

from workestra.celery import app

django.setup()
import_module("workestra.sms.effects")._found = lambda twilio, sent: None

__all__ = ["app"]
