"""What must be true of the database at every moment, whatever happened before: one query for each.

Only reads. It asks the tables, not the services that write them, so that a mistake there cannot hide itself here.
"""

from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

from scheduling.domain.sections import SECTIONS, Section

SHOWN: Final = 5
"""So many breaks of one invariant are named; the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` gives a row for each break, its first column naming the thing."""

    key: str
    sentence: str
    sql: str


@dataclass(frozen=True, slots=True)
class Broken:
    invariant: Invariant
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {self.count - len(self.examples)} more" if self.count > len(self.examples) else ""
        return f"{self.invariant.key}: {self.invariant.sentence}. Not so: {', '.join(self.examples)}{more}"


def _differs(section: Section) -> str:
    links, templates = (", ".join(f"{table}.{field}" for field in section.fields) for table in "lt")
    return f"'{section.key}' = ANY(l.locked_sections) AND ({links}) IS DISTINCT FROM ({templates})"


INVARIANTS: Final = (
    Invariant(
        "time",
        "No host is taken twice at one time",
        """
        SELECT a.id FROM scheduling_busytime a JOIN scheduling_busytime b
            ON a.host_id = b.host_id AND a.owner_key < b.owner_key AND a.during && b.during
        WHERE a.active AND b.active
        """,
    ),
    Invariant(
        "meeting",
        "A confirmed booking takes exactly its own time of each of its hosts",
        """
        SELECT id FROM (
            SELECT e.id, e.starts_at, e.ends_at, h.host_id FROM scheduling_calendar_events e CROSS JOIN LATERAL (
                SELECT e.host_id UNION SELECT user_id FROM scheduling_calendar_event_hosts WHERE booking_id = e.id
            ) h
            WHERE e.status = 'confirmed'
        ) needed
        WHERE 1 <> (
            SELECT count(*) FROM scheduling_busytime
            WHERE owner_key = needed.id AND host_id = needed.host_id AND active
                AND during = tstzrange(needed.starts_at, needed.ends_at)
        )
        """,
    ),
    Invariant(
        "orphan",
        "Time is taken only for a confirmed booking, of one of its hosts, or held for times that are offered",
        """
        SELECT id FROM scheduling_busytime b
        WHERE active AND kind <> 'hold' AND NOT EXISTS (
            SELECT FROM scheduling_calendar_events e
            WHERE e.id = b.owner_key AND e.status = 'confirmed' AND b.host_id IN (
                SELECT e.host_id UNION SELECT user_id FROM scheduling_calendar_event_hosts WHERE booking_id = e.id
            )
        )
        UNION ALL
        SELECT id FROM scheduling_busytime b
        WHERE active AND kind = 'hold' AND NOT EXISTS (
            SELECT FROM one_off_oneoff WHERE id = b.owner_key AND state = 'open' AND host_id = b.host_id
        ) AND NOT EXISTS (
            SELECT FROM bookings_alternatives a JOIN scheduling_calendar_events e ON e.id = a.booking_id
            WHERE a.booking_id = b.owner_key AND a.state = 'open' AND b.host_id IN (
                SELECT e.host_id UNION SELECT user_id FROM scheduling_calendar_event_hosts WHERE booking_id = e.id
            )
        )
        """,
    ),
    Invariant(
        "seats",
        "A booking counts those who are coming, at least one and at most its capacity; when it has ended, none",
        """
        SELECT id FROM scheduling_calendar_events e CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE status = 'confirmed') AS coming FROM booking_attendees WHERE booking_id = e.id
        ) seats
        WHERE attendee_count <> coming OR coming > capacity OR (status = 'confirmed') <> (coming > 0)
        """,
    ),
    Invariant(
        "seat",
        "The time of a group session, and of nothing else, says how many come to it",
        """
        SELECT b.id FROM scheduling_busytime b LEFT JOIN scheduling_calendar_events e ON e.id = b.owner_key
        WHERE b.active
            AND b.seats_taken IS DISTINCT FROM CASE WHEN e.strategy = 'group' THEN e.attendee_count END
        """,
    ),
    Invariant(
        "session",
        "A group page has one session at a start",
        """
        SELECT min(id::text) FROM scheduling_calendar_events
        WHERE status = 'confirmed' AND strategy = 'group' GROUP BY link_id, starts_at HAVING count(*) > 1
        """,
    ),
    Invariant(
        "hold",
        "What has expired is held no longer than a minute",
        """
        SELECT id FROM scheduling_busytime
        WHERE active AND kind = 'hold' AND expires_at < clock_timestamp() - interval '60 seconds'
        """,
    ),
    Invariant(
        "placeholder",
        "What stands in a calendar as held is held, or is known to have to go",
        """
        SELECT e.key FROM calendars_own_events e
        WHERE e.is_there AND e.written_version = e.version AND CASE e.topic
            WHEN 'one-off slot' THEN NOT EXISTS (
                SELECT FROM one_off_offeredslot s JOIN one_off_oneoff o ON o.id = s.one_off_id
                WHERE s.id = e.topic_id AND s.withdrawn_at IS NULL AND o.state = 'open' AND o.reserve
            )
            WHEN 'alternative time' THEN NOT EXISTS (
                SELECT FROM bookings_alternativetime t JOIN bookings_alternatives a ON a.id = t.alternatives_id
                WHERE t.id = e.topic_id AND a.state = 'open'
            )
        END
        """,
    ),
    Invariant(
        "one-off",
        "A one-off is booked when, and only when, one attendee was entered for it, whose meeting may have moved since",
        """
        SELECT o.id FROM one_off_oneoff o
        LEFT JOIN booking_attendees a ON a.idempotency_key = o.id
        LEFT JOIN scheduling_calendar_events entered ON entered.id = a.booking_id
        LEFT JOIN scheduling_calendar_events stands ON stands.id = o.booking_id
        WHERE (o.state = 'booked') <> (a.id IS NOT NULL) OR entered.series_id <> stands.series_id
        """,
    ),
    Invariant(
        "told of a booking",
        "Who booked is owed exactly one mail that says so, or that he moved",
        """
        SELECT a.id FROM booking_attendees a
        WHERE 1 <> (
            SELECT count(*) FROM notifications_outbox_messages
            WHERE resend_of_id IS NULL AND topic_id = a.id AND recipient = a.email
                AND kind IN ('booking.confirmed.booker', 'booking.moved.booker', 'booking.proposed.booker')
        )
        """,
    ),
    Invariant(
        "told of a cancellation",
        "Who was cancelled is owed exactly one mail that says so, and nobody else is",
        """
        SELECT a.id FROM booking_attendees a
        WHERE (CASE a.status WHEN 'cancelled' THEN 1 ELSE 0 END) <> (
            SELECT count(*) FROM notifications_outbox_messages
            WHERE resend_of_id IS NULL AND topic_id = a.id AND recipient = a.email AND kind = 'booking.cancelled.booker'
        )
        """,
    ),
    Invariant(
        "told the host",
        "The host of a booking is owed a mail that says so, and another when it is cancelled",
        """
        SELECT e.id FROM scheduling_calendar_events e
        WHERE NOT EXISTS (
            SELECT FROM notifications_outbox_messages
            WHERE topic_id = e.id AND kind IN ('booking.confirmed.host', 'booking.moved.host', 'booking.proposed.host')
        ) OR (status = 'cancelled' AND NOT EXISTS (
            SELECT FROM notifications_outbox_messages WHERE topic_id = e.id AND kind = 'booking.cancelled.host'
        ))
        """,
    ),
    Invariant(
        "series",
        "Of a series one booking stands at the most, and no two have the same SEQUENCE",
        """
        SELECT series_id FROM scheduling_calendar_events
        GROUP BY series_id HAVING count(*) FILTER (WHERE status = 'confirmed') > 1
            OR count(DISTINCT ics_sequence) < count(*)
        UNION ALL
        SELECT series_id FROM booking_attendees
        GROUP BY series_id HAVING count(*) FILTER (WHERE status = 'confirmed') > 1
            OR count(DISTINCT ics_sequence) < count(*)
        """,
    ),
    Invariant(
        "turns",
        "No two hosts of a pool had the same turn",
        """
        SELECT min(id) FROM scheduling_linkhost
        WHERE rotation > 0 GROUP BY link_id, rotation HAVING count(*) > 1
        """,
    ),
    Invariant(
        "workspace",
        "What belongs together is of one workspace",
        """
        SELECT b.id FROM scheduling_busytime b JOIN scheduling_calendar_events e ON e.id = b.owner_key
        WHERE b.workspace_id <> e.workspace_id
        UNION ALL
        SELECT e.id FROM scheduling_calendar_events e JOIN scheduling_booking_links l ON l.id = e.link_id
        WHERE e.workspace_id <> l.workspace_id
        UNION ALL
        SELECT l.id FROM scheduling_booking_links l
            JOIN managed_events_managedeventtemplate t ON t.id = l.managed_event_template_id
        WHERE l.workspace_id <> t.workspace_id
        UNION ALL
        SELECT a.id FROM booking_attendees a JOIN crm_person p ON p.id = a.person_id
            JOIN scheduling_calendar_events e ON e.id = a.booking_id
        WHERE p.workspace_id <> e.workspace_id
        """,
    ),
    Invariant(
        "merged",
        "Who was merged into somebody else has nothing, and that one was not merged himself",
        """
        SELECT p.id FROM crm_person p JOIN crm_person k ON k.id = p.merged_into_id
        WHERE k.merged_into_id IS NOT NULL OR k.workspace_id <> p.workspace_id
        UNION ALL
        SELECT p.id FROM crm_person p WHERE p.merged_into_id IS NOT NULL AND (
            EXISTS (SELECT FROM booking_attendees WHERE person_id = p.id)
            OR EXISTS (SELECT FROM crm_activity WHERE person_id = p.id)
            OR EXISTS (SELECT FROM crm_opportunity WHERE person_id = p.id)
        )
        """,
    ),
    Invariant(
        "locks",
        "A link says in each locked section what its template says, unless a run is on its way to it",
        f"""
        SELECT l.id FROM scheduling_booking_links l
            JOIN managed_events_managedeventtemplate t ON t.id = l.managed_event_template_id
        WHERE ({" OR ".join(map(_differs, SECTIONS))}) AND NOT EXISTS (
            SELECT FROM managed_events_propagation r WHERE r.template_id = t.id AND r.state = 'running'
        )
        """,  # noqa: S608  Our own columns.
    ),
)

DELIVERIES: Final = (
    Invariant(
        "delivery",
        "No mail has waited longer than a quarter of an hour",
        """
        SELECT id FROM notifications_outbox_messages
        WHERE sent_at IS NULL AND dead_at IS NULL AND skipped_at IS NULL
            AND available_at < clock_timestamp() - interval '15 minutes'
        """,
    ),
)
"""What is true only while a worker runs."""


def broken_invariants(*, with_deliveries: bool = False) -> list[Broken]:
    """Every invariant that does not hold, all of them asked of the same moment; empty when all is well."""
    found = []
    asked = (*INVARIANTS, *DELIVERIES) if with_deliveries else INVARIANTS
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for invariant in asked:
            cursor.execute(invariant.sql)
            things = [str(row[0]) for row in cursor.fetchall()]
            if things:
                found.append(Broken(invariant, len(things), tuple(things[:SHOWN])))
    return found
