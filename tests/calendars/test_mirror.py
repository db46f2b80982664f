"""The mirror of people's calendars: what is read, and when it is read again."""

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection, connections
from django.db.models.functions import Now
from django.urls import reverse

from tests.calendars.making import MAIN, TEAM, calendar_of, connect_google
from tests.calendars.mirroring import HOUR, known
from tests.fakes.google import FakeGoogle, problem
from tests.fakes.server import Answer, Fake
from workestra.accounts.models import Membership
from workestra.calendars import connections as accounts
from workestra.calendars import effects, mirror, selectors, services
from workestra.calendars.connections import mailbox
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, RemoteBusy, RemoteCalendar
from workestra.calendars.providers.provider import (
    CalendarFacts,
    Grant,
    ProviderDown,
    ProviderEvent,
)
from workestra.notifications.effects import deliver_due
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.usefixtures("empty_google")


def at(when: datetime) -> dict[str, str]:
    return {"dateTime": when.isoformat()}


def read_now(now: datetime) -> int:
    """A turn of the worker in which everything is due."""
    CalendarAccount.objects.update(quiet_until=None)
    RemoteCalendar.objects.update(due_at=Now() - HOUR)
    return effects.read_due(now)


@pytest.mark.django_db(transaction=True)
class TestReading:
    def test_what_a_calendar_says_is_known_after_its_turn(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        ten = Period.lasting(NOW + 2 * HOUR, HOUR)
        google.add(MAIN.id, at(ten.start), at(ten.end))
        google.add(MAIN.id, at(ten.start), at(ten.end), transparency="transparent")
        google.add(TEAM.id, at(ten.end), at(ten.end + HOUR))
        account = connect_google(alice, google, NOW)
        assert known(alice, NOW).stale_since == NOW
        assert not known(alice, NOW).knows(ten)
        assert effects.read_due(NOW) == 1
        found = known(alice, NOW)
        assert found.busy == (ten,)
        assert found.stale_since is None
        assert found.knows(ten)
        assert not found.knows(Period.lasting(NOW + timedelta(days=800), HOUR))
        assert effects.read_due(NOW) == 0
        assert calendar_of(account).synced_at == NOW
        assert RemoteBusy.objects.count() == 2

    def test_later_only_changes_are_asked_for(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        first = google.add(MAIN.id, at(NOW), at(NOW + HOUR))
        connect_google(alice, google, NOW)
        read_now(NOW)
        google.calm()
        google.add(MAIN.id, at(NOW + 3 * HOUR), at(NOW + 4 * HOUR))
        google.cancel(MAIN.id, first)
        read_now(NOW + HOUR)
        (asked,) = google.asked("GET", "/events")
        assert "syncToken" in asked.query
        assert known(alice, NOW).busy == (Period.lasting(NOW + 3 * HOUR, HOUR),)

    def test_once_a_day_and_when_the_provider_has_forgotten_everything_is_read(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        read_now(NOW)
        google.add(MAIN.id, at(NOW), at(NOW + HOUR))
        google.forgotten = google.version
        google.calm()
        read_now(NOW + HOUR)
        assert ["syncToken" in each.query for each in google.asked("GET", "/events")] == [True, False]
        assert known(alice, NOW).busy == (Period.lasting(NOW, HOUR),)
        google.calm()
        read_now(NOW + timedelta(days=1, hours=2))
        assert ["syncToken" in each.query for each in google.asked("GET", "/events")] == [False]
        window_end = calendar_of(account).window_end
        assert window_end is not None
        assert window_end > NOW + timedelta(days=745)

    def test_our_own_events_are_known_but_not_busy(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        event = ProviderEvent(key=uuid4(), period=Period.lasting(NOW, HOUR), summary="Priya with Alice")
        with mailbox(account) as provider:
            provider.put_event(MAIN.id, event)
        read_now(NOW)
        assert known(alice, NOW).busy == ()
        assert selectors.own_events([event.key, uuid4()]) == {event.key: event.period}

    def test_a_failure_is_put_off_and_what_was_known_stays(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        google.add(MAIN.id, at(NOW), at(NOW + HOUR))
        account = connect_google(alice, google, NOW)
        read_now(NOW)
        google.fail(answer=problem(429, "rateLimitExceeded", Retry_After="600"), methods="GET")
        later = NOW + timedelta(minutes=5)
        read_now(later)
        calendar = calendar_of(account)
        assert (calendar.failures, calendar.failing_since, calendar.synced_at) == (1, later, NOW)
        assert "429" in calendar.last_error
        wait = calendar.due_at - _database_clock()
        assert timedelta(seconds=590) < wait <= timedelta(seconds=720)
        assert known(alice, later).stale_since is None
        assert effects.read_due(later) == 0
        much_later = NOW + timedelta(minutes=21)
        assert known(alice, much_later).stale_since == NOW
        assert known(alice, much_later).busy == (Period.lasting(NOW, HOUR),)
        read_now(much_later)
        assert known(alice, much_later).stale_since is None
        assert calendar_of(account).last_error == ""

    def test_a_worker_that_is_gone_makes_it_stale_too(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        connect_google(alice, google, NOW)
        read_now(NOW)
        assert known(alice, NOW + timedelta(minutes=19)).stale_since is None
        assert known(alice, NOW + timedelta(hours=3)).stale_since == NOW

    def test_an_account_that_is_refused_twice_is_broken_and_its_owner_told_once(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        read_now(NOW)
        google.revoke_all()
        later = NOW + HOUR
        read_now(later)
        account.refresh_from_db()
        assert not account.is_broken
        read_now(later)
        account.refresh_from_db()
        assert account.is_broken
        assert account.state_since == later
        google.calm()
        assert read_now(later) == 0
        assert google.requests == []
        assert known(alice, later).stale_since == NOW
        OutboxMessage.objects.update(available_at=Now() - HOUR)
        deliver_due(later)
        (told,) = mail.outbox
        assert told.to == [alice.user.email]
        assert told.subject == "Google needs reconnecting"
        assert reverse("calendars:accounts") in str(told.body)
        assert "planted" not in str(told.body)
        connect_google(alice, google, later)
        read_now(later)
        assert known(alice, later).stale_since is None

    def test_a_mail_about_what_was_mended_meanwhile_is_not_sent(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        from workestra.calendars import mirror

        account = connect_google(alice, google, NOW)
        assert mirror.mark_broken(account, "Refused.", NOW)
        assert not mirror.mark_broken(account, "Refused.", NOW)
        connect_google(alice, google, NOW)
        OutboxMessage.objects.update(available_at=Now() - HOUR)
        deliver_due(NOW)
        assert mail.outbox == []

    def test_a_calendar_that_was_deleted_no_longer_counts(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        team = calendar_of(account, "Sales team")
        services.choose(alice, {team.pk}, team.pk, NOW)
        google.add(TEAM.id, at(NOW), at(NOW + HOUR))
        read_now(NOW)
        assert known(alice, NOW).busy
        del google.calendars[TEAM.id]
        read_now(NOW + HOUR)
        team.refresh_from_db()
        assert team.is_gone
        assert not team.write_here
        assert known(alice, NOW + HOUR) == selectors.KnownBusy()

    def test_what_is_no_answer_at_all_is_put_off(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        google.fail(
            answer=Answer(200, {"items": [{"id": "x", "start": 7}], "nextSyncToken": "t"}), path="/events"
        )
        read_now(NOW)
        calendar = calendar_of(account)
        assert calendar.failures == 1
        assert calendar.last_error.startswith("Something went wrong on our side")

    def test_what_cannot_be_kept_is_put_off_and_the_next_one_is_read(
        self, alice: Membership, google: FakeGoogle, NOW: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account = connect_google(alice, google, NOW)
        team = calendar_of(account, "Sales team")
        RemoteCalendar.objects.filter(pk=team.pk).update(checked=True)
        store = mirror.store

        def broken(calendar: RemoteCalendar, *read: Any) -> bool:
            if calendar.pk == team.pk:
                raise ValueError("no column takes this")
            return store(calendar, *read)

        monkeypatch.setattr(mirror, "store", broken)
        assert read_now(NOW) == 2
        assert [calendar_of(account, name).failures for name in ("Sales team", "Alice Okafor")] == [1, 0]
        assert calendar_of(account).synced_at == NOW

    def test_a_feed_whose_ids_hold_what_no_column_does_is_read(
        self, alice: Membership, NOW: datetime, settings: Any
    ) -> None:
        class Website(Fake):
            routes = [("GET", "/.*", "show")]

            def show(self, request: Any) -> Answer:
                span = f"DTSTART:{NOW:%Y%m%dT%H%M%SZ}\r\nDTEND:{NOW + HOUR:%Y%m%dT%H%M%SZ}"
                event = f"BEGIN:VEVENT\r\nUID:a\0b\r\n{span}\r\nEND:VEVENT"
                head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x"
                return Answer(200, f"{head}\r\n{event}\r\nEND:VCALENDAR\r\n", kind="text/calendar")

        settings.EGRESS_PRIVATE_HOSTS = ["127.0.0.1"]
        website = Website()
        with website.running():
            facts = CalendarFacts(id="feed", name="Terms", is_writable=False)
            grant = Grant(name="Terms", scopes=(), secrets={"url": website.url})
            services.connect(alice, ProviderKind.ICS, grant, (facts,), NOW)
            assert read_now(NOW) == 1
        assert known(alice, NOW).busy == (Period.lasting(NOW, HOUR),)

    def test_one_that_its_reader_dies_of_waits_behind_the_others(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        (deadly,) = effects._lease()
        team = calendar_of(account, "Sales team")
        RemoteCalendar.objects.filter(pk=team.pk).update(checked=True, due_at=Now())
        RemoteCalendar.objects.filter(pk=deadly.pk).update(leased_until=Now() - HOUR)
        assert selectors.due_to_read().first() == team

    def test_nothing_is_written_after_the_lease_went_to_somebody_else(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        google.add(MAIN.id, at(NOW), at(NOW + HOUR))
        account = connect_google(alice, google, NOW)
        (leased,) = effects._lease()
        RemoteCalendar.objects.update(attempts=leased.attempts + 1)
        effects.read(leased, NOW)
        assert not RemoteBusy.objects.exists()
        assert calendar_of(account).synced_at is None

    def test_a_notice_that_comes_while_it_is_read_has_it_read_again(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        (leased,) = effects._lease()
        services.read_again(account)
        effects.read(leased, NOW)
        assert effects.read_due(NOW) == 1
        assert effects.read_due(NOW) == 0

    def test_many_workers_read_each_calendar_once(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        everything = [calendar.pk for calendar in account.calendars.all()]
        google.add_calendar("birthdays", "Birthdays", role="reader")
        services.choose(alice, set(everything), None, NOW)
        google.delay = 0.05

        def work() -> None:
            try:
                effects.read_due(NOW)
            finally:
                connections.close_all()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        google.delay = 0.0
        assert sorted(each.path for each in google.asked("GET", "/events")) == sorted(
            {each.path for each in google.asked("GET", "/events")}
        )
        assert RemoteCalendar.objects.exclude(synced_at=None).count() == 3

    def test_one_mailbox_is_asked_by_three_at_once(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        google.calm()
        google.delay = 0.15
        errors: list[Exception] = []

        def ask() -> None:
            try:
                with mailbox(account) as provider:
                    provider.busy([MAIN.id], Period.lasting(NOW, HOUR))
            except Exception as error:
                errors.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=ask) for _ in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        google.delay = 0.0
        assert errors == []
        assert google.most_at_once == accounts.AT_ONCE

    def test_who_finds_no_place_comes_again(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        ready, done = threading.Barrier(4), threading.Event()

        def hold() -> None:
            with mailbox(account):
                ready.wait()
                done.wait(10)
            connections.close_all()

        holders = [threading.Thread(target=hold) for _ in range(3)]
        for holder in holders:
            holder.start()
        ready.wait()
        with pytest.raises(ProviderDown), mailbox(account, patience=0.1):
            pass
        done.set()
        for holder in holders:
            holder.join()
        with mailbox(account, patience=0):
            pass


def _database_clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
