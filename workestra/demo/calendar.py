"""The rep's calendar on the demo's own CalDAV server: made by plain CalDAV, connected by our own services."""

from datetime import datetime, time, timedelta
from typing import Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import icalendar
import requests

from workestra.accounts.models import Membership
from workestra.calendars import effects
from workestra.calendars import services as calendars
from workestra.calendars.connections import opened_with
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.models import CalendarAccount
from workestra.calendars.providers.provider import Grant

NAME: Final = "The demo's own calendar server, as alice"
CALENDAR: Final = "work"
EVENTS: Final = (
    ("Pipeline review", 1, time(13), timedelta(hours=1)),
    ("Dentist", 3, time(9), timedelta(minutes=45)),
    ("1:1 with Daniel", 5, time(15), timedelta(hours=1)),
)
"""What she has besides bookings: how many days on, from when, how long."""
_MKCALENDAR: Final = """<?xml version="1.0" encoding="utf-8"?>
<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<set><prop><displayname>Work</displayname></prop></set></C:mkcalendar>"""
_SECONDS: Final = 10


def make(url: str, username: str, password: str, zone: ZoneInfo, now: datetime) -> bool:
    """Make the calendar (RFC 4791, 5.3.1) with a few events in it; False when it is there already."""
    folder = f"{url}{username}/{CALENDAR}/"
    with requests.Session() as session:
        session.auth, session.trust_env = (username, password), False
        made = session.request("MKCALENDAR", folder, data=_MKCALENDAR.encode(), timeout=_SECONDS)
        if made.status_code in {405, 409}:
            return False
        made.raise_for_status()
        for summary, days, start, length in EVENTS:
            begin = datetime.combine(now.astimezone(zone).date() + timedelta(days=days), start, zone)
            name, body = _event(summary, begin, length, now)
            headers = {"Content-Type": "text/calendar; charset=utf-8"}
            session.put(
                f"{folder}{name}.ics", data=body, headers=headers, timeout=_SECONDS
            ).raise_for_status()
    return True


def connect(rep: Membership, url: str, password: str, now: datetime) -> CalendarAccount:
    """Connect her to it, and read it at once: what is not known would not be free."""
    secrets = {"url": url, "username": rep.user.username, "password": password}
    opened = opened_with(ProviderKind.CALDAV, secrets, ZoneInfo(rep.user.timezone))
    try:
        found = opened.calendars()
    finally:
        opened.close()
    grant = Grant(name=NAME, scopes=(), secrets=secrets)
    account = calendars.connect(rep, ProviderKind.CALDAV, grant, found, now)
    effects.read_due(now)
    return account


def _event(summary: str, begin: datetime, length: timedelta, now: datetime) -> tuple[str, bytes]:
    event = icalendar.Event()
    uid = str(uuid4())
    for name, value in {
        "uid": uid, "summary": summary, "dtstart": begin, "dtend": begin + length, "dtstamp": now,
    }.items():  # fmt: skip
        event.add(name, value)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Workestra//Demo//EN")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    return uid, calendar.to_ical()
