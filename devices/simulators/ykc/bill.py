"""The bill a YKC pile computes for itself: four tiers, half-hours of Beijing time, cents cut off."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from devices.protocols.ykc.codec.datatypes import BEIJING
from devices.simulators.battery import kwh_of

TIERS = ("sharp", "peak", "flat", "valley")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class HeldTariff:
    """The tariff in a pile: its number, price per tier in yuan/kWh, tier index per half-hour."""

    model_no: str
    prices: tuple[Decimal, ...]
    slots: bytes

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> "HeldTariff":
        """Read it from the fields of frame 0A or 58."""
        prices = tuple(fields[f"{tier}_elec_rate"] + fields[f"{tier}_service_rate"] for tier in TIERS)
        return cls(fields["model_no"], prices, bytes.fromhex(fields["slots"]))

    def tier_at(self, at: datetime) -> int:
        """Return the index of the tier in force at an aware moment; an unknown slot byte counts as flat."""
        local = at.astimezone(BEIJING)
        tier = self.slots[local.hour * 2 + local.minute // 30]
        return tier if tier < len(TIERS) else 2


@dataclass(slots=True)
class PileBill:
    """Energy per tier as it accrues, in ticks of 0.0001 kWh."""

    tariff: HeldTariff
    ticks: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    def add(self, ticks: int, at: datetime) -> None:
        self.ticks[self.tariff.tier_at(at)] += ticks

    def exact(self) -> Decimal:
        """What the energy so far costs in yuan, not rounded."""
        return sum(
            (kwh_of(ticks) * price for ticks, price in zip(self.ticks, self.tariff.prices, strict=True)),
            Decimal(0),
        )

    def amounts(self) -> list[Decimal]:
        """Yuan per tier the way real piles write it: cut to cents."""
        return [
            (kwh_of(ticks) * price).quantize(_CENT, ROUND_DOWN)
            for ticks, price in zip(self.ticks, self.tariff.prices, strict=True)
        ]

    def record_fields(self) -> dict[str, Any]:
        """The tier, total energy and total amount fields of frame 3B."""
        fields: dict[str, Any] = {}
        amounts = self.amounts()
        for index, tier in enumerate(TIERS):
            energy = kwh_of(self.ticks[index])
            fields[f"{tier}_price"] = self.tariff.prices[index]
            fields[f"{tier}_energy"] = energy
            fields[f"{tier}_loss_energy"] = energy
            fields[f"{tier}_amount"] = amounts[index]
        total = kwh_of(sum(self.ticks))
        return fields | {"total_energy": total, "total_loss_energy": total, "total_amount": sum(amounts)}
