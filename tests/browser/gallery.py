"""Every page of the product in the demo workspace: where it is, who sees it, and in which states it is looked at.

The list is the product's: `test_axe.py` walks it and fails when an address of the product is missing here, and
`test_screens.py` takes the pictures of `docs/screens.md` from it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.core import signing
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse
from playwright.sync_api import Page, expect

from bookings.models import Booking, BulkItem, BulkRun
from bookings.selectors import manage_token, starts_near
from bookings.services import alternatives, briefings, workflows
from bookings.services import booking as booking_service
from bookings.views.public import DONE
from managed_events.models import ManagedEventTemplate, Propagation
from one_off import services as one_offs
from one_off.models import OneOff
from one_off.selectors import token_of
from one_off.services.proposals import propose
from scheduling.domain.workflows import Trigger
from scheduling.models import BookingLink, OutOfOffice, Schedule, Workflow
from scheduling.selectors.times import open_slots_of
from tests.bookings.making_workflows import make_preset, make_workflow
from tests.browser.conftest import Visit, no_errors
from tests.calendars.making import as_if_read, connect_caldav, connect_feed, connect_google, connect_meetings
from tests.factories import MembershipFactory, UserFactory, make_booking, make_link
from tests.fakes.twilio import ACCOUNT, FROM, TOKEN
from tests.managed_events.making import assign_to, finish_runs, make_template, save
from tests.one_off.making import TOMAS, make_one_off, pick, slot_of
from tests.scheduling.making_logos import OTHER
from tests.sms.making import text_step
from workestra.accounts.domain.invites import Invitee
from workestra.accounts.domain.permissions import Role
from workestra.accounts.models import Group, Membership, User
from workestra.calendars import mirror
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, OwnEvent, OwnMeeting
from workestra.calendars.services import new_feed_address
from workestra.crm.models import Person
from workestra.demo import services as demo
from workestra.notifications.effects import deliver_due
from workestra.notifications.models import CaughtMail, OutboxMessage
from workestra.people import services as people
from workestra.sms.models import HostNumber

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


@dataclass(frozen=True)
class Look:
    """A page in a state. `view` is the name of its address, `who` is signed in; `act` does what leads to the state."""

    name: str
    view: str
    path: Callable[[World], str]
    who: str | None = None
    act: Callable[[Page, World], None] | None = None


def at(view: str, **arguments: Callable[[World], Any]) -> Callable[[World], str]:
    return lambda world: reverse(view, kwargs={name: of(world) for name, of in arguments.items()})


def query(address: str | Callable[[World], str], **parameters: str | Callable[[World], str]) -> Any:
    """The address with a query; its values may depend on the world."""

    def full(world: World) -> str:
        path = address if isinstance(address, str) else address(world)
        values = {
            name: value if isinstance(value, str) else value(world) for name, value in parameters.items()
        }
        return f"{path}{'&' if '?' in path else '?'}{urlencode(values)}"

    return full


# --- What leads to a state ---


def press(name: str) -> Callable[[Page, World], None]:
    def act(page: Page, world: World) -> None:
        with page.expect_navigation():
            page.get_by_role("button", name=name).click()

    return act


def choose_the_second(page: Page, world: World) -> None:
    page.get_by_role("radio").nth(1).check(force=True)
    expect(page.locator("#bar")).not_to_contain_text("Pick a time")


def choose_a_time(page: Page, world: World, told_in: str = "#chosen") -> None:
    slot = page.locator("label.slot").nth(2)
    slot.click()
    expect(page.locator(told_in)).to_contain_text(slot.locator("b").inner_text().strip())


def choose_in_frame(page: Page, world: World) -> None:
    choose_a_time(page, world, told_in="#bar")


def lose_the_time(page: Page, world: World) -> None:
    """Somebody else books the time while the form is filled in."""
    page.get_by_label("Your name").fill("Priya Raman")
    page.get_by_label("Email").fill("priya@saltmarsh.example")
    page.get_by_label("Phone").fill("+1 212 555 0100")
    page.get_by_text("6 to 20", exact=True).click()
    page.get_by_label("What would make this call worth your time?").fill("Multi-stop planning.")
    make_booking(world.link("bruno-discovery-call"), world.start("bruno-discovery-call"), world.now)
    page.get_by_role("button", name="Book").click()
    expect(page.get_by_text("was just taken").first).to_be_visible()


def offer_a_taken_time(page: Page, world: World) -> None:
    """Without a title, and at a time that alice has given away already."""
    slot = OneOff.objects.get(title="Rollout plan").slots.all()[0]
    start = slot.starts_at.astimezone(ZoneInfo(world.members["alice"].user.timezone))
    page.get_by_label("Slot 1, date").fill(f"{start:%Y-%m-%d}")
    page.get_by_label("Slot 1, start").fill(f"{start:%H:%M}")
    page.get_by_role("button", name="Create link").click()
    expect(page.locator("#form-errors")).to_be_focused()


def add_a_row_of_each(page: Page, world: World) -> None:
    for button in ("Add hours on Monday", "Add a date", "Add question"):
        page.get_by_role("button", name=button).click()
    expect(page.get_by_role("group", name="New question")).to_be_visible()


def send_bad_hours(page: Page, world: World) -> None:
    page.get_by_label("Monday, from").fill("nine")
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_role("alert")).to_be_focused()


def open_the_first_rows(page: Page, world: World) -> None:
    for name in ("Tom Whitaker", "Bruno Keller"):
        page.locator("summary", has_text=name).first.click()


def send_another_logo(page: Page, world: World) -> None:
    page.get_by_label("Logo (optional)").set_input_files(
        {"name": "new.png", "mimeType": "image/png", "buffer": OTHER.content}
    )
    expect(page.get_by_alt_text("The logo after")).to_be_visible()
    expect(page.get_by_label("Remove the logo")).not_to_be_checked()


def save_after_somebody_else(page: Page, world: World) -> None:
    save(world.unused_template, world.members["mara"], duration_minutes=50, locks=["title"], now=world.now)
    page.get_by_label("Duration", exact=True).fill("60")
    # The plan in the page says it already; the state that is looked at is the page that answers.
    with page.expect_navigation():
        page.get_by_role("button", name="Save template").click()
    expect(page.get_by_text("while you were editing")).to_be_visible()


def sees(heading: str) -> Callable[[Page, World], None]:
    def act(page: Page, world: World) -> None:
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)

    return act


def send_empty(button: str) -> Callable[[Page, World], None]:
    def act(page: Page, world: World) -> None:
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("alert").first).to_be_visible()

    return act


def close_friday(page: Page, world: World) -> None:
    page.get_by_role("checkbox", name="Friday").uncheck()
    expect(page.locator("#plan")).to_contain_text("Friday closes.")


def send_bad_schedule(page: Page, world: World) -> None:
    page.get_by_label("Monday, to").first.fill("nine")
    page.get_by_role("button", name="Save and update").click()
    expect(page.get_by_role("alert").first).to_be_visible()


def offer_two_times(page: Page, world: World) -> None:
    page.get_by_label("Title").fill("Contract walkthrough")
    for number, start in ((1, "11:30"), (2, "14:00")):
        day = world.now + timedelta(days=7 + number)
        page.get_by_label(f"Slot {number}, date").fill(f"{day:%Y-%m-%d}")
        page.get_by_label(f"Slot {number}, start").fill(start)
    expect(page.locator("#slots-count")).to_contain_text("2 of 10")


def tick(*people: str) -> Callable[[Page, World], None]:
    def act(page: Page, world: World) -> None:
        for name in people:
            page.get_by_role("checkbox", name=f"Assign {name}").check()
        page.get_by_text(f"{len(people)} new link").wait_for()

    return act


def seats_left(world: World) -> str:
    """A day with a session that some have booked."""
    session = world.booking(slug="onboarding-session")
    return f"/book/onboarding-session?date={session.starts_at:%Y-%m-%d}&tz=America/New_York"


def cancelled(world: World) -> Booking:
    return world.booking("cancelled")


def moved(world: World) -> str:
    """An address that was right before the booking was moved."""
    old = world.booking("rescheduled")
    return world.manage(old)


def manage_of_new(world: World) -> str:
    """The manage page of a booking made for this look."""
    link = world.link("emi-discovery-call")
    booker = booking_service.Booker(
        name="Priya Raman", email="priya@saltmarsh.example", timezone="America/New_York"
    )
    made = booking_service.book(
        link=link, start=world.start(link.slug), booker=booker, nonce=uuid4(), now=world.now
    )
    return world.manage(made.booking)


def offered_other_times(world: World) -> Booking:
    """A booking made for this look, for which its host offers three other times."""
    link = world.link("emi-discovery-call")
    start = world.start(link.slug)
    booking = make_booking(link, start, world.now)
    alternatives.offer(
        booking=booking,
        starts=[start + timedelta(days=2, hours=hour) for hour in range(3)],
        message="A customer visit landed on that morning. If none suits, I will make it work.",
        closes=timedelta(0),
        actor=booking.host,
        now=world.now,
    )
    return booking


def manage_of_too_late(world: World) -> str:
    """The manage page of a booking whose page asks for more notice of a change than is left."""
    link = world.link("daniel-discovery-call")
    booking = make_booking(link, world.start(link.slug), world.now)
    BookingLink.objects.filter(pk=link.pk).update(cancel_cutoff_hours=720, reschedule_cutoff_hours=720)
    return world.manage(booking)


def template_being_brought_in_line(world: World) -> str:
    """A template that was just saved: one of its links has the change, two wait for it."""
    mara = world.members["mara"]
    template = make_template(mara, title="Onboarding", slug="onboarding", now=world.now)
    assign_to(template, [world.members[name] for name in ("chloe", "ines", "tom")], mara, now=world.now)
    run = save(template, mara, title="Onboarding Call", now=world.now).run
    assert run is not None
    Propagation.objects.filter(pk=run.pk).update(links_done=1)
    return reverse("managed_events:detail", args=[template.pk])


def template_with_a_crooked_link(world: World) -> str:
    """One link says something else than its template, as only a mistake of ours could make it."""
    BookingLink.objects.filter(slug="tom-discovery-call").update(title="Crooked")
    return on_template("detail")(world)


def adoption(world: World) -> str:
    """A link that Inés made herself, about to join the template."""
    link = make_link(
        world.members["ines"], slug="ines-intro", title="Intro with Inés", buffer_before_minutes=5
    )
    return f"{on_template('adopt')(world)}?link={link.pk}"


def workflow_of(world: World) -> Workflow:
    """One that asks the day before, for every link; with it a paused one for no link yet."""
    mara = world.members["mara"]
    known = Workflow.objects.filter(workspace=mara.workspace, name="Still coming?").first()
    if known is None:
        known = make_preset(mara, "reconfirm", world.now)
        workflows.duplicate(workflow_id=make_preset(mara, "missed", world.now).pk, by=mara, now=world.now)
    return known


def on_workflow(name: str) -> Callable[[World], str]:
    return at(f"bookings:{name}", workflow_id=lambda world: workflow_of(world).pk)


def workflows_in_use(world: World) -> str:
    workflow_of(world)
    return reverse("bookings:workflows")


def asking_for_texts(world: World) -> str:
    """The details of a link whose workflow texts its bookers."""
    alice = world.members["alice"]
    link = BookingLink.objects.filter(slug="alice-visit").first()
    if link is None:
        link = make_link(alice, slug="alice-visit", title="Visit")
        make_workflow(world.members["mara"], Trigger.BEFORE_START, text_step(), now=world.now, links=[link])
    start = starts_near(link, world.now, world.now)[0]
    return f"{reverse('bookings:details', args=[link.slug])}?start={start:%Y-%m-%dT%H:%MZ}"


def number_to_confirm(world: World) -> str:
    """Alice's own number, which waits for its code."""
    alice = world.members["alice"]
    HostNumber.objects.get_or_create(
        workspace=alice.workspace,
        user=alice.user,
        defaults={"number": "+4915112345678", "code_sent_at": world.now},
    )
    return reverse("sms:number")


