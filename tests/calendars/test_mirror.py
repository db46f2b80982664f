"""The mirror of people's calendars: what is read, when it is read again, and when it is no longer believed."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection, connections
from django.db.models.functions import Now
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from tests.calendars.making import MAIN, TEAM, calendar_of, connect_google
from tests.fakes.google import FakeGoogle, problem
from tests.fakes.server import Answer, Fake
from workestra.accounts.models import Membership
from workestra.calendars import connections as accounts
from workestra.calendars import effects, mirror, selectors, services
from workestra.calendars.connections import AccountTokens, mailbox
from workestra.calendars.domain.kinds import CALENDAR_KINDS, ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, RemoteBusy, RemoteCalendar
from workestra.calendars.providers.provider import (
    AccessRevoked,
    CalendarFacts,
    Grant,
    ProviderDown,
    ProviderEvent,
)
from workestra.notifications.effects import deliver_due
from workestra.notifications.models import OutboxMessage

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _empty(google: FakeGoogle) -> None:
    google.events[MAIN.id].clear()
    google.forgotten = -1
    google.calendars.pop(TEAM.id, None)
    google.add_calendar(TEAM.id, TEAM.name)


def at(when: datetime) -> dict[str, str]:
    return {"dateTime": when.isoformat()}


def read_now(now: datetime) -> int:
    """A turn of the worker in which everything is due."""
    CalendarAccount.objects.update(quiet_until=None)
    RemoteCalendar.objects.update(due_at=Now() - HOUR)
    return effects.read_due(now)


def known(member: Membership, now: datetime, days: int = 7) -> selectors.KnownBusy:
    return selectors.busy_of([member.user_id], Period(now, now + timedelta(days=days)), now)[member.user_id]


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


@pytest.mark.django_db(transaction=True)
class TestTokens:
    def test_two_who_need_a_new_token_ask_for_one(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        tokens = AccountTokens(account.pk)
        old = tokens.current()
        google.expire()
        before, found = google.refreshes, []
        google.delay = 0.1

        def ask() -> None:
            found.append(AccountTokens(account.pk).renewed(old))
            connections.close_all()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        google.delay = 0.0
        assert google.refreshes == before + 1
        assert len(set(found)) == 1
        assert found[0] != old
        assert AccountTokens(account.pk).current() == found[0]

    def test_a_token_about_to_end_is_renewed_before_it_is_used(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        kept = account.credentials.open()
        kept["expires_at"] = "2020-01-01T00:00:00+00:00"
        account.credentials = type(account.credentials).of(kept)
        account.save()
        assert AccountTokens(account.pk).current() != kept["access_token"]

    def test_a_refused_renewal_leaves_what_was_kept(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        account = connect_google(alice, google, NOW)
        before = account.credentials.open()
        google.revoke_all()
        with pytest.raises(AccessRevoked):
            AccountTokens(account.pk).renewed(before["access_token"])
        account.refresh_from_db()
        assert account.credentials.open() == before


@pytest.mark.django_db
class TestSelectors:
    def test_many_people_take_two_queries(
        self,
        alice: Membership,
        bob: Membership,
        dana: Membership,
        NOW: datetime,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for member in (alice, bob, dana):
            connect_google(member, None, NOW)
        ids = [member.user_id for member in (alice, bob, dana)]
        with django_assert_num_queries(1):
            found = selectors.busy_of(ids, Period.lasting(NOW, HOUR), NOW)
        assert list(found) == ids
        with django_assert_num_queries(1):
            selectors.busy_of(ids[:1], Period.lasting(NOW, HOUR), NOW)

    def test_who_has_connected_nothing_is_known_to_be_free(self, alice: Membership, NOW: datetime) -> None:
        assert known(alice, NOW) == selectors.KnownBusy()
        assert known(alice, NOW).knows(Period.lasting(NOW, HOUR))

    def test_one_persons_time_says_nothing_of_another(
        self, alice: Membership, bob: Membership, NOW: datetime
    ) -> None:
        account = connect_google(alice, None, NOW)
        _mirror(calendar_of(account), NOW, 1)
        assert known(alice, NOW).busy
        assert known(bob, NOW).busy == ()

    def test_the_index_finds_a_persons_time_among_many(
        self, alice: Membership, bob: Membership, NOW: datetime
    ) -> None:
        mine, other = (
            calendar_of(connect_google(alice, None, NOW)),
            calendar_of(connect_google(bob, None, NOW)),
        )
        _mirror(other, NOW, 20_000)
        _mirror(mine, NOW, 2_000)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE calendars_remote_busy")
            cursor.execute(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT during FROM calendars_remote_busy"
                " WHERE user_id = ANY(%s) AND during && tstzrange(%s, %s) AND is_busy AND own_key IS NULL",
                [[alice.user_id], NOW, NOW + HOUR],
            )
            plan = cursor.fetchone()[0][0]["Plan"]
        text = str(plan)
        assert "remote_busy_of_user" in text
        assert "user_id = " in text.partition("'Index Cond'")[2].partition("}")[0]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 20


@pytest.mark.django_db
class TestChannels:
    @pytest.fixture
    def told(self, alice: Membership, google: FakeGoogle, NOW: datetime, settings: Any) -> CalendarAccount:
        settings.SITE_URL = "https://meet.larkhill.example"
        google.channels.clear()
        return connect_google(alice, google, NOW)

    def test_without_https_nobody_is_asked(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        connect_google(alice, google, NOW)
        assert effects.renew_channels(NOW) == 0

    def test_the_provider_tells_and_the_calendar_is_read_soon(
        self, told: CalendarAccount, google: FakeGoogle, NOW: datetime, client: Any
    ) -> None:
        assert effects.renew_channels(NOW) == 1
        (channel,) = google.channels.values()
        assert channel["address"] == f"https://meet.larkhill.example{reverse('calendars:google_notice')}"
        calendar = calendar_of(told)
        assert calendar.channel_id == channel["id"]
        assert channel["token"] not in str(RemoteCalendar.objects.values_list())
        RemoteCalendar.objects.update(due_at=Now() + HOUR)
        headers = {"X-Goog-Channel-ID": channel["id"], "X-Goog-Channel-Token": "guessed"}
        address = reverse("calendars:google_notice")
        assert client.post(address, headers=headers).status_code == 404
        assert not selectors.due_to_read().exists()
        headers["X-Goog-Channel-Token"] = channel["token"]
        assert client.post(address, headers=headers).status_code == 204
        assert selectors.due_to_read().get() == calendar

    @pytest.mark.parametrize(
        "said",
        [
            '{"value": [{"subscriptionId": "a\\u0000", "clientState": "b"}]}',
            '{"value": [{"subscriptionId": "a", "clientState": "\\ud800"}]}',
            "[" * 100_000,
        ],
    )
    def test_what_no_provider_says_is_not_known(self, told: CalendarAccount, client: Any, said: str) -> None:
        address = reverse("calendars:microsoft_notice")
        assert client.post(address, said, content_type="application/json").status_code == 404

    def test_a_channel_is_renewed_at_half_of_its_life(
        self, told: CalendarAccount, google: FakeGoogle
    ) -> None:
        today = datetime.now(UTC)
        effects.renew_channels(today)
        first = calendar_of(told)
        assert first.channel_due_at is not None
        assert first.channel_expires_at is not None
        half = today + (first.channel_expires_at - today) / 2
        assert abs(first.channel_due_at - half) < timedelta(minutes=1)
        RemoteCalendar.objects.filter(pk=first.pk).update(channel_due_at=Now() - HOUR)
        effects.renew_channels(today)
        second = calendar_of(told)
        assert second.channel_id != first.channel_id
        assert list(google.channels) == [second.channel_id]

    def test_letting_go_ends_channels_and_gives_the_access_back(
        self, told: CalendarAccount, google: FakeGoogle, alice: Membership, NOW: datetime
    ) -> None:
        effects.renew_channels(NOW)
        effects.let_go(told)
        assert google.channels == {}
        assert google.revoked
        services.disconnect(told, alice.user, NOW)
        assert not RemoteCalendar.objects.exists()


@pytest.mark.django_db
class TestChoosing:
    def test_the_main_calendar_is_checked_and_written_to_at_first(
        self, alice: Membership, NOW: datetime
    ) -> None:
        account = connect_google(alice, None, NOW)
        assert [
            (each.name, each.checked, each.write_here) for each in account.calendars.order_by("name")
        ] == [("Alice Okafor", True, True), ("Birthdays", False, False), ("Sales team", False, False)]
        written = selectors.written_calendar(alice.workspace.pk, alice.user_id)
        assert written == calendar_of(account)

    def test_what_is_no_longer_checked_is_forgotten(self, alice: Membership, NOW: datetime) -> None:
        account = connect_google(alice, None, NOW)
        main, team = calendar_of(account), calendar_of(account, "Sales team")
        _mirror(main, NOW, 3)
        services.choose(alice, {team.pk}, team.pk, NOW)
        assert not RemoteBusy.objects.exists()
        main.refresh_from_db()
        assert (main.checked, main.write_here, main.synced_at) == (False, False, None)

    def test_bookings_go_to_a_calendar_of_ones_own_that_can_be_written(
        self, alice: Membership, bob: Membership, NOW: datetime
    ) -> None:
        account = connect_google(alice, None, NOW)
        theirs = connect_google(bob, None, NOW)
        for wrong in (calendar_of(account, "Birthdays").pk, calendar_of(theirs).pk, uuid4()):
            with pytest.raises(services.Unwritable):
                services.choose(alice, set(), wrong, NOW)
        services.choose(alice, {calendar_of(theirs, "Sales team").pk}, None, NOW)
        assert not calendar_of(theirs, "Sales team").checked
        assert selectors.written_calendar(alice.workspace.pk, alice.user_id) is None

    def test_a_calendar_with_a_name_beyond_measure_is_left_out(
        self, alice: Membership, NOW: datetime
    ) -> None:
        account = connect_google(alice, None, NOW, MAIN, CalendarFacts(id="x" * 1001, name="Long"))
        assert [calendar.name for calendar in account.calendars.all()] == [MAIN.name]

    def test_an_account_is_connected_once(self, alice: Membership, NOW: datetime) -> None:
        first = connect_google(alice, None, NOW)
        team = calendar_of(first, "Sales team")
        services.choose(alice, {team.pk}, team.pk, NOW)
        again = connect_google(alice, None, NOW, MAIN, TEAM)
        assert again.pk == first.pk
        assert calendar_of(again, "Sales team").write_here
        assert not calendar_of(again).checked
        assert calendar_of(again, "Birthdays").is_gone


def _mirror(calendar: RemoteCalendar, now: datetime, count: int) -> None:
    """So many busy hours, one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO calendars_remote_busy (calendar_id, user_id, during, is_busy, all_day, remote_id, etag)"
            " SELECT %s, %s, tstzrange(at, at + interval '1 hour'), true, false, at::text, ''"
            " FROM generate_series(%s::timestamptz, %s::timestamptz, interval '1 hour') at",
            [calendar.pk, calendar.user_id, now, now + (count - 1) * HOUR],
        )


def _database_clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def test_every_kind_says_how_old_it_may_be() -> None:
    from workestra.calendars.domain.health import POLL, STALE_AFTER

    assert set(POLL) == set(STALE_AFTER) == {ProviderKind.NONE, *CALENDAR_KINDS}
    assert all(STALE_AFTER[kind] >= 3 * POLL[kind] for kind in POLL)
