"""What Twilio tells: what becomes of our texts, and what people answer to them.

Nobody signs in here and no form is sent: each request is proven by Twilio's signature over its address and contents
(https://www.twilio.com/docs/usage/security), which is why these two addresses need no CSRF token. The address is taken
from SITE_URL, whatever a proxy makes of it.
"""

import re
from collections.abc import Callable
from functools import wraps
from hmac import compare_digest
from typing import Concatenate, Final, ParamSpec
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator, add_port, remove_port
from twilio.twiml.messaging_response import MessagingResponse

from workestra.sms import services
from workestra.sms.domain.words import answer_to, keyword_in

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_SID: Final = re.compile(r"(?:SM|MM)[0-9a-f]{32}")

_P = ParamSpec("_P")


def signed_by_twilio(
    view: Callable[Concatenate[HttpRequest, _P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, _P], HttpResponse]:
    """Only with a signature that the account's token makes; else 403, and nothing is read or written."""

    @csrf_exempt  # See the top of the file.
    @login_not_required
    @require_POST
    @wraps(view)
    def proven(request: HttpRequest, /, *args: _P.args, **more: _P.kwargs) -> HttpResponse:
        if not _is_signed(request):
            return HttpResponse(status=403)
        return view(request, *args, **more)

    return proven


@signed_by_twilio
def inbound(request: HttpRequest) -> HttpResponse:
    """Somebody texts us: STOP, START, HELP and their like, in TwiML. Anything else is not answered."""
    number, sid = request.POST.get("From", ""), request.POST.get("MessageSid", "")
    keyword = keyword_in(request.POST.get("Body", "")[:1600])
    answer = MessagingResponse()
    if keyword and _NUMBER.fullmatch(number) and _SID.fullmatch(sid):
        services.hear(number=number, keyword=keyword, sid=sid, now=timezone.now())
        # With Advanced Opt-Out Twilio has answered already, and says so.
        if not request.POST.get("OptOutType"):
            answer.message(answer_to(keyword, contact=settings.SITE_URL))
    return HttpResponse(str(answer), content_type="text/xml; charset=utf-8")


@signed_by_twilio
def status(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """A text of ours has come further, or not: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status"""
    sid = request.POST.get("MessageSid", "")
    known = bool(_SID.fullmatch(sid)) and services.note_status(
        message_id=message_id,
        sid=sid,
        status=request.POST.get("MessageStatus", ""),
        error_code=request.POST.get("ErrorCode", "")[:10].replace("\0", ""),
        now=timezone.now(),
    )
    return HttpResponse(status=204 if known else 404)


def _is_signed(request: HttpRequest) -> bool:
    if not settings.TWILIO_AUTH_TOKEN:
        return False
    validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
    address = urlsplit(f"{settings.SITE_URL}{request.get_full_path()}")
    sent = request.headers.get("X-Twilio-Signature", "").encode()
    # With and without the port, which Twilio signs as it pleases. Both are always computed.
    right = [
        compare_digest(validator.compute_signature(url, request.POST).encode(), sent)
        for url in (add_port(address), remove_port(address))
    ]
    return any(right)
