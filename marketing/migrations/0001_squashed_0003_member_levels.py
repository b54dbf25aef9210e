"""The tables as the migrations up to 0003_member_levels made them, in one step for a new database."""

import django.core.validators
import django.db.models.deletion
import kernel.fields

from django.db import migrations, models

from kernel.migration_operations import CreateModels


class Migration(migrations.Migration):

    replaces = [('marketing', '0001_initial'), ('marketing', '0002_recharge_bonus'), ('marketing', '0003_member_levels')]

    initial = True

    dependencies = [
        ('stations', '0001_squashed_0009_duty_phone'),
        ('users', '0001_squashed_0005_driver_settings_and_notices'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Coupon',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=16, unique=True, verbose_name='coupon no.')),
                    ('nth', models.PositiveSmallIntegerField(verbose_name="the driver's no.")),
                    ('state', models.CharField(choices=[('available', 'Available'), ('taken', 'In a running order'), ('used', 'Used'), ('expired', 'Expired'), ('void', 'Taken back')], default='available', max_length=9, verbose_name='state')),
                    ('claimed_at', models.DateTimeField(verbose_name='claimed at')),
                    ('expires_at', models.DateTimeField(verbose_name='expires at')),
                    ('taken_for', models.CharField(blank=True, max_length=32, verbose_name='order no.')),
                    ('used_at', models.DateTimeField(blank=True, null=True, verbose_name='used at')),
                    ('used_fen', models.BigIntegerField(default=0, verbose_name='taken off (fen)')),
                ],
                options={
                    'verbose_name': 'coupon',
                    'verbose_name_plural': 'coupons',
                    'permissions': [('void_coupon', 'Can take coupons back')],
                },
            ),
            migrations.CreateModel(
                name='CouponCampaign',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('bearer', models.CharField(choices=[('operator', 'Operator'), ('platform', 'Platform')], default='operator', max_length=8, verbose_name='borne by')),
                    ('off_bp', models.PositiveSmallIntegerField(default=0, help_text='500 is five per cent off', validators=[django.core.validators.MaxValueValidator(10000)], verbose_name='off (1/100 %)')),
                    ('off_fen', models.BigIntegerField(default=0, validators=[django.core.validators.MinValueValidator(0)], verbose_name='off (fen)')),
                    ('energy_kwh', kernel.fields.FixedPointField(blank=True, help_text='so many kWh of a charge for nothing', null=True, places=4, verbose_name='free energy (kWh)')),
                    ('covers', models.CharField(choices=[('charge', 'Electricity and service'), ('service', 'Service only')], default='charge', max_length=8, verbose_name='covers')),
                    ('cap_fen', models.BigIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='at most (fen)')),
                    ('least_fen', models.BigIntegerField(default=0, validators=[django.core.validators.MinValueValidator(0)], verbose_name='from a charge of (fen)')),
                    ('stack', models.BooleanField(default=True, verbose_name='comes on top of other discounts')),
                    ('opens_at', models.DateTimeField(verbose_name='given out from')),
                    ('closes_at', models.DateTimeField(verbose_name='given out until')),
                    ('valid_days', models.PositiveSmallIntegerField(default=30, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3650)], verbose_name='valid for days')),
                    ('total', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='how many')),
                    ('per_driver', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='per driver')),
                    ('claimable', models.BooleanField(default=True, help_text='Otherwise only staff give it out.', verbose_name='drivers may claim it')),
                    ('issued', models.PositiveIntegerField(default=0, verbose_name='given out')),
                    ('is_active', models.BooleanField(default=True, verbose_name='active')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'coupon campaign',
                    'verbose_name_plural': 'coupon campaigns',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='MemberLevel',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('measure', models.CharField(choices=[('energy', 'Energy charged (kWh)'), ('money', 'Money spent (yuan)')], default='energy', max_length=8, verbose_name='counted by')),
                    ('least', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='at least')),
                    ('window_days', models.PositiveSmallIntegerField(default=365, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1095)], verbose_name='within the last days')),
                    ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ],
                options={
                    'verbose_name': 'member level',
                    'verbose_name_plural': 'member levels',
                    'ordering': ['operator', '-tag__rank', '-least'],
                },
            ),
            migrations.CreateModel(
                name='Membership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('counted', models.PositiveBigIntegerField(verbose_name='counted')),
                    ('since', models.DateTimeField(verbose_name='member since')),
                    ('looked_at', models.DateTimeField(verbose_name='last look')),
                ],
                options={
                    'verbose_name': 'member',
                    'verbose_name_plural': 'members',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='RechargeOffer',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('least_fen', models.BigIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='recharge of at least (fen)')),
                    ('bonus_fen', models.BigIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='bonus (fen)')),
                    ('first_only', models.BooleanField(default=False, verbose_name="only a driver's first recharge")),
                    ('per_driver', models.PositiveSmallIntegerField(blank=True, help_text='empty: any', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='times per driver')),
                    ('budget_fen', models.BigIntegerField(blank=True, help_text='empty: any', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='budget (fen)')),
                    ('given_fen', models.BigIntegerField(default=0, verbose_name='given (fen)')),
                    ('opens_at', models.DateTimeField(verbose_name='valid from')),
                    ('closes_at', models.DateTimeField(verbose_name='valid to')),
                    ('is_active', models.BooleanField(default=True, verbose_name='active')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'recharge offer',
                    'verbose_name_plural': 'recharge offers',
                    'ordering': ['-id'],
                },
            ),
            migrations.AddField(
                model_name='coupon',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='coupons', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='coupon',
                name='operator',
                field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='coupons', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='couponcampaign',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='coupon_campaigns', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='couponcampaign',
                name='station',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='only at station'),
            ),
            migrations.AddField(
                model_name='coupon',
                name='campaign',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='coupons', to='marketing.couponcampaign', verbose_name='campaign'),
            ),
            migrations.AddField(
                model_name='memberlevel',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='member_levels', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='memberlevel',
                name='tag',
                field=models.OneToOneField(help_text='Its drivers are set by the level from now on; of several reached the highest rank holds', on_delete=django.db.models.deletion.PROTECT, related_name='level', to='users.drivertag', verbose_name='driver tag'),
            ),
            migrations.AddField(
                model_name='membership',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='levels', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='membership',
                name='level',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='marketing.memberlevel', verbose_name='member level'),
            ),
            migrations.AddField(
                model_name='membership',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddConstraint(
                model_name='rechargeoffer',
                constraint=models.CheckConstraint(condition=models.Q(('bonus_fen__gt', 0), ('given_fen__gte', 0), ('least_fen__gt', 0)), name='recharge_offer_amounts'),
            ),
            migrations.AddConstraint(
                model_name='rechargeoffer',
                constraint=models.CheckConstraint(condition=models.Q(('budget_fen__isnull', True), ('given_fen__lte', models.F('budget_fen')), _connector='OR'), name='recharge_offer_within_budget'),
            ),
            migrations.AddConstraint(
                model_name='rechargeoffer',
                constraint=models.CheckConstraint(condition=models.Q(('closes_at__gt', models.F('opens_at'))), name='recharge_offer_period'),
            ),
            migrations.AddConstraint(
                model_name='couponcampaign',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('energy_kwh__isnull', True), ('off_bp__gt', 0), ('off_bp__lte', 10000), ('off_fen', 0)), models.Q(('energy_kwh__isnull', True), ('off_bp', 0), ('off_fen__gt', 0)), models.Q(('energy_kwh__gt', 0), ('off_bp', 0), ('off_fen', 0)), _connector='OR'), name='campaign_one_worth'),
            ),
            migrations.AddConstraint(
                model_name='couponcampaign',
                constraint=models.CheckConstraint(condition=models.Q(('issued__lte', models.F('total'))), name='campaign_issued_within_total'),
            ),
            migrations.AddConstraint(
                model_name='couponcampaign',
                constraint=models.CheckConstraint(condition=models.Q(('closes_at__gt', models.F('opens_at'))), name='campaign_period'),
            ),
            migrations.AddConstraint(
                model_name='couponcampaign',
                constraint=models.CheckConstraint(condition=models.Q(('per_driver__gt', 0), ('total__gt', 0)), name='campaign_gives_some'),
            ),
            migrations.AddConstraint(
                model_name='couponcampaign',
                constraint=models.CheckConstraint(condition=models.Q(('operator__isnull', False), ('bearer', 'platform'), _connector='OR'), name='campaign_platform_bears_its_own'),
            ),
            migrations.AddIndex(
                model_name='coupon',
                index=models.Index(fields=['driver', 'state', 'expires_at'], name='coupon_of_driver'),
            ),
            migrations.AddIndex(
                model_name='coupon',
                index=models.Index(condition=models.Q(('state', 'available')), fields=['expires_at'], name='coupon_to_expire'),
            ),
            migrations.AddConstraint(
                model_name='coupon',
                constraint=models.UniqueConstraint(fields=('campaign', 'driver', 'nth'), name='coupon_nth_of_driver'),
            ),
            migrations.AddConstraint(
                model_name='coupon',
                constraint=models.UniqueConstraint(condition=models.Q(('taken_for', ''), _negated=True), fields=('taken_for',), name='coupon_one_per_order'),
            ),
            migrations.AddConstraint(
                model_name='coupon',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['taken', 'used']), models.Q(('taken_for', ''), _negated=True)), models.Q(models.Q(('state__in', ['taken', 'used']), _negated=True), ('taken_for', '')), _connector='OR'), name='coupon_taken_names_its_order'),
            ),
            migrations.AddConstraint(
                model_name='coupon',
                constraint=models.CheckConstraint(condition=models.Q(('used_fen__gte', 0)), name='coupon_used_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='memberlevel',
                constraint=models.CheckConstraint(condition=models.Q(('least__gt', 0)), name='level_needs_something'),
            ),
            migrations.AddConstraint(
                model_name='memberlevel',
                constraint=models.CheckConstraint(condition=models.Q(('window_days__gte', 1), ('window_days__lte', 1095)), name='level_window'),
            ),
            migrations.AddIndex(
                model_name='membership',
                index=models.Index(fields=['driver'], name='membership_of_driver'),
            ),
            migrations.AddConstraint(
                model_name='membership',
                constraint=models.UniqueConstraint(fields=('operator', 'driver'), name='membership_one_per_operator'),
            ),
        ]),
    ]
