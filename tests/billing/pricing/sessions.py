"""Random tariffs and sessions as plain data, and the comparison of the engine with the second pricer."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.pricing import TariffSnapshot, Usage, charge, split_by_slot
from tests.billing.pricing.brute import price_session

CODES = ("sharp", "peak", "flat", "valley", "deep_valley")
ZONES = ("Asia/Shanghai",) * 8 + ("Europe/Berlin", "Asia/Kolkata")
DAWN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
FEES = ("electricity", "service", "time", "use", "start", "minimum")


def random_tariff(dice: random.Random) -> dict[str, Any]:
    codes = list(CODES[: dice.randint(1, 5)])
    tariff: dict[str, Any] = {
        "version_id": 1,
        "code": "R",
        "name": "random",
        "zone": dice.choice(ZONES),
        "tiers": [
            {"code": code, "electricity_price": _price(dice), "service_price": _price(dice)} for code in codes
        ],
        "slots": _day(dice, codes),
    }
    if dice.random() < 0.6:
        tariff["components"] = _components(dice)
    if dice.random() < 0.35:
        tariff["calendar"] = _calendar(dice, codes)
    if dice.random() < 0.5:
        tariff["discounts"] = [_discount(dice, number) for number in range(dice.randint(1, 3))]
    return tariff


def _price(dice: random.Random) -> str:
    kind = dice.random()
    units = 0 if kind < 0.05 else dice.randint(1, 9) * 5000 if kind < 0.3 else dice.randint(1, 250_000)
    return f"{Decimal(units).scaleb(-5):f}"


def _day(dice: random.Random, codes: list[str]) -> list[str]:
    slots: list[str] = []
    while len(slots) < 48:
        slots += [dice.choice(codes)] * dice.randint(1, 12)
    return slots[:48]


def _window(dice: random.Random) -> list[int] | None:
    if dice.random() < 0.5:
        return None
    begin, end = dice.randrange(48), dice.randint(0, 48)
    return None if begin == end else [begin, end]


def _components(dice: random.Random) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    found += [
        {
            "kind": "time",
            "fen": dice.randint(0, 300),
            "per_s": dice.choice((60, 900, 1800, 3600, 7200)),
            "unit_s": dice.choice((1, 60, 900, 1800)),
            "free_s": dice.choice((0, 0, 600, 3600)),
            "fee": dice.choice(("time", "service")),
            "window": _window(dice),
        }
        for _ in range(dice.choice((0, 1, 1, 2)))
    ]
    if dice.random() < 0.3:
        limits = sorted(dice.sample(range(50, 70_000), dice.randint(1, 4)))
        found.append(
            {
                "kind": "power",
                "steps": [
                    {"up_to_w": up_to, "fen": dice.randint(0, 400), "per_s": dice.choice((60, 3600, 14_400))}
                    for up_to in limits
                ],
                "follow": dice.choice(("highest", "actual")),
                "fee": dice.choice(("service", "time")),
            }
        )
    if dice.random() < 0.2:
        fens = dice.sample((100, 200, 300, 500), dice.randint(1, 3))
        found.append(
            {
                "kind": "package",
                "pairs": [[fen, fen * dice.randint(20, 90)] for fen in fens],
                "refundable": dice.random() < 0.7,
                "fee": dice.choice(("service", "time")),
            }
        )
    if dice.random() < 0.2:
        found.append({"kind": "use", "fen": dice.randint(0, 300), "fee": dice.choice(("use", "service"))})
    if dice.random() < 0.2:
        found.append({"kind": "start", "fen": dice.randint(0, 200)})
    if dice.random() < 0.25:
        found.append({"kind": "minimum", "fen": dice.randint(0, 1500)})
    dice.shuffle(found)
    return found


def _calendar(dice: random.Random, codes: list[str]) -> dict[str, Any]:
    profiles = {name: _day(dice, codes) for name in ("summer", "rest")[: dice.randint(1, 2)]}

    def month_day() -> str:
        return f"{date(2024, 1, 1) + timedelta(days=dice.randrange(366)):%m-%d}"

    return {
        "profiles": profiles,
        "rules": [
            {
                "profile": dice.choice([*profiles, ""]),
                "first": month_day(),
                "last": month_day(),
                "days": dice.choice(("any", "workday", "restday", "holiday")),
                "weekdays": dice.choice(("", "", "67", "135", "2")),
            }
            for _ in range(dice.randint(1, 4))
        ],
        "special": {
            (date(2026, 1, 1) + timedelta(days=dice.randrange(365))).isoformat(): dice.choice(
                ("holiday", "workday")
            )
            for _ in range(dice.randint(0, 12))
        },
    }


def _discount(dice: random.Random, number: int) -> dict[str, Any]:
    by_rate = dice.random() < 0.7
    window = _window(dice)
    energy = None if window or dice.random() < 0.8 else str(Decimal(dice.randint(1, 400_000)) / 10_000)
    fees = ["electricity", "service"] if window or energy else list(FEES)
    return {
        "code": f"d{number}",
        "name": "",
        "off_bp": dice.choice((100, 500, 1500, 3333, 10_000)) if by_rate else 0,
        "off_fen": 0 if by_rate else dice.randint(1, 2000),
        "fees": dice.sample(fees, dice.randint(1, len(fees))),
        "window": window,
        "bearer": dice.choice(("operator", "platform")),
        "cap_fen": dice.choice((None, None, dice.randint(0, 500))),
        "stack": dice.random() < 0.4,
        "least_fen": dice.choice((0, 0, dice.randint(0, 5000))),
        "energy_kwh": energy,
    }


def random_session(dice: random.Random, tariff: dict[str, Any]) -> dict[str, Any]:
    start = DAWN + dice.randrange(365 * 86_400)
    length = int(dice.expovariate(1 / 2400)) if dice.random() < 0.9 else dice.randrange(30 * 3600)
    end = start + length
    moments = sorted(dice.randint(start, end) for _ in range(dice.choice((0, 0, 1, 2, 5))))
    most = dice.choice((5, 60, 500, 40_000, 400_000))
    units, readings = 0, [(start, 0)]
    for moment in [*moments, end]:
        units += 0 if dice.random() < 0.1 else dice.randint(0, most)
        readings.append((moment, units))
    tiers = None
    if dice.random() < 0.3:
        tiers = {tier["code"]: dice.choice((0, dice.randint(0, most))) for tier in tariff["tiers"]}
    package = next((one for one in tariff.get("components", ()) if one["kind"] == "package"), None)
    points = sorted(
        (dice.randint(start - 300, end + 300), dice.randrange(80_000)) for _ in range(dice.choice((0, 1, 3)))
    )
    return {
        "readings": readings,
        "tiers": tiers,
        "start": start,
        "end": end,
        "power": points,
        "package_fen": dice.choice(package["pairs"])[0] if package else None,
    }


def moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def kwh(units: int) -> Decimal:
    return Decimal(units).scaleb(-4)


def usage_of(session: dict[str, Any], zone: str) -> Usage:
    return Usage(
        segments=split_by_slot([(moment(at), kwh(units)) for at, units in session["readings"]], zone),
        energy_by_tier=None
        if session["tiers"] is None
        else {code: kwh(units) for code, units in session["tiers"].items()},
        started_at=moment(session["start"]),
        ended_at=moment(session["end"]),
        power=tuple((moment(at), watts) for at, watts in session["power"]),
        package_fen=session["package_fen"],
    )


def by_engine(snapshot: TariffSnapshot, session: dict[str, Any]) -> dict[str, Any]:
    bill = charge(snapshot, usage_of(session, snapshot.zone))
    fees: dict[str, int] = {}
    for line in bill.fee_lines:
        if line.kind != "service" and line.fen:
            fees[line.kind] = fees.get(line.kind, 0) + line.fen
    return {
        "total": bill.total_fen,
        "electricity": bill.electricity_fen,
        "service": bill.service_fen,
        "fees": fees,
        "off": bill.discount_fen,
        "lines": [(line.electricity_fen, line.service_fen) for line in bill.lines],
        "discounts": [(line.code, line.fen, dict(line.by_fee)) for line in bill.discounts],
    }


def compare(seed: int, count: int, *, sessions_per_tariff: int = 8) -> list[dict[str, Any]]:
    """Price `count` random sessions twice; returns those that differ, with all that is needed to see why."""
    dice = random.Random(seed)
    different = []
    tariff: dict[str, Any] = {}
    for number in range(count):
        if number % sessions_per_tariff == 0:
            tariff = random_tariff(dice)
            snapshot = TariffSnapshot.from_json(tariff)
        session = random_session(dice, tariff)
        engine, brute = by_engine(snapshot, session), price_session(tariff, session)
        if engine != brute:
            different.append({"tariff": tariff, "session": session, "engine": engine, "brute": brute})
    return different
