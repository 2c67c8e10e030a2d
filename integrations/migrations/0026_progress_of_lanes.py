"""A lane says when something of it last came to its end: what tells stuck from slow."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column; empty until the first batch."""

    dependencies = [("integrations", "0025_freeze_without_looking_up")]

    operations = [
        migrations.AddField(
            model_name="storelane",
            name="progressed_at",
            field=models.DateTimeField(null=True, blank=True),
        ),
    ]
