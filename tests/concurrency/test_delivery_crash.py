"""Bookings in flight while a part of the installation is killed: no confirmed one is lost, every mail goes out once."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Final
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from bookings.models import Attendee
from bookings.services import booking as service
from scheduling.models import BookingLink
from scheduling.selectors.times import open_slots_of
from tests import embedded_postgres
from tests.concurrency.conftest import assert_invariants, sizes
from tests.concurrency.crowd import Answer, Person
from tests.conftest import Figures
from tests.factories import make_link
from tests.pages import form_posting
from tests.servers import Installation, MailSink, mail_sink, wait_until
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.embedded.supervisor import Child
from workestra.notifications.models import OutboxMessage

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

IN_FLIGHT: Final = 20
BOOKED: Final = 303
DRAINED_WITHIN: Final = 60


PARTS: Final = ("broker", "web", "worker", "beat")


@dataclass
class House:
    """An installation whose parts are killed, and begun again, by name."""

    installation: Installation
    parts: dict[str, Child]

    @classmethod
    def built(cls, installation: Installation) -> "House":
        house = cls(installation, {})
        for part in PARTS:
            house.begin(part)
        return house

    def begin(self, part: str) -> None:
        match part:
            case "broker":
                self.installation.start_broker()
                self.parts[part] = self.installation.supervisor._children[-1]
            case "web":
                self.parts[part] = self.installation.start_web(processes=2, threads=4)
            case "worker":
                self.parts[part] = self.installation.start_worker(beat=False)
            case "beat":
                self.parts[part] = self.installation.start_beat()

    def kill(self, part: str) -> None:
        """kill -9."""
        if part == "postgres":
            kill_postgres()
        else:
            self.installation.kill(self.parts.pop(part))

    def mend(self) -> None:
        """What has ended begins again; returns when everything works."""
        wait_until(postgres_answers, 60, "PostgreSQL is back")
        self.begin_what_ended()
        for part, word in (("worker", "ready."), ("beat", "Starting...")):
            self.installation.wait_for_word(self.parts[part], word)

    def begin_what_ended(self, *, without: str = "") -> None:
        """As any process manager does. Celery ends a worker by itself when its broker dies at the wrong moment."""
        for part, child in list(self.parts.items()):
            if child.process.poll() is not None:
                self.installation.kill(child)
                del self.parts[part]
        for part in PARTS:
            if part not in self.parts and part != without:
                self.begin(part)

    def has_told_everything(self) -> bool:
        self.begin_what_ended()
        return not OutboxMessage.objects.filter(sent_at=None, skipped_at=None).exists()


def kill_postgres() -> None:
    """kill -9 of the server's process that serves one of us: PostgreSQL then throws away all its memory, ends every
    connection and recovers from its log. Where the server is not ours alone, our connections are cut.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pids = [pid for (pid,) in cursor.fetchall()]
        if POSTGRES_IS_OURS and pids:
            os.kill(pids[0], signal.SIGKILL)
        else:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) pid", [pids])


POSTGRES_IS_OURS: Final = embedded_postgres.LOG in os.environ and "PYTEST_XDIST_WORKER" not in os.environ


def postgres_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connection.close()
        return False
    return True


@pytest.fixture
def _what_is_committed_is_kept(transactional_db: None) -> Iterator[None]:
    """As in production. Tests else do without it, for speed."""
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} RESET synchronous_commit")


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with mail_sink() as sink:
        yield sink


@pytest.fixture
def house(installation: Installation, sink: MailSink, _what_is_committed_is_kept: None) -> House:
    installation.send_mail_to(sink)
    return House.built(installation)


@pytest.fixture
def visitor(installation: Installation) -> Iterator[Person]:
    """Whose browser has the page open."""
    with closing(Person(installation.port)) as person:
        yield person


@pytest.fixture
def link(transactional_db: None, alice: Membership) -> BookingLink:
    hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    return make_link(alice, slug="alice-discovery-call", weekly_hours=hours, reminder_enabled=False)


Form = dict[str, str]


def forms(visitor: Person, link: BookingLink, count: int, run: int) -> list[Form]:
    """Details filled in, each for a start of its own, and not sent yet."""
    now = datetime.now(UTC)
    window = Period(now + timedelta(hours=2), now + timedelta(days=link.booking_window_days))
    starts = [slot.start for slot in open_slots_of(link, window, now)[:count]]
    page = visitor.get(f"/book/{link.slug}/details", start=starts[0].isoformat(), tz="Europe/Berlin")
    empty = dict(form_posting(page.text, "nonce").values)
    return [
        empty
        | {
            "start": start.isoformat(),
            "nonce": str(uuid4()),
            "name": f"Guest {number}",
            "email": f"guest{number}-{run}@x.example",
            "phone": "+49 30 1234",
        }
        for number, start in enumerate(starts)
    ]


