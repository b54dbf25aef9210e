"""Samples and frames become tables partitioned by day on PostgreSQL; the table there is becomes the default partition.

Nothing is copied: the old table is renamed, gets the time into its primary key and is attached, with its indexes.
On SQLite the tables stay as they are.
"""

from django.db import migrations, models

TABLES = ("MeterSample", "FrameLog")


def partition(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in TABLES:
            _partition(schema_editor, apps.get_model("devices", name))


def _partition(schema_editor, model):
    table = model._meta.db_table
    default, sequence = f"{table}_default", f"{table}_id_seq"
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = %s AND schemaname = current_schema()", [table])
        indexes = [name for (name,) in cursor.fetchall()]
        cursor.execute(f'SELECT COALESCE(MAX(id), 0) + 1 FROM "{table}"')
        following = cursor.fetchone()[0]
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{default}"')
        # PostgreSQL before 17 has no identity columns on partitioned tables; a sequence of their own serves as well.
        cursor.execute(f'ALTER TABLE "{default}" ALTER COLUMN id DROP IDENTITY IF EXISTS')
        cursor.execute(f'CREATE SEQUENCE "{sequence}" AS bigint START WITH {following}')
        cursor.execute(f"""ALTER TABLE "{default}" ALTER COLUMN id SET DEFAULT nextval('"{sequence}"')""")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'p'", [f'"{default}"']
        )
        key = cursor.fetchone()[0]
        cursor.execute(f'ALTER TABLE "{default}" DROP CONSTRAINT "{key}"')
        cursor.execute(f'ALTER TABLE "{default}" ADD CONSTRAINT "{default}_pkey" PRIMARY KEY (id, at)')
        for name in indexes:
            if name != key:
                cursor.execute(f'ALTER INDEX "{name}" RENAME TO "{name}_default"')
        cursor.execute(
            f'CREATE TABLE "{table}" (LIKE "{default}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS)'
            " PARTITION BY RANGE (at)"
        )
        cursor.execute(f'ALTER SEQUENCE "{sequence}" OWNED BY "{table}".id')
        cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_pkey" PRIMARY KEY (id, at)')
    for index in model._meta.indexes:
        schema_editor.add_index(model, index)
    schema_editor.execute(f'ALTER TABLE "{table}" ATTACH PARTITION "{default}" DEFAULT')


def join(apps, schema_editor):
    """Back to one plain table with all rows."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for name in TABLES:
        model = apps.get_model("devices", name)
        table = model._meta.db_table
        old = f"{table}_partitioned"
        columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{old}"')
            for index in model._meta.indexes:
                cursor.execute(f'ALTER INDEX "{index.name}" RENAME TO "{index.name}_old"')
            cursor.execute(f'ALTER INDEX "{table}_pkey" RENAME TO "{table}_pkey_old"')
            cursor.execute(f'ALTER SEQUENCE "{table}_id_seq" RENAME TO "{table}_id_seq_old"')
        schema_editor.create_model(model)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM "{old}"')
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), GREATEST(MAX(id), 1)) FROM \"{table}\""
            )
            cursor.execute(f'DROP TABLE "{old}"')


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0009_gateways"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoredCurve",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("pile_id", models.BigIntegerField(verbose_name="pile")),
                ("transaction_ref", models.CharField(max_length=64, verbose_name="transaction no.")),
                ("points", models.JSONField(verbose_name="points")),
                ("stored_at", models.DateTimeField(verbose_name="stored at")),
            ],
            options={
                "verbose_name": "stored curve",
                "verbose_name_plural": "stored curves",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("pile_id", "transaction_ref"), name="stored_curve_of_transaction"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="framelog",
            index=models.Index(
                fields=["pile_code", "id"],
                name="frame_before_login",
                condition=models.Q(("pile_id__isnull", True)),
            ),
        ),
        migrations.RunPython(partition, join),
    ]
