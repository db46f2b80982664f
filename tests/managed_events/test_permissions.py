"""Who may open and do what: every address of the app for every kind of person."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, reverse

from managed_events import plans, selectors, urls
from managed_events.models import ManagedEventTemplate, TemplateVersion
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import GroupFactory, MembershipFactory, WorkspaceFactory, join_group, make_link
from tests.managed_events.making import assign_to, filled, finish_runs, link_of, make_template, save
from workestra.accounts.models import Group, Membership, Workspace
from workestra.audit.models import AuditEvent

PEOPLE = (
    "owner",
    "admin",
    "group admin",
    "admin of another group",
    "manager",
    "member with the link",
    "member",
    "viewer",
    "other workspace",
    "anonymous",
)
SIGN_IN, OK, MADE, NO, GONE, WRONG = "sign-in", 200, 302, 403, 404, 405
BACK = "back to the page: nothing was chosen"

GET: dict[str, tuple[object, ...]] = {
    #          owner admin group  other  manager link  member viewer elsewhere anonymous
    "list": (OK, OK, OK, OK, NO, NO, NO, NO, OK, SIGN_IN),
    "hand_over": (OK, OK, OK, OK, NO, NO, NO, NO, OK, SIGN_IN),
    "new": (OK, OK, OK, OK, NO, NO, NO, NO, OK, SIGN_IN),
    "detail": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "edit": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "versions": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "checks": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "new_address": (OK, OK, OK, OK, NO, NO, NO, NO, OK, SIGN_IN),
    "address": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "addresses": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "sync": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "duplicate": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "adopt": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "reset": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "roll_back": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "delete": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "assign": (OK, OK, OK, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "detach": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
}
POST: dict[str, tuple[object, ...]] = {
    "list": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "hand_over": (BACK, BACK, BACK, BACK, NO, NO, NO, NO, BACK, SIGN_IN),
    "new": (422, 422, 422, 422, NO, NO, NO, NO, 422, SIGN_IN),
    "detail": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "edit": (422, 422, 422, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "versions": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "checks": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "new_address": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "address": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "addresses": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "sync": (WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, SIGN_IN),
    "duplicate": (MADE, MADE, MADE, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "adopt": (MADE, MADE, MADE, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "reset": (MADE, MADE, MADE, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "roll_back": (MADE, MADE, MADE, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "delete": (MADE, MADE, MADE, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "assign": (MADE, MADE, MADE, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
    "detach": (MADE, MADE, MADE, GONE, NO, NO, NO, NO, GONE, SIGN_IN),
}


@dataclass(frozen=True)
class Office:
    """Dana's template of the group Sales EMEA with Alice's assigned link, and somebody of every kind."""

    template: ManagedEventTemplate
    dana: Membership
    sessions: dict[str, str]

    def browser(self, person: str) -> Client:
        client = Client()
        if person in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[person]
        return client


@pytest.fixture(scope="module")
def built_office(django_db_setup: None, django_db_blocker: Any) -> Iterator[Office]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_office()
        transaction.set_rollback(True)


@pytest.fixture
def office(built_office: Office, db: None) -> Office:
    """The office as it was built: `db` undoes what a test does to it."""
    built_office.template.refresh_from_db()
    return built_office


@pytest.fixture
def workspace(office: Office) -> Workspace:
    """Where the cast of conftest.py works."""
    return office.template.workspace


@pytest.fixture
def dana(office: Office) -> Membership:
    return office.dana


@pytest.fixture
def emea(office: Office) -> Group:
    assert office.template.group is not None
    return office.template.group


def make_office() -> Office:
    workspace = WorkspaceFactory()
    emea = GroupFactory(workspace=workspace, name="Sales EMEA")
    dana = MembershipFactory(workspace=workspace, role="admin")
    alice = MembershipFactory(workspace=workspace)

    def somebody(role: str, group: Group | None = None) -> Membership:
        member: Membership = MembershipFactory(workspace=workspace, role=role)
        if group is not None:
            join_group(group, member, is_admin=True)
        return member

    template = make_template(dana, group=emea)
    assign_to(template, [alice], dana)
    save(template, dana, description="Half an hour.")
    finish_runs()
    template.links.update(title="Crooked")
    join_group(emea, alice)
    people = {
        "owner": somebody("owner"),
        "admin": dana,
        "group admin": somebody("member", emea),
        "admin of another group": somebody("member", GroupFactory(workspace=workspace)),
        "manager": somebody("manager"),
        "member with the link": alice,
        "member": somebody("member"),
        "viewer": somebody("viewer"),
        "other workspace": MembershipFactory(workspace=WorkspaceFactory(), role="admin"),
    }
    sessions = {
        person: signed_in(member).cookies[settings.SESSION_COOKIE_NAME].value
        for person, member in people.items()
    }
    connection.run_on_commit.clear()  # What was asked for then waits for a commit that never comes.
    return Office(template, dana, sessions)


def cases(table: dict[str, tuple[object, ...]]) -> list[Any]:
    return [
        pytest.param(name, person, expected, id=f"{name}: {person}")
        for name, row in table.items()
        for person, expected in zip(PEOPLE, row, strict=True)
    ]


def address(name: str, template: ManagedEventTemplate) -> str:
    if name in {"list", "hand_over", "new", "new_address"}:
        return reverse(f"managed_events:{name}")
    more = {"detach": [template.links.get().pk], "sync": [template.propagations.get().pk]}
    query = "?section=title" if name == "reset" else ""
    return reverse(f"managed_events:{name}", args=[template.pk, *more.get(name, [])]) + query


def plan_of_version(template: ManagedEventTemplate, number: int) -> str:
    """What the page of this version would send back."""
    draft = selectors.draft_of_version(template, template.versions.get(number=number))
    return plans.of_save(template, draft).token


def plan_of_reset(template: ManagedEventTemplate) -> str:
    return plans.of_reset(template, template.links.all(), ["title"]).token


def adoption(template: ManagedEventTemplate) -> dict[str, str]:
    """What the page would send that adopts a link of somebody of the template's group."""
    assert template.group is not None
    inside = MembershipFactory(workspace=template.workspace)
    join_group(template.group, inside)
    link = make_link(inside)
    return {"link": str(link.pk), "plan": plans.of_adoption(template, link, []).token}


