"""What every preset says on the days on which clocks change, with the host in Berlin and the booker in New York.

`WRITE_SNAPSHOTS=1 .venv/bin/pytest tests/bookings/test_workflow_mails.py` writes the snapshots anew; read the
difference before you commit it.
"""

import re
from datetime import UTC, datetime

import pytest
from django.core.mail import EmailMultiAlternatives

from bookings.models import Booking, WorkflowRun
from bookings.services import attendance
from scheduling.domain.workflow_presets import PRESETS
from tests.bookings.making_workflows import HOUR, make_preset
from tests.bookings.test_mails import around_the_clock, assert_is_snapshot, without_what_differs
from tests.factories import make_booking
from workestra.accounts.models import Membership
from workestra.notifications.registry import renderer_of

pytestmark = pytest.mark.django_db

# Each of the meetings lasts half an hour on either side of a change.
CHANGES = {
    "berlin-spring": datetime(2030, 3, 31, 0, 45, tzinfo=UTC),  # 01:45 CET to 03:15 CEST
    "berlin-fall": datetime(2030, 10, 27, 0, 45, tzinfo=UTC),  # 02:45 CEST to 02:15 CET
    "new-york-spring": datetime(2030, 3, 10, 6, 45, tzinfo=UTC),  # 01:45 EST to 03:15 EDT
    "new-york-fall": datetime(2030, 11, 3, 5, 45, tzinfo=UTC),  # 01:45 EDT to 01:15 EST
}


def said(run: WorkflowRun) -> str:
    """The mail of the run, sent when it is due, without its last lines, which all have."""
    mail = renderer_of(run.message.kind)(run.message, run.due_at)
    assert isinstance(mail, EmailMultiAlternatives), mail
    text = re.split(r"\n-- \n", str(mail.body))[0].strip()
    assert {"CET", "CEST"} & set(re.findall(r"\w+", text)), "the host's clock"
    return without_what_differs(f"To: {mail.to[0]}\nSubject: {mail.subject}\n\n{text}\n")


def test_both_clocks_are_right_in_every_preset_on_the_days_on_which_they_change(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    link = around_the_clock(alice)
    workflows = [make_preset(dana, preset.key, NOW) for preset in PRESETS if preset.key != "text"]
    for name, start in CHANGES.items():
        booking = make_booking(link, start, NOW)
        missed = Booking.Attendance.NO_SHOW
        before = WorkflowRun.objects.filter(attendee__booking=booking)
        mails = {run.workflow_id: said(run) for run in before}
        over = booking.ends_at + HOUR / 12
        attendance.mark(attendee=booking.booker, attendance=missed, actor=alice.user, now=over)
        mails |= {run.workflow_id: said(run) for run in before.exclude(workflow__in=mails)}
        told = [mails[workflow.pk] for workflow in workflows]
        assert_is_snapshot(f"workflow-presets-{name}.txt", f"{'=' * 80}\n".join(told))
