"""The page of roles: what is chosen there is hidden in the pages and refused by the server."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_booking, make_link
from tests.pages import form_posting
from workestra.accounts import selectors
from workestra.accounts.domain.permissions import EDITABLE_ROLES, Permission, Role, Scope, beyond_view
from workestra.accounts.models import Membership, RoleGrant
from workestra.audit.models import AuditEvent

URL = "/settings/roles"


@pytest.fixture(autouse=True)
def _clock() -> Any:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


def filled(dana: Membership, **changes: str) -> dict[str, str]:
    """The form as the page shows it, with these cells changed: `member_view="all"`."""
    values = form_posting(signed_in(dana).get(URL).content.decode(), "member-view").values
    return values | {name.replace("_", "-"): value for name, value in changes.items()}


def test_what_a_role_loses_is_hidden_and_refused(dana: Membership, alice: Membership, NOW: datetime) -> None:
    booking = make_booking(make_link(alice), NOW + timedelta(days=1), NOW)
    hers, cancel = signed_in(alice), reverse("bookings:cancel", args=[booking.pk])
    drawer = reverse("bookings:drawer", args=[booking.pk])
    assert cancel in hers.get(drawer, headers={"HX-Request": "true"}).content.decode()
    response = signed_in(dana).post(URL, filled(dana, member_delete="none"), follow=True)
    assert "Roles saved" in response.content.decode()
    assert cancel not in hers.get(drawer, headers={"HX-Request": "true"}).content.decode()
    assert hers.post(cancel, {"reason": "Ill"}).status_code == 403
    booking.refresh_from_db()
    assert booking.status == "confirmed"
    event = AuditEvent.objects.get(action="role.saved")
    assert (event.target_name, event.before, event.after) == (
        "Member",
        {"scheduler.delete": "own"},
        {"scheduler.delete": "none"},
    )


def test_what_a_role_gains_holds_at_once_and_what_is_as_by_default_has_no_row(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    booking = make_booking(make_link(alice), NOW + timedelta(days=1), NOW)
    drawer = reverse("bookings:drawer", args=[booking.pk])
    his, admin = signed_in(bob), signed_in(dana)
    assert his.get(drawer).status_code == 404
    admin.post(URL, filled(dana, member_view="all"))
    assert his.get(drawer).status_code == 302
    admin.post(URL, filled(dana, member_view="own"))
    assert his.get(drawer).status_code == 404
    assert not RoleGrant.objects.exists()


def test_a_permission_beyond_what_is_seen_is_refused_beside_its_cell(dana: Membership) -> None:
    sent = filled(dana, manager_view="own", manager_edit="own", manager_delete="all")
    response = signed_in(dana).post(URL, sent)
    html = response.content.decode()
    assert response.status_code == 422
    assert html.count("Manager: cannot reach further than View does.") == 1
    assert 'name="manager-delete" value="all" checked' in html
    assert not RoleGrant.objects.exists()
    assert not AuditEvent.objects.exists()


def test_owners_keep_everything(dana: Membership) -> None:
    signed_in(dana).post(URL, filled(dana) | {"owner-view": "none"})
    assert not RoleGrant.objects.exists()


@pytest.mark.parametrize("value", ["", "everything", None])
def test_a_cell_that_is_missing_or_makes_no_sense_is_refused(dana: Membership, value: str | None) -> None:
    sent = filled(dana, member_view="all")
    if value is None:
        del sent["viewer-edit"]
    else:
        sent["viewer-edit"] = value
    assert signed_in(dana).post(URL, sent).status_code == 422
    assert not RoleGrant.objects.exists()


def test_of_two_admins_the_second_sees_what_the_first_has_changed(dana: Membership) -> None:
    first, second = filled(dana, member_view="all"), filled(dana, viewer_view="all")
    signed_in(dana).post(URL, first)
    response = signed_in(dana).post(URL, second)
    assert response.status_code == 409
    assert "Somebody else has changed the roles" in response.content.decode()
    assert list(RoleGrant.objects.values_list("role", flat=True)) == ["member"]


def test_a_preview_says_whom_it_touches_and_saves_nothing(dana: Membership, alice: Membership) -> None:
    sent = filled(dana, member_delete="none") | {"preview": "1"}
    response = signed_in(dana).post(URL, sent, headers={"HX-Request": "true"})
    html = response.content.decode()
    assert "1 change for 1 person" in html
    assert "Members can delete and cancel <b>nothing</b>" in html
    assert "<html" not in html
    assert not RoleGrant.objects.exists()


_scopes = st.sampled_from([None, *Scope])


@given(st.fixed_dictionaries(dict.fromkeys(Permission, _scopes)))
def test_nothing_reaches_beyond_view_exactly_when_every_scope_is_inside(
    grants: dict[Permission, Any],
) -> None:
    sizes = {None: 0, Scope.OWN: 1, Scope.TEAM: 2, Scope.ALL: 3}
    inside = all(sizes[scope] <= sizes[grants[Permission.VIEW]] for scope in grants.values())
    assert (beyond_view(grants) == []) is inside


@pytest.mark.django_db
def test_the_page_and_the_gate_read_the_same(alice: Membership) -> None:
    RoleGrant.objects.create(workspace=alice.workspace, role="viewer", permission="scheduler.view", scope="")
    granted = selectors.grants_of(alice.workspace)
    for role in (*EDITABLE_ROLES, Role.OWNER):
        alice.role = role
        for permission in Permission:
            assert granted[role][permission] == alice.scope_of(permission)
