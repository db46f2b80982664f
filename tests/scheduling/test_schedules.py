"""Schedules: what refers to one follows it, and keeps its hours when it goes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.test import Client

from managed_events.models import ManagedEventTemplate, TemplateVersion
from scheduling.models import BookingLink, LinkHost, OutOfOffice, Schedule
from scheduling.selectors.times import facts_of, host_rows, open_slots_of
from scheduling.services import schedules
from scheduling.services.links import ScheduleGone, create_link, update_link
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_booking, make_link
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from tests.scheduling.posting import sent_by
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period

TUESDAY = datetime(2030, 1, 8, tzinfo=UTC)
MORNINGS = [{"days": [0, 1, 2, 3, 4], "start": "09:00", "end": "12:00"}]
LIST, NEW = "/calendar/schedules", "/calendar/schedules/new"


@pytest.fixture(autouse=True)
def _monday(time_machine: Any) -> None:
    time_machine.move_to(MONDAY_MORNING, tick=False)


def make_schedule(owner: Membership, **fields: Any) -> Schedule:
    values = {"name": "Mornings", "timezone": "Europe/Berlin", "weekly_hours": MORNINGS} | fields
    schedule: Schedule = Schedule.objects.create(workspace=owner.workspace, owner=owner.user, **values)
    return schedule


def starts(link: BookingLink, day: datetime = TUESDAY) -> list[str]:
    """The starts of a day in UTC, as HH:MM."""
    link = BookingLink.objects.get(pk=link.pk)
    slots = open_slots_of(link, Period(day, day + timedelta(days=1)), MONDAY_MORNING)
    return [f"{slot.start:%H:%M}" for slot in slots]


def edit_url(schedule: Schedule) -> str:
    return f"{LIST}/{schedule.pk}"


def page_form(client: Client, url: str) -> QueryDict:
    response = client.get(url)
    assert response.status_code == 200
    return sent_by(response.content.decode())


def submit(client: Client, url: str, **changes: Any) -> Any:
    """The page's form with these keys changed; None leaves one out."""
    data = page_form(client, url)
    for key, value in changes.items():
        if value is None:
            data.pop(key, None)
        else:
            data[key] = value
    return client.post(url, data)


# --- What refers to it ---


def test_a_link_has_the_hours_of_its_schedule_and_its_own_again_without(alice: Membership) -> None:
    link = make_link(alice, schedule=make_schedule(alice, timezone="America/New_York"))
    assert link.zone == "America/New_York"
    assert starts(link) == ["14:00", "14:30", "15:00", "15:30", "16:00", "16:30"]
    BookingLink.objects.update(schedule=None)
    assert starts(link)[0] == "08:00"


def test_changing_a_schedule_changes_every_link_and_no_booking(alice: Membership) -> None:
    schedule = make_schedule(alice)
    one, two = make_link(alice, schedule=schedule), make_link(alice, schedule=schedule)
    booking = make_booking(one, TUESDAY.replace(hour=10), MONDAY_MORNING)
    values = {**schedules._facts(schedule), "weekly_hours": [{"days": [1], "start": "14:00", "end": "15:00"}]}
    schedules.update_schedule(schedule_id=schedule.pk, by=alice, values=values, now=MONDAY_MORNING)
    assert starts(one) == starts(two) == ["13:00", "13:30"]
    booking.refresh_from_db()
    assert booking.starts_at == TUESDAY.replace(hour=10)
    event = AuditEvent.objects.get(action="schedule.updated")
    assert list(event.after) == ["weekly_hours"]


def test_saving_what_is_equal_writes_nothing(alice: Membership) -> None:
    schedule = make_schedule(alice, weekly_hours=[{"days": [2, 1], "start": "22:00", "end": "02:00"}])
    assert submit(signed_in(alice), edit_url(schedule)).status_code == 302
    assert not AuditEvent.objects.exists()
    schedule.refresh_from_db()
    assert schedule.weekly_hours == [{"days": [2, 1], "start": "22:00", "end": "02:00"}]


def test_a_host_may_have_hours_of_his_own(alice: Membership, bob: Membership) -> None:
    link = make_link(alice, hosts=[alice, bob])
    evening = [{"days": [1], "start": "18:00", "end": "19:00"}]
    LinkHost.objects.filter(user=bob.user).update(schedule=make_schedule(bob, weekly_hours=evening))
    assert starts(link)[-2:] == ["17:00", "17:30"]
    LinkHost.objects.filter(user=alice.user).delete()
    assert starts(link) == ["17:00", "17:30"]


def test_a_host_has_no_more_meetings_a_day_than_his_cap(alice: Membership, bob: Membership) -> None:
    link = make_link(alice, hosts=[alice, bob])
    LinkHost.objects.filter(user=alice.user).update(max_per_day=1)
    hosts = [make_booking(link, TUESDAY.replace(hour=hour), MONDAY_MORNING).host for hour in (8, 9, 10)]
    assert sorted(host.username for host in hosts) == ["alice", "bob", "bob"]


