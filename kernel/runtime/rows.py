"""Many rows in one go, where the ORM's own bulk calls cost more than the work they carry.

A frame log and a stream of samples are appended with COPY on PostgreSQL; live figures of many rows are updated
with one prepared statement. Other databases get the ORM's way with the same outcome.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import connection, models

BATCH = 500


def append_rows(model: type[models.Model], rows: Sequence[Any]) -> None:
    """Insert rows without reading their ids back.

    Args:
        rows: objects with an attribute for every column of the model but its id; instances of the model are such.

    Raises:
        django.db.Error: as the ORM would; nothing of the batch is stored then.
    """
    if not rows:
        return
    fields = _fields(model)
    names = [field.attname for field in fields]
    read = attrgetter(*names)
    if connection.vendor != "postgresql":
        made = [
            row if isinstance(row, model) else model(**dict(zip(names, read(row), strict=True)))
            for row in rows
        ]
        model._base_manager.bulk_create(made, batch_size=BATCH)
        return
    converters = [(index, convert) for index, field in enumerate(fields) if (convert := _converter(field))]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    statement = f"COPY {connection.ops.quote_name(model._meta.db_table)} ({columns}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            values = list(read(row))
            for index, convert in converters:
                if values[index] is not None:
                    values[index] = convert(values[index])
            copy.write_row(values)


def update_rows(rows: Sequence[models.Model], names: Iterable[str]) -> None:
    """Write some fields of instances of one model, each row by its primary key, in one round trip."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [meta.get_field(name) for name in names]
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    statement = f"UPDATE {quote(meta.db_table)} SET {assignments} WHERE {quote(meta.pk.column)} = %s"
    parameters = [
        (*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk)
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, parameters)


@cache
def _fields(model: type[models.Model]) -> tuple[models.Field, ...]:
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


def _converter(field: models.Field) -> Callable[[Any], Any] | None:
    """How a value of this field is written; None for what the driver writes as it is."""
    if isinstance(field, models.JSONField):
        return json.dumps if field.encoder is None else lambda value: json.dumps(value, cls=field.encoder)
    if type(field).get_prep_value in (
        models.CharField.get_prep_value,
        models.TextField.get_prep_value,
        models.DateTimeField.get_prep_value,
    ):
        return None
    return field.get_prep_value
