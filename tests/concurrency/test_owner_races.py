"""Owners who take the workspace from each other at the same moment."""

import threading
from contextlib import suppress
from datetime import datetime

import pytest

from tests.concurrency.conftest import at_once, outcome
from tests.factories import MembershipFactory
from workestra.accounts.models import Membership, Workspace
from workestra.accounts.services import members

pytestmark = pytest.mark.django_db(transaction=True)

OWNERS = 4


@pytest.fixture
def owners(workspace: Workspace) -> list[Membership]:
    return [MembershipFactory(workspace=workspace, role="owner") for _ in range(OWNERS)]


def left(workspace: Workspace) -> int:
    return Membership.objects.filter(workspace=workspace, role="owner", is_active=True).count()


def each_the_next(owners: list[Membership], now: datetime) -> dict[str, int]:
    """Every owner deactivates the next one, the last one the first, all at once."""
    return outcome(
        at_once(
            OWNERS,
            lambda n: members.deactivate(member=owners[(n + 1) % OWNERS], by=owners[n], now=now),
        )
    )


def test_one_owner_is_left(owners: list[Membership], workspace: Workspace, NOW: datetime) -> None:
    assert each_the_next(owners, NOW) == {"bool": OWNERS - 1, "LastOwner": 1}
    assert left(workspace) == 1


def test_control_without_the_lock_none_is_left(
    owners: list[Membership], workspace: Workspace, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_has_looked = threading.Barrier(OWNERS, timeout=10)
    ensure = members._ensure_owned_without

    def look_and_wait(member: Membership) -> None:
        ensure(member)
        with suppress(threading.BrokenBarrierError):
            everybody_has_looked.wait()

    monkeypatch.setattr(members, "_lock", lambda _workspace_id: None)
    monkeypatch.setattr(members, "_ensure_owned_without", look_and_wait)
    each_the_next(owners, NOW)
    assert left(workspace) == 0
