"""Connected accounts for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from tests.fakes.google import FakeGoogle
from tests.fakes.meetings import FakeMeetings
from tests.fakes.oauth import Identity
from workestra.accounts.models import Membership
from workestra.calendars import meetings, services
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, RemoteBusy, RemoteCalendar
from workestra.calendars.providers.provider import CalendarFacts, Grant

MAIN = CalendarFacts(id="alice@larkhill.example", name="Alice Okafor", is_primary=True)
TEAM = CalendarFacts(id="team@group.calendar.google.com", name="Sales team")
BIRTHDAYS = CalendarFacts(id="birthdays", name="Birthdays", is_writable=False)


def oauth_secrets(identity: Identity) -> dict[str, Any]:
    tokens = identity.issue()
    ends = datetime.now(UTC) + timedelta(hours=1)
    return {name: tokens[name] for name in ("access_token", "refresh_token")} | {
        "expires_at": ends.isoformat()
    }


def connect_google(
    member: Membership, fake: FakeGoogle | None, now: datetime, *calendars: CalendarFacts
) -> CalendarAccount:
    """Without a server the account is there, but cannot be asked."""
    secrets = oauth_secrets(fake or FakeGoogle())
    grant = Grant(name="alice@larkhill.example", scopes=("calendar",), secrets=secrets)
    return services.connect(member, ProviderKind.GOOGLE, grant, calendars or (MAIN, TEAM, BIRTHDAYS), now)


def as_if_read(now: datetime, account: CalendarAccount | None = None) -> None:
    """Every checked calendar (of this account) was read at `now`, for two years, and nothing was in it."""
    calendars = account.calendars.all() if account else RemoteCalendar.objects.all()
    calendars.filter(checked=True).update(
        synced_at=now, window_start=now - timedelta(days=2), window_end=now + timedelta(days=745)
    )


def connect_caldav(member: Membership, now: datetime) -> CalendarAccount:
    """An account with a server that is not there, and whose empty calendars were read a moment ago."""
    secrets = {"url": "https://dav.larkhill.example/", "username": "alice", "password": "planted-password"}
    grant = Grant(name="dav.larkhill.example, as alice", scopes=(), secrets=secrets)
    account = services.connect(member, ProviderKind.CALDAV, grant, (MAIN, TEAM, BIRTHDAYS), now)
    as_if_read(now, account)
    return account


def connect_feed(member: Membership, now: datetime) -> CalendarAccount:
    """A feed at an address that is not there, and that was read a moment ago."""
    grant = Grant(name="School terms", scopes=(), secrets={"url": "https://school.example/planted.ics"})
    terms = CalendarFacts(id="feed", name="School terms", is_writable=False)
    account = services.connect(member, ProviderKind.ICS, grant, (terms,), now)
    as_if_read(now, account)
    return account


def mirror_busy(calendar: RemoteCalendar, *periods: Period) -> None:
    """What was read of a calendar: these times are taken."""
    RemoteBusy.objects.bulk_create(
        RemoteBusy(
            calendar=calendar,
            user_id=calendar.user_id,
            during=DateTimeTZRange(period.start, period.end, "[)"),
            is_busy=True,
            remote_id=f"event-{number}",
        )
        for number, period in enumerate(periods)
    )


def calendar_of(account: CalendarAccount, name: str = "Alice Okafor") -> RemoteCalendar:
    return account.calendars.select_related("account__user").get(name=name)


def connect_meetings(
    member: Membership, kind: ProviderKind, fake: FakeMeetings | None, now: datetime
) -> CalendarAccount:
    """An account with a provider of meeting links; without a server it is there, but cannot be asked."""
    secrets = oauth_secrets(fake or FakeMeetings())
    grant = Grant(name=member.user.email, scopes=(), secrets=secrets)
    return meetings.connect(member, kind, grant, now)
