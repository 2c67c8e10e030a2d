"""Who is renewing a login, and whether a person agreed to another kind of login."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_append_only_audit")]

    operations = [
        migrations.AddField(
            model_name="credential",
            name="refreshing_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="authorization",
            name="switch_kind",
            field=models.BooleanField(default=False),
        ),
    ]
