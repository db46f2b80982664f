"""A member's own number for texts about his meetings. It is his once he has typed the code that was texted there."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from workestra.accounts.http import MemberRequest
from workestra.limits.http import with_wait
from workestra.limits.services import LimitReached
from workestra.sms import selectors, services, setup
from workestra.sms.domain.words import own_agreement
from workestra.sms.forms import CodeForm, NumberForm
from workestra.sms.numbers import region_of_zone, shown


@require_http_methods(["GET", "POST"])
def number(request: MemberRequest) -> HttpResponse:
    """The number as it is; a POST enters one, and has a code texted there."""
    form = _number_form(request, bound=request.method == "POST")
    if not form.is_bound:
        return _page(request, form=form)
    if not setup.is_ready():
        form.add_error("number", setup.why_not())
    if not form.is_valid():
        return _page(request, form=form, status=422)
    try:
        services.enter_number(by=request.member, number=form.cleaned_data["number"], now=timezone.now())
    except services.NumberStopped:
        form.add_error(
            "number", "This number replied STOP to us. Text START to us from it, and enter it again."
        )
        return _page(request, form=form, status=422)
    except LimitReached as reached:
        form.add_error("number", reached.sentence)
        return with_wait(_page(request, form=form), reached)
    messages.success(request, "A text with a code is on its way.")
    return redirect("sms:number")


@require_POST
def confirm(request: MemberRequest) -> HttpResponse:
    """The code that came."""
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _page(request, code_form=form, status=422)
    try:
        services.confirm_number(by=request.member, code=form.cleaned_data["code"], now=timezone.now())
    except services.WrongCode as wrong:
        tries = f"{wrong.tries_left} {'try' if wrong.tries_left == 1 else 'tries'} left"
        form.add_error("code", f"This is not the code that was sent last. {tries}.")
        return _page(request, code_form=form, status=422)
    except services.CodeVoid:
        form.add_error("code", "This code is no longer valid. Have another one sent.")
        return _page(request, code_form=form, status=422)
    messages.success(request, "Confirmed. Workflows can text you from now on.")
    return redirect("sms:number")


@require_POST
def forget(request: MemberRequest) -> HttpResponse:
    """No more texts."""
    services.forget_number(by=request.member, now=timezone.now())
    messages.success(request, "Removed. You get no more texts.")
    return redirect("sms:number")


def _number_form(request: MemberRequest, *, bound: bool = False) -> NumberForm:
    return NumberForm(request.POST if bound else None, region=region_of_zone(request.member.user.timezone))


def _page(
    request: MemberRequest,
    *,
    form: NumberForm | None = None,
    code_form: CodeForm | None = None,
    status: int = 200,
) -> HttpResponse:
    member = request.member
    asked = selectors.host_number(member.workspace_id, member.user_id)
    context = {
        "asked": asked,
        "shown": shown(asked.number) if asked else "",
        "why_not": selectors.why_not(member.workspace_id, asked.number)
        if asked and asked.confirmed_at
        else setup.why_not(),
        "is_ready": setup.is_ready(),
        "form": form or _number_form(request),
        "code_form": code_form or CodeForm(),
        "failed": (form if form and form.errors else None)
        or (code_form if code_form and code_form.errors else None),
        "agreement": own_agreement(member.workspace.name),
    }
    return render(request, "sms/number.html", context, status=status)