def set_up_texts(settings: Any) -> None:
    """As if there were a Twilio."""
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = ACCOUNT, TOKEN, FROM
    settings.SMS_COUNTRIES = ["DE", "US"]


def on_member(name: str, username: str) -> Callable[[World], str]:
    return at(f"people:{name}", member_id=lambda world: world.members[username].pk)


def on_group(name: str) -> Callable[[World], str]:
    return at(
        f"people:{name}", group_id=lambda world: world.template.group_id or Group.objects.earliest("name").pk
    )


def people_and_invitations(world: World) -> str:
    """The list with an invitation that waits and one whose mail could not be delivered."""
    mara = world.members["mara"]
    typed = [Invitee("Hana Novák", "hana@larkhill.example"), Invitee("Rosa", "rosa@larkhill.example")]
    if not User.objects.filter(email=typed[0].email).exists():
        _hana, rosa = people.invite(people=typed, role=Role.MEMBER, by=mara, now=world.now)
        OutboxMessage.objects.filter(topic_id=rosa.pk).update(sent_at=None, dead_at=world.now)
    return reverse("people:members")


def waiting_for_mara(world: World) -> str:
    """A mail that did not arrive."""
    confirmed = OutboxMessage.objects.filter(topic_id=world.booking().booker.pk).exclude(sent_at=None)
    confirmed.update(sent_at=None, dead_at=world.now)
    return reverse("dashboard:calendar")


