"""A replay is judged stage by stage, and shows what joined its reasons meanwhile."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0016_count_dead_letters'),
    ]

    operations = [
        migrations.AddField(
            model_name='replay',
            name='causes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='replay',
            name='ended_before',
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='replay',
            name='failed_before',
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='event',
            name='skip',
            field=models.CharField(blank=True, choices=[('unchanged', 'unchanged'), ('stale', 'stale'), ('test_order', 'test_order'), ('nobody', 'nobody'), ('topic_not_wanted', 'topic_not_wanted'), ('consent_off', 'consent_off'), ('stock_per_location', 'stock_per_location'), ('customer_deleted', 'customer_deleted'), ('order_deleted', 'order_deleted'), ('checkout_done', 'checkout_done'), ('fulfilment_cancelled', 'fulfilment_cancelled'), ('not_in_catalog', 'not_in_catalog'), ('compliance', 'compliance'), ('connection', 'connection'), ('path_test', 'path_test'), ('set_aside', 'set_aside')], max_length=24),
        ),
    ]
