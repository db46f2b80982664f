"""The request as views of signed-in people see it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from workestra.accounts.models import Membership


class MemberRequest(HttpRequest):
    """A request of a signed-in member; `MemberMiddleware` sets `member` before any view that needs sign-in runs."""

    member: Membership
    htmx: HtmxDetails
