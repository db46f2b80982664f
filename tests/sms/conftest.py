"""An installation with texts set up, at a Twilio on this machine."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.twilio import ACCOUNT, FROM, TOKEN, FakeTwilio


@pytest.fixture(scope="session")
def _twilio() -> Iterator[FakeTwilio]:
    fake = FakeTwilio()
    with fake.running():
        yield fake


@pytest.fixture
def ready(settings: Any) -> None:
    """The settings alone; nothing listens."""
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = ACCOUNT, TOKEN
    settings.TWILIO_FROM, settings.TWILIO_MESSAGING_SERVICE_SID = FROM, ""
    settings.TWILIO_API_URL = "http://127.0.0.1:9"
    settings.SMS_COUNTRIES = ["US", "DE"]


@pytest.fixture
def twilio(ready: None, _twilio: FakeTwilio, settings: Any) -> FakeTwilio:
    settings.TWILIO_API_URL = _twilio.url
    _twilio.calm()
    _twilio.messages.clear()
    _twilio.stopped.clear()
    return _twilio
