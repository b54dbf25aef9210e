"""Tables that are new together: what one operation makes is what the single operations would have made."""

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from kernel.migration_operations import CreateModels

pytestmark = pytest.mark.django_db


def _table(name, *fields):
    return migrations.CreateModel(name=name, fields=[("id", models.BigAutoField(primary_key=True)), *fields])


def _columns(cursor, table):
    return {column.name for column in connection.introspection.get_table_description(cursor, table)}


def test_tables_that_point_at_each_other_come_and_go_together():
    to_last = models.ForeignKey("kernel.Last", on_delete=models.CASCADE)
    once = models.UniqueConstraint(fields=["last", "number"], name="first_once")
    together = CreateModels(
        [
            _table("First", ("number", models.IntegerField())),
            _table("Last", ("first", models.ForeignKey("kernel.First", on_delete=models.CASCADE))),
            migrations.AddField(model_name="first", name="last", field=to_last),
            migrations.AddConstraint(model_name="first", constraint=once),
            migrations.AddIndex(model_name="last", index=models.Index(fields=["first"], name="last_first")),
        ]
    )
    before, after = ProjectState(), ProjectState()
    together.state_forwards("kernel", after)
    with connection.schema_editor() as editor:
        together.database_forwards("kernel", editor, before, after)
    with connection.cursor() as cursor:
        assert _columns(cursor, "kernel_first") == {"id", "number", "last_id"}
        assert "first_once" in connection.introspection.get_constraints(cursor, "kernel_first")
        assert "last_first" in connection.introspection.get_constraints(cursor, "kernel_last")
    with connection.schema_editor() as editor:
        together.database_backwards("kernel", editor, after, before)
    tables = set(connection.introspection.table_names())
    assert not {"kernel_first", "kernel_last"} & tables


def test_a_part_of_another_table_is_refused():
    with pytest.raises(ValueError, match="Add field x to other"):
        CreateModels([migrations.AddField(model_name="other", name="x", field=models.IntegerField())])
