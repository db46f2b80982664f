from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [("bookings", "0009_bulk_changes")]

    operations = [
        TrigramExtension(),
        migrations.AddIndex(
            model_name="attendee",
            index=GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="attendee_by_name"),
        ),
        migrations.AddIndex(
            model_name="attendee",
            index=GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="attendee_by_email"),
        ),
        migrations.AddIndex(
            model_name="booking",
            index=GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="booking_by_title"),
        ),
    ]
