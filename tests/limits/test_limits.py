"""What is counted, where, and what the pages answer to whoever does too much of it."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db.models.functions import Now
from django.test import Client, RequestFactory

from bookings.models import Attendee, Booking
from scheduling.models import BookingLink
from tests.conftest import MONDAY_MORNING
from tests.servers import free_port
from workestra.embedded import valkey
from workestra.embedded.supervisor import Supervisor
from workestra.limits import counters as places
from workestra.limits import services as limits
from workestra.limits.checks import limits_can_be_read
from workestra.limits.counters import Counters, InDatabase, InRedis, WithFallback
from workestra.limits.domain.rates import Rate, rate_of, wait_words
from workestra.limits.fill_time import is_too_quick, opened_again, opened_at
from workestra.limits.http import visitor
from workestra.limits.models import Counter
from workestra.limits.services import LimitReached
from workestra.limits.tasks import sweep_counters

START = "2030-01-08T09:00Z"
DETAILS = "/book/alice-discovery-call/details"


# --- Rates ---


def test_a_rate_is_an_amount_in_a_time() -> None:
    assert rate_of("10/10m") == Rate(10, 600)
    assert rate_of("5/h") == Rate(5, 3600)
    assert rate_of("off") is None
    for wrong in ("", "10", "0/h", "10/w", "-1/h", "1/0s", "٣/h", "OFF"):
        with pytest.raises(ValueError, match="rate"):
            rate_of(wrong)


def test_a_misspelled_limit_is_found_at_the_start(settings: Any) -> None:
    assert limits_can_be_read(None) == []
    settings.LIMITS = settings.LIMITS | {"times": "many"}
    (error,) = limits_can_be_read(None)
    assert (error.id, "LIMIT_TIMES" in error.msg) == ("limits.E001", True)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "in 1 second"),
        (40, "in 40 seconds"),
        (60, "in 1 minute"),
        (61, "in 2 minutes"),
        (3_600, "in 60 minutes"),
        (5_401, "in 2 hours"),
    ],
)
def test_the_wait_is_never_told_too_short(seconds: int, words: str) -> None:
    assert wait_words(seconds) == words


# --- Counters ---


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("valkey")
    with Supervisor(folder / "log") as supervisor:
        yield valkey.start(supervisor, folder / "data", Path(f"/tmp/wt-limits-{free_port()}"))


@pytest.fixture(params=["redis", "database"])
def counters(request: pytest.FixtureRequest, db: None) -> Counters:
    if request.param == "database":
        return InDatabase()
    redis = InRedis(request.getfixturevalue("redis_url"))
    # A broker that has just started may be slower than a page would wait.
    redis._redis.connection_pool.connection_kwargs["socket_timeout"] = 10
    return redis


def test_a_window_counts_from_its_first_hit_on(counters: Counters) -> None:
    key = uuid4().hex
    assert counters.read(key) == (0, 0)
    assert [counters.hit(key, 100)[0] for _ in range(3)] == [1, 2, 3]
    hits, left = counters.read(key)
    assert hits == 3
    assert 90 <= left <= 100
    counters.take_back(key)
    assert counters.read(key)[0] == 2


def test_a_window_that_is_over_counts_no_more(counters: Counters) -> None:
    key = uuid4().hex
    counters.hit(key, 1)
    counters.hit(key, 1)
    if isinstance(counters, InRedis):
        counters._redis.pexpire(places.PREFIX + key, 1)
        time.sleep(0.02)
    else:
        Counter.objects.filter(key=key).update(ends_at=Now() - timedelta(seconds=1))
    assert counters.read(key) == (0, 0)
    counters.take_back(key)
    assert counters.read(key) == (0, 0)
    assert counters.hit(key, 100)[0] == 1


def test_every_key_in_redis_has_an_end(redis_url: str) -> None:
    redis = InRedis(redis_url)
    redis._redis.connection_pool.connection_kwargs["socket_timeout"] = 10
    for number in range(20):
        redis.hit(f"end{number}", 100)
        redis.take_back(f"end{number}")
        redis.take_back(f"never{number}")
    assert all(redis._redis.ttl(key) > 0 for key in redis._redis.scan_iter(f"{places.PREFIX}*"))


def test_redis_away_costs_no_page_more_than_an_instant(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PAUSE", 0.05)
    redis = InRedis(f"redis://127.0.0.1:{free_port()}/0")
    both = WithFallback(redis, InDatabase())
    InDatabase().hit("warm", 100)
    spent = []
    for expected in range(1, 31):
        before = time.perf_counter()
        assert both.hit("away", 100)[0] == expected
        spent.append(time.perf_counter() - before)
    assert both.is_away
    assert sorted(spent)[15] < 0.05
    assert both.read("away")[0] == 30
    both.take_back("away")
    assert both.read("away")[0] == 29
    monkeypatch.setattr(redis, "ping", lambda: None)
    for _ in range(200):
        if not both.is_away:
            break
        time.sleep(0.02)
    assert not both.is_away, "it looks whether Redis is back"


def test_the_sweeper_deletes_what_is_over_and_nothing_else(db: None) -> None:
    for key in ("over", "open"):
        InDatabase().hit(key, 100)
    Counter.objects.filter(key="over").update(ends_at=Now() - timedelta(seconds=1))
    sweep_counters()
    assert [counter.key for counter in Counter.objects.all()] == ["open"]


def test_counters_name_nobody(db: None, settings: Any) -> None:
    settings.LIMITS = {"times": "1/h"}
    limits.spend("times", "203.0.113.7")
    with pytest.raises(LimitReached):
        limits.spend("times", "203.0.113.7")
    limits.spend("times", "203.0.113.8")
    assert Counter.objects.count() == 2
    assert not any("203" in counter.key.partition(":")[2][:3] for counter in Counter.objects.all())


# --- Visitors ---


@pytest.mark.parametrize(
    ("hops", "remote", "forwarded", "seen"),
    [
        (0, "203.0.113.7", "10.0.0.1", "203.0.113.7"),
        (1, "10.0.0.9", "1.1.1.1, 203.0.113.7", "203.0.113.7"),
        (1, "10.0.0.9", "203.0.113.7:4711", "203.0.113.7"),
        (1, "10.0.0.9", "unknown", "10.0.0.9"),
        (1, "10.0.0.9", "", "10.0.0.9"),
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (0, "2001:db8:1:2::9", "", "2001:db8:1:2::/64"),
        (0, "::ffff:203.0.113.7", "", "203.0.113.7"),
        (1, "10.0.0.9", "[2001:db8::1]:443", "2001:db8::/64"),
        (0, "", "", ""),
    ],
)
def test_visitors_are_told_apart_by_the_address_they_come_from(
    settings: Any, hops: int, remote: str, forwarded: str, seen: str
) -> None:
    settings.TRUSTED_PROXY_HOPS = hops
    asked = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    asked.META["REMOTE_ADDR"] = remote
    assert visitor(asked) == seen


# --- Pages ---


@pytest.fixture
def monday() -> Iterator[None]:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


def details(email: str = "tomas@cobaltfoods.example", start: str = START, **more: str) -> dict[str, str]:
    who = {"name": "Tomas Herrera", "email": email, "phone": "+49 30 123456"}
    return {"start": start, "nonce": str(uuid4()), **who, "notes": "Kept, I hope", **more}


def refused(response: Any) -> str:
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 3_600
    page: str = response.content.decode()
    assert "Try again in " in page
    return page


@pytest.mark.usefixtures("monday")
class TestPages:
    def test_too_many_bookings_from_one_network_wait_with_all_that_was_typed(
        self, client: Client, link: BookingLink, settings: Any
    ) -> None:
        settings.LIMITS = settings.LIMITS | {"bookings": "2/10m"}
        for hour in ("09", "10"):
            sent = details(f"a{hour}@x.example", f"2030-01-08T{hour}:00Z")
            assert client.post(DETAILS, sent).status_code == 303
        for headers in ({}, {"HX-Request": "true"}):
            page = refused(client.post(DETAILS, details(start="2030-01-08T11:00Z"), headers=headers))
            assert "Kept, I hope" in page
            assert 'value="tomas@cobaltfoods.example"' in page
        assert Booking.objects.count() == 2
        elsewhere = Client(REMOTE_ADDR="203.0.113.7")
        assert elsewhere.post(DETAILS, details(start="2030-01-08T11:00Z")).status_code == 303

    def test_one_address_books_a_link_so_often_and_is_told_beside_it(
        self, client: Client, link: BookingLink, settings: Any
    ) -> None:
        settings.LIMITS = settings.LIMITS | {"bookings_by_address": "1/h"}
        first = details()
        assert client.post(DETAILS, first).status_code == 303
        assert client.post(DETAILS, first).status_code == 303, "the second of two clicks is no second booking"
        for same in ("tomas@cobaltfoods.example", "TOMAS+again@cobaltfoods.example"):
            page = refused(client.post(DETAILS, details(same, "2030-01-08T10:00Z")))
            assert "id_email_error" in page
            assert "Kept, I hope" in page
        assert Booking.objects.count() == 1

    def test_strangers_are_mailed_so_often_and_people_we_know_as_often_as_they_book(
        self, client: Client, link: BookingLink, settings: Any
    ) -> None:
        settings.LIMITS = settings.LIMITS | {"mails_to_strangers": "1/h"}
        assert client.post(DETAILS, details()).status_code == 303
        refused(client.post(DETAILS, details(start="2030-01-08T10:00Z")))
        other = details("other@x.example", "2030-01-08T10:00Z", guests="tomas@cobaltfoods.example")
        assert "id_guests_error" in refused(client.post(DETAILS, other))
        Attendee.objects.update(no_show_status=Booking.Attendance.ATTENDED)
        assert client.post(DETAILS, details(start="2030-01-08T10:00Z")).status_code == 303

    def test_a_lost_race_does_not_count(self, client: Client, link: BookingLink, settings: Any) -> None:
        settings.LIMITS = settings.LIMITS | {"mails_to_strangers": "1/h", "bookings_by_address": "1/h"}
        assert client.post(DETAILS, details("first@x.example")).status_code == 303
        assert client.post(DETAILS, details()).status_code == 409
        assert client.post(DETAILS, details(start="2030-01-08T10:00Z")).status_code == 303

    def test_times_are_read_so_often(self, client: Client, link: BookingLink, settings: Any) -> None:
        settings.LIMITS = settings.LIMITS | {"times": "2/m"}
        for _ in range(2):
            assert client.get(f"/book/{link.slug}").status_code == 200
        assert "<h1" in refused(client.get(f"/book/{link.slug}"))
        fragment = client.get(f"/book/{link.slug}", headers={"HX-Request": "true", "HX-Target": "slots"})
        assert "<html" not in refused(fragment)
        assert (fragment["HX-Retarget"], fragment["HX-Reswap"]) == ("#toasts", "innerHTML")
        assert '{"code":"429","swap":true}' in client.get("/accounts/login/").content.decode()

    @pytest.mark.parametrize("path", ["/b/alice-discovery-call/manage/", "/one-off/"])
    def test_whoever_tries_many_secret_addresses_opens_none_any_more(
        self, client: Client, link: BookingLink, settings: Any, path: str
    ) -> None:
        settings.LIMITS = settings.LIMITS | {"wrong_links": "2/h"}
        right = client.post(DETAILS, details())["Location"]
        for number in range(2):
            assert client.get(f"{path}{'x' * 42}{number}").status_code == 404
        refused(client.get(f"{path}{'x' * 43}"))
        refused(client.get(right))
        assert Client(REMOTE_ADDR="203.0.113.7").get(right).status_code == 200

    def test_a_new_password_is_asked_for_so_often(self, client: Client, db: None, settings: Any) -> None:
        settings.LIMITS = settings.LIMITS | {"password_resets": "2/h"}
        for address in ("a@x.example", "A@x.example"):
            assert client.post("/accounts/password/reset/", {"email": address}).status_code == 302
        page = refused(client.post("/accounts/password/reset/", {"email": "a@x.example"}))
        assert 'value="a@x.example"' in page

    def test_a_form_that_comes_back_at_once_is_looked_over_again(
        self, client: Client, link: BookingLink, settings: Any
    ) -> None:
        settings.MINIMUM_FILL_SECONDS = 1
        for opened in (opened_at(MONDAY_MORNING), "", "1:forged"):
            response = client.post(DETAILS, details(opened=opened))
            assert response.status_code == 422
            assert "Look it over, then book: everything is kept." in response.content.decode()
        assert Booking.objects.count() == 0
        slow = opened_at(MONDAY_MORNING - timedelta(seconds=2))
        assert client.post(DETAILS, details(opened=slow)).status_code == 303


def test_a_form_that_is_shown_again_keeps_its_time(settings: Any) -> None:
    settings.MINIMUM_FILL_SECONDS = 1
    opened = opened_at(MONDAY_MORNING)
    later = MONDAY_MORNING + timedelta(seconds=5)
    assert opened_again(opened, later) == opened
    assert opened_again("damaged", later) == opened_at(later)
    assert is_too_quick(opened, MONDAY_MORNING)
    assert not is_too_quick(opened, later)
