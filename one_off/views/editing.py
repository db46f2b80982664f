"""The form of a one-off, new or sent already: rows of times, a week to click on, and pasted text.

Adding, removing, pasting and looking at another week are posts too, so they need no JavaScript; they save nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from bookings.selectors.taken import Clash, seen_busy
from one_off import access, selectors, services
from one_off.domain.typed_times import ReadLine, TypedTime, read_times
from one_off.domain.week import Given, Taken, Week, monday_of, picture, span_of
from one_off.forms import BaseSlots, ChangeForm, OfferForm, SlotForm, SlotSet, typed_rows
from one_off.models import OneOff
from one_off.views.host import see_other, show
from scheduling.meeting_accounts import missing_accounts
from scheduling.services.busy_time import TryAgain
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.period import Period

ROWS_AT_FIRST: Final = 3
LONGEST_PASTE: Final = 4000
_WEEK: Final = timedelta(days=7)
_LOOKING: Final = frozenset({"add", "remove", "check", "offer", "week", "paste"})
"""The buttons that save nothing."""
_PARTS: Final = {"add": "slots", "remove": "slots", "offer": "slots", "paste": "slots", "check": "checked"}

Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Desk:
    """Who fills in the form, on which clock, and the one-off he changes, None for a new one."""

    request: MemberRequest
    zone: ZoneInfo
    now: datetime
    one_off: OneOff | None = None

    @property
    def path(self) -> str:
        if self.one_off is None:
            return reverse("one_off:new")
        return reverse("one_off:edit", args=[self.one_off.pk])

    @property
    def kind(self) -> type[OfferForm]:
        return OfferForm if self.one_off is None else ChangeForm

    @property
    def own_id(self) -> UUID | None:
        return self.one_off.pk if self.one_off else None

    @property
    def wall(self) -> datetime:
        """What his clock shows."""
        return self.now.astimezone(self.zone).replace(tzinfo=None)


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def new(request: MemberRequest) -> HttpResponse:
    """A new one-off. `from` in the address names one to begin with: its words, and its times if they are to come."""
    require(request.member, Permission.EDIT)
    desk = Desk(request, ZoneInfo(request.member.user.timezone), timezone.now())
    if request.method != "POST":
        first, rows = _beginning(desk, request.GET)
        return _form(desk, OfferForm(initial=first, zone=desk.zone, now=desk.now), _slots(rows, desk))
    if _LOOKING & request.POST.keys():
        return _looked_at(desk)
    return _save(desk)


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def edit(request: MemberRequest, one_off_id: UUID) -> HttpResponse:
    """A one-off that is open: the address stays, what is behind it changes."""
    now = timezone.now()
    one_off = access.one_off_for(request.member, one_off_id, Permission.EDIT)
    if one_off.state_at(now) != OneOff.State.OPEN:
        return _closed(request, one_off, now)
    desk = Desk(request, ZoneInfo(one_off.timezone), now, one_off)
    if request.method != "POST":
        form = ChangeForm(initial=_facts(one_off, desk), zone=desk.zone, now=now)
        return _form(desk, form, _slots(_rows_of(one_off, desk, timedelta()), desk))
    if _LOOKING & request.POST.keys():
        return _looked_at(desk)
    return _save(desk)


def _save(desk: Desk) -> HttpResponse:
    request, now = desk.request, desk.now
    form = desk.kind(request.POST, zone=desk.zone, now=now)
    slots = SlotSet(request.POST, prefix="slots", form_kwargs={"zone": desk.zone, "now": now})
    # Both are judged before either is refused: everything that is wrong is said at once.
    if not all([form.is_valid(), slots.is_valid()]):
        return _form(desk, form, slots, status=422)
    offer = form.offer(slots.periods)
    try:
        if desk.one_off is None:
            nonce = form.cleaned_data["nonce"]
            one_off = services.create(member=request.member, offer=offer, nonce=nonce, now=now)
        else:
            one_off = services.change(one_off=desk.one_off, offer=offer, actor=request.member.user, now=now)
    except services.SlotsTaken as taken:
        _mark_taken(slots, taken.clashes)
        return _form(desk, form, slots, status=409)
    except services.OneOffClosed:
        assert desk.one_off is not None, "a new one is open"
        return _closed(request, access.one_off_for(request.member, desk.one_off.pk), now)
    except TryAgain:
        form.add_error(None, "That did not save. Your text is still here. Try again.")
        return _form(desk, form, slots, status=503)
    said = "Saved. Copy the link and send it." if desk.one_off is None else "Saved. The link is the same."
    messages.success(request, said)
    return see_other(reverse("one_off:detail", args=[one_off.pk]))


def _closed(request: MemberRequest, one_off: OneOff, now: datetime) -> HttpResponse:
    note = "It is not open any more, so it stays as it is. You can offer it again."
    return show(request, one_off, now, status=409, note=note)


def _beginning(desk: Desk, asked: Mapping[str, str]) -> tuple[dict[str, Any], Rows]:
    """What a new form begins with: what the one-off `from` says, if there is one; else whom `name` and `email` say."""
    one_off = None
    with suppress(ValueError):
        one_off = selectors.one_offs_of(desk.request.member).filter(pk=UUID(asked.get("from", ""))).first()
    if one_off is None:
        whom = {f"invitee_{name}": asked.get(name, "")[:254] for name in ("name", "email")}
        return whom | {"nonce": uuid4()}, [{} for _ in range(ROWS_AT_FIRST)]
    zone = ZoneInfo(one_off.timezone)
    first = min(
        (slot.starts_at.astimezone(zone).replace(tzinfo=None) for slot in one_off.slots.all()),
        default=desk.wall,
    )
    weeks = max(-((first - desk.wall) // _WEEK), 0) if first <= desk.wall else 0
    facts = _facts(one_off, desk) | {"nonce": uuid4(), "closes": None}
    return facts, _rows_of(one_off, desk, weeks * _WEEK, all_of_them=True)


def _facts(one_off: OneOff, desk: Desk) -> dict[str, Any]:
    names = (
        "title",
        "description",
        "reserve",
        "location_type",
        "location_detail",
        "invitee_name",
        "invitee_email",
    )
    closes = one_off.expires_at
    return {name: getattr(one_off, name) for name in names} | {
        "closes": closes.astimezone(desk.zone).replace(tzinfo=None) if closes else None
    }


def _rows_of(one_off: OneOff, desk: Desk, later: timedelta, *, all_of_them: bool = False) -> Rows:
    """Its times so much later on the clock, as rows; without those that have begun unless all are wanted."""
    rows = []
    for slot in one_off.slots.all():
        if slot.withdrawn_at is None and (all_of_them or slot.starts_at > desk.now):
            wall = slot.starts_at.astimezone(ZoneInfo(one_off.timezone)).replace(tzinfo=None) + later
            minutes = int(slot.period.duration / timedelta(minutes=1))
            rows.append(_row(TypedTime(wall, minutes)))
    return rows


def _row(time: TypedTime) -> dict[str, str]:
    return {
        "day": time.start.date().isoformat(),
        "start": time.start.strftime("%H:%M"),
        "minutes": str(time.minutes),
    }


def _slots(rows: Sequence[Mapping[str, str]], desk: Desk) -> BaseSlots:
    return SlotSet(initial=list(rows), prefix="slots", form_kwargs={"zone": desk.zone, "now": desk.now})


def _looked_at(desk: Desk) -> HttpResponse:
    """The form again with other rows, or the same rows looked at; nothing typed is judged yet."""
    post = desk.request.POST
    rows = typed_rows(post)
    focus, said = None, ""
    unread: list[ReadLine] = []
    if "add" in post and len(rows) < SlotSet.max_num:
        rows.append({"minutes": rows[-1]["minutes"]} if rows else {})
        focus, said = len(rows) - 1, f"Slot {len(rows)} added, {len(rows)} of {SlotSet.max_num}"
    elif (gone := _number(post.get("remove", ""))) < len(rows):
        del rows[gone]
        focus, said = max(gone - 1, 0), f"Slot {gone + 1} removed, {len(rows)} of {SlotSet.max_num}"
    elif "offer" in post:
        said = _toggle(rows, post["offer"])
    elif "paste" in post:
        unread, said = _paste(rows, post.get("pasted", "")[:LONGEST_PASTE], desk)
    slots = _slots(rows, desk)
    if focus is not None and slots.forms:
        slots.forms[focus].take_focus()
    form = desk.kind.again(post, zone=desk.zone, now=desk.now)
    return _form(desk, form, slots, said=said, unread=unread)


def _toggle(rows: Rows, start: str) -> str:
    """Offer the start that was clicked on, or offer it no more; what has happened, in words."""
    try:
        wall = datetime.fromisoformat(start)
    except ValueError:
        return ""
    if wall.tzinfo is not None:
        return ""
    clicked = _row(TypedTime(wall, None))
    for place, row in enumerate(rows):
        if row["day"] == clicked["day"] and row["start"][:5] == clicked["start"]:
            del rows[place]
            return f"Slot {place + 1} removed"
    if not _fill_in(rows, [TypedTime(wall, None)]):
        return f"{words.day(wall.date())}, {wall:%H:%M} offered"
    return f"{SlotSet.max_num} times are the most."


def _paste(rows: Rows, text: str, desk: Desk) -> tuple[list[ReadLine], str]:
    """Fill in what can be read of the text; gives the lines that cannot be, and what has happened, in words."""
    unread: list[ReadLine] = []
    count = 0
    for line in read_times(text, desk.wall):
        there = {(row["day"], row["start"][:5]) for row in rows}
        fresh = [
            time
            for time in line.times
            if (time.start.date().isoformat(), time.start.strftime("%H:%M")) not in there
        ]
        left = _fill_in(rows, fresh)
        count += len(fresh) - len(left)
        if line.problem:
            unread.append(line)
        elif left:
            unread.append(ReadLine(line.text, problem=f"{SlotSet.max_num} times are the most."))
    return unread, f"{count} time{'' if count == 1 else 's'} filled in"


def _fill_in(rows: Rows, times: Sequence[TypedTime]) -> Sequence[TypedTime]:
    """Put times into the rows that are empty, then behind them; gives those that there is no room for."""
    for place, time in enumerate(times):
        filled = [row for row in rows if row["day"] or row["start"]]
        minutes = filled[-1]["minutes"] if filled else (rows[0]["minutes"] if rows else "") or "30"
        row = _row(time) | ({} if time.minutes else {"minutes": minutes})
        blank = next((at for at, old in enumerate(rows) if not old["day"] and not old["start"]), None)
        if blank is not None:
            rows[blank] = row
        elif len(rows) < SlotSet.max_num:
            rows.append(row)
        else:
            return times[place:]
    return ()


def _number(text: str) -> int:
    """The number of a row; one that no row has for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 10_000


