"""Texts for tests: who wants them, and workflows that send them."""

from datetime import datetime, timedelta
from typing import Any

from bookings.models import Attendee
from scheduling.domain.workflows import Channel, StepDraft, To
from scheduling.models import BookingLink
from tests.bookings.making_workflows import DAY, HOUR
from tests.factories import make_booking
from workestra.accounts.models import Membership
from workestra.sms.effects import code_of
from workestra.sms.models import HostNumber
from workestra.sms.services import confirm_number, enter_number

PRIYA = "+12024561111"
ALICE = "+4915112345678"


def text_step(delay: timedelta = DAY, to: To = To.BOOKER, **more: Any) -> StepDraft:
    body = more.pop("body", "{{event_title}} with {{host_name}}: {{start_time}}.")
    return StepDraft(None, delay, to, "", body, channel=Channel.SMS, **more)


def booked_with_texts(link: BookingLink, now: datetime, **booker: Any) -> Attendee:
    """Priya's booking in two days; she has ticked."""
    details = {"phone": PRIYA, "texts": "Text me."} | booker
    return make_booking(link, now + 2 * DAY + HOUR, now, **details).booker


def confirmed(member: Membership, now: datetime, number: str = ALICE) -> HostNumber:
    asked = enter_number(by=member, number=number, now=now)
    return confirm_number(by=member, code=code_of(asked), now=now)
