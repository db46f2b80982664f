"""What a host answers to the times his invitees propose."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from bookings.domain.lifecycle import BookingClosed
from one_off import access, services
from one_off.services import proposals
from one_off.views.host import see_other, show_list
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.accounts.http import MemberRequest

ANSWERED = "It was answered already, or another proposal came after it."


@require_POST
def accept(request: MemberRequest, proposal_id: UUID) -> HttpResponse:
    """Book one of the proposed times with one click."""
    now = timezone.now()
    proposal = access.proposal_for(request.member, proposal_id)
    try:
        start = datetime.fromisoformat(request.POST.get("start", ""))
    except ValueError:
        return show_list(request, now, status=422, note="Choose one of the proposed times.")
    try:
        proposals.accept(proposal=proposal, start=start, actor=request.member.user, now=now)
    except services.NotOffered:
        return show_list(request, now, status=422, note="Choose one of the proposed times.")
    except services.SlotPassed:
        return show_list(request, now, status=409, note="That time has passed. Nothing is booked.")
    except SlotTaken:
        return show_list(request, now, status=409, note="You are not free then any more. Nothing is booked.")
    except proposals.ProposalAnswered:
        return show_list(request, now, status=409, note=ANSWERED)
    except (services.OneOffClosed, BookingClosed):
        note = "The meeting was booked, withdrawn or cancelled meanwhile. Nothing is changed."
        return show_list(request, now, status=409, note=note)
    except TryAgain:
        return show_list(request, now, status=503, note="It is not booked yet. Try again.")
    messages.success(request, f"Booked with {proposal.name}, who is being told by mail.")
    return see_other(reverse("one_off:list"))


@require_POST
def decline(request: MemberRequest, proposal_id: UUID) -> HttpResponse:
    """Say that none of the proposed times suits."""
    now = timezone.now()
    proposal = access.proposal_for(request.member, proposal_id)
    try:
        proposals.decline(proposal=proposal, actor=request.member.user, now=now)
    except proposals.ProposalAnswered:
        return show_list(request, now, status=409, note=ANSWERED)
    messages.success(request, f"Declined. {proposal.name} is being told by mail.")
    return see_other(reverse("one_off:list"))
