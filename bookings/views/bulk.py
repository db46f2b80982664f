"""Changing several bookings at once: pick them, check what each one gets, run, and see what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from bookings import access, jobs
from bookings.domain.bulk import Action
from bookings.domain.console import count_words
from bookings.forms.bulk import BulkForm
from bookings.models import Booking, BulkItem, BulkRun
from bookings.plans import Step, steps_of
from bookings.selectors import console as selectors
from bookings.services import bulk as service
from bookings.views.filters import kept_of, list_url, query_of, query_string
from bookings.views.rows import Permissions, Row
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.notifications.doorbell import ring_on_commit

MOST: Final = 100
"""So many of the bookings that are listed can be picked at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """A booking of a run with what became of it."""

    item: BulkItem
    row: Row


@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: MemberRequest, action: str) -> HttpResponse:
    """Pick some of what the list has with its filters (GET); check what each gets, or start it (POST).

    Only what was shown is started: when something has changed since, what each gets now is shown first.
    """
    if action not in set(Action):
        raise Http404("No such action.")
    now, chosen = timezone.now(), Action(action)
    reach = require(request.member, chosen.permission)
    query = query_of(request, chosen.tab, require(request.member, Permission.VIEW))
    query = selectors.narrowed(request.member.workspace, query)
    listed = list(selectors.listed(request.member.workspace, query, now).select_related("link")[:MOST])
    hosts = selectors.options_for(request.member, reach).hosts if chosen is Action.REASSIGN else []
    data = request.POST if request.method == "POST" else None
    form = BulkForm(data, action=chosen, hosts=hosts, listed=[each.pk for each in listed])
    if request.method != "POST" or not form.is_valid():
        status = 422 if request.method == "POST" else 200
        return _page(request, chosen, form, listed, [Step(booking) for booking in listed], now, status)
    picked = [booking for booking in listed if booking.pk in form.picked]
    steps = steps_of(chosen, picked, reach, now, host_id=form.host_id)
    if "run" not in request.POST:
        return _page(request, chosen, form, listed, steps, now, is_checked=True)
    if not {step.seen for step in steps} <= set(request.POST.getlist("seen")):
        return _page(request, chosen, form, listed, steps, now, 409, is_checked=True)
    run = service.start(
        run_id=form.cleaned_data["id"],
        member=request.member,
        action=chosen,
        steps=steps,
        reason=form.cleaned_data.get("reason", ""),
        attendance=form.cleaned_data.get("attendance", ""),
        host_id=form.host_id,
        now=now,
    )
    ring_on_commit(jobs.run_bulk, str(run.pk))
    return redirect(reverse("bookings:bulk_run", args=[run.pk]) + query_string(request))


@require_safe
@vary_on_headers("HX-Request")
def bulk_run(request: MemberRequest, bulk_id: UUID) -> HttpResponse:
    """What became of each booking of a run so far. htmx asks again while it goes on.

    Those that are no longer the member's to see, as after giving them away, are only counted.
    """
    run = _own_run(request, bulk_id)
    seen = require(request.member, Permission.VIEW)
    items = list(
        run.items.select_related("booking__host", "host").prefetch_related(
            "booking__attendees__person", "booking__co_hosts"
        )
    )
    may, now, action = Permissions(request), timezone.now(), Action(run.action)
    rows = [Line(item, may.row(item.booking, now)) for item in items if access.reaches(seen, item.booking)]
    states = [item.state for item in items]
    done, failed = states.count(BulkItem.State.DONE), states.count(BulkItem.State.FAILED)
    context: dict[str, Any] = {
        "run": run,
        "action": action,
        "states": states,
        "rows_done": [each for each in rows if each.item.state == BulkItem.State.DONE],
        "rows_failed": [each for each in rows if each.item.state == BulkItem.State.FAILED],
        "hidden": count_words(len(items) - len(rows), "booking") if len(rows) < len(items) else "",
        "done": done,
        "failed": failed,
        "left": len(items) - done - failed,
        "counted": count_words(len(items), "booking"),
        "back": list_url(request),
        "list_query": query_string(request),
    }
    page = "bookings/bulk_run.html"
    return render(request, f"{page}#receipt" if request.htmx else page, context)


@require_POST
def bulk_retry(request: MemberRequest, bulk_id: UUID) -> HttpResponse:
    """Do the rows again that have failed."""
    run = _own_run(request, bulk_id)
    require(request.member, Action(run.action).permission)
    if service.retry_failed(run=run, now=timezone.now()):
        ring_on_commit(jobs.run_bulk, str(run.pk))
    return redirect(reverse("bookings:bulk_run", args=[run.pk]) + query_string(request))


def _own_run(request: MemberRequest, bulk_id: UUID) -> BulkRun:
    require(request.member, Permission.VIEW)
    run = access.bulk_run_for(request.member, bulk_id)
    if run is None:
        raise Http404("No such run.")
    return run


def _page(
    request: MemberRequest,
    action: Action,
    form: BulkForm,
    listed: Sequence[Booking],
    steps: Sequence[Step],
    now: datetime,
    status: int = 200,
    *,
    is_checked: bool = False,
) -> HttpResponse:
    may = Permissions(request)
    ready = [step for step in steps if not step.problem]
    context = {
        "action": action,
        "form": form,
        "rows": [{"step": step, "row": may.row(step.booking, now)} for step in steps],
        "picked": form.picked,
        "is_checked": is_checked,
        "has_changed": status == 409,
        "ready": len(ready),
        "kept": len(steps) - len(ready),
        "mails": sum(step.mails for step in ready),
        "counted": count_words(len(ready), "booking"),
        "most": MOST if len(listed) == MOST else None,
        "run_id": uuid4(),
        "asked": kept_of(request),
        "here": reverse("bookings:bulk", args=[action.value]) + query_string(request, after=""),
        "back": list_url(request),
    }
    return render(request, "bookings/bulk.html", context, status=status)
