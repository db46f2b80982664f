"""Where the pages of the gallery are: functions that give a page's address in a world."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from bookings.models import Booking
from bookings.selectors import manage_token
from one_off.selectors import token_of
from tests.browser.world import DISCOVERY, World
from workestra.accounts.models import Group


def at(view: str, **arguments: Callable[[World], Any]) -> Callable[[World], str]:
    return lambda world: reverse(view, kwargs={name: of(world) for name, of in arguments.items()})


def query(address: str | Callable[[World], str], **parameters: str | Callable[[World], str]) -> Any:
    """The address with a query; its values may depend on the world."""

    def full(world: World) -> str:
        path = address if isinstance(address, str) else address(world)
        values = {
            name: value if isinstance(value, str) else value(world) for name, value in parameters.items()
        }
        return f"{path}{'&' if '?' in path else '?'}{urlencode(values)}"

    return full


def seats_left(world: World) -> str:
    """A day with a session that some have booked."""
    session = world.booking(slug="onboarding-session")
    return f"/book/onboarding-session?date={session.starts_at:%Y-%m-%d}&tz=America/New_York"


def cancelled(world: World) -> Booking:
    return world.booking("cancelled")


def moved(world: World) -> str:
    """An address that was right before the booking was moved."""
    old = world.booking("rescheduled")
    return world.manage(old)


def on_member(name: str, username: str) -> Callable[[World], str]:
    return at(f"people:{name}", member_id=lambda world: world.members[username].pk)


def on_group(name: str) -> Callable[[World], str]:
    return at(
        f"people:{name}", group_id=lambda world: world.template.group_id or Group.objects.earliest("name").pk
    )


def on_template(view: str) -> Callable[[World], str]:
    return at(f"managed_events:{view}", template_id=lambda world: world.template.pk)


def proposing(world: World) -> str:
    return reverse("one_off:propose", args=[token_of(world.one_off("open"))])


def of_picked(name: str) -> Callable[[World], str]:
    def address(world: World) -> str:
        booking = world.one_off("booked").booking
        assert booking is not None
        return reverse(name, args=[manage_token(booking.booker)])

    return address


def editing_one_off(world: World) -> str:
    return reverse("one_off:edit", args=[world.one_off("open").pk])


def on_one_off(state: str) -> Callable[[World], str]:
    return at("one_off:pick", token=lambda world: token_of(world.one_off(state)))


def on_mail(method: str) -> Callable[[World], str]:
    return at("notifications:mail", mail_id=lambda world: world.mail(method).pk)


def on_link(view: str, slug: str = DISCOVERY) -> Callable[[World], str]:
    return at(f"scheduling:{view}", link_id=lambda world: world.link(slug).pk)


def on_person(view: str) -> Callable[[World], str]:
    return at(f"crm:{view}", person_id=lambda world: world.person.pk)


def on_schedule(view: str) -> Callable[[World], str]:
    return at(f"scheduling:{view}", schedule_id=lambda world: world.schedule.pk)


def connecting(kind: str) -> str:
    return reverse("calendars:connect", args=[kind])


def console(tab: str, *, slug: str = "") -> Callable[[World], str]:
    """The list, with the row of this link's booking open."""
    opened = {"open": lambda world: str(world.booking(tab, slug).pk)} if slug else {}
    return query("/calendar/bookings", tab=tab, **opened)
