import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

MOVED_BY_BOOKERS = "UPDATE booking_attendees SET ended_by = 'booker' WHERE status = 'rescheduled'"


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0006_bookings_without_bookers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="private_note",
            field=models.TextField(blank=True, default="", max_length=5000),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="booking",
            name="noted_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="booking",
            name="noted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RenameField(model_name="attendee", old_name="cancelled_by", new_name="ended_by"),
        migrations.AlterField(
            model_name="attendee",
            name="reason",
            field=models.CharField(
                blank=True, help_text="Why it was cancelled or moved.", max_length=500
            ),
        ),
        migrations.RunSQL(MOVED_BY_BOOKERS, migrations.RunSQL.noop),
    ]
