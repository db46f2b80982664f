from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import override_settings

from tests.conftest import MONDAY_MORNING
from tests.fakes.twilio import ACCOUNT, FROM, TOKEN
from tests.security.world import World, count_writes, forms_of, make_world, undone


@pytest.fixture(scope="module")
def built_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    fast = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
    with (
        django_db_blocker.unblock(),
        time_machine.travel(MONDAY_MORNING, tick=False),
        connection.execute_wrapper(count_writes),
        undone(),
    ):
        with fast:
            world = make_world()
        yield world


@pytest.fixture
def world(built_world: World, db: None, settings: Any) -> World:
    """The world as it was built: `db` undoes what a test does to it. The clock stands at `MONDAY_MORNING`.

    Text messages are set up, at a Twilio that nobody reaches.
    """
    cache.clear()
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = ACCOUNT, TOKEN, FROM
    settings.TWILIO_API_URL, settings.SMS_COUNTRIES = "http://127.0.0.1:9", ["DE"]
    built_world.forms = built_world.forms or forms_of(built_world)
    return built_world
