import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0011_breakers"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncwindow",
            name="way_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.CreateModel(
            name="BulkLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.BigIntegerField()),
                ("owner", models.CharField(max_length=100)),
                ("is_root", models.BooleanField()),
                ("body", models.BinaryField()),
                (
                    "window",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bulk_lines",
                        to="integrations.syncwindow",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="bulkline",
            constraint=models.UniqueConstraint(fields=("window", "place"), name="bulk_line_once"),
        ),
        migrations.AddIndex(
            model_name="bulkline",
            index=models.Index(fields=["window", "owner"], name="bulk_line_by_owner"),
        ),
        migrations.AddIndex(
            model_name="bulkline",
            index=models.Index(
                condition=models.Q(("is_root", True)),
                fields=["window", "place"],
                name="bulk_line_roots",
            ),
        ),
    ]
