"""Booking links in the settings: the list, the form, the delete page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from scheduling import access, selectors
from scheduling.domain.sections import BY_KEY, SECTIONS, Section
from scheduling.forms import LinkForm
from scheduling.meeting_accounts import missing_accounts
from scheduling.models import BookingLink, LinkHost, Schedule
from scheduling.selectors.times import hosts_in_order
from scheduling.services import addresses
from scheduling.services import links as service
from scheduling.services.logos import LogoGone
from scheduling.services.payments import NoPayments
from scheduling.views.sections import keep_sent_logo, sent_with
from workestra.accounts import selectors as accounts
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Membership

KINDS: Final = (("all", "All"), ("own", "Own"), ("tpl", "Assigned"))


REFUSALS: Final = (
    addresses.SlugTaken,
    addresses.BadSlug,
    service.BadHosts,
    service.ScheduleGone,
    LogoGone,
    NoPayments,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A section of a managed link as one cell: "held" (locked), "over" (an own value) or "" (as the template)."""

    section: Section
    state: str


@dataclass(frozen=True, slots=True)
class Row:
    """A link as the list shows it."""

    link: BookingLink
    url: str
    hosts: Sequence[str]
    locked: Sequence[str]


@require_GET
@vary_on_headers("HX-Request")
def links(request: MemberRequest) -> HttpResponse:
    """The member's links; `q` and `w` are in the address."""
    words, kind = request.GET.get("q", "").replace("\x00", "").strip()[:100], request.GET.get("w", "all")
    every = selectors.listed_links(request.member)
    shown = (
        selectors.listed_links(request.member, words=words, kind=kind) if words or kind != "all" else every
    )
    rows = [_row(link) for link in shown]
    managed = sum(link.is_managed for link in every)
    counts = {"all": len(every), "own": len(every) - managed, "tpl": managed}
    context = {
        "managed": [row for row in rows if row.link.is_managed],
        "own": [row for row in rows if not row.link.is_managed],
        "count": len(every),
        "shown": len(rows),
        "words": words,
        "kinds": [(key, f"{label} {counts[key]}", key == kind) for key, label in KINDS],
    } | _in_a_row(request.member)
    return render(request, "scheduling/links.html#list" if request.htmx else "scheduling/links.html", context)


