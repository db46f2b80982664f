"""Reads for the console's list: which bookings a query asks for, page by page, and how many there are."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from bookings.domain.console import MOST_FOUND, PAGE_SIZE, RECENT, Marks, Place, Query, Tab
from bookings.models import Alternatives, AlternativeTime, Attendee, Booking
from scheduling.models import BookingLink
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership, Workspace

MOST_OPTIONS: Final = 200
MOST_LINKS: Final = 5_000
FEW: Final = 1_000
"""So many bookings are found faster by their ids than by going through a list."""
SMALL: Final = 20_000
"""Lists of so many bookings are gone through faster than what a common word finds in a whole installation."""


def listed(workspace: Workspace, query: Query, now: datetime) -> QuerySet[Booking]:
    """The bookings a query asks for, with hosts and attendees: upcoming ones soonest first, all others newest first.

    Newest means the latest start for past ones, and the latest to end for cancelled and rescheduled ones.
    """
    by = _ordered_by(query.tab)
    order = [f"-{by}", "-id"] if query.tab.newest_first else [by, "id"]
    bookings = _matching(workspace, query).filter(_in_tab(query, now))
    whole = bookings.select_related("host").prefetch_related(
        Prefetch("attendees", Attendee.objects.select_related("person")), "co_hosts"
    )
    return whole.order_by(*order)


def page_of(bookings: QuerySet[Booking], tab: Tab, after: Place | None) -> tuple[list[Booking], Place | None]:
    """One page of a list behind a place, and the place of the next page (None on the last one)."""
    by = _ordered_by(tab)
    if after is not None:
        way = "lt" if tab.newest_first else "gt"
        # The first condition follows from the others, but only it tells PostgreSQL where in the index to begin.
        bookings = bookings.filter(
            Q(**{f"{by}__{way}e": after.at}),
            Q(**{f"{by}__{way}": after.at}) | Q(**{by: after.at, f"id__{way}": after.booking_id}),
        )
    rows = list(bookings[: PAGE_SIZE + 1])
    page = rows[:PAGE_SIZE]
    return page, Place(getattr(page[-1], by), page[-1].pk) if len(rows) > PAGE_SIZE else None


def counts(workspace: Workspace, query: Query, now: datetime) -> dict[Tab, int]:
    """How many bookings each tab has with this query, `query.most_counted` at the most. One query a tab."""
    # Without an order, which PostgreSQL would begin to sort by before it has counted enough.
    found = _matching(workspace, query).order_by()
    return {
        tab: found.filter(_in_tab(replace(query, tab=tab), now))[: query.most_counted].count() for tab in Tab
    }


def has_further(workspace: Workspace, query: Query, now: datetime) -> bool:
    """Whether the query's hosts are further hosts of bookings in its tab that are assigned to somebody else."""
    if query.host_ids is None:
        return False
    beside = _matching(workspace, replace(query, host_ids=None)).filter(
        _in_tab(query, now), _beside(query.host_ids)
    )
    return beside.exclude(host_id__in=query.host_ids).exists()


def marks(workspace: Workspace, query: Query, now: datetime) -> Marks:
    """Who came to the meetings of the last seven days, of these hosts and matching these words.

    With words that many bookings match, to the latest `MOST_FOUND` of them: each in the list has to be looked at.
    """
    recent = _matching(workspace, query).filter(
        status=Booking.Status.CONFIRMED, starts_at__gt=now - RECENT, starts_at__lte=now
    )
    latest = MOST_FOUND if query.words and query.booking_ids is None else None
    if latest is not None:
        recent = recent.order_by("-starts_at", "-id")[:latest]
    totals = recent.aggregate(
        **{state.name: Count("pk", filter=Q(no_show_status=state)) for state in Booking.Attendance}
    )
    return Marks(totals["ATTENDED"], totals["NO_SHOW"], totals["UNMARKED"], latest)


def tab_of(booking: Booking, now: datetime) -> Tab:
    """The one tab the booking is listed in."""
    match booking.status:
        case Booking.Status.CANCELLED:
            return Tab.CANCELLED
        case Booking.Status.RESCHEDULED:
            return Tab.RESCHEDULED
        case _:
            return Tab.PAST if booking.is_past(now) else Tab.UPCOMING


def latest_of(workspace: Workspace, bookings: Collection[Booking]) -> dict[UUID, Booking]:
    """For each series that one of the bookings is of, where it stands now: its last row, by series id."""
    rows = (
        Booking.objects.filter(workspace=workspace, series_id__in={booking.series_id for booking in bookings})
        .order_by("series_id", "-ics_sequence", "-created_at")
        .distinct("series_id")
    )
    return {row.series_id: row for row in rows}


def times_moved(workspace: Workspace, bookings: Collection[Booking]) -> dict[UUID, int]:
    """How often each of these bookings has moved, by series id; series that never have are left out."""
    moved = Booking.objects.filter(
        workspace=workspace,
        series_id__in={booking.series_id for booking in bookings},
        status=Booking.Status.RESCHEDULED,
    )
    return dict(moved.order_by().values_list("series_id").annotate(Count("pk")))


def times_offered(bookings: Collection[Booking], now: datetime) -> dict[UUID, int]:
    """How many other times the booker of each can pick from now, by booking; without any it is left out. One query."""
    times = AlternativeTime.objects.filter(
        alternatives__booking__in=[booking.pk for booking in bookings],
        alternatives__state=Alternatives.State.OPEN,
        alternatives__expires_at__gt=now,
    )
    return dict(times.order_by().values_list("alternatives__booking").annotate(Count("pk")))


