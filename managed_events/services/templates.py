"""Making, saving and deleting templates. A save that touches what is locked starts the run that tells the links."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from managed_events import plans, selectors, tasks
from managed_events.domain.draft import TemplateDraft
from managed_events.domain.plan import Plan
from managed_events.domain.sync import Edit, in_order
from managed_events.log import record
from managed_events.models import ManagedEventTemplate, Propagation, TemplateVersion
from scheduling.domain.slugs import first_free
from scheduling.models import BookingLink
from scheduling.services.links import ScheduleGone, hold_schedules
from scheduling.services.logos import hold_logo
from scheduling.services.payments import NO_PAYMENTS, NoPayments, refuse_unpayable
from scheduling.services.propagation import release_links
from workestra.accounts.models import User, Workspace
from workestra.notifications.doorbell import ring_on_commit

COPY: Final = " copy"


class StaleVersion(Exception):
    """Somebody else has saved the template since this form was made. Nothing was written."""

    def __init__(self, current: ManagedEventTemplate) -> None:
        super().__init__(f"the template is at version {current.version}")
        self.current = current


class NotAsShown(Exception):
    """What this would do is not what the page showed. Nothing was written; `plan` is what it would do now."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(f"the plan is {plan.token} by now")
        self.plan = plan


class TemplateGone(Exception):
    """The template has been deleted in the meantime. Nothing was written."""


class NoSuchVersion(Exception):
    """The template never had this version. Nothing was written."""


class SlugInUse(Exception):
    """Another template of the workspace has this name in addresses. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved template and the plan that was applied; `run` brings it to the links, None when it touches none."""

    template: ManagedEventTemplate
    run: Propagation | None
    plan: Plan


def create_template(
    *, workspace: Workspace, author: User, draft: TemplateDraft, now: datetime
) -> ManagedEventTemplate:
    """Make a template, version 1.

    Raises: SlugInUse, ScheduleGone, LogoGone, NoPayments.
    """
    refuse_unpayable(draft.values, before=False)
    with transaction.atomic():
        hold_schedules(workspace.pk, [draft.values.get("schedule_id")])
        hold_logo(draft.values.get("logo_id"))
        template = ManagedEventTemplate(workspace=workspace, created_at=now)
        _write(template, draft, author, now)
        record("template.created", template, now, actor=author, after=_facts(template))
    return template


def save_template(
    *,
    template: ManagedEventTemplate,
    author: User,
    draft: TemplateDraft,
    based_on: int,
    shown: str,
    now: datetime,
    note: str = "",
    rolled_back_to: int | None = None,
) -> Saved:
    """Make the template what `draft` says, as its next version. `based_on` is the version that the form showed.

    `shown` is the token of the plan that the page showed: a save that reaches links does what that plan says, or
    nothing.
    Assigned links are told by the run this starts, and only when something locked, or a lock, changes. A draft that
    changes nothing writes nothing. `rolled_back_to` is the version whose values these are.

    Raises: StaleVersion, NotAsShown, TemplateGone, SlugInUse, ScheduleGone, LogoGone, NoPayments.
    """
    with transaction.atomic():
        current = lock_template(template)
        if current.version != based_on:
            raise StaleVersion(current)
        refuse_unpayable(draft.values, before=current.requires_payment)
        plan = plans.of_save(current, draft)
        refuse_unpayable_plan(plan)
        agree(plan, shown)
        before = _facts(current)
        edit = Edit(current.state, draft.state)
        if edit.is_empty and current.settings == draft.settings:
            return Saved(current, None, plan)
        hold_schedules(current.workspace_id, [draft.values.get("schedule_id")])
        hold_logo(draft.values.get("logo_id"))
        current.version += 1
        _write(current, draft, author, now, note)
        run = _start_run(current, edit, author, now) if edit.reaches_links else None
        after = _facts(current)
        changed = [name for name in after if after[name] != before[name]]
        record(
            "template.saved" if rolled_back_to is None else "template.rolled_back",
            current,
            now,
            actor=author,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
            detail={
                "version": current.version,
                "rolled_back_to": rolled_back_to,
                "note": note,
                "changed": edit.changed,
                "locked": edit.closed,
                "opened": edit.opened,
                "pushed": edit.pushed,
                "links": run.links_total if run else 0,
                "run": run.pk if run else None,
                "replaced": [
                    {"link": change.link.id, "name": change.link.owner, "before": change.before}
                    for change in plan.replaced
                ],
            },
        )
    return Saved(current, run, plan)


def duplicate_template(
    *, template: ManagedEventTemplate, author: User, now: datetime
) -> ManagedEventTemplate:
    """Make another template like this one, with a title and a name in addresses of its own, and without links.

    Raises: TemplateGone; SlugInUse when all names that were tried are taken.
    """
    with transaction.atomic():
        current = lock_template(template)
        longest = ManagedEventTemplate._meta.get_field("title").max_length
        assert longest is not None, "titles have a greatest length"
        slugs = selectors.template_slugs(current)
        longest_slug = ManagedEventTemplate._meta.get_field("slug").max_length
        base = current.slug[: (longest_slug or 0) - len("-copy-99")].rstrip("-")
        draft = TemplateDraft(
            values=current.section_values()
            # A copy begins to ask for payment: it does not where none can be taken.
            | {"title": current.title[: longest - len(COPY)] + COPY, "requires_payment": False},
            locks=tuple(current.locked_sections),
            slug=first_free(f"{base}-copy", slugs),
            slug_pattern=current.slug_pattern,
            group_id=current.group_id,
        )
        return create_template(workspace=current.workspace, author=author, draft=draft, now=now)


