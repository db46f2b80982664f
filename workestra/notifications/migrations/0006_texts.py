from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0005_in_the_order_they_are_owed'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='is_text',
            field=models.BooleanField(db_default=False, default=False, help_text='It goes by another way than mails: neither waits for the other.'),
        ),
        migrations.AlterField(
            model_name='outboxmessage',
            name='recipient',
            field=models.CharField(max_length=254),
        ),
    ]
