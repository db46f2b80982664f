"""Changing several bookings at once: what is shown before, what is done, and what becomes of those that cannot be."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.db.models import Count
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from bookings import jobs
from bookings.domain.bulk import Action
from bookings.models import Attendee, Booking, BulkItem, BulkRun
from bookings.plans import CHANGED, NOBODY, NOT_YOURS, SEVERAL_HOSTS, steps_of
from bookings.selectors.hosting import Bench
from bookings.services import alternatives, attendance, hosting
from bookings.services import booking as bookings
from bookings.services import bulk as service
from bookings.views import bulk as views
from scheduling.models import BookingLink, OutOfOffice
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
PAGE = "/calendar/bookings/bulk/"
NO_SHOW = Booking.Attendance.NO_SHOW


@pytest.fixture(autouse=True)
def _at_now() -> object:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def three(link: BookingLink, NOW: datetime) -> list[Booking]:
    return [
        make_booking(link, TUESDAY_TEN + timedelta(hours=hour), NOW, email=f"g{hour}@x.example")
        for hour in range(3)
    ]


def send(member: Membership, action: str, picked: list[Booking], **more: Any) -> HttpResponse:
    data = {"id": str(uuid4()), "pick": [str(each.pk) for each in picked]} | more
    return signed_in(member).post(PAGE + action, data)


def started(
    member: Membership, action: Action, picked: list[Booking], now: datetime = MONDAY_MORNING, **more: str
) -> BulkRun:
    steps = steps_of(action, [fresh(each) for each in picked], None, now)
    run = service.draft(run_id=uuid4(), member=member, action=action, steps=steps, now=now, **more)
    begin(run, now, **more)
    return run


def begin(run: BulkRun, now: datetime, **typed: str) -> None:
    service.start(run=run, choice=service.Choice(**typed), checked=run.checked_at.isoformat(), now=now)


def drafted(member: Membership, action: str, picked: list[Booking], **more: Any) -> BulkRun:
    """What checking these leaves behind."""
    answer = send(member, action, picked, **more)
    assert answer.status_code == 302
    return BulkRun.objects.get(pk=re.findall(r"[0-9a-f-]{36}", answer["Location"])[0])


def ticked(of: BulkRun, picked: list[Booking], **more: Any) -> dict[str, Any]:
    """The form of a draft's page with these of its rows ticked."""
    rows = [str(each.booking_id) for each in of.items.exclude(state="kept")]
    picks = [str(each.pk) for each in picked]
    return {"row": rows, "pick": picks, "checked": of.checked_at.isoformat()} | more


def fresh(booking: Booking) -> Booking:
    return Booking.objects.select_related("host", "link", "workspace").get(pk=booking.pk)


def performed(run: BulkRun) -> list[tuple[str, str]]:
    service.perform(run.pk, lambda: MONDAY_MORNING)
    return list(run.items.values_list("state", "problem"))


def test_nothing_happens_before_what_was_checked_is_run(alice: Membership, three: list[Booking]) -> None:
    client = signed_in(alice)
    page = client.get(PAGE + "cancel").content.decode()
    assert (page.count('name="pick"'), "Check all 3" in page, " checked" in page) == (3, True, False)
    assert not BulkRun.objects.exists()
    run = drafted(alice, "cancel", three[:2], reason="Ill")
    page = client.get(f"{PAGE}{run.pk}?q=x.example").content.decode()
    assert (page.count('name="pick"'), page.count(" checked")) == (2, 2)
    assert "Cancel 2 bookings" in page
    assert "<b>4</b> mails go out" in page
    assert "Ill</textarea>" in page
    service.perform(run.pk, lambda: MONDAY_MORNING)
    run.refresh_from_db()
    assert run.started_at is None
    assert Booking.objects.filter(status="confirmed").count() == 3


