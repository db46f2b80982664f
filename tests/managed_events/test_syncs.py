"""What a run did with each link, as it is kept and as it is shown; and what a template's links have together."""

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from managed_events import effects
from managed_events.models import ManagedEventTemplate, Propagation
from managed_events.selectors import runs
from scheduling.models import BookingLink
from scheduling.services.links import update_link
from tests.conftest import signed_in
from tests.factories import MembershipFactory
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from workestra.accounts.models import Membership


@pytest.fixture
def template(dana: Membership, alice: Membership, bob: Membership) -> ManagedEventTemplate:
    template = make_template(dana, locks=["title"])
    assign_to(template, [alice, bob], dana)
    return template


def locked_buffers(template: ManagedEventTemplate, dana: Membership) -> Propagation:
    run = save(template, dana, locks=["title", "buffers"], buffer_before_minutes=15).run
    assert run is not None
    return run


def shown(dana: Membership, run: Propagation, query: str = "") -> str:
    url = reverse("managed_events:sync", args=[run.template_id, run.pk])
    return signed_in(dana).get(url + query).content.decode()


def test_each_link_has_its_result_whatever_the_batches(
    template: ManagedEventTemplate, dana: Membership, bob: Membership, NOW: datetime
) -> None:
    assign_to(template, [MembershipFactory(workspace=dana.workspace) for _ in range(5)], dana)
    update_link(link_id=link_of(template, bob).pk, by=bob, values={"buffer_before_minutes": 15}, now=NOW)
    template.links.filter(owner=bob.user).update(locked_sections=["title", "buffers"])
    run = locked_buffers(template, dana)
    effects.advance(run.pk, NOW, batch=3)
    assert len(runs.outcomes_of(run)) == 3
    effects.run(run.pk, lambda: NOW, batch=3)
    run.refresh_from_db()
    expected = {link.pk: link.owner != bob.user for link in template.links.all()}
    assert runs.outcomes_of(run) == expected
    assert sum(expected.values()) == run.links_updated == 6


def test_the_page_shows_who_got_what_and_who_lost_what(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    update_link(link_id=link_of(template, bob).pk, by=bob, values={"buffer_before_minutes": 20}, now=NOW)
    run = locked_buffers(template, dana)
    assert "No link has been reached yet." in shown(dana, run)
    finish_runs()
    html = shown(dana, run)
    assert html.count("Updated</span>") == 2
    assert "Lost buffer before: 20 minutes" in html
    assert "<del>none</del><ins>15 minutes</ins>" in html
    assert "No link is like that." in shown(dana, run, "?show=matched")
    assert (
        f'href="{reverse("managed_events:sync", args=[template.pk, run.pk])}"'
        in signed_in(dana).get(reverse("managed_events:detail", args=[template.pk])).content.decode()
    )


def test_links_that_left_since_are_told_apart(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership
) -> None:
    run = locked_buffers(template, dana)
    finish_runs()
    BookingLink.objects.filter(pk=link_of(template, alice).pk).update(managed_event_template=None)
    link_of(template, bob).delete()
    html = shown(dana, run)
    assert "Detached since" in html
    assert "1 more link has been deleted since." in html


def test_a_sync_is_shown_under_its_own_template_only(
    template: ManagedEventTemplate, dana: Membership
) -> None:
    run = locked_buffers(template, dana)
    other = make_template(dana, slug="other")
    assert signed_in(dana).get(reverse("managed_events:sync", args=[other.pk, run.pk])).status_code == 404


# --- Duplicates and addresses ---


def test_a_duplicate_has_everything_but_the_links_and_the_address(
    template: ManagedEventTemplate, dana: Membership
) -> None:
    for slug in ("discovery-call-copy", "discovery-call-copy-2"):
        url = reverse("managed_events:duplicate", args=[template.pk])
        response: Any = signed_in(dana).post(url)
        copy = ManagedEventTemplate.objects.get(slug=slug)
        assert response["Location"] == reverse("managed_events:edit", args=[copy.pk])
        assert copy.section_values() == template.section_values() | {"title": "Discovery Call copy"}
        assert (copy.locked_sections, copy.version) == (template.locked_sections, 1)
        assert not copy.links.exists()


def test_the_addresses_come_as_text_and_for_the_clipboard(
    template: ManagedEventTemplate, dana: Membership, settings: Any
) -> None:
    settings.SITE_URL = "https://meet.example"
    response = signed_in(dana).get(reverse("managed_events:addresses", args=[template.pk]))
    addresses = [f"https://meet.example/book/{name}-discovery-call" for name in ("alice", "bob")]
    assert response.content.decode().split() == addresses
    assert "discovery-call-addresses.txt" in response["Content-Disposition"]
    html = signed_in(dana).get(reverse("managed_events:detail", args=[template.pk])).content.decode()
    assert 'data-copy="{}\n{}"'.format(*addresses) in html
