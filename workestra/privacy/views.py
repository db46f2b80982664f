"""What is held about somebody: showing it, handing it out, erasing it. For admins and owners."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from scheduling.services.busy_time import TryAgain
from workestra.accounts.access import require_admin
from workestra.accounts.http import MemberRequest
from workestra.crm import access as crm_access
from workestra.crm.domain.addresses import normalized_email
from workestra.privacy import selectors, services
from workestra.privacy.exporting import exported
from workestra.privacy.forms import EraseForm, FindForm, RetentionForm
from workestra.privacy.selectors import Dossier

CHANGED: Final = "Something has come or gone since you looked. Nothing is erased. This is what is held now."
BUSY: Final = "Their bookings are being changed at this moment. Not everything is done. Try again."


@require_safe
def privacy(request: MemberRequest) -> HttpResponse:
    """Find somebody by `email` and see what is held; and for how long answers are kept."""
    require_admin(request.member)
    form = FindForm(request.GET) if "email" in request.GET else FindForm()
    return _page(request, form)


@require_POST
def export(request: MemberRequest) -> HttpResponse:
    """All that is held, as a file: JSON, in a ZIP where there are files that go with it."""
    require_admin(request.member)
    form = FindForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    found = selectors.dossier(request.member.workspace_id, form.cleaned_data["email"])
    if found.is_empty:
        return _page(request, form)
    now = timezone.now()
    made = exported(found, now)
    services.note_export(dossier=found, by=request.member, now=now)
    name = f"personal-data-{now:%Y-%m-%d}.{made.ending}"
    return HttpResponse(
        made.content,
        content_type=made.content_type,
        headers={
            "Content-Disposition": str(content_disposition_header(as_attachment=True, filename=name)),
            "Cache-Control": "no-store, private",
        },
    )


@require_http_methods(["GET", "POST"])
def erase(request: MemberRequest) -> HttpResponse:
    """What erasing somebody does, and doing it."""
    require_admin(request.member)
    asked = FindForm(request.POST if request.method == "POST" else request.GET)
    if not asked.is_valid():
        return _page(request, asked) if request.method == "POST" else redirect("privacy:privacy")
    email, now = normalized_email(asked.cleaned_data["email"]), timezone.now()
    found = selectors.dossier(request.member.workspace_id, email)
    if found.is_empty:
        return _page(request, asked)
    has_to_cancel = bool(found.upcoming(now) or found.offered(now))
    if request.method != "POST":
        return _preview(request, found, EraseForm(initial={"email": email}, has_to_cancel=has_to_cancel))
    form = EraseForm(request.POST, has_to_cancel=has_to_cancel)
    if not form.is_valid():
        return _preview(request, found, form, status=422)
    try:
        done = services.erase(
            email=email,
            cancel=form.cleaned_data.get("cancel", False),
            token=request.POST.get("seen", ""),
            by=request.member,
            now=now,
        )
    except (services.NothingHeld, services.DossierChanged, services.StillToMeet, TryAgain) as error:
        found = selectors.dossier(request.member.workspace_id, email)
        if found.is_empty:
            return _page(request, asked)
        has_to_cancel = bool(found.upcoming(now) or found.offered(now))
        again = EraseForm(initial={"email": email}, has_to_cancel=has_to_cancel)
        return _preview(request, found, again, BUSY if isinstance(error, TryAgain) else CHANGED, 409)
    said = f"Erased. {done.bookings} booking{'' if done.bookings == 1 else 's'} stay without the person."
    messages.success(request, said)
    return redirect("privacy:privacy")


@require_POST
def answers(request: MemberRequest) -> HttpResponse:
    """Say for how long answers are kept."""
    require_admin(request.member)
    form = RetentionForm(request.POST)
    if not form.is_valid():
        return _page(request, FindForm(), form)
    days = form.cleaned_data["days"]
    services.keep_answers_for(days=days, by=request.member, now=timezone.now())
    kept = f"Answers are erased {days} day{'' if days == 1 else 's'} after the meeting." if days else ""
    messages.success(request, kept or "Answers are kept.")
    return redirect("privacy:privacy")


def _page(
    request: MemberRequest, form: FindForm, retention_form: RetentionForm | None = None
) -> HttpResponse:
    found = None
    if form.is_bound and form.is_valid():
        found = selectors.dossier(request.member.workspace_id, form.cleaned_data["email"])
    days = selectors.retention_of(request.member.workspace_id)
    context = _told(request, found) | {
        "form": form,
        "email": normalized_email(form.cleaned_data["email"]) if found else "",
        "retention_form": retention_form or RetentionForm(initial={"days": days}),
        "days": days,
    }
    is_refused = retention_form is not None or bool(form.is_bound and form.errors)
    return render(request, "privacy/privacy.html", context, status=422 if is_refused else 200)


def _preview(
    request: MemberRequest, found: Dossier, form: EraseForm, problem: str = "", status: int = 200
) -> HttpResponse:
    context = _told(request, found) | {"form": form, "problem": problem}
    return render(request, "privacy/erase.html", context, status=status)


def _told(request: MemberRequest, found: Dossier | None) -> dict[str, Any]:
    if found is None or found.is_empty:
        return {"found": None, "is_nobody": found is not None}
    now = timezone.now()
    person = found.person
    return {
        "found": found,
        "is_nobody": False,
        "person": person,
        "sees_person": person is not None and crm_access.people(request.member).filter(pk=person.pk).exists(),
        "activities": sum(each.activities.count() for each in found.people),
        "opportunities": sum(each.opportunities.count() for each in found.people),
        "upcoming": found.upcoming(now),
        "offered": found.offered(now),
        "zone": request.member.user.timezone,
    }