@pytest.mark.parametrize(
    ("action", "typed", "said"),
    [
        ("cancel", {"pick": []}, "Pick at least one booking."),
        ("cancel", {"reason": "x" * 501}, "501 characters are too many. 500 fit."),
        ("reassign", {"host": str(uuid4())}, "Choose one of these."),
        ("attendance", {"attendance": "maybe"}, "Nothing to mark"),
        ("cancel", {"pick": ["1"]}, "One of these is no longer in the list."),
        ("attendance", {"attendance": "attended", "all": "1"}, "Nothing to mark"),
    ],
)
def test_a_mistake_is_said_and_nothing_is_started(
    action: str, typed: dict[str, str], said: str, alice: Membership, three: list[Booking]
) -> None:
    answer = send(alice, action, three, **typed)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert not BulkRun.objects.exists()


def test_what_was_picked_stays_so_when_one_of_them_has_gone_meanwhile(
    alice: Membership, three: list[Booking], NOW: datetime
) -> None:
    bookings.cancel_by_host(booking=three[0], reason="", actor=alice.user, now=NOW)
    answer = send(alice, "cancel", three, reason="Ill")
    page = answer.content.decode()
    assert (answer.status_code, page.count(" checked")) == (422, 2)
    assert "One of these is no longer in the list." in page
    assert "Ill" in page
    assert not BulkRun.objects.exists()


def test_the_ticked_ones_are_cancelled_and_the_page_says_so(alice: Membership, three: list[Booking]) -> None:
    form: dict[str, Any] = {"id": str(uuid4()), "all": "1", "reason": "Ill"}
    client = signed_in(alice)
    first, again = (client.post(f"{PAGE}cancel?q=x.example", form) for _ in range(2))
    assert first["Location"] == again["Location"]
    assert first["Location"].endswith("?q=x.example")
    run = BulkRun.objects.get()
    started = client.post(first["Location"], ticked(run, three[:2], reason="Very ill", run="1"))
    assert started["Location"] == first["Location"]
    page = client.get(first["Location"]).content.decode()
    assert "Running: 0 of 2 done" in page
    assert 'hx-trigger="every 2s"' in page
    assert performed(run) == [("done", ""), ("done", ""), ("out", "")]
    assert sorted(Booking.objects.values_list("status", flat=True)) == ["cancelled", "cancelled", "confirmed"]
    assert set(Attendee.objects.filter(status="cancelled").values_list("reason", "ended_by")) == {
        ("Very ill", "host")
    }
    page = client.get(first["Location"]).content.decode()
    assert "2 bookings cancelled" in page
    assert "You left 1 out" in page
    assert "hx-trigger" not in page.split('id="receipt"', 1)[1]
    late = client.post(first["Location"], ticked(run, three, run="1"))
    assert (late.status_code, run.items.filter(state="out").count()) == (302, 1)
    assert signed_in(alice).get("/calendar/bookings").content.decode().count("Reassign several") == 1


