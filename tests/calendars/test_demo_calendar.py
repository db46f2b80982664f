"""The demo workspace on a real calendar server: what is booked and held arrives there."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import requests
from django.db.models import F

from one_off.models import OneOff
from workestra.accounts.models import Membership
from workestra.calendars import writing
from workestra.calendars.models import CalendarAccount, OwnEvent
from workestra.demo import calendar, services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.thorough
def test_the_reps_calendar_holds_what_the_demo_booked_and_is_connected_once(
    radicale: str, settings: object, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PASSWORD", "wonderland")
    services.seed(NOW, radicale)
    rep = Membership.objects.get(user__email=services.REP)
    account = services.rep_account(rep)
    assert account is not None
    assert account.calendars.get(write_here=True).mirror.count() >= len(calendar.EVENTS)
    writing.write_due(NOW)
    assert not OwnEvent.objects.exclude(written_version=F("version")).exists()
    everything = requests.get(f"{radicale}alice/work/", auth=("alice", "wonderland"), timeout=10).text
    assert everything.count("[Workestra: hold for one-off]") == OneOff.objects.get().slots.count()
    assert "Discovery Call" in everything
    assert "Dentist" in everything
    # The server listens elsewhere the next time: the account is mended, and events stay where they are.
    elsewhere = radicale.replace("127.0.0.1", "localhost")
    settings.EGRESS_PRIVATE_HOSTS = ["127.0.0.1", "localhost"]  # type: ignore[attr-defined]
    services.look_after_calendar(elsewhere, NOW)
    (account,) = CalendarAccount.objects.all()
    assert account.credentials.open()["url"] == elsewhere
    # Who has disconnected it is left in peace.
    account.delete()
    services.look_after_calendar(elsewhere, NOW)
    assert not CalendarAccount.objects.exists()
    assert not calendar.make(radicale, "alice", "wonderland", ZoneInfo("UTC"), NOW)
