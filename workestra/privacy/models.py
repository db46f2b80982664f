"""How long a workspace keeps what bookers answered."""

from django.db import models
from django.db.models import Q

LONGEST = 3650


class Retention(models.Model):
    """Answers, notes and files are erased so many days after the meeting. A workspace without a row keeps them."""

    workspace = models.OneToOneField("accounts.Workspace", on_delete=models.CASCADE, related_name="+")
    days = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="retention_of_a_day_to_ten_years", condition=Q(days__gte=1, days__lte=LONGEST)
            )
        ]

    def __str__(self) -> str:
        return f"{self.days} days"
