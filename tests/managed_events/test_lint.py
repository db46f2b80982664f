"""What is wrong with a template before anybody notices: the rules, and the page that lists them."""

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from managed_events.domain.lint import Surroundings, lint
from managed_events.domain.sync import TemplateState
from managed_events.models import ManagedEventTemplate
from scheduling.domain.hours import Availability
from scheduling.models import BookingLink, Schedule
from tests.conftest import signed_in
from tests.managed_events.making import assign_to, link_of, make_template
from workestra.accounts.models import Membership

OPEN = ManagedEventTemplate(title="Call").section_values()


def found(locks: tuple[str, ...] = (), around: Surroundings = Surroundings(), **values: Any) -> list[str]:  # noqa: B008
    state = TemplateState(OPEN | values, frozenset(locks))
    return [f"{each.section}: {each.text}" for each in lint(state, around)]


def test_a_new_template_is_in_order() -> None:
    assert found() == found(("title", "duration", "form", "workflows", "branding")) == []


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"weekly_hours": []}, "availability: No day has hours."),
        ({"minimum_notice_hours": 400, "booking_window_days": 7}, "availability: 400 hours’ notice"),
        (
            {"duration_minutes": 60, "weekly_hours": [{"days": [0], "start": "09:00", "end": "09:30"}]},
            "duration: A meeting of 1 hour does not fit",
        ),
        ({"requires_payment": True, "price": 0}, "payment: Payment is required, but the price is nothing."),
        ({"requires_payment": True, "price": 500}, "payment: Payment is required, but no payment provider"),
        ({"locks": ("calendar",)}, "calendar: Calendar and location are locked"),
        (
            {"locks": ("availability",), "around": Surroundings(elsewhere=2)},
            "availability: The hours are locked to UTC, and 2 people are in another zone",
        ),
        (
            {"locks": ("availability",), "around": Surroundings(left="Tom")},
            "availability: Every link is locked to a schedule of Tom, who has left",
        ),
        (
            {"around": Surroundings(schedule=Availability.from_json("UTC", [], []))},
            "availability: No day of this schedule has hours.",
        ),
    ],
)
def test_each_mistake_is_named_in_its_section(what: dict[str, Any], expected: str) -> None:
    (warning,) = found(**what)
    assert warning.startswith(expected)


def test_payment_is_fine_with_a_price_and_a_provider() -> None:
    assert found((), Surroundings(can_take_payments=True), requires_payment=True, price=500) == []


# --- The page ---


def page(member: Membership, template: ManagedEventTemplate, view: str = "checks") -> str:
    response = signed_in(member).get(reverse(f"managed_events:{view}", args=[template.pk]))
    assert response.status_code == 200
    return response.content.decode()


def test_a_template_in_order_says_so(dana: Membership, alice: Membership) -> None:
    template = make_template(dana)
    assert "Nobody has a link of this template yet." in page(dana, template)
    assign_to(template, [alice], dana)
    html = page(dana, template)
    assert "Nothing to mend in its settings." in html
    assert "The link offers times in the next 14 days." in html
    assert "thing" not in page(dana, template, "detail").partition("Links and drift")[0]


def test_links_without_a_time_and_out_of_step_are_named(
    dana: Membership, alice: Membership, bob: Membership
) -> None:
    template = make_template(dana)
    assign_to(template, [alice, bob], dana)
    BookingLink.objects.filter(pk=link_of(template, alice).pk).update(weekly_hours=[])
    BookingLink.objects.filter(pk=link_of(template, bob).pk).update(title="Crooked")
    html = page(dana, template)
    assert 'No free time in the next 14 days on <span class="slug">/book/alice-discovery-call</span>' in html
    assert "1 link out of step" in html
    assert reverse("scheduling:explain", args=[link_of(template, alice).pk]) in html


def test_the_schedule_of_somebody_who_left_is_named(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    schedule = Schedule.objects.create(workspace=dana.workspace, owner=alice.user, name="Mornings")
    template = make_template(dana, schedule_id=schedule.pk, locks=["availability"])
    assert "who has left" not in page(dana, template)
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    assert "locked to a schedule of Alice Okafor, who has left" in page(dana, template)
    assert "<b>1 thing to look at</b>" in page(dana, template, "detail")
