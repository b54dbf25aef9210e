"""Samples and frames by the day in a database that was made in one step; one that grew has them already.

A step of its own: the indexes of new tables are made at the end of the migration that makes the tables.
"""

from importlib import import_module

from django.db import migrations

partitions = import_module("devices.migrations.0010_partitions")


def partition(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        table = apps.get_model("devices", partitions.TABLES[0])._meta.db_table
        cursor.execute("SELECT relkind FROM pg_class WHERE oid = %s::regclass", [table])
        if cursor.fetchone()[0] == "p":
            return
    partitions.partition(apps, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("devices", "0011_ebike_boxes")]

    operations = [migrations.RunPython(partition, migrations.RunPython.noop)]
