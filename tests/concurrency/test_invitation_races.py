"""Invitations that are accepted while an admin does something about them."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from tests.concurrency.conftest import at_once, outcome
from tests.factories import MembershipFactory
from workestra.accounts.models import Membership, User, Workspace
from workestra.accounts.services import members
from workestra.audit.models import AuditEvent

pytestmark = pytest.mark.django_db(transaction=True)

Change = Callable[..., Any]


@pytest.fixture
def hana(workspace: Workspace, NOW: datetime) -> Membership:
    return MembershipFactory(workspace=workspace, is_active=False, invited_at=NOW)


def while_accepting(
    hana: Membership, change: Change, now: datetime, looked: threading.Event, patience: float
) -> dict[str, int]:
    """She accepts, and before that is committed an admin comes with `change`; what came of the two."""
    admin = MembershipFactory(workspace=hana.workspace, role="admin")
    accepted = threading.Event()

    def accept() -> int:
        with transaction.atomic():
            count = members.accept_invites(hana.user, now)
            accepted.set()
            looked.wait(patience)
        return count

    def change_it() -> Any:
        accepted.wait(10)
        return change(member=hana, by=admin, now=now)

    return outcome(at_once(2, lambda n: change_it() if n else accept()))


@pytest.mark.parametrize("change", [members.withdraw_invite, members.invite_again])
def test_who_is_accepting_is_a_member_and_the_admin_is_told(
    hana: Membership, change: Change, NOW: datetime
) -> None:
    results = while_accepting(hana, change, NOW, threading.Event(), 0.2)
    assert results == {"int": 1, "NotWaiting": 1}
    hana.refresh_from_db()
    assert (hana.is_active, hana.invited_at) == (True, None)
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["user.joined"]


def test_control_without_the_row_held_her_account_is_gone(
    hana: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()

    def look(member: Membership) -> Membership:
        found = Membership.objects.select_related("user").get(pk=member.pk)
        looked.set()
        return found

    monkeypatch.setattr(members, "_waiting", look)
    assert while_accepting(hana, members.withdraw_invite, NOW, looked, 10) == {"int": 1, "NoneType": 1}
    assert not User.objects.filter(pk=hana.user_id).exists()
