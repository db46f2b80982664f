"""Nobody begins to ask for payment where none can be taken, whichever way he takes."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from managed_events import plans, selectors
from managed_events.models import ManagedEventTemplate
from scheduling.models import BookingLink
from scheduling.services.payments import NO_PAYMENTS
from tests.conftest import signed_in
from tests.factories import make_link
from tests.managed_events.making import assign_to, filled, finish_runs, make_template, save
from workestra.accounts.models import Membership

pytestmark = pytest.mark.django_db

PAID = {"requires_payment": True, "price": 500, "currency": "EUR"}
TYPED = {"requires_payment": "on", "price": "5", "currency": "EUR"}


def form_of_link(client: Client, template: ManagedEventTemplate, link: BookingLink) -> Any:
    url = reverse("scheduling:link_edit", args=[link.pk])
    return client.post(url, filled(client.get(url).content.decode(), "title", **TYPED))


def form_of_template(client: Client, template: ManagedEventTemplate, link: BookingLink) -> Any:
    url = reverse("managed_events:edit", args=[template.pk])
    return client.post(url, filled(client.get(url).content.decode(), "slug_pattern", **TYPED))


def roll_back(client: Client, template: ManagedEventTemplate, link: BookingLink) -> Any:
    """To a version of the days when a provider was connected."""
    then = template.versions.get(number=1)
    then.pk, then.number, then.values["requires_payment"] = None, 9, True
    then.save()
    plan = plans.of_save(template, selectors.draft_of_version(template, then))
    url = reverse("managed_events:roll_back", args=[template.pk])
    return client.post(url, {"to": "9", "plan": plan.token}, follow=True)


def adoption(client: Client, template: ManagedEventTemplate, link: BookingLink) -> Any:
    """By a template of the days when a provider was connected."""
    ManagedEventTemplate.objects.filter(pk=template.pk).update(**PAID, locked_sections=["payment"])
    template.refresh_from_db()
    token = plans.of_adoption(template, link, []).token
    url = reverse("managed_events:adopt", args=[template.pk])
    return client.post(url, {"link": str(link.pk), "plan": token})


def assignment(client: Client, template: ManagedEventTemplate, link: BookingLink) -> Any:
    """In bulk, by such a template."""
    ManagedEventTemplate.objects.filter(pk=template.pk).update(**PAID)
    url = reverse("managed_events:assign", args=[template.pk])
    people = [str(pk) for pk in Membership.objects.values_list("pk", flat=True)]
    return client.post(url, {"person": people}, follow=True)


@pytest.mark.parametrize("way", [form_of_link, form_of_template, roll_back, adoption, assignment])
def test_what_begins_to_ask_for_payment_is_refused_with_the_reason(
    way: Callable[..., Any], dana: Membership, alice: Membership, NOW: datetime
) -> None:
    template = make_template(dana)
    save(template, dana, title="Second version")
    link = make_link(dana)
    template.refresh_from_db()
    response = way(signed_in(dana), template, link)
    assert NO_PAYMENTS in response.content.decode()
    assert not BookingLink.objects.filter(requires_payment=True).exists()
    assert BookingLink.objects.count() == 1
    assert ManagedEventTemplate.objects.get().version == 2


@pytest.mark.parametrize("what", ["scheduling:link_duplicate", "managed_events:duplicate"])
def test_a_copy_of_what_asks_does_not_ask(what: str, dana: Membership, NOW: datetime) -> None:
    template, link = make_template(dana), make_link(dana)
    ManagedEventTemplate.objects.update(**PAID)
    BookingLink.objects.update(**PAID)
    about = link if what.startswith("scheduling") else template
    assert signed_in(dana).post(reverse(what, args=[about.pk])).status_code == 302
    model = type(about)
    assert list(
        model.objects.order_by("requires_payment").reverse().values_list("requires_payment", flat=True)
    ) == [
        True,
        False,
    ]


def asks_from_earlier(template: ManagedEventTemplate) -> ManagedEventTemplate:
    """As where a provider was connected once."""
    ManagedEventTemplate.objects.filter(pk=template.pk).update(**PAID)
    template.refresh_from_db()
    return template


@pytest.mark.parametrize("way", ["reset", "lock"])
def test_a_template_that_asks_from_earlier_brings_it_to_no_link_and_says_so(
    way: str, dana: Membership, alice: Membership
) -> None:
    template = make_template(dana, locks=["title"])
    assign_to(template, [alice], dana)
    asks_from_earlier(template)
    client = signed_in(dana)
    url = reverse(f"managed_events:{'reset' if way == 'reset' else 'edit'}", args=[template.pk])
    if way == "reset":
        page = f"{url}?section=payment"
        html = client.get(page).content.decode()
        assert "switch payment off in the template first" in html
        assert "Reset 1 link<" not in html
        plan = plans.of_reset(template, template.links.all(), ["payment"])
        response = client.post(url, {"section": "payment", "plan": plan.token})
    else:
        sent = filled(client.get(url).content.decode(), "slug_pattern")
        sent["lock"] = ["title", "payment"]
        preview = client.post(url, {**sent, "preview": "1"}, headers={"HX-Request": "true"})
        assert "switch payment off in the template first" in preview.content.decode()
        response = client.post(url, sent)
    assert response.status_code == 422
    assert "switch payment off in the template first" in response.content.decode()
    assert not BookingLink.objects.filter(requires_payment=True).exists()
    template.refresh_from_db()
    assert template.version == 1


def test_such_a_template_is_saved_as_long_as_no_link_begins_to_ask(
    dana: Membership, alice: Membership
) -> None:
    template = make_template(dana, locks=["title"])
    assign_to(template, [alice], dana)
    saved = save(asks_from_earlier(template), dana, title="Another title")
    assert saved.run is not None
    assert saved.template.version == 2


def test_a_run_that_brings_another_section_has_no_link_begin_to_ask(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    template = make_template(dana, locks=["title", "payment"])
    assign_to(template, [alice, bob], dana)
    template.links.update(**PAID)
    save(asks_from_earlier(template), dana, title="Another title")
    template.links.filter(owner=bob.user).update(requires_payment=False)
    finish_runs(NOW)
    assert set(template.links.values_list("owner", "title", "requires_payment")) == {
        (alice.user_id, "Another title", True),
        (bob.user_id, "Another title", False),
    }
