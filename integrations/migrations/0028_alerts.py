"""Alerts, who is told of them, and other numbers for their rules."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import integrations.domain.alerting


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0027_figures'),
    ]

    operations = [
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('key', models.CharField(max_length=120)),
                ('rule', models.CharField(max_length=30)),
                ('state', models.CharField(choices=[('pending', 'pending'), ('firing', 'firing'), ('over', 'over')], max_length=10)),
                ('severity', models.CharField(choices=[('warning', 'warning'), ('critical', 'critical')], max_length=10)),
                ('value', models.FloatField(default=0)),
                ('words', models.CharField(blank=True, max_length=300)),
                ('bad_since', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('good_since', models.DateTimeField(blank=True, null=True)),
                ('fired_at', models.DateTimeField(blank=True, null=True)),
                ('over_at', models.DateTimeField(blank=True, null=True)),
                ('taken_at', models.DateTimeField(blank=True, null=True)),
                ('escalated_at', models.DateTimeField(blank=True, null=True)),
                ('again', models.IntegerField(default=0)),
                ('klaviyo_account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='integrations.klaviyoaccount')),
                ('merchant', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='integrations.merchant')),
                ('store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='integrations.store')),
                ('taken_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='AlertChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('secret', models.BinaryField()),
                ('least', models.CharField(choices=[('warning', 'warning'), ('critical', 'critical')], default=integrations.domain.alerting.Severity['WARNING'], max_length=10)),
                ('quiet_from', models.TimeField(blank=True, null=True)),
                ('quiet_until', models.TimeField(blank=True, null=True)),
                ('time_zone', models.CharField(default='UTC', max_length=64)),
                ('made_at', models.DateTimeField()),
                ('last_sent_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, max_length=300)),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('merchant', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alert_channels', to='integrations.merchant')),
            ],
        ),
        migrations.CreateModel(
            name='AlertLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=30)),
                ('warning', models.FloatField(blank=True, null=True)),
                ('critical', models.FloatField(blank=True, null=True)),
                ('lasting_minutes', models.IntegerField(default=0)),
                ('merchant', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alert_limits', to='integrations.merchant')),
            ],
        ),
        migrations.CreateModel(
            name='AlertTelling',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('told', models.CharField(choices=[('begun', 'that it began'), ('worse', 'that it got worse'), ('still', 'that nobody takes care of it'), ('over', 'that it is over')], max_length=10)),
                ('severity', models.CharField(max_length=10)),
                ('words', models.CharField(blank=True, max_length=300)),
                ('made_at', models.DateTimeField()),
                ('next_attempt_at', models.DateTimeField()),
                ('attempts', models.IntegerField(default=0)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('given_up_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, max_length=300)),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tellings', to='integrations.alert')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tellings', to='integrations.alertchannel')),
            ],
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['merchant', '-id'], name='alert_by_merchant'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['key', '-over_at'], name='alert_by_key'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['over_at'], name='alert_by_end'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'over'), _negated=True), fields=('key',), name='alert_open_once'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'over'), ('over_at__isnull', True), _connector='XOR'), name='alert_over_has_a_time'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'pending'), ('fired_at__isnull', False), _connector='XOR'), name='alert_fired_has_one'),
        ),
        migrations.AddConstraint(
            model_name='alertchannel',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_until__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_until__isnull', False)), _connector='OR'), name='alert_channel_quiet_whole'),
        ),
        migrations.AddConstraint(
            model_name='alertlimit',
            constraint=models.UniqueConstraint(fields=('merchant', 'rule'), name='alert_limit_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='alertlimit',
            constraint=models.CheckConstraint(condition=models.Q(('lasting_minutes__gte', 0), ('lasting_minutes__lte', 1440)), name='alert_limit_lasting'),
        ),
        migrations.AddIndex(
            model_name='alerttelling',
            index=models.Index(condition=models.Q(('given_up_at', None), ('sent_at', None)), fields=['next_attempt_at'], name='alert_telling_due'),
        ),
        migrations.AddConstraint(
            model_name='alerttelling',
            constraint=models.UniqueConstraint(fields=('alert', 'channel', 'told'), name='alert_told_once_a_channel'),
        ),
    ]
