"""The tables as the migrations up to 0005_alarm_messages made them, in one step for a new database."""

import django.db.models.deletion

from django.db import migrations, models

from kernel.migration_operations import CreateModels


class Migration(migrations.Migration):

    replaces = [('alerts', '0001_initial'), ('alerts', '0002_archive_kinds'), ('alerts', '0003_sensor_alerts'), ('alerts', '0004_protective_stops'), ('alerts', '0005_alarm_messages')]

    initial = True

    dependencies = [
        ('stations', '0001_squashed_0009_duty_phone'),
        ('users', '0001_squashed_0005_driver_settings_and_notices'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Alert',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('offline', 'Pile offline'), ('fault', 'Fault'), ('protection', 'Protective stop'), ('sensor', 'Sensor'), ('sim_usage', 'Data plan nearly used up'), ('sim_expiry', 'Data plan runs out'), ('insurance', 'Insurance runs out')], max_length=16, verbose_name='kind')),
                    ('connector_no', models.PositiveSmallIntegerField(default=0, help_text='0 is the whole pile', verbose_name='connector')),
                    ('code', models.CharField(blank=True, max_length=64, verbose_name='code')),
                    ('detail', models.CharField(blank=True, max_length=255, verbose_name='detail')),
                    ('opened_at', models.DateTimeField(verbose_name='since')),
                    ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ],
                options={
                    'verbose_name': 'alert',
                    'verbose_name_plural': 'alerts',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='AlertMessage',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('phone', models.CharField(max_length=11, verbose_name='phone')),
                    ('state', models.CharField(choices=[('queued', 'Waiting'), ('sent', 'Sent'), ('failed', 'Not sent')], default='queued', max_length=8, verbose_name='state')),
                    ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('due_at', models.DateTimeField(blank=True, null=True, verbose_name='next try')),
                    ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent at')),
                    ('provider_no', models.CharField(blank=True, max_length=64, verbose_name="provider's no.")),
                    ('reason', models.CharField(blank=True, max_length=128, verbose_name='reason')),
                ],
                options={
                    'verbose_name': 'alarm message',
                    'verbose_name_plural': 'alarm messages',
                    'ordering': ['-id'],
                },
            ),
            migrations.AddField(
                model_name='alert',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='alert',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='alert',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='alertmessage',
                name='alert',
                field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='alerts.alert', verbose_name='alert'),
            ),
            migrations.AddField(
                model_name='alertmessage',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='alertmessage',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddIndex(
                model_name='alert',
                index=models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['operator', '-id'], name='alert_open'),
            ),
            migrations.AddConstraint(
                model_name='alert',
                constraint=models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('pile', 'connector_no', 'kind', 'code'), name='alert_one_open'),
            ),
            migrations.AddIndex(
                model_name='alertmessage',
                index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='alert_message_due'),
            ),
            migrations.AddConstraint(
                model_name='alertmessage',
                constraint=models.UniqueConstraint(fields=('alert', 'phone'), name='alert_message_once'),
            ),
            migrations.AddConstraint(
                model_name='alertmessage',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', False), ('state', 'queued')), models.Q(models.Q(('state', 'queued'), _negated=True), ('due_at__isnull', True)), _connector='OR'), name='alert_message_due_while_queued'),
            ),
        ]),
    ]
