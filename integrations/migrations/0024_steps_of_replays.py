"""A replay begins, and is cancelled, in steps of its own."""

from django.db import migrations, models
from django.db.models import Q

STATES = [
    "draft",
    "awaiting",
    "beginning",
    "running",
    "paused",
    "stopped",
    "cancelling",
    "cancelled",
    "done",
]


class Migration(migrations.Migration):
    """Know the two states."""

    dependencies = [("integrations", "0019_group_repairs")]

    operations = [
        migrations.RemoveConstraint(model_name="replay", name="replay_state_known"),
        migrations.AlterField(
            model_name="replay",
            name="state",
            field=models.CharField(
                max_length=10, default="draft", choices=[(one, one) for one in STATES]
            ),
        ),
        migrations.AddConstraint(
            model_name="replay",
            constraint=models.CheckConstraint(
                condition=Q(state__in=STATES), name="replay_state_known"
            ),
        ),
    ]