def group_names(member: Membership) -> list[str]:
    """The groups the member is in, by name."""
    return list(member.groups.order_by("name").values_list("name", flat=True))


def narrowed(workspace: Workspace, query: Query) -> Query:
    """The query, with what its words are found in: no list is read through for a word that few bookings have.

    What many bookings match is met soon in any list. Two queries a word and one more, whatever the number of bookings.
    """
    few: set[UUID] | None = None
    untitled: set[str] = set()
    everywhere = bool(query.words) and _is_small(workspace)
    for word in query.words.split():
        titled = Booking.objects.filter(workspace=workspace, title__icontains=word).order_by()
        # Attendees are found by their words alone, in all workspaces at once. Of a small one it is not asked which of
        # them are its own: that would read every match there is, where the first thousand say that it is common.
        named = _named(word) if everywhere else _named(word).filter(booking__workspace=workspace)
        named = named.order_by()
        titles = set(titled.values_list("pk", flat=True)[: FEW + 1])
        if not titles:
            untitled.add(word)
        found = titles.union(named.values_list("booking_id", flat=True)[: FEW + 1])
        if len(found) <= FEW and (few is None or len(found) < len(few)):
            few = found
    return replace(query, booking_ids=None if few is None else frozenset(few), untitled=frozenset(untitled))


def _is_small(workspace: Workspace) -> bool:
    return Booking.objects.filter(workspace=workspace).order_by()[: SMALL + 1].count() <= SMALL


@dataclass(frozen=True, slots=True)
class Options:
    """What the list can be narrowed to, each with its name, in order of names; at most 200 of a kind."""

    links: list[tuple[UUID, str]]
    templates: list[tuple[UUID, str]]
    hosts: list[tuple[UUID, str]]


def options_for(member: Membership, reach: Collection[UUID] | None) -> Options:
    """The links and hosts whose bookings the member sees, and the templates of these links. Two queries.

    `reach` are the users whose bookings he sees; None is everybody. Links of templates are found by their template.
    """
    links = BookingLink.objects.filter(workspace=member.workspace)
    members = accounts.active_members(member.workspace)
    if reach is not None:
        links = links.filter(hosts__user__in=reach).distinct()
        members = members.filter(user__in=reach)
    columns = ("pk", "title", "owner__name", "managed_event_template", "managed_event_template__title")
    found = list(links.order_by("title", "slug").values_list(*columns)[:MOST_LINKS])
    own = [(pk, title, owner) for pk, title, owner, template, _ in found if not template]
    titles = [title for _, title, _ in own]
    return Options(
        links=[(pk, f"{title}, {owner}" if titles.count(title) > 1 else title) for pk, title, owner in own][
            :MOST_OPTIONS
        ],
        templates=list({template: title for *_, template, title in found if template}.items())[:MOST_OPTIONS],
        hosts=list(members.values_list("user_id", "user__name")[:MOST_OPTIONS]),
    )


def _matching(workspace: Workspace, query: Query) -> QuerySet[Booking]:
    bookings = Booking.objects.filter(workspace=workspace)
    if query.link_id is not None:
        bookings = bookings.filter(link=query.link_id)
    if query.template_id is not None:
        bookings = bookings.filter(link__managed_event_template=query.template_id)
    if query.strategy:
        bookings = bookings.filter(strategy=query.strategy)
    if query.since is not None:
        bookings = bookings.filter(starts_at__gte=query.since)
    if query.until is not None:
        bookings = bookings.filter(starts_at__lt=query.until)
    if query.host_ids is not None:
        assigned = Q(host_id__in=query.host_ids)
        bookings = bookings.filter(assigned | _beside(query.host_ids) if query.with_further else assigned)
    if query.booking_ids is not None:
        bookings = bookings.filter(pk__in=query.booking_ids)
    for word in query.words.split():
        named = _named(word).filter(booking=OuterRef("pk"))
        # Where nothing else is asked for, PostgreSQL goes through the list and looks up each booking's attendees.
        in_title = Q() if word in query.untitled else Q(title__icontains=word)
        bookings = bookings.filter(in_title | Q(Exists(named)))
    return bookings


def _beside(host_ids: Collection[UUID]) -> Q:
    """Of bookings: those that have one of these users as a further host."""
    return Q(Exists(Booking.co_hosts.through.objects.filter(booking_id=OuterRef("pk"), user_id__in=host_ids)))


def _named(word: str) -> QuerySet[Attendee]:
    return Attendee.objects.filter(Q(name__icontains=word) | Q(email__icontains=word))


def _in_tab(query: Query, now: datetime) -> Q:
    match query.tab:
        case Tab.UPCOMING:
            return Q(status=Booking.Status.CONFIRMED, starts_at__gt=now)
        case Tab.PAST:
            past = Q(status=Booking.Status.CONFIRMED, starts_at__lte=now)
            if query.only_to_mark:
                return past & Q(no_show_status=Booking.Attendance.UNMARKED)
            return past & Q(no_show_status=query.attendance) if query.attendance else past
        case Tab.CANCELLED:
            return Q(status=Booking.Status.CANCELLED)
        case Tab.RESCHEDULED:
            return Q(status=Booking.Status.RESCHEDULED)


def _ordered_by(tab: Tab) -> str:
    return "ended_at" if tab.is_over else "starts_at"
