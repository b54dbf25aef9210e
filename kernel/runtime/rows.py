"""Many rows in one go, where the ORM's own bulk calls cost more than the work they carry.

On PostgreSQL rows are appended with COPY, and those whose ids are needed draw them first; many rows are updated
by one statement that joins their new values. Other databases get the ORM's way with the same outcome.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
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
    if connection.vendor != "postgresql":
        names = [field.attname for field in fields]
        read = attrgetter(*names)
        made = [
            row if isinstance(row, model) else model(**dict(zip(names, read(row), strict=True)))
            for row in rows
        ]
        model._base_manager.bulk_create(made, batch_size=BATCH)
        return
    _copy(model, rows, fields)


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert instances of one model and give them their ids; `append_rows` for those that others point at.

    Every field has its value: what `save` would fill in (`auto_now`) is not filled in here.
    """
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql" or len(rows) == 1:
        model._base_manager.bulk_create(rows, batch_size=BATCH)
        return
    meta = model._meta
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [connection.ops.quote_name(meta.db_table), meta.pk.column, len(rows)],
        )
        ids = [number for (number,) in cursor.fetchall()]
    for row, number in zip(rows, ids, strict=True):
        row.pk = number
    _copy(model, rows, (meta.pk, *_fields(model)))
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def _copy(model: type[models.Model], rows: Sequence[Any], fields: Sequence[models.Field]) -> None:
    read = attrgetter(*(field.attname for field in fields))
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
    """Write some fields of instances of one model, each row by its primary key, in one round trip.

    Each row once, and locked by the caller: the order of writing is the database's.
    """
    if not rows:
        return
    meta = rows[0]._meta
    fields = [meta.get_field(name) for name in names]
    if connection.vendor == "postgresql" and len(rows) > 1 and all(map(_has_text, fields)):
        _update_joined(rows, fields)
        return
    quote = connection.ops.quote_name
    assignments = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    statement = f"UPDATE {quote(meta.db_table)} SET {assignments} WHERE {quote(meta.pk.column)} = %s"
    parameters = [
        (*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk)
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, parameters)


def _update_joined(rows: Sequence[models.Model], fields: Sequence[models.Field]) -> None:
    """One UPDATE whose new values come as one JSON text: it is planned once, and hardly anything is quoted."""
    meta = rows[0]._meta
    quote = connection.ops.quote_name
    every = (meta.pk, *fields)
    read = attrgetter(*(field.attname for field in every))
    converters = [(index, convert) for index, field in enumerate(every) if (convert := _to_json(field))]
    names = [f"c{index}" for index in range(len(every))]
    values = []
    for row in rows:
        cells = list(read(row))
        for index, convert in converters:
            if cells[index] is not None:
                cells[index] = convert(cells[index])
        values.append(dict(zip(names, cells, strict=True)))
    assignments = ", ".join(
        f"{quote(field.column)} = given.{name}" for field, name in zip(fields, names[1:], strict=True)
    )
    columns = ", ".join(
        f"{name} {field.db_type(connection)}" for field, name in zip(every, names, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(meta.db_table)} SET {assignments}"
            f" FROM json_to_recordset(%s) AS given({columns})"
            f" WHERE {quote(meta.db_table)}.{quote(meta.pk.column)} = given.c0",
            [json.dumps(values)],
        )


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


def _has_text(field: models.Field) -> bool:
    """Whether a value of this field can be written into the JSON of `_update_joined`."""
    if isinstance(field, models.JSONField):
        return field.encoder is None
    kinds = (
        models.BooleanField,
        models.CharField,
        models.DateTimeField,
        models.ForeignKey,
        models.IntegerField,
        models.TextField,
    )
    return isinstance(field, kinds)


def _to_json(field: models.Field) -> Callable[[Any], Any] | None:
    if isinstance(field, models.DateTimeField):
        return datetime.isoformat
    if isinstance(field, models.JSONField | models.ForeignKey) or _converter(field) is None:
        return None
    return field.get_prep_value
