"""What a template has been, and the way back."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from managed_events import plans, selectors
from managed_events.domain.words import span_words
from managed_events.models import ManagedEventTemplate, Propagation, TemplateVersion
from managed_events.services.templates import (
    NoSuchVersion,
    NotAsShown,
    Saved,
    TemplateGone,
    delete_template,
    roll_back,
)
from scheduling.models import BookingLink, Schedule
from tests.conftest import signed_in
from tests.factories import make_booking
from tests.managed_events.making import SAMPLE, assign_to, finish_runs, link_of, make_template, save
from tests.managed_events.test_pages import at, page
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent


@pytest.fixture
def template(dana: Membership, alice: Membership) -> ManagedEventTemplate:
    """Version 1 says Discovery Call, 30 minutes, title locked; version 2 Intro Call, 45 minutes, both locked."""
    template = make_template(dana, locks=["title"])
    assign_to(template, [alice], dana)
    save(template, dana, title="Intro Call", duration_minutes=45, locks=["title", "duration"])
    finish_runs()
    template.refresh_from_db()
    return template


@pytest.fixture
def admin(dana: Membership) -> Client:
    return signed_in(dana)


def shown(template: ManagedEventTemplate, number: int) -> str:
    draft = selectors.draft_of_version(template, template.versions.get(number=number))
    return plans.of_save(template, draft).token


def back(template: ManagedEventTemplate, number: int, author: Membership, now: datetime, **how: Any) -> Saved:
    template = ManagedEventTemplate.objects.get(pk=template.pk)
    return roll_back(
        template=template,
        number=number,
        author=author.user,
        now=now,
        **{"shown": shown(template, number) if number <= template.version else "", **how},
    )


def test_rolling_back_makes_a_new_version_of_an_old_one_and_tells_the_links(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    booking = make_booking(link_of(template, alice), NOW + timedelta(days=1, hours=1), NOW)
    saved = back(template, 1, dana, NOW, note="Too long")
    assert saved.run is not None
    assert (saved.template.version, saved.template.title, saved.template.locked_sections) == (
        3,
        "Discovery Call",
        ["title"],
    )
    version = template.versions.get(number=3)
    assert version.state == template.versions.get(number=1).state
    assert (version.note, version.author) == ("Too long", dana.user)
    finish_runs()
    link = link_of(template, alice)
    assert (link.title, link.duration_minutes, link.template_version) == ("Discovery Call", 45, 3)
    booking.refresh_from_db()
    assert (booking.title, booking.duration_minutes) == ("Intro Call", 45)
    event = AuditEvent.objects.get(action="template.rolled_back")
    assert (event.before["title"], event.after["title"]) == ("Intro Call", "Discovery Call")
    assert event.detail["rolled_back_to"] == 1


@pytest.mark.parametrize("section", SAMPLE)
def test_rolling_back_brings_each_locked_section_back(
    section: str, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    field, before, after = SAMPLE[section]
    template = make_template(dana, locks=[section])
    assign_to(template, [alice], dana)
    save(template, dana, **{field: after})
    finish_runs()
    assert getattr(link_of(template, alice), field) == after
    back(template, 1, dana, NOW)
    finish_runs()
    assert getattr(link_of(template, alice), field) == before


def test_rolling_back_to_what_it_is_writes_nothing(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    events = AuditEvent.objects.count()
    assert back(template, 2, dana, NOW).template.version == 2
    assert (TemplateVersion.objects.count(), AuditEvent.objects.count()) == (2, events)


@pytest.mark.parametrize("moved", ["saved", "override", "never shown"])
def test_rolling_back_does_what_was_shown_or_nothing(
    moved: str, template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    token = shown(template, 1)
    match moved:
        case "saved":
            save(template, dana, buffer_after_minutes=5)
        case "override":
            BookingLink.objects.filter(owner=alice.user).update(title="Crooked")
        case "never shown":
            token = ""
    before = (TemplateVersion.objects.count(), Propagation.objects.count(), AuditEvent.objects.count())
    with pytest.raises(NotAsShown):
        back(template, 1, dana, NOW, shown=token)
    assert before == (
        TemplateVersion.objects.count(),
        Propagation.objects.count(),
        AuditEvent.objects.count(),
    )


def test_there_is_no_way_back_to_what_never_was(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    with pytest.raises(NoSuchVersion):
        back(template, 9, dana, NOW)
    delete_template(template=template, actor=dana.user, now=NOW)
    with pytest.raises(TemplateGone):
        roll_back(template=template, number=1, author=dana.user, shown="", now=NOW)


def test_hours_of_a_schedule_that_is_gone_are_those_it_left_behind(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    schedule = Schedule.objects.create(workspace=dana.workspace, owner=dana.user, name="Early")
    template = make_template(dana, locks=["availability"], schedule_id=schedule.pk)
    save(template, dana, minimum_notice_hours=9)
    template.refresh_from_db()
    schedule.delete()
    template.refresh_from_db()
    saved = back(template, 1, dana, NOW)
    assert saved.template.schedule_id is None


def test_spans_are_told_in_their_biggest_unit() -> None:
    spans = [timedelta(days=6, hours=3), timedelta(hours=1), timedelta(minutes=3), timedelta(seconds=9)]
    assert [span_words(span) for span in spans] == ["6 days", "1 hour", "3 minutes", "a moment"]


# --- The page --------------------------------------------------------------------------------------------------


def test_the_page_lists_versions_with_notes_authors_and_links(
    admin: Client, template: ManagedEventTemplate, dana: Membership
) -> None:
    html = page(admin, at("versions", template))
    for words in (
        "Version 2 against version 1",
        "Dana Admin",
        "Title changed, Duration changed and locked",
        "Template created",
        '<span class="vh">1 link</span>',
        "<del>Discovery Call</del></td><td><ins>Intro Call</ins>",
        '<th scope="row">Duration, lock</th><td><del>Open</del></td><td><ins>Locked</ins>',
        "8 sections are the same in both.",
        "Versions <span",
    ):
        assert words in html, words
    assert "Rolling back" not in html


def test_an_old_version_stands_beside_now_with_what_rolling_back_would_do(
    admin: Client, template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    html = page(admin, f"{at('versions', template)}?v=1")
    for words in (
        "Version 1 against now",
        "<del>Intro Call</del></td><td><ins>Discovery Call</ins>",
        "In use for a moment.",
        "Rolling back to v1 will do this",
        "<b>1</b> link changes: Alice Okafor",
        "Duration and slot interval open again",
        "Note for version 3",
        "Roll back to v1 and update 1 link",
    ):
        assert words in html, words
    sent = form_posting(html, "plan").values | {"note": "Back again"}
    response = admin.post(at("roll_back", template), sent, follow=True)
    assert "Back to version 1, as version 3, for 1 link." in response.content.decode()
    assert "Rolled back to version 1" in response.content.decode()
    assert template.versions.get(number=3).note == "Back again"


def test_a_roll_back_that_has_moved_is_shown_again_with_its_note(
    admin: Client, template: ManagedEventTemplate, bob: Membership, dana: Membership
) -> None:
    sent = form_posting(page(admin, f"{at('versions', template)}?v=1"), "plan").values | {"note": "Back"}
    assign_to(template, [bob], dana)
    response = admin.post(at("roll_back", template), sent)
    html = response.content.decode()
    assert response.status_code == 409
    assert "Things have changed since you looked." in html
    assert "<b>2</b> links change" in html
    assert template.versions.count() == 2
    again = form_posting(html, "plan").values
    assert again["note"] == "Back"
    assert admin.post(at("roll_back", template), again).status_code == 302


@pytest.mark.parametrize("query", ["v=9", "v=0", "v=99999999999"])
def test_a_version_that_never_was(query: str, admin: Client, template: ManagedEventTemplate) -> None:
    status = admin.get(f"{at('versions', template)}?{query}").status_code
    assert status == (200 if len(query) > 9 else 404)
    assert admin.post(at("roll_back", template), {"to": "9", "plan": "x"}).status_code == 404


def test_htmx_gets_the_lists_and_the_comparison_alone(admin: Client, template: ManagedEventTemplate) -> None:
    response = admin.get(f"{at('versions', template)}?v=1&with=previous", headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert b'id="ver"' in response.content
    assert b"Version 1 against now" in response.content


def test_the_pages_queries_do_not_grow_with_the_versions(
    admin: Client, template: ManagedEventTemplate, dana: Membership, django_assert_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_num_queries(40, exact=False) as counted:
            page(admin, at("versions", template))
        return len(counted)

    first = queries()
    for number in range(5):
        save(template, dana, title=f"Title {number}")
    assert queries() == first
