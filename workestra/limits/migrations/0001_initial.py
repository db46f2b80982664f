from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Counter',
            fields=[
                ('key', models.CharField(max_length=80, primary_key=True, serialize=False)),
                ('hits', models.PositiveIntegerField()),
                ('ends_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'limits_counters',
                'indexes': [models.Index(fields=['ends_at'], name='counter_by_end')],
            },
        ),
        # Every page view writes here while Redis is away: without the log that is a tenth of the cost.
        migrations.RunSQL(
            'ALTER TABLE limits_counters SET UNLOGGED', 'ALTER TABLE limits_counters SET LOGGED'
        ),
    ]
