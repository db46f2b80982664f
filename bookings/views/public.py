"""The booking page `/book/<slug>`: choose a time, give your details."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpResponse, HttpResponsePermanentRedirect, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from bookings import selectors
from bookings.domain import month as months
from bookings.domain.locations import Location, location_before
from bookings.forms.public import DetailsForm, file_keys, prefill_keys, prefilled
from bookings.models import Attendee, Booking
from bookings.selectors.texts import texts_offered
from bookings.services import allowance, answer_files
from bookings.services import booking as service
from bookings.views.picker import (
    BadAddress,
    BookerRequest,
    Host,
    Meeting,
    Time,
    nonce_of,
    picker_for,
    seats_left,
    start_of,
    zone_for,
    zone_list,
)
from scheduling import live
from scheduling import selectors as scheduling
from scheduling.domain.reasons import Told, told_to_booker
from scheduling.models import BookingLink
from scheduling.selectors.times import hosts_in_order, verdict_on
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.limits import services as limits
from workestra.limits.http import too_often, visitor, with_wait
from workestra.limits.services import LimitReached

OFFERED_INSTEAD: Final = 6
LONGEST_CARRIED: Final = 500


@dataclass(frozen=True, slots=True)
class Near:
    """A time offered in place of a lost one, and where it lies from there."""

    time: Time
    distance: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The page is shown inside somebody else's. `parent` is that page's origin where it is known, else "".

    There are no cookies in it, so what would be in one is in its addresses.
    """

    parent: str
    clock: str

    @property
    def carried(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in (("origin", self.parent), ("clock", self.clock)) if value]


@dataclass(frozen=True, slots=True)
class Page:
    """What every page of a link prints, and what its addresses carry along."""

    link: BookingLink
    host: Host
    zone: ZoneInfo
    location: Location
    carried: list[tuple[str, str]]
    frame: Frame | None = None

    def meeting(self, start: datetime) -> Meeting:
        return Meeting(start, start + timedelta(minutes=self.link.duration_minutes), self.zone, self.host)

    def context(self) -> dict[str, Any]:
        return {
            "link": self.link,
            "org": self.link.workspace,
            "host": self.host,
            "zone": self.zone,
            "location": self.location,
            "carried": self.carried,
            "frame": self.frame,
            "shell": "base_frame.html" if self.frame else "base_public.html",
            "book_url": self.address("book"),
            "details_url": self.address("details"),
            **({"clock": self.frame.clock or "24"} if self.frame else {}),
        }

    def address(self, view: str) -> str:
        return reverse(f"bookings:embed_{view}" if self.frame else f"bookings:{view}", args=[self.link.slug])


class Moved(Exception):
    """The link has another address by now."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


def booker_page(
    view: Callable[[BookerRequest, str], HttpResponse],
) -> Callable[[BookerRequest, str], HttpResponse]:
    """A view that needs no sign-in; an address that cannot be read gets a page that says so (400), and so
    does whoever asks too often (429).

    An address that its link has left behind leads to the new one (301), with the same query.
    """

    # Compressed here, for phones, and only here: the one secret in these pages, the form's token, is masked anew in
    # each, and Django pads them (BREACH).
    @login_not_required
    @gzip_page
    @wraps(view)
    def page(request: BookerRequest, slug: str) -> HttpResponse:
        try:
            response = view(request, slug)
        except BadAddress as error:
            response = render(
                request, "bookings/bad_address.html", {"reason": str(error), "path": request.path}, status=400
            )
        except LimitReached as reached:
            response = too_often(request, reached)
        except Moved as moved:
            assert request.resolver_match is not None
            address = reverse(request.resolver_match.view_name, args=[moved.slug])
            query = request.META.get("QUERY_STRING", "")
            response = HttpResponsePermanentRedirect(f"{address}?{query}" if query else address)
        # Not no-store: going back shows the form again with what was typed, and with its number.
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return page


@require_safe
@vary_on_headers("HX-Request")
@booker_page
def book(request: BookerRequest, slug: str) -> HttpResponse:
    """Choose a time. `month`, `date`, `start` and `tz` are in the address; so may be answers to fill in later."""
    return choose(request, page_of(request, link_of(request, slug), request.GET), timezone.now())


def choose(request: BookerRequest, page: Page, now: datetime) -> HttpResponse:
    """The month, the times of a day, and what is chosen; of these only what htmx asks for."""
    if request.htmx and request.htmx.target in {"bar", "chosen"}:
        return _chosen(request, page)
    limits.spend("times", visitor(request))
    if page.link.is_paused and not request.htmx:
        return _paused(request, page)
    picker = picker_for(
        request,
        link=page.link,
        host=page.host,
        zone=page.zone,
        carried=page.carried,
        now=now,
        path=request.path,
        query=request.GET,
    )
    context = page.context() | {"picker": picker, "chosen": picker.chosen}
    if request.htmx and not request.htmx.history_restore_request:
        if zones := zone_list(request, picker):
            return zones
        told = {"target": request.htmx.target, "trigger": request.htmx.trigger_name}
        return render(request, "bookings/book.html#fragments", context | told)
    return render(request, "bookings/book.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@booker_page
def details(request: BookerRequest, slug: str) -> HttpResponse:
    """The booker's details for `start`, and the booking itself."""
    typed = request.POST if request.method == "POST" else request.GET
    return give_details(request, page_of(request, link_of(request, slug), typed), timezone.now())


