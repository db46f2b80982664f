"""The overview at /calendar/admin: what needs a person among templates, links, mails and calendars."""

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from managed_events import access
from scheduling.models import BookingLink
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.calendars.selectors import unread_accounts
from workestra.dashboard.domain.standing import MOST_CELLS
from workestra.dashboard.selectors.admin import lines_of, mails_of, people_with, times_of
from workestra.notifications.registry import label_of

LINES: Final = 10
ROWS: Final = 6


@require_GET
def overview(request: MemberRequest) -> HttpResponse:
    """Figures over what the member administers: for a group's admin the templates of his groups, and whoever has a link
    of them; mails are for admins of the workspace."""
    now = timezone.now()
    member = request.member
    zone = ZoneInfo(member.user.timezone)
    templates = access.templates_of(member)
    lines = lines_of(templates)
    links = BookingLink.objects.filter(managed_event_template__in=[line.template.pk for line in lines])
    times = times_of(links, zone, now)
    people = accounts.active_members(member.workspace)
    if not member.is_admin:
        people = people_with(links, member.workspace_id)
    unread, accounts_count = unread_accounts(people, now)
    mails = mails_of(member.workspace_id, now) if member.is_admin else None
    left, left_links = access.meetings_left_to(member, now).count(), access.links_left_to(member).count()
    crooked = sum(line.standing.out_of_step for line in lines)
    link_count = sum(line.standing.links for line in lines)
    context = {
        "now": now,
        "zone": zone,
        "lines": lines[:LINES],
        "template_count": len(lines),
        "link_count": link_count,
        "running": sum(line.is_running for line in lines),
        "template_cells": _cells(["swap" if line.is_running else "held" for line in lines]),
        "crooked": crooked,
        "link_cells": _cells(["on"] * (link_count - crooked) + ["bad"] * crooked),
        "times": times,
        "scarce": [*times.none[:ROWS], *times.few[: ROWS - len(times.none[:ROWS])]],
        "none_cells": _cells(["none"] * len(times.none)),
        "reach": accounts.reachable_user_ids(member, Permission.VIEW),
        "unread": unread[:ROWS],
        "unread_count": len(unread),
        "unread_of": {row.account.user_id: row for row in unread},
        "accounts_count": accounts_count,
        "account_cells": _cells(["on"] * (accounts_count - len(unread)) + ["bad"] * len(unread)),
        "mails": mails,
        "mail_rows": [(mail, label_of(mail.kind)) for mail in mails.rows] if mails else (),
        "mail_cells": _cells(["bad"] * mails.given_up) if mails else (),
        "left": left,
        "left_links": left_links,
        "todo": crooked
        + len(times.none)
        + len(unread)
        + (mails.given_up if mails else 0)
        + left
        + left_links,
    }
    return render(request, "dashboard/admin.html", context)


def _cells(cells: Sequence[str]) -> Sequence[str]:
    """Cells for so many things as can be told apart; none for more."""
    return cells if len(cells) <= MOST_CELLS else ()
