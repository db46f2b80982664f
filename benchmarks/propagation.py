"""How long a template's save takes to reach its links: `python -m benchmarks.propagation`.

A run in batches, as the worker makes it, against one raw UPDATE of the same columns of the same rows. Both write
every row anew each time, in turns; the figures are medians. Everything happens in a test database of its own.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workestra.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402  The settings come first.
from django.test.utils import CaptureQueriesContext  # noqa: E402

from managed_events import effects  # noqa: E402
from managed_events.domain.draft import TemplateDraft  # noqa: E402
from managed_events.models import ManagedEventTemplate, Propagation  # noqa: E402
from managed_events.services.templates import create_template  # noqa: E402
from scheduling.domain.sections import SECTION_OF_FIELD, SECTIONS  # noqa: E402
from scheduling.models import BookingLink  # noqa: E402
from workestra.accounts.models import User, Workspace  # noqa: E402

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SIZES = (100, 1_000, 10_000)
RUNS = 5
AIM = 3.0
ONE = ("title",)
ALL = tuple(section.key for section in SECTIONS)


def main() -> None:
    with test_database():
        print(
            f"{'links':>7}  {'locked':>8}  {'run':>9}  {'raw UPDATE':>10}  {'ratio':>6}  {'queries/batch':>13}"
        )
        for size in SIZES:
            for locks in (ONE, ALL):
                measure(size, locks)
        print(f"\nAim: at most {AIM:.0f} times the raw UPDATE at {SIZES[-1]:,} links, and no query per link.")


def measure(size: int, locks: tuple[str, ...]) -> None:
    """Time `RUNS` runs and raw updates in turns, and print a line."""
    template = made(size, locks)
    runs, raws = [], []
    with CaptureQueriesContext(connection) as captured:
        run_to_its_end(next_version(template, "Warm", locks), size)
    queries = round(len(captured) / (size // effects.BATCH + 1))
    for turn in range(RUNS):
        run = next_version(template, f"Run {turn}", locks)
        runs.append(seconds(lambda run=run: run_to_its_end(run, size)))  # type: ignore[misc]
        values = {**template.state.locked_values, "title": f"Raw {turn}"}
        raws.append(seconds(lambda values=values: raw_update(template, values)))  # type: ignore[misc]
    run_ms, raw_ms = statistics.median(runs) * 1000, statistics.median(raws) * 1000
    label = "one" if locks == ONE else f"all {len(locks)}"
    print(
        f"{size:>7,}  {label:>8}  {run_ms:>6.0f} ms  {raw_ms:>7.0f} ms  {run_ms / raw_ms:>6.2f}  {queries:>13}"
    )
    BookingLink.objects.all().delete()
    template.delete()


def made(size: int, locks: tuple[str, ...]) -> ManagedEventTemplate:
    """A template with so many assigned links, each of an owner of its own."""
    workspace = Workspace.objects.create(name="Benchmark")
    author = User.objects.create(
        email=f"{workspace.pk}@x.example", username=f"a-{workspace.pk}"[:40], name="A"
    )
    values = {field: getattr(ManagedEventTemplate(title="Call"), field) for field in SECTION_OF_FIELD}
    draft = TemplateDraft(values, locks, slug="call", slug_pattern="{username}-{template}")
    template = create_template(workspace=workspace, author=author, draft=draft, now=NOW)
    owners = User.objects.bulk_create(
        User(
            email=f"{number}-{workspace.pk}@x.example",
            username=f"{number}-{workspace.pk}"[:40],
            name=f"P {number}",
        )
        for number in range(size)
    )
    BookingLink.objects.bulk_create(
        BookingLink(
            workspace=workspace,
            owner=owner,
            slug=f"{owner.username}-call",
            managed_event_template=template,
            locked_sections=list(locks),
            template_version=1,
            **values,
        )
        for owner in owners
    )
    return template


def next_version(template: ManagedEventTemplate, title: str, locks: tuple[str, ...]) -> Propagation:
    """A run that changes every link, in every locked section."""
    template.version += 1
    template.title = title
    template.save()
    template.versions.create(
        number=template.version, saved_at=NOW, values=template.section_values(), locked_sections=list(locks)
    )
    return Propagation.objects.create(
        template=template, version=template.version, sections=list(locks), started_at=NOW, touched_at=NOW
    )


def run_to_its_end(run: Propagation, size: int) -> None:
    effects.run(run.pk, lambda: NOW)
    run.refresh_from_db()
    assert (run.state, run.links_updated) == (Propagation.State.DONE, size)


def raw_update(template: ManagedEventTemplate, values: Mapping[str, Any]) -> None:
    with transaction.atomic():
        BookingLink.objects.filter(managed_event_template=template).update(**values)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def test_database() -> Iterator[None]:
    own = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(own, verbosity=0)


if __name__ == "__main__":
    main()
