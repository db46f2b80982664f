"""What a template has been: its versions, one beside another, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from managed_events import access, selectors
from managed_events.domain.plan import Plan
from managed_events.domain.sync import Edit
from managed_events.domain.words import Difference, links, save_words, span_words
from managed_events.models import ManagedEventTemplate, TemplateVersion
from managed_events.plans import of_save, with_outlook
from managed_events.services import templates as service
from managed_events.views.effect import CELLS, edit_differences, effect_of
from managed_events.views.templates import frame
from scheduling.domain.sections import SECTIONS
from scheduling.services.payments import NoPayments
from workestra.accounts.http import MemberRequest

PAGE: Final = 50
NOTE_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Row:
    """A version of the list: what it changed, and how many links are at it."""

    version: TemplateVersion
    summary: str
    links: int

    @property
    def cells(self) -> Sequence[int]:
        return range(self.links) if self.links <= CELLS else ()


@dataclass(frozen=True, slots=True)
class Compared:
    """A version beside another one. `in_use` is how long it was the last one; "" while it still is."""

    version: TemplateVersion
    other: TemplateVersion
    differences: Sequence[Difference]
    same: int
    in_use: str
    with_previous: bool


@require_GET
@vary_on_headers("HX-Request")
def listing(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """The versions, and one (`v`) beside the template as it is, or with `with=previous` beside the one before it.

    For one that is not the last, the page says what rolling back to it would do.
    """
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    number = _number(request.GET.get("v", ""), template.version)
    return _page(request, template, number, now, with_previous=request.GET.get("with") == "previous")


@require_POST
def roll_back(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """Make a new version of an old one (`to`), as far as the page showed that; else show what it would do now."""
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    number = _number(request.POST.get("to", ""), 0)
    note = request.POST.get("note", "").replace("\x00", "").strip()[:NOTE_LENGTH]
    try:
        saved = service.roll_back(
            template=template,
            number=number,
            author=request.member.user,
            shown=request.POST.get("plan", ""),
            note=note,
            now=now,
        )
    except (service.NoSuchVersion, service.TemplateGone) as gone:
        raise Http404("There is no such version of a template.") from gone
    except NoPayments as refused:
        messages.error(request, str(refused))
        return redirect("managed_events:detail", template.pk)
    except service.NotAsShown as moved:
        template.refresh_from_db()
        return _page(request, template, number, now, plan=moved.plan, note=note, status=409)
    if saved.template.version == template.version:
        messages.info(request, f"Nothing differs from version {number}.")
    else:
        reach = f", for {links(len(saved.plan.changes))}." if saved.run else ". No assigned link changes."
        messages.success(request, f"Back to version {number}, as version {saved.template.version}{reach}")
    return redirect("managed_events:detail", template.pk)


def _page(
    request: MemberRequest,
    template: ManagedEventTemplate,
    number: int,
    now: datetime,
    *,
    with_previous: bool = False,
    plan: Plan | None = None,
    note: str = "",
    status: int = 200,
) -> HttpResponse:
    latest = selectors.version(template, template.version)
    version = latest if number == template.version else selectors.version(template, number)
    if latest is None or version is None:
        raise Http404("There is no such version of this template.")
    context = frame(request.member, template, "versions") | {
        "page": (page := Paginator(selectors.versions(template), PAGE).get_page(request.GET.get("page"))),
        "rows": _rows(template, list(page.object_list)),
        "compared": _compared(template, version, latest, with_previous=with_previous),
        "note": note,
        "moved": status == 409,
    }
    if number != template.version:
        plan = plan or of_save(template, selectors.draft_of_version(template, version))
        context["effect"] = effect_of(with_outlook(plan, now, template=template))
    path = "managed_events/versions.html"
    return render(request, f"{path}#ver" if request.htmx else path, context, status=status)


def _rows(template: ManagedEventTemplate, versions: Sequence[TemplateVersion]) -> list[Row]:
    at = selectors.links_by_version(template)
    before: dict[int, TemplateVersion] = {version.number: version for version in versions}
    if (
        versions
        and versions[-1].number > 1
        and (older := selectors.version(template, versions[-1].number - 1))
    ):
        before[older.number] = older
    rows = []
    for version in versions:
        previous = before.get(version.number - 1)
        rows.append(Row(version, _summary(previous, version), at.get(version.number, 0)))
    return rows


def _summary(previous: TemplateVersion | None, version: TemplateVersion) -> str:
    """ "Title changed, Buffers locked"."""
    if previous is None:
        return "Template created"
    edit = Edit(previous.state, version.state)
    return save_words(edit.changed, edit.closed, edit.opened)


def _compared(
    template: ManagedEventTemplate, version: TemplateVersion, latest: TemplateVersion, *, with_previous: bool
) -> Compared:
    """The version beside the last one; the last one, and any with `with_previous`, beside the one before it."""
    previous = selectors.version(template, version.number - 1) if version.number > 1 else None
    following = selectors.version(template, version.number + 1) if version != latest else None
    beside_previous = previous is not None and (with_previous or version == latest)
    other = previous if previous is not None and beside_previous else latest
    # From what is shown first to what it became, or would become.
    edit = Edit(other.state, version.state)
    touched = {*edit.changed, *edit.closed, *edit.opened}
    return Compared(
        version=version,
        other=other,
        differences=edit_differences(edit.before, edit.after),
        same=len(SECTIONS) - len(touched),
        in_use=span_words(following.saved_at - version.saved_at) if following else "",
        with_previous=beside_previous,
    )


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else otherwise
