"""The place that is measured, made in a process of its own: `python -m benchmarks.site make|count OPTIONS`.

`make` fills an empty database and prints what the load has to know as JSON; `count` prints what the platform has
stored meanwhile, so that a figure counts only what really is in the database.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIRST_YKC = 99_000_000_000_001
FIRST_DNY = 0x04AA_0001  # two sockets
PASSWORD = "benchmark-password"
POWER_KW = 600


def run(*arguments: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run this module on the database of an environment and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.site", *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def make(*, ykc: int, ocpp: int, drivers: int, dny: int = 0) -> dict[str, Any]:
    """Migrate, then make one operator, one station, its tariff, piles with one connector each, and drivers."""
    from datetime import timedelta
    from decimal import Decimal

    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command

    from billing.pricing import Tier
    from billing.services import ledger, tariff_assignments, tariffs
    from kernel import clock
    from kernel.actor import system
    from stations.models import Connector, Pile
    from stations.services import stations
    from users.services import drivers as driver_services
    from users.services import operators, tokens

    call_command("migrate", verbosity=0, interactive=False)
    actor = system("benchmark")
    operator = operators.create_operator(actor=actor, code="bench", name="Bench")
    station = stations.create_station(actor=actor, operator=operator, code="bench", name="Bench")
    tariff = tariffs.create_tariff(actor=actor, operator=operator, name="Bench")
    tariffs.publish_version(
        actor=actor,
        tariff=tariff,
        tiers=[Tier("flat", Decimal("0.70000"), Decimal("0.40000"))],
        slots=["flat"] * 48,
        effective_at=clock.now() - timedelta(days=1),
    )
    tariff_assignments.assign_tariff(actor=actor, tariff=tariff, station=station)
    # One hash for all stations: hashing is made slow on purpose and is not what is measured here.
    secret = make_password(PASSWORD)
    codes = [(f"{FIRST_YKC + index:014d}", Pile.Protocol.YKC) for index in range(ykc)]
    codes += [(f"BENCH{index:04d}", Pile.Protocol.OCPP16) for index in range(ocpp)]
    codes += [(f"{FIRST_DNY + index:08X}", Pile.Protocol.DNY) for index in range(dny)]
    piles = Pile.objects.bulk_create(
        Pile(
            operator=operator,
            station=station,
            code=code,
            protocol=protocol,
            password=secret if protocol == Pile.Protocol.OCPP16 else "",
            rated_power_kw=Decimal(POWER_KW),
        )
        for code, protocol in codes
    )
    Connector.objects.bulk_create(
        Connector(operator=operator, station=station, pile=pile, number=1, code=f"{pile.code}01")
        for pile in piles
    )
    bearers = []
    for index in range(drivers):
        driver = driver_services.register_driver(actor=actor, phone=f"139{index:08d}")
        ledger.top_up(
            actor=actor, driver=driver, amount_fen=50_000, reason="bench", idempotency_key=f"bench-{index}"
        )
        bearers.append(tokens.issue_token(actor=actor, driver=driver))
    by_protocol = {
        protocol: [code for code, other in codes if other == protocol] for protocol in Pile.Protocol.values
    }
    return {**by_protocol, "tokens": bearers}


def count() -> dict[str, Any]:
    """What is stored: samples, frames, piles online, orders by state, records, and problems of the ledger."""
    from collections import Counter

    from billing.models import ChargingOrder
    from billing.services.checks import ledger_problems
    from devices.models import FrameLog, MeterSample, TransactionRecord
    from stations.models import Pile

    why = "a benchmark counts everything"
    return {
        "samples": MeterSample.objects.unscoped(why).count(),
        "frames": FrameLog.objects.unscoped(why).count(),
        "online": Pile.objects.unscoped(why).filter(online=True).count(),
        "records": TransactionRecord.objects.unscoped(why).count(),
        "orders": Counter(ChargingOrder.objects.unscoped(why).values_list("state", flat=True)),
        "ledger_problems": len(list(ledger_problems())),
    }


def main() -> None:
    import django

    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("make", "count"))
    for name in ("ykc", "ocpp", "dny", "drivers"):
        parser.add_argument(f"--{name}", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ev_platform.settings")
    django.setup()
    sizes = {"ykc": options.ykc, "ocpp": options.ocpp, "drivers": options.drivers, "dny": options.dny}
    sys.stdout.write(json.dumps(count() if options.what == "count" else make(**sizes)) + "\n")


if __name__ == "__main__":
    main()
