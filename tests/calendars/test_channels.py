"""Channels: a provider tells that there is something to read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from tests.calendars.making import calendar_of, connect_google
from tests.calendars.mirroring import HOUR
from tests.fakes.google import FakeGoogle
from workestra.accounts.models import Membership
from workestra.calendars import effects, selectors, services
from workestra.calendars.models import CalendarAccount, RemoteCalendar

pytestmark = pytest.mark.usefixtures("empty_google")


@pytest.mark.django_db
class TestChannels:
    @pytest.fixture
    def told(self, alice: Membership, google: FakeGoogle, NOW: datetime, settings: Any) -> CalendarAccount:
        settings.SITE_URL = "https://meet.larkhill.example"
        google.channels.clear()
        return connect_google(alice, google, NOW)

    def test_without_https_nobody_is_asked(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        connect_google(alice, google, NOW)
        assert effects.renew_channels(NOW) == 0

    def test_the_provider_tells_and_the_calendar_is_read_soon(
        self, told: CalendarAccount, google: FakeGoogle, NOW: datetime, client: Any
    ) -> None:
        assert effects.renew_channels(NOW) == 1
        (channel,) = google.channels.values()
        assert channel["address"] == f"https://meet.larkhill.example{reverse('calendars:google_notice')}"
        calendar = calendar_of(told)
        assert calendar.channel_id == channel["id"]
        assert channel["token"] not in str(RemoteCalendar.objects.values_list())
        RemoteCalendar.objects.update(due_at=Now() + HOUR)
        headers = {"X-Goog-Channel-ID": channel["id"], "X-Goog-Channel-Token": "guessed"}
        address = reverse("calendars:google_notice")
        assert client.post(address, headers=headers).status_code == 404
        assert not selectors.due_to_read().exists()
        headers["X-Goog-Channel-Token"] = channel["token"]
        assert client.post(address, headers=headers).status_code == 204
        assert selectors.due_to_read().get() == calendar

    @pytest.mark.parametrize(
        "said",
        [
            '{"value": [{"subscriptionId": "a\\u0000", "clientState": "b"}]}',
            '{"value": [{"subscriptionId": "a", "clientState": "\\ud800"}]}',
            "[" * 100_000,
        ],
    )
    def test_what_no_provider_says_is_not_known(self, told: CalendarAccount, client: Any, said: str) -> None:
        address = reverse("calendars:microsoft_notice")
        assert client.post(address, said, content_type="application/json").status_code == 404

    def test_a_channel_is_renewed_at_half_of_its_life(
        self, told: CalendarAccount, google: FakeGoogle
    ) -> None:
        today = datetime.now(UTC)
        effects.renew_channels(today)
        first = calendar_of(told)
        assert first.channel_due_at is not None
        assert first.channel_expires_at is not None
        half = today + (first.channel_expires_at - today) / 2
        assert abs(first.channel_due_at - half) < timedelta(minutes=1)
        RemoteCalendar.objects.filter(pk=first.pk).update(channel_due_at=Now() - HOUR)
        effects.renew_channels(today)
        second = calendar_of(told)
        assert second.channel_id != first.channel_id
        assert list(google.channels) == [second.channel_id]

    def test_letting_go_ends_channels_and_gives_the_access_back(
        self, told: CalendarAccount, google: FakeGoogle, alice: Membership, NOW: datetime
    ) -> None:
        effects.renew_channels(NOW)
        effects.let_go(told)
        assert google.channels == {}
        assert google.revoked
        services.disconnect(told, alice.user, NOW)
        assert not RemoteCalendar.objects.exists()
