"""The pricing core: pure functions from energy and a frozen tariff to fen. No Django here, by contract.

`docs/pricing.md` explains the algorithm with worked examples that the tests recompute.
"""

from .errors import PricingError
from .findings import NOTE, REVIEW, Finding, needs_review
from .plausibility import check_record
from .price import (
    Bill,
    BillLine,
    allocate,
    estimate,
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
    "Finding",
    "PricingError",
    "RegisterRun",
    "TariffSnapshot",
    "Tier",
    "advance",
    "allocate",
    "check_record",
    "estimate",
    "needs_review",
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
