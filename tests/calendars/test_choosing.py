"""Which calendars are read and written to, and the secrets that open them."""

import threading
from datetime import datetime
from uuid import uuid4

import pytest
from django.db import connections

from tests.calendars.making import MAIN, TEAM, calendar_of, connect_google
from tests.calendars.mirroring import fill_mirror
from tests.fakes.google import FakeGoogle
from workestra.accounts.models import Membership
from workestra.calendars import selectors, services
from workestra.calendars.connections import AccountTokens
from workestra.calendars.models import RemoteBusy
from workestra.calendars.providers.provider import (
    AccessRevoked,
    CalendarFacts,
)

pytestmark = pytest.mark.usefixtures("empty_google")


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
        fill_mirror(main, NOW, 3)
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
