"""Every booking gets its booker as its attendee.

He takes over the booking's id: his manage token is derived from it, and mails that wait in the outbox name it. A
migration of its own, as PostgreSQL alters no table with rows written in the same transaction.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("bookings", "0004_attendees")]

    operations = [
        migrations.RunSQL(
            """
            INSERT INTO booking_attendees (
                id, booking_id, person_id, name, email, phone, timezone, notes, answers, guests,
                status, cancelled_by, reason, ended_at, no_show_status,
                series_id, ics_sequence, manage_token_hash, manage_token_generation, idempotency_key, created_at
            )
            SELECT
                id, id, person_id, booker_name, booker_email, booker_phone, booker_timezone, notes, answers, '{}',
                status, cancelled_by, cancellation_reason, ended_at, no_show_status,
                series_id, ics_sequence, manage_token_hash, manage_token_generation, idempotency_key, created_at
            FROM scheduling_calendar_events;
            UPDATE bookings_retiredtoken SET attendee_id = booking_id;
            UPDATE scheduling_calendar_events SET attendee_count = 0 WHERE status <> 'confirmed';
            """
        )
    ]
