import uuid

import django.contrib.postgres.fields
import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

CONFIRMED_OR_ENDED = models.Q(("ended_at", None), ("status", "confirmed")) | models.Q(
    models.Q(("status", "confirmed"), _negated=True), ("ended_at__isnull", False)
)
STATUS = [("confirmed", "Confirmed"), ("cancelled", "Cancelled"), ("rescheduled", "Rescheduled")]
ATTENDANCE = [("", "Not marked"), ("attended", "Attended"), ("no_show", "No-show")]


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0003_answer_file"),
        ("crm", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attendee",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("email", models.EmailField(max_length=254)),
                ("phone", models.CharField(blank=True, max_length=40)),
                ("timezone", models.CharField(max_length=64)),
                ("notes", models.TextField(blank=True, max_length=5000)),
                (
                    "answers",
                    models.JSONField(
                        blank=True, default=list, encoder=django.core.serializers.json.DjangoJSONEncoder
                    ),
                ),
                (
                    "guests",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.EmailField(max_length=254), blank=True, default=list, size=10
                    ),
                ),
                ("status", models.CharField(choices=STATUS, default="confirmed", max_length=16)),
                (
                    "cancelled_by",
                    models.CharField(
                        blank=True, choices=[("booker", "Booker"), ("host", "Host")], max_length=8
                    ),
                ),
                ("reason", models.CharField(blank=True, help_text="Why it was cancelled.", max_length=500)),
                (
                    "ended_at",
                    models.DateTimeField(
                        blank=True, help_text="When he cancelled or moved away.", null=True
                    ),
                ),
                (
                    "no_show_status",
                    models.CharField(blank=True, choices=ATTENDANCE, default="", max_length=16),
                ),
                ("series_id", models.UUIDField(default=uuid.uuid4)),
                ("ics_sequence", models.PositiveIntegerField(default=0)),
                ("manage_token_hash", models.CharField(max_length=64, unique=True)),
                ("manage_token_generation", models.PositiveIntegerField(default=0)),
                ("idempotency_key", models.UUIDField(unique=True)),
                ("created_at", models.DateTimeField()),
                (
                    "booking",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attendees",
                        to="bookings.booking",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="attendances",
                        to="crm.person",
                    ),
                ),
            ],
            options={
                "db_table": "booking_attendees",
                "ordering": ["created_at", "id"],
                "indexes": [models.Index(fields=["series_id", "ics_sequence"], name="attendee_by_series")],
                "constraints": [
                    models.CheckConstraint(condition=CONFIRMED_OR_ENDED, name="attendee_confirmed_or_ended"),
                    models.CheckConstraint(
                        condition=models.Q(("guests__len__lte", 10)), name="attendee_guests_at_most"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "confirmed")),
                        fields=("series_id",),
                        name="attendee_one_live_row_per_series",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="booking",
            name="capacity",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="booking",
            name="co_hosts",
            field=models.ManyToManyField(
                db_table="scheduling_calendar_event_hosts",
                related_name="cohosted_bookings",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="retiredtoken",
            name="attendee",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="retired_tokens",
                to="bookings.attendee",
            ),
        ),
    ]
