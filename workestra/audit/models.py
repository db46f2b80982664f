"""The audit log: what happened, to what, by whom, with the values before and after.

Rows are only ever added. Who is erased is taken out of them by `services.erase`, and nothing else changes one.
"""

import uuid
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class AuditEvent(models.Model):
    """One thing that happened. The actor's and the target's names are kept as they were at that moment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="audit_events")
    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, null=True, db_constraint=False
    )
    actor_name = models.CharField(max_length=160)
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=40)
    target_id = models.UUIDField()
    target_name = models.CharField(max_length=200)
    before = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    after = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-at", "-id"], name="audit_newest_first"),
            models.Index(fields=["target_id", "-at"], name="audit_of_target"),
        ]
        triggers: ClassVar = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name}: {self.action} {self.target_name}"
