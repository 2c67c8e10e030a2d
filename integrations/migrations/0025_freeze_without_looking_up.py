"""The frozen lists are copied from the records; PostgreSQL need not look each one up again.

It did so row by row, for a hundred thousand rows while somebody waited.
"""

import django.db.models.deletion
from django.db import migrations, models

LISTS = {"binningitem": "+", "grouprepairitem": "+", "replayitem": "replay_items"}


class Migration(migrations.Migration):
    """Keep the column and its index, without the constraint."""

    dependencies = [("integrations", "0024_steps_of_replays")]

    operations = [
        migrations.AlterField(
            model_name=name,
            name="dead_letter",
            field=models.ForeignKey(
                to="integrations.deadletter",
                on_delete=django.db.models.deletion.CASCADE,
                related_name=related,
                db_index=False,
                db_constraint=False,
            ),
        )
        for name, related in LISTS.items()
    ]