def test_the_hosts_of_one_schedule_share_its_hours(
    alice: Membership, bob: Membership, dana: Membership, django_assert_num_queries: Any
) -> None:
    schedule = make_schedule(alice)
    link = make_link(alice, hosts=[alice, bob, dana], schedule=schedule)
    LinkHost.objects.filter(user=bob.user).update(schedule=schedule)
    link = BookingLink.objects.select_related("schedule").get(pk=link.pk)
    day = Period(TUESDAY, TUESDAY + timedelta(days=1))
    hosts = host_rows(link)
    with django_assert_num_queries(3):  # Busy times, days off, connected calendars.
        calendars, _ = facts_of(link, hosts, day, MONDAY_MORNING)
    assert len({id(calendar.availability) for calendar in calendars}) == 1


# --- Templates ---


def test_a_locked_schedule_reaches_the_links_by_reference(alice: Membership, dana: Membership) -> None:
    schedule = make_schedule(dana)
    template = make_template(dana, locks=["availability"])
    assign_to(template, [alice], dana)
    save(template, dana, schedule_id=schedule.pk)
    finish_runs()
    link = link_of(template, alice)
    assert link.schedule_id == schedule.pk
    assert starts(link)[-1] == "10:30"
    version = TemplateVersion.objects.get(template=template, number=2)
    assert version.state.values["schedule_id"] == schedule.pk
    page = signed_in(alice).get(f"/settings/booking-links/{link.pk}").content.decode()
    assert "Schedule: Mornings" in page


def test_a_locked_schedule_is_refused_and_nothing_is_written(alice: Membership, dana: Membership) -> None:
    template = make_template(dana, locks=["availability"])
    assign_to(template, [alice], dana)
    link, mine = link_of(template, alice), make_schedule(alice)
    data = page_form(signed_in(alice), f"/settings/booking-links/{link.pk}")
    data["schedule_id"] = str(mine.pk)
    response = signed_in(alice).post(f"/settings/booking-links/{link.pk}", data)
    assert response.status_code == 403
    assert "Availability hours is" in response.content.decode()
    link.refresh_from_db()
    assert link.schedule_id is None


def test_a_run_whose_schedule_is_gone_brings_the_hours_it_left(alice: Membership, dana: Membership) -> None:
    schedule = make_schedule(dana)
    template = make_template(dana, locks=["availability"])
    assign_to(template, [alice], dana)
    save(template, dana, schedule_id=schedule.pk)
    schedules.delete_schedule(schedule_id=schedule.pk, by=dana, now=MONDAY_MORNING)
    finish_runs()
    link = link_of(template, alice)
    assert (link.schedule_id, link.weekly_hours) == (None, MORNINGS)
    assert ManagedEventTemplate.objects.get().weekly_hours == MORNINGS


def test_a_template_cannot_get_a_schedule_that_is_gone(dana: Membership) -> None:
    schedule = make_schedule(dana)
    template = make_template(dana, locks=["availability"])
    key = schedule.pk
    schedules.delete_schedule(schedule_id=key, by=dana, now=MONDAY_MORNING)
    with pytest.raises(ScheduleGone):
        save(template, dana, schedule_id=key)
    template.refresh_from_db()
    assert (template.version, template.schedule_id) == (1, None)


# --- Deleting ---


def test_deleting_a_schedule_leaves_its_hours_to_links_and_templates(
    alice: Membership, bob: Membership, dana: Membership
) -> None:
    schedule = make_schedule(alice, date_overrides=[{"date": "2030-01-08", "windows": []}])
    link = make_link(alice, schedule=schedule)
    pool = make_link(alice, hosts=[alice, bob])
    LinkHost.objects.filter(link=pool, user=alice.user).update(schedule=schedule)
    client, url = signed_in(alice), f"{edit_url(schedule)}/delete"
    page = client.get(url).content.decode()
    assert "keeps the hours as its own" in page
    assert "will have the link’s hours" in page
    assert Schedule.objects.exists()
    assert client.post(url).status_code == 302
    link.refresh_from_db()
    assert (link.schedule_id, link.timezone, link.weekly_hours) == (None, "Europe/Berlin", MORNINGS)
    assert link.date_overrides == [{"date": "2030-01-08", "windows": []}]
    assert not LinkHost.objects.exclude(schedule=None).exists()
    assert AuditEvent.objects.get(action="schedule.deleted").detail == {
        "links": 1,
        "templates": 0,
        "pools": 1,
    }