def full_day(world: World) -> str:
    """Two meetings to come today, in New York, one of them long enough for words."""
    if not BookingLink.objects.filter(slug="alice-review").exists():
        link = make_link(
            world.members["alice"], slug="alice-review", title="Renewal Review", timezone="Etc/UTC"
        )
        for hour, minutes in ((15, 60), (16, 15)):
            link.duration_minutes = minutes
            link.save()
            make_booking(link, world.now.replace(hour=hour, minute=0, second=0, microsecond=0), world.now)
    return reverse("dashboard:calendar")


def take_a_permission(page: Page, world: World) -> None:
    page.locator("#show-manager").check(force=True)
    page.locator("[name=manager-delete][value=none]").check()
    expect(page.locator("#rsum")).to_contain_text("1 change")


def to_mend(world: World) -> ManagedEventTemplate:
    """A template whose notice is longer than its booking window, and somebody without a time."""
    mara = world.members["mara"]
    if found := ManagedEventTemplate.objects.filter(slug="board-prep").first():
        return found
    template = make_template(
        mara,
        title="Board Prep",
        slug="board-prep",
        minimum_notice_hours=400,
        booking_window_days=7,
        now=world.now,
    )
    assign_to(template, [world.members["chloe"]], mara, now=world.now)
    return template


def template_to_mend(world: World) -> str:
    return reverse("managed_events:checks", args=[to_mend(world).pk])


def trouble_everywhere(world: World) -> str:
    """A link out of step and one without a time, a calendar that cannot be read, a mail that did not arrive."""
    waiting_for_mara(world)
    to_mend(world).links.update(title="Board preparation")
    if not CalendarAccount.objects.filter(user__username="tom").exists():
        broken = connect_caldav(world.members["tom"], world.now - timedelta(hours=8))
        CalendarAccount.objects.filter(pk=broken.pk).update(state=CalendarAccount.State.BROKEN)
    return reverse("dashboard:admin")


def open_the_first_entry(page: Page, world: World) -> None:
    page.locator(".arow > summary").first.click()
    page.evaluate("scrollTo(0, 0)")


def somebody_left(world: World) -> str:
    """Alice has left, with meetings to come."""
    Membership.objects.filter(pk=world.members["alice"].pk).update(is_active=False)
    return reverse("managed_events:hand_over")


def everybody_is_here(world: World) -> str:
    Membership.objects.filter(pk=world.members["alice"].pk).update(is_active=True)
    return reverse("managed_events:hand_over")


def on_template(view: str) -> Callable[[World], str]:
    return at(f"managed_events:{view}", template_id=lambda world: world.template.pk)


def proposing(world: World) -> str:
    return reverse("one_off:propose", args=[token_of(world.one_off("open"))])


def proposed_for(world: World) -> str:
    """The page of somebody who has sent two times."""
    one_off = world.one_off("open")
    proposal = propose(
        one_off=one_off,
        booker=TOMAS,
        starts=[world.later(50), world.later(51)],
        length=HALF,
        message="I fly on Thursday. Either of these?",
        nonce=uuid4(),
        now=world.now,
    )
    return f"{proposing(world)}?sent={proposal.pk}"


