"""A small workspace with everybody and everything in it, and a way to see whether anything in the database moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any, Final
from uuid import UUID, uuid4

from django.core.cache import cache as django_cache
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from bookings.models import Attendee, Booking, BulkRun
from bookings.selectors import manage_token
from bookings.services import alternatives
from bookings.services.workflows import create as create_workflow
from managed_events.models import ManagedEventTemplate, Propagation
from one_off.models import OneOff, Proposal
from one_off.selectors import token_of
from one_off.services.proposals import propose
from scheduling.models import BookingLink, OutOfOffice, Schedule, Workflow
from scheduling.services.logos import keep_logo
from tests.bookings.making_workflows import draft_of
from tests.calendars.making import as_if_read, connect_caldav
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import (
    PASSWORD,
    GroupFactory,
    MembershipFactory,
    UserFactory,
    WorkspaceFactory,
    join_group,
    make_booking,
    make_link,
)
from tests.managed_events.making import assign_to, filled, finish_runs, link_of, make_template, save
from tests.one_off.making import HOUR, TOMAS, make_one_off, pick, slot_of
from tests.pages import form_posting
from tests.scheduling.making_logos import LARKHILL
from tests.scheduling.posting import sent_by
from workestra.accounts.models import Group, Membership
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, Feed, OwnMeeting
from workestra.calendars.selectors import feed_token
from workestra.calendars.services import new_feed_address
from workestra.crm.models import Activity, Opportunity, Person
from workestra.notifications.mailbox import MailboxBackend
from workestra.notifications.models import CaughtMail, Notice, OutboxMessage
from workestra.sms.effects import code_of
from workestra.sms.models import HostNumber

THURSDAY_TEN: Final = datetime(2030, 1, 10, 9, 0, tzinfo=UTC)
FREE_START: Final = "2030-01-11T09:00Z"
"""Offered by Alice's links."""

OF_INVITED: Final = {"people:invite_again", "people:withdraw"}

Sent = dict[str, Any]


@dataclass
class World:
    """Alice of the group "Sales" owns a link, an assigned link, bookings and a one-off; the others look at them."""

    people: dict[str, Membership | None]
    link: BookingLink
    assigned: BookingLink
    template: ManagedEventTemplate
    booking: Booking
    past: Booking
    offered: Booking
    """For which other times are offered."""
    one_off: OneOff
    picked: Booking
    proposal: Proposal
    mail: CaughtMail
    dead_mail: OutboxMessage
    bulk_run: BulkRun
    schedule: Schedule
    absence: OutOfOffice
    account: CalendarAccount
    meeting: OwnMeeting
    """Of `booking`, which could not be made."""
    feed: Feed
    person: Person
    activity: Activity
    opportunity: Opportunity
    number: HostNumber
    group: Group
    invited: Membership
    workflow: Workflow
    own_workflow: Workflow
    """Alice's, for her own links."""
    sessions: dict[str, str] = field(default_factory=dict)
    forms: dict[str, Sent] = field(default_factory=dict)

    def browser(self, who: str, **how: Any) -> Client:
        """A new browser in which this person is signed in already."""
        client = Client(raise_request_exception=False, **how)
        if who in self.sessions:
            client.cookies["session"] = self.sessions[who]
        return client

    def address(self, name: str, **instead: Any) -> str:
        """The address of this name about something of Alice's, or `instead`, by parameter."""
        booker = self.bookers[self.past.pk if name == "bookings:attendance" else self.booking.pk]
        booking = self.offered if name == "bookings:withdraw_offer" else self.booking
        values = {
            "absence_id": self.absence.pk,
            "action": "cancel",
            "bulk_id": self.bulk_run.pk,
            "account_id": self.account.pk,
            "activity_id": self.activity.pk,
            "opportunity_id": self.opportunity.pk,
            "other_id": self.picked.booker.person_id,
            "person_id": self.person.pk,
            "schedule_id": self.schedule.pk,
            "attendee_id": booker.pk,
            "booking_id": booking.pk,
            "color": "8a2a2a",
            "file_id": uuid4(),
            "group_id": self.group.pk,
            "key": "no-such-key",
            "kind": "ics",
            "logo_key": LARKHILL.key,
            "link_id": self.assigned.pk if name == "managed_events:detach" else self.link.pk,
            "mail_id": self.mail.pk,
            "owed_id": self.meeting.pk,
            "message_id": self.dead_mail.pk,
            "member_id": (self.invited if name in OF_INVITED else self.alice).pk,
            "one_off_id": self.one_off.pk,
            "proposal_id": self.proposal.pk,
            "run_id": self.run.pk,
            "slug": self.link.slug,
            "template_id": self.template.pk,
            "token": self._token(name),
            "uidb36": "0",
            "workflow_id": self.workflow.pk,
        } | instead
        address = reverse(name, kwargs={parameter: values[parameter] for parameter in every_url()[name]})
        return f"{address}?section=buffers" if name == "managed_events:reset" else address

    @cached_property
    def bookers(self) -> dict[UUID, Attendee]:
        """Who booked each of the two bookings."""
        return {booking.pk: booking.booker for booking in (self.booking, self.past)}

    @cached_property
    def run(self) -> Propagation:
        """The run that made the assigned link."""
        return self.template.propagations.earliest("version")

    def _token(self, name: str) -> str | None:
        match name:
            case "one_off:move" | "one_off:propose_move":
                return manage_token(self.picked.booker)
            case "one_off:pick" | "one_off:propose":
                return token_of(self.one_off)
            case "bookings:alternatives":
                return manage_token(self.offered.booker)
            case "bookings:feed":
                return feed_token(self.feed)
            case _:
                return manage_token(self.bookers[self.booking.pk])

    @property
    def alice(self) -> Membership:
        alice = self.people["alice"]
        assert alice is not None
        return alice