@require_http_methods(["GET", "POST"])
def link_new(request: MemberRequest) -> HttpResponse:
    """A new link of the member."""
    now = timezone.now()
    require(request.member, Permission.EDIT)
    around = selectors.schedules_around(request.member)
    form = LinkForm(
        *sent_with(request),
        address_problem=_address_problem(request.member, None, now),
        members=list(accounts.active_members(request.member.workspace)),
        hosts=[LinkHost(user=request.member.user)],
        schedules=_own(around, request.member),
        workflows=selectors.workflows_to_pick(request.member.workspace_id, owner_id=request.member.user_id),
        pool_schedules=around,
        initial={"timezone": request.member.user.timezone},
    )
    keep_sent_logo(form, now)
    if request.method == "POST" and form.is_valid():
        try:
            link = service.create_link(
                owner=request.member.user,
                workspace=request.member.workspace,
                slug=form.slug_wanted,
                values=form.values,
                now=now,
                actor=request.member.user,
                **form.rest_wanted,
            )
        except REFUSALS as refused:
            _explain(form, refused)
        else:
            messages.success(request, f"{link.title} is ready to be booked.")
            return redirect("scheduling:link_edit", link.pk)
    owner = request.member.user
    form.tell_of_accounts(missing_accounts(request.member.workspace_id, {owner.pk: owner.name}))
    return render(request, "scheduling/link_edit.html", {"form": form}, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def link_edit(request: MemberRequest, link_id: UUID) -> HttpResponse:
    """A link of the member, by sections; those that its template locks are shown and refused."""
    now = timezone.now()
    link = access.own_link(request.member, link_id)
    if request.method == "GET":
        return _edit_page(request, link, _form(request.member, link, now))
    form = _form(request.member, link, now, *sent_with(request))
    keep_sent_logo(form, now)
    carried = form.carried_locked_sections()
    if carried:
        return _refuse_locked(request, link, form, carried, now)
    if not form.is_valid():
        return _edit_page(request, link, form, status=422)
    try:
        link = service.update_link(
            link_id=link.pk,
            by=request.member,
            values=form.values,
            slug=form.slug_wanted,
            next_turn=form.next_turn_wanted,
            now=now,
            **form.rest_wanted,
        )
    except service.SectionLocked as refused:
        link = access.own_link(request.member, link_id)
        again = _form(request.member, link, now, *sent_with(request))
        return _refuse_locked(request, link, again, refused.sections, now)
    except REFUSALS as refused:
        _explain(form, refused)
        return _edit_page(request, link, form, status=422)
    except BookingLink.DoesNotExist as gone:
        raise Http404("This link was deleted a moment ago.") from gone
    messages.success(request, f"{link.title} is saved.")
    return redirect("scheduling:link_edit", link.pk)


@require_http_methods(["GET", "POST"])
def link_delete(request: MemberRequest, link_id: UUID) -> HttpResponse:
    """Ask, then delete; a link of a template becomes the member's own instead."""
    now = timezone.now()
    link = access.own_link(request.member, link_id, Permission.DELETE)
    if request.method == "GET":
        context = {"link": link, "ahead": selectors.meetings_ahead(link, now)}
        return render(request, "scheduling/link_delete.html", context)
    try:
        done = service.delete_link(link_id=link.pk, by=request.member, now=now)
    except BookingLink.DoesNotExist as gone:
        raise Http404("This link was deleted a moment ago.") from gone
    if done == service.Deleted.DETACHED:
        messages.success(request, f"{link.title} is your own now. Every section is yours to change.")
        return redirect("scheduling:link_edit", link.pk)
    messages.success(request, f"{link.title} is deleted.")
    return redirect("scheduling:links")


@require_POST
def link_duplicate(request: MemberRequest, link_id: UUID) -> HttpResponse:
    """Another link like this one, the member's own."""
    now = timezone.now()
    link = access.own_link(request.member, link_id)
    try:
        copy = service.duplicate_link(link_id=link.pk, by=request.member, now=now)
    except BookingLink.DoesNotExist as gone:
        raise Http404("This link was deleted a moment ago.") from gone
    messages.success(request, f"{copy.title} is made, at /book/{copy.slug}. Nobody knows it yet.")
    return redirect("scheduling:link_edit", copy.pk)


@require_POST
def link_state(request: MemberRequest, link_id: UUID) -> HttpResponse:
    """The switch of the list: with `open` the link takes bookings, without it is paused."""
    now = timezone.now()
    link = access.own_link(request.member, link_id)
    try:
        link = service.pause_link(
            link_id=link.pk, by=request.member, paused="open" not in request.POST, now=now
        )
    except BookingLink.DoesNotExist as gone:
        raise Http404("This link was deleted a moment ago.") from gone
    if request.htmx:
        context = {"row": _row(link), "switched": True} | _in_a_row(request.member)
        return render(request, "scheduling/_link.html", context)
    messages.success(
        request, f"{link.title} is paused." if link.is_paused else f"{link.title} takes bookings again."
    )
    return redirect("scheduling:links")


@require_GET
def link_address(request: MemberRequest, link_id: UUID | None = None) -> HttpResponse:
    """Whether the link (without an id: a new one) can have the address in `slug`, to be said beside the field."""
    now = timezone.now()
    if link_id is None:
        require(request.member, Permission.EDIT)
    link = access.own_link(request.member, link_id) if link_id else None
    slug = request.GET.get("slug", "").strip().lower()
    title = request.GET.get("title", "").strip()
    is_own = link is not None and slug == link.slug
    context = {
        "slug": slug,
        "is_own": is_own,
        "problem": _address_problem(request.member, link, now)(slug) if slug and not is_own else "",
        "made": addresses.free_slug(title) if title and not slug and link is None else "",
    }
    return render(request, "scheduling/_address_live.html", context)


def _address_problem(member: Membership, link: BookingLink | None, now: datetime) -> Callable[[str], str]:
    return partial(
        addresses.problem, workspace_id=member.workspace_id, link_id=link.pk if link else None, now=now
    )


def _form(
    member: Membership,
    link: BookingLink,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    files: "MultiValueDict[str, UploadedFile[bytes]] | None" = None,
) -> LinkForm:
    around = selectors.schedules_around(member)
    return LinkForm(
        data,
        files,
        instance=link,
        address_problem=_address_problem(member, link, now),
        locked=[key for key in BY_KEY if link.locks(key)],
        members=list(accounts.active_members(member.workspace)),
        hosts=list(link.hosts.select_related("user", "schedule")),
        schedules=_own(around, member),
        workflows=selectors.workflows_to_pick(
            member.workspace_id, link.workflow_ids, owner_id=member.user_id
        ),
        pool_schedules=around,
    )


def _row(link: BookingLink) -> Row:
    return Row(
        link,
        _public_url(link),
        [host.user.name for host in link.hosts.all()],
        [section.key for section in SECTIONS if link.locks(section.key)],
    )


def _in_a_row(member: Membership) -> dict[str, Any]:
    """What the rows of the list have in common."""
    return {
        "sections": SECTIONS,
        "may_edit": access.may(member, Permission.EDIT),
        "may_delete": access.may(member, Permission.DELETE),
    }


def _own(schedules: Sequence[Schedule], member: Membership) -> list[Schedule]:
    return [schedule for schedule in schedules if schedule.owner_id == member.user_id]


def _edit_page(
    request: MemberRequest,
    link: BookingLink,
    form: LinkForm,
    *,
    status: int = 200,
    refused: Sequence[str] = (),
) -> HttpResponse:
    cells = _cells(link)
    form.tell_of_accounts(missing_accounts(link.workspace_id, _link_makers(link)))
    context = {
        "form": form,
        "link": link,
        "url": _public_url(link),
        "template_name": link.managed_event_template.title if link.managed_event_template else "",
        "cells": cells,
        "held": sum(cell.state == "held" for cell in cells),
        "over": sum(cell.state == "over" for cell in cells),
        "refused": [BY_KEY[key].label for key in refused],
        "zone": ZoneInfo(request.member.user.timezone),
        "may_delete": access.may(request.member, Permission.DELETE),
    }
    return render(request, "scheduling/link_edit.html", context, status=status)


def _link_makers(link: BookingLink) -> dict[UUID, str]:
    """The hosts in whose accounts meeting links are made, with their names: of a round robin all, else the first."""
    hosts = sorted(hosts_in_order(link), key=lambda host: host.user_id)
    makers = hosts if link.strategy == BookingLink.Strategy.ROUND_ROBIN else hosts[:1]
    return {host.user_id: host.user.name for host in makers}


def _refuse_locked(
    request: MemberRequest, link: BookingLink, form: LinkForm, sections: Sequence[str], now: datetime
) -> HttpResponse:
    """Nothing was written: say which sections are locked, and keep what was typed into the others."""
    service.record_refusal(link=link, by=request.member, sections=sections, now=now)
    return _edit_page(request, link, form, status=403, refused=sections)


def _cells(link: BookingLink) -> list[Cell]:
    """One cell a section, for a link of a template; none for others."""
    template = link.managed_event_template
    if template is None:
        return []
    theirs, own = template.state.starting_values(link.owner.timezone), link.section_values()
    return [
        Cell(
            section,
            "held"
            if link.locks(section.key)
            else "over"
            if any(own[field] != theirs[field] for field in section.fields)
            else "",
        )
        for section in SECTIONS
    ]


def _explain(form: LinkForm, refused: Exception) -> None:
    """Put what the service refused beside its field."""
    if isinstance(refused, addresses.SlugTaken):
        form.add_error("slug", addresses.taken_words(refused.slug))
    elif isinstance(refused, service.ScheduleGone):
        form.add_error("schedule_id", "This schedule was deleted a moment ago. Choose again.")
    elif isinstance(refused, LogoGone):
        form.add_error("logo_id", str(refused))
    elif isinstance(refused, NoPayments):
        form.add_error("requires_payment", str(refused))
    else:
        form.add_error("slug" if isinstance(refused, addresses.BadSlug) else "pool", str(refused))


def _public_url(link: BookingLink) -> str:
    return f"{settings.SITE_URL}/book/{link.slug}"
