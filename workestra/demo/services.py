"""A workspace to try everything in: a sales team, a managed template, bookings in every state, a one-off."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.db import transaction

from bookings.models import Attendee, Booking
from bookings.services import attendance
from bookings.services import booking as bookings
from managed_events.domain.draft import TemplateDraft
from managed_events.models import DEFAULT_SLUG_PATTERN, ManagedEventTemplate
from managed_events.services.assignment import assign
from managed_events.services.templates import create_template
from one_off import services as one_offs
from one_off.domain.offers import Offer
from scheduling.domain.logos import logo_image
from scheduling.domain.sections import RECOMMENDED_LOCKS
from scheduling.models import BookingLink, Schedule
from scheduling.selectors.times import open_slots_of
from scheduling.services.absences import add_absence
from scheduling.services.links import Host, create_link
from scheduling.services.logos import keep_logo
from scheduling.services.schedules import create_schedule
from workestra.accounts.models import Group, GroupMembership, Membership, User, Workspace
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount
from workestra.crm import services as crm
from workestra.crm.models import Person
from workestra.demo import calendar as demo_calendar

PASSWORD: Final = "workestra-demo"  # noqa: S105  Printed on the terminal of whoever starts the demo.
ADMIN: Final = "mara@larkhill.example"
LOGO: Final = Path(__file__).with_name("larkhill.png")
REP: Final = "alice@larkhill.example"

PEOPLE: Final = (
    ("mara", "Mara Ellingsen", "Europe/Oslo", "owner"),
    ("alice", "Alice Okafor", "America/New_York", "member"),
    ("daniel", "Daniel Osei", "Europe/London", "manager"),
    ("bruno", "Bruno Keller", "Europe/Berlin", "member"),
    ("emi", "Emi Tanaka", "Asia/Tokyo", "member"),
    ("gustav", "Gustav Lindqvist", "Europe/Stockholm", "viewer"),
)
QUESTIONS: Final = [
    {
        "key": "team-size",
        "label": "How many people plan shipments?",
        "type": "select",
        "required": True,
        "options": ["1 to 5", "6 to 20", "21 or more"],
    },
    {"key": "tools", "label": "What do you use today?", "type": "text", "required": False, "options": []},
    {
        "key": "worth-it",
        "label": "What would make this call worth your time?",
        "type": "textarea",
        "required": False,
        "options": [],
    },
]
BOOKERS: Final = (
    ("Noor Haddad", "noor@saltmarsh.example", "Europe/London"),
    ("Priya Raman", "priya@orchardfreight.example", "America/New_York"),
    ("Oliver Brandt", "oliver@northquarry.example", "Europe/Berlin"),
    ("Haruto Sato", "haruto@tidalworks.example", "Asia/Tokyo"),
    ("Ingrid Solheim", "ingrid@fjordline.example", "Europe/Oslo"),
    ("Mateus Ribeiro", "mateus@cedarpost.example", "America/Sao_Paulo"),
    ("Samuel Adeyemi", "samuel@brightquay.example", "Africa/Lagos"),
    ("Aisha Rahman", "aisha@harborline.example", "Asia/Kolkata"),
)


def is_seeded() -> bool:
    """Whether the demo workspace is there."""
    return User.objects.filter(email=ADMIN).exists()


def seed(now: datetime, calendar_url: str = "") -> None:
    """Make the demo workspace, with bookings around `now`. Every row is written by the product's own services.

    With the address of a CalDAV server the rep is connected to it first, so that all of it arrives in her calendar.
    """
    with transaction.atomic():
        members = _people()
        mara, alice = members["mara"], members["alice"]
        template = _template(mara, now - timedelta(days=20))
        assign(
            template=template,
            people=[alice, members["bruno"], members["emi"]],
            actor=mara.user,
            now=now - timedelta(days=20),
        )
        pool = _round_robin([alice, members["daniel"], members["bruno"]], now - timedelta(days=20))
        _with_a_schedule(alice, members["daniel"], now - timedelta(days=20))
    if calendar_url:
        look_after_calendar(calendar_url, now)
    # Taking time is its own outermost transaction, so each booking is one.
    _bookings(BookingLink.objects.get(managed_event_template=template, owner=alice.user), pool, now)
    _sessions(now)
    _one_off(alice, now)
    _what_is_known(alice, now)


def look_after_calendar(url: str, now: datetime) -> None:
    """Have the rep connected to the demo's own calendar server, where it listens now.

    Her calendar is made once, with a few events; who has disconnected it afterwards is not connected again.
    """
    rep = Membership.objects.get(user__email=REP)
    is_new = demo_calendar.make(url, rep.user.username, PASSWORD, ZoneInfo(rep.user.timezone), now)
    account = rep_account(rep)
    if account is None and not is_new:
        return
    if account is not None and account.credentials.open().get("url") == url and not account.is_broken:
        return
    demo_calendar.connect(rep, url, PASSWORD, now)


def rep_account(rep: Membership) -> CalendarAccount | None:
    """The rep's account with the demo's own server; None when there is none."""
    return CalendarAccount.objects.filter(
        workspace=rep.workspace, user=rep.user, provider=ProviderKind.CALDAV, name=demo_calendar.NAME
    ).first()


def _people() -> dict[str, Membership]:
    workspace = Workspace.objects.create(name="Larkhill")
    members = {}
    for username, name, zone, role in PEOPLE:
        email = f"{username}@larkhill.example"
        user = User.objects.create_user(email, PASSWORD, username=username, name=name, timezone=zone)
        members[username] = Membership.objects.create(workspace=workspace, user=user, role=role)
    emea = Group.objects.create(workspace=workspace, name="Sales EMEA")
    for username in ("daniel", "bruno", "gustav"):
        is_admin = username == "daniel"
        GroupMembership.objects.create(group=emea, membership=members[username], is_admin=is_admin)
    return members


def _template(admin: Membership, now: datetime) -> ManagedEventTemplate:
    logo = logo_image(LOGO.read_bytes())
    keep_logo(logo, now)
    plain = ManagedEventTemplate().section_values()
    values = plain | {
        "title": "Discovery Call",
        "description": "Half an hour to talk through how you move freight today and see if Larkhill fits. "
        "No slides unless you ask for them.",
        "buffer_after_minutes": 10,
        "timezone": "Europe/Oslo",
        "questions": QUESTIONS,
        "logo_id": logo.key,
        "cancellation_text": "Plans change. Please tell us a few hours ahead if you can.",
        "cancel_cutoff_hours": 1,
        "reschedule_cutoff_hours": 1,
    }
    draft = TemplateDraft(
        values=values, locks=RECOMMENDED_LOCKS, slug="discovery-call", slug_pattern=DEFAULT_SLUG_PATTERN
    )
    return create_template(workspace=admin.workspace, author=admin.user, draft=draft, now=now)


def _round_robin(pool: list[Membership], now: datetime) -> BookingLink:
    owner = pool[0]
    return create_link(
        owner=owner.user,
        workspace=owner.workspace,
        slug="product-demo",
        strategy=BookingLink.Strategy.ROUND_ROBIN,
        hosts=[
            Host(member.user_id, weight=weight, max_per_day=3)
            for member, weight in zip(pool, (1, 2, 1), strict=True)
        ],
        values={
            "title": "Product Demo",
            "description": "See Larkhill plan one of your own lanes, live.",
            "duration_minutes": 45,
            "slot_interval_minutes": 45,
            "timezone": "Europe/London",
            "location_type": "video",
            "location_detail": "https://meet.larkhill.example/demo",
        },
        now=now,
        actor=owner.user,
    )


def _with_a_schedule(host: Membership, other: Membership, now: datetime) -> None:
    """Two links with the hours of one schedule, one of them for groups; a meeting with two hosts; days away."""
    schedule = create_schedule(
        by=host,
        values={
            "name": "Working hours",
            "timezone": host.user.timezone,
            "weekly_hours": [
                {"days": [0, 2, 3], "start": "09:00", "end": "12:30"},
                {"days": [1], "start": "09:00", "end": "17:00"},
                {"days": [4], "start": "10:00", "end": "15:00"},
                {"days": [0, 2], "start": "13:30", "end": "17:00"},
                {"days": [3], "start": "20:00", "end": "01:00"},
            ],
            "date_overrides": [],
        },
        now=now,
    )
    for slug, values, settings in _links_with(schedule, other):
        create_link(
            owner=host.user,
            workspace=host.workspace,
            slug=slug,
            values=values,
            now=now,
            actor=host.user,
            **settings,
        )
    away = (now + timedelta(days=60)).date()
    add_absence(
        user=host.user, first_day=away, last_day=away + timedelta(days=4), note="Sailing", by=host, now=now
    )


def _links_with(
    schedule: Schedule, other: Membership
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Address, settings of the sections, and what else each link has."""
    coffee = {"title": "Coffee, 15 minutes", "duration_minutes": 15, "slot_interval_minutes": 15}
    yield (
        "alice-coffee",
        coffee | {"schedule_id": schedule.pk},
        {"embed_origins": ["https://www.larkhill.example"]},
    )
    onboarding = {
        "title": "Onboarding session",
        "description": "A first tour for new teams. Up to six people at a time.",
        "duration_minutes": 60,
        "location_type": "video",
        "location_detail": "https://meet.larkhill.example/onboarding",
    }
    yield (
        "onboarding-session",
        onboarding | {"schedule_id": schedule.pk},
        {"strategy": BookingLink.Strategy.GROUP, "capacity": 6},
    )
    kickoff = {"title": "Pilot kickoff", "duration_minutes": 45, "timezone": other.user.timezone}
    yield (
        "pilot-kickoff",
        kickoff,
        {
            "strategy": BookingLink.Strategy.COLLECTIVE,
            "hosts": [Host(schedule.owner_id), Host(other.user_id)],
        },
    )


