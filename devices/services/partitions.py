"""Samples and frames by the day: on PostgreSQL a partition per day, created ahead and dropped whole when it is old.

Days are UTC. Rows of days that have no partition (a pile's clock is years off, a replay after months) land in the
default partition and are kept by the same rule. SQLite has one plain table, where old rows are deleted in batches.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, models, transaction

from devices.models import FrameLog, MeterSample
from devices.services import curves
from kernel import clock

logger = logging.getLogger(__name__)

DAYS_AHEAD = 7
DELETE_BATCH = 5_000
LOCK_TIMEOUT = "5s"  # a partition that cannot be attached or dropped now is taken care of by the next run

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """What one table came to: partitions made and dropped (by day), rows deleted one by one."""

    table: str
    created: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    deleted: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "created": self.created,
            "dropped": self.dropped,
            "deleted": self.deleted,
        }


def retention_days() -> dict[type[models.Model], int]:
    """How many days each table keeps, by the settings."""
    return {MeterSample: settings.SAMPLE_DAYS, FrameLog: settings.FRAME_DAYS}


def keep_partitions(*, today: date | None = None) -> list[Kept]:
    """Create the partitions of the coming days and drop what is older than the settings keep.

    Before samples go, the curve of every transaction in them is stored thinned out. Running it twice changes
    nothing; two runs at once wait for each other.
    """
    today = today or clock.now().astimezone(UTC).date()
    return [_keep(model, days, today) for model, days in retention_days().items()]


def _keep(model: type[models.Model], days: int, today: date) -> Kept:
    kept = Kept(model._meta.db_table)
    oldest = today - days * DAY
    if _is_partitioned(model):
        there = partitions_of(model)
        for ahead in range(-1, DAYS_AHEAD + 1):
            day = today + ahead * DAY
            if day not in there and _in_time(create_day, model, day):
                kept.created.append(day.isoformat())
        for day in sorted(there):
            if day < oldest:
                _summarise(model, *_bounds(day))
                if _in_time(drop_day, model, day):
                    kept.dropped.append(day.isoformat())
    deleted = _delete_old(model, oldest)
    return Kept(kept.table, kept.created, kept.dropped, deleted)


def _in_time(work: Callable[[type[models.Model], date], bool], model: type[models.Model], day: date) -> bool:
    try:
        return work(model, day)
    except OperationalError as error:
        logger.warning(
            "the partition of %s of %s is left to the next run: %s", day, model._meta.db_table, error
        )
        return False


def _is_partitioned(model: type[models.Model]) -> bool:
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        return bool(cursor.fetchone()[0])


def partitions_of(model: type[models.Model]) -> set[date]:
    """The days that have a partition of their own."""
    prefix = f"{model._meta.db_table}_"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass",
            [model._meta.db_table],
        )
        names = [name.removeprefix(prefix) for (name,) in cursor.fetchall()]
    return {datetime.strptime(name, "%Y%m%d").date() for name in names if name.isdigit()}


def create_day(model: type[models.Model], day: date) -> bool:
    """Attach a partition for a day, with the rows of that day that the default partition holds.

    False when another run made it meanwhile.
    """
    table, quote = model._meta.db_table, connection.ops.quote_name
    name, default = quote(_name(model, day)), quote(f"{table}_default")
    start, end = _bounds(day)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        # One maker at a time, and no reader or writer waits for more than the attaching itself.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"partitions of {table}"])
        if day in partitions_of(model):
            return False
        cursor.execute(f"CREATE TABLE {name} (LIKE {quote(table)} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {default} WHERE at >= %s AND at < %s)", [start, end])
        if cursor.fetchone()[0]:
            cursor.execute(f"LOCK TABLE {default} IN EXCLUSIVE MODE")
            columns = ", ".join(quote(one.column) for one in model._meta.concrete_fields)
            cursor.execute(
                f"WITH moved AS (DELETE FROM {default} WHERE at >= %s AND at < %s RETURNING {columns})"
                f" INSERT INTO {name} ({columns}) SELECT {columns} FROM moved",
                [start, end],
            )
        cursor.execute(
            f"ALTER TABLE {quote(table)} ATTACH PARTITION {name} FOR VALUES"
            f" FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
        )
    return True


def drop_day(model: type[models.Model], day: date) -> bool:
    """Drop the partition of a day with its rows; nothing when it is gone already."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(_name(model, day))}")
    return True


def _delete_old(model: type[models.Model], day: date) -> int:
    """Delete old rows in batches: of the plain table, or on PostgreSQL of the default partition."""
    limit = _bounds(day)[0]
    if _is_partitioned(model):
        return _delete_from_default(model, limit)
    deleted = 0
    rows = model._base_manager.order_by("pk")
    while True:
        # From the front: rows were appended about in the order of time, and `at` alone has no index.
        batch = list(rows.values_list("pk", "at")[:DELETE_BATCH])
        old = [pk for pk, at in batch if at < limit]
        if not old:
            return deleted
        with transaction.atomic():
            if deleted == 0:
                _summarise(model, None, limit)
            deleted += model._base_manager.filter(pk__in=old)._raw_delete(rows.db)


def _delete_from_default(model: type[models.Model], limit: datetime) -> int:
    default = connection.ops.quote_name(f"{model._meta.db_table}_default")
    deleted = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            if deleted == 0:
                cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {default} WHERE at < %s)", [limit])
                if not cursor.fetchone()[0]:
                    return 0
                _summarise(model, None, limit)
            cursor.execute(
                f"DELETE FROM {default} WHERE ctid = ANY (ARRAY("
                f"SELECT ctid FROM {default} WHERE at < %s LIMIT %s))",
                [limit, DELETE_BATCH],
            )
            if not cursor.rowcount:
                return deleted
            deleted += cursor.rowcount


def _summarise(model: type[models.Model], since: datetime | None, before: datetime) -> None:
    if model is MeterSample:
        curves.store_curves(since=since, before=before)


def _name(model: type[models.Model], day: date) -> str:
    return f"{model._meta.db_table}_{day:%Y%m%d}"


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time.min, UTC)
    return start, start + DAY
