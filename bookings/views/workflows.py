"""Workflows: the list, the builder with its preview, and what is done with one as a whole."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bookings.forms.workflows import Texting, WorkflowForm
from bookings.models import Attendee
from bookings.selectors import runs as selectors
from bookings.services import workflows as service
from bookings.workflow_mails import SAMPLE, Written, values_for, write
from bookings.workflow_texts import fitted
from scheduling import access
from scheduling.domain.variables import NAMES
from scheduling.domain.workflow_presets import BY_KEY, PRESETS
from scheduling.domain.workflows import (
    CHANNELS,
    ICONS,
    LABELS,
    Channel,
    To,
    Trigger,
    WorkflowDraft,
    axis_column,
    delay_words,
)
from scheduling.models import BookingLink, Workflow, WorkflowStep
from scheduling.services.workflows import draft_of
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.sms import selectors as sms
from workestra.sms import setup
from workestra.sms.domain.segments import Segments, segments_of
from workestra.sms.numbers import region_of_zone

LATELY = timedelta(days=30)
SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Dot:
    """The messages of one kind that go out at about the same time."""

    is_text: bool
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """A workflow as the list shows it."""

    workflow: Workflow
    label: str
    icon: str
    columns: list[tuple[int, list[Dot]]]
    picture: str
    links: int
    templates: list[str]
    sent: int
    failed: int
    whose: str
    """Whose own it is, of what others have: "Alice’s"; "Yours alone", or "" for none of a member's own."""


@dataclass(frozen=True, slots=True)
class ShownMail:
    """A message in the preview: to whom and when, with a booking's words in it."""

    to: str
    when: str
    written: Written
    asks: bool
    number: int = 0
    text: str = ""
    segments: Segments | None = None


@require_GET
def workflows(request: MemberRequest) -> HttpResponse:
    """The workflows that the member may read; `q`, `trigger`, `state` and `whose` are in the address."""
    now = timezone.now()
    words = request.GET.get("q", "").replace("\x00", "").strip()[:100].casefold()
    trigger, state = request.GET.get("trigger", ""), request.GET.get("state", "all")
    every = list(access.workflows_seen(request.member))
    whose, owners = request.GET.get("whose", ""), _owners(every, request.member.user_id)
    whose = whose if whose in dict(owners) else ""
    shown = [
        each
        for each in every
        if (not trigger or each.trigger == trigger)
        and (state not in {"on", "paused"} or each.is_paused == (state == "paused"))
        and (not whose or whose == str(each.owner_id or SHARED))
        and _says(each, words)
    ]
    rows = _rows(request, shown, now)
    paused = sum(each.is_paused for each in every)
    context = {
        "rows": rows,
        "messages_count": sum(len(each.steps.all()) for each in shown),
        "words": request.GET.get("q", "")[:100],
        "trigger": trigger,
        "state": state,
        "triggers": LABELS.items(),
        "tabs": [("all", "All", len(every)), ("on", "On", len(every) - paused), ("paused", "Paused", paused)],
        "owners": owners,
        "whose": whose,
        "is_filtered": bool(words or trigger or whose or state in {"on", "paused"}),
        "presets": [
            (
                preset,
                axis_column(preset.draft.trigger, preset.draft.steps[0].delay),
                preset.draft.steps[0].channel == Channel.SMS,
            )
            for preset in PRESETS
        ],
        "no_texts": setup.why_not(),
        "may_make": access.may_make_workflows(request.member),
    }
    return render(request, "bookings/workflows.html", context)


@require_http_methods(["GET", "POST"])
def workflow_new(request: MemberRequest) -> HttpResponse:
    """A new workflow, from the `preset` in the address or from nothing."""
    now = timezone.now()
    access.require_workflow_maker(request.member)
    preset = BY_KEY.get(request.GET.get("preset", ""))
    draft = preset.draft if preset else WorkflowDraft("", Trigger.BEFORE_START, (), every_link=False)
    form = _form(request, draft, None, adds_one=preset is None)
    if not form.is_bound:
        return _page(request, form, None, now)
    if not form.is_valid():
        return _page(request, form, None, now, status=422)
    try:
        workflow = service.create(by=request.member, draft=form.draft, links=form.links_wanted, now=now)
    except service.LinkChanged as changed:
        return _refuse_links(request, form, None, changed, now)
    if form.draft.every_link or form.links_wanted:
        messages.success(request, f"{workflow.name} is on. Bookings from now on have its messages.")
    else:
        chooses = (
            "Choose it here, or on a link’s page" if form.draft.is_own else "Templates and links choose it"
        )
        messages.success(request, f"{workflow.name} is on, for no link yet. {chooses}.")
    return redirect("bookings:workflow", workflow.pk)


