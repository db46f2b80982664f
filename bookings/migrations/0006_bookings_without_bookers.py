import django.db.models.deletion
from django.db import migrations, models

MOVED = [
    "person",
    "booker_name",
    "booker_email",
    "booker_phone",
    "booker_timezone",
    "notes",
    "answers",
    "cancelled_by",
    "cancellation_reason",
    "manage_token_hash",
    "manage_token_generation",
    "idempotency_key",
]


class Migration(migrations.Migration):
    dependencies = [("bookings", "0005_attendees_of_bookings")]

    operations = [
        *(migrations.RemoveField(model_name="booking", name=name) for name in MOVED),
        migrations.RemoveField(model_name="retiredtoken", name="booking"),
        migrations.AlterField(
            model_name="retiredtoken",
            name="attendee",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="retired_tokens",
                to="bookings.attendee",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attendee_count__gte", 0), ("attendee_count__lte", models.F("capacity"))
                ),
                name="booking_never_over_capacity",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.CheckConstraint(
                condition=models.Q(("attendee_count__gt", 0), ("status", "confirmed"))
                | models.Q(models.Q(("status", "confirmed"), _negated=True), ("attendee_count", 0)),
                name="booking_attended_while_confirmed",
            ),
        ),
        migrations.AddConstraint(
            model_name="booking",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "confirmed"), ("strategy", "group")),
                fields=("link", "starts_at"),
                name="booking_one_session_per_start",
            ),
        ),
    ]
