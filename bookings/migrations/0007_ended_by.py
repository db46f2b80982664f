from django.db import migrations, models

MOVED_BY_BOOKERS = "UPDATE booking_attendees SET ended_by = 'booker' WHERE status = 'rescheduled'"


class Migration(migrations.Migration):
    dependencies = [("bookings", "0006_bookings_without_bookers")]

    operations = [
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
