"""Managed event templates, their versions, and the runs that bring assigned links in line."""

import uuid
from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from managed_events.domain.sync import TemplateState, values_from_json
from scheduling.models import LinkSettings

DEFAULT_SLUG_PATTERN = "{username}-{template}"


class ManagedEventTemplate(LinkSettings):
    """An admin's template of a booking link. `version` counts saves; its locked sections reach every assigned link."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("accounts.Workspace", on_delete=models.CASCADE, related_name="templates")
    group = models.ForeignKey(
        "accounts.Group", on_delete=models.SET_NULL, null=True, blank=True, related_name="templates"
    )
    slug = models.CharField(
        max_length=40,
        validators=[
            RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*$", "Use lowercase letters, digits and single dashes.")
        ],
    )
    slug_pattern = models.CharField(max_length=80, default=DEFAULT_SLUG_PATTERN)
    locked_sections = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="template_slug_once_per_workspace")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def state(self) -> TemplateState:
        return TemplateState(self.section_values(), frozenset(self.locked_sections))

    @property
    def settings(self) -> dict[str, Any]:
        """What a template has besides sections and locks, as JSON would have it."""
        group = str(self.group_id) if self.group_id else None
        return {"slug": self.slug, "slug_pattern": self.slug_pattern, "group_id": group}


class TemplateVersion(models.Model):
    """What a save made of a template. It never changes; only its author's row may go.

    `settings` are the template's own: `slug`, `slug_pattern` and `group_id`. `logo` is the one that `values` names: a
    key that keeps it for who rolls back.
    """

    id = models.BigAutoField(primary_key=True)
    template = models.ForeignKey(ManagedEventTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    saved_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    values = models.JSONField(encoder=DjangoJSONEncoder)
    locked_sections = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    settings = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    logo = models.ForeignKey(
        "scheduling.Logo", on_delete=models.RESTRICT, null=True, blank=True, related_name="templateversions"
    )

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="template_version_number_once")
        ]
        triggers = [pgtrigger.ReadOnly(name="immutable", exclude=["author"])]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"

    @property
    def state(self) -> TemplateState:
        return TemplateState(self.section_values(), frozenset(self.locked_sections))

    def section_values(self) -> dict[str, Any]:
        """Every sectioned field with its value; what did not exist yet when it was saved is as in a new template."""
        return values_from_json(ManagedEventTemplate().section_values(), self.values)


class Propagation(models.Model):
    """One run that brings the assigned links in line with a version, batch by batch, in ascending link id.

    `cursor` is the last link done. It is written in the transaction of the batch it closes, so that a killed
    worker's successor goes on exactly behind it. Runs of one template go in the order of their versions; one is
    superseded when a later run has all of its locks, so that nothing it would bring is missed.
    `links_total` is an estimate until the run is done; `links_done - links_updated` were in line already.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        SUPERSEDED = "superseded", "Superseded"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey(ManagedEventTemplate, on_delete=models.CASCADE, related_name="propagations")
    version = models.PositiveIntegerField()
    sections = ArrayField(models.CharField(max_length=16), default=list)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    cursor = models.UUIDField(null=True, blank=True)
    links_total = models.PositiveIntegerField(default=0)
    links_done = models.PositiveIntegerField(default=0)
    links_updated = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [
            models.Index(fields=["touched_at"], condition=Q(state="running"), name="propagation_running")
        ]

    def __str__(self) -> str:
        return f"{self.template} v{self.version}: {self.state}"

    @property
    def links_matched(self) -> int:
        """Links done that had everything already."""
        return self.links_done - self.links_updated


class PropagationBatch(models.Model):
    """What a run did with a batch of links: `links` are all of them, `updated` those not in line."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Propagation, on_delete=models.CASCADE, related_name="batches")
    links = ArrayField(models.UUIDField())
    updated = ArrayField(models.UUIDField())

    def __str__(self) -> str:
        return f"{self.run}: {len(self.links)} links"


class StandingAssignment(models.Model):
    """Whoever joins gets a link of the template: a group's members, or without a group everybody of the workspace."""

    id = models.BigAutoField(primary_key=True)
    template = models.ForeignKey(ManagedEventTemplate, on_delete=models.CASCADE, related_name="standing")
    group = models.ForeignKey(
        "accounts.Group", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template", "group"], name="standing_assignment_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.template} for {self.group or 'everybody'} to come"


class Considered(models.Model):
    """A standing assignment has dealt with this member, or he was there before it: he is no newcomer any more.

    So nobody whose link was taken off the template gets another one by himself.
    """

    id = models.BigAutoField(primary_key=True)
    standing = models.ForeignKey(StandingAssignment, on_delete=models.CASCADE, related_name="considered")
    membership = models.ForeignKey("accounts.Membership", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["standing", "membership"], name="considered_once")]

    def __str__(self) -> str:
        return f"{self.membership}: {self.standing}"
