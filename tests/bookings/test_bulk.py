"""Changing several bookings at once: what is shown before, what is done, and what becomes of those that cannot be."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.http import HttpResponse

from bookings.domain.bulk import Action
from bookings.models import Attendee, Booking, BulkItem, BulkRun
from bookings.plans import NOBODY, NOT_YOURS, SEVERAL_HOSTS, steps_of
from bookings.services import booking as bookings
from bookings.services import bulk as service
from bookings.services import hosting
from scheduling.models import BookingLink
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
PAGE = "/calendar/bookings/bulk/"


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


def started(member: Membership, action: Action, picked: list[Booking], **more: str) -> BulkRun:
    steps = steps_of(action, [fresh(each) for each in picked], None, MONDAY_MORNING)
    return service.start(
        run_id=uuid4(), member=member, action=action, steps=steps, now=MONDAY_MORNING, **more
    )


def fresh(booking: Booking) -> Booking:
    return Booking.objects.select_related("host", "link", "workspace").get(pk=booking.pk)


def performed(run: BulkRun) -> list[tuple[str, str]]:
    service.perform(run.pk, lambda: MONDAY_MORNING)
    return list(run.items.values_list("state", "problem"))


def test_nothing_happens_before_the_check_was_confirmed(alice: Membership, three: list[Booking]) -> None:
    client = signed_in(alice)
    page = client.get(PAGE + "cancel").content.decode()
    assert page.count('name="pick"') == 3
    assert "checked" not in page
    answer = send(alice, "cancel", three[:2], reason="Ill")
    page = answer.content.decode()
    assert (answer.status_code, page.count('name="pick"'), page.count(" checked")) == (200, 2, 2)
    assert "Cancel 2 bookings" in page
    assert "<b>4</b> mails go out" in page
    assert not BulkRun.objects.exists()
    assert Booking.objects.filter(status="confirmed").count() == 3


@pytest.mark.parametrize(
    ("action", "typed", "said"),
    [
        ("cancel", {"pick": []}, "Pick at least one booking."),
        ("cancel", {"reason": "x" * 501}, "Keep the reason to 500"),
        ("reassign", {"host": str(uuid4())}, "Choose one of these."),
        ("attendance", {"attendance": "maybe"}, "Nothing to mark"),
    ],
)
def test_a_mistake_is_said_and_nothing_is_started(
    action: str, typed: dict[str, str], said: str, alice: Membership, three: list[Booking]
) -> None:
    answer = send(alice, action, three, run="1", **typed)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert not BulkRun.objects.exists()


def test_what_was_picked_stays_so_when_one_of_them_has_gone_meanwhile(
    alice: Membership, three: list[Booking], NOW: datetime
) -> None:
    bookings.cancel_by_host(booking=three[0], reason="", actor=alice.user, now=NOW)
    answer = send(alice, "cancel", three, reason="Ill", run="1")
    page = answer.content.decode()
    assert (answer.status_code, page.count(" checked")) == (422, 2)
    assert "One of these is no longer in the list." in page
    assert "Ill" in page
    assert not BulkRun.objects.exists()


def test_the_picked_ones_are_cancelled_and_the_page_says_so(alice: Membership, three: list[Booking]) -> None:
    form: dict[str, Any] = {"id": str(uuid4()), "pick": [str(each.pk) for each in three[:2]], "reason": "Ill"}
    client = signed_in(alice)
    form |= {"seen": seen_on(client.post(f"{PAGE}cancel?q=x.example", form)), "run": "1"}
    first, again = (client.post(f"{PAGE}cancel?q=x.example", form) for _ in range(2))
    assert first["Location"] == again["Location"]
    assert first["Location"].endswith("?q=x.example")
    run = BulkRun.objects.get()
    page = client.get(first["Location"]).content.decode()
    assert "Running: 2 of 2 left" in page
    assert 'hx-trigger="every 1s"' in page
    assert performed(run) == [("done", "")] * 2
    assert sorted(Booking.objects.values_list("status", flat=True)) == ["cancelled", "cancelled", "confirmed"]
    assert set(Attendee.objects.filter(status="cancelled").values_list("reason", "ended_by")) == {
        ("Ill", "host")
    }
    page = client.get(first["Location"]).content.decode()
    assert "2 cancelled" in page
    assert "hx-trigger" not in page.split('id="receipt"', 1)[1]
    assert signed_in(alice).get("/calendar/bookings").content.decode().count("Reassign several") == 1


def seen_on(page: HttpResponse) -> list[str]:
    """What a page that was checked carries along to run just that."""
    return re.findall(r'name="seen" value="(\w+)"', page.content.decode())


def test_only_what_was_shown_is_run(
    alice: Membership, bob: Membership, dana: Membership, three: list[Booking], NOW: datetime
) -> None:
    Membership.objects.filter(pk=dana.pk).update(role="admin")
    shown = send(dana, "reassign", three[:2])
    make_booking(make_link(bob), three[0].starts_at, NOW, email="o@x.example")
    answer = send(dana, "reassign", three[:2], run="1", seen=seen_on(shown))
    assert answer.status_code == 409
    assert "Something has changed since this was checked." in answer.content.decode()
    assert not BulkRun.objects.exists()
    assert send(dana, "reassign", three[:2], run="1").status_code == 409
    assert send(dana, "reassign", three[:1], run="1", seen=seen_on(answer)).status_code == 302
    assert BulkRun.objects.get().items.count() == 1


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
    assert client.post(f"{PAGE}{run.pk}/retry").status_code == 302
    assert performed(run) == [("done", "")] * 2
    assert fresh(three[0]).host in {bob.user, dana.user}


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


def test_who_has_lost_the_right_meanwhile_changes_nothing(
    alice: Membership, three: list[Booking], NOW: datetime
) -> None:
    run = started(alice, Action.CANCEL, three[:1])
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    assert performed(run) == [("failed", NOT_YOURS)]
    assert fresh(three[0]).status == "confirmed"


def test_everybody_of_a_session_is_marked(alice: Membership, NOW: datetime) -> None:
    workshop = make_link(alice, strategy="group", capacity=4, title="Workshop")
    for name in ("noor", "emi"):
        session = make_booking(workshop, TUESDAY_TEN, NOW, email=f"{name}@x.example")
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=2), tick=False):
        checked = send(alice, "attendance", [session], attendance="no_show")
        answer = send(alice, "attendance", [session], attendance="no_show", run="1", seen=seen_on(checked))
        assert answer.status_code == 302
        run = BulkRun.objects.get()
        service.perform(run.pk, lambda: TUESDAY_TEN + timedelta(hours=2))
    assert fresh(session).no_show_status == "no_show"
    assert set(Attendee.objects.values_list("no_show_status", flat=True)) == {"no_show"}


def test_a_run_is_shown_to_nobody_else(alice: Membership, dana: Membership, three: list[Booking]) -> None:
    run = started(alice, Action.CANCEL, three)
    for address in (f"{PAGE}{run.pk}", f"{PAGE}nonsense"):
        assert signed_in(dana).get(address).status_code == 404
    assert signed_in(dana).post(f"{PAGE}{run.pk}/retry").status_code == 404


def test_of_what_is_no_longer_his_to_see_a_run_says_only_how_many(
    alice: Membership, bob: Membership, three: list[Booking]
) -> None:
    run = started(alice, Action.CANCEL, three[:2])
    performed(run)
    Booking.objects.filter(pk=three[0].pk).update(host=bob.user)
    Attendee.objects.filter(booking=three[0]).update(name="Gone Away", person=None)
    page = signed_in(alice).get(f"{PAGE}{run.pk}").content.decode()
    assert "2 cancelled" in page
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
