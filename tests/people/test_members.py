"""Inviting, changing, leaving and coming back, as an admin does it on the pages."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import PASSWORD, GroupFactory, MembershipFactory, join_group, make_booking, make_link
from tests.managed_events.making import assign_to, make_template
from tests.one_off.making import make_one_off
from workestra.accounts.models import Membership, User
from workestra.accounts.services import members
from workestra.audit.models import AuditEvent
from workestra.notifications.effects import deliver_due
from workestra.notifications.models import OutboxMessage

INVITE = "/settings/members/invite"


@pytest.fixture(autouse=True)
def _clock(db: None) -> Any:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def owner(dana: Membership) -> Membership:
    return MembershipFactory(workspace=dana.workspace, user__username="olga", role="owner")


def url(name: str, member: Membership) -> str:
    return reverse(f"people:{name}", args=[member.pk])


def invited(dana: Membership, email: str = "hana@larkhill.example") -> Membership:
    response = signed_in(dana).post(INVITE, {"people": f"Hana Novák <{email}>", "role": "manager"})
    assert response.status_code == 302
    return Membership.objects.select_related("user").get(user__email=email)


def actions() -> list[str]:
    return sorted(AuditEvent.objects.values_list("action", flat=True))


def test_who_is_invited_becomes_a_member_by_choosing_a_password(dana: Membership) -> None:
    hana = invited(dana)
    assert (hana.is_active, hana.role, hana.user.name) == (False, "manager", "Hana Novák")
    assert hana.user.username == "hana"
    deliver_due(MONDAY_MORNING)
    [sent] = mail.outbox
    assert sent.recipients()[0].endswith("<hana@larkhill.example>")
    assert "invited to Larkhill" in sent.subject
    [link] = re.findall(r"http://localhost:8000(/accounts/password/reset/key/\S+)", str(sent.body))
    browser = Client()
    page = browser.get(link, follow=True)
    assert "Choose your password" in page.content.decode()
    chosen = {"password1": "a long enough one 7", "password2": "a long enough one 7"}
    assert browser.post(page.redirect_chain[-1][0], chosen).status_code == 302
    hana.refresh_from_db()
    assert (hana.is_active, hana.invited_at) == (True, None)
    assert browser.post(
        "/accounts/login/", {"login": "hana@larkhill.example", "password": "a long enough one 7"}
    )
    assert browser.get("/calendar/bookings").status_code == 200
    assert actions() == ["user.invited", "user.joined"]
    assert "This link no longer works" in Client().get(link, follow=True).content.decode()


def test_an_invitation_gives_nothing_until_it_is_accepted(dana: Membership) -> None:
    hana = invited(dana)
    client = Client()
    client.force_login(hana.user)
    assert client.get("/calendar/bookings").status_code == 403
    assert signed_in(dana).get(url("person", hana)).status_code == 404
    page = signed_in(dana).get("/settings/members").content.decode()
    assert "Invitations waiting" in page
    assert "hana@larkhill.example" in page


def test_bad_and_known_addresses_are_named_and_nobody_is_invited(
    dana: Membership, carol: Membership, alice: Membership
) -> None:
    people = User.objects.count()
    for typed, words in (
        ("", "Type at least one address."),
        ("new@larkhill.example\nnonsense", "“nonsense” is not one email address."),
        ("new@larkhill.example\nann@a_b.example", "“ann@a_b.example” is not one email address."),
        (f"new@larkhill.example\n{alice.user.email.upper()}", f"invited: {alice.user.email}"),
        (f"new@larkhill.example\n{carol.user.email}", f"invited: {carol.user.email}"),
        ("\n".join(f"p{n}@larkhill.example" for n in range(51)), "These are 51 people."),
    ):
        response = signed_in(dana).post(INVITE, {"people": typed, "role": "member"})
        assert response.status_code == 422
        html = response.content.decode()
        assert words in html
        assert typed.partition("\n")[0] in html
    assert User.objects.count() == people
    assert not OutboxMessage.objects.exists()
    assert not actions()


def test_only_so_many_are_invited_an_hour(dana: Membership, settings: Any) -> None:
    settings.LIMITS = settings.LIMITS | {"invitations": "2/h"}
    three = {"people": "a@x.example\nb@x.example\nc@x.example", "role": "member"}
    response = signed_in(dana).post(INVITE, three)
    assert response.status_code == 429
    assert "Many people were invited" in response.content.decode()
    assert not OutboxMessage.objects.exists()


def test_an_invitation_can_be_sent_again_and_withdrawn(dana: Membership) -> None:
    hana, admin = invited(dana), signed_in(dana)
    admin.post(url("invite_again", hana))
    assert OutboxMessage.objects.filter(topic_id=hana.pk).count() == 2
    admin.post(url("withdraw", hana))
    assert not User.objects.filter(email="hana@larkhill.example").exists()
    deliver_due(MONDAY_MORNING)
    assert mail.outbox == []
    assert actions() == ["user.invited", "user.invited", "user.withdrawn"]
    assert admin.post(url("withdraw", hana)).status_code == 404


def test_what_is_accepted_is_neither_sent_again_nor_withdrawn(dana: Membership, alice: Membership) -> None:
    for name in ("invite_again", "withdraw"):
        page = signed_in(dana).post(url(name, alice), follow=True).content.decode()
        assert "has accepted already" in page
    assert User.objects.filter(pk=alice.user_id).exists()
    assert not actions()


def test_admins_leave_invitations_of_owners_alone(dana: Membership, owner: Membership) -> None:
    signed_in(owner).post(INVITE, {"people": "hana@larkhill.example", "role": "owner"})
    hana = Membership.objects.get(user__email="hana@larkhill.example")
    admin = signed_in(dana)
    for name in ("invite_again", "withdraw"):
        assert admin.post(url(name, hana)).status_code == 403
    assert "Withdraw" not in admin.get("/settings/members").content.decode()
    assert "Withdraw" in signed_in(owner).get("/settings/members").content.decode()
    assert Membership.objects.filter(pk=hana.pk).exists()
    assert OutboxMessage.objects.count() == 1
    assert actions() == ["user.invited"]


def test_an_invitation_that_does_not_arrive_is_called_one_on_the_mail_page(dana: Membership) -> None:
    invited(dana)
    OutboxMessage.objects.update(dead_at=MONDAY_MORNING)
    assert "Invitation, hana@larkhill.example" in signed_in(dana).get("/settings/mail").content.decode()


def test_a_username_that_somebody_takes_this_very_moment_is_given_to_him_alone(
    dana: Membership, alice: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = iter([alice.user.username])
    free = members.free_username
    monkeypatch.setattr(members, "free_username", lambda base, taken: next(late, free(base, taken)))
    assert invited(dana).user.username == "hana"


def test_a_role_holds_from_the_next_page_on(dana: Membership, alice: Membership) -> None:
    hers = signed_in(alice)
    assert hers.get("/settings/members").status_code == 403
    signed_in(dana).post(url("person", alice), {"name": "Alice O.", "role": "admin"})
    assert hers.get("/settings/members").status_code == 200
    event = AuditEvent.objects.get()
    assert event.action == "user.saved"
    assert event.before == {"name": "Alice Okafor", "role": "member"}
    assert event.after == {"name": "Alice O.", "role": "admin"}


def test_saving_what_is_there_already_is_no_event(dana: Membership, alice: Membership) -> None:
    signed_in(dana).post(url("person", alice), {"name": alice.user.name, "role": "member"})
    assert not actions()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "", "role": "member"}, "Add the name"),
        ({"name": "Alice", "role": "emperor"}, "Select a valid choice"),
        ({"name": "Alice", "role": "owner"}, "Select a valid choice"),
    ],
)
def test_what_an_admin_cannot_give_is_refused_beside_the_field(
    dana: Membership, alice: Membership, data: dict[str, str], words: str
) -> None:
    response = signed_in(dana).post(url("person", alice), data)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not actions()


def test_admins_leave_owners_alone(dana: Membership, owner: Membership) -> None:
    admin = signed_in(dana)
    assert "Only owners change owners" in admin.get(url("person", owner)).content.decode()
    assert admin.post(url("person", owner), {"name": "X", "role": "viewer"}).status_code == 403
    for ask in (admin.get, admin.post):
        assert ask(url("deactivate", owner)).status_code == 403
    Membership.objects.filter(pk=owner.pk).update(is_active=False)
    assert admin.post(url("reactivate", owner)).status_code == 403
    owner.refresh_from_db()
    assert (owner.role, owner.is_active) == ("owner", False)
    assert not actions()


def test_the_last_owner_stays_an_owner(owner: Membership, dana: Membership) -> None:
    hers = signed_in(owner)
    response = hers.post(url("person", owner), {"name": owner.user.name, "role": "admin"})
    assert response.status_code == 422
    assert "A workspace needs an owner" in response.content.decode()
    hers.post(url("person", dana), {"name": dana.user.name, "role": "owner"})
    assert hers.post(url("person", owner), {"name": owner.user.name, "role": "admin"}).status_code == 302
    second = signed_in(dana)
    assert "A workspace needs" not in second.get(url("person", dana)).content.decode()
    assert second.post(url("deactivate", dana)).status_code == 409
    assert Membership.objects.filter(role="owner", is_active=True).count() == 1


def test_who_is_deactivated_is_signed_out_everywhere_for_good(dana: Membership, alice: Membership) -> None:
    at_work, at_home = signed_in(alice), signed_in(alice)
    assert signed_in(dana).post(url("deactivate", alice)).status_code == 302
    for browser in (at_work, at_home):
        response = browser.get("/calendar/bookings")
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")
    signed_in(dana).post(url("reactivate", alice))
    assert at_work.get("/calendar/bookings").status_code == 302
    alice.user.refresh_from_db()
    assert signed_in(alice).get("/calendar/bookings").status_code == 200
    assert actions() == ["user.deactivated", "user.reactivated"]


def test_a_password_does_not_bring_back_who_has_left(dana: Membership, alice: Membership) -> None:
    alice.user.set_password(PASSWORD)
    alice.user.save()
    signed_in(dana).post(url("deactivate", alice))
    browser = Client()
    browser.post("/accounts/login/", {"login": alice.user.email, "password": PASSWORD})
    assert browser.get("/calendar/bookings").status_code == 403


def test_nobody_deactivates_himself(dana: Membership) -> None:
    response = signed_in(dana).post(url("deactivate", dana))
    assert response.status_code == 409
    assert "You cannot deactivate yourself" in response.content.decode()
    assert "Leaving" not in signed_in(dana).get(url("person", dana)).content.decode()
    dana.refresh_from_db()
    assert dana.is_active
    assert not actions()


def test_what_somebody_leaves_is_said_before_and_listed_after(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    link = make_link(alice, title="Coffee")
    make_booking(link, NOW + timedelta(days=1), NOW)
    assign_to(make_template(dana, title="Product Demo"), [alice], dana)
    make_link(bob, hosts=[alice, bob], title="Any of us")
    make_one_off(alice, NOW, title="Contract")
    admin = signed_in(dana)
    page = admin.get(url("deactivate", alice)).content.decode()
    for words in ("1 meeting to come", "2 booking links", "1 held by a template", "Coffee", "Product Demo"):
        assert words in page
    for words in (
        "Any of us of Bob Lindqvist",
        "Open one-offs are withdrawn",
        "Contract",
        "let go of the link",
    ):
        assert words in page
    admin.post(url("deactivate", alice))
    assert "Hand over the meetings" in admin.get(url("person", alice)).content.decode()
    assert "Alice Okafor" in admin.get("/calendar/admin/hand-over").content.decode()
    assert 'name="start"' not in Client().get(f"/book/{link.slug}").content.decode()


def test_people_are_found_by_name_address_role_and_state(
    dana: Membership, alice: Membership, bob: Membership, carol: Membership
) -> None:
    Membership.objects.filter(pk=bob.pk).update(is_active=False)
    admin = signed_in(dana)

    def found(query: str, **headers: str) -> set[str]:
        html = admin.get(f"/settings/members?{query}", headers=headers).content.decode()
        return {name for name in ("Alice", "Bob", "Dana", "Carol") if f"<b>{name}" in html}

    assert found("") == {"Alice", "Dana"}
    assert found("q=oka+ALICE%40") == {"Alice"}
    assert found("role=admin", **{"HX-Request": "true"}) == {"Dana"}
    assert found("state=left") == {"Bob"}
    assert found("q=%00&role=nonsense&page=99") == {"Alice", "Dana"}


def test_the_list_takes_as_many_queries_for_many_as_for_few(
    dana: Membership, django_assert_num_queries: Any
) -> None:
    admin, group = signed_in(dana), GroupFactory(workspace=dana.workspace)
    admin.get("/settings/members")
    for _ in range(2):
        for n in range(5):
            join_group(group, MembershipFactory(workspace=dana.workspace))
            Membership.objects.filter(pk=MembershipFactory(workspace=dana.workspace).pk).update(
                is_active=False, invited_at=MONDAY_MORNING if n % 2 else None
            )
        with django_assert_num_queries(15):
            admin.get("/settings/members")
