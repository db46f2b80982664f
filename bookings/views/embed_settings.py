"""How to put a booking page into a website: the lines to copy, a preview, and which websites may."""

from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.views.decorators.http import require_http_methods

from bookings.forms.embed import EmbedForm
from scheduling import access
from scheduling.models import BookingLink
from scheduling.services import links as service
from workestra.accounts.http import MemberRequest


@require_http_methods(["GET", "POST"])
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type]  # As if views took a request and nothing else.
def embed_settings(request: MemberRequest, link_id: UUID) -> HttpResponse:
    """For the link's owner."""
    link = access.own_link(request.member, link_id)
    form = EmbedForm(initial={"embed_origins": "\n".join(link.embed_origins)})
    if request.method == "POST":
        form = EmbedForm(request.POST)
        if form.is_valid():
            try:
                service.update_link(
                    link_id=link.pk,
                    by=request.member,
                    values={},
                    embed_origins=form.cleaned_data["embed_origins"],
                    now=timezone.now(),
                )
            except BookingLink.DoesNotExist as gone:
                raise Http404("This link was deleted a moment ago.") from gone
            messages.success(request, "The websites are saved.")
            return redirect("bookings:embed_settings", link.pk)
    context = {"link": link, "form": form, "snippet": _snippet(link)}
    return render(request, "bookings/embed_settings.html", context, status=422 if form.errors else 200)


def _snippet(link: BookingLink) -> str:
    """What goes into the other website's page. Without scripts there is a plain link in it."""
    url = f"{settings.SITE_URL}{reverse('bookings:book', args=[link.slug])}"
    # The name without the hash: the lines stand in other people's pages for years.
    script = f"{settings.SITE_URL}{settings.STATIC_URL}js/embed.js"
    title = escape(f"Book {link.title}")
    return (
        f'<div data-workestra="{url}" data-title="{title}"><a href="{url}">{title}</a></div>\n'
        f'<script src="{script}" async></script>'
    )
