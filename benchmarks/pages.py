"""What the booking page costs at 1, 50 and 200 hosts: `python -m benchmarks.pages`.

The whole of `GET /book/<slug>`, through every middleware, with Django's test client in one process, on a warm database
of its own. Every host has forty meetings in the month shown. Beside it an empty page: base template, one query, through
the same middleware. As in an installation the limits are counted by a Valkey. Both are asked in turns, and the figures
are medians; the ratio is what a machine under load does not change. The number of queries must be the same for any
number of hosts.
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workestra.settings")
django.setup()

from django.conf import settings  # noqa: E402  The settings come first.
from django.contrib.auth.decorators import login_not_required  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402

from scheduling.models import BookingLink, BusyTime, LinkHost, as_range  # noqa: E402
from workestra.accounts.models import Membership, User, Workspace  # noqa: E402
from workestra.calendars.domain.period import Period  # noqa: E402
from workestra.embedded import valkey  # noqa: E402
from workestra.embedded.supervisor import Supervisor  # noqa: E402

SIZES: Final = (1, 50, 200)
BUSY: Final = 40
ROUNDS: Final = 40
BAR: Final = 5.0
MINUTE: Final = timedelta(minutes=1)


@login_not_required
def empty(request: HttpRequest) -> HttpResponse:
    """The empty page: what any page of the product costs before it shows anything."""
    return render(request, "base_public.html", {"org": Workspace.objects.first()})


def main() -> None:
    urls = ModuleType("benchmarks.pages_urls")
    urls.urlpatterns = [path("empty", empty), path("", include("workestra.urls"))]  # type: ignore[attr-defined]
    with (
        test_database(),
        TemporaryDirectory() as static,
        TemporaryDirectory(prefix="wb") as passing,
        Supervisor(Path(passing)) as supervisor,
        override_settings(
            REDIS_URL=valkey.start(supervisor, Path(passing) / "data", Path(passing) / "run"),
            ROOT_URLCONF=urls,
            ALLOWED_HOSTS=["testserver"],
            STATIC_ROOT=static,
            # The pages are measured, not the limits: nobody is sent away.
            LIMITS=dict.fromkeys(settings.LIMITS, "1000000/h"),
        ),
    ):
        call_command("collectstatic", verbosity=0, interactive=False)
        print(f"{'hosts':>6}{'queries':>9}{'page':>11}{'empty page':>13}{'ratio':>8}")
        for hosts in SIZES:
            slug = made(hosts)
            client = Client()
            queries = queries_of(client, f"/book/{slug}")
            page, bare = in_turns(
                lambda slug=slug, client=client: got(client, f"/book/{slug}"),  # type: ignore[misc]
                lambda client=client: got(client, "/empty"),  # type: ignore[misc]
            )
            ratio = page / bare
            said = "" if ratio <= BAR else f"  over {BAR:.0f}"
            print(f"{hosts:>6}{queries:>9}{page * 1000:>8.1f} ms{bare * 1000:>10.1f} ms{ratio:>8.1f}{said}")
        print(f"\nAim: at most {BAR:.0f} times the empty page, and no query more for any number of hosts.")


def made(size: int) -> str:
    """A link with so many hosts: a round robin, of one host an individual link; each with meetings at random times."""
    chance = random.Random(size)
    workspace = Workspace.objects.create(name="Benchmark")
    users = User.objects.bulk_create(
        User(
            email=f"{uuid4()}@x.example",
            username=uuid4().hex,
            name=f"Host {number}",
            timezone="Europe/Berlin",
        )
        for number in range(size)
    )
    Membership.objects.bulk_create(Membership(workspace=workspace, user=user) for user in users)
    link = BookingLink.objects.create(
        workspace=workspace,
        owner=users[0],
        title="Discovery Call",
        slug=f"call-{uuid4().hex[:8]}",
        timezone="Europe/Berlin",
        strategy=BookingLink.Strategy.ROUND_ROBIN if size > 1 else BookingLink.Strategy.INDIVIDUAL,
        minimum_notice_hours=1,
        buffer_after_minutes=10,
        location_type="phone",
    )
    LinkHost.objects.bulk_create(LinkHost(link=link, user=user) for user in users)
    # The month that is shown, from its first weekday on.
    today = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [day for day in (today + number * timedelta(days=1) for number in range(31)) if day.weekday() < 5]
    BusyTime.objects.bulk_create(
        BusyTime(
            workspace=workspace,
            host=user,
            link=link,
            during=as_range(period),
            kind=BusyTime.Kind.BOOKING,
            owner_key=uuid4(),
            buffer_after_minutes=10,
            label="Discovery Call",
        )
        for user in users
        for period in apart(chance, days)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return link.slug


def apart(chance: random.Random, days: list[datetime]) -> Iterator[Period]:
    """Half hours of office time, none twice: a host cannot be in two meetings."""
    every = [day + (8 * 60 + half * 30) * MINUTE for day in days for half in range(16)]
    for start in chance.sample(every, BUSY):
        yield Period.lasting(start, 30 * MINUTE)


def got(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200, address


def queries_of(client: Client, address: str) -> int:
    got(client, address)
    with CaptureQueriesContext(connection) as captured:
        got(client, address)
    return len(captured)


def in_turns(first: Callable[[], None], second: Callable[[], None]) -> tuple[float, float]:
    """The medians of both, in seconds."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for times, call in zip(taken, (first, second), strict=True):
            begun = time.perf_counter()
            call()
            times.append(time.perf_counter() - begun)
    return statistics.median(taken[0]), statistics.median(taken[1])


@contextmanager
def test_database() -> Iterator[None]:
    own = settings.DATABASES["default"]["NAME"]
    connection.creation.create_test_db(verbosity=0)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(own, verbosity=0)


if __name__ == "__main__":
    main()