@require_http_methods(["GET", "POST"])
def workflow(request: MemberRequest, workflow_id: UUID) -> HttpResponse:
    """A workflow: everybody reads it, who may changes it."""
    now = timezone.now()
    found = access.workflow_seen(request.member, workflow_id)
    if request.method == "POST":
        found = access.workflow_for(request.member, workflow_id)
    form = _form(request, _draft(found), found)
    if not form.is_bound:
        return _page(request, form, found, now)
    if not form.is_valid():
        return _page(request, form, found, now, status=422)
    try:
        with _still_there():
            saved = service.save(
                workflow_id=found.pk, by=request.member, draft=form.draft, links=form.links_wanted, now=now
            )
    except service.LinkChanged as changed:
        return _refuse_links(request, form, found, changed, now)
    follow = (
        f" {saved.waiting} waiting message{'' if saved.waiting == 1 else 's'} follow it."
        if saved.waiting
        else ""
    )
    messages.success(request, f"{saved.workflow.name} is saved.{follow}")
    return redirect("bookings:workflow", found.pk)


@require_POST
def workflow_preview(request: MemberRequest) -> HttpResponse:
    """The preview of what stands in the form now: nothing is saved."""
    access.require_workflow_maker(request.member)
    form = _form(
        request, WorkflowDraft("", Trigger.BEFORE_START, (), every_link=False), None, is_preview=True
    )
    context = _preview(request, form, timezone.now()) | {"is_update": True}
    return render(request, "bookings/workflow_edit.html#preview", context)


@require_POST
def workflow_test(request: MemberRequest, workflow_id: UUID) -> HttpResponse:
    """Send the messages, as they are saved, to oneself."""
    found = access.workflow_for(request.member, workflow_id)
    shown = _booking_shown(request, timezone.now())
    sent = service.send_test(workflow=found, by=request.member, attendee_id=shown[1].pk if shown[1] else None)
    if sent.emails:
        email = "email is" if sent.emails == 1 else "emails are"
        messages.success(
            request, f"{sent.emails} {email} on the way to {request.member.user.email}, and to nobody else."
        )
    if sent.texts:
        text = "text is" if sent.texts == 1 else "texts are"
        messages.success(request, f"{sent.texts} {text} on the way to your own number.")
    if sent.no_texts:
        messages.error(request, f"No text is sent. {sent.no_texts}.")
    return redirect("bookings:workflow", found.pk)


@require_POST
def workflow_pause(request: MemberRequest, workflow_id: UUID) -> HttpResponse:
    """`on` lets it go on; without it it pauses."""
    now = timezone.now()
    found = access.workflow_to_stop(request.member, workflow_id)
    is_paused = not request.POST.get("on")
    try:
        with _still_there():
            service.pause(workflow_id=found.pk, by=request.member, is_paused=is_paused, now=now)
    except service.OwnerGone:
        messages.error(request, f"{found.name} is that of somebody who has left, and stays paused.")
        return _page(request, _form(request, _draft(found), found, is_unsent=True), found, now, status=409)
    messages.success(
        request,
        f"{found.name} is paused: what falls due meanwhile is left out."
        if is_paused
        else f"{found.name} is on.",
    )
    return redirect("bookings:workflow", found.pk)


@require_POST
def workflow_duplicate(request: MemberRequest, workflow_id: UUID) -> HttpResponse:
    """Another workflow like this one, paused, for no link yet."""
    now = timezone.now()
    found = access.workflow_for(request.member, workflow_id)
    with _still_there():
        copy = service.duplicate(workflow_id=found.pk, by=request.member, now=now)
    messages.success(request, f"{copy.name} is made. It is paused, and for no link yet.")
    return redirect("bookings:workflow", copy.pk)


