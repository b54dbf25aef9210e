"""The tables as the migrations up to 0009_duty_phone made them, in one step for a new database."""

import django.core.validators
import django.db.models.deletion
import kernel.fields
from decimal import Decimal

from django.db import migrations, models

from kernel.migration_operations import CreateModels


class Migration(migrations.Migration):

    replaces = [('stations', '0001_initial'), ('stations', '0002_initial'), ('stations', '0003_dny_protocol'), ('stations', '0004_pile_protocol_ocpp201'), ('stations', '0005_archive_and_modes'), ('stations', '0006_gateways'), ('stations', '0007_mqtt_protocol'), ('stations', '0008_night_cut_off'), ('stations', '0009_duty_phone')]

    initial = True

    dependencies = [
        ('users', '0001_squashed_0005_driver_settings_and_notices'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Connector',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveSmallIntegerField(verbose_name='number')),
                    ('code', models.CharField(max_length=36, unique=True, verbose_name='code')),
                    ('state', models.CharField(choices=[('offline', 'Offline'), ('idle', 'Idle'), ('occupied', 'Occupied'), ('charging', 'Charging'), ('fault', 'Fault'), ('reserved', 'Reserved')], default='offline', max_length=8, verbose_name='state')),
                    ('state_changed_at', models.DateTimeField(blank=True, null=True, verbose_name='in this state since')),
                    ('plugged', models.BooleanField(blank=True, null=True, verbose_name='plugged in')),
                    ('fault_code', models.CharField(blank=True, max_length=64, verbose_name='fault')),
                ],
                options={
                    'verbose_name': 'connector',
                    'verbose_name_plural': 'connectors',
                    'ordering': ['pile_id', 'number'],
                },
            ),
            migrations.CreateModel(
                name='FavouriteStation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'favourite station',
                    'verbose_name_plural': 'favourite stations',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='ModeCell',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('edition', models.CharField(choices=[('network', 'Network edition'), ('offline', 'Offline edition')], max_length=8, verbose_name='edition')),
                    ('current_type', models.CharField(choices=[('dc', 'DC'), ('ac', 'AC')], max_length=2, verbose_name='current')),
                    ('mode', models.CharField(choices=[('online_paid', 'Online, paid'), ('offline_billed', 'Offline, billed'), ('offline_free', 'Offline, free')], max_length=16, verbose_name='charge mode')),
                    ('method', models.CharField(choices=[('card', 'Card'), ('scan', 'Scan'), ('plug', 'Plug and charge'), ('vin', 'VIN')], max_length=8, verbose_name='start method')),
                    ('allowed', models.BooleanField(verbose_name='allowed')),
                    ('changed_at', models.DateTimeField(verbose_name='changed at')),
                    ('changed_by', models.CharField(blank=True, max_length=128, verbose_name='changed by')),
                ],
                options={
                    'verbose_name': 'mode matrix cell',
                    'verbose_name_plural': 'mode matrix',
                },
            ),
            migrations.CreateModel(
                name='Pile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=32, unique=True, verbose_name='code')),
                    ('name', models.CharField(blank=True, max_length=64, verbose_name='name')),
                    ('protocol', models.CharField(choices=[('ykc', 'YKC (TCP)'), ('ocpp16', 'OCPP 1.6J'), ('ocpp201', 'OCPP 2.0.1'), ('dny', 'DNY e-bike (TCP)'), ('mqtt', 'JSON over MQTT')], max_length=8, verbose_name='protocol')),
                    ('password', models.CharField(blank=True, editable=False, max_length=128)),
                    ('rated_power_kw', kernel.fields.FixedPointField(default=Decimal('60.0'), places=1, verbose_name='rated power (kW)')),
                    ('in_service', models.BooleanField(default=True, verbose_name='in service')),
                    ('edition', models.CharField(choices=[('network', 'Network edition'), ('offline', 'Offline edition')], default='network', max_length=8, verbose_name='edition')),
                    ('charge_mode', models.CharField(choices=[('online_paid', 'Online, paid'), ('offline_billed', 'Offline, billed'), ('offline_free', 'Offline, free')], default='online_paid', max_length=16, verbose_name='charge mode')),
                    ('security_profile', models.PositiveSmallIntegerField(choices=[(0, '0: no password (development only)'), (1, '1: password'), (2, '2: TLS and password'), (3, "3: TLS with the pile's own certificate")], default=1, help_text='How the pile has to prove who it is, at least', verbose_name='security profile')),
                    ('night_from', models.TimeField(blank=True, help_text='Local time; no charging from then on', null=True, verbose_name='night cut-off from')),
                    ('night_until', models.TimeField(blank=True, null=True, verbose_name='night cut-off until')),
                    ('online', models.BooleanField(default=False, verbose_name='online')),
                    ('online_changed_at', models.DateTimeField(blank=True, null=True, verbose_name='online since')),
                    ('last_seen_at', models.DateTimeField(blank=True, null=True, verbose_name='last seen')),
                    ('vendor', models.CharField(blank=True, max_length=64, verbose_name='vendor')),
                    ('reported_model', models.CharField(blank=True, max_length=64, verbose_name='reported model')),
                    ('serial', models.CharField(blank=True, max_length=64, verbose_name='serial number')),
                    ('firmware', models.CharField(blank=True, max_length=64, verbose_name='firmware')),
                    ('iccid', models.CharField(blank=True, max_length=24, verbose_name='SIM')),
                    ('network_type', models.CharField(blank=True, max_length=16, verbose_name='network')),
                    ('carrier', models.CharField(blank=True, max_length=32, verbose_name='carrier')),
                    ('signal', models.CharField(blank=True, max_length=16, verbose_name='signal')),
                    ('findings', models.JSONField(blank=True, default=dict, help_text='How often this pile strays from its protocol', verbose_name='protocol findings')),
                    ('longitude', kernel.fields.FixedPointField(blank=True, null=True, places=6, validators=[django.core.validators.MinValueValidator(-180), django.core.validators.MaxValueValidator(180)], verbose_name='longitude')),
                    ('latitude', kernel.fields.FixedPointField(blank=True, null=True, places=6, validators=[django.core.validators.MinValueValidator(-90), django.core.validators.MaxValueValidator(90)], verbose_name='latitude')),
                    ('position_at', models.DateTimeField(blank=True, null=True, verbose_name='position since')),
                    ('installed_on', models.DateField(blank=True, null=True, verbose_name='installed on')),
                    ('warranty_until', models.DateField(blank=True, null=True, verbose_name='warranty until')),
                    ('sim_plan_mb', models.PositiveIntegerField(blank=True, null=True, verbose_name='data plan per month (MB)')),
                    ('sim_used_mb', models.PositiveIntegerField(blank=True, null=True, verbose_name='used this month (MB)')),
                    ('sim_used_at', models.DateTimeField(blank=True, null=True, verbose_name='usage known at')),
                    ('sim_expires_on', models.DateField(blank=True, null=True, verbose_name='data plan until')),
                    ('insurer', models.CharField(blank=True, max_length=64, verbose_name='insurer')),
                    ('policy_no', models.CharField(blank=True, max_length=64, verbose_name='policy no.')),
                    ('insured_until', models.DateField(blank=True, null=True, verbose_name='insured until')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'pile',
                    'verbose_name_plural': 'piles',
                    'ordering': ['code'],
                    'permissions': [('remote_start', 'Can start charging remotely'), ('remote_stop', 'Can stop charging remotely'), ('set_service', 'Can take piles in and out of service'), ('push_tariff', 'Can push a tariff to piles')],
                },
            ),
            migrations.CreateModel(
                name='PileModel',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('brand', models.CharField(max_length=64, verbose_name='brand')),
                    ('name', models.CharField(max_length=64, verbose_name='model')),
                    ('current_type', models.CharField(choices=[('dc', 'DC'), ('ac', 'AC')], default='dc', max_length=2, verbose_name='current')),
                    ('rated_power_kw', kernel.fields.FixedPointField(places=1, verbose_name='rated power (kW)')),
                    ('register_kind', models.CharField(choices=[('lifetime', 'Lifetime register'), ('session', 'Starts at zero every session')], default='lifetime', max_length=8, verbose_name='energy register')),
                    ('connectors', models.PositiveSmallIntegerField(default=1, verbose_name='connectors')),
                    ('connector_standard', models.CharField(blank=True, choices=[('gbt_ac', 'GB/T 20234.2-2015 (AC)'), ('gbt_dc', 'GB/T 20234.3-2015 (DC)'), ('chaoji', 'GB/T 20234.4-2023 (ChaoJi)'), ('socket', 'Household socket'), ('other', 'Other')], max_length=8, verbose_name='connector standard')),
                    ('phases', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='phases')),
                    ('voltage_v', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='highest voltage (V)')),
                    ('current_a', kernel.fields.FixedPointField(blank=True, null=True, places=1, verbose_name='highest current (A)')),
                    ('protocol', models.CharField(blank=True, max_length=8, verbose_name='protocol')),
                    ('vehicle_class', models.CharField(choices=[('car', 'Cars'), ('ebike', 'E-bikes (220 V / 48 V, 10 A, 100–350 W)'), ('etrike', 'E-tricycles (60 V, 20 A, 500–1400 W)'), ('low_speed', 'Low-speed vehicles (2–3 kW)')], default='car', max_length=9, verbose_name='for')),
                    ('heartbeat_s', models.PositiveSmallIntegerField(blank=True, help_text='2 to 3600; empty: what its protocol says. OCPP stations are told it when they boot.', null=True, validators=[django.core.validators.MinValueValidator(2), django.core.validators.MaxValueValidator(3600)], verbose_name='heartbeat (s)')),
                    ('missed_heartbeats', models.PositiveSmallIntegerField(default=3, help_text='After so many a pile with a heartbeat of its own is offline; 1 to 20', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)], verbose_name='missed heartbeats')),
                    ('capabilities', models.JSONField(blank=True, default=list, verbose_name='capabilities')),
                ],
                options={
                    'verbose_name': 'pile model',
                    'verbose_name_plural': 'pile models',
                },
            ),
            migrations.CreateModel(
                name='Station',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=32, unique=True, verbose_name='code')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('address', models.CharField(blank=True, max_length=128, verbose_name='address')),
                    ('region_code', models.CharField(blank=True, db_index=True, help_text='GB/T 2260, six digits', max_length=6, verbose_name='region code')),
                    ('longitude', kernel.fields.FixedPointField(blank=True, null=True, places=6, validators=[django.core.validators.MinValueValidator(-180), django.core.validators.MaxValueValidator(180)], verbose_name='longitude')),
                    ('latitude', kernel.fields.FixedPointField(blank=True, null=True, places=6, validators=[django.core.validators.MinValueValidator(-90), django.core.validators.MaxValueValidator(90)], verbose_name='latitude')),
                    ('datum', models.CharField(choices=[('gcj02', 'GCJ-02 (Chinese maps)'), ('wgs84', 'WGS-84 (GPS)'), ('bd09', 'BD-09 (Baidu)')], default='gcj02', max_length=5, verbose_name='measured in')),
                    ('measured_longitude', kernel.fields.FixedPointField(blank=True, null=True, places=6, verbose_name='measured longitude')),
                    ('measured_latitude', kernel.fields.FixedPointField(blank=True, null=True, places=6, verbose_name='measured latitude')),
                    ('scene', models.CharField(choices=[('highway', 'Motorway services'), ('bus', 'Bus station'), ('taxi', 'Taxi garage'), ('logistics', 'Logistics'), ('parking', 'Public car park'), ('mall', 'Shopping centre'), ('district', 'Business district'), ('hotel', 'Hotel'), ('park', 'Business park'), ('company', 'Company'), ('school', 'School'), ('community', 'Housing estate'), ('home', 'Private home'), ('other', 'Other')], default='parking', max_length=9, verbose_name='kind of place')),
                    ('amenities', models.JSONField(blank=True, default=list, verbose_name='amenities')),
                    ('surroundings', models.CharField(blank=True, max_length=255, verbose_name='surroundings')),
                    ('opening_hours', models.CharField(blank=True, help_text='Empty: day and night', max_length=64, verbose_name='opening hours')),
                    ('parking_note', models.CharField(blank=True, max_length=128, verbose_name='parking')),
                    ('time_zone', models.CharField(default='Asia/Shanghai', max_length=40, verbose_name='time zone')),
                    ('service_phone', models.CharField(blank=True, max_length=20, verbose_name='service phone')),
                    ('duty_phone', models.CharField(blank=True, help_text='Smoke, heat and water at the station are told to it by text message', max_length=11, validators=[django.core.validators.RegexValidator('^1[3-9]\\d{9}$')], verbose_name='mobile of the person responsible')),
                    ('is_open', models.BooleanField(default=True, verbose_name='open')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'station',
                    'verbose_name_plural': 'stations',
                    'ordering': ['code'],
                },
            ),
            migrations.CreateModel(
                name='StationGroup',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                ],
                options={
                    'verbose_name': 'station group',
                    'verbose_name_plural': 'station groups',
                },
            ),
            migrations.AddField(
                model_name='connector',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='favouritestation',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='favourite_stations', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddConstraint(
                model_name='modecell',
                constraint=models.UniqueConstraint(fields=('edition', 'current_type', 'mode', 'method'), name='mode_cell_once'),
            ),
            migrations.AddField(
                model_name='pile',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='piles', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='connector',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='connectors', to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddConstraint(
                model_name='pilemodel',
                constraint=models.UniqueConstraint(fields=('brand', 'name'), name='pile_model_name'),
            ),
            migrations.AddConstraint(
                model_name='pilemodel',
                constraint=models.CheckConstraint(condition=models.Q(('connectors__gte', 1), ('connectors__lte', 16)), name='pile_model_connectors'),
            ),
            migrations.AddConstraint(
                model_name='pilemodel',
                constraint=models.CheckConstraint(condition=models.Q(('phases__isnull', True), ('phases__in', [1, 3]), _connector='OR'), name='pile_model_phases'),
            ),
            migrations.AddField(
                model_name='pile',
                name='model',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.pilemodel', verbose_name='model'),
            ),
            migrations.AddField(
                model_name='station',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='stations', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='pile',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='piles', to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='favouritestation',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='favourites', to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='connector',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='connectors', to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='stationgroup',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='station',
                name='group',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='stations', to='stations.stationgroup', verbose_name='group'),
            ),
            migrations.AddIndex(
                model_name='pile',
                index=models.Index(fields=['online', 'last_seen_at'], name='pile_presence'),
            ),
            migrations.AddConstraint(
                model_name='pile',
                constraint=models.CheckConstraint(condition=models.Q(('edition__in', ['network', 'offline'])), name='pile_edition_known'),
            ),
            migrations.AddConstraint(
                model_name='pile',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('night_from__isnull', True), ('night_until__isnull', True)), models.Q(('night_from__isnull', False), ('night_until__isnull', False), models.Q(('night_from', models.F('night_until')), _negated=True)), _connector='OR'), name='pile_night_has_both_ends'),
            ),
            migrations.AddConstraint(
                model_name='pile',
                constraint=models.CheckConstraint(condition=models.Q(('charge_mode__in', ['online_paid', 'offline_billed', 'offline_free'])), name='pile_charge_mode_known'),
            ),
            migrations.AddConstraint(
                model_name='favouritestation',
                constraint=models.UniqueConstraint(fields=('driver', 'station'), name='favourite_station_once'),
            ),
            migrations.AddIndex(
                model_name='connector',
                index=models.Index(fields=['station', 'state'], name='connector_board'),
            ),
            migrations.AddConstraint(
                model_name='connector',
                constraint=models.UniqueConstraint(fields=('pile', 'number'), name='connector_number'),
            ),
            migrations.AddConstraint(
                model_name='connector',
                constraint=models.CheckConstraint(condition=models.Q(('number__gte', 1), ('number__lte', 99)), name='connector_number_range'),
            ),
            migrations.AddConstraint(
                model_name='connector',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['offline', 'idle', 'occupied', 'charging', 'fault', 'reserved'])), name='connector_state_known'),
            ),
            migrations.AddConstraint(
                model_name='stationgroup',
                constraint=models.UniqueConstraint(fields=('operator', 'name'), name='station_group_name'),
            ),
            migrations.AddIndex(
                model_name='station',
                index=models.Index(fields=['latitude', 'longitude'], name='station_place'),
            ),
        ]),
    ]
