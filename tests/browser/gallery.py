"""Every page of the product in the demo workspace: where it is, who sees it, and in which states it is looked at.

The list is the product's: `test_axe.py` walks it and fails when an address of the product is missing here, and
`screens.py` takes the pictures of `docs/screens.md` from it. What leads to a state is in `states.py` where it is in the
database, and in `acts.py` where somebody does it on the page.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Model
from django.urls import reverse
from playwright.sync_api import Page

from bookings.models import Booking
from one_off.selectors import token_of
from scheduling.models import BookingLink
from tests.browser import acts, states
from tests.browser.addresses import (
    at,
    cancelled,
    connecting,
    console,
    editing_one_off,
    moved,
    of_picked,
    on_group,
    on_link,
    on_mail,
    on_member,
    on_one_off,
    on_person,
    on_schedule,
    on_template,
    proposing,
    query,
    seats_left,
)
from tests.browser.conftest import Visit, no_errors
from tests.browser.world import DISCOVERY, World
from workestra.accounts.models import Membership
from workestra.calendars.models import CalendarAccount, OwnEvent, OwnMeeting, RemoteBusy
from workestra.notifications.models import OutboxMessage


@dataclass(frozen=True)
class Look:
    """A page in a state. `view` is the name of its address, `who` is signed in; `act` does what leads to the state.

    What the state breaks in the world would show on other pages: the rows of `breaks` are put back when it was seen.
    """

    name: str
    view: str
    path: Callable[[World], str]
    who: str | None = None
    act: Callable[[Page, World], None] | None = None
    breaks: tuple[type[Model], ...] = ()


BOOK, DETAILS, EMBED = f"/book/{DISCOVERY}", f"/book/{DISCOVERY}/details", f"/embed/{DISCOVERY}"
LOOKS: tuple[Look, ...] = (
    # The door.
    Look("login", "account_login", at("account_login")),
    Look("login-refused", "account_login", at("account_login"), act=acts.send_empty("Sign in")),
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
        act=acts.choose_a_time,
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
        act=acts.send_empty("Book"),
    ),
    Look(
        "book-conflict",
        "bookings:details",
        query(
            "/book/bruno-discovery-call/details",
            start=lambda world: world.start("bruno-discovery-call").isoformat(),
            tz="America/New_York",
        ),
        act=acts.lose_the_time,
    ),
    Look("book-confirmed", "bookings:confirmed", lambda world: world.manage(world.booking(), "confirmed")),
    Look(
        "embed",
        "bookings:embed_book",
        query(EMBED, tz="Europe/Berlin", date=lambda world: f"{world.now + timedelta(days=2):%Y-%m-%d}"),
        act=acts.choose_in_frame,
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
        lambda world: world.manage(states.offered_other_times(world), "alternatives"),
    ),
    Look(
        "manage-too-late",
        "bookings:manage",
        states.manage_of_too_late,
        act=acts.sees("Too late to change this here"),
        breaks=(BookingLink,),
    ),
    Look(
        "manage-just-cancelled",
        "bookings:manage",
        query(states.manage_of_new, open="cancel"),
        act=acts.press("Cancel booking"),
    ),
    Look(
        "one-off",
        "one_off:pick",
        query(
            on_one_off("open"), tz="Europe/Madrid", name="Tomás Herrera", email="tomas@cobaltfoods.example"
        ),
        act=acts.choose_the_second,
    ),
    Look(
        "one-off-refused",
        "one_off:pick",
        on_one_off("open"),
        act=acts.send_empty("Confirm"),
    ),
    Look(
        "one-off-taken", "one_off:pick", lambda world: reverse("one_off:pick", args=[token_of(world.unheld)])
    ),
    Look("one-off-propose", "one_off:propose", proposing),
    Look("one-off-propose-refused", "one_off:propose", proposing, act=acts.press("Send to Alice")),
    Look("one-off-proposed", "one_off:propose", states.proposed_for),
    Look("one-off-move", "one_off:move", of_picked("one_off:move")),
    Look("one-off-propose-move", "one_off:propose_move", of_picked("one_off:propose_move")),
    Look("one-off-booked", "one_off:pick", on_one_off("booked")),
    Look("one-off-expired", "one_off:pick", on_one_off("expired")),
    Look("one-off-withdrawn", "one_off:pick", on_one_off("withdrawn")),
    # The rep.
    Look("calendar", "dashboard:calendar", states.waiting_for_mara, "mara", breaks=(OutboxMessage,)),
    Look("calendar-rep", "dashboard:calendar", states.full_day, "alice", breaks=(RemoteBusy,)),
    Look("bookings", "bookings:console", console("upcoming"), "mara"),
    Look(
        "booking-astray",
        "bookings:console",
        states.an_event_deleted_in_the_calendar,
        "alice",
        breaks=(OwnEvent,),
    ),
    Look(
        "booking-no-link",
        "bookings:console",
        states.a_link_that_was_not_made,
        "alice",
        breaks=(Booking, OwnMeeting),
    ),
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
        lambda world: f"/calendar/bookings?scope=all&open={states.offered_other_times(world).pk}",
        "mara",
    ),
    Look("session-drawer", "bookings:console", console("upcoming", slug="onboarding-session"), "mara"),
    Look("bulk", "bookings:bulk", at("bookings:bulk", action=lambda world: "reassign"), "mara"),
    Look(
        "bulk-checked",
        "bookings:bulk",
        at("bookings:bulk", action=lambda world: "reassign"),
        "mara",
        act=acts.check_every,
    ),
    Look("bulk-run", "bookings:bulk_run", at("bookings:bulk_run", bulk_id=states.bulk_run), "mara"),
    Look("session-past", "bookings:console", console("past", slug="onboarding-session"), "mara"),
    Look("collective-drawer", "bookings:console", console("upcoming", slug="pilot-kickoff"), "mara"),
    Look("bookings-past", "bookings:console", console("past"), "alice"),
    Look("bookings-cancelled", "bookings:console", console("cancelled", slug=DISCOVERY), "alice"),
    Look("bookings-rescheduled", "bookings:console", console("rescheduled"), "alice"),
    Look("bookings-none", "bookings:console", query("/calendar/bookings", q="zoom friday"), "alice"),
    Look("links", "scheduling:links", at("scheduling:links"), "alice"),
    Look("links-paused", "scheduling:links", states.a_paused_link, "alice", breaks=(BookingLink,)),
    Look("book-paused", "bookings:book", states.the_page_of_a_paused_link, breaks=(BookingLink,)),
    Look("link-new", "scheduling:link_new", at("scheduling:link_new"), "alice"),
    Look(
        "link-new-refused", "scheduling:link_new", at("scheduling:link_new"), "alice", act=acts.send_bad_hours
    ),
    Look("link-locked", "scheduling:link_edit", on_link("link_edit"), "alice"),
    Look("link-own", "scheduling:link_edit", on_link("link_edit", "product-demo"), "alice"),
    Look(
        "link-own-new-rows",
        "scheduling:link_edit",
        on_link("link_edit", "product-demo"),
        "alice",
        act=acts.add_a_row_of_each,
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
        act=acts.close_friday,
    ),
    Look(
        "schedule-refused",
        "scheduling:schedule_edit",
        on_schedule("schedule_edit"),
        "alice",
        act=acts.send_bad_schedule,
    ),
    Look("schedule-delete", "scheduling:schedule_delete", on_schedule("schedule_delete"), "alice"),
    Look("workflows", "bookings:workflows", states.workflows_in_use, "mara"),
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
        act=acts.send_empty("Make workflow"),
    ),
    Look("workflow", "bookings:workflow", states.on_workflow("workflow"), "mara"),
    Look(
        "workflow-text",
        "bookings:workflow_new",
        query(at("bookings:workflow_new"), preset="text"),
        "mara",
    ),
    Look("book-texts", "bookings:details", states.asking_for_texts),
    Look("booking-texts", "bookings:console", states.a_booking_with_texts, "alice"),
    Look("texts-to-you", "sms:number", states.number_to_confirm, "alice"),
    Look("workflow-to-read", "bookings:workflow", states.on_workflow("workflow"), "alice"),
    Look("workflow-own", "bookings:workflow", states.on_own_workflow, "alice"),
    Look("workflow-of-a-member", "bookings:workflow", states.on_own_workflow, "mara"),
    Look("workflows-of-everybody", "bookings:workflows", states.workflows_of_everybody, "mara"),
    Look("workflow-delete", "bookings:workflow_delete", states.on_workflow("workflow_delete"), "mara"),
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
        act=acts.send_empty("Add days"),
    ),
    Look("accounts", "calendars:accounts", states.accounts_of("alice"), "alice", breaks=(CalendarAccount,)),
    Look("calendar-broken", "scheduling:links", states.broken_calendar, "alice", breaks=(CalendarAccount,)),
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
        act=acts.send_empty("Connect"),
    ),
    Look("accounts-not-set-up", "calendars:connect", lambda world: connecting("google"), "alice"),
    Look("holds", "one_off:holds", states.a_stuck_placeholder, "alice"),
    Look("holds-none", "one_off:holds", at("one_off:holds"), "mara"),
    Look("one-off-list", "one_off:list", states.list_with_proposals, "alice"),
    Look("one-off-edit", "one_off:edit", editing_one_off, "alice"),
    Look("one-off-new", "one_off:new", at("one_off:new"), "alice", act=acts.offer_two_times),
    Look("one-off-new-refused", "one_off:new", at("one_off:new"), "alice", act=acts.offer_a_taken_time),
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
    Look("written", "bookings:written", states.an_event_that_was_moved, "alice", breaks=(OwnEvent,)),
    # What one is told.
    Look("notices", "notifications:notices", states.briefed, "alice"),
    # People.
    Look("people", "crm:people", at("crm:people"), "alice"),
    Look("people-nobody", "crm:people", query(at("crm:people"), q="nobody at all"), "alice"),
    Look("person", "crm:person", on_person("person"), "alice"),
    Look("person-refused", "crm:person", on_person("person"), "alice", act=acts.send_empty("Write down")),
    Look("person-new", "crm:person_new", at("crm:person_new"), "alice", act=acts.send_empty("Write down")),
    Look(
        "person-twins",
        "crm:person",
        lambda world: reverse("crm:person", args=states.twins(world)[:1]),
        "alice",
    ),
    Look("merge-with", "crm:merge_with", on_person("merge_with"), "alice"),
    Look("merge-with-nobody", "crm:merge_with", query(on_person("merge_with"), q="nobody at all"), "alice"),
    Look("merge", "crm:merge", lambda world: reverse("crm:merge", args=states.twins(world)), "alice"),
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
    Look("admin-overview", "dashboard:admin", states.trouble_everywhere, "mara"),
    Look("managed-list", "managed_events:list", at("managed_events:list"), "mara"),
    Look("hand-over", "managed_events:hand_over", states.somebody_left, "mara", breaks=(Membership,)),
    Look("hand-over-nothing", "managed_events:hand_over", at("managed_events:hand_over"), "mara"),
    Look("managed-new", "managed_events:new", at("managed_events:new"), "mara"),
    Look("managed-detail", "managed_events:detail", on_template("detail"), "mara"),
    Look(
        "managed-unassigned",
        "managed_events:detail",
        at("managed_events:detail", template_id=lambda world: world.unused_template.pk),
        "mara",
    ),
    Look("managed-edit", "managed_events:edit", on_template("edit"), "mara"),
    Look("managed-edit-logo", "managed_events:edit", on_template("edit"), "mara", act=acts.send_another_logo),
    Look(
        "managed-assign",
        "managed_events:assign",
        on_template("assign"),
        "mara",
        act=acts.tick("Inés Prado", "Gustav Lindqvist"),
    ),
    Look("managed-versions", "managed_events:versions", on_template("versions"), "mara"),
    Look("managed-checks", "managed_events:checks", states.template_to_mend, "mara"),
    Look(
        "managed-sync",
        "managed_events:sync",
        lambda world: reverse(
            "managed_events:sync", args=[world.template.pk, world.template.propagations.get().pk]
        ),
        "mara",
    ),
    Look("managed-adopt-nobody", "managed_events:adopt", on_template("adopt"), "mara"),
    Look("managed-adopt", "managed_events:adopt", states.adoption, "mara"),
    Look("managed-reset", "managed_events:reset", query(on_template("reset"), section="calendar"), "mara"),
    Look("managed-delete", "managed_events:delete", on_template("delete"), "mara"),
    Look(
        "managed-stale",
        "managed_events:edit",
        at("managed_events:edit", template_id=lambda world: world.unused_template.pk),
        "mara",
        act=acts.save_after_somebody_else,
    ),
    Look(
        "managed-rows",
        "managed_events:detail",
        states.template_with_a_crooked_link,
        "mara",
        act=acts.open_the_first_rows,
        breaks=(BookingLink,),
    ),
    Look("managed-running", "managed_events:detail", states.template_being_brought_in_line, "mara"),
    Look("members", "people:members", states.people_and_invitations, "mara"),
    Look("members-nobody", "people:members", query(at("people:members"), q="nobody at all"), "mara"),
    Look("invite", "people:invite", at("people:invite"), "mara", act=acts.send_empty("Send invitations")),
    Look("member", "people:person", on_member("person", "daniel"), "mara"),
    Look("deactivate", "people:deactivate", on_member("deactivate", "alice"), "mara"),
    Look("groups", "people:groups", at("people:groups"), "mara"),
    Look("group-new", "people:group_new", at("people:group_new"), "mara", act=acts.send_empty("Save group")),
    Look("group", "people:group", on_group("group"), "mara"),
    Look("group-delete", "people:group_delete", on_group("group_delete"), "mara"),
    Look("roles", "people:roles", at("people:roles"), "mara", act=acts.take_a_permission),
    Look("outbox", "notifications:outbox", states.mails_failed, "mara", breaks=(OutboxMessage,)),
    Look("privacy", "privacy:privacy", states.held_about_somebody, "mara"),
    Look("privacy-nobody", "privacy:privacy", query(at("privacy:privacy"), email="nobody@x.example"), "mara"),
    Look("erase", "privacy:erase", states.erasing_somebody, "mara", act=acts.send_empty("Erase Noor Haddad")),
    Look("audit-log", "audit:log", at("audit:log"), "mara", act=acts.open_the_first_entry),
    Look("audit-log-nothing", "audit:log", query(at("audit:log"), q="nobody at all"), "mara"),
    Look("not-found", "managed_events:list", lambda world: "/calendar/admin/nothing", "mara"),
    # The mailbox.
    Look("mailbox", "notifications:mailbox", at("notifications:mailbox"), "mara"),
    Look("mailbox-nobody", "notifications:mailbox", at("notifications:mailbox")),
    Look("mail", "notifications:mail", on_mail("REQUEST"), "mara"),
    Look("mail-cancelled", "notifications:mail", on_mail("CANCEL"), "mara"),
    Look("mail-source", "notifications:mail", query(on_mail("REQUEST"), part="source"), "mara"),
)


@contextmanager
def put_back(models: Collection[type[Model]], world: World) -> Iterator[None]:
    """Leaves these tables as they were found."""
    assert not models or world.account, "is part of what was there before"
    before = {model: {row[model._meta.pk.attname]: row for row in model.objects.values()} for model in models}
    try:
        yield
    finally:
        for model, rows in before.items():
            for now in model.objects.values():
                row = model.objects.filter(pk=(key := now[model._meta.pk.attname]))
                if key not in rows:
                    row.delete()
                elif now != rows[key]:
                    row.update(**{name: value for name, value in rows[key].items() if now[name] != value})


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
            stack.enter_context(put_back(look.breaks, self._world))
            page.goto(look.path(self._world))
            if look.act:
                look.act(page, self._world)
            yield page