@require_http_methods(["GET", "POST"])
def workflow_delete(request: MemberRequest, workflow_id: UUID) -> HttpResponse:
    """Ask, then delete."""
    now = timezone.now()
    found = access.workflow_to_stop(request.member, workflow_id)
    if request.method == "GET":
        context = {"workflow": found, "waiting": selectors.waiting_count(found)}
        return render(request, "bookings/workflow_delete.html", context)
    with _still_there():
        service.delete(workflow_id=found.pk, by=request.member, now=now)
    messages.success(request, f"{found.name} is deleted.")
    return redirect("bookings:workflows")


@contextmanager
def _still_there() -> Iterator[None]:
    """Answers 404 when the workflow is deleted before this is done."""
    try:
        yield
    except service.WorkflowGone as gone:
        raise Http404("This workflow was deleted a moment ago.") from gone


def _refuse_links(
    request: MemberRequest,
    form: WorkflowForm,
    found: Workflow | None,
    changed: service.LinkChanged,
    now: datetime,
) -> HttpResponse:
    form.add_error(
        "links",
        f"{changed.title} was deleted a moment ago, or its template keeps its workflows now. "
        "Nothing is saved yet: look through the links and save again.",
    )
    return _page(request, form, found, now, status=409)


def _owners(every: Iterable[Workflow], own_id: UUID) -> list[tuple[str, str]]:
    """Whose workflows these are, to choose from: the workspace's, the member's own, then others' by name."""
    names = {each.owner_id: each.owner.name for each in every if each.owner}
    if not names:
        return []
    others = sorted((name, str(key)) for key, name in names.items() if key != own_id)
    mine = [(str(own_id), "Yours alone")] if own_id in names else []
    return [
        (SHARED, "Workspace and groups"),
        *mine,
        *((key, f"{name}’s own") for name, key in others),
    ]


def _whose(workflow: Workflow, own_id: UUID) -> str:
    if workflow.owner is None:
        return ""
    return "Yours alone" if workflow.owner_id == own_id else f"{workflow.owner.name}’s own"


def _says(workflow: Workflow, words: str) -> bool:
    told = " ".join([workflow.name, *(f"{step.subject} {step.body}" for step in workflow.steps.all())])
    return all(word in told.casefold() for word in words.split())


def _rows(request: MemberRequest, shown: Sequence[Workflow], now: datetime) -> list[Row]:
    links = selectors.links_naming(request.member.workspace_id)
    counts = selectors.count_by_workflow(links)
    sent = selectors.sent_since(request.member.workspace_id, now - LATELY)
    rows = []
    for each in shown:
        trigger, steps = Trigger(each.trigger), each.steps.all()
        columns = [axis_column(trigger, step.delay) for step in steps]
        rows.append(
            Row(
                each,
                LABELS[trigger],
                ICONS[trigger],
                [(column, _dots(steps, columns, column)) for column in sorted(set(columns))],
                ", ".join(
                    f"{CHANNELS[Channel(step.channel)]} {delay_words(trigger, step.delay)}" for step in steps
                ),
                counts[str(each.pk)],
                _templates(links, each),
                *sent.get(each.pk, (0, 0)),
                whose=_whose(each, request.member.user_id),
            )
        )
    return rows


def _dots(steps: Iterable[WorkflowStep], columns: Sequence[int], column: int) -> list[Dot]:
    there = [step.channel == Channel.SMS for step, at in zip(steps, columns, strict=True) if at == column]
    return [Dot(is_text, there.count(is_text)) for is_text in (False, True) if is_text in there]


def _templates(links: Sequence[BookingLink], workflow: Workflow) -> list[str]:
    """The titles of templates that hold the workflow on their links."""
    return sorted(
        {
            link.managed_event_template.title
            for link in links
            if str(workflow.pk) in link.workflow_ids
            and link.locks("workflows")
            and link.managed_event_template
        }
    )


