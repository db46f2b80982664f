from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workestra.invariants.selectors import DELIVERIES, INVARIANTS, broken_invariants


class Command(BaseCommand):
    help = (
        "Check what must always be true of the database: no host taken twice, every booking with its time and its "
        "mails, every one-off in one state. Reads only; fails when something is not so."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = broken_invariants(with_deliveries=True)
        for each in broken:
            self.stderr.write(str(each))
        if broken:
            raise CommandError(f"{len(broken)} of {len(INVARIANTS) + len(DELIVERIES)} invariants are broken.")
        self.stdout.write(f"All {len(INVARIANTS) + len(DELIVERIES)} invariants hold.")
