from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine
from django.test import Client

from tests.conftest import signed_in
from workestra.accounts.models import Membership


@pytest.fixture
def at_now(NOW: datetime) -> Iterator[None]:
    """The clock stands still."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def browser(alice: Membership) -> Client:
    """The host's."""
    return signed_in(alice)
