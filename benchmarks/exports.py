"""A million orders as files: the export job against PostgreSQL's COPY of the same columns, and its memory.

`run` is the benchmark; as a module, `python -m benchmarks.exports fill|export …` is what its processes do.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import site
from benchmarks.context import Databases, environment
from benchmarks.report import Result

ROOT = Path(__file__).resolve().parents[1]
ORDERS = int(os.environ.get("BENCH_ORDERS", "1000000"))
MEMORY_MB = 150
# What the export reads, as SQL: the limit writes the same rows and columns without a line of Python.
COPY = """
COPY (
    SELECT o.order_no, o.state, op.name, s.name, p.code, c.code, d.phone, o.start_method, o.created_at, o.started_at,
           o.ended_at, o.settled_at, o.energy_kwh, o.electricity_fen, o.service_fen, o.fees_fen, o.discount_fen,
           o.total_fen, t.name, o.transaction_ref, o.stop_reason
    FROM billing_chargingorder o
    JOIN users_operator op ON op.id = o.operator_id JOIN stations_station s ON s.id = o.station_id
    JOIN stations_pile p ON p.id = o.pile_id JOIN stations_connector c ON c.id = o.connector_id
    JOIN billing_tariffversion v ON v.id = o.tariff_version_id JOIN billing_tariff t ON t.id = v.tariff_id
    LEFT JOIN users_driver d ON d.id = o.driver_id
    ORDER BY o.id DESC
) TO STDOUT (FORMAT csv, HEADER)
"""


async def run(databases: Databases) -> list[Result]:
    """Rows per second of CSV and XLSX against COPY, and the peak memory of each export's process."""
    return await asyncio.to_thread(_measure, databases)


def _measure(databases: Databases) -> list[Result]:
    url = databases.new()
    with tempfile.TemporaryDirectory(prefix="ev-bench-") as folder:
        env = environment(url, EV_DATA_DIR=folder)
        site.run("make", "--ykc", "50", "--drivers", "1", environment=env)
        _call("fill", environment=env)
        results = []
        copies = [_copy(url) for _turn in range(2)]
        for file_format, wanted in (("csv", None), ("xlsx", None)):
            done = _call("export", file_format, environment=env)
            if done["rows"] != ORDERS:
                raise RuntimeError(f"{done['rows']} of {ORDERS} orders in the {file_format}")
            results.append(
                Result(
                    f"Export of {ORDERS:,} orders, {file_format}",
                    done["rows"] / done["seconds"],
                    "rows/s",
                    limit=max(copies),
                    wanted=wanted,
                    note=f"{done['seconds']:.0f} s, {done['bytes'] / 1e6:.0f} MB file; COPY of the same columns",
                )
            )
            results.append(
                Result(
                    f"Memory of that export, {file_format}",
                    done["peak_mb"],
                    "MB",
                    wanted=MEMORY_MB,
                    at_most=True,
                    note=f"{done['grown_mb']:.0f} MB above the idle process",
                )
            )
        return results


def _copy(url: str) -> float:
    began = time.perf_counter()
    rows = -1
    with psycopg.connect(url) as connection, connection.cursor().copy(COPY) as copy:
        for block in copy:
            rows += bytes(block).count(b"\n")
    return rows / (time.perf_counter() - began)


def _call(*arguments: str, environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.exports", *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _fill() -> dict[str, Any]:
    """`ORDERS` settled orders over a year, copied from one by SQL; each connector has closed ones only."""
    from datetime import timedelta

    from django.db import connection

    from billing.models import ChargingOrder, TariffVersion
    from billing.services.tariffs import snapshot_of
    from kernel import clock
    from stations.models import Connector
    from users.models import Driver

    why = "a benchmark makes everything"
    version = TariffVersion.objects.unscoped(why).get()
    connector = Connector.objects.unscoped(why).first()
    now = clock.now()
    order = ChargingOrder.objects.create(
        order_no="bench0", operator_id=connector.operator_id, station_id=connector.station_id,
        pile_id=connector.pile_id, connector=connector, driver=Driver.objects.unscoped(why).first(),
        start_method="code", state="settled", tariff_version=version,
        tariff_snapshot=snapshot_of(version).to_json(), created_at=now, started_at=now,
        ended_at=now + timedelta(hours=1), settled_at=now + timedelta(hours=1), energy_kwh="12.3456",
        electricity_fen=864, service_fen=494, total_fen=1358, stop_reason="by_app",
    )  # fmt: skip
    columns = [
        field.column
        for field in ChargingOrder._meta.concrete_fields
        if field.column not in ("id", "order_no", "created_at")
    ]
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO billing_chargingorder (order_no, created_at, {names}) "
            f"SELECT lpad(n::text, 20, '0'), created_at - n * interval '31 seconds', {names} "
            "FROM billing_chargingorder, generate_series(1, %s) AS n WHERE id = %s",
            [ORDERS - 1, order.pk],
        )
        cursor.execute("ANALYZE billing_chargingorder")
    return {"orders": ChargingOrder.objects.unscoped(why).count()}


def _export(file_format: str) -> dict[str, Any]:
    import resource
    from unittest import mock

    from kernel.services import exports
    from users import actors
    from users.models import Staff, StaffScope

    staff, made = Staff.objects.unscoped("bench").get_or_create(
        username="bench", defaults={"is_superuser": True, "is_staff": True}
    )
    if made:
        StaffScope.objects.create(staff=staff, kind="platform", object_key="")
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with mock.patch.object(exports, "_enqueue"):
        job = exports.request_export(
            actor=actors.of_staff(staff),
            exporter="list:billing.chargingorder",
            file_format=file_format,
            params={"query": "when=all"},
        )
    began = time.perf_counter()
    job = exports.run_export(job_id=job.pk)
    seconds = time.perf_counter() - began
    if job.state != "done":
        raise RuntimeError(job.error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": job.rows_done, "seconds": seconds, "bytes": job.size_bytes, "peak_mb": peak, "grown_mb": peak - idle,
    }  # fmt: skip


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ev_platform.settings")
    django.setup()
    from django.contrib import admin

    admin.autodiscover()
    done = _fill() if sys.argv[1] == "fill" else _export(sys.argv[2])
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main()
