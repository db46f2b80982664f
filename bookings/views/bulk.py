"""Changing several bookings at once: pick them, check what each one gets, run, and see what became of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, QuerySet, Sum, When
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from bookings import access, jobs
from bookings.domain.bulk import MOST, MOST_CELLS, PAGE, Action
from bookings.domain.console import Place, count_words
from bookings.forms.bulk import BulkForm, PickForm
from bookings.models import Booking, BulkItem, BulkRun
from bookings.plans import seen_of, steps_of
from bookings.selectors import console as selectors
from bookings.selectors.hosting import given_outside
from bookings.services import bulk as service
from bookings.views.filters import list_url, query_of, query_string
from bookings.views.rows import Permissions, Row
from workestra.accounts import selectors as accounts
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.notifications.doorbell import ring_on_commit

State = BulkItem.State
FAILED_FIRST: Final = Case(When(state=State.FAILED, then=0), When(state=State.WAITING, then=2), default=1)


@dataclass(frozen=True, slots=True)
class Line:
    """A booking of a run with what it gets, or what became of it."""

    item: BulkItem
    row: Row
    is_outsider: bool = False
    """Whether he who gets it is not one of the hosts whom its page takes in turn."""

    @property
    def has_changed(self) -> bool:
        """Whether the booking is another one than was checked."""
        return self.item.seen != seen_of(self.row.booking)


@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: MemberRequest, action: str) -> HttpResponse:
    """Pick some or all of what the list has with its filters (GET); keep as a draft what each of them gets (POST)."""
    if action not in set(Action):
        raise Http404("No such action.")
    now, chosen = timezone.now(), Action(action)
    reach = require(request.member, chosen.permission)
    query = query_of(request, chosen.tab, require(request.member, Permission.VIEW))
    query = selectors.narrowed(request.member.workspace, query)
    listed = selectors.listed(request.member.workspace, query, now).select_related("link")
    hosts = _hosts(request, chosen)
    if request.method != "POST":
        return _pick_page(request, chosen, PickForm(None, action=chosen, hosts=hosts, listed=[]), listed, now)
    everything = "all" in request.POST
    wanted = listed if everything else listed.filter(pk__in=_keys(request.POST.getlist("pick")))
    is_too_many = wanted.order_by()[: MOST + 1].count() > MOST
    bookings = [] if is_too_many else list(wanted)
    form = PickForm(request.POST, action=chosen, hosts=hosts, listed=[each.pk for each in bookings])
    if is_too_many:
        form.add_error(None, f"More than {MOST:,} bookings match. Narrow your list with its filters first.")
    elif everything and not bookings:
        form.add_error(None, "Nothing in your list matches any more.")
    if not form.is_valid():
        return _pick_page(request, chosen, form, listed, now, 422)
    run = service.draft(
        run_id=form.cleaned_data["id"],
        member=request.member,
        action=chosen,
        steps=steps_of(chosen, bookings, reach, now, host_id=form.host_id),
        host_id=form.host_id,
        now=now,
        **form.typed,
    )
    return redirect(_address(request, run))


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def bulk_run(request: MemberRequest, bulk_id: UUID) -> HttpResponse:
    """A draft: what each booking gets, page by page. From its start on: what became of each so far.

    POST keeps which bookings of the page are ticked, and goes to another page (`go`), checks all of them anew
    (`check`), or starts the run (`run`) if it was last `checked` when this page says. Those that are no longer the
    member's to see are only counted.
    """
    run = _own_run(request, bulk_id)
    if run.started_at is not None:
        return _to_receipt(request, run) if request.method == "POST" else _receipt(request, run)
    action = Action(run.action)
    reach = require(request.member, action.permission)
    form = _draft_form(request, run)
    if request.method != "POST":
        return _draft(request, run, form)
    data, now = request.POST, timezone.now()
    typed = form.typed if form.is_valid() else {"reason": run.reason, "attendance": run.attendance}
    choice = service.Choice(_keys(data.getlist("row")), _keys(data.getlist("pick")), **typed)
    try:
        service.choose(run=run, choice=choice)
        if request.htmx:
            return _draft(request, run, form)
        if not form.is_valid():
            return _draft(request, run, form, status=422)
        is_other = action is Action.REASSIGN and form.host_id != run.host_id
        if is_other or "check" in data:
            steps = steps_of(action, _bookings_of(run), reach, now, host_id=form.host_id)
            service.check_again(run=run, steps=steps, host_id=form.host_id, now=now)
            if "run" in data:
                fresh = _own_run(request, bulk_id)
                return _draft(request, fresh, form, status=409, since="You chose another host.")
        elif "run" in data:
            service.start(run=run, choice=choice, checked=data.get("checked", ""), now=now)
            ring_on_commit(jobs.run_bulk, str(run.pk))
    except service.AlreadyStarted:
        return _to_receipt(request, run)
    except service.CheckedSince:
        fresh = _own_run(request, bulk_id)
        since = "All were checked again in another window."
        return _draft(request, fresh, _draft_form(request, fresh, anew=True), status=409, since=since)
    except service.NothingPicked:
        form.add_error(None, "Pick at least one booking that is ready.")
        return _draft(request, run, form, status=422)
    return redirect(_address(request, run, data.get("go", "")))


@require_POST
def bulk_retry(request: MemberRequest, bulk_id: UUID) -> HttpResponse:
    """A draft of the rows that have failed, with what each of them would get now."""
    run, now = _own_run(request, bulk_id), timezone.now()
    action = Action(run.action)
    reach = require(request.member, action.permission)
    failed = [] if run.undoes_id else _bookings_of(run, state=State.FAILED)
    if not failed:
        return redirect(_address(request, run))
    again = service.draft(
        run_id=uuid4(),
        member=request.member,
        action=action,
        steps=steps_of(action, failed, reach, now, host_id=run.host_id),
        reason=run.reason,
        attendance=run.attendance,
        host_id=run.host_id,
        now=now,
    )
    return redirect(_address(request, again))


@require_POST
def bulk_undo(request: MemberRequest, bulk_id: UUID) -> HttpResponse:
    """Set back the attendance that the run has marked."""
    run = _own_run(request, bulk_id)
    require(request.member, Action(run.action).permission)
    if run.action != Action.ATTENDANCE or run.undoes_id or run.finished_at is None:
        return redirect(_address(request, run))
    back = service.undo(run=run, member=request.member, now=timezone.now())
    ring_on_commit(jobs.run_bulk, str(back.pk))
    return redirect(_address(request, back))


def _own_run(request: MemberRequest, bulk_id: UUID) -> BulkRun:
    require(request.member, Permission.VIEW)
    run = access.bulk_run_for(request.member, bulk_id)
    if run is None:
        raise Http404("No such run.")
    return run


def _to_receipt(request: MemberRequest, run: BulkRun) -> HttpResponse:
    """Away from a draft's page that was left open: the run has begun."""
    address = _address(request, run)
    return HttpResponse(headers={"HX-Redirect": address}) if request.htmx else redirect(address)


