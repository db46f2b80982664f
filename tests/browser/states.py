"""What is so in the world when a page of the gallery is looked at; each but `twins` gives the page's address."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.db.models import F
from django.urls import reverse

from bookings.models import Booking, BulkItem, BulkRun, WorkflowRun
from bookings.selectors import starts_near
from bookings.services import alternatives, briefings, workflows
from bookings.services import booking as booking_service
from managed_events.models import ManagedEventTemplate, Propagation
from one_off import services as one_offs
from one_off.services.proposals import propose
from scheduling.domain.workflows import Trigger
from scheduling.models import BookingLink, Workflow
from tests.bookings.making_workflows import make_preset, make_workflow
from tests.browser.addresses import at, on_template, proposing
from tests.browser.world import HALF, World
from tests.calendars.making import (
    as_if_read,
    calendar_of,
    connect_caldav,
    connect_feed,
    connect_google,
    connect_meetings,
    mirror_busy,
)
from tests.factories import make_booking, make_link
from tests.managed_events.making import assign_to, make_template, save
from tests.one_off.making import TOMAS, make_one_off, slot_of
from tests.sms.making import PRIYA, text_step
from workestra.accounts.domain.invites import Invitee
from workestra.accounts.domain.permissions import Role
from workestra.accounts.models import Membership, User
from workestra.accounts.seals import seal
from workestra.calendars import mirror
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, OwnEvent, OwnMeeting
from workestra.calendars.services import new_feed_address
from workestra.crm.models import Person
from workestra.notifications.models import OutboxMessage
from workestra.people import services as people
from workestra.sms.models import HostNumber, SentText


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


def twins(world: World) -> tuple[UUID, UUID]:
    """Somebody of whom everything is known, and whoever wrote him down again without looking: their keys."""
    known = world.person
    again, _ = Person.objects.get_or_create(
        workspace=known.workspace,
        email="noor@private.example",
        defaults={
            "name": known.name,
            "phone": "+44 20 7946 0958",
            "owner": world.members["alice"].user,
            "lifecycle_stage": "qualified",
            "created_at": world.now,
        },
    )
    return known.pk, again.pk


def held_about_somebody(world: World) -> str:
    return f"{reverse('privacy:privacy')}?{urlencode({'email': world.person.email})}"


def erasing_somebody(world: World) -> str:
    return f"{reverse('privacy:erase')}?{urlencode({'email': world.person.email})}"


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


def own_workflow(world: World) -> Workflow:
    """Alice's, for all of her links."""
    alice = world.members["alice"]
    known = Workflow.objects.filter(owner=alice.user).first()
    return known or make_workflow(alice, now=world.now, name="Badge and parking", is_own=True)


def on_own_workflow(world: World) -> str:
    return reverse("bookings:workflow", args=[own_workflow(world).pk])


def workflows_of_everybody(world: World) -> str:
    own_workflow(world)
    return workflows_in_use(world)


def link_that_texts(world: World) -> BookingLink:
    """Its bookers get a text at once, and one the day before."""
    mara = world.members["mara"]
    link = BookingLink.objects.filter(slug="alice-visit").first()
    if link is None:
        link = make_link(world.members["alice"], slug="alice-visit", title="Visit")
        for name, trigger, delay in (
            ("Booked, by text", Trigger.BOOKED, timedelta()),
            ("Tomorrow, by text", Trigger.BEFORE_START, timedelta(days=1)),
        ):
            make_workflow(mara, trigger, text_step(delay), now=world.now, links=[link], name=name)
    return link


def asking_for_texts(world: World) -> str:
    """The details of a link whose workflow texts its bookers."""
    link = link_that_texts(world)
    start = starts_near(link, world.now, world.now)[0]
    return f"{reverse('bookings:details', args=[link.slug])}?start={start:%Y-%m-%dT%H:%MZ}"


def a_booking_with_texts(world: World) -> str:
    """The drawer of a booking whose first text has arrived, and whose second one waits."""
    link = link_that_texts(world)
    booked = Booking.objects.filter(link=link).first()
    if booked is None:
        start = world.start(link.slug)
        booked = make_booking(link, start, world.now, phone=PRIYA, texts="Text me.")
        sent = WorkflowRun.objects.get(attendee=booked.booker, trigger=Trigger.BOOKED).message
        OutboxMessage.objects.filter(pk=sent.pk).update(sent_at=world.now)
        SentText.objects.create(
            message=sent,
            number=PRIYA,
            body=seal(f"Visit with Alice: {start:%A %H:%M}. Reply STOP to opt out.".encode()),
            parts=1,
            handed_at=world.now,
            sid=f"SM{sent.pk.hex}",
            status="delivered",
            status_at=world.now,
        )
    return f"{reverse('bookings:console')}?open={booked.pk}"


def number_to_confirm(world: World) -> str:
    """Alice's own number, which waits for its code."""
    alice = world.members["alice"]
    HostNumber.objects.get_or_create(
        workspace=alice.workspace,
        user=alice.user,
        defaults={"number": "+4915112345678", "code_sent_at": world.now},
    )
    return reverse("sms:number")


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
    """Two meetings to come today, in New York, one of them long enough for words; and what a connected calendar has."""
    if not BookingLink.objects.filter(slug="alice-review").exists():
        link = make_link(
            world.members["alice"], slug="alice-review", title="Renewal Review", timezone="Etc/UTC"
        )
        for hour, minutes in ((15, 60), (16, 15)):
            link.duration_minutes = minutes
            link.save()
            make_booking(link, world.now.replace(hour=hour, minute=0, second=0, microsecond=0), world.now)
    # Past, beside a meeting, and beyond the hours that are shown.
    spans = ((13, 60), (15, 30), (23, 60))
    mirror_busy(
        calendar_of(world.account),
        *(
            Period.lasting(world.later(0).replace(hour=hour), timedelta(minutes=length))
            for hour, length in spans
        ),
    )
    return reverse("dashboard:calendar")


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


def somebody_left(world: World) -> str:
    """Alice has left, with meetings to come."""
    Membership.objects.filter(pk=world.members["alice"].pk).update(is_active=False)
    return reverse("managed_events:hand_over")


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


def a_paused_link(world: World) -> str:
    BookingLink.objects.filter(slug="alice-coffee").update(paused_at=world.now)
    return reverse("scheduling:links")


def the_page_of_a_paused_link(world: World) -> str:
    a_paused_link(world)
    return reverse("bookings:book", args=["alice-coffee"])


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


def bulk_run(world: World) -> UUID:
    """A run with one booking that was marked, and one that could not be."""
    run = BulkRun.objects.create(
        member=world.members["mara"],
        action="attendance",
        attendance="attended",
        checked_at=world.now,
        started_at=world.now,
        finished_at=world.now,
    )
    for tab, state, problem in (
        ("past", "done", ""),
        ("upcoming", "failed", "It has changed since it was checked"),
    ):
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
