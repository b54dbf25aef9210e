"""The tables as the migrations up to 0004_income_without_a_place made them, in one step for a new database."""

import django.db.models.deletion
import kernel.fields

from django.db import migrations, models

from kernel.migration_operations import CreateModels


class Migration(migrations.Migration):

    replaces = [('analytics', '0001_facts'), ('analytics', '0002_use_facts'), ('analytics', '0003_driver_visits'), ('analytics', '0004_income_without_a_place')]

    initial = True

    dependencies = [
        ('stations', '0001_squashed_0009_duty_phone'),
        ('users', '0001_squashed_0005_driver_settings_and_notices'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='DriverFact',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('electricity_fen', models.BigIntegerField(default=0, verbose_name='electricity (fen)')),
                    ('service_fen', models.BigIntegerField(default=0, verbose_name='service (fen)')),
                    ('fees_fen', models.BigIntegerField(default=0, verbose_name='further fees (fen)')),
                    ('discount_fen', models.BigIntegerField(default=0, verbose_name='discount (fen)')),
                    ('hour', models.DateTimeField(verbose_name='hour')),
                    ('orders', models.PositiveIntegerField(default=0, verbose_name='orders')),
                    ('duration_s', models.BigIntegerField(default=0, verbose_name='charging time (s)')),
                    ('energy_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='energy (kWh)')),
                ],
                options={
                    'verbose_name': 'hour of a driver',
                    'verbose_name_plural': 'hours of drivers',
                },
            ),
            migrations.CreateModel(
                name='DriverVisit',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('last_at', models.DateTimeField(verbose_name='last charge')),
                ],
                options={
                    'verbose_name': 'driver at a station',
                    'verbose_name_plural': 'drivers at stations',
                },
            ),
            migrations.CreateModel(
                name='HourFact',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('electricity_fen', models.BigIntegerField(default=0, verbose_name='electricity (fen)')),
                    ('service_fen', models.BigIntegerField(default=0, verbose_name='service (fen)')),
                    ('fees_fen', models.BigIntegerField(default=0, verbose_name='further fees (fen)')),
                    ('discount_fen', models.BigIntegerField(default=0, verbose_name='discount (fen)')),
                    ('hour', models.DateTimeField(verbose_name='hour')),
                    ('orders', models.PositiveIntegerField(default=0, verbose_name='orders')),
                    ('duration_s', models.BigIntegerField(default=0, verbose_name='charging time (s)')),
                    ('energy_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='energy (kWh)')),
                    ('sharp_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='sharp (kWh)')),
                    ('peak_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='peak (kWh)')),
                    ('flat_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='flat (kWh)')),
                    ('valley_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='valley (kWh)')),
                    ('deep_valley_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='deep valley (kWh)')),
                    ('faults', models.PositiveIntegerField(default=0, verbose_name='faults')),
                ],
                options={
                    'verbose_name': 'hour of a pile',
                    'verbose_name_plural': 'hours of piles',
                    'permissions': [('view_reports', 'Can see reports')],
                },
            ),
            migrations.CreateModel(
                name='UseFact',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('electricity_fen', models.BigIntegerField(default=0, verbose_name='electricity (fen)')),
                    ('service_fen', models.BigIntegerField(default=0, verbose_name='service (fen)')),
                    ('fees_fen', models.BigIntegerField(default=0, verbose_name='further fees (fen)')),
                    ('discount_fen', models.BigIntegerField(default=0, verbose_name='discount (fen)')),
                    ('hour', models.DateTimeField(verbose_name='hour')),
                    ('start_method', models.CharField(blank=True, max_length=16, verbose_name='started by')),
                    ('orders', models.PositiveIntegerField(default=0, verbose_name='orders')),
                    ('duration_s', models.BigIntegerField(default=0, verbose_name='charging time (s)')),
                    ('energy_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='energy (kWh)')),
                ],
                options={
                    'verbose_name': 'hour of a use',
                    'verbose_name_plural': 'hours of uses',
                },
            ),
            migrations.CreateModel(
                name='ChannelFact',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('hour', models.DateTimeField(verbose_name='hour')),
                    ('channel', models.CharField(max_length=24, verbose_name='payment channel')),
                    ('recharges', models.PositiveIntegerField(default=0, verbose_name='recharges')),
                    ('recharged_fen', models.BigIntegerField(default=0, verbose_name='recharged (fen)')),
                    ('refunded_fen', models.BigIntegerField(default=0, verbose_name='refunded (fen)')),
                ],
                options={
                    'verbose_name': 'hour of a channel',
                    'verbose_name_plural': 'hours of channels',
                    'constraints': [models.UniqueConstraint(fields=('hour', 'channel'), name='channel_fact_once')],
                },
            ),
            migrations.AddField(
                model_name='driverfact',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='driverfact',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='driverfact',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='drivervisit',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='drivervisit',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='drivervisit',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='hourfact',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='hourfact',
                name='pile',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='hourfact',
                name='station',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='usefact',
                name='connector',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.connector', verbose_name='connector'),
            ),
            migrations.AddField(
                model_name='usefact',
                name='driver',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='usefact',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='usefact',
                name='pile',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='usefact',
                name='station',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddIndex(
                model_name='driverfact',
                index=models.Index(fields=['operator', 'hour'], name='driver_fact_of_operator'),
            ),
            migrations.AddIndex(
                model_name='driverfact',
                index=models.Index(fields=['driver', 'hour'], name='driver_fact_of_driver'),
            ),
            migrations.AddConstraint(
                model_name='driverfact',
                constraint=models.UniqueConstraint(fields=('hour', 'driver', 'station'), name='driver_fact_once'),
            ),
            migrations.AddConstraint(
                model_name='drivervisit',
                constraint=models.UniqueConstraint(fields=('driver', 'station'), name='driver_visit_once'),
            ),
            migrations.AddIndex(
                model_name='hourfact',
                index=models.Index(fields=['operator', 'hour'], name='hour_fact_of_operator'),
            ),
            migrations.AddIndex(
                model_name='hourfact',
                index=models.Index(fields=['station', 'hour'], name='hour_fact_of_station'),
            ),
            migrations.AddConstraint(
                model_name='hourfact',
                constraint=models.UniqueConstraint(fields=('hour', 'pile', 'station'), name='hour_fact_once'),
            ),
            migrations.AddConstraint(
                model_name='hourfact',
                constraint=models.UniqueConstraint(condition=models.Q(('pile__isnull', True)), fields=('hour', 'operator'), name='hour_fact_once_without_place'),
            ),
            migrations.AddIndex(
                model_name='usefact',
                index=models.Index(fields=['operator', 'hour'], name='use_fact_of_operator'),
            ),
            migrations.AddIndex(
                model_name='usefact',
                index=models.Index(fields=['station', 'hour'], name='use_fact_of_station'),
            ),
            migrations.AddConstraint(
                model_name='usefact',
                constraint=models.UniqueConstraint(fields=('hour', 'connector', 'station', 'start_method', 'driver'), name='use_fact_once'),
            ),
            migrations.AddConstraint(
                model_name='usefact',
                constraint=models.UniqueConstraint(condition=models.Q(('driver__isnull', True)), fields=('hour', 'connector', 'station', 'start_method'), name='use_fact_once_without_driver'),
            ),
            migrations.AddConstraint(
                model_name='usefact',
                constraint=models.UniqueConstraint(condition=models.Q(('connector__isnull', True)), fields=('hour', 'operator'), name='use_fact_once_without_place'),
            ),
        ]),
    ]
