"""The tables as the migrations up to 0024_paid_without_a_charge made them, in one step for a new database."""

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import kernel.fields
from importlib import import_module

from django.db import migrations, models

from kernel.migration_operations import CreateModels

guards = import_module('billing.migrations.0005_ledger_guards')
pricing = import_module('billing.migrations.0009_pricing')


class Migration(migrations.Migration):

    replaces = [('billing', '0001_initial'), ('billing', '0002_initial'), ('billing', '0003_initial'), ('billing', '0004_alter_journal_options'), ('billing', '0005_ledger_guards'), ('billing', '0006_payments'), ('billing', '0007_order_charge_mode'), ('billing', '0008_clearing'), ('billing', '0009_pricing'), ('billing', '0010_paid_starts'), ('billing', '0011_order_settlement'), ('billing', '0012_settlement'), ('billing', '0013_payers'), ('billing', '0014_recharge_bonus'), ('billing', '0015_reconciliation_invoices'), ('billing', '0016_bookings'), ('billing', '0017_findings'), ('billing', '0018_pay_score'), ('billing', '0019_ebike_orders'), ('billing', '0020_running_orders'), ('billing', '0021_invoices_of_enterprises'), ('billing', '0022_orders_of_a_station_by_day'), ('billing', '0023_clear_bookings_and_month_cards'), ('billing', '0024_paid_without_a_charge')]

    initial = True

    dependencies = [
        ('devices', '0001_squashed_0011_ebike_boxes'),
        ('marketing', '0001_squashed_0003_member_levels'),
        ('stations', '0001_squashed_0009_duty_phone'),
        ('users', '0001_squashed_0005_driver_settings_and_notices'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Account',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('wallet', 'Driver wallet'), ('enterprise', 'Enterprise account'), ('card', 'Card account'), ('bonus', 'Driver bonus'), ('arrears', 'Arrears'), ('card_deposit', 'Card deposit'), ('operator_electricity', 'Operator: electricity fees'), ('operator_service', 'Operator: service fees'), ('operator_fees', 'Operator: further fees'), ('operator_occupancy', 'Operator: occupancy fees'), ('operator_reservation', 'Operator: reservation fees'), ('operator_parking', 'Operator: parking fees'), ('operator_discounts', 'Operator: discounts given'), ('platform_discounts', 'Platform: discounts given'), ('operator_month_cards', 'Operator: month cards'), ('operator_free', 'Operator: charging given away'), ('operator_cash', 'Operator: cash in boxes'), ('operator_box_income', 'Operator: coins and offline cards'), ('platform_bonus', 'Platform: bonuses given'), ('manual_topup', 'Platform: manual top-ups'), ('channel_wechat', 'Platform: WeChat Pay'), ('channel_alipay', 'Platform: Alipay'), ('refunds_in_transit', 'Driver refunds under way'), ('payable', 'Owed to a payee'), ('payouts_in_transit', 'Payouts under way'), ('commission', 'Platform: commission'), ('platform_fees', 'Platform: hosting and service fees'), ('channel_fees', 'Platform: fees of payment channels'), ('bank', 'Platform: bank'), ('differences', 'Platform: differences with channels')], max_length=24, verbose_name='kind')),
                    ('balance_fen', models.BigIntegerField(default=0, verbose_name='balance (fen)')),
                    ('held_fen', models.BigIntegerField(default=0, verbose_name='held (fen)')),
                    ('credit_fen', models.BigIntegerField(default=0, verbose_name='credit (fen)')),
                ],
                options={
                    'verbose_name': 'account',
                    'verbose_name_plural': 'accounts',
                },
            ),
            migrations.CreateModel(
                name='BillLine',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('payment', 'Payment'), ('refund', 'Refund')], max_length=8, verbose_name='kind')),
                    ('number', models.CharField(max_length=64, verbose_name='our no.')),
                    ('trade_number', models.CharField(max_length=64, verbose_name='payment no.')),
                    ('provider_no', models.CharField(max_length=64, verbose_name="channel's no.")),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('fee_fen', models.BigIntegerField(verbose_name='channel fee (fen)')),
                    ('state', models.CharField(max_length=12, verbose_name='state')),
                    ('at', models.DateTimeField(verbose_name='at')),
                ],
                options={
                    'verbose_name': 'line of a channel bill',
                    'verbose_name_plural': 'lines of channel bills',
                },
            ),
            migrations.CreateModel(
                name='Booking',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('booking_no', models.CharField(max_length=20, unique=True, verbose_name='booking no.')),
                    ('state', models.CharField(choices=[('asked', 'Asked of the pile'), ('active', 'Booked'), ('used', 'Charged'), ('cancelled', 'Cancelled'), ('expired', 'Nobody came'), ('refused', 'Refused or dropped by the pile')], max_length=10, verbose_name='state')),
                    ('rule', models.JSONField(blank=True, null=True, verbose_name='frozen rule')),
                    ('created_at', models.DateTimeField(verbose_name='booked at')),
                    ('expires_at', models.DateTimeField(verbose_name='kept until')),
                    ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                    ('amount_fen', models.BigIntegerField(default=0, verbose_name='fee (fen)')),
                    ('reason', models.CharField(blank=True, max_length=255, verbose_name='reason')),
                    ('waived_by', models.CharField(blank=True, max_length=128, verbose_name='waived by')),
                    ('waive_reason', models.CharField(blank=True, max_length=255, verbose_name='why waived')),
                ],
                options={
                    'verbose_name': 'booking',
                    'verbose_name_plural': 'bookings',
                    'ordering': ['-id'],
                    'permissions': [('cancel_booking', 'Can cancel bookings')],
                },
            ),
            migrations.CreateModel(
                name='BoxCashDay',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField(verbose_name='day')),
                    ('coins_fen', models.BigIntegerField(default=0, verbose_name='coins (fen)')),
                    ('cards_fen', models.BigIntegerField(default=0, verbose_name='cards (fen)')),
                    ('coins', models.PositiveIntegerField(default=0, verbose_name='coins (pieces)')),
                    ('swipes', models.PositiveIntegerField(default=0, verbose_name='swipes')),
                ],
                options={
                    'verbose_name': 'cash of a box and day',
                    'verbose_name_plural': 'cash of boxes by day',
                    'ordering': ['-day', 'pile_id'],
                },
            ),
            migrations.CreateModel(
                name='ChannelBill',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('channel', models.CharField(choices=[('wechat', 'WeChat Pay'), ('alipay', 'Alipay')], max_length=8, verbose_name='payment channel')),
                    ('day', models.DateField(verbose_name='day')),
                    ('state', models.CharField(choices=[('fetched', 'Fetched'), ('empty', 'The channel had nothing that day')], max_length=8, verbose_name='state')),
                    ('digest', models.CharField(blank=True, max_length=64, verbose_name='checksum')),
                    ('payments', models.PositiveIntegerField(default=0, verbose_name='payments')),
                    ('payments_fen', models.BigIntegerField(default=0, verbose_name='paid (fen)')),
                    ('refunds', models.PositiveIntegerField(default=0, verbose_name='refunds')),
                    ('refunds_fen', models.BigIntegerField(default=0, verbose_name='refunded (fen)')),
                    ('fees_fen', models.BigIntegerField(default=0, verbose_name='channel fees (fen)')),
                    ('fetched_at', models.DateTimeField(verbose_name='fetched at')),
                ],
                options={
                    'verbose_name': 'channel bill',
                    'verbose_name_plural': 'channel bills',
                    'ordering': ['-day', 'channel'],
                },
            ),
            migrations.CreateModel(
                name='ChargingOrder',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('order_no', models.CharField(max_length=32, unique=True, verbose_name='order no.')),
                    ('payer_kind', models.CharField(choices=[('wallet', 'Driver wallet'), ('enterprise', 'Enterprise account'), ('card', 'Card account')], default='wallet', max_length=10, verbose_name='payer')),
                    ('vin', models.CharField(blank=True, max_length=17, verbose_name='VIN')),
                    ('cover', models.CharField(blank=True, choices=[('', 'Nothing'), ('later', 'May be owed (whitelist)'), ('month_card', 'Month card'), ('free', 'The operator'), ('score', 'Pay score, which debits the whole bill')], default='', max_length=10, verbose_name='covered by')),
                    ('covered_fen', models.BigIntegerField(default=0, help_text='The part of the total that the payer does not pay', verbose_name='covered (fen)')),
                    ('start_method', models.CharField(choices=[('code', 'Code or QR'), ('staff', 'By staff'), ('card', 'Card'), ('vin', 'VIN'), ('offline_card', 'Offline card'), ('plug', 'Plug and charge')], max_length=16, verbose_name='started by')),
                    ('charge_mode', models.CharField(choices=[('online_paid', 'Online, paid'), ('offline_billed', 'Offline, billed'), ('offline_free', 'Offline, free')], default='online_paid', max_length=16, verbose_name='charge mode')),
                    ('state', models.CharField(choices=[('starting', 'Starting'), ('charging', 'Charging'), ('stopping', 'Stopping'), ('finishing', 'Waiting for the record'), ('review', 'To handle'), ('settled', 'Settled'), ('closed', 'Closed without charging')], max_length=10, verbose_name='state')),
                    ('version', models.PositiveIntegerField(default=0)),
                    ('transaction_ref', models.CharField(blank=True, help_text='The number both sides know the session by', max_length=64, verbose_name='transaction no.')),
                    ('id_tag', models.CharField(blank=True, max_length=64, verbose_name='tag')),
                    ('tariff_snapshot', models.JSONField(verbose_name='frozen tariff')),
                    ('held_snapshot', models.JSONField(blank=True, null=True, verbose_name='tariff on the pile')),
                    ('targets', models.JSONField(blank=True, default=dict, verbose_name='limits')),
                    ('stop_due_at', models.DateTimeField(blank=True, null=True, verbose_name='stop by')),
                    ('package_fen', models.BigIntegerField(blank=True, null=True, verbose_name='bought ahead (fen)')),
                    ('further_packages', models.JSONField(blank=True, default=list)),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='charging since')),
                    ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                    ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled at')),
                    ('due_at', models.DateTimeField(blank=True, help_text='When the sweep has to look at this order', null=True, verbose_name='next deadline')),
                    ('energy_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='energy (kWh)')),
                    ('power_kw', kernel.fields.FixedPointField(blank=True, null=True, places=3, verbose_name='power (kW)')),
                    ('soc_pct', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='SoC (%)')),
                    ('last_sample_at', models.DateTimeField(blank=True, null=True, verbose_name='last sample')),
                    ('segments', models.JSONField(blank=True, default=dict)),
                    ('pauses', models.JSONField(blank=True, default=list)),
                    ('power_steps', models.JSONField(blank=True, default=list)),
                    ('electricity_fen', models.BigIntegerField(default=0, verbose_name='electricity (fen)')),
                    ('service_fen', models.BigIntegerField(default=0, verbose_name='service (fen)')),
                    ('fees_fen', models.BigIntegerField(db_default=0, default=0, verbose_name='further fees (fen)')),
                    ('discount_fen', models.BigIntegerField(db_default=0, default=0, verbose_name='discount (fen)')),
                    ('total_fen', models.BigIntegerField(default=0, verbose_name='total (fen)')),
                    ('stop_at_fen', models.BigIntegerField(blank=True, help_text='The held amount; charging stops before it is used up', null=True, verbose_name='stop at (fen)')),
                    ('bill', models.JSONField(blank=True, null=True, verbose_name='bill')),
                    ('evidence', models.JSONField(blank=True, null=True, verbose_name='evidence')),
                    ('device_energy_kwh', kernel.fields.FixedPointField(blank=True, null=True, places=4, verbose_name='energy by the pile (kWh)')),
                    ('device_amount', kernel.fields.FixedPointField(blank=True, null=True, places=4, verbose_name='amount by the pile (yuan)')),
                    ('stop_reason', models.CharField(blank=True, max_length=48, verbose_name='stop reason')),
                    ('review_reasons', models.JSONField(blank=True, default=list, verbose_name='reasons to handle')),
                ],
                options={
                    'verbose_name': 'charging order',
                    'verbose_name_plural': 'charging orders',
                    'ordering': ['-id'],
                    'permissions': [('settle_review', 'Can settle orders that wait for a person')],
                },
            ),
            migrations.CreateModel(
                name='ChargingStrategy',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('max_energy_kwh', kernel.fields.FixedPointField(blank=True, null=True, places=4, verbose_name='at most energy (kWh)')),
                    ('max_fen', models.BigIntegerField(blank=True, null=True, verbose_name='at most money (fen)')),
                    ('max_seconds', models.PositiveIntegerField(blank=True, null=True, verbose_name='at most time (s)')),
                    ('max_soc_pct', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='at most SoC (%)')),
                    ('max_power_kw', kernel.fields.FixedPointField(blank=True, null=True, places=1, verbose_name='at most power (kW)')),
                    ('methods', models.JSONField(blank=True, default=list, verbose_name='allowed ways of starting')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'charging strategy',
                    'verbose_name_plural': 'charging strategies',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='CheckFinding',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=64, verbose_name='code')),
                    ('subject', models.CharField(max_length=128, verbose_name='about')),
                    ('data', models.JSONField(blank=True, default=dict, verbose_name='figures')),
                    ('first_seen_at', models.DateTimeField(verbose_name='first seen')),
                    ('last_seen_at', models.DateTimeField(verbose_name='last seen')),
                    ('gone_at', models.DateTimeField(blank=True, null=True, verbose_name='gone at')),
                ],
                options={
                    'verbose_name': 'problem in the books',
                    'verbose_name_plural': 'problems in the books',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='CheckRun',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField(unique=True, verbose_name='day')),
                    ('started_at', models.DateTimeField(verbose_name='started at')),
                    ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                    ('problems', models.PositiveIntegerField(default=0, verbose_name='problems')),
                ],
                options={
                    'verbose_name': 'check of the books',
                    'verbose_name_plural': 'checks of the books',
                    'ordering': ['-day'],
                },
            ),
            migrations.CreateModel(
                name='ClearingLine',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('fee_kind', models.CharField(max_length=24, verbose_name='fee')),
                    ('role', models.CharField(choices=[('commission', 'Platform commission'), ('channel_fee', 'Channel fee'), ('share', 'Share')], max_length=12, verbose_name='part')),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('day', models.DateField(verbose_name='day')),
                ],
                options={
                    'verbose_name': 'clearing line',
                    'verbose_name_plural': 'clearing lines',
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='ClearingRecord',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('settlement', 'Income'), ('correction', 'Correction')], max_length=10, verbose_name='kind')),
                    ('day', models.DateField(verbose_name='day')),
                    ('energy_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='energy (kWh)')),
                    ('gross_fen', models.BigIntegerField(verbose_name='income (fen)')),
                    ('cleared_at', models.DateTimeField(verbose_name='cleared at')),
                ],
                options={
                    'verbose_name': 'clearing record',
                    'verbose_name_plural': 'clearing records',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='ClearingRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(verbose_name='version')),
                    ('effective_at', models.DateTimeField(verbose_name='in force from')),
                    ('terms', models.JSONField(verbose_name='terms')),
                    ('published_by', models.CharField(max_length=128, verbose_name='published by')),
                    ('published_at', models.DateTimeField(verbose_name='published at')),
                ],
                options={
                    'verbose_name': 'clearing rule',
                    'verbose_name_plural': 'clearing rules',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='DayClose',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('day', models.DateField(unique=True, verbose_name='day')),
                    ('state', models.CharField(choices=[('open', 'Open'), ('closed', 'Closed')], default='open', max_length=6, verbose_name='state')),
                    ('figures', models.JSONField(blank=True, default=dict, verbose_name='figures')),
                    ('closings', models.PositiveIntegerField(default=0, verbose_name='closed so many times')),
                    ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed at')),
                    ('closed_by', models.CharField(blank=True, max_length=128, verbose_name='closed by')),
                    ('reopened_at', models.DateTimeField(blank=True, null=True, verbose_name='reopened at')),
                    ('reopened_by', models.CharField(blank=True, max_length=128, verbose_name='reopened by')),
                ],
                options={
                    'verbose_name': 'business day',
                    'verbose_name_plural': 'day close',
                    'ordering': ['-day'],
                    'permissions': [('close_day', 'Can close a business day')],
                },
            ),
            migrations.CreateModel(
                name='Difference',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('channel', models.CharField(choices=[('wechat', 'WeChat Pay'), ('alipay', 'Alipay')], max_length=8, verbose_name='payment channel')),
                    ('day', models.DateField(verbose_name='day')),
                    ('kind', models.CharField(choices=[('missing_here', 'The channel has it, we do not'), ('missing_there', 'We have it, the channel does not'), ('amount', 'The amount differs'), ('state', 'The state differs'), ('fee', 'The fee differs'), ('duplicate', 'The channel has it twice')], max_length=16, verbose_name='kind')),
                    ('subject', models.CharField(choices=[('payment', 'Payment'), ('refund', 'Refund')], max_length=8, verbose_name='about')),
                    ('number', models.CharField(max_length=64, verbose_name='our no.')),
                    ('provider_no', models.CharField(blank=True, max_length=64, verbose_name="channel's no.")),
                    ('theirs_fen', models.BigIntegerField(blank=True, null=True, verbose_name='channel (fen)')),
                    ('ours_fen', models.BigIntegerField(blank=True, null=True, verbose_name='here (fen)')),
                    ('theirs', models.CharField(blank=True, max_length=32, verbose_name='channel says')),
                    ('ours', models.CharField(blank=True, max_length=32, verbose_name='we say')),
                    ('state', models.CharField(choices=[('open', 'Open'), ('matched', 'Agrees by now'), ('explained', 'Explained'), ('booked', 'Booked')], default='open', max_length=10, verbose_name='state')),
                    ('found_at', models.DateTimeField(verbose_name='found at')),
                    ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled at')),
                    ('settled_by', models.CharField(blank=True, max_length=128, verbose_name='settled by')),
                    ('note', models.CharField(blank=True, max_length=255, verbose_name='note')),
                ],
                options={
                    'verbose_name': 'reconciliation difference',
                    'verbose_name_plural': 'reconciliation differences',
                    'ordering': ['-day', '-id'],
                    'permissions': [('reconcile', 'Can compare the books with the bills of payment channels'), ('settle_difference', 'Can explain differences with payment channels')],
                },
            ),
            migrations.CreateModel(
                name='Discount',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('bearer', models.CharField(choices=[('operator', 'Operator'), ('platform', 'Platform')], default='operator', max_length=8, verbose_name='borne by')),
                    ('off_bp', models.PositiveSmallIntegerField(default=0, help_text='10000 is free of charge, 500 is five per cent off', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10000)], verbose_name='off (1/100 %)')),
                    ('off_fen', models.BigIntegerField(default=0, verbose_name='off (fen)')),
                    ('fees', models.JSONField(default=list, verbose_name='on which fees')),
                    ('group', models.CharField(blank=True, default='', max_length=32, verbose_name='only for group')),
                    ('first_orders', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='only the first so many orders')),
                    ('from_slot', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='from half-hour')),
                    ('to_slot', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='to half-hour')),
                    ('valid_from', models.DateTimeField(verbose_name='valid from')),
                    ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='valid to')),
                    ('cap_fen', models.BigIntegerField(blank=True, null=True, verbose_name='at most per order (fen)')),
                    ('budget_fen', models.BigIntegerField(blank=True, null=True, verbose_name='budget (fen)')),
                    ('reserved_fen', models.BigIntegerField(default=0, verbose_name='reserved (fen)')),
                    ('used_fen', models.BigIntegerField(default=0, verbose_name='used (fen)')),
                    ('stack', models.BooleanField(default=False, verbose_name='comes on top of others')),
                    ('is_active', models.BooleanField(default=True, verbose_name='active')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'discount',
                    'verbose_name_plural': 'discounts',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='DiscountUse',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reserved_fen', models.BigIntegerField(default=0, verbose_name='reserved (fen)')),
                    ('used_fen', models.BigIntegerField(blank=True, null=True, verbose_name='used (fen)')),
                ],
                options={
                    'verbose_name': 'use of a discount',
                    'verbose_name_plural': 'uses of discounts',
                },
            ),
            migrations.CreateModel(
                name='EnterpriseStation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ],
                options={
                    'verbose_name': "enterprise's station",
                    'verbose_name_plural': "enterprises' stations",
                },
            ),
            migrations.CreateModel(
                name='Entry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('balance_after_fen', models.BigIntegerField(verbose_name='balance after (fen)')),
                    ('at', models.DateTimeField(verbose_name='at')),
                ],
                options={
                    'verbose_name': 'ledger entry',
                    'verbose_name_plural': 'ledger entries',
                },
            ),
            migrations.CreateModel(
                name='FinanceTerms',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(verbose_name='version')),
                    ('cycle', models.CharField(choices=[('daily', 'Daily'), ('weekly', 'Weekly, Monday to Sunday'), ('monthly', 'Monthly')], default='daily', max_length=8, verbose_name='cycle')),
                    ('minimum_payout_fen', models.BigIntegerField(default=100, help_text='What is below is carried to the next statement', verbose_name='least payout (fen)')),
                    ('auto_payout', models.BooleanField(default=False, help_text='Payouts below the limit need no approval', verbose_name='pay out by itself')),
                    ('tax_name', models.CharField(blank=True, max_length=100, verbose_name='company name')),
                    ('taxpayer_id', models.CharField(blank=True, max_length=20, verbose_name='taxpayer no.')),
                    ('published_by', models.CharField(max_length=128, verbose_name='published by')),
                    ('published_at', models.DateTimeField(verbose_name='published at')),
                ],
                options={
                    'verbose_name': 'settlement terms',
                    'verbose_name_plural': 'settlement terms',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='Hold',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('bonus_fen', models.BigIntegerField(default=0, verbose_name='of the bonus (fen)')),
                    ('state', models.CharField(choices=[('active', 'Active'), ('released', 'Released')], default='active', max_length=8, verbose_name='state')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('released_at', models.DateTimeField(blank=True, null=True, verbose_name='released at')),
                ],
                options={
                    'verbose_name': 'hold',
                    'verbose_name_plural': 'holds',
                },
            ),
            migrations.CreateModel(
                name='Invoice',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.CharField(max_length=32, unique=True, verbose_name='request no.')),
                    ('kind', models.CharField(choices=[('blue', 'Invoice'), ('red', 'Red invoice')], default='blue', max_length=4, verbose_name='kind')),
                    ('seller_name', models.CharField(max_length=100, verbose_name='seller')),
                    ('seller_tax_no', models.CharField(max_length=20, verbose_name="seller's taxpayer no.")),
                    ('buyer_kind', models.CharField(choices=[('individual', 'Individual'), ('organization', 'Organization')], max_length=12, verbose_name='buyer is')),
                    ('buyer_name', models.CharField(max_length=100, verbose_name='title')),
                    ('buyer_tax_no', models.CharField(blank=True, max_length=20, verbose_name="buyer's taxpayer no.")),
                    ('email', models.EmailField(blank=True, max_length=254, verbose_name='email')),
                    ('gross_fen', models.BigIntegerField(verbose_name='amount with tax (fen)')),
                    ('net_fen', models.BigIntegerField(verbose_name='amount without tax (fen)')),
                    ('tax_fen', models.BigIntegerField(verbose_name='tax (fen)')),
                    ('state', models.CharField(choices=[('requested', 'Waits for review'), ('approved', 'Approved'), ('issuing', 'With the provider'), ('issued', 'Issued'), ('failed', 'Refused by the provider'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn'), ('reversed', 'Reversed')], default='requested', max_length=10, verbose_name='state')),
                    ('version', models.PositiveIntegerField(default=0)),
                    ('reason', models.CharField(blank=True, max_length=255, verbose_name='reason')),
                    ('requested_at', models.DateTimeField(verbose_name='requested at')),
                    ('requested_by_key', models.CharField(max_length=96)),
                    ('requested_by_name', models.CharField(blank=True, max_length=128, verbose_name='requested by')),
                    ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided at')),
                    ('decided_by_key', models.CharField(blank=True, max_length=96)),
                    ('decided_by_name', models.CharField(blank=True, max_length=128, verbose_name='decided by')),
                    ('decision_reason', models.CharField(blank=True, max_length=255, verbose_name='reason of the decision')),
                    ('provider_no', models.CharField(blank=True, max_length=32, verbose_name='invoice no.')),
                    ('document_url', models.URLField(blank=True, max_length=300, verbose_name='document')),
                    ('issued_at', models.DateTimeField(blank=True, null=True, verbose_name='issued at')),
                    ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                    ('next_at', models.DateTimeField(blank=True, null=True, verbose_name='next attempt')),
                    ('last_error', models.CharField(blank=True, max_length=255, verbose_name='last error')),
                ],
                options={
                    'verbose_name': 'invoice',
                    'verbose_name_plural': 'invoices',
                    'ordering': ['-id'],
                    'permissions': [('request_invoice', 'Can ask for invoices of enterprises'), ('review_invoice', 'Can approve and reject requests for invoices'), ('red_invoice', 'Can ask for red invoices')],
                },
            ),
            migrations.CreateModel(
                name='InvoicedOrder',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('amounts', models.JSONField(verbose_name='paid by kind of fee (fen)')),
                    ('gross_fen', models.BigIntegerField(verbose_name='amount with tax (fen)')),
                    ('live', models.BooleanField(default=True)),
                ],
                options={
                    'verbose_name': 'invoiced order',
                    'verbose_name_plural': 'invoiced orders',
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='InvoiceLine',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('fee_kind', models.CharField(max_length=16, verbose_name='kind')),
                    ('name', models.CharField(max_length=100, verbose_name='goods or service')),
                    ('tax_code', models.CharField(max_length=19, verbose_name='tax code')),
                    ('rate_bp', models.PositiveIntegerField(verbose_name='rate (hundredths of a percent)')),
                    ('energy_kwh', kernel.fields.FixedPointField(blank=True, null=True, places=4, verbose_name='energy (kWh)')),
                    ('gross_fen', models.BigIntegerField(verbose_name='amount with tax (fen)')),
                    ('net_fen', models.BigIntegerField(verbose_name='amount without tax (fen)')),
                    ('tax_fen', models.BigIntegerField(verbose_name='tax (fen)')),
                ],
                options={
                    'verbose_name': 'invoice line',
                    'verbose_name_plural': 'invoice lines',
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='InvoiceTerms',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(verbose_name='version')),
                    ('seller_name', models.CharField(max_length=100, verbose_name='seller')),
                    ('seller_tax_no', models.CharField(max_length=20, verbose_name="seller's taxpayer no.")),
                    ('auto_approve_fen', models.BigIntegerField(default=0, help_text='0: every request is reviewed', verbose_name='needs no review up to (fen)')),
                    ('lines', models.JSONField(blank=True, default=dict, verbose_name='rates and tax codes')),
                    ('published_by', models.CharField(max_length=128, verbose_name='published by')),
                    ('published_at', models.DateTimeField(verbose_name='published at')),
                ],
                options={
                    'verbose_name': 'invoice terms',
                    'verbose_name_plural': 'invoice terms',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='Journal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('idempotency_key', models.CharField(max_length=96, unique=True, verbose_name='idempotency key')),
                    ('kind', models.CharField(choices=[('topup', 'Top-up'), ('settlement', 'Order settled'), ('order_fee', 'Fee after the charge'), ('arrears_payment', 'Arrears paid'), ('correction', 'Order corrected'), ('recharge', 'Recharge'), ('score_debit', 'Debited by pay score'), ('refund_freeze', 'Refund asked for'), ('refund_paid', 'Refunded to origin'), ('refund_returned', 'Refund returned to the wallet'), ('clearing', 'Income divided'), ('fee', 'Hosting or service fee'), ('adjustment', "Adjustment of a payee's account"), ('payout', 'Payout under way'), ('payout_paid', 'Payout paid'), ('payout_returned', 'Payout returned'), ('channel_fee', "Fees of a channel's day"), ('difference', 'Difference with a channel'), ('bonus', 'Recharge bonus'), ('bonus_taken_back', 'Recharge bonus taken back'), ('card_deposit', 'Card deposit paid'), ('card_return', 'Card returned'), ('box_cash', 'Coins and offline cards'), ('month_card', 'Month card sold'), ('month_card_back', 'Month card paid back')], max_length=16, verbose_name='kind')),
                    ('memo', models.CharField(blank=True, max_length=255, verbose_name='note')),
                    ('actor_key', models.CharField(max_length=96, verbose_name='by')),
                    ('actor_name', models.CharField(blank=True, max_length=128, verbose_name='name')),
                    ('at', models.DateTimeField(db_index=True, verbose_name='at')),
                ],
                options={
                    'verbose_name': 'journal',
                    'verbose_name_plural': 'journals',
                    'permissions': [('top_up', 'Can put money on wallets'), ('top_up_card', 'Can put money on cards'), ('set_credit', 'Can set how far an enterprise may owe')],
                },
            ),
            migrations.CreateModel(
                name='MonthSale',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('amount_fen', models.BigIntegerField(verbose_name='price (fen)')),
                    ('valid_from', models.DateField(verbose_name='valid from')),
                    ('valid_until', models.DateField(verbose_name='valid until')),
                    ('before_from', models.DateField(blank=True, null=True)),
                    ('before_until', models.DateField(blank=True, null=True)),
                    ('sold_at', models.DateTimeField(verbose_name='sold at')),
                    ('sold_by', models.CharField(blank=True, max_length=128, verbose_name='sold by')),
                    ('refunded_fen', models.BigIntegerField(default=0, verbose_name='paid back (fen)')),
                    ('refunded_at', models.DateTimeField(blank=True, null=True, verbose_name='paid back at')),
                    ('refunded_by', models.CharField(blank=True, max_length=128, verbose_name='paid back by')),
                    ('refund_reason', models.CharField(blank=True, max_length=255, verbose_name='reason')),
                ],
                options={
                    'verbose_name': 'month card sale',
                    'verbose_name_plural': 'month card sales',
                    'ordering': ['-id'],
                    'permissions': [('refund_monthsale', 'Can pay month cards back')],
                },
            ),
            migrations.CreateModel(
                name='OrderEvent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(verbose_name='at')),
                    ('kind', models.CharField(max_length=48, verbose_name='event')),
                    ('from_state', models.CharField(blank=True, max_length=10)),
                    ('to_state', models.CharField(blank=True, max_length=10)),
                    ('data', models.JSONField(blank=True, default=dict)),
                    ('actor_key', models.CharField(blank=True, max_length=96)),
                    ('actor_name', models.CharField(blank=True, max_length=128)),
                ],
                options={
                    'verbose_name': 'order event',
                    'verbose_name_plural': 'order events',
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='OrderFee',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('occupancy', 'Occupancy fee'), ('reservation', 'Reservation fee'), ('parking', 'Parking fee')], max_length=12, verbose_name='kind')),
                    ('state', models.CharField(choices=[('running', 'Running'), ('settled', 'Settled'), ('waived', 'Waived'), ('dropped', 'Nothing to pay')], max_length=8, verbose_name='state')),
                    ('rule', models.JSONField(verbose_name='frozen rule')),
                    ('began_at', models.DateTimeField(verbose_name='from')),
                    ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                    ('outages', models.JSONField(blank=True, default=list, verbose_name='outages')),
                    ('charging', models.JSONField(blank=True, default=list, verbose_name='charging')),
                    ('came', models.BooleanField(default=True, verbose_name='came')),
                    ('blocks', models.PositiveIntegerField(default=0, verbose_name='started blocks')),
                    ('amount_fen', models.BigIntegerField(default=0, verbose_name='amount (fen)')),
                    ('before_fen', models.BigIntegerField(default=0, verbose_name='charged before on that day (fen)')),
                    ('flagged', models.BooleanField(default=False, verbose_name='end not seen')),
                    ('due_at', models.DateTimeField(blank=True, null=True, verbose_name='next deadline')),
                    ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled at')),
                    ('waived_by', models.CharField(blank=True, max_length=128, verbose_name='waived by')),
                    ('waive_reason', models.CharField(blank=True, max_length=255, verbose_name='reason')),
                ],
                options={
                    'verbose_name': 'fee after the charge',
                    'verbose_name_plural': 'fees after the charge',
                    'ordering': ['-id'],
                    'permissions': [('waive_fee', 'Can waive fees after the charge')],
                },
            ),
            migrations.CreateModel(
                name='PaidStart',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('limits', models.JSONField(blank=True, default=dict, verbose_name='limits')),
                    ('state', models.CharField(choices=[('waiting', 'Waiting for the payment'), ('due', 'Paid, to be started'), ('started', 'Started'), ('refunding', 'Rest to be refunded'), ('done', 'Done'), ('cancelled', 'Not paid')], default='waiting', max_length=10, verbose_name='state')),
                    ('refusal', models.JSONField(blank=True, null=True, verbose_name='why it did not start')),
                    ('next_at', models.DateTimeField(blank=True, null=True, verbose_name='next attempt')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ],
                options={
                    'verbose_name': 'paid start',
                    'verbose_name_plural': 'paid starts',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='Payee',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('operator', 'Operator'), ('agent', 'Agent'), ('partner', 'Partner')], max_length=8, verbose_name='kind')),
                    ('code', models.CharField(max_length=32, verbose_name='code')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('phone', models.CharField(blank=True, help_text='Codes that confirm a payout account go there', max_length=20, verbose_name='phone')),
                    ('is_active', models.BooleanField(default=True, verbose_name='enabled')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'payee',
                    'verbose_name_plural': 'payees',
                    'ordering': ['operator', 'id'],
                },
            ),
            migrations.CreateModel(
                name='Payment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('out_trade_no', models.CharField(max_length=32, unique=True, verbose_name='payment no.')),
                    ('channel', models.CharField(choices=[('wechat', 'WeChat Pay'), ('alipay', 'Alipay')], max_length=8, verbose_name='payment channel')),
                    ('way', models.CharField(max_length=8, verbose_name='way')),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('state', models.CharField(choices=[('created', 'Created'), ('paying', 'Waiting for payment'), ('succeeded', 'Paid'), ('closed', 'Closed unpaid'), ('failed', 'Refused'), ('review', 'To handle')], default='created', max_length=10, verbose_name='state')),
                    ('version', models.PositiveIntegerField(default=0)),
                    ('client_key', models.CharField(blank=True, max_length=64, verbose_name='key of the request')),
                    ('provider_no', models.CharField(blank=True, max_length=64, verbose_name="channel's no.")),
                    ('payer', models.CharField(blank=True, max_length=128, verbose_name='payer')),
                    ('paid_fen', models.BigIntegerField(blank=True, null=True, verbose_name='paid (fen)')),
                    ('paid_at', models.DateTimeField(blank=True, null=True, verbose_name='paid at')),
                    ('refunded_fen', models.BigIntegerField(default=0, verbose_name='refunded (fen)')),
                    ('pay_params', models.JSONField(blank=True, null=True, verbose_name='parameters for the app')),
                    ('review_reasons', models.JSONField(blank=True, default=list, verbose_name='reasons to handle')),
                    ('last_error', models.CharField(blank=True, max_length=255, verbose_name='last error')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('expires_at', models.DateTimeField(verbose_name='expires at')),
                    ('next_query_at', models.DateTimeField(blank=True, null=True, verbose_name='next query')),
                    ('queries', models.PositiveIntegerField(default=0, verbose_name='queries')),
                ],
                options={
                    'verbose_name': 'payment',
                    'verbose_name_plural': 'payments',
                    'ordering': ['-id'],
                    'permissions': [('query_payment', 'Can ask a payment channel about a payment'), ('resolve_payment', 'Can decide about payments that do not fit')],
                },
            ),
            migrations.CreateModel(
                name='PaymentEvent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(verbose_name='at')),
                    ('kind', models.CharField(max_length=32, verbose_name='event')),
                    ('from_state', models.CharField(blank=True, max_length=10)),
                    ('to_state', models.CharField(blank=True, max_length=10)),
                    ('data', models.JSONField(blank=True, default=dict)),
                    ('actor_key', models.CharField(blank=True, max_length=96)),
                    ('actor_name', models.CharField(blank=True, max_length=128)),
                ],
                options={
                    'verbose_name': 'payment event',
                    'verbose_name_plural': 'payment events',
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='PaymentNotice',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('channel', models.CharField(choices=[('wechat', 'WeChat Pay'), ('alipay', 'Alipay')], max_length=8, verbose_name='payment channel')),
                    ('notice_id', models.CharField(max_length=128, verbose_name='notice no.')),
                    ('number', models.CharField(blank=True, max_length=64, verbose_name='about')),
                    ('outcome', models.CharField(choices=[('credited', 'Credited'), ('repeated', 'Known already'), ('differs', 'Does not fit, to handle'), ('unknown', 'No such payment'), ('refund', 'About a refund'), ('ignored', 'Nothing to do')], default='ignored', max_length=10, verbose_name='outcome')),
                    ('body', models.JSONField(default=dict, verbose_name='what it said')),
                    ('received_at', models.DateTimeField(verbose_name='received at')),
                    ('repeats', models.PositiveIntegerField(default=0, verbose_name='repeats')),
                ],
                options={
                    'verbose_name': 'payment notice',
                    'verbose_name_plural': 'payment notices',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='Payout',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.CharField(max_length=32, unique=True, verbose_name='payout no.')),
                    ('channel', models.CharField(choices=[('wechat', 'WeChat Pay'), ('alipay', 'Alipay'), ('bank', 'Bank transfer')], max_length=8, verbose_name='payout channel')),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('state', models.CharField(choices=[('created', 'Waits for approval'), ('approved', 'Approved'), ('sending', 'With the channel'), ('waiting', 'Waits for the payee to confirm'), ('paid', 'Paid'), ('failed', 'Failed'), ('returned', "Returned to the payee's account")], default='created', max_length=8, verbose_name='state')),
                    ('version', models.PositiveIntegerField(default=0)),
                    ('first_approved_by_key', models.CharField(blank=True, max_length=96)),
                    ('first_approved_by_name', models.CharField(blank=True, max_length=128, verbose_name='approved first by')),
                    ('approved_by_key', models.CharField(blank=True, max_length=96)),
                    ('approved_by_name', models.CharField(blank=True, max_length=128, verbose_name='approved by')),
                    ('provider_no', models.CharField(blank=True, max_length=64, verbose_name="channel's no.")),
                    ('confirm_params', models.JSONField(blank=True, null=True, verbose_name="for the payee's app")),
                    ('refused_code', models.CharField(blank=True, max_length=64, verbose_name='refusal')),
                    ('closed_there', models.BooleanField(default=False, verbose_name='ended by the channel')),
                    ('last_error', models.CharField(blank=True, max_length=255, verbose_name='last error')),
                    ('needs_attention', models.BooleanField(default=False, verbose_name='needs attention')),
                    ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                    ('next_at', models.DateTimeField(blank=True, null=True, verbose_name='next attempt')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent at')),
                    ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                ],
                options={
                    'verbose_name': 'payout',
                    'verbose_name_plural': 'payouts',
                    'ordering': ['-id'],
                    'permissions': [('approve_payout', 'Can approve, retry and return payouts')],
                },
            ),
            migrations.CreateModel(
                name='PayoutAccount',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('channel', models.CharField(choices=[('wechat', 'WeChat Pay'), ('alipay', 'Alipay'), ('bank', 'Bank transfer')], max_length=8, verbose_name='payout channel')),
                    ('identity', models.CharField(help_text='WeChat: openid; Alipay: login or user number; bank: card no.', max_length=64, verbose_name='account')),
                    ('real_name', models.CharField(max_length=64, verbose_name='holder')),
                    ('bank_name', models.CharField(blank=True, max_length=100, verbose_name='bank and branch')),
                    ('state', models.CharField(choices=[('pending', 'Waits for confirmation'), ('verified', 'Confirmed'), ('replaced', 'Replaced'), ('rejected', 'Rejected')], default='pending', max_length=8, verbose_name='state')),
                    ('code_digest', models.CharField(blank=True, max_length=64)),
                    ('code_expires_at', models.DateTimeField(blank=True, null=True)),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('bound_by_key', models.CharField(max_length=96)),
                    ('bound_by_name', models.CharField(blank=True, max_length=128, verbose_name='bound by')),
                    ('bound_at', models.DateTimeField(verbose_name='bound at')),
                    ('verified_by_key', models.CharField(blank=True, max_length=96)),
                    ('verified_by_name', models.CharField(blank=True, max_length=128, verbose_name='confirmed by')),
                    ('verified_at', models.DateTimeField(blank=True, null=True, verbose_name='confirmed at')),
                ],
                options={
                    'verbose_name': 'payout account',
                    'verbose_name_plural': 'payout accounts',
                    'ordering': ['-id'],
                    'permissions': [('bind_payoutaccount', 'Can bind payout accounts'), ('verify_payoutaccount', 'Can confirm payout accounts that somebody else bound')],
                },
            ),
            migrations.CreateModel(
                name='PayoutEvent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(verbose_name='at')),
                    ('kind', models.CharField(max_length=32, verbose_name='event')),
                    ('from_state', models.CharField(blank=True, max_length=8)),
                    ('to_state', models.CharField(blank=True, max_length=8)),
                    ('data', models.JSONField(blank=True, default=dict)),
                    ('actor_key', models.CharField(blank=True, max_length=96)),
                    ('actor_name', models.CharField(blank=True, max_length=128)),
                ],
                options={
                    'verbose_name': 'payout event',
                    'verbose_name_plural': 'payout events',
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='PileTariff',
                fields=[
                    ('pile', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='held_tariff', serialize=False, to='stations.pile', verbose_name='pile')),
                    ('profile', models.CharField(blank=True, default='', max_length=16, verbose_name='day')),
                    ('confirmed_at', models.DateTimeField(verbose_name='confirmed at')),
                ],
                options={
                    'verbose_name': 'tariff on a pile',
                    'verbose_name_plural': 'tariffs on piles',
                },
            ),
            migrations.CreateModel(
                name='Proposal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('clearing_rule', 'Clearing rule'), ('order_refund', 'Refund of an order'), ('order_settlement', 'Settlement of an order to handle'), ('finance_terms', 'Settlement terms'), ('contract', 'Service contract'), ('adjustment', "Adjustment of a payee's account"), ('reopen_day', 'Reopening of a closed day'), ('difference', 'Booking of a difference with a channel'), ('invoice_terms', 'Invoice terms')], max_length=16, verbose_name='kind')),
                    ('payload', models.JSONField(verbose_name='what it says')),
                    ('state', models.CharField(choices=[('proposed', 'Waits for a second person'), ('approved', 'Approved'), ('rejected', 'Rejected')], default='proposed', max_length=8, verbose_name='state')),
                    ('reason', models.CharField(max_length=255, verbose_name='reason')),
                    ('requested_at', models.DateTimeField(verbose_name='requested at')),
                    ('requested_by_key', models.CharField(max_length=96, verbose_name='requested by')),
                    ('requested_by_name', models.CharField(blank=True, max_length=128, verbose_name='requested by')),
                    ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided at')),
                    ('decided_by_key', models.CharField(blank=True, max_length=96, verbose_name='decided by')),
                    ('decided_by_name', models.CharField(blank=True, max_length=128, verbose_name='decided by')),
                    ('decision_reason', models.CharField(blank=True, max_length=255, verbose_name='reason of the decision')),
                    ('result', models.CharField(blank=True, max_length=128, verbose_name='result')),
                ],
                options={
                    'verbose_name': 'change to approve',
                    'verbose_name_plural': 'changes to approve',
                    'ordering': ['-id'],
                    'permissions': [('propose_change', 'Can ask for changes of finance rules and for refunds of orders'), ('approve_change', 'Can approve what somebody else asked for')],
                },
            ),
            migrations.CreateModel(
                name='RechargeBonus',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('nth', models.PositiveSmallIntegerField(verbose_name="the driver's no.")),
                    ('bonus_fen', models.BigIntegerField(verbose_name='bonus (fen)')),
                    ('taken_back_fen', models.BigIntegerField(default=0, verbose_name='taken back (fen)')),
                    ('given_at', models.DateTimeField(verbose_name='given at')),
                ],
                options={
                    'verbose_name': 'recharge bonus',
                    'verbose_name_plural': 'recharge bonuses',
                },
            ),
            migrations.CreateModel(
                name='Refund',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('refund_no', models.CharField(max_length=32, unique=True, verbose_name='refund no.')),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('refunded_fen', models.BigIntegerField(default=0, verbose_name='refunded (fen)')),
                    ('state', models.CharField(choices=[('requested', 'Waiting for approval'), ('approved', 'Approved'), ('sent', 'With the channel'), ('succeeded', 'Refunded'), ('partial', 'Refunded in part'), ('failed', 'Failed'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn')], default='requested', max_length=10, verbose_name='state')),
                    ('version', models.PositiveIntegerField(default=0)),
                    ('client_key', models.CharField(blank=True, max_length=64, verbose_name='key of the request')),
                    ('reason', models.CharField(blank=True, max_length=255, verbose_name='reason')),
                    ('requested_at', models.DateTimeField(verbose_name='requested at')),
                    ('requested_by_key', models.CharField(max_length=96, verbose_name='requested by')),
                    ('requested_by_name', models.CharField(blank=True, max_length=128, verbose_name='requested by')),
                    ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided at')),
                    ('decided_by_key', models.CharField(blank=True, max_length=96, verbose_name='decided by')),
                    ('decided_by_name', models.CharField(blank=True, max_length=128, verbose_name='decided by')),
                    ('decision_reason', models.CharField(blank=True, max_length=255, verbose_name='reason of the decision')),
                    ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                ],
                options={
                    'verbose_name': 'refund',
                    'verbose_name_plural': 'refunds',
                    'ordering': ['-id'],
                    'permissions': [('request_refund', "Can ask for a refund in a driver's name"), ('approve_refund', 'Can approve and reject refunds')],
                },
            ),
            migrations.CreateModel(
                name='RefundPart',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('channel', models.CharField(choices=[('wechat', 'WeChat Pay'), ('alipay', 'Alipay')], max_length=8, verbose_name='payment channel')),
                    ('out_refund_no', models.CharField(max_length=40, unique=True, verbose_name='part no.')),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('bonus_fen', models.BigIntegerField(default=0, verbose_name='bonus taken back (fen)')),
                    ('state', models.CharField(choices=[('pending', 'Not sent yet'), ('sent', 'With the channel'), ('succeeded', 'Refunded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending', max_length=10, verbose_name='state')),
                    ('provider_no', models.CharField(blank=True, max_length=64, verbose_name="channel's no.")),
                    ('refused_code', models.CharField(blank=True, max_length=64, verbose_name='refusal')),
                    ('last_error', models.CharField(blank=True, max_length=255, verbose_name='last error')),
                    ('needs_attention', models.BooleanField(default=False, verbose_name='needs attention')),
                    ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                    ('next_at', models.DateTimeField(blank=True, null=True, verbose_name='next attempt')),
                    ('sent_at', models.DateTimeField(blank=True, null=True, verbose_name='sent at')),
                    ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                ],
                options={
                    'verbose_name': 'refund part',
                    'verbose_name_plural': 'refund parts',
                    'ordering': ['id'],
                },
            ),
            migrations.CreateModel(
                name='ReviewItem',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('order', 'Order to handle'), ('orphan_record', 'Record without an order'), ('conflicting_record', 'Record sent again with other content'), ('late_charging', 'Charging without an open order')], max_length=24, verbose_name='kind')),
                    ('state', models.CharField(choices=[('open', 'Open'), ('resolved', 'Resolved')], default='open', max_length=10, verbose_name='state')),
                    ('key', models.CharField(max_length=160, unique=True, verbose_name='key')),
                    ('reasons', models.JSONField(default=list, verbose_name='reasons')),
                    ('opened_at', models.DateTimeField(verbose_name='opened at')),
                    ('resolved_at', models.DateTimeField(blank=True, null=True, verbose_name='resolved at')),
                    ('resolved_by', models.CharField(blank=True, max_length=128, verbose_name='resolved by')),
                    ('resolution', models.CharField(blank=True, max_length=255, verbose_name='resolution')),
                ],
                options={
                    'verbose_name': 'item to handle',
                    'verbose_name_plural': 'items to handle',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='ScoreOrder',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.CharField(max_length=32, unique=True, verbose_name='service order no.')),
                    ('state', models.CharField(choices=[('created', 'Created'), ('confirming', 'Waits for confirmation'), ('ready', 'Open, to be started'), ('started', 'Charging'), ('completing', 'To be completed'), ('paying', 'Debit under way'), ('paid', 'Paid'), ('cancelling', 'To be cancelled'), ('revoked', 'Cancelled'), ('expired', 'Expired'), ('refused', 'Refused')], default='created', max_length=10, verbose_name='state')),
                    ('version', models.PositiveIntegerField(default=0)),
                    ('client_key', models.CharField(blank=True, max_length=64, verbose_name='key of the request')),
                    ('openid', models.CharField(max_length=128, verbose_name='payer')),
                    ('fund_fen', models.BigIntegerField(verbose_name='at most (fen)')),
                    ('rule', models.CharField(max_length=30, verbose_name='price shown')),
                    ('limits', models.JSONField(blank=True, default=dict, verbose_name='limits')),
                    ('completion', models.JSONField(blank=True, null=True, verbose_name='bill told')),
                    ('asked_fen', models.BigIntegerField(blank=True, null=True, verbose_name='asked for (fen)')),
                    ('lowered_fen', models.BigIntegerField(blank=True, null=True, verbose_name='lowered to (fen)')),
                    ('provider_no', models.CharField(blank=True, max_length=64, verbose_name="service's no.")),
                    ('refusal', models.JSONField(blank=True, null=True, verbose_name='why it did not start')),
                    ('last_error', models.CharField(blank=True, max_length=255, verbose_name='last error')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('opened_at', models.DateTimeField(blank=True, null=True, verbose_name='opened at')),
                    ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                    ('next_at', models.DateTimeField(blank=True, null=True, verbose_name='next attempt')),
                    ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                ],
                options={
                    'verbose_name': 'pay-score order',
                    'verbose_name_plural': 'pay-score orders',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='ScorePermission',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=32, unique=True, verbose_name='permission no.')),
                    ('openid', models.CharField(blank=True, max_length=128, verbose_name='payer')),
                    ('state', models.CharField(choices=[('asked', 'Asked for'), ('open', 'Given'), ('closed', 'Withdrawn')], default='asked', max_length=8, verbose_name='state')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('changed_at', models.DateTimeField(blank=True, null=True, verbose_name='changed at')),
                    ('next_at', models.DateTimeField(blank=True, null=True, verbose_name='next query')),
                    ('queries', models.PositiveIntegerField(default=0, verbose_name='queries')),
                ],
                options={
                    'verbose_name': 'pay-score permission',
                    'verbose_name_plural': 'pay-score permissions',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='ServiceContract',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('hosting_pile', 'Hosting, per pile and month'), ('hosting_percent', "Hosting, percent of the month's income"), ('yearly', 'Yearly service fee')], max_length=16, verbose_name='kind')),
                    ('amount_fen', models.BigIntegerField(default=0, verbose_name='amount (fen)')),
                    ('percent_bp', models.PositiveIntegerField(default=0, verbose_name='hundredths of a percent')),
                    ('starts_on', models.DateField(verbose_name='starts on')),
                    ('ends_on', models.DateField(verbose_name='ends on')),
                    ('remind_days', models.PositiveSmallIntegerField(default=30, verbose_name='remind so many days before')),
                    ('note', models.CharField(blank=True, max_length=255, verbose_name='note')),
                    ('created_by', models.CharField(max_length=128, verbose_name='agreed by')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'service contract',
                    'verbose_name_plural': 'service contracts',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='SettlementItem',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=96, unique=True)),
                    ('kind', models.CharField(choices=[('hosting_fee', 'Hosting fee'), ('yearly_fee', 'Yearly service fee'), ('adjustment', 'Adjustment'), ('payout_returned', 'Payout returned')], max_length=16, verbose_name='kind')),
                    ('amount_fen', models.BigIntegerField(verbose_name='amount (fen)')),
                    ('day', models.DateField(verbose_name='day')),
                    ('note', models.CharField(blank=True, max_length=255, verbose_name='note')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'fee or adjustment',
                    'verbose_name_plural': 'fees and adjustments',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='SpecialDay',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('date', models.DateField(unique=True, verbose_name='date')),
                    ('kind', models.CharField(choices=[('holiday', 'Holiday'), ('workday', 'Working day')], max_length=8, verbose_name='kind')),
                    ('name', models.CharField(blank=True, max_length=32, verbose_name='name')),
                ],
                options={
                    'verbose_name': 'special day',
                    'verbose_name_plural': 'special days',
                    'ordering': ['date'],
                },
            ),
            migrations.CreateModel(
                name='Statement',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.CharField(max_length=32, unique=True, verbose_name='statement no.')),
                    ('day_from', models.DateField(verbose_name='from')),
                    ('day_to', models.DateField(verbose_name='to')),
                    ('orders', models.PositiveIntegerField(default=0, verbose_name='orders')),
                    ('energy_kwh', kernel.fields.FixedPointField(default=0, places=4, verbose_name='energy (kWh)')),
                    ('gross_fen', models.BigIntegerField(default=0, verbose_name='income (fen)')),
                    ('discount_fen', models.BigIntegerField(default=0, verbose_name='discounts (fen)')),
                    ('commission_fen', models.BigIntegerField(default=0, verbose_name='commission (fen)')),
                    ('channel_fee_fen', models.BigIntegerField(default=0, verbose_name='channel fees (fen)')),
                    ('shares_fen', models.BigIntegerField(default=0, verbose_name='own share (fen)')),
                    ('items_fen', models.BigIntegerField(default=0, verbose_name='fees and adjustments (fen)')),
                    ('carried_in_fen', models.BigIntegerField(default=0, verbose_name='carried in (fen)')),
                    ('payout_fen', models.BigIntegerField(default=0, verbose_name='payout (fen)')),
                    ('carried_out_fen', models.BigIntegerField(default=0, verbose_name='carried on (fen)')),
                    ('carried_why', models.CharField(blank=True, choices=[('', 'Nothing carried'), ('negative', 'The balance is negative'), ('below_minimum', 'Below the least payout'), ('no_account', 'No confirmed payout account')], default='', max_length=16, verbose_name='why carried on')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('confirmed_at', models.DateTimeField(blank=True, null=True, verbose_name='confirmed at')),
                    ('confirmed_by', models.CharField(blank=True, max_length=128, verbose_name='confirmed by')),
                ],
                options={
                    'verbose_name': 'statement',
                    'verbose_name_plural': 'statements',
                    'ordering': ['-id'],
                    'permissions': [('confirm_statement', 'Can confirm statements')],
                },
            ),
            migrations.CreateModel(
                name='StrategyAssignment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ],
                options={
                    'verbose_name': 'strategy of a place',
                    'verbose_name_plural': 'strategies of places',
                },
            ),
            migrations.CreateModel(
                name='Tariff',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=64, verbose_name='name')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'tariff',
                    'verbose_name_plural': 'tariffs',
                },
            ),
            migrations.CreateModel(
                name='TariffAssignment',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('group', models.CharField(blank=True, default='', max_length=32, verbose_name='price group')),
                ],
                options={
                    'verbose_name': 'tariff assignment',
                    'verbose_name_plural': 'tariff assignments',
                },
            ),
            migrations.CreateModel(
                name='TariffProfile',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                    ('code', models.CharField(max_length=16, verbose_name='day')),
                    ('name', models.CharField(blank=True, max_length=32, verbose_name='name')),
                    ('slots', models.JSONField(verbose_name='half-hours')),
                    ('wire_no', models.PositiveSmallIntegerField(verbose_name='number on the wire')),
                ],
                options={
                    'verbose_name': 'day profile',
                    'verbose_name_plural': 'day profiles',
                    'ordering': ['version_id', 'position'],
                },
            ),
            migrations.CreateModel(
                name='TariffTier',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('position', models.PositiveSmallIntegerField(default=0, verbose_name='position')),
                    ('code', models.CharField(max_length=16, verbose_name='tier')),
                    ('electricity_price', kernel.fields.FixedPointField(places=5, verbose_name='electricity (yuan/kWh)')),
                    ('service_price', kernel.fields.FixedPointField(places=5, verbose_name='service (yuan/kWh)')),
                ],
                options={
                    'verbose_name': 'price tier',
                    'verbose_name_plural': 'price tiers',
                    'ordering': ['version_id', 'position'],
                },
            ),
            migrations.CreateModel(
                name='TariffVersion',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(verbose_name='version')),
                    ('effective_at', models.DateTimeField(verbose_name='in force from')),
                    ('slots', models.JSONField(verbose_name='half-hours')),
                    ('components', models.JSONField(blank=True, default=list, verbose_name='components')),
                    ('calendar', models.JSONField(blank=True, default=list, verbose_name='calendar rules')),
                    ('wire_no', models.PositiveSmallIntegerField(verbose_name='number on the wire')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                    ('created_by', models.CharField(blank=True, max_length=128, verbose_name='created by')),
                ],
                options={
                    'verbose_name': 'tariff version',
                    'verbose_name_plural': 'tariff versions',
                    'ordering': ['tariff_id', '-number'],
                },
            ),
            migrations.AddField(
                model_name='account',
                name='card',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='users.card', verbose_name='charging card'),
            ),
            migrations.AddField(
                model_name='account',
                name='driver',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='account',
                name='enterprise',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='users.enterprise', verbose_name='enterprise'),
            ),
            migrations.AddField(
                model_name='account',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='booking',
                name='connector',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bookings', to='stations.connector', verbose_name='connector'),
            ),
            migrations.AddField(
                model_name='booking',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bookings', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='booking',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='booking',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='booking',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='boxcashday',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='boxcashday',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cash_days', to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='boxcashday',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddConstraint(
                model_name='channelbill',
                constraint=models.UniqueConstraint(fields=('channel', 'day'), name='channel_bill_once'),
            ),
            migrations.AddField(
                model_name='billline',
                name='bill',
                field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='billing.channelbill'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='card',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='users.card', verbose_name='charging card'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='connector',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='stations.connector', verbose_name='connector'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='driver',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='enterprise',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='users.enterprise', verbose_name='enterprise'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='record',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='order', to='devices.transactionrecord', verbose_name='record'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='booking',
                name='order',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='booking', to='billing.chargingorder', verbose_name='order'),
            ),
            migrations.AddField(
                model_name='chargingstrategy',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='strategies', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddConstraint(
                model_name='checkfinding',
                constraint=models.UniqueConstraint(condition=models.Q(('gone_at__isnull', True)), fields=('code', 'subject'), name='check_finding_one_open'),
            ),
            migrations.AddField(
                model_name='clearingline',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='booking',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='clearings', to='billing.booking', verbose_name='booking'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='order',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='clearings', to='billing.chargingorder', verbose_name='order'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='pile',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='station',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='clearingline',
                name='record',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='billing.clearingrecord'),
            ),
            migrations.AddField(
                model_name='clearingrule',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='clearingrule',
                name='station',
                field=models.ForeignKey(blank=True, help_text='Empty: every station that has no rule of its own', null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='rule',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.clearingrule', verbose_name='rule'),
            ),
            migrations.AddConstraint(
                model_name='dayclose',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at__isnull', False), _connector='OR'), name='day_close_closed_at'),
            ),
            migrations.AddField(
                model_name='discount',
                name='driver',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='discounts', to='users.driver', verbose_name='only for driver'),
            ),
            migrations.AddField(
                model_name='discount',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='discounts', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='discount',
                name='pile',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='only at pile'),
            ),
            migrations.AddField(
                model_name='discount',
                name='station',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='only at station'),
            ),
            migrations.AddField(
                model_name='discountuse',
                name='discount',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='billing.discount', verbose_name='discount'),
            ),
            migrations.AddField(
                model_name='discountuse',
                name='order',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='discount_uses', to='billing.chargingorder', verbose_name='order'),
            ),
            migrations.AddField(
                model_name='enterprisestation',
                name='enterprise',
                field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='station_rows', to='users.enterprise', verbose_name='enterprise'),
            ),
            migrations.AddField(
                model_name='enterprisestation',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='enterprise_rows', to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='entry',
                name='account',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='billing.account', verbose_name='account'),
            ),
            migrations.AddField(
                model_name='entry',
                name='driver',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.driver'),
            ),
            migrations.AddField(
                model_name='entry',
                name='enterprise',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.enterprise'),
            ),
            migrations.AddField(
                model_name='entry',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.operator'),
            ),
            migrations.AddField(
                model_name='financeterms',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='finance_terms', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='hold',
                name='account',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='billing.account'),
            ),
            migrations.AddField(
                model_name='hold',
                name='bonus_account',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bonus_holds', to='billing.account'),
            ),
            migrations.AddField(
                model_name='hold',
                name='order',
                field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='hold', to='billing.chargingorder'),
            ),
            migrations.AddField(
                model_name='invoice',
                name='driver',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='invoice',
                name='enterprise',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='users.enterprise', verbose_name='enterprise'),
            ),
            migrations.AddField(
                model_name='invoice',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='issuer'),
            ),
            migrations.AddField(
                model_name='invoice',
                name='red_of',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reds', to='billing.invoice', verbose_name='reverses'),
            ),
            migrations.AddField(
                model_name='invoicedorder',
                name='invoice',
                field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='orders', to='billing.invoice'),
            ),
            migrations.AddField(
                model_name='invoicedorder',
                name='order',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoiced', to='billing.chargingorder'),
            ),
            migrations.AddField(
                model_name='invoiceline',
                name='invoice',
                field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='billing.invoice'),
            ),
            migrations.AddField(
                model_name='invoiceterms',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoice_terms', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='invoice',
                name='terms',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.invoiceterms', verbose_name='terms'),
            ),
            migrations.AddField(
                model_name='journal',
                name='order',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='journals', to='billing.chargingorder', verbose_name='order'),
            ),
            migrations.AddField(
                model_name='entry',
                name='journal',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='billing.journal'),
            ),
            migrations.AddField(
                model_name='difference',
                name='journal',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='billing.journal', verbose_name='journal'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='journal',
                field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='clearing', to='billing.journal', verbose_name='journal'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='posting',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='clearing_posted', to='billing.journal', verbose_name='posting'),
            ),
            migrations.AddField(
                model_name='booking',
                name='journal',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='booking', to='billing.journal'),
            ),
            migrations.AddField(
                model_name='booking',
                name='waiver',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='waived_booking', to='billing.journal'),
            ),
            migrations.AddField(
                model_name='monthsale',
                name='card',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='month_sales', to='users.card', verbose_name='charging card'),
            ),
            migrations.AddField(
                model_name='monthsale',
                name='journal',
                field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='month_sale', to='billing.journal'),
            ),
            migrations.AddField(
                model_name='monthsale',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='monthsale',
                name='refund_journal',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='month_refund', to='billing.journal'),
            ),
            migrations.AddField(
                model_name='clearingrecord',
                name='month_sale',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='clearings', to='billing.monthsale', verbose_name='month card sale'),
            ),
            migrations.AddField(
                model_name='orderevent',
                name='order',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='billing.chargingorder'),
            ),
            migrations.AddField(
                model_name='orderfee',
                name='connector',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fees', to='stations.connector', verbose_name='connector'),
            ),
            migrations.AddField(
                model_name='orderfee',
                name='driver',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='order_fees', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='orderfee',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='orderfee',
                name='order',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fees', to='billing.chargingorder', verbose_name='order'),
            ),
            migrations.AddField(
                model_name='orderfee',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='orderfee',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='connector',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='paid_starts', to='stations.connector', verbose_name='connector'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='paid_starts', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='extends',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='paid_extensions', to='billing.chargingorder', verbose_name='adds to'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='order',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='paid_starts', to='billing.chargingorder', verbose_name='order'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='payee',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='payee',
                name='parent',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='billing.payee', verbose_name='agent above'),
            ),
            migrations.AddField(
                model_name='clearingline',
                name='payee',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='clearing_lines', to='billing.payee', verbose_name='payee'),
            ),
            migrations.AddField(
                model_name='account',
                name='payee',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='billing.payee', verbose_name='payee'),
            ),
            migrations.AddField(
                model_name='payment',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='payment',
                name='journal',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payment', to='billing.journal', verbose_name='journal'),
            ),
            migrations.AddField(
                model_name='payment',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='payment',
                field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='paid_start', to='billing.payment', verbose_name='payment'),
            ),
            migrations.AddField(
                model_name='paymentevent',
                name='payment',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='billing.payment'),
            ),
            migrations.AddField(
                model_name='paymentnotice',
                name='payment',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='billing.payment', verbose_name='payment'),
            ),
            migrations.AddField(
                model_name='payout',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='payout',
                name='payee',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payouts', to='billing.payee', verbose_name='payee'),
            ),
            migrations.AddField(
                model_name='payoutaccount',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='payoutaccount',
                name='payee',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payout_accounts', to='billing.payee', verbose_name='payee'),
            ),
            migrations.AddField(
                model_name='payout',
                name='account',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.payoutaccount', verbose_name='payout account'),
            ),
            migrations.AddField(
                model_name='payoutevent',
                name='payout',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='billing.payout'),
            ),
            migrations.AddField(
                model_name='proposal',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='rechargebonus',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recharge_bonuses', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='rechargebonus',
                name='offer',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bonuses', to='marketing.rechargeoffer', verbose_name='offer'),
            ),
            migrations.AddField(
                model_name='rechargebonus',
                name='payment',
                field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='bonus', to='billing.payment', verbose_name='payment'),
            ),
            migrations.AddField(
                model_name='refund',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='refund',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='paymentevent',
                name='refund',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='billing.refund'),
            ),
            migrations.AddField(
                model_name='paidstart',
                name='refund',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='paid_start', to='billing.refund', verbose_name='refund'),
            ),
            migrations.AddField(
                model_name='refundpart',
                name='payment',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refund_parts', to='billing.payment', verbose_name='payment'),
            ),
            migrations.AddField(
                model_name='refundpart',
                name='refund',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='billing.refund', verbose_name='refund'),
            ),
            migrations.AddField(
                model_name='reviewitem',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='reviewitem',
                name='order',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='billing.chargingorder', verbose_name='order'),
            ),
            migrations.AddField(
                model_name='reviewitem',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='reviewitem',
                name='record',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='devices.transactionrecord', verbose_name='record'),
            ),
            migrations.AddField(
                model_name='reviewitem',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='scoreorder',
                name='connector',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='score_orders', to='stations.connector', verbose_name='connector'),
            ),
            migrations.AddField(
                model_name='scoreorder',
                name='driver',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='score_orders', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='scoreorder',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='scoreorder',
                name='order',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='score_order', to='billing.chargingorder', verbose_name='order'),
            ),
            migrations.AddField(
                model_name='scoreorder',
                name='payment',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='score_order', to='billing.payment', verbose_name='debit'),
            ),
            migrations.AddField(
                model_name='scoreorder',
                name='pile',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='scoreorder',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='scorepermission',
                name='driver',
                field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='score_permission', to='users.driver', verbose_name='driver'),
            ),
            migrations.AddField(
                model_name='scorepermission',
                name='operator',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='servicecontract',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='settlementitem',
                name='contract',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='items', to='billing.servicecontract', verbose_name='contract'),
            ),
            migrations.AddField(
                model_name='settlementitem',
                name='journal',
                field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='settlement_item', to='billing.journal', verbose_name='journal'),
            ),
            migrations.AddField(
                model_name='settlementitem',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='settlementitem',
                name='payee',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='billing.payee', verbose_name='payee'),
            ),
            migrations.AddField(
                model_name='statement',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='statement',
                name='payee',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='billing.payee', verbose_name='payee'),
            ),
            migrations.AddField(
                model_name='settlementitem',
                name='statement',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='items', to='billing.statement', verbose_name='statement'),
            ),
            migrations.AddField(
                model_name='payout',
                name='statement',
                field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='payout', to='billing.statement', verbose_name='statement'),
            ),
            migrations.AddField(
                model_name='clearingline',
                name='statement',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='billing.statement', verbose_name='statement'),
            ),
            migrations.AddField(
                model_name='strategyassignment',
                name='pile',
                field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='strategyassignment',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='strategyassignment',
                name='strategy',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='places', to='billing.chargingstrategy', verbose_name='charging strategy'),
            ),
            migrations.AddField(
                model_name='tariff',
                name='operator',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tariffs', to='users.operator', verbose_name='operator'),
            ),
            migrations.AddField(
                model_name='tariffassignment',
                name='pile',
                field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stations.pile', verbose_name='pile'),
            ),
            migrations.AddField(
                model_name='tariffassignment',
                name='station',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stations.station', verbose_name='station'),
            ),
            migrations.AddField(
                model_name='tariffassignment',
                name='tariff',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='billing.tariff', verbose_name='tariff'),
            ),
            migrations.AddField(
                model_name='tariffversion',
                name='tariff',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='billing.tariff', verbose_name='tariff'),
            ),
            migrations.AddField(
                model_name='tarifftier',
                name='version',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tiers', to='billing.tariffversion'),
            ),
            migrations.AddField(
                model_name='tariffprofile',
                name='version',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='profiles', to='billing.tariffversion'),
            ),
            migrations.AddField(
                model_name='piletariff',
                name='version',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.tariffversion', verbose_name='version'),
            ),
            migrations.AddField(
                model_name='chargingorder',
                name='tariff_version',
                field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='billing.tariffversion', verbose_name='tariff'),
            ),
            migrations.AddIndex(
                model_name='boxcashday',
                index=models.Index(fields=['operator', '-day'], name='box_cash_of_operator'),
            ),
            migrations.AddConstraint(
                model_name='boxcashday',
                constraint=models.UniqueConstraint(fields=('pile', 'day'), name='box_cash_once_a_day'),
            ),
            migrations.AddConstraint(
                model_name='boxcashday',
                constraint=models.CheckConstraint(condition=models.Q(('cards_fen__gte', 0), ('coins_fen__gte', 0)), name='box_cash_not_negative'),
            ),
            migrations.AddIndex(
                model_name='billline',
                index=models.Index(fields=['number', 'kind'], name='bill_line_number'),
            ),
            migrations.AddConstraint(
                model_name='billline',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gte', 0)), name='bill_line_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='chargingstrategy',
                constraint=models.UniqueConstraint(fields=('operator', 'name'), name='strategy_name'),
            ),
            migrations.AddConstraint(
                model_name='chargingstrategy',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('max_energy_kwh__isnull', True), ('max_energy_kwh__gt', 0), _connector='OR'), models.Q(('max_fen__isnull', True), ('max_fen__gt', 0), _connector='OR'), models.Q(('max_seconds__isnull', True), ('max_seconds__gt', 0), _connector='OR'), models.Q(('max_soc_pct__isnull', True), models.Q(('max_soc_pct__gte', 1), ('max_soc_pct__lte', 100)), _connector='OR'), models.Q(('max_power_kw__isnull', True), ('max_power_kw__gt', 0), _connector='OR')), name='strategy_limits_positive'),
            ),
            migrations.AddConstraint(
                model_name='clearingrule',
                constraint=models.UniqueConstraint(fields=('operator', 'number'), name='clearing_rule_number'),
            ),
            migrations.AddConstraint(
                model_name='clearingrule',
                constraint=models.UniqueConstraint(condition=models.Q(('station__isnull', False)), fields=('operator', 'station', 'effective_at'), name='clearing_rule_moment_of_station'),
            ),
            migrations.AddConstraint(
                model_name='clearingrule',
                constraint=models.UniqueConstraint(condition=models.Q(('station__isnull', True)), fields=('operator', 'effective_at'), name='clearing_rule_moment'),
            ),
            migrations.AddIndex(
                model_name='discount',
                index=models.Index(fields=['is_active', 'valid_from'], name='discount_active'),
            ),
            migrations.AddConstraint(
                model_name='discount',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('off_bp__gt', 0), ('off_bp__lte', 10000), ('off_fen', 0)), models.Q(('off_bp', 0), ('off_fen__gt', 0)), _connector='OR'), name='discount_one_kind'),
            ),
            migrations.AddConstraint(
                model_name='discount',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('from_slot__isnull', True), ('to_slot__isnull', True)), models.Q(('from_slot__lt', 48), ('to_slot__lte', 48)), _connector='OR'), name='discount_window_whole'),
            ),
            migrations.AddConstraint(
                model_name='discount',
                constraint=models.CheckConstraint(condition=models.Q(('valid_to__isnull', True), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='discount_period'),
            ),
            migrations.AddConstraint(
                model_name='discount',
                constraint=models.CheckConstraint(condition=models.Q(('budget_fen__isnull', True), ('budget_fen__gte', django.db.models.expressions.CombinedExpression(models.F('used_fen'), '+', models.F('reserved_fen'))), _connector='OR'), name='discount_within_budget'),
            ),
            migrations.AddConstraint(
                model_name='discount',
                constraint=models.CheckConstraint(condition=models.Q(('budget_fen__isnull', True), ('cap_fen__gt', 0), _connector='OR'), name='discount_budget_needs_cap'),
            ),
            migrations.AddConstraint(
                model_name='discount',
                constraint=models.CheckConstraint(condition=models.Q(('reserved_fen__gte', 0), ('used_fen__gte', 0)), name='discount_counts_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='discount',
                constraint=models.CheckConstraint(condition=models.Q(('operator__isnull', False), ('bearer', 'platform'), _connector='OR'), name='discount_platform_bears_its_own'),
            ),
            migrations.AddConstraint(
                model_name='discountuse',
                constraint=models.UniqueConstraint(fields=('discount', 'order'), name='discount_once_per_order'),
            ),
            migrations.AddConstraint(
                model_name='enterprisestation',
                constraint=models.UniqueConstraint(fields=('enterprise', 'station'), name='enterprise_station'),
            ),
            migrations.AddConstraint(
                model_name='financeterms',
                constraint=models.UniqueConstraint(fields=('operator', 'number'), name='finance_terms_number'),
            ),
            migrations.AddConstraint(
                model_name='financeterms',
                constraint=models.CheckConstraint(condition=models.Q(('minimum_payout_fen__gte', 1)), name='finance_terms_minimum'),
            ),
            migrations.AddConstraint(
                model_name='hold',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_fen__gt', 0), ('bonus_fen__gte', 0)), models.Q(('amount_fen', 0), ('bonus_fen__gt', 0)), _connector='OR'), name='hold_positive'),
            ),
            migrations.AddConstraint(
                model_name='hold',
                constraint=models.CheckConstraint(condition=models.Q(('bonus_fen', 0), ('bonus_account__isnull', False), _connector='OR'), name='hold_bonus_has_account'),
            ),
            migrations.AddConstraint(
                model_name='invoicedorder',
                constraint=models.UniqueConstraint(condition=models.Q(('live', True)), fields=('order',), name='invoiced_order_once'),
            ),
            migrations.AddConstraint(
                model_name='invoiceline',
                constraint=models.CheckConstraint(condition=models.Q(('gross_fen', django.db.models.expressions.CombinedExpression(models.F('net_fen'), '+', models.F('tax_fen')))), name='invoice_line_adds_up'),
            ),
            migrations.AddConstraint(
                model_name='invoiceterms',
                constraint=models.UniqueConstraint(fields=('operator', 'number'), name='invoice_terms_number'),
            ),
            migrations.AddIndex(
                model_name='invoice',
                index=models.Index(fields=['operator', '-id'], name='invoice_of_operator'),
            ),
            migrations.AddIndex(
                model_name='invoice',
                index=models.Index(fields=['driver', '-id'], name='invoice_of_driver'),
            ),
            migrations.AddIndex(
                model_name='invoice',
                index=models.Index(condition=models.Q(('enterprise__isnull', False)), fields=['enterprise', '-id'], name='invoice_of_enterprise'),
            ),
            migrations.AddIndex(
                model_name='invoice',
                index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='invoice_due'),
            ),
            migrations.AddConstraint(
                model_name='invoice',
                constraint=models.CheckConstraint(condition=models.Q(('gross_fen', django.db.models.expressions.CombinedExpression(models.F('net_fen'), '+', models.F('tax_fen')))), name='invoice_adds_up'),
            ),
            migrations.AddConstraint(
                model_name='invoice',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('gross_fen__gt', 0), ('kind', 'blue'), ('red_of__isnull', True)), models.Q(('gross_fen__lt', 0), ('kind', 'red'), ('red_of__isnull', False)), _connector='OR'), name='invoice_sign'),
            ),
            migrations.AddConstraint(
                model_name='invoice',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('driver__isnull', False), ('enterprise__isnull', True)), models.Q(('buyer_kind', 'organization'), ('driver__isnull', True), ('enterprise__isnull', False)), _connector='OR'), name='invoice_for_one_payer'),
            ),
            migrations.AddConstraint(
                model_name='invoice',
                constraint=models.UniqueConstraint(condition=models.Q(('kind', 'red'), models.Q(('state', 'rejected'), _negated=True)), fields=('red_of',), name='invoice_one_red'),
            ),
            migrations.AddConstraint(
                model_name='invoice',
                constraint=models.UniqueConstraint(condition=models.Q(('provider_no', ''), _negated=True), fields=('provider_no',), name='invoice_provider_once'),
            ),
            migrations.AddConstraint(
                model_name='invoice',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['issued', 'reversed']), _negated=True), models.Q(('provider_no', ''), _negated=True), _connector='OR'), name='invoice_issued_has_number'),
            ),
            migrations.AddConstraint(
                model_name='invoice',
                constraint=models.CheckConstraint(condition=models.Q(('kind', 'blue'), ('decided_by_key', ''), ('state', 'rejected'), models.Q(('decided_by_key', models.F('requested_by_key')), _negated=True), _connector='OR'), name='invoice_two_people'),
            ),
            migrations.AddIndex(
                model_name='entry',
                index=models.Index(fields=['account', '-id'], name='entry_of_account'),
            ),
            migrations.AddConstraint(
                model_name='entry',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen', 0), _negated=True), name='entry_not_zero'),
            ),
            migrations.AddConstraint(
                model_name='entry',
                constraint=models.UniqueConstraint(fields=('journal', 'account'), name='entry_account_once'),
            ),
            migrations.AddIndex(
                model_name='difference',
                index=models.Index(condition=models.Q(('state', 'open')), fields=['day'], name='difference_open'),
            ),
            migrations.AddConstraint(
                model_name='difference',
                constraint=models.UniqueConstraint(fields=('day', 'channel', 'kind', 'subject', 'number'), name='difference_once'),
            ),
            migrations.AddConstraint(
                model_name='difference',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'booked'), _negated=True), ('journal__isnull', False), _connector='OR'), name='difference_booked_has_journal'),
            ),
            migrations.AddIndex(
                model_name='booking',
                index=models.Index(fields=['operator', '-id'], name='booking_of_operator'),
            ),
            migrations.AddIndex(
                model_name='booking',
                index=models.Index(fields=['driver', '-id'], name='booking_of_driver'),
            ),
            migrations.AddIndex(
                model_name='booking',
                index=models.Index(condition=models.Q(('state__in', ('asked', 'active'))), fields=['expires_at'], name='booking_due'),
            ),
            migrations.AddConstraint(
                model_name='booking',
                constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('asked', 'active'))), fields=('connector',), name='booking_one_open_per_connector'),
            ),
            migrations.AddConstraint(
                model_name='booking',
                constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('asked', 'active'))), fields=('driver',), name='booking_one_open_per_driver'),
            ),
            migrations.AddConstraint(
                model_name='booking',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['asked', 'active', 'used', 'cancelled', 'expired', 'refused'])), name='booking_state_known'),
            ),
            migrations.AddConstraint(
                model_name='booking',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'used'), _negated=True), ('order__isnull', False), _connector='OR'), name='booking_used_has_order'),
            ),
            migrations.AddConstraint(
                model_name='booking',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state__in', ('asked', 'active'))), models.Q(models.Q(('state__in', ('asked', 'active')), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='booking_ended_when_over'),
            ),
            migrations.AddConstraint(
                model_name='booking',
                constraint=models.CheckConstraint(condition=models.Q(('waiver__isnull', True), ('journal__isnull', False), _connector='OR'), name='booking_waived_was_charged'),
            ),
            migrations.AddConstraint(
                model_name='booking',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gte', 0)), name='booking_fee_not_negative'),
            ),
            migrations.AddIndex(
                model_name='monthsale',
                index=models.Index(fields=['operator', '-id'], name='month_sale_of_operator'),
            ),
            migrations.AddConstraint(
                model_name='monthsale',
                constraint=models.CheckConstraint(condition=models.Q(('valid_until__gte', models.F('valid_from'))), name='month_sale_in_order'),
            ),
            migrations.AddConstraint(
                model_name='monthsale',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_fen__gt', 0), ('refund_journal__isnull', True), ('refunded_fen', 0)), models.Q(('amount_fen__gt', 0), ('refund_journal__isnull', False), ('refunded_fen__gt', 0), ('refunded_fen__lte', models.F('amount_fen'))), _connector='OR'), name='month_sale_refund_within'),
            ),
            migrations.AddIndex(
                model_name='clearingrecord',
                index=models.Index(fields=['operator', 'day'], name='clearing_of_operator'),
            ),
            migrations.AddIndex(
                model_name='clearingrecord',
                index=models.Index(fields=['station', 'day'], name='clearing_of_station'),
            ),
            migrations.AddIndex(
                model_name='clearingrecord',
                index=models.Index(fields=['day'], name='clearing_by_day'),
            ),
            migrations.AddConstraint(
                model_name='clearingrecord',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('booking__isnull', True), ('month_sale__isnull', True), ('order__isnull', False)), models.Q(('booking__isnull', False), ('month_sale__isnull', True), ('order__isnull', True)), models.Q(('booking__isnull', True), ('month_sale__isnull', False), ('order__isnull', True)), _connector='OR'), name='clearing_of_one_source'),
            ),
            migrations.AddConstraint(
                model_name='clearingrecord',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('pile__isnull', False), ('station__isnull', False)), ('month_sale__isnull', False), _connector='OR'), name='clearing_has_a_place'),
            ),
            migrations.AddConstraint(
                model_name='clearingrecord',
                constraint=models.UniqueConstraint(condition=models.Q(('kind', 'settlement'), ('order__isnull', False)), fields=('order',), name='clearing_once_per_order'),
            ),
            migrations.AddConstraint(
                model_name='clearingrecord',
                constraint=models.UniqueConstraint(condition=models.Q(('booking__isnull', False), ('kind', 'settlement')), fields=('booking',), name='clearing_once_per_booking'),
            ),
            migrations.AddConstraint(
                model_name='clearingrecord',
                constraint=models.UniqueConstraint(condition=models.Q(('kind', 'settlement'), ('month_sale__isnull', False)), fields=('month_sale',), name='clearing_once_per_month_sale'),
            ),
            migrations.AddIndex(
                model_name='orderfee',
                index=models.Index(fields=['operator', '-id'], name='order_fee_of_operator'),
            ),
            migrations.AddIndex(
                model_name='orderfee',
                index=models.Index(condition=models.Q(('state', 'running')), fields=['connector'], name='order_fee_running'),
            ),
            migrations.AddIndex(
                model_name='orderfee',
                index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='order_fee_due'),
            ),
            migrations.AddConstraint(
                model_name='orderfee',
                constraint=models.UniqueConstraint(fields=('order', 'kind'), name='order_fee_once'),
            ),
            migrations.AddConstraint(
                model_name='orderfee',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gte', 0)), name='order_fee_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='orderfee',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['running', 'settled', 'waived', 'dropped'])), name='order_fee_state_known'),
            ),
            migrations.AddConstraint(
                model_name='payee',
                constraint=models.UniqueConstraint(fields=('operator', 'code'), name='payee_code_once'),
            ),
            migrations.AddConstraint(
                model_name='payee',
                constraint=models.UniqueConstraint(condition=models.Q(('kind', 'operator')), fields=('operator',), name='payee_operator_once'),
            ),
            migrations.AddConstraint(
                model_name='payee',
                constraint=models.CheckConstraint(condition=models.Q(('parent__isnull', True), ('kind', 'agent'), _connector='OR'), name='payee_only_agents_below'),
            ),
            migrations.AddConstraint(
                model_name='payee',
                constraint=models.CheckConstraint(condition=models.Q(('parent', models.F('id')), _negated=True), name='payee_not_its_own_parent'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.UniqueConstraint(condition=models.Q(('driver__isnull', False)), fields=('kind', 'driver'), name='account_of_driver'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.UniqueConstraint(condition=models.Q(('card__isnull', True), ('enterprise__isnull', True), ('operator__isnull', False), ('payee__isnull', True)), fields=('kind', 'operator'), name='account_of_operator'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.UniqueConstraint(condition=models.Q(('enterprise__isnull', False)), fields=('kind', 'enterprise'), name='account_of_enterprise'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.UniqueConstraint(condition=models.Q(('card__isnull', False)), fields=('kind', 'card'), name='account_of_card'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.UniqueConstraint(condition=models.Q(('payee__isnull', False)), fields=('kind', 'payee'), name='account_of_payee'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.UniqueConstraint(condition=models.Q(('card__isnull', True), ('driver__isnull', True), ('enterprise__isnull', True), ('operator__isnull', True)), fields=('kind',), name='account_of_platform'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.CheckConstraint(condition=models.Q(('held_fen__gte', 0)), name='account_held_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['wallet', 'bonus', 'enterprise', 'card']), _negated=True), ('balance_fen__gte', django.db.models.expressions.CombinedExpression(models.F('held_fen'), '-', models.F('credit_fen'))), _connector='OR'), name='account_covers_holds'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.CheckConstraint(condition=models.Q(('credit_fen', 0), models.Q(('credit_fen__gt', 0), ('kind', 'enterprise')), _connector='OR'), name='account_credit_of_enterprise'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'card_deposit'), _negated=True), ('balance_fen__gte', 0), _connector='OR'), name='account_deposit_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['refunds_in_transit', 'payouts_in_transit']), _negated=True), ('balance_fen__gte', 0), _connector='OR'), name='account_transit_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='account',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'arrears'), _negated=True), ('balance_fen__lte', 0), _connector='OR'), name='account_arrears_not_positive'),
            ),
            migrations.AddIndex(
                model_name='payment',
                index=models.Index(fields=['driver', '-id'], name='payment_of_driver'),
            ),
            migrations.AddIndex(
                model_name='payment',
                index=models.Index(fields=['operator', '-id'], name='payment_of_operator'),
            ),
            migrations.AddIndex(
                model_name='payment',
                index=models.Index(fields=['state', '-id'], name='payment_by_state'),
            ),
            migrations.AddIndex(
                model_name='payment',
                index=models.Index(fields=['-created_at', '-id'], name='payment_by_time'),
            ),
            migrations.AddIndex(
                model_name='payment',
                index=models.Index(condition=models.Q(('next_query_at__isnull', False)), fields=['next_query_at'], name='payment_query_due'),
            ),
            migrations.AddConstraint(
                model_name='payment',
                constraint=models.UniqueConstraint(condition=models.Q(('provider_no', ''), _negated=True), fields=('channel', 'provider_no'), name='payment_provider_once'),
            ),
            migrations.AddConstraint(
                model_name='payment',
                constraint=models.UniqueConstraint(condition=models.Q(('client_key', ''), _negated=True), fields=('driver', 'client_key'), name='payment_request_once'),
            ),
            migrations.AddConstraint(
                model_name='payment',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='payment_positive'),
            ),
            migrations.AddConstraint(
                model_name='payment',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['created', 'paying', 'succeeded', 'closed', 'failed', 'review'])), name='payment_state_known'),
            ),
            migrations.AddConstraint(
                model_name='payment',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'succeeded'), _negated=True), models.Q(('journal__isnull', False), ('paid_at__isnull', False), ('paid_fen__isnull', False)), _connector='OR'), name='payment_paid_is_booked'),
            ),
            migrations.AddConstraint(
                model_name='payment',
                constraint=models.CheckConstraint(condition=models.Q(('refunded_fen', 0), models.Q(('paid_fen__isnull', False), ('refunded_fen__gt', 0), ('refunded_fen__lte', models.F('paid_fen'))), _connector='OR'), name='payment_refunds_within'),
            ),
            migrations.AddIndex(
                model_name='paymentnotice',
                index=models.Index(fields=['number'], name='payment_notice_number'),
            ),
            migrations.AddConstraint(
                model_name='paymentnotice',
                constraint=models.UniqueConstraint(fields=('channel', 'notice_id'), name='payment_notice_once'),
            ),
            migrations.AddConstraint(
                model_name='payoutaccount',
                constraint=models.UniqueConstraint(condition=models.Q(('state', 'verified')), fields=('payee',), name='payout_account_one_in_use'),
            ),
            migrations.AddConstraint(
                model_name='payoutaccount',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'verified'), _negated=True), models.Q(('verified_by_key', models.F('bound_by_key')), _negated=True), _connector='OR'), name='payout_account_two_people'),
            ),
            migrations.AddIndex(
                model_name='proposal',
                index=models.Index(fields=['state', '-id'], name='proposal_by_state'),
            ),
            migrations.AddConstraint(
                model_name='proposal',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), models.Q(('decided_by_key', models.F('requested_by_key')), _negated=True), _connector='OR'), name='proposal_two_people'),
            ),
            migrations.AddConstraint(
                model_name='rechargebonus',
                constraint=models.UniqueConstraint(fields=('offer', 'driver', 'nth'), name='bonus_nth_of_driver'),
            ),
            migrations.AddConstraint(
                model_name='rechargebonus',
                constraint=models.CheckConstraint(condition=models.Q(('bonus_fen__gt', 0), ('taken_back_fen__gte', 0), ('taken_back_fen__lte', models.F('bonus_fen'))), name='bonus_taken_back_within'),
            ),
            migrations.AddIndex(
                model_name='refund',
                index=models.Index(fields=['driver', '-id'], name='refund_of_driver'),
            ),
            migrations.AddIndex(
                model_name='refund',
                index=models.Index(fields=['operator', '-id'], name='refund_of_operator'),
            ),
            migrations.AddIndex(
                model_name='refund',
                index=models.Index(fields=['state', '-id'], name='refund_by_state'),
            ),
            migrations.AddConstraint(
                model_name='refund',
                constraint=models.UniqueConstraint(condition=models.Q(('client_key', ''), _negated=True), fields=('driver', 'client_key'), name='refund_request_once'),
            ),
            migrations.AddConstraint(
                model_name='refund',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='refund_positive'),
            ),
            migrations.AddConstraint(
                model_name='refund',
                constraint=models.CheckConstraint(condition=models.Q(('refunded_fen__gte', 0), ('refunded_fen__lte', models.F('amount_fen'))), name='refund_not_above'),
            ),
            migrations.AddConstraint(
                model_name='paymentevent',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('payment__isnull', True), ('refund__isnull', False)), models.Q(('payment__isnull', False), ('refund__isnull', True)), _connector='OR'), name='payment_event_of_one'),
            ),
            migrations.AddIndex(
                model_name='paidstart',
                index=models.Index(fields=['driver', '-id'], name='paid_start_of_driver'),
            ),
            migrations.AddIndex(
                model_name='paidstart',
                index=models.Index(condition=models.Q(('state__in', ['waiting', 'due', 'started', 'refunding'])), fields=['next_at'], name='paid_start_open'),
            ),
            migrations.AddConstraint(
                model_name='paidstart',
                constraint=models.UniqueConstraint(condition=models.Q(('extends__isnull', True)), fields=('order',), name='paid_start_begins_one_order'),
            ),
            migrations.AddConstraint(
                model_name='paidstart',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'due', 'started', 'refunding', 'done', 'cancelled'])), name='paid_start_state_known'),
            ),
            migrations.AddConstraint(
                model_name='paidstart',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'started'), _negated=True), ('order__isnull', False), _connector='OR'), name='paid_start_started_has_order'),
            ),
            migrations.AddIndex(
                model_name='refundpart',
                index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='refund_part_due'),
            ),
            migrations.AddConstraint(
                model_name='refundpart',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='refund_part_positive'),
            ),
            migrations.AddConstraint(
                model_name='refundpart',
                constraint=models.UniqueConstraint(condition=models.Q(('provider_no', ''), _negated=True), fields=('channel', 'provider_no'), name='refund_part_provider_once'),
            ),
            migrations.AddIndex(
                model_name='reviewitem',
                index=models.Index(fields=['state', 'operator', '-id'], name='review_queue'),
            ),
            migrations.AddIndex(
                model_name='scoreorder',
                index=models.Index(fields=['driver', '-id'], name='score_of_driver'),
            ),
            migrations.AddIndex(
                model_name='scoreorder',
                index=models.Index(fields=['operator', '-id'], name='score_of_operator'),
            ),
            migrations.AddIndex(
                model_name='scoreorder',
                index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='score_due'),
            ),
            migrations.AddIndex(
                model_name='scoreorder',
                index=models.Index(condition=models.Q(('state', 'started')), fields=['order'], name='score_charging'),
            ),
            migrations.AddConstraint(
                model_name='scoreorder',
                constraint=models.UniqueConstraint(condition=models.Q(('client_key', ''), _negated=True), fields=('driver', 'client_key'), name='score_request_once'),
            ),
            migrations.AddConstraint(
                model_name='scoreorder',
                constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['created', 'confirming', 'ready', 'started'])), fields=('driver',), name='score_one_charge_per_driver'),
            ),
            migrations.AddConstraint(
                model_name='scoreorder',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['created', 'confirming', 'ready', 'started', 'completing', 'paying', 'paid', 'cancelling', 'revoked', 'expired', 'refused'])), name='score_state_known'),
            ),
            migrations.AddConstraint(
                model_name='scoreorder',
                constraint=models.CheckConstraint(condition=models.Q(('fund_fen__gt', 0), models.Q(('asked_fen__isnull', True), models.Q(('asked_fen__gte', 0), ('asked_fen__lte', models.F('fund_fen'))), _connector='OR'), models.Q(('lowered_fen__isnull', True), ('lowered_fen__lt', models.F('asked_fen')), _connector='OR')), name='score_amounts_within'),
            ),
            migrations.AddConstraint(
                model_name='scoreorder',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['started', 'completing', 'paying']), _negated=True), ('order__isnull', False), _connector='OR'), name='score_started_has_order'),
            ),
            migrations.AddIndex(
                model_name='scorepermission',
                index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='score_permission_due'),
            ),
            migrations.AddConstraint(
                model_name='scorepermission',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['asked', 'open', 'closed'])), name='score_permission_state_known'),
            ),
            migrations.AddConstraint(
                model_name='scorepermission',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'open'), _negated=True), models.Q(('openid', ''), _negated=True), _connector='OR'), name='score_permission_open_names_payer'),
            ),
            migrations.AddConstraint(
                model_name='servicecontract',
                constraint=models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='contract_ends_after_start'),
            ),
            migrations.AddConstraint(
                model_name='servicecontract',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'hosting_percent'), ('percent_bp__gte', 1), ('percent_bp__lte', 10000)), models.Q(models.Q(('kind', 'hosting_percent'), _negated=True), ('amount_fen__gte', 1)), _connector='OR'), name='contract_has_a_price'),
            ),
            migrations.AddIndex(
                model_name='statement',
                index=models.Index(fields=['operator', '-id'], name='statement_of_operator'),
            ),
            migrations.AddConstraint(
                model_name='statement',
                constraint=models.UniqueConstraint(fields=('payee', 'day_to'), name='statement_once'),
            ),
            migrations.AddConstraint(
                model_name='statement',
                constraint=models.CheckConstraint(condition=models.Q(('payout_fen', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('carried_in_fen'), '+', models.F('shares_fen')), '+', models.F('items_fen')), '-', models.F('carried_out_fen')))), name='statement_adds_up'),
            ),
            migrations.AddConstraint(
                model_name='statement',
                constraint=models.CheckConstraint(condition=models.Q(('payout_fen__gte', 0)), name='statement_payout_not_negative'),
            ),
            migrations.AddIndex(
                model_name='settlementitem',
                index=models.Index(condition=models.Q(('statement__isnull', True)), fields=['payee'], name='settlement_item_open'),
            ),
            migrations.AddConstraint(
                model_name='settlementitem',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen', 0), _negated=True), name='settlement_item_not_zero'),
            ),
            migrations.AddIndex(
                model_name='payout',
                index=models.Index(fields=['operator', '-id'], name='payout_of_operator'),
            ),
            migrations.AddIndex(
                model_name='payout',
                index=models.Index(fields=['state', '-id'], name='payout_by_state'),
            ),
            migrations.AddIndex(
                model_name='payout',
                index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='payout_due'),
            ),
            migrations.AddConstraint(
                model_name='payout',
                constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='payout_positive'),
            ),
            migrations.AddConstraint(
                model_name='payout',
                constraint=models.UniqueConstraint(condition=models.Q(('provider_no', ''), _negated=True), fields=('channel', 'provider_no'), name='payout_provider_once'),
            ),
            migrations.AddConstraint(
                model_name='payout',
                constraint=models.CheckConstraint(condition=models.Q(('first_approved_by_key', ''), models.Q(('first_approved_by_key', models.F('approved_by_key')), _negated=True), _connector='OR'), name='payout_two_approvers'),
            ),
            migrations.AddIndex(
                model_name='clearingline',
                index=models.Index(fields=['operator', 'day'], name='clearing_line_of_operator'),
            ),
            migrations.AddIndex(
                model_name='clearingline',
                index=models.Index(condition=models.Q(('role', 'share'), ('statement__isnull', True)), fields=['payee', 'day'], name='clearing_line_open'),
            ),
            migrations.AddConstraint(
                model_name='clearingline',
                constraint=models.UniqueConstraint(condition=models.Q(('payee__isnull', False)), fields=('record', 'fee_kind', 'payee'), name='clearing_line_once_per_payee'),
            ),
            migrations.AddConstraint(
                model_name='clearingline',
                constraint=models.UniqueConstraint(condition=models.Q(('payee__isnull', True)), fields=('record', 'fee_kind', 'role'), name='clearing_line_once'),
            ),
            migrations.AddConstraint(
                model_name='clearingline',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('payee__isnull', False), ('role', 'share')), models.Q(models.Q(('role', 'share'), _negated=True), ('payee__isnull', True)), _connector='OR'), name='clearing_line_share_has_payee'),
            ),
            migrations.AddConstraint(
                model_name='strategyassignment',
                constraint=models.UniqueConstraint(condition=models.Q(('pile__isnull', True)), fields=('station',), name='strategy_of_station_once'),
            ),
            migrations.AddConstraint(
                model_name='tariff',
                constraint=models.UniqueConstraint(fields=('operator', 'name'), name='tariff_name'),
            ),
            migrations.AddConstraint(
                model_name='tariffassignment',
                constraint=models.UniqueConstraint(condition=models.Q(('pile__isnull', True)), fields=('station', 'group'), name='tariff_of_station_once'),
            ),
            migrations.AddConstraint(
                model_name='tariffassignment',
                constraint=models.UniqueConstraint(condition=models.Q(('pile__isnull', False)), fields=('pile', 'group'), name='tariff_of_pile_once'),
            ),
            migrations.AddConstraint(
                model_name='tariffversion',
                constraint=models.UniqueConstraint(fields=('tariff', 'number'), name='tariff_version_number'),
            ),
            migrations.AddConstraint(
                model_name='tariffversion',
                constraint=models.UniqueConstraint(fields=('tariff', 'effective_at'), name='tariff_version_moment'),
            ),
            migrations.AddConstraint(
                model_name='tariffversion',
                constraint=models.CheckConstraint(condition=models.Q(('wire_no__gte', 1), ('wire_no__lte', 9999)), name='tariff_wire_no_range'),
            ),
            migrations.AddConstraint(
                model_name='tarifftier',
                constraint=models.UniqueConstraint(fields=('version', 'code'), name='tariff_tier_code'),
            ),
            migrations.AddConstraint(
                model_name='tarifftier',
                constraint=models.CheckConstraint(condition=models.Q(('electricity_price__gte', 0), ('service_price__gte', 0)), name='tariff_tier_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='tariffprofile',
                constraint=models.UniqueConstraint(fields=('version', 'code'), name='tariff_profile_code'),
            ),
            migrations.AddConstraint(
                model_name='tariffprofile',
                constraint=models.CheckConstraint(condition=models.Q(('wire_no__gte', 1), ('wire_no__lte', 9999)), name='tariff_profile_wire_no_range'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(condition=models.Q(('enterprise__isnull', False)), fields=['enterprise', '-id'], name='order_of_enterprise'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(condition=models.Q(('card__isnull', False)), fields=['card', '-id'], name='order_of_card'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(fields=['operator', '-id'], name='order_of_operator'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(fields=['station', '-id'], name='order_of_station'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(fields=['driver', '-id'], name='order_of_driver'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(fields=['state', '-id'], name='order_by_state'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(condition=models.Q(('state__in', ('starting', 'charging', 'stopping', 'finishing'))), fields=['-id'], name='order_running'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(fields=['-created_at', '-id'], name='order_by_time'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(fields=['settled_at', 'operator'], name='order_by_settlement'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(fields=['station', 'settled_at'], name='order_of_station_by_day'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='order_due'),
            ),
            migrations.AddIndex(
                model_name='chargingorder',
                index=models.Index(condition=models.Q(('stop_due_at__isnull', False)), fields=['stop_due_at'], name='order_stop_due'),
            ),
            migrations.AddConstraint(
                model_name='chargingorder',
                constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('starting', 'charging', 'stopping'))), fields=('connector',), name='order_one_open_per_connector'),
            ),
            migrations.AddConstraint(
                model_name='chargingorder',
                constraint=models.UniqueConstraint(condition=models.Q(('transaction_ref', ''), _negated=True), fields=('pile', 'transaction_ref'), name='order_transaction_once'),
            ),
            migrations.AddConstraint(
                model_name='chargingorder',
                constraint=models.CheckConstraint(condition=models.Q(('state__in', ['starting', 'charging', 'stopping', 'finishing', 'review', 'settled', 'closed'])), name='order_state_known'),
            ),
            migrations.AddConstraint(
                model_name='chargingorder',
                constraint=models.CheckConstraint(condition=models.Q(('total_fen', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('electricity_fen'), '+', models.F('service_fen')), '+', models.F('fees_fen')), '-', models.F('discount_fen')))), name='order_amounts_add_up'),
            ),
            migrations.AddConstraint(
                model_name='chargingorder',
                constraint=models.CheckConstraint(condition=models.Q(('discount_fen__gte', 0), ('fees_fen__gte', 0), ('total_fen__gte', 0)), name='order_amounts_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='chargingorder',
                constraint=models.CheckConstraint(condition=models.Q(('payer_kind', 'wallet'), models.Q(('enterprise__isnull', False), ('payer_kind', 'enterprise')), models.Q(('card__isnull', False), ('payer_kind', 'card')), _connector='OR'), name='order_payer_is_named'),
            ),
            migrations.AddConstraint(
                model_name='chargingorder',
                constraint=models.CheckConstraint(condition=models.Q(('covered_fen__gte', 0)), name='order_covered_not_negative'),
            ),
            migrations.AddConstraint(
                model_name='chargingorder',
                constraint=models.CheckConstraint(condition=models.Q(models.Q(('charge_mode', 'offline_free'), _negated=True), ('total_fen', 0), _connector='OR'), name='order_free_costs_nothing'),
            ),
        ]),
        migrations.RunPython(guards.up, guards.down),
        migrations.RunPython(pricing.freeze, pricing.thaw),
    ]
