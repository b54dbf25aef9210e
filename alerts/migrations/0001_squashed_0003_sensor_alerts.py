"""The tables as the migrations up to 0003_sensor_alerts made them, in one step for a new database."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('alerts', '0001_initial'), ('alerts', '0002_archive_kinds'), ('alerts', '0003_sensor_alerts')]

    initial = True

    dependencies = [
        ('stations', '0001_squashed_0007_mqtt_protocol'),
        ('users', '0001_squashed_0002_cards_vehicles_enterprises'),
    ]

    operations = [
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('offline', 'Pile offline'), ('fault', 'Fault'), ('sensor', 'Sensor'), ('sim_usage', 'Data plan nearly used up'), ('sim_expiry', 'Data plan runs out'), ('insurance', 'Insurance runs out')], max_length=16, verbose_name='kind')),
                ('connector_no', models.PositiveSmallIntegerField(default=0, help_text='0 is the whole pile', verbose_name='connector')),
                ('code', models.CharField(blank=True, max_length=64, verbose_name='code')),
                ('detail', models.CharField(blank=True, max_length=255, verbose_name='detail')),
                ('opened_at', models.DateTimeField(verbose_name='since')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator')),
                ('pile', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='stations.pile', verbose_name='pile')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station')),
            ],
            options={
                'verbose_name': 'alert',
                'verbose_name_plural': 'alerts',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['operator', '-id'], name='alert_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('pile', 'connector_no', 'kind', 'code'), name='alert_one_open')],
            },
        ),
    ]