def roll_back(
    *, template: ManagedEventTemplate, number: int, author: User, shown: str, now: datetime, note: str = ""
) -> Saved:
    """Make a new version with the values and locks of an old one; address pattern and group stay as they are.

    Only what the page showed is done, whoever else has saved since. When nothing differs, nothing is written.

    Raises: NotAsShown, NoSuchVersion, TemplateGone, NoPayments.
    """
    with transaction.atomic():
        current = lock_template(template)
        version = selectors.version(current, number)
        if version is None:
            raise NoSuchVersion(number)
        # Held while it is looked at: hours of one that is gone are those that it left behind.
        with suppress(ScheduleGone):
            hold_schedules(current.workspace_id, [version.section_values()["schedule_id"]])
        draft = selectors.draft_of_version(current, version)
        plan = plans.of_save(current, draft)
        if not plan.is_shown_by(shown):
            raise NotAsShown(plan)
        return save_template(
            template=current,
            author=author,
            draft=draft,
            based_on=current.version,
            shown=plan.token,
            note=note,
            now=now,
            rolled_back_to=number,
        )


def unpayable(plan: Plan) -> str:
    """Why a plan by which links begin to ask for payment is not to be done, as the template has asked since a provider
    was connected; "" for any other plan.
    """
    asking = sum(bool(change.writes.get("requires_payment")) for change in plan.changes)
    if not asking:
        return ""
    return (
        f"{NO_PAYMENTS} This template still asks for it, and {asking} link{'' if asking == 1 else 's'} would begin to: "
        "switch payment off in the template first."
    )


def refuse_unpayable_plan(plan: Plan) -> None:
    """Raises: NoPayments for a plan that is `unpayable`."""
    if why := unpayable(plan):
        raise NoPayments(why)


def agree(plan: Plan, shown: str) -> None:
    """Accept a plan that the page showed, and one that touches no link and that no page has spoken of.

    Raises: NotAsShown.
    """
    if not plan.is_shown_by(shown) and (plan.writes_links or plan.was_asked_by(shown)):
        raise NotAsShown(plan)


def delete_template(*, template: ManagedEventTemplate, actor: User, now: datetime) -> int:
    """Delete the template; its links stay as their owners' own, with their addresses and bookings. How many.

    Raises: TemplateGone.
    """
    with transaction.atomic():
        current = lock_template(template)
        # A run holds its own row before its links; taking them in that order leaves nothing to deadlock about.
        list(Propagation.objects.select_for_update().filter(template=current).values_list("pk"))
        links = list(current.links.order_by("slug").values_list("slug", flat=True))
        released = release_links(current.pk)
        record(
            "template.deleted",
            current,
            now,
            actor=actor,
            before=_facts(current),
            detail={"links": released, "addresses": links},
        )
        current.delete()
    return released


def lock_template(template: ManagedEventTemplate) -> ManagedEventTemplate:
    """The template as it stands, its row locked: saves, assignments and the deletion of one template take turns.

    Raises: TemplateGone.
    """
    rows = ManagedEventTemplate.objects.select_for_update(no_key=True, of=("self",))
    try:
        return rows.select_related("workspace", "group").get(pk=template.pk)
    except ManagedEventTemplate.DoesNotExist:
        raise TemplateGone from None


def _write(
    template: ManagedEventTemplate, draft: TemplateDraft, author: User, now: datetime, note: str = ""
) -> None:
    for name, value in draft.values.items():
        setattr(template, name, value)
    template.slug = draft.slug
    template.slug_pattern = draft.slug_pattern
    template.group_id = draft.group_id
    template.locked_sections = list(in_order(draft.locks))
    template.updated_at = now
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as error:
        if _constraint_of(error) == "template_slug_once_per_workspace":
            raise SlugInUse(draft.slug) from error
        raise
    TemplateVersion.objects.create(
        template=template,
        number=template.version,
        author=author,
        saved_at=now,
        note=note,
        values=template.section_values(),
        locked_sections=template.locked_sections,
        settings=template.settings,
        logo_id=template.logo_id,
    )


def _start_run(template: ManagedEventTemplate, edit: Edit, author: User, now: datetime) -> Propagation | None:
    links = BookingLink.objects.filter(managed_event_template=template).count()
    if not links:
        return None
    run = Propagation.objects.create(
        template=template,
        version=template.version,
        sections=list(edit.pushed),
        started_by=author,
        links_total=links,
        started_at=now,
        touched_at=now,
    )
    ring_on_commit(tasks.propagate, str(run.pk))
    return run


def _facts(template: ManagedEventTemplate) -> dict[str, Any]:
    return template.section_values() | {"locked_sections": template.locked_sections} | template.settings


def _constraint_of(error: IntegrityError) -> str | None:
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None)