def list_with_proposals(world: World) -> str:
    proposed_for(world)
    return reverse("one_off:list")


def of_picked(name: str) -> Callable[[World], str]:
    def address(world: World) -> str:
        booking = world.one_off("booked").booking
        assert booking is not None
        return reverse(name, args=[manage_token(booking.booker)])

    return address


def editing_one_off(world: World) -> str:
    return reverse("one_off:edit", args=[world.one_off("open").pk])


def on_one_off(state: str) -> Callable[[World], str]:
    return at("one_off:pick", token=lambda world: token_of(world.one_off(state)))


def on_mail(method: str) -> Callable[[World], str]:
    return at("notifications:mail", mail_id=lambda world: world.mail(method).pk)


def on_link(view: str, slug: str = DISCOVERY) -> Callable[[World], str]:
    return at(f"scheduling:{view}", link_id=lambda world: world.link(slug).pk)


def a_paused_link(world: World) -> str:
    BookingLink.objects.filter(slug="alice-coffee").update(paused_at=world.now)
    return reverse("scheduling:links")


def mails_failed(world: World) -> str:
    """One mail was refused for good, another is tried again."""
    one, other = OutboxMessage.objects.filter(workspace=world.members["mara"].workspace)[:2]
    OutboxMessage.objects.filter(pk=one.pk).update(
        sent_at=None, skipped_at=None, dead_at=world.now, attempts=3, last_error="550 no such user"
    )
    OutboxMessage.objects.filter(pk=other.pk).update(
        sent_at=None, skipped_at=None, dead_at=None, attempts=2, last_error="TimeoutError: timed out"
    )
    return reverse("notifications:outbox")


def briefed(world: World) -> str:
    """The notices of alice, who meets somebody within the hour."""
    noor = world.person.attendances.filter(booking__starts_at__gt=world.now).earliest("booking__starts_at")
    briefings.send_due(noor.booking.starts_at - timedelta(minutes=45))
    return reverse("notifications:notices")


def on_person(view: str) -> Callable[[World], str]:
    return at(f"crm:{view}", person_id=lambda world: world.person.pk)


def on_schedule(view: str) -> Callable[[World], str]:
    return at(f"scheduling:{view}", schedule_id=lambda world: world.schedule.pk)


def connecting(kind: str) -> str:
    return reverse("calendars:connect", args=[kind])


def accounts_of(username: str) -> Callable[[World], str]:
    """One account that works, one that was not read lately, two that need reconnecting: a feed, and one with Zoom."""

    def address(world: World) -> str:
        assert world.account
        new_feed_address(world.members[username], world.now)
        late = connect_google(world.members[username], None, world.now)
        two_hours_ago = world.now - timedelta(hours=2)
        as_if_read(two_hours_ago, late)
        late.calendars.filter(checked=True).update(failing_since=world.now, last_error="Google answered 503.")
        broken = connect_feed(world.members[username], world.now)
        as_if_read(two_hours_ago, broken)
        mirror.mark_broken(broken, "The feed asks for a password: its address has changed.", world.now)
        room = connect_meetings(world.members[username], ProviderKind.ZOOM, None, world.now)
        mirror.mark_broken(room, "The access was taken away or refused (invalid_grant).", world.now)
        return reverse("calendars:accounts")

    return address


def broken_calendar(world: World) -> str:
    """A page of somebody whose calendar cannot be read, and whose account of meeting links lets nobody in."""
    mirror.mark_broken(world.account, "The password is no longer taken.", world.now)
    room = connect_meetings(world.members["alice"], ProviderKind.ZOOM, None, world.now)
    mirror.mark_broken(room, "The access was taken away or refused (invalid_grant).", world.now)
    return reverse("scheduling:links")


def check_every(page: Page, world: World) -> None:
    for box in page.locator("input[name=pick]").all():
        box.check()
    press("Check")(page, world)


def bulk_run(world: World) -> UUID:
    """A run with one booking that was marked, and one that could not be."""
    run = BulkRun.objects.create(
        member=world.members["mara"],
        action="attendance",
        attendance="attended",
        started_at=world.now,
        finished_at=world.now,
    )
    for tab, state, problem in (("past", "done", ""), ("upcoming", "failed", "It has not begun")):
        BulkItem.objects.create(run=run, booking=world.booking(tab), state=state, problem=problem)
    return run.pk


def a_stuck_placeholder(world: World) -> str:
    """Two held times, one of them in the calendar; and one released that the calendar still shows."""
    alice = world.members["alice"]
    assert world.account
    made = make_one_off(alice, world.now, title="Kickoff", periods=(Period.lasting(world.later(40), HALF),))
    kept = make_one_off(alice, world.now, title="Review", periods=(Period.lasting(world.later(41), HALF),))
    written = OwnEvent.objects.filter(topic_id__in=[slot_of(made).pk, slot_of(kept).pk])
    written.update(written_version=F("version"), written_at=world.now, is_there=True)
    one_offs.withdraw(one_off=made, actor=alice.user, now=world.now)
    written.filter(topic_id=slot_of(made).pk).update(
        dead_at=world.now, attempts=6, last_error="CalDAV answered 403."
    )
    return reverse("one_off:holds")


