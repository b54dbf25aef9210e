"""The pricing core: pure functions from energy and a frozen tariff to fen. No Django here, by contract.

`docs/pricing.md` explains the algorithm with worked examples that the tests recompute.
"""

from .allocation import allocate
from .bill import Bill, BillLine, FeeLine
from .calendar import Calendar, DayRule
from .components import Component, component_from_json
from .discounts import DiscountLine, DiscountRule
from .engine import Usage, charge, estimate, foreseen, power_changes
from .errors import PricingError
from .findings import NOTE, REVIEW, Finding, needs_review
from .plausibility import check_record
from .price import (
    price,
    price_segments,
    tier_energy_from_segments,
    tier_energy_from_wire,
    with_loss,
)
from .register import RegisterRun
from .slots import advance, segments_from_json, segments_to_json, split_by_slot
from .tariff import TariffSnapshot, Tier, slot_label, wire_mapping, wire_slots

__all__ = [
    "NOTE",
    "REVIEW",
    "Bill",
    "BillLine",
    "Calendar",
    "Component",
    "DayRule",
    "DiscountLine",
    "DiscountRule",
    "FeeLine",
    "Finding",
    "PricingError",
    "RegisterRun",
    "TariffSnapshot",
    "Tier",
    "Usage",
    "advance",
    "allocate",
    "charge",
    "check_record",
    "component_from_json",
    "estimate",
    "foreseen",
    "needs_review",
    "power_changes",
    "price",
    "price_segments",
    "segments_from_json",
    "segments_to_json",
    "slot_label",
    "split_by_slot",
    "tier_energy_from_segments",
    "tier_energy_from_wire",
    "wire_mapping",
    "wire_slots",
    "with_loss",
]