def _bookings(discovery: BookingLink, pool: BookingLink, now: datetime) -> None:
    bookers = _bookers()
    # Those of the past come first: a person is known from his first booking on.
    then = now - timedelta(days=9)
    for days_ahead, mark in ((2, Booking.Attendance.ATTENDED), (4, Booking.Attendance.NO_SHOW), (6, None)):
        past = _book(discovery, then, then + timedelta(days=days_ahead), next(bookers))
        if mark is not None:
            attendance.mark(attendee=past, attendance=mark, actor=discovery.owner, now=now)
    for link, days_ahead in ((discovery, 1), (pool, 1), (pool, 1), (discovery, 4), (pool, 6)):
        _book(link, now, now + timedelta(days=days_ahead), next(bookers))
    cancelled = _book(discovery, now, now + timedelta(days=3), next(bookers))
    bookings.cancel_by_booker(attendee=cancelled, reason="We have found another carrier.", now=now)
    moved = _book(discovery, now, now + timedelta(days=5), next(bookers))
    bookings.reschedule(attendee=moved, start=_start(discovery, now, now + timedelta(days=7)), now=now)


def _sessions(now: datetime) -> None:
    """A group session to come with seats left, one that is over, and a meeting with two hosts."""
    group, both = (BookingLink.objects.get(slug=slug) for slug in ("onboarding-session", "pilot-kickoff"))
    then = now - timedelta(days=9)
    for asked, seats, days_ahead in ((now, 4, 2), (then, 3, 5)):
        start = _start(group, asked, asked + timedelta(days=days_ahead))
        for number, booker in enumerate(islice(_bookers(), seats)):
            at = asked - timedelta(hours=seats - number)
            bookings.book(link=group, start=start, booker=booker, nonce=uuid4(), now=at)
    _book(both, now, now + timedelta(days=2), next(_bookers()))


