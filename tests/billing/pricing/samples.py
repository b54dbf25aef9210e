"""Tariffs and times that the pricing tests share."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

from billing.pricing import TariffSnapshot, Tier

D = Decimal
BEIJING = timezone(timedelta(hours=8))


def at(text: str) -> datetime:
    """Return the Beijing time `text`, e.g. "2026-11-20 10:30"."""
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


def tariff(
    prices: dict[str, tuple[str, str]], slots: list[str] | None = None, zone: str = "Asia/Shanghai"
) -> TariffSnapshot:
    """Return a tariff of {tier: (electricity, service)}; without `slots` the first tier holds all day."""
    return TariffSnapshot(
        version_id=7,
        code="T1",
        name="Test tariff",
        zone=zone,
        tiers=tuple(
            Tier(code, D(electricity), D(service)) for code, (electricity, service) in prices.items()
        ),
        slots=tuple(slots or [next(iter(prices))] * 48),
    )


FOUR = tariff(
    {
        "sharp": ("1.20000", "0.40000"),
        "peak": ("1.00000", "0.40000"),
        "flat": ("0.70000", "0.40000"),
        "valley": ("0.30000", "0.40000"),
    },
    ["valley"] * 14
    + ["flat"] * 6
    + ["peak"] * 8
    + ["sharp"] * 4
    + ["flat"] * 8
    + ["peak"] * 4
    + ["valley"] * 4,
)
