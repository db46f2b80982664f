"""Which links of many templates are out of step, as the database finds them."""

import pytest

from managed_events.selectors import links_out_of_step
from scheduling.domain.sections import SECTIONS
from tests.managed_events.making import SAMPLE, assign_to, link_of, make_template
from workestra.accounts.models import Membership

pytestmark = pytest.mark.django_db


def test_a_link_with_another_value_is_out_of_step_where_the_section_is_locked_and_only_there(
    dana: Membership, alice: Membership
) -> None:
    locked = make_template(dana, slug="locked", locks=[section.key for section in SECTIONS])
    open_ = make_template(dana, slug="open", locks=[])
    for template in (locked, open_):
        assign_to(template, [alice], dana)
    link = link_of(locked, alice)
    found = links_out_of_step([locked, open_])
    assert not found.exists()
    values = {field: other for field, _value, other in SAMPLE.values()} | {"max_per_day": 3}
    for field, other in values.items():
        before = getattr(link, field)
        for each in (locked, open_):
            each.links.update(**{field: other})
        assert list(found.all()) == [link], field
        locked.links.update(**{field: before})
        assert not found.all().exists(), field
    locked.links.update(locked_sections=["title"])
    assert list(found.all()) == [link]


def test_the_question_hardly_grows_with_the_templates(dana: Membership) -> None:
    templates = [make_template(dana, slug=f"call-{number}") for number in range(3)]
    short, long = (len(str(links_out_of_step(templates[:most]).query)) for most in (1, 3))
    assert long - short < 200, "a key for each, not its values"