def give_details(request: BookerRequest, page: Page, now: datetime) -> HttpResponse:
    """The form for `start`; sent, it books."""
    typed = request.POST if request.method == "POST" else request.GET
    if not typed.get("start"):
        return redirect(f"{page.address('book')}?{_query(page)}")
    start = start_of(typed["start"])
    if request.method == "POST":
        return _book(request, page, start, now)
    limits.spend("times", visitor(request))
    if page.link.is_paused:
        return _paused(request, page)
    initial = prefilled(page.link, request.GET)
    form = DetailsForm(
        link=page.link, reader=page.host.first, now=now, initial=initial, texts=texts_offered(page.link)
    )
    verdict = verdict_on(page.link, start, now)
    if not verdict.offered:
        return _conflict(request, page, form, start, uuid4(), now)
    return _details(request, page, form, start, uuid4(), seats=seats_left(page.link, verdict.seats_taken))


def _paused(request: BookerRequest, page: Page) -> HttpResponse:
    """What stands in place of the times while the link takes no bookings."""
    return render(request, "bookings/paused.html", page.context())


def _book(request: BookerRequest, page: Page, start: datetime, now: datetime) -> HttpResponse:
    nonce = nonce_of(request.POST.get("nonce", ""))
    try:
        # Before the files are looked at: that is the dear part.
        limits.spend("bookings", visitor(request))
    except LimitReached as reached:
        form = DetailsForm(
            request.POST,
            link=page.link,
            reader=page.host.first,
            now=now,
            kept=_kept(request, page),
            texts=texts_offered(page.link),
        )
        return with_wait(_details(request, page, form, start, nonce, wait=reached), reached)
    form = _sent_form(request, page, now)
    if not form.is_valid():
        return _details(request, page, form, start, nonce, status=422)
    try:
        attendee = _book_once(page, start, form.booker(page.zone.key), nonce, now)
    except SlotTaken:
        return _conflict(request, page, form, start, nonce, now)
    except LimitReached as reached:
        form.add_error("guests" if reached.limit == "mails_to_guests" else "email", reached.sentence)
        return with_wait(_details(request, page, form, start, nonce), reached)
    except TryAgain:
        response = _details(request, page, form, start, nonce, status=503, busy=True)
        response["Retry-After"] = "2"
        return response
    if page.frame:
        return HttpResponseRedirect(done_in_frame(page, attendee.booking), status=303)
    token = selectors.manage_token(attendee)
    if token is None:
        # A form of long ago, sent once more after the installation's key was replaced.
        raise Http404
    return HttpResponseRedirect(
        reverse("bookings:confirmed", args=[attendee.booking.page_slug, token]), status=303
    )


def _sent_form(request: BookerRequest, page: Page, now: datetime) -> DetailsForm:
    """The form as it was sent. Its files are kept from now on, also when it is refused or its time is lost."""
    form = DetailsForm(
        request.POST,
        files=request.FILES,
        link=page.link,
        reader=page.host.first,
        now=now,
        kept=_kept(request, page),
        texts=texts_offered(page.link),
    )
    for question, upload in form.uploads.items():
        try:
            form.keep(question, answer_files.keep(link=page.link, question=question, upload=upload, now=now))
        except answer_files.NotKept:
            form.keep(question, None)
    return form


def _kept(request: BookerRequest, page: Page) -> Mapping[str, selectors.PendingFile]:
    """The files that were sent before, by question."""
    return selectors.pending_files(page.link, file_keys(page.link, request.POST))


def _book_once(page: Page, start: datetime, booker: service.Booker, nonce: UUID, now: datetime) -> Attendee:
    """Raises what booking raises, and LimitReached."""
    made = service.booked_before(link=page.link, start=start, booker=booker, nonce=nonce)
    if made is not None:
        return made
    live.look_again(page.link, start, now, hosts=hosts_in_order(page.link))
    with allowance.counted([booker.email, *booker.guests], page.link.pk):
        return service.book(link=page.link, start=start, booker=booker, nonce=nonce, now=now)


