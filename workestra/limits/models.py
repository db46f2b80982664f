"""Counters for when Redis is away."""

from django.db import models


class Counter(models.Model):
    """How often something was done since its window began. Whom it is about is in the key, as a keyed hash only.

    The table is unlogged: after a crash of the database everybody begins anew.
    """

    key = models.CharField(max_length=80, primary_key=True)
    hits = models.PositiveIntegerField()
    ends_at = models.DateTimeField()

    class Meta:
        db_table = "limits_counters"
        indexes = [models.Index(fields=["ends_at"], name="counter_by_end")]

    def __str__(self) -> str:
        return f"{self.key}: {self.hits}"
