"""Random stories of admins and reps against a model that fits in a dozen lines."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from managed_events import effects
from managed_events.models import ManagedEventTemplate, Propagation, TemplateVersion
from managed_events.services.assignment import detach
from scheduling.domain.sections import SECTION_OF_FIELD, SECTIONS, fields_of
from scheduling.models import BookingLink
from scheduling.services.links import SectionLocked, update_link
from tests.conftest import MONDAY_MORNING
from tests.factories import MembershipFactory
from tests.managed_events.making import SAMPLE, assign_to, finish_runs, make_template, save
from workestra.accounts.models import Membership

FIELDS = {section: name for section, (name, _before, _after) in SAMPLE.items()}
VALUES = {section: st.sampled_from([before, after]) for section, (_name, before, after) in SAMPLE.items()}
VALUES["duration"] = st.sampled_from([15, 30, 45, 60])
VALUES["title"] = st.sampled_from(["One", "Two", "Three"])

PEOPLE = 4
sections = st.sampled_from(list(FIELDS))
one_value = sections.flatmap(lambda key: st.tuples(st.just(FIELDS[key]), VALUES[key]))
some_values = st.lists(one_value, max_size=3).map(dict)
locks = st.sets(sections)
person = st.integers(0, PEOPLE - 1)

steps = st.one_of(
    st.tuples(st.just("save"), some_values, st.none() | locks),
    st.tuples(st.just("edit"), person, some_values),
    st.tuples(st.just("assign"), st.lists(person, min_size=1, max_size=3)),
    st.tuples(st.just("detach"), person),
    st.tuples(st.just("batch"), st.integers(1, 3)),
    st.tuples(st.just("run")),
)


@dataclass
class Story:
    """The model: what the template says, and what every person's link should hold once all runs are done."""

    values: dict[str, Any]
    locks: frozenset[str]
    links: dict[int, dict[str, Any]] = field(default_factory=dict)

    def saved(self, values: dict[str, Any], locks: set[str] | None) -> None:
        self.values |= values
        self.locks = self.locks if locks is None else frozenset(locks)
        for link in self.links.values():
            link.update({name: self.values[name] for name in fields_of(self.locks)})

    def assigned(self, number: int, timezone: str) -> None:
        if number not in self.links:
            own = {} if "availability" in self.locks else {"timezone": timezone}
            self.links[number] = self.values | own


def play(story: list[tuple[Any, ...]], dana: Membership, people: list[Membership], now: datetime) -> None:
    template = make_template(dana, locks=["title"])
    model = Story(template.section_values(), frozenset(["title"]))
    for step in story:
        match step:
            case ("save", values, locks):
                save(template, dana, locks=locks, **values)
                model.saved(values, locks)
            case ("edit", number, values):
                link = BookingLink.objects.filter(
                    owner=people[number].user, managed_event_template=template
                ).first()
                if link is None:
                    continue
                touched = {SECTION_OF_FIELD[name] for name in values}
                if any(link.locks(key) for key in touched):
                    before = link.section_values()
                    with pytest.raises(SectionLocked):
                        update_link(link_id=link.pk, by=people[number], values=values, now=now)
                    link.refresh_from_db()
                    assert link.section_values() == before
                else:
                    # The template wins where a run on its way to this link brings something.
                    on_its_way = TemplateVersion.objects.filter(
                        template=template,
                        number__gt=link.template_version or 0,
                        number__in=Propagation.objects.filter(state="running").values("version"),
                    )
                    lost = {key for version in on_its_way for key in version.locked_sections}
                    update_link(link_id=link.pk, by=people[number], values=values, now=now)
                    kept = {
                        name: value for name, value in values.items() if SECTION_OF_FIELD[name] not in lost
                    }
                    model.links[number].update(kept)
            case ("assign", numbers):
                assign_to(template, [people[number] for number in numbers], dana)
                for number in numbers:
                    model.assigned(number, people[number].user.timezone)
            case ("detach", number):
                link = BookingLink.objects.filter(
                    owner=people[number].user, managed_event_template=template
                ).first()
                if link is not None:
                    detach(template=template, link_id=link.pk, delete=True, actor=dana.user, now=now)
                    del model.links[number]
            case ("batch", size):
                run = Propagation.objects.filter(state="running").order_by("version").first()
                if run is not None:
                    effects.advance(run.pk, now, batch=size)
            case ("run",):
                finish_runs()
                check(template, model, people)
    finish_runs()
    check(template, model, people)


def check(template: ManagedEventTemplate, model: Story, people: list[Membership]) -> None:
    numbers = {member.user_id: number for number, member in enumerate(people)}
    links = {numbers[link.owner_id]: link for link in template.links.all()}
    assert {number: link.section_values() for number, link in links.items()} == model.links
    in_order = [section.key for section in SECTIONS if section.key in model.locks]
    assert all(link.locked_sections == in_order for link in links.values())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=st.lists(steps, min_size=3, max_size=14))
def test_after_each_run_locked_sections_are_the_templates_and_open_ones_their_owners(
    story: list[tuple[Any, ...]], dana: Membership, crew: list[Membership]
) -> None:
    with transaction.atomic():
        play(story, dana, crew, MONDAY_MORNING)
        transaction.set_rollback(True)


@pytest.fixture
def crew(dana: Membership) -> list[Membership]:
    people = [MembershipFactory(workspace=dana.workspace) for _ in range(PEOPLE)]
    people[1].user.timezone = "America/New_York"
    people[1].user.save()
    return people
