from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("integrations", "0009_bulk")]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="merchant",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.deletion.CASCADE,
                related_name="notices",
                to="integrations.merchant",
            ),
        ),
        migrations.AlterField(
            model_name="notice", name="body", field=models.TextField(blank=True)
        ),
        migrations.AddField(
            model_name="notice",
            name="invitation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.deletion.CASCADE,
                related_name="notices",
                to="integrations.invitation",
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="person",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.deletion.CASCADE,
                related_name="notices",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=Q(merchant=None) ^ Q(person=None), name="notice_to_somebody"
            ),
        ),
    ]
