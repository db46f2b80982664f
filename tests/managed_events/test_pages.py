"""The pages as an admin without JavaScript uses them, and what htmx gets in their place."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from managed_events import effects
from managed_events.models import ManagedEventTemplate, Propagation
from scheduling.domain.sections import RECOMMENDED_LOCKS
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import GroupFactory, MembershipFactory, join_group, make_link
from tests.managed_events.making import assign_to, filled, finish_runs, link_of, make_template, save
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

LIST = "/calendar/admin/managed-events"


def at(name: str, template: ManagedEventTemplate, *more: Any) -> str:
    return reverse(f"managed_events:{name}", args=[template.pk, *more])


def page(client: Client, url: str, status: int = 200, **headers: str) -> str:
    response = client.get(url, headers=headers)
    assert response.status_code == status
    return response.content.decode()


def previewed(client: Client, template: ManagedEventTemplate, **changes: Any) -> dict[str, Any]:
    """What the form sends after these changes, once it has shown what saving will do."""
    sent = filled(page(client, at("edit", template)), "title", **changes)
    response = client.post(at("edit", template), sent | {"preview": "1"})
    assert response.status_code == 200
    return filled(response.content.decode(), "title")


@pytest.fixture
def admin(dana: Membership) -> Client:
    return signed_in(dana)


@pytest.fixture
def template(dana: Membership) -> ManagedEventTemplate:
    return make_template(dana)


# --- The list --------------------------------------------------------------------------------------------------


def test_without_templates_the_list_says_what_to_do(admin: Client) -> None:
    html = page(admin, LIST)
    assert "No templates yet" in html
    assert "Make one, lock what should stay the same, assign people." in html
    assert reverse("managed_events:new") in html


def test_the_list_shows_locks_people_and_the_last_sync(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    make_template(dana, slug="demo", title="Product Demo", locks=[])
    assign_to(template, [alice, bob], dana)
    html = page(admin, LIST)
    assert "5 of 10 locked: Title Duration Form Workflows Branding" in html
    assert '2<span class="vh"> people' in html
    assert "Not needed yet" in html
    assert "Nobody yet" in html
    save(template, dana, title="Renamed")
    assert "Updating, 0 of 2" in page(admin, LIST)
    finish_runs()
    assert "2 links updated" in page(admin, LIST)


def test_the_lists_queries_do_not_grow_with_the_templates(
    admin: Client, dana: Membership, alice: Membership, django_assert_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_num_queries(30, exact=False) as counted:
            page(admin, LIST)
        return len(counted)

    def one_more(number: int) -> None:
        template = make_template(dana, slug=f"t{number}", title=f"T {number}")
        assign_to(template, [alice], dana)
        save(template, dana, title=f"Renamed {number}")

    one_more(0)
    first = queries()
    for number in range(1, 6):
        one_more(number)
    assert queries() == first


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=discovery", {"Discovery Call"}),
        ("q=demo", {"Product Demo"}),
        ("q=call+discovery", {"Discovery Call"}),
        ("q=nothing", set()),
        ("group=workspace", {"Discovery Call"}),
        ("group={group}", {"Product Demo"}),
        ("group=rubbish", {"Discovery Call", "Product Demo"}),
        ("sync=running", {"Discovery Call"}),
        ("sync=never", {"Product Demo"}),
        ("q=%00demo", {"Product Demo"}),
    ],
)
def test_the_list_can_be_filtered(
    query: str,
    found: set[str],
    admin: Client,
    dana: Membership,
    alice: Membership,
    template: ManagedEventTemplate,
) -> None:
    group = GroupFactory(workspace=dana.workspace, name="Recruiting")
    make_template(dana, slug="product-demo", title="Product Demo", group=group)
    assign_to(template, [alice], dana)
    save(template, dana, buffer_after_minutes=5, locks=["buffers"])
    html = page(admin, f"{LIST}?{query.format(group=group.pk)}")
    assert {title for title in ("Discovery Call", "Product Demo") if f">{title}</a>" in html} == found
    if not found:
        assert "Nothing matches “nothing”" in html
        assert "Clear filters" in html


def test_htmx_gets_the_list_alone(admin: Client, template: ManagedEventTemplate) -> None:
    response = admin.get(LIST, headers={"HX-Request": "true"})
    assert b"<html" not in response.content
    assert b'id="tpls"' in response.content
    assert b"1 template</div>" in response.content
    assert "HX-Request" in response["Vary"]


# --- The form --------------------------------------------------------------------------------------------------


def test_a_new_template_has_the_recommended_locks_on(admin: Client, dana: Membership) -> None:
    html = page(admin, reverse("managed_events:new"))
    sent = filled(html, "title")
    assert tuple(sent["lock"]) == RECOMMENDED_LOCKS
    assert sent["slug_pattern"] == "{username}-{template}"
    assert sent["timezone"] == dana.user.timezone


def test_the_first_save_leads_to_the_people(admin: Client) -> None:
    html = page(admin, reverse("managed_events:new"))
    sent = filled(html, "title", title="Intro Call", lock=["title", "buffers"], buffer_after_minutes="10")
    response = admin.post(reverse("managed_events:new"), sent)
    template = ManagedEventTemplate.objects.get()
    assert response.status_code == 302
    assert response["Location"] == at("assign", template)
    assert (template.slug, template.locked_sections) == ("intro-call", ["title", "buffers"])
    assert (template.title, template.buffer_after_minutes, template.version) == ("Intro Call", 10, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"title": ""}, "Add a title"),
        ({"slug_pattern": "{template}"}, "Put {username} in"),
        ({"slug_pattern": ""}, "Write a pattern"),
        ({"slug": "no spaces"}, "single dashes"),
        ({"slug": "taken"}, "Another template has this name"),
        ({"duration_minutes": "4"}, "greater than or equal to 5"),
        ({"lock": ["title", "everything"]}, ""),
        ({"version": "x"}, ""),
        ({"group": "00000000-0000-0000-0000-000000000000"}, "Select a valid choice"),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_writes_nothing(
    changes: dict[str, Any], words: str, admin: Client, dana: Membership
) -> None:
    make_template(dana, slug="taken")
    events = AuditEvent.objects.count()
    html = page(admin, reverse("managed_events:new"))
    sent = filled(html, "title", **({"title": "Intro", "description": "Typed before"} | changes))
    response = admin.post(reverse("managed_events:new"), sent)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert "Typed before" in response.content.decode()
    assert ManagedEventTemplate.objects.count() == 1
    assert AuditEvent.objects.count() == events


def test_an_untouched_form_saves_nothing(admin: Client, template: ManagedEventTemplate) -> None:
    sent = filled(page(admin, at("edit", template)), "title")
    response = admin.post(at("edit", template), sent, follow=True)
    assert "Nothing had changed." in response.content.decode()
    template.refresh_from_db()
    assert template.version == 1


def test_a_save_that_reaches_links_says_how_many(
    admin: Client, dana: Membership, alice: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice], dana)
    sent = previewed(admin, template, title="Renamed")
    response = admin.post(at("edit", template), sent, follow=True)
    assert response.redirect_chain == [(at("detail", template), 302)]
    assert "Renamed is saved, for 1 link." in response.content.decode()
    finish_runs()
    assert link_of(template, alice).title == "Renamed"


def test_a_save_of_open_values_says_that_no_link_changes(
    admin: Client, dana: Membership, alice: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice], dana)
    sent = filled(page(admin, at("edit", template)), "title", buffer_after_minutes="15")
    response = admin.post(at("edit", template), sent, follow=True)
    assert "No assigned link changes." in response.content.decode()


def test_the_form_says_how_many_links_follow_and_which_sections_are_locked(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    assert "Nobody has a link of this template yet" in page(admin, at("edit", template))
    assign_to(template, [alice, bob], dana)
    html = page(admin, at("edit", template))
    assert '<b class="num">2</b> links follow this template' in html
    assert "5 of 10</b> locked" in html
    assert "/book/dana-discovery-call" in html


# --- Two admins ------------------------------------------------------------------------------------------------


def test_the_second_of_two_admins_gets_both_edits_together(
    admin: Client, dana: Membership, template: ManagedEventTemplate
) -> None:
    html = page(admin, at("edit", template))
    save(template, dana, title="Theirs", duration_minutes=45, locks=["title"])
    response = admin.post(
        at("edit", template), filled(html, "title", buffer_after_minutes="20", duration_minutes="60")
    )
    assert response.status_code == 409
    text = response.content.decode()
    assert "saved version 2 while you were editing" in text
    assert "<del>30 minutes</del><ins>45 minutes</ins>" in text
    assert "Yours: Duration and slot interval and Buffers." in text
    assert "Changed by both of you: Duration and slot interval." in text
    template.refresh_from_db()
    assert (template.title, template.version) == ("Theirs", 2)
    merged = filled(text, "title")
    assert (merged["title"], merged["buffer_after_minutes"]) == ("Theirs", "20")
    assert (merged["duration_minutes"], merged["lock"], merged["version"]) == ("60", ["title"], "2")
    assert admin.post(at("edit", template), merged).status_code == 302
    template.refresh_from_db()
    assert (template.title, template.buffer_after_minutes, template.duration_minutes, template.version) == (
        "Theirs",
        20,
        60,
        3,
    )


def test_a_form_made_from_a_version_that_never_was_is_not_found(
    admin: Client, template: ManagedEventTemplate
) -> None:
    sent = filled(page(admin, at("edit", template)), "title", title="X", version="77")
    assert admin.post(at("edit", template), sent).status_code == 404


# --- Assigning -------------------------------------------------------------------------------------------------


def test_people_are_assigned_with_the_addresses_that_were_shown(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    make_link(alice, slug="alice-discovery-call")
    html = page(admin, at("assign", template))
    assert "/book/bob-discovery-call" in html
    assert 'value="alice-discovery-call-2"' in html
    assert "Alice’s own link, so we added a number" in html
    sent = filled(html, "was") | {"person": [alice.pk, bob.pk]}
    response = admin.post(at("assign", template), sent, follow=True)
    text = response.content.decode()
    assert "2 links made" in text
    assert "/book/alice-discovery-call-2" in text
    assert '<span class="slug">alice-discovery-call</span> was taken.' in text
    assert {link.slug for link in template.links.all()} == {"alice-discovery-call-2", "bob-discovery-call"}


def test_an_address_can_be_typed_in_place_of_the_number(
    admin: Client, alice: Membership, template: ManagedEventTemplate
) -> None:
    make_link(alice, slug="alice-discovery-call")
    sent = filled(page(admin, at("assign", template)), "was") | {
        "person": [alice.pk],
        f"address-{alice.pk}": "Alice-Intro",
    }
    admin.post(at("assign", template), sent)
    assert link_of(template, alice).slug == "alice-intro"


def test_one_who_cannot_be_assigned_is_shown_with_the_reason(
    admin: Client, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    make_link(alice, slug="alice-discovery-call")
    sent = filled(page(admin, at("assign", template)), "was") | {
        "person": [alice.pk, bob.pk],
        f"address-{alice.pk}": "admin",
    }
    text = admin.post(at("assign", template), sent, follow=True).content.decode()
    assert "1 link made, 1 skipped" in text
    assert "is a word we need ourselves" in text
    assert [link.owner for link in template.links.all()] == [bob.user]


def test_picking_a_group_ticks_everyone_in_it(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    group = GroupFactory(workspace=dana.workspace, name="Sales EMEA")
    for member in (alice, bob):
        join_group(group, member)
    html = page(admin, at("assign", template))
    assert 'Sales EMEA</span><small class="num">0 of 2<' in html
    response = admin.post(at("assign", template), filled(html, "was") | {"add": str(group.pk)})
    html = response.content.decode()
    assert not template.links.exists()
    ticked = [key for key in (alice.pk, bob.pk, dana.pk) if f'name="person" value="{key}" checked' in html]
    assert ticked == [alice.pk, bob.pk]
    admin.post(at("assign", template), filled(html, "was") | {"person": ticked})
    assert {link.owner for link in template.links.all()} == {alice.user, bob.user}


def test_taking_a_tick_away_detaches_and_delete_on_detach_deletes(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice, bob, dana], dana)
    html = page(admin, at("assign", template))
    sent = filled(html, "was") | {"person": [dana.pk], "delete": [bob.pk]}
    text = admin.post(at("assign", template), sent, follow=True).content.decode()
    assert "Alice detached, the link is kept." in text
    assert "Bob detached, the link is deleted." in text
    assert [link.owner for link in template.links.all()] == [dana.user]
    assert BookingLink.objects.filter(slug="alice-discovery-call", managed_event_template=None).exists()
    assert not BookingLink.objects.filter(owner=bob.user).exists()


def test_saving_an_old_page_leaves_alone_whom_somebody_else_assigned_meanwhile(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice], dana)
    html = page(admin, at("assign", template))
    assign_to(template, [bob], dana)
    sent = filled(html, "was") | {"person": [alice.pk]}
    text = admin.post(at("assign", template), sent, follow=True).content.decode()
    assert "Nothing had changed." in text
    assert template.links.count() == 2


def test_looking_for_people_keeps_the_ticks_and_writes_nothing(
    admin: Client, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    sent = filled(page(admin, at("assign", template)), "was") | {
        "person": [alice.pk],
        "q": "lindq",
        "find": "1",
    }
    for headers in ({}, {"HX-Request": "true", "HX-Target": "a-rows"}):
        response = admin.post(at("assign", template), sent, headers=headers)
        html = response.content.decode()
        assert response.status_code == 200
        assert "<b>1 person selected:</b> 1 new link, 0 already assigned." in html
        assert f'name="person" value="{alice.pk}" checked' in html
        assert f'name="person" value="{bob.pk}" aria' in html
        assert html.count("<tr hidden>") == 2
        assert ("<html" in html) == (not headers)
    assert not template.links.exists()
    sent["q"] = "zoom friday"
    assert "Nobody matches “zoom friday”." in admin.post(at("assign", template), sent).content.decode()


def test_the_dialog_comes_alone_to_htmx_and_on_the_templates_page_to_others(
    admin: Client, template: ManagedEventTemplate
) -> None:
    alone = admin.get(at("assign", template), headers={"HX-Request": "true", "HX-Target": "dialog"})
    assert alone.content.decode().strip().startswith("<dialog")
    html = page(admin, at("assign", template))
    assert html.count('<dialog class="dlg" id="assign" data-show open') == 1
    assert "Nobody has a link of this template yet" in html


def test_what_saving_would_do_is_summed_up_with_every_tick(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    rep = MembershipFactory(workspace=dana.workspace)
    assign_to(template, [alice, bob, dana], dana)
    sent = filled(page(admin, at("assign", template)), "was") | {
        "person": [alice.pk, rep.pk],
        "delete": [bob.pk],
        "show": "changed",
        "find": "1",
    }
    told = admin.post(at("assign", template), sent, headers={"HX-Request": "true", "HX-Target": "tally"})
    text = " ".join(told.content.decode().split())
    assert text.startswith('<p class="dlg-sum" id="tally" role="status"><b>2 people selected:</b>')
    assert "1 new link, 1 already assigned, 1 detached, 1 deleted." in text
    assert "3 links now, 2 after saving." in text
    html = admin.post(at("assign", template), sent).content.decode()
    assert html.count("<tr hidden>") == 1, "only Alice stays as she is"
    assert template.links.count() == 3


def test_the_assignment_pages_queries_do_not_grow_with_the_people(
    admin: Client, dana: Membership, template: ManagedEventTemplate, django_assert_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_num_queries(40, exact=False) as counted:
            page(admin, at("assign", template))
        return len(counted)

    group = GroupFactory(workspace=dana.workspace)

    def crowd() -> None:
        people = [MembershipFactory(workspace=dana.workspace) for _ in range(4)]
        for person in people:
            join_group(group, person)
        make_link(people[0], slug=f"{people[0].user.username}-discovery-call")
        assign_to(template, people[2:], dana)

    crowd()
    first = queries()
    crowd()
    crowd()
    assert queries() == first


# --- The template's page ---------------------------------------------------------------------------------------


def test_the_page_shows_each_link_and_how_it_stands(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice, bob, dana], dana)
    BookingLink.objects.filter(owner=alice.user).update(buffer_after_minutes=25)
    BookingLink.objects.filter(owner=bob.user).update(title="Crooked")
    html = page(admin, at("detail", template))
    assert "1 own value" in html
    assert "<del>none</del><ins>25 minutes</ins>" in html
    assert "Out of step" in html
    assert "<del>Crooked</del><ins>Discovery Call</ins>" in html
    assert "Matches" in html
    assert "http://localhost:8000/book/alice-discovery-call" in html
    assert "Every link began with the template’s values." in html


def test_the_sync_line_goes_from_running_to_done(
    admin: Client,
    dana: Membership,
    alice: Membership,
    bob: Membership,
    template: ManagedEventTemplate,
    NOW: datetime,
) -> None:
    assign_to(template, [alice, bob], dana)
    run = save(template, dana, title="Renamed").run
    assert run is not None
    poll = {"HX-Request": "true", "HX-Target": "syncline"}
    assert effects.advance(run.pk, NOW, batch=1)
    html = page(admin, at("detail", template))
    assert 'hx-trigger="every 2s"' in html
    assert "1 of 2 links</b> done" in html
    html = page(admin, at("detail", template), **poll)
    assert "<html" not in html
    assert 'hx-trigger="every 2s"' in html
    finish_runs()
    html = page(admin, at("detail", template), status=286, **poll)
    assert "every 2s" not in html
    assert "2 links updated</b>." in html
    assert 'id="links" aria-labelledby="drift-h" hx-swap-oob="true"' in html
    assert '<span class="mx head"><span title="Title and description">' in html
    assert '<option value="duration">Duration and slot interval</option>' in html
    assert 'id="history" aria-labelledby="hist-h" hx-swap-oob="true"' in html
    assert "<html" not in html
    assert "09:00</span>" in page(admin, at("detail", template))


def test_a_worker_that_has_gone_quiet_is_told_of(
    admin: Client, dana: Membership, alice: Membership, template: ManagedEventTemplate, NOW: datetime
) -> None:
    assign_to(template, [alice], dana)
    save(template, dana, title="Renamed")
    Propagation.objects.update(touched_at=NOW - timedelta(days=3650))
    assert "The worker has been quiet since" in page(admin, at("detail", template))


def test_a_link_that_the_run_has_not_reached_is_waiting_and_not_out_of_step(
    admin: Client, dana: Membership, alice: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice], dana)
    save(template, dana, title="Renamed")
    html = page(admin, at("detail", template))
    assert "Waiting for the sync: title" in html
    assert "The sync that is running brings this link in line." in html


def test_many_links_come_page_by_page(
    admin: Client, dana: Membership, template: ManagedEventTemplate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("managed_events.views.links.PAGE", 3)
    assign_to(template, [MembershipFactory(workspace=dana.workspace) for _ in range(7)], dana)
    assert page(admin, at("detail", template)).count('class="drow"') == 3
    assert page(admin, at("detail", template) + "?page=3").count('class="drow"') == 1
    html = page(admin, at("detail", template) + "?page=2", **{"HX-Request": "true", "HX-Target": "drift"})
    assert html.count('class="drow"') == 3
    assert 'hx-get="?show=&page=3"' in html
    assert "<html" not in html


def test_the_pages_queries_do_not_grow_with_the_links(
    admin: Client, dana: Membership, template: ManagedEventTemplate, django_assert_num_queries: Any
) -> None:
    def queries() -> int:
        with django_assert_num_queries(40, exact=False) as counted:
            page(admin, at("detail", template))
        return len(counted)

    assign_to(template, [MembershipFactory(workspace=dana.workspace)], dana)
    first = queries()
    assign_to(template, [MembershipFactory(workspace=dana.workspace) for _ in range(8)], dana)
    assert queries() == first


def test_the_history_tells_what_happened(
    admin: Client, dana: Membership, alice: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice], dana)
    save(template, dana, title="Renamed", locks=["title", "policy"])
    finish_runs()
    html = page(admin, at("detail", template))
    for words in (
        "Template created",
        "Alice Okafor assigned",
        "Title changed, Policy locked, Duration, Form, Workflows and Branding opened",
        "1 link: 1 changed.",
    ):
        assert words in html


def test_detaching_from_the_page_keeps_the_link_or_deletes_it(
    admin: Client, dana: Membership, alice: Membership, bob: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice, bob], dana)
    first, second = link_of(template, alice), link_of(template, bob)
    response = admin.post(at("detach", template, first.pk), follow=True)
    assert "Alice detached, the link is kept." in response.content.decode()
    admin.post(at("detach", template, second.pk), {"delete": "on"})
    assert list(BookingLink.objects.values_list("slug", flat=True)) == ["alice-discovery-call"]
    response = admin.post(at("detach", template, first.pk), follow=True)
    assert "taken off the template a moment ago" in response.content.decode()


def test_a_template_is_deleted_after_a_page_that_says_what_stays(
    admin: Client, dana: Membership, alice: Membership, template: ManagedEventTemplate
) -> None:
    assign_to(template, [alice], dana)
    html = page(admin, at("delete", template))
    assert "1 link stays" in html
    assert ManagedEventTemplate.objects.exists()
    response = admin.post(at("delete", template), follow=True)
    assert "1 link stays as its owner’s own." in response.content.decode()
    assert not ManagedEventTemplate.objects.exists()
    assert BookingLink.objects.get().managed_event_template is None
    assert page(admin, at("detail", template), status=404)


def test_a_result_that_is_not_this_templates_is_not_shown(
    admin: Client, dana: Membership, alice: Membership, template: ManagedEventTemplate
) -> None:
    other = make_template(dana, slug="demo")
    event = assign_to(other, [alice], dana).event_id
    assert 'id="result"' in page(admin, f"{at('detail', other)}?result={event}")
    assert 'id="result"' not in page(admin, f"{at('detail', template)}?result={event}")
    assert 'id="result"' not in page(admin, f"{at('detail', template)}?result=rubbish")