DONE: Final = "what was booked in a frame"
"""The salt of its signature."""


def done_in_frame(page: Page, booking: Booking) -> str:
    """Where a frame goes once it has booked. The address says what was booked, signed, and nothing that opens it."""
    told = signing.dumps([booking.starts_at.isoformat(), booking.host.first_name], salt=DONE)
    carried = page.frame.carried if page.frame else []
    return f"{page.address('done')}?{urlencode([('tz', page.zone.key), ('booked', told), *carried])}"


def link_of(request: BookerRequest, slug: str) -> BookingLink:
    """Raises Http404 for an unknown slug; Moved for an old one."""
    link = scheduling.public_link(slug)
    if link is None:
        moved = scheduling.moved_slug(slug)
        if moved and request.method in {"GET", "HEAD"}:
            raise Moved(moved)
        # Nobody's form is lost because the address changed while it was filled in.
        link = scheduling.public_link(moved) if moved else None
        if link is None:
            raise Http404
    return link


def page_of(
    request: BookerRequest, link: BookingLink, typed: Mapping[str, str], *, is_framed: bool = False
) -> Page:
    """Raises BadAddress for a zone that does not exist."""
    zone = zone_for(request, typed, link.zone)
    host = Host.of_link(link)
    carried = [
        (key, typed[key][:LONGEST_CARRIED])
        for key in prefill_keys(link)
        if request.method != "POST" and typed.get(key)
    ]
    if typed.get("tz"):
        carried.insert(0, ("tz", zone.key))
    frame = _frame_of(link, typed) if is_framed else None
    if frame:
        carried += frame.carried
    location = location_before(link.location_type, link.location_detail, host.first)
    return Page(link, host, zone, location, carried, frame)


def _frame_of(link: BookingLink, typed: Mapping[str, str]) -> Frame:
    origin, clock = typed.get("origin", ""), typed.get("clock", "")
    known = link.embed_origins
    if origin not in known:
        origin = known[0] if len(known) == 1 else ""
    return Frame(origin, clock if clock in {"12", "24"} else "")


def _query(page: Page, **more: str) -> str:
    return urlencode([*page.carried, *more.items()])


def _chosen(request: BookerRequest, page: Page) -> HttpResponse:
    """What the page says of a start somebody has just ticked. Whether it is offered is asked when he goes on."""
    context = page.context() | {"chosen": page.meeting(start_of(request.GET.get("start", "")))}
    if request.htmx.target == "chosen":
        return render(request, "bookings/conflict.html#chosen", context)
    return render(request, "bookings/book.html#chosen-fragments", context | {"target": "bar"})


def _details(
    request: BookerRequest,
    page: Page,
    form: DetailsForm,
    start: datetime,
    nonce: UUID,
    *,
    status: int = 200,
    busy: bool = False,
    wait: LimitReached | None = None,
    seats: str = "",
) -> HttpResponse:
    meeting = page.meeting(start)
    context = page.context() | {
        "form": form,
        "meeting": meeting,
        "nonce": nonce,
        "busy": busy,
        "wait": wait,
        "seats": seats,
        "back": _query(page, date=f"{start.astimezone(page.zone):%Y-%m-%d}", start=meeting.value),
    }
    return render(request, "bookings/details.html", context, status=status)


def _conflict(
    request: BookerRequest, page: Page, form: DetailsForm, start: datetime, nonce: UUID, now: datetime
) -> HttpResponse:
    """The nearest free times, with the form as it was filled in."""
    link, zone = page.link, page.zone
    free = months.around(start, selectors.starts_near(link, start, now), zone, OFFERED_INSTEAD)
    length = timedelta(minutes=link.duration_minutes)
    nears = [
        Near(
            Time(near, near + length, zone, page.host, is_chosen=near == free[0]),
            months.how_far(near, start, zone),
        )
        for near in free
    ]
    verdict = verdict_on(link, start, now)
    told = told_to_booker(verdict.reasons, start, now, is_offered=verdict.offered)
    context = page.context() | {
        "form": form,
        "lost": page.meeting(start),
        "nears": nears,
        "chosen": nears[0].time if nears else None,
        "nonce": nonce,
        "told": told,
        "is_taken": told is Told.TAKEN,
        "back": _query(page, date=f"{start.astimezone(zone):%Y-%m-%d}"),
    }
    return render(request, "bookings/conflict.html", context, status=409)