def _form(
    desk: Desk,
    form: OfferForm,
    slots: BaseSlots,
    *,
    status: int = 200,
    said: str = "",
    unread: Sequence[ReadLine] = (),
) -> HttpResponse:
    _find_clashes(desk, slots)
    member = desk.request.member
    form.tell_of_accounts(missing_accounts(member.workspace_id, {member.user_id: member.user.name}))
    pressed = next((name for name in _PARTS if name in desk.request.POST), "")
    part = "week" if "week" in desk.request.POST else _PARTS.get(pressed, "")
    part = part if desk.request.htmx else ""
    context = {
        "form": form,
        "slots": slots,
        "one_off": desk.one_off,
        "path": desk.path,
        "reserve": bool(form["reserve"].value()),
        "taken": status == 409,
        "zone": desk.zone,
        "now": desk.now,
        "said": said,
        "week": _week(desk, slots),
        "beside": part in {"slots", "checked"},
        "unread": unread,
        "pasted": "\n".join(line.text for line in unread),
        "was_pasted": pressed == "paste",
    }
    return render(desk.request, f"one_off/new.html{part and '#'}{part}", context, status=status)


def _week(desk: Desk, slots: BaseSlots) -> Week:
    """The week that is looked at: the one asked for, else that of the first time offered, else this one."""
    given = []
    for number, row in enumerate(slots.forms, start=1):
        judged = _judged(row)
        if judged.period is not None:
            typed = judged.cleaned_data
            given.append(Given(number, datetime.combine(typed["day"], typed["start"]), judged.period))
    asked = desk.request.POST.get("week") or desk.request.POST.get("shown", "")
    day = min((each.wall for each in given), default=desk.wall).date()
    with suppress(ValueError):
        day = date.fromisoformat(asked)
    today = desk.wall.date()
    monday = monday_of(min(max(day, today - _WEEK), today + 104 * _WEEK))
    span = span_of(monday, desk.zone)
    busy = seen_busy(desk.request.member.user_id, [span], desk.now, without=desk.own_id)
    return picture(monday, desk.zone, given, [Taken(each.period, each.what) for each in busy], desk.now)


def _mark_taken(slots: BaseSlots, clashes: Sequence[Sequence[Clash]]) -> None:
    filled = [form for form in slots.forms if form.period is not None]
    for form, met in zip(filled, clashes, strict=True):
        if met:
            form.add_error("start", f"{met[0].words}. Pick another start or remove it.")


def _find_clashes(desk: Desk, slots: BaseSlots) -> None:
    """Tell each row what else the host has then, as far as the row makes sense."""
    looked_at = [_judged(form).period for form in slots.forms]
    asked: list[Period] = [period for period in looked_at if period is not None]
    busy = seen_busy(desk.request.member.user_id, asked, desk.now, without=desk.own_id)
    for form, period in zip(slots.forms, looked_at, strict=True):
        form.clashes = [each for each in busy if period is not None and each.period.overlaps(period)]


def _judged(form: SlotForm) -> SlotForm:
    """The row as if it had been sent to be saved."""
    if form.is_bound:
        return form
    return SlotForm({name: form[name].value() for name in form.fields}, zone=form.zone, now=form.now)
