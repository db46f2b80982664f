"""The demo workspace as the pages of the gallery are looked at in: who and what is there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.core import signing
from django.db.models.functions import Now
from django.urls import reverse

from bookings.models import Booking
from bookings.selectors import manage_token
from bookings.views.public import DONE
from managed_events.models import ManagedEventTemplate
from one_off import services as one_offs
from one_off.models import OneOff
from scheduling.models import BookingLink, OutOfOffice, Schedule
from scheduling.selectors.times import open_slots_of
from tests.calendars.making import connect_caldav
from tests.factories import MembershipFactory, UserFactory
from tests.fakes.twilio import ACCOUNT, FROM, TOKEN
from tests.managed_events.making import assign_to, finish_runs, make_template, save
from tests.one_off.making import make_one_off, pick
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount
from workestra.crm.models import Person
from workestra.demo import services as demo
from workestra.notifications.effects import deliver_due
from workestra.notifications.models import CaughtMail, OutboxMessage

DISCOVERY = "alice-discovery-call"
HALF = timedelta(minutes=30)


@dataclass
class World:
    """The demo workspace, a little older: a template that was changed, one-offs that are over, mails that were sent."""

    now: datetime

    @cached_property
    def members(self) -> dict[str, Membership]:
        """By user name: mara owns the workspace, alice and bruno are reps."""
        members = Membership.objects.filter(workspace__name="Larkhill").select_related("user", "workspace")
        return {member.user.username: member for member in members}

    @property
    def template(self) -> ManagedEventTemplate:
        return ManagedEventTemplate.objects.get(title="Discovery Call")

    @property
    def unused_template(self) -> ManagedEventTemplate:
        return ManagedEventTemplate.objects.get(title="Renewal Review")

    @property
    def schedule(self) -> Schedule:
        return Schedule.objects.get(name="Working hours")

    @property
    def person(self) -> Person:
        """Somebody of whom everything is known."""
        return Person.objects.get(company="Saltmarsh Foods")

    @property
    def absence(self) -> OutOfOffice:
        return OutOfOffice.objects.get(note="Sailing")

    @cached_property
    def account(self) -> CalendarAccount:
        """One of alice's that works."""
        return connect_caldav(self.members["alice"], self.now)

    def later(self, days: int) -> datetime:
        return self.now.replace(minute=0) + timedelta(days=days)

    def link(self, slug: str = DISCOVERY) -> BookingLink:
        return BookingLink.objects.get(slug=slug)

    def booking(self, tab: str = "upcoming", slug: str = DISCOVERY) -> Booking:
        """The first upcoming booking of the link; of another tab its newest."""
        bookings = Booking.objects.filter(link=self.link(slug)).order_by("starts_at")
        match tab:
            case "upcoming":
                found = bookings.filter(status="confirmed", starts_at__gt=self.now).first()
            case "past":
                found = bookings.filter(status="confirmed", starts_at__lt=self.now).last()
            case _:
                found = bookings.filter(status=tab).last()
        assert found is not None, (tab, slug)
        return found

    def one_off(self, state: str) -> OneOff:
        """The newest in this state."""
        found = [each for each in OneOff.objects.order_by("created_at") if each.state_at(self.now) == state]
        return found[-1]

    @cached_property
    def unheld(self) -> OneOff:
        """An open one of alice's that holds nothing: its first time has been taken meanwhile."""
        taken = OneOff.objects.get(title="Rollout plan").slots.all()
        periods = tuple(slot.period for slot in taken)
        alice = self.members["alice"]
        return make_one_off(
            alice,
            self.now,
            title="Supplier intro",
            periods=periods,
            reserve=False,
            timezone=alice.user.timezone,
        )

    def mail(self, method: str) -> CaughtMail:
        """The first one that a booker got with such an invitation."""
        found = CaughtMail.objects.filter(invite_method=method, subject__contains=" with ").order_by(
            "received_at"
        )
        return found[0]

    def sent_about(self, booking: Booking) -> OutboxMessage:
        """The first mail that went out about the booking."""
        topics = [booking.pk, *(attendee.pk for attendee in booking.attendees.all())]
        return OutboxMessage.objects.filter(topic_id__in=topics, sent_at__isnull=False).earliest("created_at")

    def start(self, slug: str = DISCOVERY, skip: int = 0) -> datetime:
        """A free start of the day after tomorrow or later."""
        window = Period(self.now + timedelta(days=2), self.now + timedelta(days=9))
        return open_slots_of(self.link(slug), window, self.now)[skip].start

    def explained(self, slug: str) -> str:
        """The link's explanation of a day with times, asked about one that is taken."""
        start = self.start(slug).astimezone(ZoneInfo("Europe/London"))
        query = {"date": f"{start:%Y-%m-%d}", "tz": "Europe/London", "at": "07:00"}
        return f"{reverse('scheduling:explain', args=[self.link(slug).pk])}?{urlencode(query)}"

    def key_of(self, username: str) -> str:
        """What the mail about a forgotten password has in its address."""
        user = self.members[username].user
        return f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"

    def manage(self, booking: Booking, view: str = "manage") -> str:
        return reverse(f"bookings:{view}", args=[booking.page_slug, manage_token(booking.booker)])

    def told(self, booking: Booking) -> str:
        """What a frame's address says of a booking that was made in it."""
        return signing.dumps([booking.starts_at.isoformat(), booking.host.first_name], salt=DONE)


