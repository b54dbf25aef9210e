"""The tariff as an order freezes it.

An order keeps the tariff it was started under, so a bill can be recomputed long after the price list has
changed. The snapshot is therefore self-contained, immutable, and exact in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .calendar import SLOTS_PER_DAY, USUAL_DAY, Calendar
from .components import Component, check_composition, component_from_json
from .discounts import DiscountRule
from .errors import PricingError
from .scale import PRICE_PLACES, as_text, from_text, from_units, to_units

SLOT_MINUTES = 30
WIRE_ORDER = ("sharp", "peak", "flat", "valley", "deep_valley")
MAX_UNIT_PRICE = Decimal("9999.99999")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone called `name`; PricingError `unknown_zone`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise PricingError("unknown_zone", {"zone": str(name)[:80]}) from None


def _price(value: Decimal, name: str) -> Decimal:
    units = to_units(value, PRICE_PLACES, name)
    if units < 0:
        raise PricingError("negative_price", {"field": name, "value": as_text(value)})
    if value > MAX_UNIT_PRICE:
        raise PricingError("too_large", {"field": name, "value": as_text(value)})
    return from_units(units, PRICE_PLACES)


@dataclass(frozen=True, slots=True)
class Tier:
    """One price step of the day: electricity and service price in yuan per kWh, 5 decimals each.

    Codes are open-ended; `sharp`, `peak`, `flat`, `valley` and `deep_valley` are the usual ones.
    """

    code: str
    electricity_price: Decimal
    service_price: Decimal

    def __post_init__(self) -> None:
        if not isinstance(self.code, str) or not _CODE.fullmatch(self.code):
            raise PricingError("bad_tier_code", {"tier": str(self.code)[:80]})
        for name in ("electricity_price", "service_price"):
            object.__setattr__(self, name, _price(getattr(self, name), f"{self.code}.{name}"))

    @property
    def unit_price(self) -> Decimal:
        """Electricity plus service, yuan per kWh: the price a YKC pile shows and reports."""
        return self.electricity_price + self.service_price


@dataclass(frozen=True, slots=True)
class TariffSnapshot:
    """A tariff version: its tiers and the tier of each of the 48 local half-hours of the day.

    `slots[0]` is 00:00-00:30 in `zone`. `calendar` holds days that differ from the usual one, `components` what
    is charged beside the energy, `discounts` what the order was promised. PricingError names what is wrong.
    """

    version_id: int | str
    code: str
    name: str
    zone: str
    tiers: tuple[Tier, ...]
    slots: tuple[str, ...]
    components: tuple[Component, ...] = ()
    calendar: Calendar | None = None
    discounts: tuple[DiscountRule, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.version_id, bool) or not isinstance(self.version_id, int | str):
            raise PricingError("bad_snapshot", {"field": "version_id"})
        for field in ("code", "name"):
            if not isinstance(getattr(self, field), str):
                raise PricingError("bad_snapshot", {"field": field})
        zone_of(self.zone)
        object.__setattr__(self, "tiers", tuple(self.tiers))
        object.__setattr__(self, "slots", tuple(self.slots))
        if not self.tiers or not all(isinstance(tier, Tier) for tier in self.tiers):
            raise PricingError("no_tiers")
        codes = [tier.code for tier in self.tiers]
        for code in codes:
            if codes.count(code) > 1:
                raise PricingError("duplicate_tier", {"tier": code})
        if len(self.slots) != SLOTS_PER_DAY:
            raise PricingError("wrong_slot_count", {"count": len(self.slots), "expected": SLOTS_PER_DAY})
        for index, code in enumerate(self.slots):
            if code not in codes:
                raise PricingError("unknown_slot_tier", {"tier": str(code)[:80], "slot": slot_label(index)})
        object.__setattr__(self, "components", check_composition(self.components))
        object.__setattr__(self, "discounts", tuple(self.discounts))
        for profile, slots in (self.calendar.profiles if self.calendar else {}).items():
            for code in slots:
                if code not in codes:
                    raise PricingError("unknown_profile_tier", {"tier": str(code)[:80], "profile": profile})

    def slots_on(self, day: date) -> tuple[str, ...]:
        """Return the 48 tier codes of a local date."""
        found = self.calendar.slots_on(day) if self.calendar is not None else None
        return self.slots if found is None else found

    def tier_code_at(self, local: datetime) -> str:
        """Return the code of the tier that holds at a local time (in the tariff's zone)."""
        return self.slots_on(local.date())[(local.hour * 60 + local.minute) // SLOT_MINUTES]

    def on_profile(self, profile: str) -> TariffSnapshot:
        """Return the snapshot with one profile as every day: what a pile holds that knows no calendar."""
        if profile == USUAL_DAY or self.calendar is None:
            return replace(self, calendar=None)
        if profile not in self.calendar.profiles:
            raise PricingError("unknown_profile", {"profile": profile[:40]})
        return replace(self, slots=self.calendar.profiles[profile], calendar=None)

    def component(self, kind: str) -> Component | None:
        """Return the component of a kind, or None."""
        return next((one for one in self.components if one.kind == kind), None)

    def tier(self, code: str) -> Tier:
        """Return the tier called `code`; PricingError `unknown_tier`."""
        for tier in self.tiers:
            if tier.code == code:
                return tier
        raise PricingError("unknown_tier", {"tier": str(code)[:80]})

    def used_tiers(self) -> tuple[str, ...]:
        """Return the codes that at least one half-hour of any profile uses, in the order of `tiers`."""
        used = set(self.slots)
        for slots in (self.calendar.profiles if self.calendar else {}).values():
            used |= set(slots)
        return tuple(tier.code for tier in self.tiers if tier.code in used)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict; prices are strings, so nothing passes through a float.

        What a tariff does not have is not written: a tariff of energy alone reads as it always did.
        """
        data: dict[str, Any] = {
            "version_id": self.version_id,
            "code": self.code,
            "name": self.name,
            "zone": self.zone,
            "tiers": [
                {
                    "code": tier.code,
                    "electricity_price": as_text(tier.electricity_price),
                    "service_price": as_text(tier.service_price),
                }
                for tier in self.tiers
            ],
            "slots": list(self.slots),
        }
        if self.components:
            data["components"] = [one.to_json() for one in self.components]
        if self.calendar is not None:
            data["calendar"] = self.calendar.to_json()
        if self.discounts:
            data["discounts"] = [rule.to_json() for rule in self.discounts]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TariffSnapshot:
        """Return the snapshot that `to_json` wrote; PricingError for anything else."""
        try:
            tiers = tuple(
                Tier(
                    code=row["code"],
                    electricity_price=from_text(row["electricity_price"], "electricity_price"),
                    service_price=from_text(row["service_price"], "service_price"),
                )
                for row in data["tiers"]
            )
            return cls(
                version_id=data["version_id"],
                code=data["code"],
                name=data["name"],
                zone=data["zone"],
                tiers=tiers,
                slots=tuple(data["slots"]),
                components=tuple(component_from_json(row) for row in data.get("components", ())),
                calendar=Calendar.from_json(data["calendar"]) if "calendar" in data else None,
                discounts=tuple(DiscountRule.from_json(row) for row in data.get("discounts", ())),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise PricingError("bad_snapshot", {"field": str(error)[:80]}) from None


def slot_label(index: int) -> str:
    """Return the local start of slot `index` as HH:MM."""
    hours, minutes = divmod(index * SLOT_MINUTES, 60)
    return f"{hours:02d}:{minutes:02d}"


def wire_mapping(snapshot: TariffSnapshot, max_tiers: int = 4) -> tuple[str | None, ...]:
    """Return which tier each of a pile's `max_tiers` price positions carries (index = wire value).

    Positions are sharp, peak, flat, valley (YKC V1.6, frame 0x0A), then deep valley where a pile has room
    for five. A tier of such a name keeps its own position; any other tier that a half-hour uses takes the
    first free one. A tier that no half-hour uses stays only when its own position is left over.
    None marks an empty position. PricingError `too_many_tiers` when the used tiers do not fit.
    """
    own = {code: index for index, code in enumerate(WIRE_ORDER[:max_tiers])}
    positions: list[str | None] = [None] * max_tiers
    used = snapshot.used_tiers()
    if len(used) > max_tiers:
        raise PricingError("too_many_tiers", {"count": len(used), "limit": max_tiers})
    for code in used:
        if code in own:
            positions[own[code]] = code
    for code in used:
        if code not in own:
            positions[positions.index(None)] = code
    for tier in snapshot.tiers:
        if tier.code in own and positions[own[tier.code]] is None:
            positions[own[tier.code]] = tier.code
    return tuple(positions)


def wire_slots(snapshot: TariffSnapshot, max_tiers: int = 4) -> tuple[int, ...]:
    """Return the 48 wire values that point each half-hour at its position in `wire_mapping`."""
    positions = wire_mapping(snapshot, max_tiers)
    return tuple(positions.index(code) for code in snapshot.slots)