def an_event_deleted_in_the_calendar(world: World) -> str:
    """The drawer of a booking whose event was written, but is not in what was read of the calendar since."""
    booking = world.booking()
    account = world.account
    OwnEvent.objects.create(
        key=uuid4(),
        workspace_id=booking.workspace_id,
        user_id=booking.host_id,
        calendar=account.calendars.filter(checked=True)[0],
        topic="booking",
        topic_id=booking.series_id,
        written_version=1,
        written_at=world.now - timedelta(hours=1),
        is_there=True,
    )
    account.calendars.update(synced_at=world.now)
    return f"{reverse('bookings:console')}?open={booking.pk}"


def an_event_that_was_moved(world: World) -> str:
    """What was last written of an event at the third try, while it is to be moved and the provider does not answer."""
    booking = world.booking()
    facts = {
        "workspace_id": booking.workspace_id,
        "calendar": world.account.calendars.filter(checked=True)[0],
        "version": 2,
        "written_version": 1,
        "written_at": world.now - timedelta(hours=1),
        "is_there": True,
        "remote_id": "https://dav.larkhill.example/alice/5f1c0e7a.ics",
        "told_title": booking.title,
        "told_start": booking.starts_at,
        "told_end": booking.ends_at,
        "failures": 2,
        "last_error": "CalDAV answered 503.",
    }
    # Another look may have owed it already.
    written, _ = OwnEvent.objects.update_or_create(
        topic="booking",
        topic_id=booking.series_id,
        user_id=booking.host_id,
        defaults=facts,
        create_defaults=facts | {"key": uuid4()},
    )
    return reverse("bookings:written", args=[booking.pk, written.pk])


def a_link_that_was_not_made(world: World) -> str:
    """The drawer of a booking that is to meet at Zoom, whose host has no account there."""
    booking = world.booking()
    type(booking).objects.filter(pk=booking.pk).update(location_type="zoom", location_detail="")
    OwnMeeting.objects.create(
        key=uuid4(),
        workspace_id=booking.workspace_id,
        user_id=booking.host_id,
        topic="booking",
        topic_id=booking.series_id,
        kind="zoom",
        dead_at=world.now,
        last_error=f"{booking.host.name} has no Zoom account connected.",
    )
    return f"{reverse('bookings:console')}?open={booking.pk}"


def console(tab: str, *, slug: str = "") -> Callable[[World], str]:
    """The list, with the row of this link's booking open."""
    opened = {"open": lambda world: str(world.booking(tab, slug).pk)} if slug else {}
    return query("/calendar/bookings", tab=tab, **opened)