def _draft_form(request: MemberRequest, run: BulkRun, *, anew: bool = False) -> BulkForm:
    """With what was sent, if anything was; `anew` with what the draft has."""
    action = Action(run.action)
    initial = {"reason": run.reason, "attendance": run.attendance, "host": run.host_id}
    data = request.POST if request.method == "POST" and not anew else None
    return BulkForm(data, action=action, hosts=_hosts(request, action), initial=initial)


def _hosts(request: MemberRequest, action: Action) -> list[tuple[UUID, str]]:
    if action is not Action.REASSIGN:
        return []
    return selectors.options_for(
        request.member, accounts.reachable_user_ids(request.member, action.permission)
    ).hosts


def _keys(texts: Iterable[str]) -> set[UUID]:
    """The ids among these texts."""
    found = set()
    for text in texts:
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return found


def _bookings_of(run: BulkRun, **only: Any) -> list[Booking]:
    """The bookings of its rows, in their order."""
    items = run.items.filter(**only).select_related("booking__host", "booking__link")
    return [item.booking for item in items.prefetch_related("booking__attendees", "booking__co_hosts")]


def _address(request: MemberRequest, run: BulkRun, page: str = "") -> str:
    """Where the run is shown, with the list that it came from."""
    query = query_string(request, after="")
    if page.isdecimal():
        query += f"{'&' if query else '?'}page={page}"
    return reverse("bookings:bulk_run", args=[run.pk]) + query


def _pick_page(
    request: MemberRequest,
    action: Action,
    form: PickForm,
    listed: QuerySet[Booking],
    now: datetime,
    status: int = 200,
) -> HttpResponse:
    place = Place.parse(request.GET.get("after", ""))
    page, after = selectors.page_of(listed, action.tab, place)
    count = listed.order_by()[: MOST + 1].count()
    may = Permissions(request)
    context = {
        "action": action,
        "form": form,
        "rows": [may.row(booking, now) for booking in page],
        "picked": _keys(request.POST.getlist("pick")),
        "count": count,
        "counted": count_words(count, "booking"),
        "most": MOST,
        "is_too_many": count > MOST,
        "is_first_page": place is None,
        "next_url": _pick_address(request, action, str(after)) if after else "",
        "run_id": uuid4(),
        "here": _pick_address(request, action, request.GET.get("after", "")),
        "back": list_url(request, after=""),
    }
    return render(request, "bookings/bulk.html", context, status=status)


def _draft(
    request: MemberRequest, run: BulkRun, form: BulkForm, status: int = 200, since: str = ""
) -> HttpResponse:
    """`since` is why what each one gets is another thing than was shown."""
    action, items = Action(run.action), run.items.all()
    counts, mails = _counts(run)
    page = Paginator(items, PAGE).get_page(request.GET.get("page"))
    lines, hidden = _lines(request, page, with_offers=action.sends_mail)
    ready = counts[State.WAITING]
    context = {
        "run": run,
        "action": action,
        "form": form,
        "page": page,
        "lines": lines,
        "hidden": hidden,
        "cells": _cells(items),
        "total": sum(counts.values()),
        "ready": ready,
        "out": counts[State.OUT],
        "kept": counts[State.KEPT],
        "mails": mails,
        "counted": count_words(ready, "booking"),
        "since": since,
        "here": _address(request, run, str(page.number)),
        "pick_url": _pick_address(request, action),
        "back": list_url(request, after=""),
    }
    name = "bookings/bulk_draft.html"
    return render(request, f"{name}#ticked" if request.htmx else name, context, status=status)


