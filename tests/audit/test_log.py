"""The audit log's page: who may read it, what it finds, and how it tells what was before."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scheduling.services.links import update_link
from tests.conftest import signed_in
from tests.factories import MembershipFactory, make_link
from tests.managed_events.making import assign_to, finish_runs, make_template, save
from workestra.accounts.models import Membership
from workestra.audit import services as audit
from workestra.audit.models import AuditEvent
from workestra.audit.words import Change, changes_of, kind_of, plain

URL = "/settings/audit-log"


def read(member: Membership, query: str = "", **headers: str) -> str:
    response = signed_in(member).get(URL + query, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def happened(member: Membership, at: datetime, action: str = "thing.updated", **more: Any) -> AuditEvent:
    return audit.record(
        **{
            "workspace_id": member.workspace_id,
            "action": action,
            "target_type": "thing",
            "target_id": member.pk,
            "target_name": "Lamp",
            "at": at,
            "actor": member.user,
        }
        | more
    )


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("admin", 200), ("manager", 403), ("member", 403), ("viewer", 403)]
)
def test_admins_and_owners_read_it_and_nobody_else(dana: Membership, role: str, status: int) -> None:
    member = MembershipFactory(workspace=dana.workspace, role=role)
    assert signed_in(member).get(URL).status_code == status
    assert signed_in(member).get(URL, headers={"HX-Request": "true"}).status_code == status
    assert signed_in(member).get(f"{URL}?format=csv").status_code == status
    menu = signed_in(member).get(reverse("bookings:console")).content.decode()
    assert (f'href="{URL}"' in menu) == (status == 200)


def test_another_workspace_sees_nothing_of_it(dana: Membership, carol: Membership, NOW: datetime) -> None:
    event = happened(dana, NOW, target_name="Secret lamp")
    for query in ("", f"?actor={dana.user_id}", "?q=secret", f"?before={event.pk}", "?format=csv"):
        response: Any = signed_in(carol).get(URL + query)
        text = b"".join(response) if response.streaming else response.content
        assert b"Secret lamp" not in text
        assert b"Dana Admin" not in text
    assert "Secret lamp" in read(dana)


def test_a_saved_link_is_told_in_the_words_of_its_form(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    link = make_link(alice, slug="call", title="Call", duration_minutes=30, requires_payment=True)
    values = {"duration_minutes": 45, "requires_payment": True, "price": 500, "currency": "EUR"}
    update_link(link_id=link.pk, by=alice, values=values, now=NOW)
    html = read(dana)
    assert "<td><del>30 minutes</del></td><td><ins>45 minutes</ins></td>" in html
    assert "5.00 EUR" in html
    assert "Alice Okafor" in html


def test_a_template_is_told_with_its_story_and_its_locks(dana: Membership, alice: Membership) -> None:
    template = make_template(dana, locks=["title"])
    assign_to(template, [alice], dana)
    save(template, dana, locks=["title", "buffers"], buffer_after_minutes=10)
    finish_runs()
    html = read(dana)
    assert "Alice Okafor assigned." in html
    assert "<del>Title</del></td><td><ins>Title, Buffers</ins>" in html
    assert "1 link updated. 1 link: 1 changed." in html


def test_values_of_another_release_are_told_as_they_are(dana: Membership, NOW: datetime) -> None:
    event = happened(
        dana,
        NOW,
        target_type="booking_link",
        before={"questions": 7, "no_such_field": "x", "locked_sections": ["gone"]},
        after={"questions": [], "schedule_id": "no-key"},
    )
    told = changes_of(event)
    assert Change("No such field", "x", "") in told
    assert Change("Locked", "gone", "") in told


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        ([], ""),
        (True, "yes"),
        (0, "0"),
        (["a", 1], "a, 1"),
        ({"first_day": "2030-01-07T08:00:00Z"}, "First day: 2030-01-07 08:00 UTC"),
    ],
)
def test_plain_values(value: Any, words: str) -> None:
    assert plain(value) == words


def test_an_action_without_a_kind_is_named_by_itself() -> None:
    assert kind_of("booking.manage_link_renewed").label == "Manage link renewed"
    assert kind_of("template.saved").key == "edited"


def test_each_filter_lets_through_what_it_says(dana: Membership, alice: Membership, NOW: datetime) -> None:
    happened(dana, NOW, target_name="Lamp A")
    happened(alice, NOW, "thing.deleted", target_name="Lamp B")
    happened(dana, NOW - timedelta(days=3), "thing.created", target_name="Lamp C")
    happened(dana, NOW, actor=None, target_type="user", target_name="Lamp D")
    for query, expected in (
        ("", "ABCD"),
        ("?q=lamp+b", "B"),
        ("?q=okafor", "B"),
        (f"?actor={dana.user_id}", "AC"),
        ("?actor=system", "D"),
        ("?kind=deleted", "B"),
        ("?kind=created", "C"),
        ("?target=user", "D"),
        (f"?from={NOW:%Y-%m-%d}", "ABD"),
        (f"?to={NOW - timedelta(days=1):%Y-%m-%d}", "C"),
        ("?from=0001-01-01&to=9999-12-31", "ABCD"),
        ("?from=nonsense&actor=x&kind=x&target=x&before=x", "ABCD"),
        ("?q=%00", "ABCD"),
    ):
        html = read(dana, query)
        assert "".join(letter for letter in "ABCD" if f"<b>Lamp {letter}</b>" in html) == expected, query


def test_days_are_the_readers(dana: Membership) -> None:
    dana.user.timezone = "Asia/Tokyo"
    dana.user.save()
    happened(dana, datetime(2030, 1, 6, 16, 0, tzinfo=UTC))
    assert "Monday 7 January 2030" in read(dana, "?from=2030-01-07")
    assert "Nothing matches these filters" in read(dana, "?to=2030-01-06")


def test_older_entries_come_page_by_page_none_twice_and_none_forgotten(
    dana: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workestra.audit.views.PAGE", 3)
    events = [happened(dana, NOW + timedelta(seconds=n // 4)) for n in range(8)]
    seen, query = [], ""
    for _page in range(3):
        html = read(dana, query, **{"HX-Request": "true", "HX-Target": "older"} if query else {})
        seen += [event.pk for event in events if f'<dd class="slug">{event.pk}</dd>' in html]
        happened(dana, NOW + timedelta(hours=1))
        _head, found, tail = html.partition('<a class="btn" href="?before=')
        query = f"?before={tail[:36]}" if found else ""
    assert query == ""
    assert sorted(seen) == sorted(event.pk for event in events)


def test_the_export_has_exactly_the_filtered_rows_and_no_formula(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    happened(alice, NOW, target_name="=SUM(A1)", before={"color": "@red"}, after={"color": "blue"})
    happened(dana, NOW)
    response: Any = signed_in(dana).get(f"{URL}?format=csv&actor={alice.user_id}")
    assert "attachment" in response["Content-Disposition"]
    head, row = csv.reader(io.StringIO(b"".join(response).decode()))
    assert head[:3] == ["time (UTC)", "who", "action"]
    assert row[1:7] == ["Alice Okafor", "thing.updated", "thing", "'=SUM(A1)", "Color: @red", "Color: blue"]


def test_htmx_gets_the_entries_and_the_export_of_the_same_filters(dana: Membership, NOW: datetime) -> None:
    happened(dana, NOW)
    html = read(dana, "?q=lamp", **{"HX-Request": "true", "HX-Target": "alog"})
    assert "<html" not in html
    assert "Export 1 row" in html
    assert "?q=lamp&amp;format=csv" in html


def test_the_pages_queries_do_not_grow_with_the_entries(dana: Membership, NOW: datetime) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(dana)
        return len(captured)

    happened(dana, NOW)
    few = queries()
    for _ in range(10):
        happened(dana, NOW)
    assert queries() == few
