"""How long it takes to work out what a save will do, before it is pressed: `python -m benchmarks.plans`.

The plan of a save that changes every assigned link, in one section and in all, with its token and its outlook: links
left without a time, meetings that stay. Medians, in a test database of its own.
"""

import statistics

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.propagation import ALL, NOW, ONE, SIZES, made, seconds, test_database
from managed_events import plans
from managed_events.domain.draft import TemplateDraft
from managed_events.domain.plan import Plan
from managed_events.models import ManagedEventTemplate
from scheduling.models import BookingLink, LinkHost
from workestra.accounts.models import Membership

RUNS = 5
AIM = 2.0


def main() -> None:
    with test_database():
        print(f"{'links':>7}  {'locked':>8}  {'plan':>9}  {'asked for times':>15}  {'queries':>7}")
        for size in SIZES:
            for locks in (ONE, ALL):
                measure(size, locks)
        print(f"\nAim: at most {AIM:.0f} s at {SIZES[-1]:,} links, and no query per link.")


def measure(size: int, locks: tuple[str, ...]) -> None:
    """Time `RUNS` plans of the same save, and print a line."""
    template = made(size, locks)
    links = list(template.links.all())
    LinkHost.objects.bulk_create(LinkHost(link=link, user_id=link.owner_id) for link in links)
    Membership.objects.bulk_create(
        Membership(workspace_id=link.workspace_id, user_id=link.owner_id, role="member") for link in links
    )
    with CaptureQueriesContext(connection) as captured:
        plan = planned(template, locks)
    assert len(plan.valued) == size
    median = statistics.median(seconds(lambda: planned(template, locks)) for _ in range(RUNS))
    label = "one" if locks == ONE else f"all {len(locks)}"
    print(
        f"{size:>7,}  {label:>8}  {median * 1000:>6.0f} ms  {plan.times_checked or 0:>15}  {len(captured):>7}"
    )
    BookingLink.objects.all().delete()
    template.delete()


def planned(template: ManagedEventTemplate, locks: tuple[str, ...]) -> Plan:
    values = template.section_values() | {"title": "Renamed"}
    if locks == ALL:
        values |= {"duration_minutes": 45, "buffer_after_minutes": 10, "refund_text": "Within a week."}
    draft = TemplateDraft(values, locks, template.slug, template.slug_pattern)
    plan = plans.with_outlook(plans.of_save(template, draft), NOW, template=template)
    assert plan.token
    return plan


if __name__ == "__main__":
    main()
