"""Mails and texts that did not go out, for admins: what was given up, and what is still tried."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from workestra.accounts.access import require_admin
from workestra.accounts.http import MemberRequest
from workestra.notifications import selectors, services
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import label_of

SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A message with what its kind is called."""

    message: OutboxMessage
    label: str


@require_safe
def outbox(request: MemberRequest) -> HttpResponse:
    """The latest that were given up, each with its error and a way to try again; and those that struggle."""
    require_admin(request.member)
    dead = selectors.dead_messages(request.member.workspace_id)
    struggling = selectors.struggling_messages(request.member.workspace_id)
    context = {
        "dead": _rows(dead[:SHOWN]),
        "dead_count": dead.count(),
        "struggling": _rows(struggling[:SHOWN]),
        "struggling_count": struggling.count(),
        "zone": ZoneInfo(request.member.user.timezone),
        "now": timezone.now(),
    }
    return render(request, "notifications/outbox.html", context)


@require_POST
def retry(request: MemberRequest, message_id: UUID) -> HttpResponse:
    """Try one again."""
    require_admin(request.member)
    message = OutboxMessage.objects.filter(workspace=request.member.workspace_id, pk=message_id).first()
    if message is None:
        raise Http404("No such message.")
    try:
        services.retry_for(message=message, by=request.member, now=timezone.now())
    except services.NotDead:
        messages.error(request, "This message is not given up: somebody was faster, or it is on its way.")
    else:
        messages.success(request, f"{label_of(message.kind)} to {message.recipient} is tried again.")
    return redirect("notifications:outbox")


@require_POST
def retry_all(request: MemberRequest) -> HttpResponse:
    """Try all of them again."""
    require_admin(request.member)
    count = services.retry_all_for(by=request.member, now=timezone.now())
    messages.success(request, f"{count} message{'' if count == 1 else 's'} tried again.")
    return redirect("notifications:outbox")


def _rows(found: Iterable[OutboxMessage]) -> list[Row]:
    return [Row(message, label_of(message.kind)) for message in found]