def test_a_link_cannot_get_a_schedule_that_is_gone_or_of_another_workspace(
    alice: Membership, carol: Membership
) -> None:
    link = make_link(alice)
    for key in (uuid4(), make_schedule(carol).pk):
        with pytest.raises(ScheduleGone):
            update_link(link_id=link.pk, by=alice, values={"schedule_id": key}, now=MONDAY_MORNING)
        with pytest.raises(ScheduleGone):
            create_link(
                owner=alice.user,
                workspace=alice.workspace,
                slug=None,
                values={"title": "New", "schedule_id": key},
                now=MONDAY_MORNING,
                actor=alice.user,
            )
    assert BookingLink.objects.get().schedule_id is None


# --- Pages ---


def test_a_schedule_is_made_copied_and_chosen_in_a_link(alice: Membership) -> None:
    client = signed_in(alice)
    assert "No schedules yet" in client.get(LIST).content.decode()
    assert submit(client, NEW, name="Office").status_code == 302
    schedule = Schedule.objects.get()
    assert client.post(f"{edit_url(schedule)}/duplicate").status_code == 302
    assert client.post(f"{edit_url(schedule)}/duplicate").status_code == 302
    names = ["Office", "Office copy", "Office copy 2"]
    assert list(Schedule.objects.values_list("name", flat=True)) == names
    link = make_link(alice)
    url = f"/settings/booking-links/{link.pk}"
    # What is typed as own hours counts for nothing then, not even when it cannot be read.
    changes = {"schedule_id": str(schedule.pk), "weekly_hours-0-0-from": "nine"}
    assert submit(client, url, **changes).status_code == 302
    assert BookingLink.objects.get().schedule_id == schedule.pk
    assert "Office" in client.get(url).content.decode()
    assert "1 link" in client.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "Give it a name"),
        ({"name": "OFFICE"}, "Another schedule of yours has this name"),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "a\x00b"}, "cannot be shown"),
        ({"timezone": "Mars/Olympus"}, "Select a valid choice"),
        ({"weekly_hours-0-0-from": "nine"}, "is not a time to start"),
        ({"date_overrides-0-date": "soon"}, "choose the day"),
        ({f"weekly_hours-{day}-open": None for day in range(5)}, "No day has hours"),
        ({f"weekly_hours-{day}-0-to": "09:20" for day in range(5)}, "Discovery Call could never be booked"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_and_kept_as_typed(
    alice: Membership, changes: dict[str, str | None], words: str
) -> None:
    make_schedule(alice, name="Office")
    schedule = make_schedule(alice)
    make_link(alice, schedule=schedule)
    response = submit(signed_in(alice), edit_url(schedule), **changes)
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    for key, value in changes.items():
        if value and "\x00" not in value and key != "timezone":
            assert f'value="{value}"' in page
    schedule.refresh_from_db()
    assert (schedule.name, schedule.weekly_hours) == ("Mornings", MORNINGS)
    assert not AuditEvent.objects.exists()


def test_the_effect_is_said_before_it_is_saved(alice: Membership) -> None:
    schedule = make_schedule(alice)
    link = make_link(alice, schedule=schedule)
    make_booking(link, TUESDAY.replace(hour=10), MONDAY_MORNING)
    client = signed_in(alice)
    assert "Saving changes 1 link. 1 booking stays." in client.get(edit_url(schedule)).content.decode()
    data = page_form(client, edit_url(schedule))
    data["weekly_hours-0-0-to"] = "10:00"
    page = client.post(f"{edit_url(schedule)}?check", data, headers={"HX-Request": "true"}).content.decode()
    assert "Monday: 09:00–10:00 in place of 09:00–12:00." in page
    assert "<html" not in page
    data["weekly_hours-0-0-to"] = "soon"
    page = client.post(f"{edit_url(schedule)}?check", data, headers={"HX-Request": "true"}).content.decode()
    assert "1 thing to fix" in page
    schedule.refresh_from_db()
    assert schedule.weekly_hours == MORNINGS


# --- Out of office ---

AWAY = f"{LIST}/out-of-office"


def absent(member: Membership, first: str, last: str, **fields: Any) -> OutOfOffice:
    absence: OutOfOffice = OutOfOffice.objects.create(
        workspace=member.workspace, user=member.user, first_day=first, last_day=last, **fields
    )
    return absence


def test_days_out_of_office_close_every_link_on_the_members_own_clock(alice: Membership) -> None:
    alice.user.timezone = "America/New_York"
    alice.user.save()
    link = make_link(alice, weekly_hours=[{"days": list(range(7)), "start": "00:00", "end": "24:00"}])
    absent(alice, "2030-01-08", "2030-01-08")
    assert starts(link)[-1] == "04:30"
    assert starts(link, TUESDAY + timedelta(days=1))[0] == "05:00"


def test_round_robin_goes_on_without_who_is_away(alice: Membership, bob: Membership) -> None:
    link = make_link(alice, hosts=[alice, bob])
    absent(alice, "2030-01-08", "2030-01-09")
    hosts = {make_booking(link, TUESDAY.replace(hour=hour), MONDAY_MORNING).host for hour in (8, 9)}
    assert hosts == {bob.user}


def test_bookings_inside_stay_and_are_listed(alice: Membership) -> None:
    link = make_link(alice)
    booking = make_booking(link, TUESDAY.replace(hour=10), MONDAY_MORNING)
    client = signed_in(alice)
    sent = {"first_day": "2030-01-08", "last_day": "2030-01-10", "note": "Sailing"}
    response = client.post(AWAY, sent, follow=True)
    page = response.content.decode()
    assert "1 booking inside stays." in page
    assert "Tue 8 Jan to Thu 10 Jan" in page
    assert str(booking.pk) in page
    assert starts(link) == []
    absence = OutOfOffice.objects.get()
    for _ in range(2):
        answer = client.post(f"{AWAY}/{absence.pk}/remove")
        assert answer.status_code in {302, 404}
    assert starts(link)
    actions = ["out_of_office.added", "out_of_office.removed"]
    events = AuditEvent.objects.filter(target_type="out_of_office").order_by("pk")
    assert sorted(event.action for event in events) == actions


def test_days_are_moved_and_stay_whose_they_are(alice: Membership, dana: Membership) -> None:
    link = make_link(alice)
    absence = absent(alice, "2030-01-08", "2030-01-09", note="Sailing")
    client, address = signed_in(dana), f"{AWAY}/{absence.pk}"
    page = client.get(address).content.decode()
    assert f"Change days of {alice.user.name}" in page
    assert 'value="2030-01-08"' in page
    assert 'value="Sailing"' in page

    refused = client.post(address, {"first_day": "2030-01-09", "last_day": "2030-01-07", "note": "Skiing"})
    assert refused.status_code == 422
    assert 'value="Skiing"' in refused.content.decode()
    absence.refresh_from_db()
    assert (str(absence.last_day), absence.note) == ("2030-01-09", "Sailing")
    assert starts(link) == []

    sent = {"first_day": "2030-01-09", "last_day": "", "note": "Sailing", "user": str(dana.user_id)}
    for _ in range(2):
        assert client.post(address, sent).status_code == 302
    absence.refresh_from_db()
    assert (absence.user, str(absence.first_day), str(absence.last_day)) == (
        alice.user,
        "2030-01-09",
        "2030-01-09",
    )
    assert starts(link)
    event = AuditEvent.objects.get(target_type="out_of_office")
    assert (event.action, event.actor) == ("out_of_office.changed", dana.user)


def test_days_that_are_over_are_not_shown(alice: Membership) -> None:
    absent(alice, "2030-01-01", "2030-01-06", note="Skiing")
    absent(alice, "2030-01-05", "2030-01-07", note="Moving")
    page = signed_in(alice).get(AWAY).content.decode()
    assert "Moving" in page
    assert "Skiing" not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first_day": ""}, "Choose the first day."),
        ({"first_day": "soon"}, "Enter a valid date."),
        ({"last_day": "2030-01-07"}, "The last day is before the first."),
        ({"first_day": "2030-01-01", "last_day": "2030-01-02"}, "These days are over."),
        ({"last_day": "2031-06-01"}, "366 days fit at once."),
        ({"last_day": "9999-12-31"}, "366 days fit at once."),
        ({"note": "x" * 201}, "at most 200 characters"),
    ],
)
def test_days_that_cannot_be_are_refused_and_kept(
    alice: Membership, changes: dict[str, str], words: str
) -> None:
    sent = {"first_day": "2030-01-08", "last_day": "2030-01-09", "note": "Sailing"} | changes
    response = signed_in(alice).post(AWAY, sent)
    page = response.content.decode()
    assert response.status_code == 422
    assert words in page
    assert f'value="{sent["note"]}"' in page
    assert not OutOfOffice.objects.exists()


def test_only_who_may_change_somebodys_calendar_sets_his_days(
    alice: Membership, bob: Membership, dana: Membership, carol: Membership
) -> None:
    days = {"first_day": "2030-01-08", "last_day": "2030-01-09"}
    for who in (bob, carol):
        signed_in(who).post(AWAY, days | {"user": str(alice.user_id)})
    assert not OutOfOffice.objects.filter(user=alice.user).exists()
    assert signed_in(dana).post(AWAY, days | {"user": str(alice.user_id)}).status_code == 302
    absence = OutOfOffice.objects.get(user=alice.user)
    assert signed_in(bob).post(f"{AWAY}/{absence.pk}/remove").status_code == 404
    assert "Tue 8 Jan to Wed 9 Jan" in signed_in(alice).get(AWAY).content.decode()
