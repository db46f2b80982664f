"""Other times that a host offers for a booking, which stands as it is until the booker picks one of them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from bookings.domain import mail_kinds as kinds
from bookings.domain.offers import BadOffer
from bookings.models import Alternatives, Attendee, Booking
from bookings.placeholders import PLACEHOLDERS
from bookings.selectors import manage_token
from bookings.services import alternatives as service
from bookings.services import booking as bookings
from bookings.services import hosting
from scheduling.models import BookingLink, BusyTime
from scheduling.selectors.times import open_starts_of
from scheduling.services.busy_time import SlotTaken
from tests.bookings.test_mails import sent
from tests.calendars.making import calendar_of, connect_caldav, mirror_busy
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import MembershipFactory, make_booking, make_link
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.calendars.models import OwnEvent
from workestra.calendars.providers.provider import ProviderEvent
from workestra.calendars.registry import topic_of
from workestra.invariants.selectors import broken_invariants
from workestra.notifications.models import Notice, OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
WEDNESDAY_TEN, THURSDAY_TEN = TUESDAY_TEN + timedelta(days=1), TUESDAY_TEN + timedelta(days=2)
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _at_now() -> object:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    return make_booking(link, TUESDAY_TEN, NOW)


@pytest.fixture
def offered(booking: Booking, alice: Membership, NOW: datetime) -> Alternatives:
    return offer(booking, alice, NOW)


def offer(booking: Booking, alice: Membership, now: datetime, **how: Any) -> Alternatives:
    told = {"starts": [THURSDAY_TEN, WEDNESDAY_TEN], "message": "Does this suit?", "closes": timedelta(0)}
    return service.offer(booking=booking, actor=alice.user, now=now, **(told | how))


def held() -> list[datetime]:
    rows = BusyTime.objects.filter(active=True, kind="hold").order_by("during")
    return [row.during.lower for row in rows]


def state_of(offered: Alternatives) -> str:
    offered.refresh_from_db()
    return offered.state


def written() -> list[int]:
    tables = (Booking, Attendee, Alternatives, OutboxMessage, AuditEvent, BusyTime, Notice)
    return [table.objects.count() for table in tables]


def is_free(link: BookingLink, start: datetime, now: datetime) -> bool:
    return start in open_starts_of(link, Period(start, start + timedelta(hours=1)), now)


def page_of(booking: Booking) -> str:
    return reverse("bookings:alternatives", args=[booking.page_slug, manage_token(booking.booker)])


def test_the_times_are_held_and_mailed_and_the_meeting_stays(
    link: BookingLink, booking: Booking, offered: Alternatives, NOW: datetime
) -> None:
    booking.refresh_from_db()
    assert (booking.status, booking.ics_sequence) == ("confirmed", 0)
    assert held() == [WEDNESDAY_TEN, THURSDAY_TEN]
    assert not is_free(link, WEDNESDAY_TEN, NOW)
    assert offered.expires_at == TUESDAY_TEN
    mail = sent(booking, kinds.ALTERNATIVES_BOOKER, NOW)
    assert mail.mail["Subject"] == "Other times for Discovery Call, Tue 8 Jan, 04:00 EST"
    for words in ("Wed 9 Jan, 04:00 EST", "Thu 10 Jan, 04:00 EST", "Does this suit?", page_of(booking)):
        assert words in mail.text
        assert words in mail.html
    assert AuditEvent.objects.filter(action="booking.alternatives_offered").count() == 1
    assert not broken_invariants()


def test_who_picks_one_moves_there_and_the_others_are_free_again(
    link: BookingLink, booking: Booking, offered: Alternatives, alice: Membership, NOW: datetime
) -> None:
    first = offered.times.first()
    assert first is not None
    moved = service.pick(attendee=booking.booker, time_id=first.pk, timezone="Asia/Tokyo", now=NOW)
    booking.refresh_from_db()
    assert (booking.status, moved.booking.status) == ("rescheduled", "confirmed")
    assert (moved.booking.starts_at, moved.series_id, moved.ics_sequence) == (
        WEDNESDAY_TEN,
        booking.series_id,
        1,
    )
    assert (moved.timezone, state_of(offered), held()) == ("Asia/Tokyo", "picked", [])
    assert is_free(link, THURSDAY_TEN, NOW)
    assert is_free(link, TUESDAY_TEN, NOW)
    assert sent(moved.booking, kinds.MOVED_BOOKER, NOW).method == "REQUEST"
    notice = Notice.objects.get()
    assert (notice.user, notice.title) == (alice.user, "Priya Raman picked one of the times you offered")
    assert not broken_invariants()


def picked(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    time = offered.times.get(starts_at=THURSDAY_TEN)
    service.pick(attendee=booking.booker, time_id=time.pk, timezone="", now=now)


def declined(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    service.decline(attendee=booking.booker, answer="After six", is_content=False, now=now)


def kept(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    service.decline(attendee=booking.booker, answer="", is_content=True, now=now)


def withdrawn(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    service.withdraw(booking=booking, actor=alice.user, now=now)


def cancelled(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    bookings.cancel_by_booker(attendee=booking.booker, reason="", now=now)


def cancelled_by_host(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    bookings.cancel_by_host(booking=booking, reason="", actor=alice.user, now=now)


def moved_by_host(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    hosting.propose(booking=booking, start=WEDNESDAY_TEN, message="", actor=alice.user, now=now)


def moved_by_booker(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    bookings.reschedule(attendee=booking.booker, start=WEDNESDAY_TEN, now=now)


def reassigned(offered: Alternatives, booking: Booking, alice: Membership, now: datetime) -> None:
    other = MembershipFactory.create(workspace=alice.workspace)
    hosting.reassign(booking=booking, host=other.user, actor=alice.user, now=now)


def placeholders() -> list[OwnEvent]:
    return list(OwnEvent.objects.filter(topic=PLACEHOLDERS.topic))


def as_if_written() -> None:
    OwnEvent.objects.update(written_version=F("version"), is_there=True)


def there_to_be(event: OwnEvent, now: datetime) -> ProviderEvent | None:
    """What its calendar should show, as the worker finds it, which it must know to look for."""
    assert not event.is_current
    return topic_of(event.topic).describe(event.topic_id, event.user_id, event.key, now)


ENDS = [
    (picked, "picked"),
    (declined, "declined"),
    (kept, "kept"),
    (withdrawn, "withdrawn"),
    (cancelled, "overtaken"),
    (moved_by_host, "overtaken"),
    (moved_by_booker, "overtaken"),
    (reassigned, "overtaken"),
]


@pytest.mark.parametrize(("end", "state"), ENDS)
def test_every_end_gives_back_what_was_held_and_nothing_can_be_answered_after_it(
    end: Callable[..., None], state: str, booking: Booking, alice: Membership, NOW: datetime
) -> None:
    connect_caldav(alice, NOW)
    offered = offer(booking, alice, NOW)
    as_if_written()
    end(offered, booking, alice, NOW)
    assert (state_of(offered), held()) == (state, [])
    assert not broken_invariants()
    assert [there_to_be(event, NOW) for event in placeholders()] == [None, None]
    before = written()
    now_there = (
        Booking.objects.get(status="confirmed") if state != "overtaken" or end is reassigned else booking
    )
    for again in (picked, declined, withdrawn):
        with pytest.raises((service.NotOpen, bookings.BookingClosed)):
            again(offered, Booking.objects.get(pk=now_there.pk), alice, NOW)
    assert written() == before


def test_an_offer_expires_by_itself_and_the_host_is_told(
    link: BookingLink, booking: Booking, alice: Membership, NOW: datetime
) -> None:
    connect_caldav(alice, NOW)
    offered = offer(booking, alice, NOW)
    as_if_written()
    Alternatives.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    BusyTime.objects.filter(kind="hold").update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    before = written()
    with pytest.raises(service.NotOpen) as refusal:
        picked(offered, booking, alice, MONDAY_MORNING)
    assert refusal.value.state == Alternatives.State.EXPIRED
    assert written() == before
    assert is_free(link, WEDNESDAY_TEN, MONDAY_MORNING)
    assert service.expire_over(MONDAY_MORNING) == 1
    assert service.expire_over(MONDAY_MORNING) == 0
    assert (state_of(offered), held()) == ("expired", [])
    assert [there_to_be(event, NOW) for event in placeholders()] == [None, None]
    assert Notice.objects.get().title == "Priya Raman did not answer: the time stays as it is"
    booking.refresh_from_db()
    assert booking.status == "confirmed"


def test_times_that_a_host_has_not_got_are_named_and_nothing_is_written(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    make_booking(make_link(alice), WEDNESDAY_TEN, NOW, name="Noor Haddad", email="n@x.example")
    before = written()
    with pytest.raises(service.TimesTaken) as refusal:
        offer(booking, alice, NOW)
    assert [[clash.words for clash in row] for row in refusal.value.clashes] == [
        ["You meet Noor Haddad then"],
        [],
    ]
    assert written() == before


def test_a_time_may_overlap_the_meeting_itself(booking: Booking, alice: Membership, NOW: datetime) -> None:
    later = TUESDAY_TEN + timedelta(minutes=15)
    offered = offer(booking, alice, NOW, starts=[later])
    moved = service.pick(attendee=booking.booker, time_id=offered.times.get().pk, timezone="", now=NOW)
    assert moved.booking.starts_at == later
    assert not broken_invariants()


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ([], "at least one"),
        ([TUESDAY_TEN], "the time it has"),
        ([WEDNESDAY_TEN, WEDNESDAY_TEN], "once"),
        ([MONDAY_MORNING], "still to come"),
        ([WEDNESDAY_TEN + timedelta(hours=hour) for hour in range(6)], "at most 5"),
    ],
)
def test_what_cannot_be_offered_is_refused(
    starts: list[datetime], words: str, booking: Booking, alice: Membership, NOW: datetime
) -> None:
    before = written()
    with pytest.raises(BadOffer, match=words):
        offer(booking, alice, NOW, starts=starts)
    assert written() == before


def test_a_second_offer_waits_for_the_end_of_the_first_and_has_a_mail_of_its_own(
    offered: Alternatives, booking: Booking, alice: Membership, NOW: datetime
) -> None:
    with pytest.raises(service.OfferOpen):
        offer(booking, alice, NOW)
    service.withdraw(booking=booking, actor=alice.user, now=NOW)
    offer(booking, alice, NOW + timedelta(minutes=1), starts=[THURSDAY_TEN])
    first, second = OutboxMessage.objects.filter(kind=kinds.ALTERNATIVES_BOOKER).order_by("seq")
    assert (first.seq, second.seq) == (0, 1)
    assert held() == [THURSDAY_TEN]


def test_a_mail_of_times_that_are_offered_no_more_is_not_sent(
    offered: Alternatives, booking: Booking, alice: Membership, NOW: datetime
) -> None:
    service.withdraw(booking=booking, actor=alice.user, now=NOW)
    message = OutboxMessage.objects.get(kind=kinds.ALTERNATIVES_BOOKER)
    assert renderer_of(message.kind)(message, NOW) == Skip("These times are offered no more")


def test_a_group_session_has_no_other_times(alice: Membership, NOW: datetime) -> None:
    session = make_booking(make_link(alice, strategy="group", capacity=3), TUESDAY_TEN, NOW)
    with pytest.raises(bookings.BookingClosed):
        offer(session, alice, NOW)


class TestDrawer:
    def post(self, member: Membership, booking: Booking, name: str = "offer", **data: Any) -> HttpResponse:
        return signed_in(member).post(reverse(f"bookings:{name}", args=[booking.pk]), data, headers=HTMX)

    def test_the_host_offers_times_reads_their_state_and_withdraws_them(
        self, alice: Membership, booking: Booking
    ) -> None:
        answer = self.post(
            alice,
            booking,
            day1="2030-01-09",
            time1="10:00",
            day3="2030-01-10",
            time3="14:30",
            closes="2",
            message="Hm",
        )
        assert "2 times offered. Priya Raman is being told by mail." in answer.content.decode()
        made = Alternatives.objects.get()
        assert made.expires_at == TUESDAY_TEN - timedelta(hours=2)
        drawer = reverse("bookings:drawer", args=[booking.pk])
        page = signed_in(alice).get(drawer, headers=HTMX).content.decode()
        assert "Waiting for Priya" in page
        assert f'id="of-{booking.pk}"' not in page
        answer = self.post(alice, booking, "withdraw_offer")
        assert "Withdrawn. The times are free again." in answer.content.decode()
        assert (state_of(made), held()) == ("withdrawn", [])
        assert self.post(alice, booking, "withdraw_offer").status_code == 409

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ({}, "Offer at least one time."),
            ({"day1": "2030-01-09"}, "Give both a day and a start, or neither."),
            ({"day1": "2030-01-08", "time1": "10:00"}, "That is the time it has."),
            ({"day1": "2030-01-09", "time1": "9h"}, "Write the start as 16:30."),
            ({"day2": "2030-01-09", "time2": "10:00", "closes": "5"}, "Choose when it closes."),
            (
                {"day2": "2030-01-09", "time2": "10:00", "message": "x" * 501},
                "501 characters are too many. 500 fit.",
            ),
        ],
    )
    def test_what_is_wrong_is_said_beside_it_and_nothing_typed_is_lost(
        self, typed: dict[str, str], words: str, alice: Membership, booking: Booking
    ) -> None:
        before = written()
        answer = self.post(alice, booking, **({"closes": "0"} | typed))
        assert answer.status_code == 422
        page = answer.content.decode()
        assert words in page
        assert all(value in page for value in typed.values() if value != "5")
        assert written() == before

    def test_a_taken_time_is_named_in_its_row(
        self, alice: Membership, booking: Booking, NOW: datetime
    ) -> None:
        make_booking(make_link(alice), WEDNESDAY_TEN, NOW, name="Noor Haddad", email="n@x.example")
        answer = self.post(alice, booking, day4="2030-01-09", time4="10:00", closes="0")
        assert answer.status_code == 409
        assert "You meet Noor Haddad then. Pick another start or clear it." in answer.content.decode()

    def test_times_that_do_not_suit_are_asked_about_once_with_everything_typed(
        self, alice: Membership, booking: Booking, NOW: datetime
    ) -> None:
        calendar = calendar_of(connect_caldav(alice, NOW))
        mirror_busy(calendar, Period(WEDNESDAY_TEN, WEDNESDAY_TEN + timedelta(hours=1)))
        BookingLink.objects.update(buffer_before_minutes=30)
        make_booking(make_link(alice), THURSDAY_TEN, NOW, email="n@x.example")
        typed = {
            "day1": "2030-01-09",
            "time1": "10:00",
            "day2": "2030-01-10",
            "time2": "10:30",
            "day3": "2030-01-10",
            "time3": "21:00",
            "day4": "2030-01-10",
            "time4": "14:00",
            "message": "A visit landed on that morning.",
            "closes": "0",
        }
        before = written()
        answer = self.post(alice, booking, **typed)
        page = answer.content.decode()
        assert (answer.status_code, written()) == (422, before)
        for words in ("3 of these times do not suit.", "Press once more to offer them anyway."):
            assert words in page
        for words in ("You are busy", "Within a buffer", "Outside hours", "Offer 4 times anyway"):
            assert words in page
        assert all(value in page for value in typed.values())
        told = re.findall(r'name="anyway" value="([^"]+)"', page)
        later = self.post(alice, booking, **typed | {"time3": "22:00"}, anyway=told)
        assert (later.status_code, written()) == (422, before)
        assert self.post(alice, booking, **typed, anyway=told).status_code == 200
        assert len(held()) == 4

    def test_the_row_says_how_many_are_offered_and_the_answer_begins_in_their_panel(
        self, alice: Membership, booking: Booking
    ) -> None:
        day = {"day1": "2030-01-09", "time1": "10:00", "day2": "2030-01-09", "time2": "11:00"}
        page = self.post(alice, booking, **day, closes="0").content.decode()
        assert re.findall(r"<(\w+)[^>]* autofocus", page) == ["section"]
        assert f'data-id="{booking.pk}" open' in page
        row = signed_in(alice).get(reverse("bookings:console")).content.decode()
        assert "2 times offered</span>" in row
        self.post(alice, booking, "withdraw_offer")
        assert "times offered" not in signed_in(alice).get(reverse("bookings:console")).content.decode()

    def test_an_offer_that_is_open_is_in_the_way_of_another(
        self, alice: Membership, booking: Booking, offered: Alternatives
    ) -> None:
        answer = self.post(alice, booking, day1="2030-01-11", time1="10:00", closes="0")
        assert answer.status_code == 409
        assert "Withdraw them first." in answer.content.decode()


class TestBookersPage:
    def test_looking_changes_nothing_and_shows_the_times_in_his_zone(
        self, booking: Booking, offered: Alternatives
    ) -> None:
        before = written()
        page = Client().get(f"{page_of(booking)}?tz=America/New_York").content.decode()
        assert "Still yours until you answer" in page
        assert page.count('class="offer"') == 2
        assert "04:00 – 04:30" in page
        assert written() == before
        manage = reverse("bookings:manage", args=[booking.page_slug, manage_token(booking.booker)])
        assert page_of(booking) in Client().get(manage).content.decode()

    def test_picking_leads_to_the_page_of_the_new_time(self, booking: Booking, offered: Alternatives) -> None:
        time = offered.times.get(starts_at=THURSDAY_TEN)
        answer = Client().post(page_of(booking), {"slot": str(time.pk), "tz": "Asia/Tokyo"})
        moved = Booking.objects.get(status="confirmed")
        assert answer.status_code == 303
        assert answer["Location"] == reverse(
            "bookings:confirmed", args=[moved.page_slug, manage_token(moved.booker)]
        )
        assert (moved.starts_at, moved.booker.timezone) == (THURSDAY_TEN, "Asia/Tokyo")

    @pytest.mark.parametrize(
        ("choice", "state", "said", "title"),
        [
            ("keep", "kept", "Your time stays", "Priya Raman keeps the time as it is"),
            (
                "none",
                "declined",
                "Alice knows that none suits",
                "None of the times you offered suits Priya Raman",
            ),
        ],
    )
    def test_taking_none_leaves_the_meeting_and_tells_the_host(
        self,
        choice: str,
        state: str,
        said: str,
        title: str,
        booking: Booking,
        offered: Alternatives,
        NOW: datetime,
    ) -> None:
        browser = Client()
        answer = browser.post(page_of(booking), {"slot": choice, "note": "After six"}, follow=True)
        assert (answer.status_code, state_of(offered), held()) == (200, state, [])
        assert said in answer.content.decode()
        booking.refresh_from_db()
        assert booking.status == "confirmed"
        assert Notice.objects.get().title == title
        mail = sent(booking, kinds.ALTERNATIVES_HOST, NOW)
        assert ("After six" in mail.text) == (choice == "none")
        assert browser.post(page_of(booking), {"slot": choice}).status_code == 410

    @pytest.mark.parametrize("slot", ["", "nonsense", str(UUID(int=7))])
    def test_a_choice_that_was_not_offered_is_refused(
        self, slot: str, booking: Booking, offered: Alternatives
    ) -> None:
        before = written()
        answer = Client().post(page_of(booking), {"slot": slot, "note": "After six"})
        assert answer.status_code == 422
        assert "Pick" in answer.content.decode()
        assert "After six" in answer.content.decode()
        assert written() == before

    def test_another_zone_keeps_what_was_chosen_and_typed(
        self, booking: Booking, offered: Alternatives
    ) -> None:
        before = written()
        typed = {"slot": "none", "note": "After six", "tz": "America/New_York", "zone": "1"}
        answer = Client().post(page_of(booking), typed)
        assert (answer.status_code, written()) == (200, before)
        page = answer.content.decode()
        assert "04:00 – 04:30" in page
        assert "After six" in page
        assert 'value="none" required checked' in page

    def test_a_time_that_has_begun_is_not_offered_any_more(
        self, booking: Booking, alice: Membership, NOW: datetime
    ) -> None:
        offered = offer(booking, alice, NOW, starts=[NOW + timedelta(hours=1), WEDNESDAY_TEN])
        soon = offered.times.earliest("starts_at")
        with time_machine.travel(soon.starts_at, tick=False):
            assert Client().get(page_of(booking)).content.decode().count('class="offer"') == 1
            assert Client().post(page_of(booking), {"slot": str(soon.pk)}).status_code == 409
        with pytest.raises(SlotTaken):
            service.pick(attendee=booking.booker, time_id=soon.pk, timezone="", now=soon.starts_at)

    def test_without_an_offer_it_leads_to_the_booking(self, booking: Booking) -> None:
        answer = Client().get(page_of(booking))
        assert answer.status_code == 302
        assert answer["Location"].endswith(manage_token(booking.booker) or "")


def test_the_host_sees_on_what_blocks_his_time_what_he_has_offered(
    alice: Membership, bob: Membership, booking: Booking, offered: Alternatives, NOW: datetime
) -> None:
    page = signed_in(alice).get("/calendar/holds").content.decode()
    assert "2 times are held besides your bookings" in page
    assert page.count("<small>To Priya Raman, one of 2") == 2
    assert "Priya Raman" not in signed_in(bob).get("/calendar/holds").content.decode()
    service.withdraw(booking=booking, actor=alice.user, now=NOW)
    assert "Nothing is held besides your bookings" in signed_in(alice).get("/calendar/holds").content.decode()


def test_who_offers_times_for_another_host_is_not_told_whom_he_meets(
    link: BookingLink, booking: Booking, dana: Membership, NOW: datetime
) -> None:
    make_booking(link, WEDNESDAY_TEN, NOW)
    before = written()
    fields = {"day1": "2030-01-09", "time1": "10:00", "message": "Kept", "closes": "0"}
    browser = signed_in(dana)
    zone = ZoneInfo(dana.user.timezone)
    fields |= {"time1": f"{WEDNESDAY_TEN.astimezone(zone):%H:%M}"}
    page = browser.post(reverse("bookings:offer", args=[booking.pk]), fields)
    assert page.status_code == 409
    assert "Alice is not free then. Pick another start or clear it." in page.content.decode()
    assert "You meet" not in page.content.decode()
    assert "Kept" in page.content.decode()
    assert written() == before


def test_what_was_answered_is_not_mailed_with_the_times_of_a_later_offer(
    booking: Booking, offered: Alternatives, alice: Membership, NOW: datetime
) -> None:
    service.decline(attendee=booking.booker, answer="After six", is_content=False, now=NOW)
    message = OutboxMessage.objects.get(kind=kinds.ALTERNATIVES_HOST)
    offer(booking, alice, NOW + timedelta(seconds=1), starts=[THURSDAY_TEN])
    assert renderer_of(message.kind)(message, NOW) == Skip("Other times were offered since")


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (reassigned, kinds.REASSIGNED_BOOKER),
        (moved_by_host, kinds.PROPOSED_BOOKER),
        (cancelled_by_host, kinds.CANCELLED_BOOKER),
    ],
)
def test_who_could_pick_is_told_with_the_change_that_nothing_is_offered_any_more(
    end: Callable[..., None], kind: str, booking: Booking, alice: Membership, NOW: datetime
) -> None:
    end(offer(booking, alice, NOW), booking, alice, NOW)
    mail = sent(Booking.objects.order_by("created_at", "ics_sequence").last() or booking, kind, NOW)
    for text in (mail.text, mail.html):
        assert "The 2 times offered to you are withdrawn." in " ".join(text.split())


def test_a_mail_of_a_change_without_an_offer_says_nothing_of_one(
    booking: Booking, alice: Membership, NOW: datetime
) -> None:
    offered = offer(booking, alice, NOW)
    withdrawn(offered, booking, alice, NOW)
    reassigned(offered, booking, alice, NOW)
    assert "offered" not in sent(booking, kinds.REASSIGNED_BOOKER, NOW).text


def test_the_forms_that_end_an_offer_say_so(
    booking: Booking, offered: Alternatives, dana: Membership
) -> None:
    client, drawer = signed_in(dana), reverse("bookings:drawer", args=[booking.pk])
    page = client.get(drawer, headers=HTMX).content.decode()
    assert page.count("The 2 times offered to Priya are withdrawn.") == 3
    withdraw = reverse("bookings:withdraw_offer", args=[booking.pk])
    assert client.post(withdraw, headers=HTMX).status_code == 200
    assert "are withdrawn" not in client.get(drawer, headers=HTMX).content.decode()
