"""Bills computed again: the pure engine alone, and `manage.py reprice` over stored orders, both on one core.

`run` is the benchmark; `python -m benchmarks.repricing fill|engine` is what its processes do.
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

from benchmarks import site
from benchmarks.context import Databases, environment
from benchmarks.report import Result

ROOT = Path(__file__).resolve().parents[1]
ORDERS = int(os.environ.get("BENCH_BILLS", "20000"))
ENGINE = 20_000


async def run(databases: Databases) -> list[Result]:
    """Orders per second and core."""
    return await asyncio.to_thread(_measure, databases)


def _measure(databases: Databases) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="ev-bench-") as folder:
        env = environment(databases.new(), EV_DATA_DIR=folder)
        site.run("make", "--ykc", "1", "--drivers", "1", environment=env)
        engine = _call("engine", environment=env)
        _call("fill", environment=env)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "manage.py", "reprice", "--json"],
            cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        result = json.loads(done.stdout)
        if not result["ok"] or result["orders"] != ORDERS:
            raise RuntimeError(str(result)[:300])
    return [
        Result(
            "Pricing engine, an hour with time fee, calendar and discount",
            engine["orders"] / engine["seconds"],
            "orders/s",
            note=f"CPU {engine['seconds'] / engine['orders'] * 1e6:.0f} µs each, one core",
        ),
        Result(
            "manage.py reprice",
            ORDERS / seconds,
            "orders/s",
            note=f"{ORDERS:,} stored orders in {seconds:.1f} s with the start of the process, one core",
        ),
    ]


def _call(what: str, *, environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.repricing", what],
        cwd=ROOT, env=dict(environment), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def _snapshot() -> Any:
    from decimal import Decimal

    from billing.pricing import Calendar, DayRule, DiscountRule, TariffSnapshot, Tier, component_from_json

    day = ["valley"] * 16 + ["flat"] * 4 + ["peak"] * 4 + ["flat"] * 12 + ["sharp"] * 4 + ["flat"] * 8
    return TariffSnapshot(
        1, "0001", "Bench", "Asia/Shanghai",
        tuple(Tier(code, Decimal(price), Decimal("0.4")) for code, price in
              (("sharp", "1.2"), ("peak", "1"), ("flat", "0.7"), ("valley", "0.3"))),
        tuple(day),
        components=(component_from_json({"kind": "time", "fen": 100, "unit_s": 1800}),),
        calendar=Calendar({"summer": tuple(day)}, (DayRule("summer", "07-01", "08-31"),)),
        discounts=(DiscountRule("d", off_bp=500, fees=("service",), window=(18, 30)),),
    )  # fmt: skip


def _readings(begun: Any) -> list[tuple[Any, Any]]:
    from datetime import timedelta
    from decimal import Decimal

    return [(begun + timedelta(minutes=10 * n), Decimal(n * 41_157).scaleb(-4)) for n in range(8)]


def _engine() -> dict[str, Any]:
    from datetime import UTC, datetime, timedelta

    from billing.pricing import Usage, charge, split_by_slot

    snapshot = _snapshot()
    begun = datetime(2026, 7, 10, 1, 13, tzinfo=UTC)
    usages = []
    began = time.process_time()
    for number in range(ENGINE):
        start = begun + timedelta(minutes=37 * number)
        readings = _readings(start)
        usages.append(
            charge(
                snapshot,
                Usage(
                    segments=split_by_slot(readings, snapshot.zone),
                    started_at=start,
                    ended_at=readings[-1][0],
                ),
            ).total_fen
        )
    return {"orders": len(usages), "seconds": time.process_time() - began}


def _fill() -> dict[str, Any]:
    """Settled orders whose bills rest on readings, a third of them with the components of `_snapshot`."""
    from datetime import timedelta

    from billing.models import ChargingOrder, TariffVersion
    from billing.services import evidence
    from billing.services.tariffs import snapshot_of
    from kernel import clock
    from stations.models import Connector
    from users.models import Driver

    why = "a benchmark makes everything"
    version = TariffVersion.objects.unscoped(why).get()
    connector = Connector.objects.unscoped(why).select_related("pile").first()
    driver = Driver.objects.unscoped(why).first()
    plain, composed = snapshot_of(version).to_json(), _snapshot().to_json()
    first, rows = clock.now() - timedelta(days=300), []
    for number in range(ORDERS):
        begun = first + timedelta(minutes=19 * number)
        readings = _readings(begun)
        order = ChargingOrder(
            order_no=f"bench{number:015d}", operator_id=connector.operator_id, station_id=connector.station_id,
            pile=connector.pile, connector=connector, driver=driver, start_method="code", state="settled",
            transaction_ref=f"{number:032d}", tariff_version=version,
            tariff_snapshot=plain if number % 3 else composed, created_at=begun, started_at=begun,
            ended_at=readings[-1][0], settled_at=readings[-1][0],
        )  # fmt: skip
        order.evidence = {
            "basis": "readings",
            "readings": [[at.isoformat(), str(kwh)] for at, kwh in readings],
            "started_at": begun.isoformat(),
            "ended_at": readings[-1][0].isoformat(),
        }
        bill = evidence.recompute(order)
        order.bill, order.energy_kwh, order.total_fen = bill.to_json(), bill.energy_kwh, bill.total_fen
        order.electricity_fen, order.service_fen = bill.electricity_fen, bill.service_fen
        order.fees_fen, order.discount_fen = bill.fees_fen, bill.discount_fen
        rows.append(order)
    ChargingOrder.objects.bulk_create(rows, batch_size=500)
    return {"orders": len(rows)}


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ev_platform.settings")
    django.setup()
    sys.stdout.write(json.dumps(_fill() if sys.argv[1] == "fill" else _engine()) + "\n")


if __name__ == "__main__":
    main()