def make_world(now: datetime) -> World:
    """Build it; the mails are caught in the local mailbox when the settings say so."""
    hours = count()

    def earlier() -> datetime:
        return now - timedelta(days=3) + timedelta(hours=next(hours))

    demo.seed(now)
    world = World(now)
    mara, alice = world.members["mara"], world.members["alice"]
    for username, name in (("chloe", "Chloé Marchand"), ("tom", "Tom Whitaker"), ("ines", "Inés Prado")):
        MembershipFactory(workspace=mara.workspace, user=UserFactory(username=username, name=name))
    del world.members
    people = [world.members[username] for username in ("chloe", "daniel", "tom")]
    assign_to(world.template, people, mara, now=earlier())
    BookingLink.objects.filter(slug="bruno-discovery-call").update(location_detail="My own room")
    locks = [*world.template.locked_sections, "buffers"]
    save(world.template, mara, buffer_after_minutes=15, locks=locks, now=earlier())
    finish_runs(earlier())
    make_template(mara, title="Renewal Review", slug="pilot-kickoff", duration_minutes=45, now=earlier())
    _offer_times(alice, now)
    _deliver_mails(now)
    return world


def _offer_times(host: Membership, now: datetime) -> None:
    """A one-off in every state, the open one last."""

    def offered(title: str, first_day: int, **fields: Any) -> OneOff:
        starts = [
            now.replace(minute=0) + timedelta(days=first_day + extra, hours=hours)
            for extra, hours in enumerate((2, 0, 1))
        ]
        periods = tuple(Period.lasting(start, timedelta(minutes=45)) for start in starts)
        place = {"location_type": "video", "location_detail": "https://meet.larkhill.example/alice"}
        return make_one_off(
            host, now, title=title, periods=periods, timezone=host.user.timezone, **place, **fields
        )

    pick(offered("Rollout plan", 14), now)
    offered("Pricing questions", 21, expires_at=now + timedelta(minutes=1))
    OneOff.objects.filter(title="Pricing questions").update(expires_at=now - timedelta(hours=1))
    one_offs.withdraw(one_off=offered("Site visit", 28), actor=host.user, now=now)
    offered("Contract walkthrough", 1, expires_at=now + timedelta(days=3))


def _deliver_mails(now: datetime) -> None:
    """What a worker has delivered until now. The outbox goes by the database's clock, which is another one."""
    waiting = OutboxMessage.objects.filter(sent_at=None)
    later = list(waiting.filter(available_at__gt=now).values_list("pk", "available_at"))
    waiting.filter(available_at__lte=now).update(available_at=Now() - timedelta(seconds=1))
    waiting.filter(pk__in=[pk for pk, _due in later]).update(available_at=Now() + timedelta(days=1))
    deliver_due(now)
    for pk, due in later:
        waiting.filter(pk=pk).update(available_at=due)
    OutboxMessage.objects.exclude(sent_at=None).update(sent_at=now)
    mails = CaughtMail.objects.order_by("received_at")
    for minutes, mail in enumerate(reversed(mails)):
        CaughtMail.objects.filter(pk=mail.pk).update(received_at=now - timedelta(minutes=7 * minutes))


def set_up_texts(settings: Any) -> None:
    """As if there were a Twilio."""
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = ACCOUNT, TOKEN, FROM
    settings.SMS_COUNTRIES = ["DE", "US"]
