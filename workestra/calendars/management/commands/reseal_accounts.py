from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workestra.calendars.services import reseal


class Command(BaseCommand):
    help = (
        "Encrypt the credentials of connected accounts anew under the first of CALENDAR_KEYS, so that the others can "
        "be dropped. Fails when some cannot be opened: their owners have to connect again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        resealed, lost = reseal()
        self.stdout.write(f"Encrypted anew: {resealed}.")
        if lost:
            raise CommandError(f"No key opens the credentials of {len(lost)}: {', '.join(map(str, lost))}.")
