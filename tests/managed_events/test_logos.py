"""A template's logo: locked like any other value, brought to links, found again by who rolls back."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from managed_events import plans, selectors
from managed_events.models import ManagedEventTemplate, Propagation, TemplateVersion
from managed_events.services.templates import duplicate_template, roll_back
from scheduling.models import BookingLink, Logo
from scheduling.services.links import SectionLocked, update_link
from scheduling.services.logos import UNNAMED_FOR, LogoGone, remove_unnamed
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_link
from tests.managed_events.making import assign_to, filled, finish_runs, link_of, make_template, save
from tests.scheduling.making_logos import LARKHILL, OTHER, a_file, kept, png
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent

LATER = MONDAY_MORNING + UNNAMED_FOR + timedelta(days=1)


@pytest.fixture
def template(dana: Membership, alice: Membership, bob: Membership) -> ManagedEventTemplate:
    kept(LARKHILL, OTHER)
    template = make_template(dana, logo_id=LARKHILL.key)
    assign_to(template, [alice, bob], dana)
    return template


def edit_page(template: ManagedEventTemplate) -> str:
    return reverse("managed_events:edit", args=[template.pk])


@pytest.mark.parametrize("name", ["logo_id", "logo_id-kept", "logo_id-remove"])
def test_a_locked_logo_is_refused_whole_whatever_way_it_is_sent(
    template: ManagedEventTemplate, alice: Membership, name: str
) -> None:
    link, client = link_of(template, alice), signed_in(alice)
    page = reverse("scheduling:link_edit", args=[link.pk])
    data = filled(client.get(page).content.decode(), "slug", buffer_after_minutes="20")
    assert not [key for key in data if key.startswith("logo_id")]
    data[name] = a_file(png((30, 30))) if name == "logo_id" else OTHER.key
    response = client.post(page, data)
    assert response.status_code == 403
    after = link_of(template, alice)
    assert (after.logo_id, after.buffer_after_minutes) == (LARKHILL.key, 0)
    assert AuditEvent.objects.get(action="link.locked_section_refused").detail == {"sections": ["branding"]}
    assert Logo.objects.count() == 2, "the picture was not even looked at"
    with pytest.raises(SectionLocked):
        update_link(link_id=link.pk, by=alice, values={"logo_id": None}, now=MONDAY_MORNING)


def test_a_new_logo_reaches_locked_links_in_one_statement_and_the_way_back_finds_the_old_one(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership
) -> None:
    saved = save(template, dana, logo_id=OTHER.key)
    assert [change.writes for change in saved.plan.changes] == [{"logo_id": OTHER.key}] * 2
    finish_runs()
    assert set(BookingLink.objects.values_list("logo_id", flat=True)) == {OTHER.key}
    assert remove_unnamed(LATER) == 0, "the first version names it still"
    template.refresh_from_db()
    old = selectors.version(template, 1)
    assert old is not None
    assert old.logo_id == old.section_values()["logo_id"] == LARKHILL.key
    plan = plans.of_save(template, selectors.draft_of_version(template, old))
    roll_back(template=template, number=1, author=dana.user, shown=plan.token, now=LATER)
    finish_runs()
    assert set(BookingLink.objects.values_list("logo_id", flat=True)) == {LARKHILL.key}
    ManagedEventTemplate.objects.get().delete()
    assert remove_unnamed(LATER) == 1, "the links keep what they have"


def test_an_open_logo_stays_the_reps_own(
    dana: Membership, alice: Membership, template: ManagedEventTemplate
) -> None:
    save(template, dana, locks=["title"])
    finish_runs()
    link = link_of(template, alice)
    update_link(link_id=link.pk, by=alice, values={"logo_id": OTHER.key}, now=MONDAY_MORNING)
    save(template, dana, logo_id=None)
    assert not Propagation.objects.exclude(state="done").exists()
    assert link_of(template, alice).logo_id == OTHER.key
    copy = duplicate_template(template=template, author=dana.user, now=MONDAY_MORNING)
    assert copy.logo_id is None
    assert TemplateVersion.objects.filter(logo_id=LARKHILL.key).count() == 2


def test_a_template_cannot_name_a_logo_that_is_gone(dana: Membership, template: ManagedEventTemplate) -> None:
    with pytest.raises(LogoGone):
        save(template, dana, logo_id=f"{'0' * 32}-30x30")
    with pytest.raises(LogoGone):
        make_template(dana, slug="other", logo_id=f"{'0' * 32}-30x30")
    template.refresh_from_db()
    assert (template.version, template.logo_id) == (1, LARKHILL.key)


class TestPages:
    @pytest.fixture
    def admin(self, dana: Membership) -> Client:
        return signed_in(dana)

    def test_the_plan_shows_both_pictures_and_the_save_takes_the_one_it_showed(
        self, admin: Client, template: ManagedEventTemplate, alice: Membership
    ) -> None:
        page = edit_page(template)
        data = filled(
            admin.get(page).content.decode(), "slug_pattern", preview="1", logo_id=a_file(png((90, 30)))
        )
        told = admin.post(page, data, headers={"HX-Request": "true"}).content.decode()
        assert (
            f'/brand/logo/{LARKHILL.key}.png" width="105" height="30" alt="" loading="lazy"> Logo before'
            in told
        )
        assert "> Logo after" in told
        kept_key = told.split('name="logo_id-kept" value="')[1].split('"')[0]
        token = told.split('name="plan" id="plan" value="')[1].split('"')[0]
        assert template.links.filter(logo_id=LARKHILL.key).count() == 2
        del data["preview"], data["logo_id"]
        response = admin.post(page, data | {"logo_id-kept": kept_key, "plan": token})
        assert response.status_code == 302
        finish_runs()
        assert link_of(template, alice).logo_id == kept_key
        versions = admin.get(reverse("managed_events:versions", args=[template.pk])).content.decode()
        assert f"/brand/logo/{kept_key}.png" in versions

    def test_a_new_template_keeps_the_logo_of_a_refused_form(self, admin: Client) -> None:
        page = reverse("managed_events:new")
        data = filled(
            admin.get(page).content.decode(), "slug_pattern", title="", logo_id=a_file(png((90, 30)))
        )
        refused = admin.post(page, data)
        assert refused.status_code == 422
        again = filled(refused.content.decode(), "slug_pattern", title="Call")
        assert admin.post(page, again).status_code == 302
        assert ManagedEventTemplate.objects.get(title="Call").logo_id == again["logo_id-kept"]

    def test_adopting_shows_whose_logo_stays(
        self,
        admin: Client,
        template: ManagedEventTemplate,
        carol: Membership,
        alice: Membership,
        dana: Membership,
    ) -> None:
        own = make_link(dana, slug="dana-own", logo_id=OTHER.key)
        html = admin.get(
            f"{reverse('managed_events:adopt', args=[template.pk])}?link={own.pk}"
        ).content.decode()
        assert f'/brand/logo/{OTHER.key}.png" width="30" height="30" alt="Their logo"' in html
        assert f'/brand/logo/{LARKHILL.key}.png" width="105" height="30" alt="The logo after"' in html
