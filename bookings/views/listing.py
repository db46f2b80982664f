"""The list around whatever is done in the console: what the address asks for, and the answers that fit into it.

Every address below the list's carries the list's own query, so that its answer fits the list it is swapped into, and
a page without JavaScript returns to it.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.views.decorators.http import require_POST
from django_htmx.http import reswap, retarget

from bookings import access
from bookings.domain.bulk import Action
from bookings.domain.console import Place, Tab, counted, counted_words
from bookings.models import Booking
from bookings.selectors import console as selectors
from bookings.views.filters import asked_tab, is_filtered, is_own, kept_of, list_url, query_of, query_string
from bookings.views.rows import Permissions, days_of, drawer_of
from scheduling.models import BookingLink
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission, Scope
from workestra.accounts.http import MemberRequest

PAGE: Final = "bookings/console.html"
DRAWER: Final = "bookings/_drawer.html"


def list_context(
    request: MemberRequest, now: datetime, *, opened: Booking | None = None, **drawer_extra: Any
) -> dict[str, Any]:
    """Context of the page. `opened` is the booking whose drawer is to be shown; without it the address says which."""
    reach = require(request.member, Permission.VIEW)
    lost = False
    wanted = opened
    if wanted is None and "open" in request.GET:
        wanted = _named(request, request.GET["open"])
        lost = wanted is None
    home = selectors.tab_of(wanted, now) if wanted else Tab.UPCOMING
    tab = asked_tab(request) or home
    workspace = request.member.workspace
    query = selectors.narrowed(workspace, query_of(request, tab, reach))
    place = Place.parse(request.GET.get("after", ""))
    bookings, after = selectors.page_of(selectors.listed(workspace, query, now), tab, place)
    is_elsewhere = opened is None and wanted is not None and home is not tab
    if wanted is not None and not is_elsewhere and wanted not in bookings:
        bookings = [wanted, *bookings]
    latest = selectors.latest_of(workspace, bookings) if tab is Tab.RESCHEDULED else {}
    moves = selectors.times_moved(workspace, bookings) if tab in {Tab.UPCOMING, Tab.RESCHEDULED} else {}
    offers = selectors.times_offered(bookings, now) if tab is Tab.UPCOMING and bookings else {}
    may = Permissions(request)
    rows = [
        may.row(
            booking,
            now,
            latest.get(booking.series_id),
            moves.get(booking.series_id, 0),
            offers.get(booking.pk, 0),
        )
        for booking in bookings
    ]
    counts = selectors.counts(workspace, query, now)
    sees_others = reach is None or set(reach) != {request.member.user_id}
    only_mine = is_own(request)
    kept = kept_of(request) | {"tab": tab.value}
    is_shown = wanted is not None and not is_elsewhere
    return {
        "now": now,
        "tab": tab,
        "tabs": [
            (
                each,
                counts[each] and counted(counts[each], query.most_counted),
                list_url(request, tab=each.value, after=""),
            )
            for each in counts
        ],
        "count": counts[tab],
        "said": counted_words(counts[tab], "booking", query.most_counted),
        "counted": counted_words(counts[tab], "booking", query.most_counted),
        "query": query,
        "asked": request.GET,
        "options": SimpleLazyObject(lambda: selectors.options_for(request.member, reach)),
        "strategies": BookingLink.Strategy.choices,
        "is_filtered": is_filtered(request),
        "bulk_urls": [
            (
                each,
                reverse("bookings:bulk", args=[each.value]) + query_string(request, tab=tab.value, after=""),
            )
            for each in Action
            if each.tab is tab and request.member.scope_of(each.permission) is not None
        ],
        "export_url": reverse("bookings:export") + query_string(request, tab=tab.value, after=""),
        "only_mine": only_mine,
        "is_only_me": query.host_ids == frozenset({request.member.user_id}),
        "has_further": selectors.has_further(workspace, query, now),
        "further_url": list_url(request, tab=tab.value, after="", further="" if query.with_further else "1"),
        "sees_others": sees_others,
        "others": "Everyone" if reach is None else "Team",
        "whose": _whose(request, sees_others and not only_mine),
        "marks": selectors.marks(workspace, query, now) if tab is Tab.PAST else None,
        "rows": rows,
        "days": [] if tab.is_over else days_of(rows, tab, now, is_first_page=place is None),
        "kept": kept,
        "list_query": urlencode(kept),
        "list_url": list_url(request, tab=tab.value),
        "next_url": list_url(request, tab=tab.value, after=str(after)) if after else None,
        "clear_url": f"{reverse('bookings:console')}?{urlencode({'tab': tab.value})}",
        "opened": wanted if is_shown else None,
        "drawer": drawer_of(request, wanted, now, **drawer_extra) if wanted and is_shown else None,
        "is_lost": lost,
        "elsewhere": (wanted, home, list_url(request, tab=home.value, after="", open=str(wanted.pk)))
        if wanted and is_elsewhere
        else None,
    }


def _named(request: MemberRequest, text: str) -> Booking | None:
    """The booking an address names, if there is one that the member may see."""
    try:
        return access.booking_for(request.member, UUID(text))
    except (ValueError, Http404):
        return None


def place_of(booking: Booking) -> tuple[datetime, UUID]:
    """What upcoming bookings are ordered by."""
    return booking.starts_at, booking.pk


def _whose(request: MemberRequest, others: bool) -> str:
    """Whose bookings the list shows: "Yours", "Sales EMEA and Americas", "Everyone in Larkhill"."""
    if not others:
        return "Yours"
    if request.member.scope_of(Permission.VIEW) is Scope.ALL:
        return f"Everyone in {request.member.workspace.name}"
    *most, last = selectors.group_names(request.member)
    return f"{', '.join(most)} and {last}" if most else last


def drawer_response(
    request: MemberRequest, booking: Booking, now: datetime, status: int = 200, **extra: Any
) -> HttpResponse:
    kept = kept_of(request)
    context = {
        "d": drawer_of(request, booking, now, **extra),
        "kept": kept,
        "list_query": urlencode(kept),
    }
    return render(request, DRAWER, context, status=status)


def found(request: MemberRequest, context: dict[str, Any]) -> HttpResponse:
    """The list in place of the one that htmx acted from."""
    response = render(request, f"{PAGE}#found", context)
    response["HX-Replace-Url"] = context["list_url"]
    return reswap(retarget(response, "#list"), "outerHTML")


def answer_with_drawer(
    request: MemberRequest, booking: Booking, now: datetime, status: int = 200, **extra: Any
) -> HttpResponse:
    if request.htmx:
        return drawer_response(request, booking, now, status, **extra)
    context = list_context(request, now, opened=booking, **extra)
    return render(request, PAGE, context, status=status)


def on_booking(
    permission: Permission,
) -> Callable[[Callable[[MemberRequest, Booking, datetime], HttpResponse]], Callable[..., HttpResponse]]:
    """A POST that changes a booking: the view gets the booking, as far as the member may do this to it, and the time.

    A booking that is no longer there, or no longer his to see, is answered with `gone`.
    """

    def decorate(
        view: Callable[[MemberRequest, Booking, datetime], HttpResponse],
    ) -> Callable[..., HttpResponse]:
        @require_POST
        @wraps(view)
        def answer(request: MemberRequest, booking_id: UUID) -> HttpResponse:
            try:
                booking = access.booking_for(request.member, booking_id, permission)
            except Http404:
                return gone(request)
            return view(request, booking, timezone.now())

        return answer

    return decorate


def gone(request: MemberRequest, target: str = "closest .drawer") -> HttpResponse:
    """The answer about a booking that is no longer there, or no longer the member's to see.

    It takes the place of the row's drawer or of the buttons that mark an attendee. Raises: Http404 without htmx.
    """
    if not request.htmx:
        raise Http404("No such booking.")
    what = "mark" if target.startswith("#mark") else "drawer"
    response = render(request, "bookings/_gone.html", {"what": what}, status=404)
    return reswap(retarget(response, target), "outerHTML")


def to_list(request: MemberRequest, booking: Booking) -> HttpResponse:
    """Back to the list, at the booking's row."""
    address = f"{list_url(request)}#b-{booking.pk}"
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)
