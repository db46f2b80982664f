"""Admins, reps and workers at the same links at once. Each race has a control with its guard taken away."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from managed_events import effects
from managed_events.models import ManagedEventTemplate, Propagation
from managed_events.services import assignment, templates
from managed_events.services.templates import NotAsShown, StaleVersion, delete_template, save_template
from scheduling.models import BookingLink
from scheduling.services.links import create_link, update_link
from tests.concurrency.conftest import at_once, outcome
from tests.factories import MembershipFactory
from tests.managed_events.making import (
    assign_to,
    draft_of,
    finish_runs,
    link_of,
    make_template,
    save,
    shown_for,
)
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

pytestmark = pytest.mark.django_db(transaction=True)

REPS = 24


@pytest.fixture
def template(dana: Membership) -> ManagedEventTemplate:
    return make_template(dana, locks=["title"])


@pytest.fixture
def reps(dana: Membership, template: ManagedEventTemplate) -> list[Membership]:
    people = [MembershipFactory(workspace=dana.workspace) for _ in range(REPS)]
    assign_to(template, people, dana)
    return people


def renamed(template: ManagedEventTemplate, author: Membership, title: str = "Renamed") -> Propagation:
    run = save(template, author, title=title).run
    assert run is not None
    return run


def renamed_at_last(template: ManagedEventTemplate, author: Membership, title: str) -> None:
    """Renamed by somebody who reads the new plan and saves again whenever the world has moved."""
    while True:
        try:
            renamed(ManagedEventTemplate.objects.get(pk=template.pk), author, title)
        except (StaleVersion, NotAsShown):
            continue
        return


# --- Two admins ------------------------------------------------------------------------------------------------


def both_save(template: ManagedEventTemplate, author: Membership, now: datetime) -> dict[str, int]:
    def one(number: int) -> Any:
        draft = draft_of(ManagedEventTemplate.objects.get(pk=template.pk))
        values = {**draft.values, "title": f"Admin {number}"}
        draft = type(draft)(values, draft.locks, draft.slug, draft.slug_pattern)
        shown = shown_for(template, draft)
        return save_template(
            template=template, author=author.user, draft=draft, based_on=1, shown=shown, now=now
        )

    return outcome(at_once(4, one))


def test_of_admins_who_save_the_same_version_at_once_one_wins_and_the_others_are_told(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    assert both_save(template, dana, NOW) == {"Saved": 1, "StaleVersion": 3}
    assert template.versions.count() == 2


def test_control_without_the_templates_lock_they_are_not_told(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version's unique number is the last guard: nothing is overwritten, but all they get is an error."""
    waiting = threading.Barrier(4)

    def unlocked(given: ManagedEventTemplate) -> ManagedEventTemplate:
        current = ManagedEventTemplate.objects.get(pk=given.pk)
        waiting.wait(timeout=30)
        return current

    monkeypatch.setattr(templates, "lock_template", unlocked)
    assert both_save(template, dana, NOW) == {"Saved": 1, "IntegrityError": 3}


# --- Two workers -----------------------------------------------------------------------------------------------


def workers_at(run: Propagation, now: datetime, count: int = 4) -> list[Any]:
    return at_once(count, lambda number: effects.run(run.pk, lambda: now, batch=1))


def test_workers_on_one_run_share_it_and_count_each_link_once(
    template: ManagedEventTemplate, reps: list[Membership], dana: Membership, NOW: datetime
) -> None:
    run = renamed(template, dana)
    assert outcome(workers_at(run, NOW)) == {"NoneType": 4}
    effects.run(run.pk, lambda: NOW)
    run.refresh_from_db()
    assert (run.state, run.links_done, run.links_updated) == ("done", REPS, REPS)
    assert AuditEvent.objects.filter(action="template.propagated").count() == 1


