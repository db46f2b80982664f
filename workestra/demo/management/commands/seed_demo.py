"""`manage.py seed_demo`: the demo workspace, once; with `--show`, what there is to try."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from workestra.demo import services


class Command(BaseCommand):
    help = "Make the demo workspace, unless it is there. Only for an installation on this machine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--show", action="store_true", help="say what there is to try, and make nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["show"]:
            self._show()
            return
        if not settings.LOCAL_SITE:
            raise CommandError(
                "The demo's passwords are known to everybody: it is only made on a local SITE_URL."
            )
        url = settings.DEMO_CALDAV_URL
        if not services.is_seeded():
            services.seed(timezone.now(), url)
        elif url:
            services.look_after_calendar(url, timezone.now())

    def _show(self) -> None:
        lines = [
            f"  Admin    {services.ADMIN}   password {services.PASSWORD}",
            f"  Rep      {services.REP}  password {services.PASSWORD}",
            f"  Book     {settings.SITE_URL}/book/alice-discovery-call",
            f"  Console  {settings.SITE_URL}/calendar/bookings",
        ]
        if settings.MAILBOX_ENABLED:
            lines.append(f"  Mails    {settings.SITE_URL}/mailbox")
        if settings.DEMO_CALDAV_URL:
            lines.append(
                f"  Calendar {settings.DEMO_CALDAV_URL}.web/  the rep's, user alice, password {services.PASSWORD}"
            )
        self.stdout.write("\n".join(lines))