BOOK, DETAILS, EMBED = f"/book/{DISCOVERY}", f"/book/{DISCOVERY}/details", f"/embed/{DISCOVERY}"
LOOKS: tuple[Look, ...] = (
    # The door.
    Look("login", "account_login", at("account_login")),
    Look("login-refused", "account_login", at("account_login"), act=send_empty("Sign in")),
    Look("logout", "account_logout", at("account_logout"), "alice"),
    Look("account-inactive", "account_inactive", at("account_inactive")),
    Look("account-signup", "account_signup", at("account_signup")),
    Look("password-reset", "account_reset_password", at("account_reset_password")),
    Look("password-reset-sent", "account_reset_password_done", at("account_reset_password_done")),
    Look(
        "password-new",
        "account_reset_password_from_key",
        lambda world: f"/accounts/password/reset/key/{world.key_of('gustav')}/",
    ),
    Look(
        "password-bad-key",
        "account_reset_password_from_key",
        lambda world: "/accounts/password/reset/key/1-nothing/",
    ),
    Look("password-done", "account_reset_password_from_key_done", at("account_reset_password_from_key_done")),
    Look("password-change", "account_change_password", at("account_change_password"), "alice"),
    # The invitee.
    Look(
        "book",
        "bookings:book",
        query(BOOK, tz="Europe/Berlin", date=lambda world: f"{world.now + timedelta(days=2):%Y-%m-%d}"),
        act=choose_a_time,
    ),
    Look("book-round-robin", "bookings:book", lambda world: "/book/product-demo"),
    Look("book-group", "bookings:book", seats_left),
    Look("book-collective", "bookings:book", lambda world: "/book/pilot-kickoff"),
    Look("book-unknown", "bookings:book", lambda world: "/book/no-such-page"),
    Look("book-bad-address", "bookings:book", query(BOOK, date="soon")),
    Look(
        "book-empty-month",
        "bookings:book",
        query(BOOK, month=lambda world: f"{world.now + timedelta(days=150):%Y-%m}"),
    ),
    Look(
        "book-details",
        "bookings:details",
        query(DETAILS, start=lambda world: world.start().isoformat(), tz="Europe/Berlin"),
    ),
    Look(
        "book-details-refused",
        "bookings:details",
        query(DETAILS, start=lambda world: world.start().isoformat(), tz="Europe/Berlin"),
        act=send_empty("Book"),
    ),
    Look(
        "book-conflict",
        "bookings:details",
        query(
            "/book/bruno-discovery-call/details",
            start=lambda world: world.start("bruno-discovery-call").isoformat(),
            tz="America/New_York",
        ),
        act=lose_the_time,
    ),
    Look("book-confirmed", "bookings:confirmed", lambda world: world.manage(world.booking(), "confirmed")),
    Look(
        "embed",
        "bookings:embed_book",
        query(EMBED, tz="Europe/Berlin", date=lambda world: f"{world.now + timedelta(days=2):%Y-%m-%d}"),
        act=choose_in_frame,
    ),
    Look("embed-unknown", "bookings:embed_book", lambda world: "/embed/no-such-page"),
    Look(
        "embed-details",
        "bookings:embed_details",
        query(f"{EMBED}/details", start=lambda world: world.start().isoformat(), tz="Europe/Berlin"),
    ),
    Look(
        "embed-booked",
        "bookings:embed_done",
        query(f"{EMBED}/done", booked=lambda world: world.told(world.booking()), tz="Europe/Berlin"),
    ),
    Look("manage", "bookings:manage", lambda world: world.manage(world.booking())),
    Look(
        "manage-reschedule",
        "bookings:reschedule",
        lambda world: world.manage(world.booking(), "reschedule"),
    ),
    Look(
        "manage-cancel",
        "bookings:manage_cancel",
        lambda world: world.manage(world.booking(), "manage_cancel"),
    ),
    Look("manage-cancelled", "bookings:manage", lambda world: world.manage(cancelled(world))),
    Look("manage-past", "bookings:manage", lambda world: world.manage(world.booking("past"))),
    Look("manage-replaced", "bookings:manage", moved),
    Look(
        "alternatives",
        "bookings:alternatives",
        lambda world: world.manage(offered_other_times(world), "alternatives"),
    ),
    Look(
        "manage-too-late",
        "bookings:manage",
        manage_of_too_late,
        act=sees("Too late to change this here"),
    ),
    Look(
        "manage-just-cancelled",
        "bookings:manage",
        query(manage_of_new, open="cancel"),
        act=press("Cancel booking"),
    ),
    Look(
        "one-off",
        "one_off:pick",
        query(
            on_one_off("open"), tz="Europe/Madrid", name="Tomás Herrera", email="tomas@cobaltfoods.example"
        ),
        act=choose_the_second,
    ),
    Look(
        "one-off-refused",
        "one_off:pick",
        on_one_off("open"),
        act=send_empty("Confirm"),
    ),
    Look(
        "one-off-taken", "one_off:pick", lambda world: reverse("one_off:pick", args=[token_of(world.unheld)])
    ),
    Look("one-off-propose", "one_off:propose", proposing),
    Look("one-off-propose-refused", "one_off:propose", proposing, act=press("Send to Alice")),
    Look("one-off-proposed", "one_off:propose", proposed_for),
    Look("one-off-move", "one_off:move", of_picked("one_off:move")),
    Look("one-off-propose-move", "one_off:propose_move", of_picked("one_off:propose_move")),
    Look("one-off-booked", "one_off:pick", on_one_off("booked")),
    Look("one-off-expired", "one_off:pick", on_one_off("expired")),
    Look("one-off-withdrawn", "one_off:pick", on_one_off("withdrawn")),
    # The rep.
    Look("calendar", "dashboard:calendar", waiting_for_mara, "mara"),
    Look("calendar-rep", "dashboard:calendar", full_day, "alice"),
    Look("bookings", "bookings:console", console("upcoming"), "mara"),
    Look("booking-astray", "bookings:console", an_event_deleted_in_the_calendar, "alice"),
    Look("booking-no-link", "bookings:console", a_link_that_was_not_made, "alice"),
    Look("booking-drawer", "bookings:console", console("upcoming", slug="product-demo"), "mara"),
    Look(
        "booking-cancelling",
        "bookings:console",
        query(console("upcoming", slug="product-demo"), form="cancel"),
        "mara",
    ),
    *(
        Look(
            f"booking-{form}",
            "bookings:console",
            query(console("upcoming", slug="product-demo"), form=form),
            "mara",
        )
        for form in ("propose", "offer", "reassign")
    ),
    Look(
        "booking-offered",
        "bookings:console",
        lambda world: f"/calendar/bookings?scope=all&open={offered_other_times(world).pk}",
        "mara",
    ),
    Look("session-drawer", "bookings:console", console("upcoming", slug="onboarding-session"), "mara"),
    Look("bulk", "bookings:bulk", at("bookings:bulk", action=lambda world: "reassign"), "mara"),
    Look(
        "bulk-checked",
        "bookings:bulk",
        at("bookings:bulk", action=lambda world: "reassign"),
        "mara",
        act=check_every,
    ),
    Look("bulk-run", "bookings:bulk_run", at("bookings:bulk_run", bulk_id=bulk_run), "mara"),
    Look("session-past", "bookings:console", console("past", slug="onboarding-session"), "mara"),
    Look("collective-drawer", "bookings:console", console("upcoming", slug="pilot-kickoff"), "mara"),
    Look("bookings-past", "bookings:console", console("past"), "alice"),
    Look("bookings-cancelled", "bookings:console", console("cancelled", slug=DISCOVERY), "alice"),
    Look("bookings-rescheduled", "bookings:console", console("rescheduled"), "alice"),
    Look("bookings-none", "bookings:console", query("/calendar/bookings", q="zoom friday"), "alice"),
    Look("links", "scheduling:links", at("scheduling:links"), "alice"),
    Look("links-paused", "scheduling:links", a_paused_link, "alice"),
    Look("book-paused", "bookings:book", lambda world: "/book/alice-coffee"),
    Look("link-new", "scheduling:link_new", at("scheduling:link_new"), "alice"),
    Look("link-new-refused", "scheduling:link_new", at("scheduling:link_new"), "alice", act=send_bad_hours),
    Look("link-locked", "scheduling:link_edit", on_link("link_edit"), "alice"),
    Look("link-own", "scheduling:link_edit", on_link("link_edit", "product-demo"), "alice"),
    Look(
        "link-own-new-rows",
        "scheduling:link_edit",
        on_link("link_edit", "product-demo"),
        "alice",
        act=add_a_row_of_each,
    ),
    Look("explain", "scheduling:explain", on_link("explain", "product-demo"), "alice"),
    Look(
        "explain-start",
        "scheduling:explain",
        lambda world: world.explained("product-demo"),
        "alice",
    ),
    Look(
        "embed-settings",
        "bookings:embed_settings",
        at("bookings:embed_settings", link_id=lambda world: world.link("product-demo").pk),
        "alice",
    ),
    Look("link-delete", "scheduling:link_delete", on_link("link_delete", "product-demo"), "alice"),
    Look("link-group", "scheduling:link_edit", on_link("link_edit", "onboarding-session"), "alice"),
    Look("link-collective", "scheduling:link_edit", on_link("link_edit", "pilot-kickoff"), "alice"),
    Look("schedules", "scheduling:schedules", at("scheduling:schedules"), "alice"),
    Look("schedules-none", "scheduling:schedules", at("scheduling:schedules"), "mara"),
    Look("schedule-new", "scheduling:schedule_new", at("scheduling:schedule_new"), "alice"),
    Look("schedule", "scheduling:schedule_edit", on_schedule("schedule_edit"), "alice"),
    Look(
        "schedule-changed",
        "scheduling:schedule_edit",
        on_schedule("schedule_edit"),
        "alice",
        act=close_friday,
    ),
    Look(
        "schedule-refused",
        "scheduling:schedule_edit",
        on_schedule("schedule_edit"),
        "alice",
        act=send_bad_schedule,
    ),
    Look("schedule-delete", "scheduling:schedule_delete", on_schedule("schedule_delete"), "alice"),
    Look("workflows", "bookings:workflows", workflows_in_use, "mara"),
    Look(
        "workflow-new",
        "bookings:workflow_new",
        query(at("bookings:workflow_new"), preset="reconfirm"),
        "mara",
    ),
    Look(
        "workflow-refused",
        "bookings:workflow_new",
        at("bookings:workflow_new"),
        "mara",
        act=send_empty("Make workflow"),
    ),
    Look("workflow", "bookings:workflow", on_workflow("workflow"), "mara"),
    Look(
        "workflow-text",
        "bookings:workflow_new",
        query(at("bookings:workflow_new"), preset="text"),
        "mara",
    ),
    Look("book-texts", "bookings:details", asking_for_texts),
    Look("texts-to-you", "sms:number", number_to_confirm, "alice"),
    Look("workflow-to-read", "bookings:workflow", on_workflow("workflow"), "alice"),
    Look("workflow-delete", "bookings:workflow_delete", on_workflow("workflow_delete"), "mara"),
    Look("reconfirm", "bookings:reconfirm", lambda world: world.manage(world.booking(), "reconfirm")),
    Look("out-of-office", "scheduling:out_of_office", at("scheduling:out_of_office"), "alice"),
    Look(
        "out-of-office-edit",
        "scheduling:out_of_office_edit",
        at("scheduling:out_of_office_edit", absence_id=lambda world: world.absence.pk),
        "alice",
    ),
    Look("out-of-office-team", "scheduling:out_of_office", at("scheduling:out_of_office"), "mara"),
    Look(
        "out-of-office-refused",
        "scheduling:out_of_office",
        at("scheduling:out_of_office"),
        "alice",
        act=send_empty("Add days"),
    ),
    Look("accounts", "calendars:accounts", accounts_of("alice"), "alice"),
    Look("calendar-broken", "scheduling:links", broken_calendar, "alice"),
    Look("accounts-none", "calendars:accounts", at("calendars:accounts"), "mara"),
    Look(
        "accounts-disconnect",
        "calendars:disconnect",
        at("calendars:disconnect", account_id=lambda world: world.account.pk),
        "alice",
    ),
    Look("accounts-connect", "calendars:connect", lambda world: connecting("caldav"), "alice"),
    Look(
        "accounts-connect-refused",
        "calendars:connect",
        lambda world: connecting("caldav"),
        "alice",
        act=send_empty("Connect"),
    ),
    Look("accounts-not-set-up", "calendars:connect", lambda world: connecting("google"), "alice"),
    Look("holds", "one_off:holds", a_stuck_placeholder, "alice"),
    Look("holds-none", "one_off:holds", at("one_off:holds"), "mara"),
    Look("one-off-list", "one_off:list", list_with_proposals, "alice"),
    Look("one-off-edit", "one_off:edit", editing_one_off, "alice"),
    Look("one-off-new", "one_off:new", at("one_off:new"), "alice", act=offer_two_times),
    Look("one-off-new-refused", "one_off:new", at("one_off:new"), "alice", act=offer_a_taken_time),
    *(
        Look(name, "one_off:detail", at("one_off:detail", one_off_id=one_off_id), "alice")
        for name, one_off_id in (
            ("one-off-detail", lambda world: world.one_off("open").pk),
            ("one-off-detail-booked", lambda world: world.one_off("booked").pk),
            ("one-off-detail-unheld", lambda world: world.unheld.pk),
        )
    ),
    Look(
        "delivery",
        "bookings:delivery",
        at(
            "bookings:delivery",
            booking_id=lambda world: world.booking().pk,
            message_id=lambda world: world.sent_about(world.booking()).pk,
        ),
        "alice",
    ),
    Look("written", "bookings:written", an_event_that_was_moved, "alice"),
    # What one is told.
    Look("notices", "notifications:notices", briefed, "alice"),
    # People.
    Look("people", "crm:people", at("crm:people"), "alice"),
    Look("people-nobody", "crm:people", query(at("crm:people"), q="nobody at all"), "alice"),
    Look("person", "crm:person", on_person("person"), "alice"),
    Look("person-refused", "crm:person", on_person("person"), "alice", act=send_empty("Write down")),
    Look("person-new", "crm:person_new", at("crm:person_new"), "alice", act=send_empty("Write down")),
    Look("person-edit", "crm:person_edit", on_person("person_edit"), "alice"),
    Look(
        "activity",
        "crm:activity",
        at("crm:activity", activity_id=lambda world: world.person.activities.get(kind="call").pk),
        "alice",
    ),
    Look("opportunity-new", "crm:opportunity_new", on_person("opportunity_new"), "alice"),
    Look(
        "opportunity",
        "crm:opportunity",
        at("crm:opportunity", opportunity_id=lambda world: world.person.opportunities.get(outcome="").pk),
        "alice",
    ),
    # The admin.
    Look("admin-overview", "dashboard:admin", trouble_everywhere, "mara"),
    Look("managed-list", "managed_events:list", at("managed_events:list"), "mara"),
    Look("hand-over", "managed_events:hand_over", somebody_left, "mara"),
    Look("hand-over-nothing", "managed_events:hand_over", everybody_is_here, "mara"),
    Look("managed-new", "managed_events:new", at("managed_events:new"), "mara"),
    Look("managed-detail", "managed_events:detail", on_template("detail"), "mara"),
    Look(
        "managed-unassigned",
        "managed_events:detail",
        at("managed_events:detail", template_id=lambda world: world.unused_template.pk),
        "mara",
    ),
    Look("managed-edit", "managed_events:edit", on_template("edit"), "mara"),
    Look("managed-edit-logo", "managed_events:edit", on_template("edit"), "mara", act=send_another_logo),
    Look(
        "managed-assign",
        "managed_events:assign",
        on_template("assign"),
        "mara",
        act=tick("Inés Prado", "Gustav Lindqvist"),
    ),
    Look("managed-versions", "managed_events:versions", on_template("versions"), "mara"),
    Look("managed-checks", "managed_events:checks", template_to_mend, "mara"),
    Look(
        "managed-sync",
        "managed_events:sync",
        lambda world: reverse(
            "managed_events:sync", args=[world.template.pk, world.template.propagations.get().pk]
        ),
        "mara",
    ),
    Look("managed-adopt-nobody", "managed_events:adopt", on_template("adopt"), "mara"),
    Look("managed-adopt", "managed_events:adopt", adoption, "mara"),
    Look("managed-reset", "managed_events:reset", query(on_template("reset"), section="calendar"), "mara"),
    Look("managed-delete", "managed_events:delete", on_template("delete"), "mara"),
    Look(
        "managed-stale",
        "managed_events:edit",
        at("managed_events:edit", template_id=lambda world: world.unused_template.pk),
        "mara",
        act=save_after_somebody_else,
    ),
    Look(
        "managed-rows",
        "managed_events:detail",
        template_with_a_crooked_link,
        "mara",
        act=open_the_first_rows,
    ),
    Look("managed-running", "managed_events:detail", template_being_brought_in_line, "mara"),
    Look("members", "people:members", people_and_invitations, "mara"),
    Look("members-nobody", "people:members", query(at("people:members"), q="nobody at all"), "mara"),
    Look("invite", "people:invite", at("people:invite"), "mara", act=send_empty("Send invitations")),
    Look("member", "people:person", on_member("person", "daniel"), "mara"),
    Look("deactivate", "people:deactivate", on_member("deactivate", "alice"), "mara"),
    Look("groups", "people:groups", at("people:groups"), "mara"),
    Look("group-new", "people:group_new", at("people:group_new"), "mara", act=send_empty("Save group")),
    Look("group", "people:group", on_group("group"), "mara"),
    Look("group-delete", "people:group_delete", on_group("group_delete"), "mara"),
    Look("roles", "people:roles", at("people:roles"), "mara", act=take_a_permission),
    Look("outbox", "notifications:outbox", mails_failed, "mara"),
    Look("audit-log", "audit:log", at("audit:log"), "mara", act=open_the_first_entry),
    Look("audit-log-nothing", "audit:log", query(at("audit:log"), q="nobody at all"), "mara"),
    Look("not-found", "managed_events:list", lambda world: "/calendar/admin/nothing", "mara"),
    # The mailbox.
    Look("mailbox", "notifications:mailbox", at("notifications:mailbox"), "mara"),
    Look("mailbox-nobody", "notifications:mailbox", at("notifications:mailbox")),
    Look("mail", "notifications:mail", on_mail("REQUEST"), "mara"),
    Look("mail-cancelled", "notifications:mail", on_mail("CANCEL"), "mara"),
    Look("mail-source", "notifications:mail", query(on_mail("REQUEST"), part="source"), "mara"),
)


class Browsing:
    """One browser for each who visits, so that styles and scripts are fetched once; a page for each look."""

    def __init__(self, visit: Visit, world: World, **device: Any) -> None:
        self._first: dict[str | None, Page] = {}
        self._visit = visit
        self._world = world
        self._device = device

    @contextmanager
    def opened(self, look: Look) -> Iterator[Page]:
        """The page in its state. Leaving fails when the page has reported an error."""
        if look.who not in self._first:
            member = self._world.members[look.who] if look.who else None
            self._first[look.who] = self._visit("/healthz", member=member, **self._device)
        with ExitStack() as stack:
            page = self._first[look.who].context.new_page()
            stack.callback(page.close)
            stack.enter_context(no_errors(page))
            page.goto(look.path(self._world))
            if look.act:
                look.act(page, self._world)
            yield page
