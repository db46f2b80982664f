"""A worker's process with one run in its hands, for tests that kill it: `python -m … <run> <links per batch>`."""

import sys
import time
from datetime import datetime
from uuid import UUID

import django
from django.utils import timezone


def unhurried_now() -> datetime:
    """The time, read so slowly that there is a middle to be killed in."""
    time.sleep(0.005)
    return timezone.now()


def main(run_id: str, batch: str) -> None:
    django.setup()
    from managed_events import effects

    effects.run(UUID(run_id), unhurried_now, batch=int(batch))


if __name__ == "__main__":
    main(*sys.argv[1:])
