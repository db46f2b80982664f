"""Random stories of admins and reps against a model that fits in a dozen lines."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from managed_events import effects, plans, selectors
from managed_events.models import ManagedEventTemplate, Propagation, TemplateVersion
from managed_events.services import resets
from managed_events.services.adoption import adopt
from managed_events.services.assignment import detach
from managed_events.services.templates import roll_back
from scheduling.domain.sections import SECTION_OF_FIELD, SECTIONS, fields_of
from scheduling.models import BookingLink
from scheduling.services.links import SectionLocked, update_link
from tests.conftest import MONDAY_MORNING
from tests.factories import MembershipFactory, make_link
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
    st.tuples(st.just("reset"), st.none() | person, st.sets(sections, min_size=1, max_size=3)),
    st.tuples(st.just("adopt"), person, some_values, st.sets(sections, max_size=2)),
    st.tuples(st.just("roll back"), st.integers(1, 20)),
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

    def reset(self, number: int, keys: set[str], timezone: str) -> None:
        own = {} if "availability" in self.locks else {"timezone": timezone}
        begins = self.values | own
        self.links[number] |= {name: begins[name] for name in fields_of(keys)}


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
            case ("reset", number, keys):
                if number is not None and number not in model.links:
                    continue
                template.refresh_from_db()
                links = template.links.all()
                if number is not None:
                    links = links.filter(owner=people[number].user)
                before = list(template.links.order_by("pk").values())
                reset = partial(
                    resets.reset,
                    template=template,
                    link_id=links.get().pk if number is not None else None,
                    sections=keys,
                    actor=dana.user,
                    shown=plans.of_reset(template, links, keys).token,
                    now=now,
                )
                if Propagation.objects.filter(state="running").exists():
                    with pytest.raises(resets.SyncRunning):
                        reset()
                    assert list(template.links.order_by("pk").values()) == before
                    continue
                reset()
                for each in list(model.links) if number is None else [number]:
                    model.reset(each, keys, people[each].user.timezone)
            case ("adopt", number, values, take):
                if number in model.links:
                    continue
                own = make_link(people[number], slug=f"own-{uuid4()}", **values)
                template.refresh_from_db()
                shown = plans.of_adoption(template, own, take).token
                adopt(template=template, link_id=own.pk, take=take, actor=dana.user, shown=shown, now=now)
                model.links[number] = own.section_values()
                model.reset(number, set(take) | model.locks, people[number].user.timezone)
            case ("roll back", steps_back):
                template.refresh_from_db()
                version = template.versions.get(number=1 + steps_back % template.version)
                draft = selectors.draft_of_version(template, version)
                shown = plans.of_save(template, draft).token
                roll_back(template=template, number=version.number, author=dana.user, shown=shown, now=now)
                model.saved(version.section_values(), set(version.locked_sections))
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


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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
