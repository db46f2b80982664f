"""What is believed of a calendar, and for how long."""

from datetime import datetime

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from tests.calendars.making import calendar_of, connect_google
from tests.calendars.mirroring import HOUR, fill_mirror, known
from workestra.accounts.models import Membership
from workestra.calendars import selectors
from workestra.calendars.domain.kinds import CALENDAR_KINDS, ProviderKind
from workestra.calendars.domain.period import Period

pytestmark = pytest.mark.usefixtures("empty_google")


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
        fill_mirror(calendar_of(account), NOW, 1)
        assert known(alice, NOW).busy
        assert known(bob, NOW).busy == ()

    def test_the_index_finds_a_persons_time_among_many(
        self, alice: Membership, bob: Membership, NOW: datetime
    ) -> None:
        mine, other = (
            calendar_of(connect_google(alice, None, NOW)),
            calendar_of(connect_google(bob, None, NOW)),
        )
        fill_mirror(other, NOW, 20_000)
        fill_mirror(mine, NOW, 2_000)
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


def test_every_kind_says_how_old_it_may_be() -> None:
    from workestra.calendars.domain.health import POLL, STALE_AFTER

    assert set(POLL) == set(STALE_AFTER) == {ProviderKind.NONE, *CALENDAR_KINDS}
    assert all(STALE_AFTER[kind] >= 3 * POLL[kind] for kind in POLL)
