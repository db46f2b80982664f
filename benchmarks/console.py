"""What the bookings console costs at 10,000 and 1,000,000 bookings: `python -m benchmarks.console`.

The whole of `GET /calendar/bookings` as an admin sees it: the first page, one deep in the list, a search for a name
that few have, and one for a word that every tenth has. Django's test client in one process, on a warm database of its
own. Both sizes are asked in turns, and the figures are medians. A page at a million bookings may take 1.5 times what it
takes at ten thousand, its number of queries must be the same, and the plan of its rows has to name an index.
"""

import statistics
import time
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

# First: it sets Django up.
from benchmarks.pages import test_database  # isort: skip

from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.domain.console import Place, Tab
from bookings.models import Booking
from scheduling.models import BookingLink, LinkHost
from workestra.accounts.models import Membership, User, Workspace

SIZES: Final = (10_000, 1_000_000)
HOSTS: Final = 200
ROUNDS: Final = 15
BAR: Final = 1.5
PAGE: Final = "/calendar/bookings"

# One in ten is still to come, one in twenty was cancelled, one in twenty has moved. A name is letters by chance.
BOOKINGS: Final = """
INSERT INTO scheduling_calendar_events (id, workspace_id, link_id, host_id, title, strategy, starts_at, ends_at,
    timezone, location_type, location_detail, capacity, attendee_count, status, ended_at,
    no_show_status, series_id, ics_sequence, page_slug, buffer_before_minutes,
    buffer_after_minutes, private_note, mails_sent, mails_failed, mail_attempts, mail_error, created_at)
SELECT id, %(workspace)s, %(link)s, (%(hosts)s::uuid[])[1 + n %% %(host_count)s], 'Discovery Call', 'individual',
    starts, starts + interval '30 minutes', 'Europe/Berlin', 'phone', '', 1, (status = 'confirmed')::int, status,
    CASE WHEN status <> 'confirmed' THEN starts - interval '1 day' END, '', id, 0, 'call', 0, 0, '', 2, 0, 2, '',
    starts - interval '9 days'
FROM (
    SELECT n, gen_random_uuid() AS id,
        now() + (n::float / %(size)s - 0.9) * interval '1000 days' AS starts,
        CASE n %% 20 WHEN 7 THEN 'cancelled' WHEN 13 THEN 'rescheduled' ELSE 'confirmed' END AS status
    FROM generate_series(1, %(size)s) n
) drawn
"""
ATTENDEES: Final = """
INSERT INTO booking_attendees (id, booking_id, name, email, phone, timezone, notes, answers, guests, status, ended_by,
    reason, ended_at, no_show_status, series_id, ics_sequence, manage_token_hash, manage_token_generation,
    idempotency_key, created_at)
SELECT gen_random_uuid(), id, name || CASE WHEN random() < 0.1 THEN ' Smith' ELSE ' Jones' END, name || '@mail.example',
    '', 'Europe/Berlin', '', '[]', '{}', status, '', '', ended_at, '', id, 0, md5(id::text), 0, gen_random_uuid(),
    created_at
FROM (
    SELECT e.*, translate(left(md5(id::text), 12), '0123456789', 'ghijklmnop') AS name
    FROM scheduling_calendar_events e WHERE workspace_id = %(workspace)s
) drawn
"""


def main() -> None:
    with (
        test_database(),
        override_settings(
            ALLOWED_HOSTS=["testserver"],
            STORAGES=settings.STORAGES
            | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}},
        ),
    ):
        asked_of = {size: made(size) for size in SIZES}
        print(f"{'bookings':>10}  {'page':<12}{'queries':>8}{'time':>11}{'ratio':>8}  index")
        for name in asked_of[SIZES[0]][1]:
            addresses = {
                size: (client, f"{PAGE}?{urlencode(pages[name])}")
                for size, (client, pages) in asked_of.items()
            }
            times, least = in_turns(addresses), 0
            for size, (client, address) in addresses.items():
                queries, index = asked(client, address)
                least = least or queries
                ratio = times[size] / times[SIZES[0]]
                said = "" if ratio <= BAR and queries == least else "  MISSED"
                print(
                    f"{size:>10,}  {name:<12}{queries:>8}{times[size] * 1000:>8.1f} ms{ratio:>8.2f}  {index}{said}"
                )
        print(f"\nAim: at most {BAR} times what ten thousand bookings take, with as many queries.")


def made(size: int) -> tuple[Client, dict[str, dict[str, Any]]]:
    """A workspace with so many bookings, its admin's browser, and the pages to ask it for."""
    workspace = Workspace.objects.create(name=f"Benchmark {size}")
    users = User.objects.bulk_create(
        User(
            email=f"host{number}@{size}.example",
            username=f"{size}-{number}",
            name=f"Host {number}",
            timezone="Europe/Berlin",
        )
        for number in range(HOSTS)
    )
    Membership.objects.bulk_create(
        Membership(workspace=workspace, user=user, role="admin" if user is users[0] else "member")
        for user in users
    )
    link = BookingLink.objects.create(
        workspace=workspace,
        owner=users[0],
        title="Discovery Call",
        slug=f"call-{size}",
        timezone="Europe/Berlin",
    )
    LinkHost.objects.create(link=link, user=users[0])
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "link": link.pk,
        "hosts": [user.pk for user in users],
        "host_count": HOSTS,
        "size": size,
    }
    with connection.cursor() as cursor:
        cursor.execute(BOOKINGS, values)
        cursor.execute(ATTENDEES, values)
        cursor.execute("VACUUM ANALYZE scheduling_calendar_events")
        cursor.execute("VACUUM ANALYZE booking_attendees")
    client = Client()
    client.force_login(users[0])
    somebody = Booking.objects.filter(workspace=workspace).first()
    assert somebody is not None
    deep = Place(timezone.now() - timedelta(days=450), somebody.pk)
    return client, {
        "first page": {},
        "past, deep": {"tab": Tab.PAST, "after": deep},
        "rare name": {"tab": Tab.PAST, "q": somebody.booker.name.split()[0]},
        "common word": {"tab": Tab.PAST, "q": "smith"},
    }


def asked(client: Client, address: str) -> tuple[int, str]:
    """How many queries the page takes, and the index its rows are read by."""
    assert client.get(address).status_code == 200, address
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    (rows,) = (
        query["sql"]
        for query in captured
        if '"private_note"' in query["sql"] and "ORDER BY" in query["sql"] and "LIMIT 51" in query["sql"]
    )
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {rows}")
        plan = " ".join(line for (line,) in cursor.fetchall())
    return len(captured), next((name for name in INDEXES if name in plan), "NO INDEX")


INDEXES: Final = ("booking_by_tab", "booking_by_end", "scheduling_calendar_events_pkey")


def in_turns(addresses: dict[int, tuple[Client, str]]) -> dict[int, float]:
    """The median of some askings of each size, in seconds: one after the other, so that all meet the same load."""
    taken: dict[int, list[float]] = {size: [] for size in addresses}
    for _ in range(ROUNDS):
        for size, (client, address) in addresses.items():
            begun = time.perf_counter()
            assert client.get(address).status_code == 200, address
            taken[size].append(time.perf_counter() - begun)
    return {size: statistics.median(times) for size, times in taken.items()}


if __name__ == "__main__":
    main()
