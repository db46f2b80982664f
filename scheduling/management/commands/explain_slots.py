"""`manage.py explain_slots`: what a link offers on a day and, for every gap, why not more."""

import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from scheduling import explanations, selectors
from scheduling.domain.hours import read_date, shown
from scheduling.domain.wallclock import known_zones


class Command(BaseCommand):
    help = "Explain which times a booking link offers on a day, and why it does not offer the others."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the link's address, after /book/")
        parser.add_argument("--on", required=True, metavar="DATE", help="the day, as in 2026-12-24")
        parser.add_argument("--zone", help="the zone of the day and of all times; the link's when left out")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        link = selectors.public_link(options["slug"])
        if link is None:
            raise CommandError(f"There is no booking link {shown(options['slug'])}.")
        zone = options["zone"] or link.zone
        if zone not in known_zones():
            raise CommandError(f"--zone: {shown(zone)} is not a time zone we know.")
        try:
            explained = explanations.explained_day(link, _day(options["on"]), ZoneInfo(zone), now)
        except explanations.NoSuchDay:
            raise CommandError(f"--on: clocks in {zone} skipped {options['on']}.") from None
        if options["json"]:
            self.stdout.write(json.dumps(explanations.as_json(explained), indent=2))
        else:
            self.stdout.write("\n".join(explanations.as_lines(explained)))


def _day(text: str) -> date:
    try:
        return read_date(text)
    except ValueError as error:
        raise CommandError(f"--on: {error}") from None
