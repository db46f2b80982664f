"""A worker's process with one run in its hands, for tests that kill it: `python -m … <run> <links per batch>`."""

import sys
from uuid import UUID

import django
from django.utils import timezone


def main(run_id: str, batch: str) -> None:
    django.setup()
    from managed_events import effects

    effects.run(UUID(run_id), timezone.now, batch=int(batch))


if __name__ == "__main__":
    main(*sys.argv[1:])