def _what_is_known(member: Membership, now: datetime) -> None:
    """Somebody who has been met before, with what happened and a deal that may come of it."""
    name, email, _zone = BOOKERS[0]
    person = Person.objects.get(workspace=member.workspace, email=email)
    crm.update_person(
        person_id=person.pk,
        by=member,
        values={
            "name": name,
            "email": email,
            "phone": person.phone,
            "company": "Saltmarsh Foods",
            "lifecycle_stage": "evaluating",
        },
        now=now - timedelta(days=6),
    )
    for days, kind, text in (
        (4, "call", "Asked about temperature logs. Two of their carriers change slots on the day."),
        (2, "mail", "Sent the price list for 40 lanes."),
    ):
        at = now - timedelta(days=days)
        crm.add_activity(person=person, kind=kind, text=text, at=at, by=member, now=at)
    for title, stage, amount, outcome in (
        ("Cold-chain pilot", "proposal", 18_000, ""),
        ("Carrier portal", "interest", 4_000, "lost"),
    ):
        crm.create_opportunity(
            person=person,
            by=member,
            values={
                "title": title,
                "stage": stage,
                "amount": amount,
                "currency": "GBP",
                "closes_on": (now + timedelta(days=40)).date(),
                "outcome": outcome,
            },
            now=now - timedelta(days=5),
        )


def _bookers() -> Iterator[bookings.Booker]:
    while True:
        for name, email, zone in BOOKERS:
            yield bookings.Booker(
                name=name,
                email=email,
                timezone=zone,
                phone="+47 22 00 00 00",
                notes="We run 40 lanes and would like to see multi-stop planning first.",
                answers=[{"label": QUESTIONS[0]["label"], "answer": "6 to 20"}],
            )


def _book(link: BookingLink, now: datetime, earliest: datetime, booker: bookings.Booker) -> Attendee:
    start = _start(link, now, earliest)
    return bookings.book(link=link, start=start, booker=booker, nonce=uuid4(), now=now)


def _start(link: BookingLink, now: datetime, earliest: datetime) -> datetime:
    slots = open_slots_of(link, Period(earliest, earliest + timedelta(days=6)), now)
    return slots[len(slots) // 7].start


def _one_off(member: Membership, now: datetime) -> None:
    zone = ZoneInfo(member.user.timezone)
    first = now.astimezone(zone).date() + timedelta(days=8)
    weekdays = [first + timedelta(days=days) for days in range(5)]
    weekdays = [day for day in weekdays if day.weekday() < 5][:3]
    starts = [
        datetime.combine(day, time(hour), zone) for day, hour in zip(weekdays, (18, 19, 20), strict=True)
    ]
    one_offs.create(
        member=member,
        offer=Offer(
            title="Check-in before the pilot",
            description="Three times that suit our side. Pick whichever you like.",
            periods=tuple(Period(start, start + timedelta(minutes=30)) for start in starts),
            timezone=member.user.timezone,
            location_type="phone",
            expires_at=now + timedelta(days=7),
        ),
        nonce=uuid4(),
        now=now,
    )
