"""`manage.py list_slots`: what the slot engine answers to a case given as JSON. Needs no database."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from scheduling.domain.case import BadCase, answer
from scheduling.domain.hours import Problem


class Command(BaseCommand):
    help = (
        "Read a slot case, or an array of them, as JSON from standard input and print the starts offered. "
        "A malformed case: exit code 2 and one line per problem on standard error. See docs/slots.md."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--explain", action="store_true", help="add the gaps with their reasons")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(json.dumps(answer(_read_json(), explained=options["explain"])))
        except BadCase as error:
            for problem in error.problems:
                self.stderr.write(str(problem))
            raise SystemExit(2) from None


def _read_json() -> object:
    try:
        return json.loads(sys.stdin.buffer.read())
    except RecursionError:
        raise BadCase([Problem("case", "is nested too deeply")]) from None
    except ValueError as error:
        raise BadCase([Problem("case", f"is not JSON: {error}")]) from None
