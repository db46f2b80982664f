"""What narrows the console's list, and the file with the rows that are left."""

import csv
import io
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.http import HttpResponse

from bookings.models import Booking
from bookings.services import booking as service
from scheduling.models import BookingLink
from tests.bookings.console import CONSOLE, TUESDAY_TEN, ids, plain
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership

pytestmark = pytest.mark.usefixtures("at_monday")


def test_search_finds_by_name_and_email_and_page(alice: Membership, booking: Booking) -> None:
    client = signed_in(alice)
    for words in ("priya", "SALTMARSH", "discovery raman"):
        assert "Priya Raman" in client.get(CONSOLE, {"q": words}).content.decode()
    page = client.get(CONSOLE, {"q": "zoom friday"}).content.decode()
    assert "Nothing matches “zoom friday”." in page
    assert "Priya Raman" not in page


def test_nobody_counts_to_a_million(
    alice: Membership, link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookings.domain.console.MOST_COUNTED", 2)
    for hours in range(3):
        make_booking(link, TUESDAY_TEN + timedelta(hours=hours), NOW, email=f"g{hours}@x.example")
    page = plain(signed_in(alice).get(CONSOLE))
    assert "Upcoming 1+" in page
    assert "1+ bookings as CSV" in page


@pytest.mark.parametrize(("few", "small"), [(0, 0), (0, 9), (2, 0), (2, 9), (1000, 9)])
def test_words_are_found_the_same_whether_few_match_or_many_here_or_elsewhere(
    few: int,
    small: int,
    alice: Membership,
    carol: Membership,
    link: BookingLink,
    NOW: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bookings.selectors.console.FEW", few)
    monkeypatch.setattr("bookings.selectors.console.SMALL", small)
    make_booking(make_link(carol), TUESDAY_TEN, NOW)
    priya = make_booking(link, TUESDAY_TEN, NOW)
    noor = make_booking(
        link, TUESDAY_TEN + timedelta(hours=1), NOW, name="Noor Haddad", email="noor@saltmarsh.example"
    )
    client = signed_in(alice)
    for words, found in [
        ("saltmarsh", [priya, noor]),
        ("priya discovery", [priya]),
        ("noor raman", []),
        ("no%r", []),
        ("DISCOVERY", [priya, noor]),
    ]:
        assert ids(client.get(CONSOLE, {"q": words})) == [each.pk for each in found], words


class TestFilters:
    """Each narrows the list; the file has the rows of the list, and no others, in its order."""

    @pytest.fixture
    def rows(
        self, alice: Membership, bob: Membership, link: BookingLink, NOW: datetime
    ) -> dict[str, Booking]:
        """Of Alice's link and another one of hers, of Bob's, and of a pool; in every state."""
        second = make_link(alice, title="Second Call")
        found = {
            "first": make_booking(link, TUESDAY_TEN, NOW, email="first@x.example"),
            "second": make_booking(second, TUESDAY_TEN + timedelta(days=1), NOW, name="=cmd()"),
            "bobs": make_booking(make_link(bob), TUESDAY_TEN + timedelta(days=2), NOW, email="b@x.example"),
            "pool": make_booking(
                make_link(alice, hosts=[bob], slug="pool"),
                TUESDAY_TEN + timedelta(days=3),
                NOW,
                email="pool@x.example",
            ),
            "cancelled": make_booking(link, TUESDAY_TEN + timedelta(hours=2), NOW, email="c@x.example"),
            "moved": make_booking(link, TUESDAY_TEN + timedelta(hours=3), NOW, email="m@x.example"),
            "attended": make_booking(link, TUESDAY_TEN + timedelta(hours=4), NOW, email="a@x.example"),
            "no_show": make_booking(link, TUESDAY_TEN + timedelta(hours=5), NOW, email="n@x.example"),
        }
        service.cancel_by_booker(attendee=found["cancelled"].booker, reason="-2+3", now=NOW)
        service.reschedule(attendee=found["moved"].booker, start=TUESDAY_TEN + timedelta(days=6), now=NOW)
        for days, name in enumerate(("attended", "no_show"), 1):
            Booking.objects.filter(pk=found[name].pk).update(
                starts_at=NOW - timedelta(days=days),
                ends_at=NOW - timedelta(days=days) + timedelta(minutes=30),
                no_show_status=name,
            )
        return found

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({}, ["first", "second", "bobs", "pool", None]),
            ({"scope": "own"}, []),
            ({"link": "first"}, ["first", None]),
            ({"link": "second"}, ["second"]),
            ({"host": "bobs"}, ["bobs", "pool"]),
            ({"strategy": "round_robin"}, ["pool"]),
            ({"strategy": "nonsense", "link": "x", "host": "y", "from": "z", "to": "2030-02-31"}, 5),
            ({"from": "2030-01-09", "to": "2030-01-10"}, ["second", "bobs"]),
            ({"from": "2030-01-12"}, [None]),
            ({"to": "2030-01-08"}, ["first"]),
            ({"q": "cmd"}, ["second"]),
            ({"tab": "past"}, ["attended", "no_show"]),
            ({"tab": "past", "attendance": "no_show"}, ["no_show"]),
            ({"tab": "past", "todo": "1"}, []),
            ({"tab": "cancelled"}, ["cancelled"]),
            ({"tab": "cancelled", "strategy": "group"}, []),
            ({"tab": "rescheduled", "to": "2030-01-08"}, ["moved"]),
        ],
    )
    def test_the_list_and_its_file_have_the_same_rows(
        self,
        asked: dict[str, str],
        expected: list[str | None] | int,
        dana: Membership,
        rows: dict[str, Booking],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """None is where the moved one is now; a number, how many there are."""
        keys = {"link": lambda name: rows[name].link_id, "host": lambda name: rows[name].host_id}
        query = {
            name: str(keys[name](value)) if name in keys and value in rows else value
            for name, value in asked.items()
        }
        client = signed_in(dana)
        response = client.get(CONSOLE, query)
        listed = ids(response)
        if isinstance(expected, int):
            assert len(listed) == expected
        else:
            now_at = Booking.objects.get(series_id=rows["moved"].series_id, status="confirmed").pk
            assert listed == [rows[name].pk if name else now_at for name in expected]
        monkeypatch.setattr("bookings.selectors.console.PAGE_SIZE", 1)
        file = client.get("/calendar/bookings.csv", query)
        assert [UUID(row["booking"]) for row in cells(file)] == listed

    def test_a_filter_for_somebody_out_of_reach_shows_nothing(
        self, alice: Membership, bob: Membership, rows: dict[str, Booking]
    ) -> None:
        client, query = signed_in(alice), {"host": str(bob.user_id)}
        assert ids(client.get(CONSOLE, query)) == []
        assert cells(client.get("/calendar/bookings.csv", query)) == []
        assert "Nothing matches these filters." in plain(client.get(CONSOLE, query))

    def test_the_file_is_no_program_and_its_times_name_their_zone(
        self, dana: Membership, rows: dict[str, Booking]
    ) -> None:
        client = signed_in(dana)
        (second,) = cells(client.get("/calendar/bookings.csv", {"q": "cmd"}))
        assert second["bookers"] == "'=cmd()"
        assert (second["starts"], second["time zone"]) == ("2030-01-09 10:00:00+01:00", "Europe/Berlin")
        (cancelled,) = cells(client.get("/calendar/bookings.csv", {"tab": "cancelled"}))
        assert (cancelled["reason"], cancelled["ended by"]) == ("'-2+3", "Booker")

    def test_filters_stay_in_every_address_of_the_list(
        self, dana: Membership, rows: dict[str, Booking]
    ) -> None:
        query = {
            "tab": "past",
            "attendance": "no_show",
            "from": "2030-01-01",
            "host": str(rows["first"].host_id),
        }
        response = signed_in(dana).get(CONSOLE, query | {"open": str(rows["no_show"].pk)})
        context: dict[str, str] = response.context  # type: ignore[attr-defined]
        for name, value in query.items():
            assert f"{name}={value}" in context["list_query"]
            assert f"{name}={value}" in context["export_url"]
        assert 'value="no_show" selected' in response.content.decode()
        upcoming = next(url for tab, _, url in response.context["tabs"] if tab == "upcoming")  # type: ignore[attr-defined]
        assert "attendance" not in upcoming
        assert "from=2030-01-01" in upcoming


def cells(file: HttpResponse) -> list[dict[str, str]]:
    text = b"".join(file.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))
