"""The people a workspace meets, what happened with them, and what may come of it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from workestra.crm.domain.stages import DEAL_STAGES, OUTCOMES, STAGES, money_words, step_of


class Person(models.Model):
    """Somebody who booked or whom a member wrote down, once per workspace and normalized address.

    `owner` is the member who wrote him down; whoever met him knows him as well. `no_show_count` sums up how often he
    did not come.

    Who was merged into another keeps his row, for his address and that of his page, and has nothing else: see
    `met_as`. `merged_into` is never merged itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="people")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    email = models.EmailField(help_text="Normalized: see crm.domain.addresses.")
    name = models.CharField(max_length=120)
    phone = models.CharField(max_length=40, blank=True)
    company = models.CharField(max_length=120, blank=True)
    lifecycle_stage = models.CharField(max_length=16, default="lead", choices=STAGES)
    no_show_count = models.PositiveIntegerField(default=0)
    merged_into = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="met_as"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                name="person_once_per_address",
                # Looked at when a statement is done: one can exchange two addresses.
                deferrable=models.Deferrable.IMMEDIATE,
            ),
            models.CheckConstraint(
                name="person_not_merged_into_himself",
                condition=Q(merged_into=None) | ~Q(merged_into=F("id")),
            ),
        ]
        indexes = [models.Index(fields=["workspace", "name", "id"], name="person_by_name")]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name


class Activity(models.Model):
    """Something that happened with a person. `stage` is the one he came to, of a change of stage."""

    class Kind(models.TextChoices):
        NOTE = "note", "Note"
        CALL = "call", "Call"
        MAIL = "mail", "Mail"
        MEETING = "meeting", "Meeting"
        STAGE = "stage", "Stage"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="activities")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.NOTE)
    text = models.TextField(max_length=2000)
    stage = models.CharField(max_length=16, blank=True, choices=STAGES)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="activity_names_a_stage_when_it_is_one",
                condition=Q(kind="stage") & ~Q(stage="") | ~Q(kind="stage") & Q(stage=""),
            )
        ]
        indexes = [models.Index(fields=["person", "-at"], name="activity_of_person")]
        verbose_name_plural = "activities"

    def __str__(self) -> str:
        return self.text[:80]


class Opportunity(models.Model):
    """A deal that may come of a person; open while it has no `outcome`. `amount` is in whole units of the currency."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="opportunities")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    title = models.CharField(max_length=120)
    stage = models.CharField(max_length=16, choices=DEAL_STAGES, default="interest")
    amount = models.PositiveBigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    closes_on = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=4, blank=True, default="", choices=OUTCOMES)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["person", "created_at"], condition=Q(outcome=""), name="opportunity_open_of_person"
            )
        ]
        verbose_name_plural = "opportunities"

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return not self.outcome

    @property
    def cells(self) -> list[str]:
        """One for each stage of a deal, "on" up to the one it has reached."""
        reached = step_of(self.stage)
        return ["on" if step < reached else "" for step in range(len(DEAL_STAGES))]

    @property
    def money(self) -> str:
        """ "EUR 46,000"; "" when nothing is known."""
        return money_words(self.amount, self.currency) if self.amount else ""
