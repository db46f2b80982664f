"""What a member was told in the product, and how he wants to be told."""

from typing import Final
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from workestra.accounts.http import MemberRequest
from workestra.notifications import selectors, services
from workestra.notifications.forms import ChannelsForm
from workestra.notifications.unread import unread_words

BRIEFING: Final = "briefing"


@require_http_methods(["GET", "POST"])
def notices(request: MemberRequest) -> HttpResponse:
    """The latest notices; a POST says how the member wants to be briefed."""
    member = request.member
    chosen = selectors.channels_of([member.user_id], member.workspace_id, BRIEFING)[member.user_id]
    form = ChannelsForm(request.POST if request.method == "POST" else None, chosen=chosen)
    if form.is_bound and form.is_valid():
        services.choose_channels(member=member, kind=BRIEFING, **form.cleaned_data)
        messages.success(request, "Saved. It counts from the next briefing on.")
        return redirect("notifications:notices")
    found = selectors.notices_of(member.user_id, member.workspace_id)
    context = {
        "notices": found,
        "unread": unread_words(selectors.unread_of(member.user_id, member.workspace_id)),
        "form": form,
        "zone": ZoneInfo(member.user.timezone),
        "now": timezone.now(),
    }
    return render(request, "notifications/notices.html", context, status=422 if form.is_bound else 200)


@require_POST
def read(request: MemberRequest) -> HttpResponse:
    """They are all read."""
    services.mark_read(member=request.member, now=timezone.now())
    return redirect("notifications:notices")
