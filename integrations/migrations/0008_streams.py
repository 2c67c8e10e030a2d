import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0007_windows"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncwindow",
            name="counted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="syncwindow",
            name="looks",
            field=models.SmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="syncwindow",
            name="bodies_dropped_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="gap",
            name="job",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="gaps",
                to="integrations.syncjob",
            ),
        ),
        migrations.RemoveIndex(model_name="event", name="event_by_store"),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=Q(("lane__lt", 2)),
                fields=["store", "-received_at", "-id"],
                name="event_live",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=Q(("lane", 2)),
                fields=["store", "-received_at", "-id"],
                name="event_past",
            ),
        ),
    ]
