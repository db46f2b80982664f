"""None of the times suits: what an invitee proposes, what the host answers, and moving what was picked."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from bookings.domain.lifecycle import BookingClosed
from bookings.models import Booking
from bookings.selectors import manage_token
from bookings.services.booking import cancel_by_host
from bookings.services.hosting import reassign
from one_off import services
from one_off.models import OneOff, Proposal
from one_off.selectors import token_of
from one_off.services import proposals
from scheduling.models import BusyTime
from tests.conftest import signed_in
from tests.one_off.making import (
    DAY,
    HOUR,
    MINUTE,
    ROSA,
    TOMAS,
    active_holds,
    make_one_off,
    pick,
    slot_of,
    three_times,
    written,
)
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.invariants.selectors import broken_invariants
from workestra.notifications import effects as outbox
from workestra.notifications.models import Notice, OutboxMessage

pytestmark = pytest.mark.django_db

LIST = "/calendar/one-off"


@pytest.fixture(autouse=True)
def _clock(NOW: datetime) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def page(response: HttpResponse) -> str:
    return response.content.decode()


def proposed(one_off: OneOff, now: datetime, *starts: datetime, **fields: object) -> Proposal:
    values: dict[str, object] = {"booker": TOMAS, "message": "Either?", "nonce": uuid4()} | fields
    return proposals.propose(
        one_off=one_off,
        starts=starts or (now + 5 * DAY, now + 6 * DAY),
        length=30 * MINUTE,
        now=now,
        **values,  # type: ignore[arg-type]
    )


def form_of(client: Client, url: str, **changes: str) -> dict[str, str]:
    return form_posting(page(client.get(url)), "nonce").values | {
        "name": TOMAS.name,
        "email": TOMAS.email,
        "day1": "2030-01-14",
        "start1": "10:00",
        **changes,
    }


# --- Proposing ---


def test_an_invitee_proposes_times_in_his_zone_and_the_host_is_told(
    client: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, location_type="other")
    pick_url = f"/one-off/{token_of(one_off)}"
    assert f'href="{pick_url}/propose"' in page(client.get(pick_url))
    sent = form_of(
        client,
        f"{pick_url}/propose?tz=America/New_York",
        tz="America/New_York",
        day2="2030-01-15",
        start2="11:00",
        message="I fly on Thursday.",
    )
    response = client.post(f"{pick_url}/propose", sent)
    assert response.status_code == 303
    proposal = Proposal.objects.get()
    assert proposal.starts == [
        datetime(2030, 1, 14, 15, 0, tzinfo=UTC),
        datetime(2030, 1, 15, 16, 0, tzinfo=UTC),
    ]
    assert (proposal.name, proposal.minutes, proposal.message) == (TOMAS.name, 30, "I fly on Thursday.")
    assert "Sent to Alice" in page(client.get(response["Location"]))
    assert active_holds(one_off) == 3
    assert OneOff.objects.get().state == "open"
    assert Notice.objects.get(user=alice.user).path == f"{LIST}#proposals"
    message = OutboxMessage.objects.get()
    assert (message.kind, message.recipient) == ("one_off.proposed.host", alice.user.email)
    outbox.deliver_due(timezone.now())
    assert "Tomás Herrera proposes other times" in mail.outbox[0].subject
    assert "Mon 14 Jan, 16:00 – 16:30, Berlin time (CET)" in mail.outbox[0].body
    # The same form sent again is the same proposal.
    assert client.post(f"{pick_url}/propose", sent)["Location"] == response["Location"]
    assert Proposal.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words", "status"),
    [
        ({"day1": "", "start1": ""}, "Propose at least one time", 422),
        ({"start1": ""}, "Add the start", 422),
        ({"day1": "2030-01-01"}, "That time has passed", 422),
        ({"day2": "2030-01-14", "start2": "10:00"}, "You propose this time already", 422),
        ({"email": "nobody"}, "name@example.com", 422),
        ({"name": ""}, "Add your name", 422),
        ({"message": "x" * 501}, "500 fit", 422),
        ({"day1": "2030-01-22", "start1": "09:15"}, "Alice is not free then", 409),
    ],
)
def test_what_cannot_be_proposed_is_said_and_everything_typed_stays(
    client: Client, alice: Membership, NOW: datetime, changes: dict[str, str], words: str, status: int
) -> None:
    make_one_off(alice, NOW, periods=(Period.lasting(NOW + 15 * DAY, HOUR),))
    one_off = make_one_off(alice, NOW, location_type="other")
    url = f"/one-off/{token_of(one_off)}/propose"
    before = written()
    response = client.post(url, form_of(client, url, **{"message": "A note", **changes}))
    assert response.status_code == status
    assert words in page(response)
    if "message" not in changes:
        assert "A note" in page(response)
    assert written() == before
    assert not Proposal.objects.exists()


def test_nothing_is_proposed_for_one_that_is_over(client: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    services.withdraw(one_off=one_off, actor=alice.user, now=NOW)
    url = f"/one-off/{token_of(one_off)}/propose"
    assert client.get(url).status_code == client.post(url, {}).status_code == 410
    with pytest.raises(services.OneOffWithdrawn):
        proposed(one_off, NOW)
    assert not Proposal.objects.exists()


# --- Answering ---


def test_the_host_accepts_with_one_click(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    proposal = proposed(one_off, NOW, message="I fly on Thursday.")
    browser = signed_in(alice)
    html = page(browser.get(LIST))
    assert "I fly on Thursday." in html
    (start, _second) = re.findall(r'name="start" value="([^"]+)"', html)
    response = browser.post(f"{LIST}/proposals/{proposal.pk}/accept", {"start": start})
    assert response.status_code == 303
    booking = Booking.objects.get()
    assert (booking.starts_at, booking.booker.email, booking.duration_minutes) == (
        NOW + 5 * DAY,
        TOMAS.email,
        30,
    )
    one_off.refresh_from_db()
    assert (one_off.state, one_off.booking) == ("booked", booking)
    assert active_holds(one_off) == 0
    assert OutboxMessage.objects.filter(kind__contains="confirmed", recipient=TOMAS.email).exists()
    assert broken_invariants() == []
    assert "proposals-h" not in page(browser.get(LIST))
    assert browser.post(f"{LIST}/proposals/{proposal.pk}/accept", {"start": start}).status_code == 409
    assert Booking.objects.count() == 1


def test_a_time_that_is_taken_meanwhile_is_refused(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    proposal = proposed(one_off, NOW)
    make_one_off(alice, NOW, title="Other", periods=(Period.lasting(NOW + 5 * DAY, HOUR),))
    browser = signed_in(alice)
    assert "Held for Other" in page(browser.get(LIST))
    before = written()
    response = browser.post(f"{LIST}/proposals/{proposal.pk}/accept", {"start": (NOW + 5 * DAY).isoformat()})
    assert response.status_code == 409
    assert "You are not free then any more." in page(response)
    assert written() == before
    assert Proposal.objects.get().state == "waiting"
    for junk in ("", "tomorrow", (NOW + 9 * DAY).isoformat()):
        assert browser.post(f"{LIST}/proposals/{proposal.pk}/accept", {"start": junk}).status_code == 422
    assert written() == before


def test_one_that_expired_meanwhile_is_booked_all_the_same(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, expires_at=timezone.now() + HOUR)
    proposal = proposed(one_off, NOW)
    start = proposal.starts[0]
    proposals.accept(proposal=proposal, start=start, actor=alice.user, now=NOW + 2 * HOUR)
    assert Booking.objects.get().starts_at == start


def test_declining_tells_the_invitee(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    proposal = proposed(one_off, NOW)
    browser = signed_in(alice)
    assert browser.post(f"{LIST}/proposals/{proposal.pk}/decline").status_code == 303
    assert browser.post(f"{LIST}/proposals/{proposal.pk}/decline").status_code == 409
    outbox.deliver_due(timezone.now())
    (told,) = mail.outbox
    assert told.to == [TOMAS.email]
    assert f"/one-off/{token_of(one_off)}" in told.body
    assert AuditEvent.objects.filter(action="one_off.proposal_declined").exists()


def test_a_later_proposal_takes_the_place_of_the_one_that_waits(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    first, other = proposed(one_off, NOW), proposed(one_off, NOW, booker=ROSA)
    second = proposed(one_off, NOW, NOW + 7 * DAY)
    states = dict(Proposal.objects.values_list("pk", "state"))
    assert states == {first.pk: "replaced", other.pk: "waiting", second.pk: "waiting"}
    with pytest.raises(proposals.ProposalAnswered):
        proposals.accept(proposal=first, start=first.starts[0], actor=alice.user, now=NOW)


def test_another_host_finds_no_proposal(alice: Membership, bob: Membership, NOW: datetime) -> None:
    proposal = proposed(make_one_off(alice, NOW), NOW)
    response = signed_in(bob).post(
        f"{LIST}/proposals/{proposal.pk}/accept", {"start": proposal.starts[0].isoformat()}
    )
    assert response.status_code == 404
    assert not Booking.objects.exists()


# --- Moving what was picked ---


def address(booking: Booking, name: str) -> str:
    return f"/b/one-off/manage/{manage_token(booking.booker)}{name}"


def test_what_was_picked_moves_to_another_offered_time_that_is_free(
    client: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    booking = pick(one_off, NOW)
    make_one_off(alice, NOW, title="Other", periods=three_times(NOW)[1:2])
    assert address(booking, "/move") in page(client.get(address(booking, "")))
    html = page(client.get(address(booking, "/move")))
    assert re.findall(r'name="slot" value="([^"]+)"', html) == [str(slot_of(one_off, 2).pk)]
    before = written()
    taken = client.post(address(booking, "/move"), {"slot": str(slot_of(one_off, 1).pk)})
    assert taken.status_code == 409
    assert "Your booking stands as it was." in page(taken)
    assert client.post(address(booking, "/move"), {"slot": "x"}).status_code == 422
    assert written() == before
    response = client.post(address(booking, "/move"), {"slot": str(slot_of(one_off, 2).pk)})
    assert response.status_code == 303
    moved = Booking.objects.get(status="confirmed")
    assert (moved.period, moved.series_id, moved.ics_sequence) == (three_times(NOW)[2], booking.series_id, 1)
    one_off.refresh_from_db()
    assert one_off.booking == moved
    assert BusyTime.objects.filter(owner_key__in=[booking.pk, moved.pk], active=True).count() == 1
    assert client.get(address(booking, "/move")).status_code == 410
    assert OutboxMessage.objects.filter(kind__contains="moved", recipient=TOMAS.email).exists()
    assert broken_invariants() == []


def test_with_nothing_left_the_booker_proposes_and_the_host_accepts(
    client: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, periods=three_times(NOW)[:1])
    booking = pick(one_off, NOW)
    assert "Propose times" in page(client.get(address(booking, "/move")))
    url = address(booking, "/propose")
    form = form_posting(page(client.get(url)), "nonce").values | {"day1": "2030-01-14", "start1": "10:00"}
    response = client.post(url, form)
    assert response.status_code == 303
    assert "Sent to Alice" in page(client.get(response["Location"]))
    proposal = Proposal.objects.get()
    assert (proposal.attendee, proposal.timezone) == (booking.booker, "Europe/Madrid")
    assert "to move Contract walkthrough" in page(signed_in(alice).get(LIST))
    proposals.accept(proposal=proposal, start=proposal.starts[0], actor=alice.user, now=NOW)
    moved = Booking.objects.get(status="confirmed")
    assert (moved.starts_at, moved.series_id) == (datetime(2030, 1, 14, 9, 0, tzinfo=UTC), booking.series_id)


def test_nothing_is_moved_that_has_begun(client: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    booking = pick(one_off, NOW)
    with time_machine.travel(booking.starts_at + timedelta(minutes=1), tick=False):
        for name in ("/move", "/propose"):
            response = client.post(address(booking, name), {"slot": str(slot_of(one_off, 2).pk)})
            assert (response.status_code, response["Location"]) == (303, address(booking, ""))
    assert Booking.objects.count() == 1


# --- What was handed to somebody else ---


def handed_over(one_off: OneOff, to: Membership, by: Membership, now: datetime) -> Booking:
    booking = pick(one_off, now)
    return reassign(booking=booking, host=to.user, actor=by.user, now=now)


def test_who_hosts_the_meeting_now_is_told_of_what_is_proposed_and_answers_it(
    client: Client, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    booking = handed_over(one_off, bob, alice, NOW)
    assert 'Send<span class="hide-s"> to Bob' in page(client.get(address(booking, "/propose")))
    proposal = proposed(one_off, NOW, attendee=booking.booker)
    message = OutboxMessage.objects.get(kind="one_off.proposed.host")
    assert message.recipient == bob.user.email
    assert Notice.objects.filter(kind="one_off.proposed.host").get().user == bob.user
    accept, start = f"{LIST}/proposals/{proposal.pk}/accept", proposal.starts[0].isoformat()
    before = written()
    assert signed_in(alice).post(accept, {"start": start}).status_code == 404
    assert "proposes to move" not in page(signed_in(alice).get(LIST))
    assert written() == before
    assert "proposes to move" in page(signed_in(bob).get(LIST))
    assert signed_in(bob).post(accept, {"start": start}).status_code == 303
    moved = Booking.objects.get(status="confirmed")
    assert (moved.host, moved.starts_at) == (bob.user, proposal.starts[0])
    assert not broken_invariants()


def test_times_to_move_to_are_those_of_who_hosts_the_meeting_now(
    client: Client, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    booking = handed_over(one_off, bob, alice, NOW)
    make_one_off(alice, NOW, title="Of the former host", periods=three_times(NOW)[1:2])
    make_one_off(bob, NOW, title="Of the host", periods=three_times(NOW)[2:])
    html = page(client.get(address(booking, "/move")))
    assert re.findall(r'name="slot" value="([^"]+)"', html) == [str(slot_of(one_off, 1).pk)]
    assert "What else Bob offered" not in html


def test_who_has_left_gets_no_mail_of_what_is_proposed(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    booking = pick(one_off, NOW)
    proposed(one_off, NOW, attendee=booking.booker)
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    OutboxMessage.objects.exclude(kind="one_off.proposed.host").delete()
    outbox.deliver_due(timezone.now())
    assert not mail.outbox


def test_nobody_proposes_to_move_what_was_cancelled_while_he_wrote(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    booking = pick(one_off, NOW)
    opened = booking.booker
    cancel_by_host(booking=booking, actor=alice.user, reason="", now=NOW)
    before = written()
    with pytest.raises(BookingClosed):
        proposed(one_off, NOW, attendee=opened)
    assert written() == before
    assert not Proposal.objects.exists()


def test_the_same_number_sent_to_two_one_offs_makes_two_proposals(alice: Membership, NOW: datetime) -> None:
    nonce = uuid4()
    one, other = make_one_off(alice, NOW), make_one_off(alice, NOW, reserve=False)
    first = proposed(one, NOW, nonce=nonce)
    assert proposed(other, NOW, nonce=nonce).one_off == other
    assert proposed(one, NOW, nonce=nonce) == first


def ticked(html: str) -> list[str]:
    found = re.findall(
        r'type="hidden" name="propose" value="([^"]+)"|name="propose" value="([^"]+)" checked', html
    )
    return [hidden or shown for hidden, shown in found]


def test_times_are_ticked_day_by_day_without_losing_what_was_typed(
    client: Client, alice: Membership, NOW: datetime
) -> None:
    make_one_off(alice, NOW, periods=(Period.lasting(NOW + 7 * DAY, HOUR),))
    one_off = make_one_off(alice, NOW, location_type="other")
    url = f"/one-off/{token_of(one_off)}/propose"
    first = page(client.get(f"{url}?tz=America/New_York"))
    sent = form_posting(first, "nonce").values | {"tz": "America/New_York"}
    sent |= {"name": TOMAS.name, "email": TOMAS.email, "message": "I fly on Thursday."}
    before = written()
    # Held or booked times are not among those that he can tick: next Monday at nine in Berlin is Alice's.
    monday = page(client.post(url, sent | {"date": "2030-01-14"}))
    assert 'value="2030-01-14T08:00Z"' not in monday
    assert 'value="2030-01-14T09:00Z"' in monday
    assert "Morning" not in monday.split('id="slots"')[0]
    tuesday = page(client.post(url, sent | {"date": "2030-01-15", "propose": "2030-01-14T15:00Z"}))
    assert ticked(tuesday) == ["2030-01-14T15:00Z"]
    assert "10:00 – 10:30" in tuesday
    assert "I fly on Thursday." in tuesday
    both = ["2030-01-14T15:00Z", "2030-01-15T13:30Z"]
    next_month = page(client.post(url, sent | {"month": "2030-02", "propose": both}))
    assert sorted(ticked(next_month)) == both
    assert "2 of 3 times" in next_month
    one = page(client.post(url, sent | {"remove": both[0], "propose": both}))
    assert ticked(one) == both[1:]
    assert written() == before
    response = client.post(url, sent | {"propose": both, "day1": "2030-01-16", "start1": "11:00"})
    assert response.status_code == 303
    assert Proposal.objects.get().starts == [
        datetime(2030, 1, 14, 15, 0, tzinfo=UTC),
        datetime(2030, 1, 15, 13, 30, tzinfo=UTC),
        datetime(2030, 1, 16, 16, 0, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("ticks", "words", "status", "left"),
    [
        ([f"2030-01-15T1{hour}:00Z" for hour in range(4)], "Three times at most", 422, 4),
        (["2030-01-01T10:00Z"], "has passed", 422, 1),
        (["nonsense", "2030-01-15T10:00"], "Propose at least one time", 422, 0),
        (["2030-01-14T08:00Z", "2030-01-15T10:00Z"], "Alice is not free then any more", 409, 1),
    ],
)
def test_ticks_that_cannot_be_proposed_are_said_and_the_others_stay(
    client: Client, alice: Membership, NOW: datetime, ticks: list[str], words: str, status: int, left: int
) -> None:
    make_one_off(alice, NOW, periods=(Period.lasting(NOW + 7 * DAY, HOUR),))
    url = f"/one-off/{token_of(make_one_off(alice, NOW, location_type='other'))}/propose"
    sent = form_posting(page(client.get(url)), "nonce").values | {"name": TOMAS.name, "email": TOMAS.email}
    before = written()
    response = client.post(url, sent | {"propose": ticks})
    assert response.status_code == status
    assert words in page(response)
    assert len(ticked(page(response))) == left
    assert written() == before