def snapshot() -> tuple[Any, ...]:
    return (
        list(ManagedEventTemplate.objects.order_by("pk").values()),
        list(BookingLink.objects.order_by("pk").values()),
        TemplateVersion.objects.count(),
        AuditEvent.objects.count(),
    )


def seen(response: Any) -> object:
    if response.status_code == 302 and response["Location"].startswith("/accounts/login/"):
        return SIGN_IN
    return response.status_code


def test_every_address_of_the_app_has_its_line() -> None:
    names = [pattern.name for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)]
    assert len(names) == len(urls.urlpatterns)
    assert set(names) == set(GET) == set(POST)


# security/test_access.py asks the same addresses in every run; these also plan, adopt and reset.
@pytest.mark.thorough
@pytest.mark.parametrize(("name", "person", "expected"), cases(GET))
def test_reading(name: str, person: str, expected: object, office: Office) -> None:
    before = snapshot()
    assert seen(office.browser(person).get(address(name, office.template))) == expected
    assert snapshot() == before


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "person", "expected"), cases(POST))
def test_writing(name: str, person: str, expected: object, office: Office) -> None:
    template = office.template
    everybody = ",".join(str(pk) for pk in Membership.objects.values_list("pk", flat=True))
    sent = {
        "adopt": adoption(template) if name == "adopt" else {},
        "assign": {"was": everybody},
        "reset": {"section": "title", "plan": plan_of_reset(template)},
        "roll_back": {"to": "1", "plan": plan_of_version(template, 1)},
    }.get(name, {})
    before = snapshot()
    response = office.browser(person).post(address(name, template), sent)
    assert seen(response) == (302 if expected == BACK else expected)
    assert (snapshot() != before) == (expected == MADE)


def test_an_htmx_request_is_refused_like_any_other(office: Office) -> None:
    headers = {"HX-Request": "true", "HX-Target": "syncline"}
    for person in ("member", "viewer", "manager"):
        assert (
            office.browser(person).get(address("detail", office.template), headers=headers).status_code == NO
        )
    assert (
        office.browser("other workspace").get(address("detail", office.template), headers=headers).status_code
        == GONE
    )


def test_a_groups_admin_sees_his_groups_templates_only(office: Office, dana: Membership) -> None:
    make_template(dana, slug="everybody", title="For everybody")
    for person, titles in (
        ("admin", {"Discovery Call", "For everybody"}),
        ("group admin", {"Discovery Call"}),
        ("admin of another group", set()),
        ("other workspace", set()),
    ):
        html = office.browser(person).get(address("list", office.template)).content.decode()
        assert {title for title in ("Discovery Call", "For everybody") if title in html} == titles


def test_a_groups_admin_makes_templates_for_his_group_and_no_other(
    office: Office, emea: Group, dana: Membership
) -> None:
    browser, other = office.browser("group admin"), GroupFactory(workspace=dana.workspace, name="Recruiting")
    html = browser.get(address("new", office.template)).content.decode()
    assert "Whole workspace" not in html
    assert "Recruiting" not in html
    for group, status in (("", 422), (str(other.pk), 422), (str(emea.pk), 302)):
        sent = filled(html, "title", title="Intro", slug="intro", group=group)
        assert browser.post(address("new", office.template), sent).status_code == status
    assert ManagedEventTemplate.objects.get(slug="intro").group == emea


def test_a_groups_admin_assigns_people_of_his_group_and_nobody_else(
    office: Office,
    emea: Group,
    bob: Membership,
    dana: Membership,
) -> None:
    inside = MembershipFactory(workspace=dana.workspace)
    join_group(emea, inside)
    browser = office.browser("group admin")
    html = browser.get(address("assign", office.template)).content.decode()
    assert inside.user.name in html
    assert bob.user.name not in html
    alice = office.template.links.get().owner.memberships.get()
    browser.post(
        address("assign", office.template), {"was": alice.pk, "person": [alice.pk, inside.pk, bob.pk]}
    )
    assert {link.owner for link in office.template.links.all()} == {alice.user, inside.user}


def test_nobody_assigns_people_of_another_workspace(office: Office, carol: Membership) -> None:
    office.browser("admin").post(address("assign", office.template), {"was": "", "person": [carol.pk]})
    assert not BookingLink.objects.filter(owner=carol.user).exists()


def test_a_link_is_only_detached_under_its_own_template(
    office: Office, dana: Membership, bob: Membership
) -> None:
    other = make_template(dana, slug="other")
    assign_to(other, [bob], dana)
    url = reverse("managed_events:detach", args=[office.template.pk, link_of(other, bob).pk])
    office.browser("group admin").post(url, {"delete": "on"})
    assert link_of(other, bob).is_managed
