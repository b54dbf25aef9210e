"""The tables as the migrations up to 0005_driver_settings_and_notices made them, in one step for a new database."""

import django.contrib.auth.validators
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import kernel.fields
from django.conf import settings

from django.db import migrations, models

from kernel.migration_operations import CreateModels


class Migration(migrations.Migration):

    replaces = [('users', '0001_initial'), ('users', '0002_cards_vehicles_enterprises'), ('users', '0003_driver_tag_rank'), ('users', '0004_driver_identities'), ('users', '0005_driver_settings_and_notices')]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Driver',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('phone', models.CharField(max_length=11, unique=True, validators=[django.core.validators.RegexValidator('^1[3-9]\\d{9}$')], verbose_name='phone')),
                    ('name', models.CharField(blank=True, max_length=64, verbose_name='name')),
                    ('is_frozen', models.BooleanField(default=False, verbose_name='frozen')),
                    ('cancelled_at', models.DateTimeField(blank=True, null=True, verbose_name='cancelled at')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='registered at')),
                ],
                options={
                    'verbose_name': 'driver',
                    'verbose_name_plural': 'drivers',
                    'ordering': ['-id'],
                    'permissions': [('view_personal_data', 'Can see unmasked phone numbers and plates'), ('cancel_driver', "Can cancel drivers' accounts")],
                },
            ),
            migrations.CreateModel(
                name='Operator',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=32, unique=True, verbose_name='code')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('contact', models.CharField(blank=True, max_length=64, verbose_name='contact')),
                    ('contact_phone', models.CharField(blank=True, max_length=20, verbose_name='contact phone')),
                    ('is_active', models.BooleanField(default=True, verbose_name='enabled')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'operator',
                    'verbose_name_plural': 'operators',
                    'ordering': ['code'],
                },
            ),
            migrations.CreateModel(
                name='PhoneLogin',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('phone', models.CharField(db_index=True, max_length=11)),
                    ('digest', models.CharField(max_length=64)),
                    ('created_at', models.DateTimeField()),
                    ('expires_at', models.DateTimeField()),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('used_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'verbose_name': 'login code',
                    'verbose_name_plural': 'login codes',
                },
            ),
            migrations.CreateModel(
                name='DriverSettings',
                fields=[
                    ('driver', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='settings', serialize=False, to='users.driver', verbose_name='driver')),
                    ('nickname', models.CharField(blank=True, max_length=32, verbose_name='nickname')),
                    ('avatar_colour', models.CharField(choices=[('teal', 'Teal'), ('blue', 'Blue'), ('violet', 'Violet'), ('amber', 'Amber'), ('rose', 'Rose'), ('grey', 'Grey')], default='teal', max_length=8, verbose_name='avatar colour')),
                    ('language', models.CharField(blank=True, choices=[('zh-hans', 'Simplified Chinese'), ('en', 'English')], help_text='Empty: that of the app', max_length=8, verbose_name='language')),
                    ('tell_order_ended', models.BooleanField(default=True, verbose_name='tell when a charge has ended')),
                    ('tell_balance_low', models.BooleanField(default=True, verbose_name='tell when the balance is low')),
                    ('tell_coupon_expiring', models.BooleanField(default=True, verbose_name='tell when a coupon is about to expire')),
                    ('tell_marketing', models.BooleanField(default=False, verbose_name='tell of offers and coupons')),
                ],
                options={
                    'verbose_name': 'settings of a driver',
                    'verbose_name_plural': 'settings of drivers',
                },
            ),
            migrations.CreateModel(
                name='DriverToken',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('digest', models.CharField(max_length=64, unique=True)),
                    ('name', models.CharField(blank=True, max_length=64, verbose_name='device')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                    ('expires_at', models.DateTimeField(verbose_name='expires at')),
                    ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked at')),
                    ('driver', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='users.driver', verbose_name='driver')),
                ],
                options={
                    'verbose_name': 'driver token',
                    'verbose_name_plural': 'driver tokens',
                },
            ),
            migrations.CreateModel(
                name='Enterprise',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=32, verbose_name='code')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('contact', models.CharField(blank=True, max_length=64, verbose_name='contact')),
                    ('contact_phone', models.CharField(blank=True, max_length=20, verbose_name='contact phone')),
                    ('is_active', models.BooleanField(default=True, verbose_name='enabled')),
                    ('credit_fen', models.BigIntegerField(default=0, help_text='How far the account may fall below zero', verbose_name='credit (fen)')),
                    ('max_parallel', models.PositiveIntegerField(blank=True, help_text='Empty: any number', null=True, verbose_name='orders at once')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                    ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='enterprises', to='users.operator', verbose_name='operator')),
                ],
                options={
                    'verbose_name': 'enterprise',
                    'verbose_name_plural': 'enterprises',
                    'ordering': ['operator', 'code'],
                },
            ),
            migrations.CreateModel(
                name='DriverTag',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=32, verbose_name='name')),
                    ('note', models.CharField(blank=True, max_length=255, verbose_name='note')),
                    ('rank', models.SmallIntegerField(db_default=0, default=0, help_text='Of several tags with a price of their own the highest holds', verbose_name='rank')),
                    ('drivers', models.ManyToManyField(blank=True, related_name='tags', to='users.driver', verbose_name='drivers')),
                    ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='driver_tags', to='users.operator', verbose_name='operator')),
                ],
                options={
                    'verbose_name': 'driver tag',
                    'verbose_name_plural': 'driver tags',
                    'ordering': ['operator', 'name'],
                },
            ),
            migrations.AddField(
                model_name='driver',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='drivers', to='users.operator', verbose_name='home operator'),
            ),
            migrations.CreateModel(
                name='Card',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('physical_no', models.CharField(max_length=20, unique=True, verbose_name='physical no.')),
                    ('logical_no', models.CharField(max_length=16, unique=True, verbose_name='card no.')),
                    ('kind', models.CharField(choices=[('online', 'Online card'), ('offline', 'Offline card'), ('month', 'Month card'), ('staff', 'Staff card')], max_length=8, verbose_name='kind')),
                    ('state', models.CharField(choices=[('stock', 'In stock'), ('active', 'In use'), ('frozen', 'Frozen'), ('lost', 'Lost'), ('returned', 'Returned')], default='stock', max_length=8, verbose_name='state')),
                    ('pays_from', models.CharField(choices=[('card', "The card's own account"), ('driver', "The driver's wallet"), ('enterprise', "The enterprise's account")], default='card', max_length=10, verbose_name='pays from')),
                    ('password', models.CharField(blank=True, editable=False, max_length=64)),
                    ('is_free', models.BooleanField(default=False, help_text='The operator pays what it charges', verbose_name='free')),
                    ('valid_from', models.DateField(blank=True, null=True, verbose_name='valid from')),
                    ('valid_until', models.DateField(blank=True, null=True, verbose_name='valid until')),
                    ('daily_times', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='charges per day')),
                    ('daily_minutes', models.PositiveIntegerField(blank=True, null=True, verbose_name='minutes per day')),
                    ('daily_energy_kwh', kernel.fields.FixedPointField(blank=True, null=True, places=4, verbose_name='kWh per day')),
                    ('state_changed_at', models.DateTimeField(blank=True, null=True, verbose_name='state since')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                    ('driver', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='cards', to='users.driver', verbose_name='driver')),
                    ('enterprise', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='cards', to='users.enterprise', verbose_name='enterprise')),
                    ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cards', to='users.operator', verbose_name='operator')),
                ],
                options={
                    'verbose_name': 'charging card',
                    'verbose_name_plural': 'charging cards',
                    'ordering': ['-id'],
                    'permissions': [('issue_card', 'Can open, bind and return cards'), ('freeze_card', 'Can freeze cards and report them lost'), ('ungray_card', "Can clear a card's unfinished transaction"), ('sync_card', 'Can send card lists to piles')],
                },
            ),
            migrations.CreateModel(
                name='Staff',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                    ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                    ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                    ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                    ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                    ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                    ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                    ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                    ('display_name', models.CharField(blank=True, max_length=64, verbose_name='name')),
                    ('phone', models.CharField(blank=True, max_length=20, verbose_name='phone')),
                    ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                    ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                    ('operator', models.ForeignKey(blank=True, help_text='Empty for staff of the platform', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='staff', to='users.operator', verbose_name='operator')),
                ],
                options={
                    'verbose_name': 'staff account',
                    'verbose_name_plural': 'staff accounts',
                    'abstract': False,
                },
            ),
            migrations.CreateModel(
                name='StaffScope',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('platform', 'Whole platform'), ('region', 'Region'), ('operator', 'Operator'), ('group', 'Station group'), ('station', 'Station'), ('pile', 'Pile'), ('enterprise', 'Enterprise')], max_length=16, verbose_name='kind')),
                    ('object_key', models.CharField(blank=True, help_text='Primary key, or the region code; empty for platform', max_length=64, verbose_name='object')),
                    ('staff', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scopes', to=settings.AUTH_USER_MODEL, verbose_name='staff account')),
                ],
                options={
                    'verbose_name': 'data scope',
                    'verbose_name_plural': 'data scopes',
                },
            ),
            migrations.CreateModel(
                name='Vehicle',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('plate', models.CharField(blank=True, max_length=12, validators=[django.core.validators.RegexValidator('^[一-龥][A-Z][A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳]$')], verbose_name='plate')),
                    ('vin', models.CharField(blank=True, max_length=17, validators=[django.core.validators.RegexValidator('^[A-HJ-NPR-Z0-9]{17}$')], verbose_name='VIN')),
                    ('kind', models.CharField(choices=[('private', 'Private car'), ('taxi', 'Taxi or ride-hailing'), ('bus', 'Bus'), ('logistics', 'Logistics'), ('sanitation', 'Sanitation'), ('other', 'Other')], default='private', max_length=12, verbose_name='kind')),
                    ('model_name', models.CharField(blank=True, max_length=64, verbose_name='make and model')),
                    ('state', models.CharField(choices=[('unverified', 'Not verified'), ('waiting', 'Waits for verification'), ('verified', 'Verified'), ('refused', 'Verification refused')], default='unverified', max_length=12, verbose_name='verification')),
                    ('licence_photo', models.FileField(blank=True, upload_to='vehicles/', verbose_name='vehicle licence')),
                    ('review_note', models.CharField(blank=True, max_length=255, verbose_name='review note')),
                    ('reviewed_at', models.DateTimeField(blank=True, null=True, verbose_name='reviewed at')),
                    ('is_default', models.BooleanField(default=False, verbose_name='default')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                    ('driver', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='vehicles', to='users.driver', verbose_name='driver')),
                    ('enterprise', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='vehicles', to='users.enterprise', verbose_name='enterprise')),
                    ('operator', models.ForeignKey(blank=True, help_text="Of the enterprise, or the driver's home operator", null=True, on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator')),
                ],
                options={
                    'verbose_name': 'vehicle',
                    'verbose_name_plural': 'vehicles',
                    'ordering': ['-id'],
                    'permissions': [('verify_vehicle', 'Can verify vehicles')],
                },
            ),
            migrations.CreateModel(
                name='WhitelistEntry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('pays', models.CharField(choices=[('later', 'Pays later'), ('free', 'Free of charge')], default='later', max_length=5, verbose_name='pays')),
                    ('limit_fen', models.BigIntegerField(help_text='Per order when free; owed altogether when paid later', verbose_name='upper limit (fen)')),
                    ('valid_until', models.DateField(blank=True, null=True, verbose_name='valid until')),
                    ('is_active', models.BooleanField(default=True, verbose_name='enabled')),
                    ('reason', models.CharField(max_length=255, verbose_name='reason')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                    ('card', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.card', verbose_name='charging card')),
                    ('driver', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.driver', verbose_name='driver')),
                    ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='whitelist', to='users.operator', verbose_name='operator')),
                    ('vehicle', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.vehicle', verbose_name='vehicle')),
                ],
                options={
                    'verbose_name': 'whitelist entry',
                    'verbose_name_plural': 'whitelist',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='DriverIdentity',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('provider', models.CharField(choices=[('wechat', 'WeChat'), ('alipay', 'Alipay')], max_length=8, verbose_name='log-in by')),
                    ('app_id', models.CharField(max_length=64, verbose_name='application')),
                    ('subject', models.CharField(max_length=128, verbose_name='known there as')),
                    ('union_id', models.CharField(blank=True, max_length=512)),
                    ('created_at', models.DateTimeField(verbose_name='bound at')),
                    ('last_login_at', models.DateTimeField(verbose_name='last log-in')),
                    ('driver', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='identities', to='users.driver', verbose_name='driver')),
                ],
                options={
                    'verbose_name': 'log-in of a driver',
                    'verbose_name_plural': 'log-ins of drivers',
                    'constraints': [models.UniqueConstraint(fields=('provider', 'app_id', 'subject'), name='identity_of_one_driver'), models.UniqueConstraint(fields=('driver', 'provider', 'app_id'), name='identity_one_per_application'), models.CheckConstraint(condition=models.Q(('subject', ''), _negated=True), name='identity_subject_given')],
                },
            ),
            migrations.CreateModel(
                name='DriverNotice',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('topic', models.CharField(choices=[('order_ended', 'Charge ended'), ('balance_low', 'Balance low'), ('coupon_expiring', 'Coupon about to expire'), ('marketing', 'Offers')], max_length=16, verbose_name='topic')),
                    ('key', models.CharField(max_length=40)),
                    ('params', models.JSONField(default=dict)),
                    ('created_at', models.DateTimeField(verbose_name='at')),
                    ('read_at', models.DateTimeField(blank=True, null=True, verbose_name='read at')),
                    ('driver', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='users.driver', verbose_name='driver')),
                ],
                options={
                    'verbose_name': 'notice to a driver',
                    'verbose_name_plural': 'notices to drivers',
                    'indexes': [models.Index(fields=['driver', '-id'], name='notice_of_driver'), models.Index(fields=['created_at'], name='notice_by_age')],
                    'constraints': [models.UniqueConstraint(fields=('driver', 'topic', 'key'), name='driver_notice_once')],
                },
            ),
            migrations.CreateModel(
                name='EnterpriseMember',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('is_active', models.BooleanField(default=True, verbose_name='enabled')),
                    ('order_limit_fen', models.BigIntegerField(blank=True, null=True, verbose_name='per order (fen)')),
                    ('day_limit_fen', models.BigIntegerField(blank=True, null=True, verbose_name='per day (fen)')),
                    ('month_limit_fen', models.BigIntegerField(blank=True, null=True, verbose_name='per month (fen)')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='since')),
                    ('driver', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='users.driver', verbose_name='driver')),
                    ('enterprise', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='users.enterprise', verbose_name='enterprise')),
                    ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator')),
                ],
                options={
                    'verbose_name': 'enterprise member',
                    'verbose_name_plural': 'enterprise members',
                    'ordering': ['-id'],
                    'constraints': [models.UniqueConstraint(fields=('enterprise', 'driver'), name='enterprise_member_once'), models.CheckConstraint(condition=models.Q(models.Q(('order_limit_fen__isnull', True), ('order_limit_fen__gt', 0), _connector='OR'), models.Q(('day_limit_fen__isnull', True), ('day_limit_fen__gt', 0), _connector='OR'), models.Q(('month_limit_fen__isnull', True), ('month_limit_fen__gt', 0), _connector='OR')), name='enterprise_member_limits')],
                },
            ),
            migrations.AddConstraint(
                model_name='enterprise',
                constraint=models.UniqueConstraint(fields=('operator', 'code'), name='enterprise_code'),
            ),
            migrations.AddConstraint(
                model_name='enterprise',
                constraint=models.CheckConstraint(condition=models.Q(('credit_fen__gte', 0)), name='enterprise_credit_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='drivertag',
                constraint=models.UniqueConstraint(fields=('operator', 'name'), name='driver_tag_name'),
            ),
            migrations.AddIndex(
                model_name='card',
                index=models.Index(fields=['operator', 'kind', 'state'], name='card_of_operator'),
            ),
            migrations.AddConstraint(
                model_name='card',
                constraint=models.CheckConstraint(condition=models.Q(('pays_from', 'card'), models.Q(('driver__isnull', False), ('pays_from', 'driver')), models.Q(('enterprise__isnull', False), ('pays_from', 'enterprise')), _connector='OR'), name='card_payer_is_bound'),
            ),
            migrations.AddConstraint(
                model_name='card',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['stock', 'active', 'frozen', 'lost', 'returned'])), name='card_state_known'),
            ),
            migrations.AddConstraint(
                model_name='card',
                constraint=models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_until__isnull', True), ('valid_until__gte', models.F('valid_from')), _connector='OR'), name='card_valid_in_order'),
            ),
            migrations.AddConstraint(
                model_name='staffscope',
                constraint=models.UniqueConstraint(fields=('staff', 'kind', 'object_key'), name='staff_scope_once'),
            ),
            migrations.AddConstraint(
                model_name='staffscope',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'platform'), ('object_key', '')), models.Q(models.Q(('kind', 'platform'), _negated=True), models.Q(('object_key', ''), _negated=True)), _connector='OR'), name='staff_scope_has_object'),
            ),
            migrations.AddIndex(
                model_name='vehicle',
                index=models.Index(condition=models.Q(('vin', ''), _negated=True), fields=['vin'], name='vehicle_of_vin'),
            ),
            migrations.AddIndex(
                model_name='vehicle',
                index=models.Index(condition=models.Q(('plate', ''), _negated=True), fields=['plate'], name='vehicle_by_plate'),
            ),
            migrations.AddConstraint(
                model_name='vehicle',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('driver__isnull', False), ('enterprise__isnull', True)), models.Q(('driver__isnull', True), ('enterprise__isnull', False)), _connector='OR'), name='vehicle_one_owner'),
            ),
            migrations.AddConstraint(
                model_name='vehicle',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('plate', ''), _negated=True), models.Q(('vin', ''), _negated=True), _connector='OR'), name='vehicle_has_a_number'),
            ),
            migrations.AddConstraint(
                model_name='vehicle',
                constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('driver',), name='vehicle_one_default'),
            ),
            migrations.AddConstraint(
                model_name='vehicle',
                constraint=models.UniqueConstraint(condition=models.Q(('state', 'verified'), models.Q(('vin', ''), _negated=True)), fields=('vin',), name='vehicle_vin_verified_once'),
            ),
            migrations.AddConstraint(
                model_name='vehicle',
                constraint=models.UniqueConstraint(condition=models.Q(('plate', ''), _negated=True), fields=('driver', 'plate'), name='vehicle_plate_of_driver'),
            ),
            migrations.AddConstraint(
                model_name='vehicle',
                constraint=models.UniqueConstraint(condition=models.Q(('plate', ''), _negated=True), fields=('enterprise', 'plate'), name='vehicle_plate_of_enterprise'),
            ),
            migrations.AddConstraint(
                model_name='whitelistentry',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('card__isnull', True), ('driver__isnull', False), ('vehicle__isnull', True)), models.Q(('card__isnull', False), ('driver__isnull', True), ('vehicle__isnull', True)), models.Q(('card__isnull', True), ('driver__isnull', True), ('vehicle__isnull', False)), _connector='OR'), name='whitelist_names_one'),
            ),
            migrations.AddConstraint(
                model_name='whitelistentry',
                constraint=models.CheckConstraint(condition=models.Q(('limit_fen__gt', 0)), name='whitelist_limit_positive'),
            ),
            migrations.AddConstraint(
                model_name='whitelistentry',
                constraint=models.UniqueConstraint(condition=models.Q(('driver__isnull', False), ('is_active', True)), fields=('operator', 'driver'), name='whitelist_driver_once'),
            ),
            migrations.AddConstraint(
                model_name='whitelistentry',
                constraint=models.UniqueConstraint(condition=models.Q(('card__isnull', False), ('is_active', True)), fields=('operator', 'card'), name='whitelist_card_once'),
            ),
            migrations.AddConstraint(
                model_name='whitelistentry',
                constraint=models.UniqueConstraint(condition=models.Q(('is_active', True), ('vehicle__isnull', False)), fields=('operator', 'vehicle'), name='whitelist_vehicle_once'),
            ),
        ]),
    ]
