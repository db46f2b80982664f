"""Making one person of two: finding the other one, the preview, and doing it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.crm import access, selectors
from workestra.crm.forms import MergeForm
from workestra.crm.plans import merging
from workestra.crm.selectors import Query
from workestra.crm.services.merging import PersonGone, PlanChanged, StillMoving, merge

FOUND: int = 20
"""How many are listed to choose from; more words find fewer."""


@require_GET
@vary_on_headers("HX-Request")
def choose(request: MemberRequest, person_id: UUID) -> HttpResponse:
    """Whom to merge with somebody: those who may be the same person, and whoever `q` finds."""
    kept = access.person(request.member, person_id, Permission.EDIT)
    words = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    others = access.people(request.member, Permission.EDIT).exclude(pk=kept.pk)
    found = list(selectors.listed(others, Query(words))[: FOUND + 1]) if words else []
    context = {
        "person": kept,
        "words": words,
        "found": found[:FOUND],
        "more": len(found) > FOUND,
        "alike": [] if words else selectors.alike(others, kept),
    }
    return render(
        request, f"crm/merge_with.html{'#found' if request.htmx.target == 'found' else ''}", context
    )


@require_http_methods(["GET", "POST"])
def preview(request: MemberRequest, person_id: UUID, other_id: UUID) -> HttpResponse:
    """What merging the two does; posted, it is done, unless something of it has changed since."""
    if person_id == other_id:
        raise Http404("Nobody can be merged with himself.")
    kept = access.person(request.member, person_id, Permission.EDIT)
    other = access.person(request.member, other_id, Permission.EDIT)
    plan = merging(kept, other)
    form = MergeForm(plan, request.POST if request.method == "POST" else None)
    status, problem = 422 if form.is_bound else 200, ""
    if form.is_bound and form.is_valid():
        try:
            merged = merge(
                kept_id=kept.pk,
                other_id=other.pk,
                take=form.take,
                token=request.POST.get("plan", ""),
                by=request.member,
                now=timezone.now(),
            )
        except PersonGone as gone:
            raise Http404("No such person.") from gone
        except StillMoving:
            status, problem = 409, "moving"
        except PlanChanged as changed:
            status, problem, plan = 409, "changed", changed.plan
            form = MergeForm(plan, initial=form.take)
        else:
            messages.success(request, f"{other.name} and {kept.name} are one person now: {merged.name}.")
            return redirect("crm:person", merged.pk)
    context = {"plan": plan, "form": form, "problem": problem}
    return render(request, "crm/merge.html", context, status=status)