def _form(
    request: MemberRequest,
    draft: WorkflowDraft,
    found: Workflow | None,
    *,
    adds_one: bool = False,
    is_preview: bool = False,
    is_unsent: bool = False,
) -> WorkflowForm:
    own = selectors.own_links(request.member)
    is_sent = request.method == "POST" and not is_unsent
    form = WorkflowForm(
        request.POST if is_sent else None,
        draft=draft,
        groups=list(access.workflow_groups(request.member)),
        must_have_group=not request.member.is_admin,
        may_be_own=found is None and access.may_have_workflows(request.member),
        texting=Texting(
            setup.why_not(),
            partial(sms.why_not_own, request.member.workspace_id),
            region_of_zone(request.member.user.timezone),
        ),
        own_links=own,
        named_on=[link.pk for link in own if found and str(found.pk) in link.workflow_ids],
        added=int("add" in request.POST),
        is_typed_only=is_preview or "add" in request.POST or "preview" in request.POST,
    )
    if adds_one and not is_sent:
        form.add_blank()
    return form


def _draft(found: Workflow) -> WorkflowDraft:
    return WorkflowDraft(
        found.name,
        Trigger(found.trigger),
        tuple(draft_of(step) for step in found.steps.all()),
        every_link=found.every_link,
        replaces=found.replaces,
        group_id=found.group_id,
        is_own=found.owner_id is not None,
    )


def _page(
    request: MemberRequest, form: WorkflowForm, found: Workflow | None, now: datetime, *, status: int = 200
) -> HttpResponse:
    named = [
        link
        for link in selectors.links_naming(request.member.workspace_id)
        if found and str(found.pk) in link.workflow_ids
    ]
    own = {link.pk for link in selectors.own_links(request.member)}
    is_kept_out = form.is_own_only or form.may_be_own
    context = _preview(request, form, now) | {
        "form": form,
        "workflow": found,
        "may_change": found is None or access.may_change(request.member, found),
        "may_stop": found is not None and access.may_stop(request.member, found),
        "whose": _whose(found, request.member.user_id) if found else "",
        "is_anothers": found is not None and found.owner_id not in {None, request.member.user_id},
        "kept": selectors.kept_links(request.member) if is_kept_out else [],
        "elsewhere": [link for link in named if link.pk not in own],
        "variables": NAMES.items(),
        "waiting": selectors.waiting_count(found) if found else 0,
        # What a half-typed form has to fix is said when it is saved.
        "shows_errors": status == 422,
    }
    return render(request, "bookings/workflow_edit.html", context, status=status)


def _preview(request: MemberRequest, form: WorkflowForm, now: datetime) -> dict[str, Any]:
    """What each message says with the booking that was chosen, as it stands in the form."""
    bookings, chosen = _booking_shown(request, now)
    mails = []
    for step in form.steps:
        if step.form.is_removed:
            continue
        to = step.form["to"].value()
        reader = To(to) if to in tuple(To) else To.BOOKER
        values = values_for(chosen, reader, form.chosen_trigger, is_shown=True) if chosen else SAMPLE
        subject = step.form["subject"].value() or ""
        body = (step.form["body"].value() or "").replace("\r\n", "\n")
        said = write(subject, body, values, str(form["name"].value() or "Workflow"))
        text = fitted(body, values, reader) if step.form.is_text else ""
        mails.append(
            ShownMail(
                step.to,
                step.when,
                said,
                bool(step.form["asks"].value()),
                step.number,
                text,
                segments_of(text) if step.form.is_text else None,
            )
        )
    by_number = {mail.number: mail for mail in mails}
    return {
        "bookings": bookings,
        "chosen": chosen,
        "mails": mails,
        "steps": [(step, by_number.get(step.number)) for step in form.steps],
    }


def _booking_shown(request: MemberRequest, now: datetime) -> tuple[list[Attendee], Attendee | None]:
    """The attendees to choose from, and the one that was chosen: the first unless `with` says otherwise."""
    reach = require(request.member, Permission.VIEW)
    found = selectors.bookings_to_show(request.member, reach, now)
    wanted = request.POST.get("with", request.GET.get("with", ""))
    return found, next((each for each in found if str(each.pk) == wanted), found[0] if found else None)