def send(port: int, link: BookingLink, form: Form, cookies: Person) -> Answer | None:
    """What the form was answered; None when nobody answered."""
    with closing(Person(port).like(cookies)) as person:
        try:
            return person.post(f"/book/{link.slug}/details", form)
        except (OSError, HTTPException):
            return None


def all_sent(
    port: int, link: BookingLink, sent: Sequence[Form], cookies: Person, disturb: Callable[[], None]
) -> list[Answer | None]:
    """What each form was answered, all sent at once, while something happens."""
    with ThreadPoolExecutor(len(sent)) as threads:
        answers = [threads.submit(send, port, link, form, cookies) for form in sent]
        disturb()
        return [answer.result() for answer in answers]


@sizes(5, 50)
def test_whatever_is_killed_no_confirmed_booking_is_lost_and_every_mail_arrives_once(
    house: House, link: BookingLink, sink: MailSink, visitor: Person, figures: Figures, size: int
) -> None:
    victims = ("worker", "web", "broker", "postgres", "beat")
    longest, restarted, unanswered = dict.fromkeys(victims, 0.0), 0.0, 0
    for run in range(size):
        dice = random.Random(run)
        victim = victims[run % len(victims)]
        port = house.installation.port
        typed = forms(visitor, link, IN_FLIGHT, run)

        def strike(victim: str = victim, pause: float = dice.uniform(0, 0.8)) -> None:
            time.sleep(pause)
            house.kill(victim)

        answers = all_sent(port, link, typed, visitor, strike)
        killed = time.monotonic()
        house.mend()
        begun = time.monotonic()
        restarted = max(restarted, begun - killed)
        confirmed = {
            form["email"]
            for form, answer in zip(typed, answers, strict=True)
            if answer and answer.status == BOOKED
        }
        assert confirmed <= set(Attendee.objects.values_list("email", flat=True)), f"{victim}: lost"
        # Whoever was left without an answer presses the button again.
        visitor.close()
        for form, answer in zip(typed, answers, strict=True):
            if answer is None or answer.status >= 500:
                unanswered += 1
                again = send(port, link, form, visitor)
                assert again is not None
                assert again.status == BOOKED, again.text[:300]
            else:
                assert answer.status == BOOKED, answer.text[:300]
        booked = Counter(
            Attendee.objects.filter(email__endswith=f"-{run}@x.example").values_list("email", flat=True)
        )
        assert booked == Counter(form["email"] for form in typed), f"{victim}: each once"
        wait_until(house.has_told_everything, DRAINED_WITHIN, f"mails go out after {victim} was killed")
        longest[victim] = max(longest[victim], time.monotonic() - begun)
        assert_invariants()
    owed = {f"<{pk}@localhost>" for pk in OutboxMessage.objects.values_list("pk", flat=True)}
    assert len(owed) == 2 * IN_FLIGHT * size
    received = Counter(str(message["Message-ID"]) for message in sink.messages)
    assert set(received) == owed
    copies = sum(received.values()) - len(received)
    assert copies <= size, "a copy only where the worker died between the server's answer and its mark"
    latest = ", ".join(f"{victim} {seconds:.1f} s" for victim, seconds in longest.items())
    figures(
        f"R8: {size} kills with {IN_FLIGHT} bookings in flight: none lost, {unanswered} sent again, "
        f"{len(owed)} mails, {copies} raw copies, told at the latest after the restart (of {restarted:.0f} s "
        f"at the most): {latest}"
    )


def test_while_the_mail_server_is_away_mails_wait_and_arrive_once_and_only_what_is_still_so(
    installation: Installation, link: BookingLink, alice: Membership, visitor: Person
) -> None:
    with mail_sink() as gone:
        pass
    installation.send_mail_to(gone)
    house = House.built(installation)
    typed = forms(visitor, link, 6, 0)
    answers = all_sent(installation.port, link, typed, visitor, lambda: None)
    assert [answer.status for answer in answers if answer] == [BOOKED] * 6
    wait_until(lambda: not OutboxMessage.objects.filter(attempts=0).exists(), 60, "every mail has been tried")
    first = Attendee.objects.get(email=typed[0]["email"])
    service.cancel_by_host(booking=first.booking, reason="", actor=alice.user, now=datetime.now(UTC))
    house.kill("worker")
    with mail_sink() as sink:
        installation.send_mail_to(sink)
        house.mend()
        # As if the pauses between the tries were over.
        OutboxMessage.objects.filter(sent_at=None).update(available_at=Now(), leased_until=None)
        wait_until(house.has_told_everything, DRAINED_WITHIN, "mails go out when the mail server is back")
        ids = [str(message["Message-ID"]) for message in sink.messages]
        subjects = [str(message["Subject"]) for message in sink.to(first.email)]
    assert len(ids) == len(set(ids)) == 2 * 5 + 2
    assert len(subjects) == 1, "he is told of the cancellation alone"
    assert subjects[0].startswith("Cancelled")
    assert OutboxMessage.objects.filter(skipped_at__isnull=False).count() == 2