@cache
def every_url() -> dict[str, tuple[str, ...]]:
    """The names of all addresses of the project, as `reverse` takes them, each with its parameters."""
    return dict(sorted(_urls(get_resolver().url_patterns)))


def _urls(patterns: Any, namespace: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            yield from _urls(entry.url_patterns, f"{entry.namespace}:" if entry.namespace else namespace)
        else:
            assert isinstance(entry, URLPattern)
            assert entry.name, f"{entry} has no name, so no test can name it"
            yield f"{namespace}{entry.name}", tuple(entry.pattern.regex.groupindex)


_READS: Final = ("SELECT ", "SAVEPOINT ", "RELEASE SAVEPOINT ", "SET CONSTRAINTS ")
_writes = 0
"""How many statements have come by that may have written something."""
_last: tuple[int, dict[str, str]] = (-1, {})


def count_writes(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Wraps each statement of a connection (`connection.execute_wrapper`), so that `fingerprint` knows when to look.

    What is undone may have been a write, and counts like one.
    """
    global _writes
    _writes += not str(sql).startswith(_READS)
    return execute(sql, params, many, context)


def fingerprint() -> dict[str, str]:
    """For each table how many rows it has and a hash of what they hold. Sessions are left out: they are no contents.

    Taken anew only when something may have been written since the last time, be it undone by now.
    """
    global _last
    assert count_writes in connection.execute_wrappers, "nobody counts what is written"
    if _last[0] != _writes:
        with connection.cursor() as cursor:
            cursor.execute(_fingerprint_sql())
            _last = _writes, dict(cursor.fetchall())
    return _last[1]


@cache
def _fingerprint_sql() -> str:
    tables = sorted(set(connection.introspection.django_table_names(only_existing=True)) - {"django_session"})
    return " UNION ALL ".join(
        f"SELECT '{table}', count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
        f' FROM "{table}" t'
        for table in tables
    )


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever the block writes is gone after it. Its transactions count as outermost ones, as in Django's TestCase."""
    outer = transaction.atomic()
    outer._from_testcase = True  # type: ignore[attr-defined]
    outer.__enter__()
    try:
        yield
    finally:
        transaction.set_rollback(True)
        outer.__exit__(None, None, None)


@contextmanager
def undone() -> Iterator[None]:
    """`rolled_back`, and the fingerprint is again what it was before."""
    global _last
    django_cache.clear()
    before = fingerprint()
    try:
        with rolled_back():
            yield
    finally:
        _last = _writes, before


def make_world() -> World:
    """Everything of `World`, at nine on a Monday morning in Berlin; the clock has to stand there."""
    larkhill, elsewhere = WorkspaceFactory(name="Larkhill"), WorkspaceFactory(name="Elsewhere")
    sales = GroupFactory(workspace=larkhill, name="Sales")
    support = GroupFactory(workspace=larkhill, name="Support")

    def member(name: str, role: str = "member", **more: Any) -> Membership:
        user = UserFactory(username=name)
        user.set_password(PASSWORD)
        user.save()
        made: Membership = MembershipFactory(**{"workspace": larkhill, "user": user, "role": role} | more)
        return made

    people: dict[str, Membership | None] = {
        "anon": None,
        "alice": member("alice"),
        "bob": member("bob"),
        "manager": member("manager", "manager"),
        "outside": member("outside", "manager"),
        "viewer": member("viewer", "viewer"),
        "lead": member("lead"),
        "dana": member("dana", "admin"),
        "owner": member("owner", "owner"),
        "carol": member("carol", "admin", workspace=elsewhere),
        "gone": member("gone", is_active=False),
    }
    alice, dana = people["alice"], people["dana"]
    assert alice
    assert dana
    for name in ("alice", "manager", "viewer", "lead"):
        inside = people[name]
        assert inside
        join_group(sales, inside, is_admin=name == "lead")
    assert people["outside"]
    join_group(support, people["outside"], is_admin=True)

    now = MONDAY_MORNING
    keep_logo(LARKHILL, now)
    link = make_link(alice, slug="alice-discovery-call", logo_id=LARKHILL.key)
    template = make_template(dana, group=sales, slug="intro", title="Intro Call")
    assign_to(template, [alice], dana)
    save(template, dana, description="Half an hour.")
    finish_runs()
    template.links.update(buffer_before_minutes=5)
    assert people["manager"]
    make_link(people["manager"], slug="manager-intro")
    template.refresh_from_db()
    past = make_booking(link, THURSDAY_TEN + timedelta(hours=1), now)
    Booking.objects.filter(pk=past.pk).update(
        starts_at=now - timedelta(days=3), ends_at=now - timedelta(days=3, minutes=-30)
    )
    invited = EmailMultiAlternatives("Hello", "There you are.", "a@example.com", ["b@example.com"])
    invited.attach_alternative("<p>There you are.</p>", "text/html")
    invited.attach_alternative("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar")
    MailboxBackend().send_messages([invited])
    Notice.objects.create(
        workspace=larkhill,
        user=alice.user,
        kind="briefing",
        topic_id=past.pk,
        title="Soon",
        path="/",
        created_at=now,
    )
    booking = make_booking(link, THURSDAY_TEN, now)
    dead_mail = OutboxMessage.objects.get(topic_id=booking.pk)
    OutboxMessage.objects.filter(pk=dead_mail.pk).update(
        dead_at=now, attempts=1, last_error="550 nobody here"
    )
    offered = make_booking(link, THURSDAY_TEN + timedelta(hours=3), now)
    alternatives.offer(
        booking=offered,
        starts=[THURSDAY_TEN + timedelta(hours=4)],
        message="A visit",
        closes=timedelta(0),
        actor=alice.user,
        now=now,
    )
    person = past.booker.person
    assert person
    account = connect_caldav(alice, now)
    as_if_read(now)
    one_off = make_one_off(alice, now)
    picked_from = make_one_off(
        alice, now, periods=tuple(Period.lasting(now + timedelta(days=days), HOUR) for days in (40, 41))
    )
    world = World(
        people=people,
        link=link,
        assigned=link_of(template, alice),
        template=template,
        booking=booking,
        past=past,
        offered=offered,
        one_off=one_off,
        picked=pick(picked_from, now),
        proposal=propose(
            one_off=one_off,
            booker=TOMAS,
            starts=[now + timedelta(days=50)],
            length=HOUR,
            message="Could we do it later?",
            nonce=uuid4(),
            now=now,
        ),
        mail=CaughtMail.objects.get(),
        dead_mail=dead_mail,
        bulk_run=BulkRun.objects.create(
            member=alice,
            action="attendance",
            attendance="attended",
            checked_at=now,
            started_at=now,
            finished_at=now,
        ),
        schedule=Schedule.objects.create(workspace=larkhill, owner=alice.user, name="Working hours"),
        absence=OutOfOffice.objects.create(
            workspace=larkhill, user=alice.user, first_day="2030-03-01", last_day="2030-03-02"
        ),
        account=account,
        meeting=OwnMeeting.objects.create(
            key=uuid4(),
            workspace=larkhill,
            user=alice.user,
            topic="booking",
            topic_id=booking.series_id,
            kind="zoom",
            dead_at=now,
            last_error="Alice has no Zoom account connected.",
        ),
        feed=new_feed_address(alice, now),
        person=person,
        activity=Activity.objects.create(person=person, author=alice.user, text="Asked for a pilot.", at=now),
        opportunity=Opportunity.objects.create(
            person=person, owner=alice.user, title="Pilot", amount=18_000, currency="GBP", created_at=now
        ),
        number=HostNumber.objects.create(
            workspace=larkhill, user=alice.user, number="+4915112345679", code_sent_at=now
        ),
        group=sales,
        invited=member("newcomer", is_active=False, invited_at=now),
        workflow=create_workflow(
            by=dana,
            draft=draft_of(every_link=False, group_id=sales.pk, name="Follow-up"),
            links=(),
            now=now,
        ),
        own_workflow=create_workflow(
            by=alice, draft=draft_of(is_own=True, name="What to bring"), links=(), now=now
        ),
    )
    for name, person in people.items():
        if person is not None:
            world.sessions[name] = signed_in(person).cookies["session"].value
    connection.run_on_commit.clear()  # What was asked for then waits for a commit that never comes.
    return world


def forms_of(world: World) -> dict[str, Sent]:
    """For each address that takes a form what somebody who may would send, and have done something with it."""
    alice, dana = world.browser("alice"), world.browser("dana")
    bob = world.people["bob"]
    assert bob

    def page(client: Client, name: str) -> str:
        response = client.get(world.address(name))
        assert response.status_code == 200, name
        return response.content.decode()

    def untouched(data: QueryDict, **changes: Any) -> Sent:
        return dict(data.lists()) | changes

    def previewed(name: str, **changes: Any) -> Sent:
        """The form with these changes, as it stands after it has shown what saving it will do."""
        sent = filled(page(dana, name), "title", **changes)
        response = dana.post(world.address(name), sent | {"preview": "1"})
        assert response.status_code == 200, name
        return filled(response.content.decode(), "title")

    calendars = world.account.calendars.filter(is_writable=True)
    details = {"name": "Tomas Herrera", "email": "tomas@cobaltfoods.example", "phone": "+49 30 123456"}
    new_one_off = form_posting(page(alice, "one_off:new"), "title").values
    picked = {"id": str(uuid4()), "pick": [str(world.booking.pk)], "reason": "Ill"}
    activity = {"kind": "call", "text": "She called.", "day": "2030-01-06", "time": "10:00"}
    deal = {"title": "Two pilots", "stage": "proposal", "amount": "5000", "currency": "EUR", "outcome": ""}
    workflow = {
        "name": "Before we meet",
        "trigger": "before_start",
        "reach": "chosen",
        "group": str(world.group.pk),
        "s0-amount": "2",
        "s0-unit": "hours",
        "s0-channel": "email",
        "s0-to": "address",
        "s0-address": "team@larkhill.example",
        "s0-subject": "Soon: {{event_title}}",
        "s0-body": "Hello {{first_name}}",
        "s0-id": "",
    }
    return {
        "account_login": {"login": world.alice.user.email, "password": PASSWORD},
        "account_signup": {"email": "new@larkhill.example", "password1": "long enough 12"},
        "account_change_password": {
            "oldpassword": PASSWORD,
            "password1": "another long one 7",
            "password2": "another long one 7",
        },
        "account_reset_password": {"email": world.alice.user.email},
        "look:preferences": {"theme": "dark", "next": "/mailbox"},
        "scheduling:link_new": untouched(sent_by(page(alice, "scheduling:link_new")), title="Second Call"),
        "scheduling:link_edit": untouched(sent_by(page(alice, "scheduling:link_edit")), title="Renamed Call"),
        "scheduling:schedule_new": untouched(
            sent_by(page(alice, "scheduling:schedule_new")), name="Evenings"
        ),
        "scheduling:schedule_edit": untouched(
            sent_by(page(alice, "scheduling:schedule_edit")), name="Mornings"
        ),
        "scheduling:out_of_office": {"first_day": "2030-02-01", "last_day": "2030-02-03", "note": "Away"},
        "scheduling:out_of_office_edit": {"first_day": "2030-02-02", "last_day": "2030-02-04", "note": "Off"},
        "calendars:accounts": {
            "shown": [str(calendar.pk) for calendar in calendars],
            "checked": [str(calendar.pk) for calendar in calendars],
            "write": str(calendars[1].pk),
        },
        "bookings:cancel": {"reason": "Ill"},
        "bookings:attendance": {"attendance": "no_show"},
        "bookings:propose": {"day": "2030-01-11", "time": "10:00", "message": "A visit"},
        "bookings:offer": {"day1": "2030-01-11", "time1": "10:00", "message": "A visit", "closes": "0"},
        "bookings:alternatives": {"slot": "none", "note": "After six"},
        "bookings:reassign": {"host": str(bob.user_id)},
        "bookings:bulk": picked,
        "bookings:note": {"note": "Budget owner joins later"},
        "bookings:details": {"start": FREE_START, "nonce": str(uuid4()), **details},
        "bookings:embed_details": {"start": FREE_START, "nonce": str(uuid4()), **details},
        "bookings:embed_settings": {"embed_origins": "https://www.example.com"},
        "bookings:reschedule": {"start": FREE_START},
        "bookings:workflow_new": workflow,
        "bookings:workflow": workflow,
        "bookings:workflow_preview": workflow,
        "bookings:manage_cancel": {"reason": "Ill"},
        "notifications:notices": {"in_app": "on"},
        "sms:number": {"number": "+49 151 12345678"},
        "sms:confirm": {"code": code_of(world.number)},
        "privacy:export": {"email": world.person.email},
        "privacy:erase": form_posting(
            dana.get(world.address("privacy:erase"), {"email": world.person.email}).content.decode(), "seen"
        ).values
        | {"cancel": "on", "sure": "on"},
        "privacy:answers": {"days": "90"},
        "crm:person_new": {
            "name": "Wei-Lin Zhao",
            "email": "wei@harborline.example",
            "lifecycle_stage": "lead",
        },
        "crm:person_edit": {"name": "Priya", "email": "priya@x.example", "lifecycle_stage": "customer"},
        "crm:merge": form_posting(page(alice, "crm:merge"), "plan").values,
        "crm:activity_new": activity,
        "crm:activity": activity,
        "crm:opportunity_new": deal,
        "crm:opportunity": deal,
        "managed_events:new": filled(page(dana, "managed_events:new"), "title", title="Another", slug="other")
        | {"group": str(world.template.group_id)},
        "managed_events:edit": previewed("managed_events:edit", title="Renamed"),
        "managed_events:roll_back": form_posting(
            dana.get(f"{world.address('managed_events:versions')}?v=1").content.decode(), "plan"
        ).values,
        "managed_events:adopt": form_posting(page(dana, "managed_events:adopt"), "plan").values,
        "managed_events:reset": form_posting(page(dana, "managed_events:reset"), "plan").values,
        "managed_events:assign": {"was": str(world.alice.pk)},
        "people:invite": {"people": "hana@larkhill.example", "role": "member"},
        "people:person": {"name": "Alice Renamed", "role": "manager"},
        "people:group_new": {"name": "Success", "members": str(world.alice.pk)},
        "people:group": {"name": "Sales EMEA", "members": str(world.alice.pk)},
        "people:roles": form_posting(page(dana, "people:roles"), "member-view").values
        | {"member-view": "all"},
        "one_off:new": new_one_off
        | {"title": "Contract", "slots-0-day": "2030-01-11", "slots-0-start": "10:00"},
        "one_off:edit": form_posting(page(alice, "one_off:edit"), "title").values | {"title": "Renamed"},
        "one_off:propose": {
            "day1": "2030-03-14",
            "start1": "10:00",
            "message": "Later?",
            "nonce": str(uuid4()),
            **details,
        },
        "one_off:propose_move": {
            "day1": "2030-03-15",
            "start1": "10:00",
            "message": "Later?",
            "nonce": str(uuid4()),
        },
        "one_off:move": {"slot": str(world.picked.one_off.slots.last().pk)},
        "one_off:accept": {"start": world.proposal.starts[0].isoformat()},
        "one_off:write_in": {"tz": "Asia/Tokyo"},
        "one_off:pick": {"slot": str(slot_of(world.one_off).pk), "nonce": str(uuid4()), **details},
    }