def test_everything_that_matches_is_taken_and_single_ones_are_left_out_page_by_page(
    alice: Membership, link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE", 2)
    five = [
        make_booking(link, TUESDAY_TEN + timedelta(hours=hour), NOW, email=f"g{hour}@x.example")
        for hour in range(5)
    ]
    client = signed_in(alice)
    # The ticks of the page mean nothing to who takes all of them.
    run = drafted(alice, "cancel", five[:1], all="1")
    address = f"{PAGE}{run.pk}"
    page = client.get(f"{address}?page=2").content.decode()
    assert (page.count('name="row"'), "Page 2 of 3" in page, "Cancel 5 bookings" in page) == (2, True, True)
    rows = {"row": [str(each.pk) for each in five[2:4]], "pick": [str(five[3].pk)]}
    assert client.post(address, rows | {"go": "3"})["Location"] == f"{address}?page=3"
    page = client.get(f"{address}?page=3").content.decode()
    assert (page.count('name="row"'), "Cancel 4 bookings" in page) == (1, True)
    # htmx saves each tick, and gets the sums.
    rows = {"row": [str(five[4].pk)]}
    answer = client.post(f"{address}?page=3", rows, headers={"HX-Request": "true"}).content.decode()
    assert ("Cancel 3 bookings" in answer, "<html" in answer) == (True, False)
    assert client.post(address, rows | {"check": "1"}).status_code == 302
    assert [item.state for item in run.items.all()] == ["waiting", "waiting", "out", "waiting", "out"]
    assert client.post(address, ticked(run, [], run="1")).status_code == 422
    assert BulkRun.objects.get().started_at is None


def test_more_than_can_be_read_through_is_not_taken_at_once(
    alice: Membership, three: list[Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST", 2)
    page = signed_in(alice).get(PAGE + "cancel").content.decode()
    assert ("More than 2 bookings match." in page, "Check all" in page) == (True, False)
    answer = send(alice, "cancel", [], all="1")
    assert (answer.status_code, "Narrow your list" in answer.content.decode()) == (422, True)
    assert not BulkRun.objects.exists()
    assert drafted(alice, "cancel", three[:2]).items.count() == 2


def test_another_host_is_checked_before_anything_is_run(
    alice: Membership, bob: Membership, dana: Membership, three: list[Booking], NOW: datetime
) -> None:
    Membership.objects.filter(pk=dana.pk).update(role="admin")
    run, client = drafted(dana, "reassign", three[:2]), signed_in(dana)
    make_booking(make_link(bob), three[0].starts_at, NOW, email="o@x.example")
    answer = client.post(f"{PAGE}{run.pk}", ticked(run, three[:2], host=str(bob.user_id), run="1"))
    page = answer.content.decode()
    assert (answer.status_code, "You chose another host." in page) == (409, True)
    assert "Bob Lindqvist is busy" in page
    assert list(run.items.values_list("state", "host")) == [("kept", None), ("waiting", bob.user_id)]
    run.refresh_from_db()
    assert (run.host_id, run.started_at) == (bob.user_id, None)
    sent = ticked(run, three[:2], host=str(bob.user_id), run="1")
    assert client.post(f"{PAGE}{run.pk}", sent).status_code == 302
    assert [state for state, _ in performed(run)] == ["kept", "done"]


@pytest.mark.parametrize("action", ["cancel", "attendance"])
def test_what_has_changed_since_it_was_checked_is_left_as_it_is(
    action: str, alice: Membership, bob: Membership, three: list[Booking], NOW: datetime
) -> None:
    later = NOW if action == "cancel" else TUESDAY_TEN + timedelta(days=1)
    run = started(alice, Action(action), three[:2], later, attendance="attended")
    if action == "cancel":
        hosting.propose(
            booking=three[0], start=NOW + timedelta(days=9), message="", actor=alice.user, now=NOW
        )
    else:
        attendance.mark(attendee=three[0].booker, attendance=NO_SHOW, actor=alice.user, now=later)
    with time_machine.travel(later, tick=False):
        page = signed_in(alice).get(f"{PAGE}{run.pk}")
    assert page.status_code == 200
    service.perform(run.pk, lambda: later)
    assert list(run.items.values_list("state", "problem")) == [("failed", CHANGED), ("done", "")]
    if action == "attendance":
        assert fresh(three[0]).no_show_status == "no_show"


def test_what_cannot_be_done_says_why_and_can_be_tried_again(
    alice: Membership, bob: Membership, dana: Membership, three: list[Booking], NOW: datetime
) -> None:
    Membership.objects.filter(pk=dana.pk).update(role="admin")
    run = started(dana, Action.REASSIGN, three[:2])
    chosen = [item.host for item in run.items.all()]
    assert chosen[0]
    taken = Membership.objects.get(user=chosen[0])
    in_the_way = make_booking(make_link(taken), three[0].starts_at, NOW, email="o@x.example")
    assert performed(run) == [("failed", f"{chosen[0].name} was booked just now"), ("done", "")]
    assert fresh(three[0]).host == alice.user
    client = signed_in(dana)
    page = client.get(f"{PAGE}{run.pk}").content.decode()
    assert "was booked just now. It stays as it was" in page
    run.refresh_from_db()
    assert run.finished_at == NOW
    bookings.cancel_by_host(booking=in_the_way, reason="", actor=dana.user, now=NOW)
    # Who gets it now is shown before.
    again = client.post(f"{PAGE}{run.pk}/retry")["Location"]
    draft = BulkRun.objects.get(started_at=None)
    assert (again, draft.items.count()) == (f"{PAGE}{draft.pk}", 1)
    assert client.post(again, ticked(draft, three[:1], run="1")).status_code == 302
    assert performed(draft) == [("done", "")]
    assert fresh(three[0]).host in {bob.user, dana.user}


@pytest.mark.parametrize("left", [True, False])
def test_as_many_mails_are_announced_as_go_out(
    left: bool, alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    Membership.objects.filter(pk=dana.pk).update(role="admin")
    pages = (
        make_link(alice, hosts=[alice, bob], strategy="collective", slug="both"),
        make_link(bob, slug="his"),
    )
    guests = ["kim@x.example", "lee@x.example"]
    for hour, (action, page) in enumerate(zip((Action.CANCEL, Action.REASSIGN), pages, strict=True)):
        at = TUESDAY_TEN + timedelta(hours=hour)
        booking = make_booking(page, at, NOW, email=f"g{hour}@x.example", guests=guests)
        Membership.objects.filter(pk=bob.pk).update(is_active=not left)
        OutboxMessage.objects.all().delete()
        run = started(dana, action, [booking])
        said = run.items.get().mails
        assert performed(run) == [("done", "")]
        mails = [
            renderer_of(each.kind)(each, NOW) for each in OutboxMessage.objects.filter(available_at__lte=NOW)
        ]
        assert sum(not isinstance(mail, Skip) for mail in mails) == said
        Membership.objects.filter(pk=bob.pk).update(is_active=True)


def test_the_plan_gives_no_host_two_meetings_at_a_time(
    alice: Membership, bob: Membership, carol: Membership, NOW: datetime
) -> None:
    dave = Membership.objects.create(workspace=alice.workspace, user=carol.user, role="member")
    pool = make_link(alice, hosts=[alice, dave], slug="pool")
    at_once = [make_booking(pool, TUESDAY_TEN, NOW, email=f"p{each}@x.example") for each in range(2)]
    both = make_booking(
        make_link(alice, hosts=[alice, bob], strategy="collective"),
        TUESDAY_TEN + timedelta(hours=1),
        NOW,
    )
    steps = steps_of(Action.REASSIGN, [fresh(each) for each in (*at_once, both)], None, NOW)
    assert [(step.host, step.problem) for step in steps] == [
        (bob.user, ""),
        (None, NOBODY),
        (None, SEVERAL_HOSTS),
    ]
    named = steps_of(Action.REASSIGN, [fresh(at_once[0])], None, NOW, host_id=bob.user_id)
    assert named[0].host == bob.user
    out_of_reach = steps_of(Action.CANCEL, [fresh(at_once[0])], {uuid4()}, NOW)
    assert out_of_reach[0].problem == NOT_YOURS


def test_a_worker_that_died_is_followed_without_doing_anything_twice(
    alice: Membership, bob: Membership, dana: Membership, three: list[Booking], NOW: datetime
) -> None:
    cancelling = started(alice, Action.CANCEL, three[:1])
    bookings.cancel_by_host(booking=fresh(three[0]), reason="", actor=alice.user, now=NOW)
    giving = started(dana, Action.REASSIGN, three[1:2])
    host = giving.items.get().host
    assert host
    hosting.reassign(booking=fresh(three[1]), host=host, actor=dana.user, now=NOW)
    # Both workers died before they could say so; the lease is theirs for a minute.
    BulkItem.objects.update(attempts=1, leased_until=NOW + timedelta(seconds=60))
    before = OutboxMessage.objects.count()
    assert performed(cancelling) == performed(giving) == [("waiting", "")]
    service.perform_unfinished(lambda: NOW + timedelta(seconds=61))
    assert set(BulkItem.objects.values_list("state", "attempts")) == {("done", 2)}
    assert OutboxMessage.objects.count() == before
    assert not BulkRun.objects.filter(finished_at=None).exists()


def test_what_a_dead_worker_did_is_done_though_it_took_the_booking_out_of_the_members_reach(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    pool = make_link(alice, hosts=[alice, bob], slug="pool")
    booking = make_booking(pool, TUESDAY_TEN, NOW)
    giver, taker = (alice, bob) if booking.host == alice.user else (bob, alice)
    Membership.objects.filter(pk=giver.pk).update(role="member")
    run = started(giver, Action.REASSIGN, [booking])
    hosting.reassign(booking=fresh(booking), host=taker.user, actor=giver.user, now=NOW)
    BulkItem.objects.update(attempts=1)
    assert performed(run) == [("done", "")]


def test_who_is_deactivated_while_his_run_goes_on_changes_no_more(
    alice: Membership, three: list[Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(alice, Action.CANCEL, three)
    cancel = bookings.cancel_by_host

    def cancelled_as_the_last_act(**what: Any) -> None:
        cancel(**what)
        Membership.objects.filter(pk=alice.pk).update(is_active=False)

    monkeypatch.setattr(bookings, "cancel_by_host", cancelled_as_the_last_act)
    assert performed(run) == [("done", ""), ("failed", NOT_YOURS), ("failed", NOT_YOURS)]


def test_what_was_left_out_stays_so_though_a_check_between_found_it_impossible(
    dana: Membership, bob: Membership, three: list[Booking], NOW: datetime
) -> None:
    Membership.objects.filter(pk=dana.pk).update(role="admin")
    run, client = drafted(dana, "reassign", three[:2]), signed_in(dana)
    make_booking(make_link(bob), three[0].starts_at, NOW, email="o@x.example")
    for host in (str(bob.user_id), ""):
        rows = {"row": [str(three[0].pk)], "pick": [], "host": host}
        assert client.post(f"{PAGE}{run.pk}", rows | {"check": "1"}).status_code == 302
        assert [item.state for item in run.items.all()] == ["out", "waiting"]
    # Nor does a page of before the check tick what cannot be done.
    client.post(f"{PAGE}{run.pk}", {"host": str(bob.user_id), "check": "1"})
    client.post(f"{PAGE}{run.pk}", ticked(run, three[:2], host=str(bob.user_id)))
    assert [item.state for item in run.items.all()] == ["out", "waiting"]


def test_a_page_of_before_another_check_starts_nothing(
    dana: Membership, three: list[Booking], NOW: datetime
) -> None:
    Membership.objects.filter(pk=dana.pk).update(role="admin")
    run, client = drafted(dana, "cancel", three[:2], reason="Ill"), signed_in(dana)
    stale = ticked(run, three[:2], reason="Very ill", run="1")
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        client.post(f"{PAGE}{run.pk}", ticked(run, three[:2], reason="Ill", check="1"))
        for sent in (stale, stale | {"checked": "x"}):
            answer = client.post(f"{PAGE}{run.pk}", sent)
            page = answer.content.decode()
            assert (answer.status_code, "checked again in another window" in page) == (409, True)
            assert "Very ill</textarea>" in page
    run.refresh_from_db()
    assert run.started_at is None


def test_a_tick_on_a_page_whose_run_has_begun_leads_to_the_receipt(
    alice: Membership, three: list[Booking]
) -> None:
    run = started(alice, Action.CANCEL, three)
    answer = signed_in(alice).post(f"{PAGE}{run.pk}", ticked(run, three[:1]), headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (200, f"{PAGE}{run.pk}")
    assert not run.items.filter(state="out").exists()


def test_who_goes_back_and_picks_others_gets_a_draft_of_those(
    alice: Membership, dana: Membership, three: list[Booking]
) -> None:
    first = drafted(alice, "cancel", three[:2], reason="Ill")
    again = drafted(alice, "cancel", three[2:], id=str(first.pk), reason="Away")
    assert (again.pk, again.reason) == (first.pk, "Away")
    assert [item.booking_id for item in again.items.all()] == [three[2].pk]
    begin(again, MONDAY_MORNING, reason="Away")
    # What has begun goes on as it does, and nobody gets at the draft of somebody else.
    later = drafted(alice, "cancel", three[:1], id=str(first.pk))
    assert later.pk != first.pk
    assert [item.booking_id for item in first.items.all()] == [three[2].pk]
    Membership.objects.filter(pk=dana.pk).update(role="admin")
    hers = drafted(dana, "cancel", three[1:2], id=str(later.pk))
    assert (hers.pk != later.pk, hers.member) == (True, dana)
    assert [item.booking_id for item in later.items.all()] == [three[0].pk]


def test_who_has_lost_the_right_meanwhile_changes_nothing(
    alice: Membership, three: list[Booking], NOW: datetime
) -> None:
    run = started(alice, Action.CANCEL, three[:1])
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    assert performed(run) == [("failed", NOT_YOURS)]
    assert fresh(three[0]).status == "confirmed"


def test_who_is_free_but_not_of_the_pool_of_the_page_is_marked_so(
    alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    pool = make_link(alice, hosts=[alice, bob], slug="pool")
    first, second = (make_booking(pool, TUESDAY_TEN, NOW, email=f"p{each}@x.example") for each in range(2))
    mine = first if first.host_id == alice.user_id else second
    assert len({first.host_id, second.host_id}) == 2
    run = drafted(dana, "reassign", [mine])
    assert run.items.get().host_id == dana.user_id
    page = signed_in(dana).get(f"{PAGE}{run.pk}").content.decode()
    assert "Free, not in this page’s pool" in page
    drawer = (
        signed_in(dana).get("/calendar/bookings", {"open": str(mine.pk), "form": "reassign"}).content.decode()
    )
    assert "Dana Admin (free, not in this page’s pool)" in drawer
    assert "Bob Lindqvist (free" not in drawer


def test_everybody_of_a_session_is_marked(alice: Membership, NOW: datetime) -> None:
    workshop = make_link(alice, strategy="group", capacity=4, title="Workshop")
    for name in ("noor", "emi"):
        session = make_booking(workshop, TUESDAY_TEN, NOW, email=f"{name}@x.example")
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=2), tick=False):
        run = drafted(alice, "attendance", [session], attendance="no_show")
        sent = ticked(run, [session], attendance="no_show", run="1")
        assert signed_in(alice).post(f"{PAGE}{run.pk}", sent).status_code == 302
        service.perform(run.pk, lambda: TUESDAY_TEN + timedelta(hours=2))
    assert fresh(session).no_show_status == "no_show"
    assert set(Attendee.objects.values_list("no_show_status", flat=True)) == {"no_show"}


def test_a_run_is_shown_to_nobody_else(alice: Membership, dana: Membership, three: list[Booking]) -> None:
    run = started(alice, Action.CANCEL, three)
    for address in (f"{PAGE}{run.pk}", f"{PAGE}nonsense"):
        assert signed_in(dana).get(address).status_code == 404
    for action in ("", "/retry", "/undo"):
        assert signed_in(dana).post(f"{PAGE}{run.pk}{action}").status_code == 404


def test_of_what_is_no_longer_his_to_see_a_run_says_only_how_many(
    alice: Membership, bob: Membership, three: list[Booking]
) -> None:
    run = started(alice, Action.CANCEL, three[:2])
    performed(run)
    Booking.objects.filter(pk=three[0].pk).update(host=bob.user)
    Attendee.objects.filter(booking=three[0]).update(name="Gone Away", person=None)
    page = signed_in(alice).get(f"{PAGE}{run.pk}").content.decode()
    assert "2 bookings cancelled" in page
    assert "Not listed: 1 booking that you no longer see." in page
    assert "Gone" not in page


def test_the_page_takes_the_same_number_of_queries_however_many_are_picked(
    dana: Membership, three: list[Booking], django_assert_max_num_queries: object
) -> None:
    counts = []
    for picked in (three[:1], three):
        with django_assert_max_num_queries(25) as asked:  # type: ignore[operator]
            send(dana, "reassign", picked)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_what_is_offered_to_a_booker_is_said_to_be_withdrawn_in_as_many_queries_for_one_as_for_three(
    dana: Membership, alice: Membership, three: list[Booking]
) -> None:
    days, counts = timedelta(days=1), []
    for each in three:
        starts = [each.starts_at + days, each.starts_at + 2 * days]
        alternatives.offer(
            booking=each, starts=starts, message="", closes=timedelta(0), actor=alice.user, now=MONDAY_MORNING
        )
    for picked in (three[:1], three):
        draft, client = drafted(dana, "reassign", picked), signed_in(dana)
        with CaptureQueriesContext(connection) as asked:
            page = client.get(f"{PAGE}{draft.pk}").content.decode()
        assert page.count("The 2 times offered to Priya are withdrawn") == len(picked)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_marked_run_is_undone_but_for_what_was_marked_otherwise_since(
    alice: Membership, three: list[Booking]
) -> None:
    later = TUESDAY_TEN + timedelta(days=1)
    attendance.mark(attendee=three[2].booker, attendance=NO_SHOW, actor=alice.user, now=later)
    run = started(alice, Action.ATTENDANCE, three, later, attendance="attended")
    client = signed_in(alice)
    assert client.post(f"{PAGE}{run.pk}/undo")["Location"] == f"{PAGE}{run.pk}"  # Not before it is done.
    service.perform(run.pk, lambda: later)
    attendance.mark(attendee=three[0].booker, attendance=NO_SHOW, actor=alice.user, now=later)
    assert "Undo all 3" in client.get(f"{PAGE}{run.pk}").content.decode()
    with time_machine.travel(later, tick=False):
        first, again = (client.post(f"{PAGE}{run.pk}/undo")["Location"] for _ in range(2))
    back = BulkRun.objects.get(undoes=run)
    assert first == again == f"{PAGE}{back.pk}"
    for _ in range(2):  # The second as after a worker that died before it could say so.
        back.items.update(state="waiting", leased_until=None)
        BulkRun.objects.filter(pk=back.pk).update(finished_at=None)
        service.perform(back.pk, lambda: later)
    assert [item.state for item in back.items.all()] == ["failed", "done", "done"]
    assert [fresh(each).no_show_status for each in three] == ["no_show", "", "no_show"]
    page = client.get(first).content.decode()
    assert ("2 of 3 bookings set back" in page, "Retry" in page, "Undo all" in page) == (True, False, False)
    assert "Was undone" in client.get(f"{PAGE}{run.pk}").content.decode()


def test_a_worker_that_died_while_marking_keeps_what_was_marked_before(
    alice: Membership, three: list[Booking]
) -> None:
    later = TUESDAY_TEN + timedelta(days=1)
    run = started(alice, Action.ATTENDANCE, three[:1], later, attendance="attended")
    for _ in range(2):
        run.items.update(state="waiting", leased_until=None)
        BulkRun.objects.filter(pk=run.pk).update(finished_at=None)
        service.perform(run.pk, lambda: later)
    assert list(run.items.values_list("state", "before")) == [("done", {str(three[0].booker.pk): ""})]


def test_a_task_does_not_go_on_for_ever_and_a_run_that_somebody_is_at_is_left_to_him(
    alice: Membership, three: list[Booking]
) -> None:
    run = started(alice, Action.CANCEL, three)
    # The clock is read once at first and twice a row, and once more behind it.
    ticks = iter(MONDAY_MORNING + timedelta(seconds=7 * tick) for tick in range(99))
    assert service.perform(run.pk, lambda: next(ticks))
    assert [item.state for item in run.items.all()] == ["done", "done", "waiting"]
    run.items.filter(state="waiting").update(leased_until=MONDAY_MORNING + timedelta(seconds=60))
    service.perform_unfinished(lambda: MONDAY_MORNING)
    assert run.items.filter(state="waiting").exists()


def test_the_receipt_shows_its_rows_page_by_page_and_the_failed_ones_alone(
    alice: Membership, three: list[Booking], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE", 1)
    run = started(alice, Action.CANCEL, three)
    Booking.objects.filter(pk=three[1].pk).update(ics_sequence=5)
    performed(run)
    client = signed_in(alice)
    page = client.get(f"{PAGE}{run.pk}").content.decode()
    assert ("Page 1 of 3" in page, f"{CHANGED}. It stays as it was" in page) == (True, True)
    assert "Only failed 1" in page
    page = client.get(f"{PAGE}{run.pk}?show=failed").content.decode()
    assert ("Page 1 of" in page, f"open={three[1].pk}" in page, "Retry 1" in page) == (False, True, True)


def test_drafts_that_nobody_starts_are_forgotten(alice: Membership, three: list[Booking]) -> None:
    run, old = (drafted(alice, "cancel", three) for _ in range(2))
    done = started(alice, Action.CANCEL, three[:1])
    BulkRun.objects.exclude(pk=run.pk).update(checked_at=MONDAY_MORNING - timedelta(days=2))
    jobs.resume_bulk()
    assert set(BulkRun.objects.values_list("pk", flat=True)) == {run.pk, done.pk}
    assert not BulkItem.objects.filter(run=old.pk).exists()


def test_the_check_finds_the_same_hosts_whether_it_asks_for_one_or_for_all_of_them(
    alice: Membership, bob: Membership, dana: Membership, three: list[Booking], NOW: datetime
) -> None:
    make_booking(make_link(bob), three[0].starts_at, NOW, email="o@x.example")
    absent = {"workspace": alice.workspace, "user": dana.user}
    OutOfOffice.objects.create(**absent, first_day="2030-01-01", last_day="2030-02-01")
    bench = Bench(targets := [fresh(each) for each in three], None, NOW)
    for target in targets:
        every = bench.of(target)
        assert bench.best(target) == next((each for each in every if not each.taken), None)
        assert [bench.one(target, each.user.pk) for each in every] == every
    assert [each.taken for each in bench.of(targets[0])] == ["busy", "out of office"]
    assert [each.taken for each in bench.of(targets[1])] == ["", "out of office"]


@pytest.mark.thorough
def test_a_thousand_are_checked_with_as_many_queries_as_ten_and_each_is_done_once(
    alice: Membership, bob: Membership, dana: Membership, link: BookingLink, NOW: datetime
) -> None:
    Membership.objects.filter(pk=dana.pk).update(role="admin")
    model = make_booking(link, TUESDAY_TEN, NOW)
    person = model.booker
    for at in range(1, 1_000):
        series = uuid4()
        model.pk, model.series_id, model._state.adding = uuid4(), series, True
        model.starts_at = TUESDAY_TEN + timedelta(hours=at)
        model.ends_at = model.starts_at + timedelta(minutes=30)
        model.save()
        person.pk, person.series_id, person._state.adding = uuid4(), series, True
        person.booking, person.idempotency_key, person.manage_token_hash = model, uuid4(), uuid4().hex
        person.save()
    counts = []
    for query in ("?to=2030-01-08", ""):
        with CaptureQueriesContext(connection) as asked:
            answer = signed_in(dana).post(f"{PAGE}reassign{query}", {"id": str(uuid4()), "all": "1"})
        assert answer.status_code == 302
        counts.append(len(asked))
    assert counts[0] == counts[1]
    run = BulkRun.objects.order_by("pk").annotate(rows=Count("items")).get(rows=1_000)
    assert signed_in(dana).get(f"{PAGE}{run.pk}?page=20").content.decode().count('name="row"') == 50
    begin(run, NOW)
    before = OutboxMessage.objects.filter(kind="booking.reassigned.booker").count()
    ticks = iter(NOW + timedelta(seconds=tick) for tick in range(10_000))
    tasks = 1
    while service.perform(run.pk, lambda: next(ticks)):
        tasks += 1
    run.refresh_from_db()
    assert run.finished_at
    assert tasks > 10
    assert set(run.items.values_list("state", flat=True)) == {"done"}
    assert OutboxMessage.objects.filter(kind="booking.reassigned.booker").count() - before == 1_000
    with CaptureQueriesContext(connection) as asked:
        page = signed_in(dana).get(f"{PAGE}{run.pk}").content.decode()
    assert "Page 1 of 20" in page
    assert len(asked) < 20
