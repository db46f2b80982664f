"""Workestra Scheduling: the project package, with the platform apps inside it."""

from workestra.celery import app as celery_app

__all__ = ["celery_app"]
