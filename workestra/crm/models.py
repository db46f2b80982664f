"""The people a workspace meets."""

import uuid

from django.db import models


class Person(models.Model):
    """Somebody who booked, once per workspace and normalized address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="people")
    email = models.EmailField(help_text="Normalized: see crm.domain.addresses.")
    name = models.CharField(max_length=120)
    phone = models.CharField(max_length=40, blank=True)
    lifecycle_stage = models.CharField(
        max_length=16,
        default="lead",
        choices=[
            ("lead", "Lead"),
            ("qualified", "Qualified"),
            ("customer", "Customer"),
            ("former", "Former customer"),
        ],
    )
    no_show_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "email"], name="person_once_per_address")]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name
