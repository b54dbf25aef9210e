"""The tables as the migrations up to 0002_export_jobs made them, in one step for a new database."""

from django.db import migrations, models

from kernel.migration_operations import CreateModels


class Migration(migrations.Migration):

    replaces = [('kernel', '0001_initial'), ('kernel', '0002_export_jobs')]

    initial = True

    dependencies = [
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='AuditEvent',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(db_index=True, verbose_name='at')),
                    ('actor_kind', models.CharField(max_length=16, verbose_name='actor kind')),
                    ('actor_id', models.CharField(max_length=64, verbose_name='actor id')),
                    ('actor_name', models.CharField(blank=True, max_length=128, verbose_name='actor')),
                    ('action', models.CharField(max_length=64, verbose_name='action')),
                    ('target_type', models.CharField(max_length=64, verbose_name='object type')),
                    ('target_id', models.CharField(max_length=64, verbose_name='object id')),
                    ('target_name', models.CharField(blank=True, max_length=128, verbose_name='object')),
                    ('tenant_id', models.BigIntegerField(blank=True, db_index=True, null=True, verbose_name='tenant')),
                    ('reason', models.CharField(blank=True, max_length=255, verbose_name='reason')),
                    ('before', models.JSONField(blank=True, default=dict, verbose_name='before')),
                    ('after', models.JSONField(blank=True, default=dict, verbose_name='after')),
                    ('ip', models.CharField(blank=True, max_length=64, verbose_name='address')),
                    ('request_id', models.CharField(blank=True, max_length=64, verbose_name='request id')),
                ],
                options={
                    'verbose_name': 'audit event',
                    'verbose_name_plural': 'audit trail',
                    'ordering': ['-at', '-id'],
                    'indexes': [models.Index(fields=['target_type', 'target_id', 'id'], name='audit_target'), models.Index(fields=['actor_kind', 'actor_id', 'id'], name='audit_actor')],
                },
            ),
            migrations.CreateModel(
                name='ExportJob',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('exporter', models.CharField(max_length=96, verbose_name='export')),
                    ('title', models.CharField(max_length=128, verbose_name='title')),
                    ('file_format', models.CharField(choices=[('csv', 'CSV'), ('xlsx', 'XLSX')], max_length=4, verbose_name='format')),
                    ('params', models.JSONField(blank=True, default=dict, verbose_name='filters')),
                    ('columns', models.JSONField(default=list, verbose_name='columns')),
                    ('language', models.CharField(default='zh-hans', max_length=16)),
                    ('owner_kind', models.CharField(max_length=16)),
                    ('owner_id', models.CharField(max_length=64)),
                    ('owner_name', models.CharField(blank=True, max_length=128, verbose_name='asked by')),
                    ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Ready'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='queued', max_length=10, verbose_name='state')),
                    ('rows_done', models.BigIntegerField(default=0, verbose_name='rows written')),
                    ('rows_total', models.BigIntegerField(blank=True, null=True, verbose_name='rows in all')),
                    ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                    ('stored_name', models.CharField(blank=True, max_length=255, verbose_name='file')),
                    ('size_bytes', models.BigIntegerField(default=0, verbose_name='size (bytes)')),
                    ('error', models.CharField(blank=True, max_length=255, verbose_name='error')),
                    ('created_at', models.DateTimeField(verbose_name='asked at')),
                    ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='started at')),
                    ('beat_at', models.DateTimeField(blank=True, null=True, verbose_name='last progress')),
                    ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                    ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='kept until')),
                ],
                options={
                    'verbose_name': 'export',
                    'verbose_name_plural': 'exports',
                    'ordering': ['-id'],
                    'indexes': [models.Index(fields=['owner_kind', 'owner_id', '-id'], name='export_of_owner'), models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['state', 'id'], name='export_open'), models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='export_expiry')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'done', 'failed', 'cancelled', 'expired'])), name='export_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), models.Q(('stored_name', ''), _negated=True), _connector='OR'), name='export_done_has_file')],
                },
            ),
            migrations.CreateModel(
                name='IdempotencyKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('owner', models.CharField(max_length=96, verbose_name='owner')),
                    ('key', models.CharField(max_length=96, verbose_name='key')),
                    ('fingerprint', models.CharField(max_length=64, verbose_name='request fingerprint')),
                    ('status', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='status')),
                    ('response', models.JSONField(blank=True, null=True, verbose_name='response')),
                    ('created_at', models.DateTimeField(db_index=True, verbose_name='created at')),
                ],
                options={
                    'verbose_name': 'idempotency key',
                    'verbose_name_plural': 'idempotency keys',
                    'constraints': [models.UniqueConstraint(fields=('owner', 'key'), name='idempotency_owner_key')],
                },
            ),
            migrations.CreateModel(
                name='OutboxMessage',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('topic', models.CharField(max_length=64, verbose_name='topic')),
                    ('payload', models.JSONField(verbose_name='payload')),
                    ('created_at', models.DateTimeField(verbose_name='created at')),
                    ('available_at', models.DateTimeField(verbose_name='due at')),
                    ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                    ('last_error', models.CharField(blank=True, max_length=500, verbose_name='last error')),
                    ('delivered_at', models.DateTimeField(blank=True, null=True, verbose_name='delivered at')),
                ],
                options={
                    'verbose_name': 'outbox message',
                    'verbose_name_plural': 'outbox',
                    'indexes': [models.Index(condition=models.Q(('delivered_at__isnull', True)), fields=['available_at', 'id'], name='outbox_due')],
                },
            ),
        ]),
    ]