def test_control_without_the_runs_lock_links_are_counted_twice_or_not_at_all(
    template: ManagedEventTemplate,
    reps: list[Membership],
    dana: Membership,
    NOW: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together = threading.Barrier(2)

    def unlocked(run_id: UUID) -> Propagation | None:
        found = Propagation.objects.filter(pk=run_id, state="running").first()
        together.wait(timeout=30)
        return found

    run = renamed(template, dana)
    monkeypatch.setattr(effects, "_lock", unlocked)
    at_once(2, lambda number: effects.advance(run.pk, NOW, batch=REPS + 1))
    run.refresh_from_db()
    counted = sum(
        AuditEvent.objects.filter(action="template.propagated").values_list("detail__links", flat=True)
    )
    assert counted == 2 * REPS


def test_an_older_run_and_a_newer_one_at_once_end_with_the_newer(
    template: ManagedEventTemplate, reps: list[Membership], dana: Membership, NOW: datetime
) -> None:
    first, second = renamed(template, dana, "First"), renamed(template, dana, "Second")
    runs = (first, second, first, second)
    results = at_once(4, lambda number: effects.run(runs[number].pk, lambda: NOW, batch=2))
    assert outcome(results) == {"NoneType": 4}
    finish_runs()
    assert set(template.links.values_list("title", "template_version")) == {("Second", 3)}


# --- A rep and a worker ----------------------------------------------------------------------------------------


def test_reps_who_save_while_a_run_goes_keep_their_own_and_get_the_templates(
    template: ManagedEventTemplate, reps: list[Membership], dana: Membership, NOW: datetime
) -> None:
    links = [link_of(template, rep) for rep in reps]
    run = renamed(template, dana)

    def one(number: int) -> None:
        if number == 0:
            effects.run(run.pk, lambda: NOW, batch=2)
            return
        for rep, link in list(zip(reps, links, strict=True))[number - 1 :: 5]:
            for minutes in (15, 20, 25, 35):
                update_link(link_id=link.pk, by=rep, values={"duration_minutes": minutes}, now=NOW)

    assert outcome(at_once(6, one)) == {"NoneType": 6}
    finish_runs()
    assert set(template.links.values_list("title", "duration_minutes")) == {("Renamed", 35)}


def test_control_a_save_of_the_whole_row_takes_the_templates_value_back(
    template: ManagedEventTemplate, reps: list[Membership], dana: Membership
) -> None:
    link = link_of(template, reps[0])
    renamed(template, dana)
    finish_runs()
    link.duration_minutes = 35
    link.save()
    assert BookingLink.objects.get(pk=link.pk).title == "Discovery Call"


# --- An assignment and a save ----------------------------------------------------------------------------------


def assigned_across_a_save(
    template: ManagedEventTemplate, newcomer: Membership, dana: Membership, monkeypatch: pytest.MonkeyPatch
) -> BookingLink:
    """The newcomer's link: its assignment has read the template, then somebody saves, then the link is made."""
    has_read, saved = threading.Event(), threading.Event()

    def slow_create(**how: Any) -> BookingLink:
        has_read.set()
        saved.wait(timeout=2)
        return create_link(**how)

    monkeypatch.setattr(assignment, "create_link", slow_create)

    def assigning() -> None:
        try:
            assign_to(template, [newcomer], dana)
        finally:
            connection.close()

    def saving() -> None:
        try:
            has_read.wait(timeout=30)
            renamed_at_last(template, dana, "Renamed")
            finish_runs()
            saved.set()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        done: list[Future[None]] = [threads.submit(assigning), threads.submit(saving)]
    for each in done:
        each.result()
    finish_runs()
    return link_of(template, newcomer)


def test_somebody_assigned_during_a_save_is_not_forgotten(
    template: ManagedEventTemplate,
    reps: list[Membership],
    alice: Membership,
    dana: Membership,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = assigned_across_a_save(template, alice, dana, monkeypatch)
    assert (link.title, link.template_version) == ("Renamed", 2)


def test_control_without_the_templates_lock_somebody_assigned_during_a_save_is_forgotten(
    template: ManagedEventTemplate,
    reps: list[Membership],
    alice: Membership,
    dana: Membership,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        assignment, "lock_template", lambda given: ManagedEventTemplate.objects.get(pk=given.pk)
    )
    link = assigned_across_a_save(template, alice, dana, monkeypatch)
    assert link.title == "Discovery Call"


# --- Everything at once ----------------------------------------------------------------------------------------


def test_saves_runs_assignments_and_reps_at_once_neither_deadlock_nor_lose_anything(
    template: ManagedEventTemplate, reps: list[Membership], dana: Membership, NOW: datetime
) -> None:
    newcomers = [MembershipFactory(workspace=dana.workspace) for _ in range(8)]
    links = [link_of(template, rep) for rep in reps]

    def one(number: int) -> None:
        match number:
            case 0:
                for turn in range(6):
                    renamed_at_last(template, dana, f"Title {turn}")
            case 1 | 2:
                for _turn in range(10):
                    finish_runs(batch=3)
            case 3:
                for newcomer in newcomers:
                    assign_to(template, [newcomer], dana)
            case 4:
                for rep, link in zip(reps, links, strict=True):
                    update_link(link_id=link.pk, by=rep, values={"duration_minutes": 55}, now=NOW)
            case 5:
                for link in links[:6]:
                    assignment.detach(
                        template=template, link_id=link.pk, delete=False, actor=dana.user, now=NOW
                    )

    assert outcome(at_once(6, one)) == {"NoneType": 6}
    finish_runs()
    template.refresh_from_db()
    assert template.links.count() == REPS - 6 + len(newcomers)
    assert set(template.links.values_list("title", flat=True)) == {"Title 5"}
    assert set(
        BookingLink.objects.filter(pk__in=[link.pk for link in links]).values_list("duration_minutes")
    ) == {(55,)}


def test_deleting_a_template_in_the_middle_of_its_run_leaves_links_that_are_nobodys_but_their_owners(
    template: ManagedEventTemplate, reps: list[Membership], dana: Membership, NOW: datetime
) -> None:
    run = renamed(template, dana)

    def one(number: int) -> None:
        if number:
            effects.run(run.pk, lambda: NOW, batch=1)
        else:
            delete_template(template=template, actor=dana.user, now=NOW)

    assert outcome(at_once(3, one)) == {"NoneType": 3}
    assert BookingLink.objects.count() == REPS
    assert not BookingLink.objects.exclude(managed_event_template=None, locked_sections=[]).exists()
