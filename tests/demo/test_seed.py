"""The demo workspace is made by the product's own services, once, and only on a local installation."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from bookings.models import Booking
from one_off.models import OneOff
from scheduling.models import BookingLink
from workestra.accounts.models import User
from workestra.crm.models import Activity
from workestra.demo import services


@pytest.mark.parametrize("weekday", range(7))
def test_the_demo_can_be_made_on_any_day_of_the_week(db: None, weekday: int) -> None:
    # The real clock's week: holds are checked against the database's.
    now = datetime.now(UTC).replace(hour=20) + timedelta(days=weekday)
    services.seed(now)
    assert BookingLink.objects.filter(slug="alice-discovery-call").exists()
    assert set(Booking.objects.values_list("status", flat=True)) == {"confirmed", "cancelled", "rescheduled"}
    assert set(Booking.objects.values_list("no_show_status", flat=True)) == {"", "attended", "no_show"}
    assert OneOff.objects.get().slots.count() == 3
    known = Activity.objects.filter(kind=Activity.Kind.STAGE).select_related("person")
    assert {each.stage for each in known} == {"evaluating"}
    assert all(each.person.created_at < each.at for each in known)


def test_a_second_run_changes_nothing(db: None) -> None:
    call_command("seed_demo")
    before = (Booking.objects.count(), User.objects.count())
    call_command("seed_demo")
    assert (Booking.objects.count(), User.objects.count()) == before


def test_it_says_what_to_try(db: None) -> None:
    out = StringIO()
    call_command("seed_demo", show=True, stdout=out)
    assert services.ADMIN in out.getvalue()
    assert "/book/alice-discovery-call" in out.getvalue()


def test_it_refuses_a_public_installation(db: None, settings: object) -> None:
    settings.LOCAL_SITE = False  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="known to everybody"):
        call_command("seed_demo")
    assert not User.objects.exists()