SHOWN: Final[Mapping[str, tuple[State, ...]]] = {
    "": (State.DONE, State.FAILED, State.OUT, State.KEPT),
    "failed": (State.FAILED,),
    "done": (State.DONE,),
    "kept": (State.OUT, State.KEPT),
}


def _receipt(request: MemberRequest, run: BulkRun) -> HttpResponse:
    """What became of each booking of a run so far. htmx asks again while it goes on."""
    action, items = Action(run.action), run.items.all()
    counts, _ = _counts(run)
    show = request.GET.get("show", "")
    show = show if show in SHOWN else ""
    found = items.filter(state__in=SHOWN[show]).order_by(FAILED_FIRST, "id")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    lines, hidden = _lines(request, page)
    done, failed, left = counts[State.DONE], counts[State.FAILED], counts[State.WAITING]
    kept = counts[State.OUT] + counts[State.KEPT]
    verb, became = ("Set back", "set back") if run.undoes_id else (action.verb, action.done)
    # Those that he left out himself were not asked for; those that could not be done were.
    whole = done + failed + left + counts[State.KEPT]
    counted = count_words(whole, "booking")
    run_items = items.exclude(state__in=SHOWN["kept"])
    back_to = getattr(run, "undone_by", None)
    address = _address(request, run)
    joined = f"{address}{'&' if '?' in address else '?'}show="
    context: dict[str, Any] = {
        "run": run,
        "action": action,
        "verb": verb,
        "oob": request.htmx,
        "heading": f"{verb} {counted}"
        if left
        else f"{counted if done == whole else f'{done} of {counted}'} {became}",
        "became": became,
        "cells": _cells(run_items),
        "page": page,
        "lines": lines,
        "hidden": hidden,
        "done": done,
        "failed": failed,
        "left": left,
        "out": counts[State.OUT],
        "kept": counts[State.KEPT],
        "total": done + failed + left,
        "show": show,
        "shows": [
            (f"{joined}{key}", label, number, key == show)
            for key, label, number in (
                ("", "All", done + failed + kept),
                ("failed", "Only failed", failed),
                ("done", "Done", done),
                ("kept", "Not tried", kept),
            )
            if number or key in {"", show}
        ],
        "page_url": f"{joined}{show}&page=",
        "here": f"{joined}{show}" if show else address,
        "may_undo": action is Action.ATTENDANCE and not run.undoes_id and run.finished_at and done,
        "undone_url": back_to and _address(request, back_to),
        "back": list_url(request, after=""),
        "list_query": query_string(request, after=""),
    }
    name = "bookings/bulk_run.html"
    return render(request, f"{name}#receipt" if request.htmx else name, context)


def _pick_address(request: MemberRequest, action: Action, after: str = "") -> str:
    return reverse("bookings:bulk", args=[action.value]) + query_string(request, after=after)


def _counts(run: BulkRun) -> tuple[dict[State, int], int]:
    """How many rows of each state it has, and how many mails go out for those that wait."""
    found = list(run.items.order_by().values_list("state").annotate(Count("pk"), Sum("mails")))
    counts = dict.fromkeys(State, 0) | {State(state): number for state, number, _ in found}
    return counts, sum(mails for state, _, mails in found if state == State.WAITING)


def _cells(items: QuerySet[BulkItem]) -> list[str]:
    """The state of each of a few rows; empty for more than anybody counts by eye."""
    states = list(items.values_list("state", flat=True)[: MOST_CELLS + 1])
    return states if len(states) <= MOST_CELLS else []


def _lines(
    request: MemberRequest, page: Page[BulkItem], *, with_offers: bool = False
) -> tuple[list[Line], str]:
    """The rows of a page that the member may still see, and how many he may not, in words ("" for none).

    `with_offers` they know how many other times are offered, and who is not of his page's pool: two queries more.
    """
    seen, may, now = require(request.member, Permission.VIEW), Permissions(request), timezone.now()
    items: Sequence[BulkItem] = list(
        page.object_list.select_related("booking__host", "host").prefetch_related(  # type: ignore[attr-defined]
            "booking__attendees__person", "booking__co_hosts"
        )
    )
    offers = selectors.times_offered([item.booking for item in items], now) if with_offers else {}
    given = [(item.booking, item.host_id) for item in items if item.host_id] if with_offers else []
    outside = given_outside(given)
    lines = [
        Line(
            item,
            may.row(item.booking, now, offered=offers.get(item.booking_id, 0)),
            item.booking_id in outside,
        )
        for item in items
        if access.reaches(seen, item.booking)
    ]
    hidden = len(items) - len(lines)
    return lines, count_words(hidden, "booking") if hidden else ""
