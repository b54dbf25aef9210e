"""The gate before pricing: what must hold before a device's record may move anyone's money.

Each check is one function that returns findings and never raises over what a device said. A finding of
severity `review` keeps the order waiting for a person; nothing is corrected silently.
Sources: YKC V1.6 frame 0x3B and its platform rules; JJG 1148-2022 and JJG 1149-2022 for clock tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from .errors import PricingError
from .findings import NOTE, REVIEW, Finding, needs_review
from .price import price
from .register import REGISTER_STEP_KWH, RegisterRun, energy_limit_kwh
from .scale import is_quantity, shown
from .tariff import TariffSnapshot

__all__ = [
    "Finding",
    "RegisterRun",
    "check_amounts",
    "check_clock",
    "check_energy",
    "check_record",
    "check_register",
    "check_telemetry",
    "check_tier_sum",
    "check_unit_prices",
    "needs_review",
]

TIER_SUM_TOLERANCE_KWH = Decimal("0.001")
REGISTER_TOLERANCE_RATIO = Decimal("0.005")
TELEMETRY_TOLERANCE_KWH = Decimal("0.1")
TELEMETRY_TOLERANCE_RATIO = Decimal("0.02")
AMOUNT_TOLERANCE = Decimal("0.01")  # yuan per tier: some chargers cut each tier's amount to whole fen
CLOCK_TOLERANCE = timedelta(minutes=3)


def check_energy(
    energy_kwh: Decimal, started_at: datetime, ended_at: datetime, rated_power_kw: Decimal | None
) -> list[Finding]:
    """Check that the energy is not negative, ends after it starts, and is within rated power × time.

    Findings `energy_not_a_number`, `negative_energy`, `end_before_start`, `rated_power_unknown`,
    `energy_above_power` (limit: see `register.energy_limit_kwh`). Energy 0 needs no rated power.
    """
    _require_aware(started_at, ended_at)
    if not is_quantity(energy_kwh):
        return [Finding("energy_not_a_number", REVIEW, {"value": shown(energy_kwh)})]
    if energy_kwh < 0:
        return [Finding("negative_energy", REVIEW, {"energy_kwh": shown(energy_kwh)})]
    if ended_at < started_at:
        return [
            Finding(
                "end_before_start",
                REVIEW,
                {"started_at": started_at.isoformat(), "ended_at": ended_at.isoformat()},
            )
        ]
    if energy_kwh == 0:
        return []
    if rated_power_kw is None or not rated_power_kw.is_finite() or rated_power_kw <= 0:
        return [Finding("rated_power_unknown", REVIEW, {"energy_kwh": shown(energy_kwh)})]
    limit = energy_limit_kwh(rated_power_kw, ended_at - started_at)
    if energy_kwh <= limit:
        return []
    return [
        Finding(
            "energy_above_power",
            REVIEW,
            {
                "energy_kwh": shown(energy_kwh),
                "limit_kwh": shown(limit),
                "rated_power_kw": shown(rated_power_kw),
                "seconds": str((ended_at - started_at) // timedelta(seconds=1)),
            },
        )
    ]


def check_register(
    energy_kwh: Decimal, meter_start: Decimal | None, meter_end: Decimal | None
) -> list[Finding]:
    """Check that the register did not run backwards and rose by the energy, ± max(0.01 kWh, 0.5 %).

    Findings `register_backwards`, `register_disagrees`; nothing when a register value is missing.
    """
    if meter_start is None or meter_end is None:
        return []
    for value in (meter_start, meter_end):
        if not is_quantity(value):
            return [Finding("register_not_a_number", REVIEW, {"value": shown(value)})]
    if meter_end < meter_start:
        return [
            Finding(
                "register_backwards",
                REVIEW,
                {"from_kwh": shown(meter_start), "to_kwh": shown(meter_end)},
            )
        ]
    rise = meter_end - meter_start
    tolerance = max(REGISTER_STEP_KWH, abs(energy_kwh) * REGISTER_TOLERANCE_RATIO)
    if abs(rise - energy_kwh) <= tolerance:
        return []
    return [
        Finding(
            "register_disagrees",
            REVIEW,
            {"register_kwh": shown(rise), "energy_kwh": shown(energy_kwh)},
        )
    ]


def check_tier_sum(energy_kwh: Decimal, energy_by_tier: Mapping[str, Decimal]) -> list[Finding]:
    """Check that tier energies are not negative and add up to the total ± 0.001 kWh.

    Findings `energy_not_a_number`, `negative_tier_energy`, `tier_sum_differs`.
    """
    findings: list[Finding] = []
    for code, energy in energy_by_tier.items():
        if not is_quantity(energy):
            return [Finding("energy_not_a_number", REVIEW, {"value": shown(energy)})]
        if energy < 0:
            findings.append(
                Finding("negative_tier_energy", REVIEW, {"tier": code, "energy_kwh": shown(energy)})
            )
    total = sum(energy_by_tier.values(), Decimal(0))
    if abs(total - energy_kwh) > TIER_SUM_TOLERANCE_KWH:
        findings.append(
            Finding("tier_sum_differs", REVIEW, {"sum_kwh": shown(total), "energy_kwh": shown(energy_kwh)})
        )
    return findings


def check_unit_prices(
    snapshot: TariffSnapshot,
    energy_by_tier: Mapping[str, Decimal],
    device_unit_prices: Mapping[str, Decimal],
) -> list[Finding]:
    """Check that the pile charged by the snapshot's prices (electricity + service), exactly.

    Findings `unit_price_differs` for a tier with energy, and as a note for a tier without; a price of 0
    on a tier without energy is no finding. `unknown_tier` for a tier that the snapshot does not have.
    """
    findings: list[Finding] = []
    known = {tier.code: tier for tier in snapshot.tiers}
    for code, device_price in device_unit_prices.items():
        used = bool(energy_by_tier.get(code))
        if code not in known:
            if used or device_price:
                findings.append(Finding("unknown_tier", REVIEW if used else NOTE, {"tier": code}))
            continue
        if not device_price.is_finite():
            findings.append(Finding("amount_not_a_number", REVIEW, {"value": shown(device_price)}))
            continue
        if device_price == known[code].unit_price or (not used and not device_price):
            continue
        findings.append(
            Finding(
                "unit_price_differs",
                REVIEW if used else NOTE,
                {
                    "tier": code,
                    "device_price": shown(device_price),
                    "our_price": shown(known[code].unit_price),
                },
            )
        )
    return findings


def check_amounts(
    snapshot: TariffSnapshot,
    energy_by_tier: Mapping[str, Decimal],
    device_amount_by_tier: Mapping[str, Decimal] | None,
    device_amount: Decimal | None,
) -> list[Finding]:
    """Check the pile's amounts (yuan) against ours: 0.01 per tier, and 0.01 × tiers for the sum.

    Findings `tier_amount_differs`, `amount_differs`, `amount_not_a_number`, or `cannot_price` when the energies have no price.
    """
    try:
        bill = price(snapshot, energy_by_tier)
    except PricingError as error:
        return [Finding("cannot_price", REVIEW, {"reason": error.code})]
    findings: list[Finding] = []
    ours = {line.tier: line.electricity + line.service for line in bill.lines}
    for amount in (*(device_amount_by_tier or {}).values(), device_amount):
        if amount is not None and not is_quantity(amount):
            return [Finding("amount_not_a_number", REVIEW, {"value": shown(amount)})]
    for code, amount in (device_amount_by_tier or {}).items():
        expected = ours.get(code, Decimal(0))
        if abs(amount - expected) > AMOUNT_TOLERANCE:
            findings.append(
                Finding(
                    "tier_amount_differs",
                    REVIEW,
                    {"tier": code, "device_amount": shown(amount), "our_amount": shown(expected)},
                )
            )
    total = sum(ours.values(), Decimal(0))
    if device_amount is not None and abs(device_amount - total) > AMOUNT_TOLERANCE * max(len(ours), 1):
        findings.append(
            Finding(
                "amount_differs",
                REVIEW,
                {"device_amount": shown(device_amount), "our_amount": shown(total)},
            )
        )
    return findings


def check_clock(
    started_at: datetime,
    ended_at: datetime,
    session_started_at: datetime | None,
    session_ended_at: datetime | None,
    received_at: datetime | None = None,
) -> list[Finding]:
    """Check the device's times against the platform's own session, ± 3 minutes.

    Findings `start_outside_session`, `end_outside_session`; also for a time later than the record's receipt.
    A session the platform never saw (an offline charge) has no times to compare and gives no finding.
    """
    moments = [started_at, ended_at, session_started_at, session_ended_at, received_at]
    _require_aware(*(moment for moment in moments if moment is not None))
    earliest = None if session_started_at is None else session_started_at - CLOCK_TOLERANCE
    bounds = [moment for moment in (session_ended_at, received_at) if moment is not None]
    latest = min(bounds) + CLOCK_TOLERANCE if bounds else None

    def outside(at: datetime) -> bool:
        return (earliest is not None and at < earliest) or (latest is not None and at > latest)

    def params(at: datetime) -> dict[str, str]:
        return {
            "at": at.isoformat(),
            "earliest": "" if earliest is None else earliest.isoformat(),
            "latest": "" if latest is None else latest.isoformat(),
        }

    findings: list[Finding] = []
    if outside(started_at):
        findings.append(Finding("start_outside_session", REVIEW, params(started_at)))
    if outside(ended_at):
        findings.append(Finding("end_outside_session", REVIEW, params(ended_at)))
    return findings


def check_telemetry(
    energy_kwh: Decimal,
    telemetry_kwh: Decimal | None,
    *,
    last_sample_at: datetime | None = None,
    ended_at: datetime | None = None,
    rated_power_kw: Decimal | None = None,
) -> list[Finding]:
    """Check that the record agrees with the last live sample within max(2 %, 0.1 kWh).

    With the sample's time, the record may be higher by what the rated power can add between the last sample
    and the end. Finding `telemetry_disagrees`; nothing without telemetry.
    """
    if telemetry_kwh is None or not is_quantity(telemetry_kwh):
        return []
    tolerance = max(TELEMETRY_TOLERANCE_KWH, abs(energy_kwh) * TELEMETRY_TOLERANCE_RATIO)
    unseen = Decimal(0)
    if last_sample_at is not None and ended_at is not None and rated_power_kw is not None:
        _require_aware(last_sample_at, ended_at)
        if ended_at > last_sample_at and rated_power_kw.is_finite() and rated_power_kw > 0:
            unseen = energy_limit_kwh(rated_power_kw, ended_at - last_sample_at)
    if telemetry_kwh - tolerance <= energy_kwh <= telemetry_kwh + max(tolerance, unseen):
        return []
    return [
        Finding(
            "telemetry_disagrees",
            REVIEW,
            {"energy_kwh": shown(energy_kwh), "telemetry_kwh": shown(telemetry_kwh)},
        )
    ]


def check_record(
    *,
    snapshot: TariffSnapshot,
    energy_kwh: Decimal,
    started_at: datetime,
    ended_at: datetime,
    rated_power_kw: Decimal | None,
    energy_by_tier: Mapping[str, Decimal] | None = None,
    meter_start: Decimal | None = None,
    meter_end: Decimal | None = None,
    device_unit_prices: Mapping[str, Decimal] | None = None,
    device_amount_by_tier: Mapping[str, Decimal] | None = None,
    device_amount: Decimal | None = None,
    session_started_at: datetime | None = None,
    session_ended_at: datetime | None = None,
    received_at: datetime | None = None,
    telemetry_kwh: Decimal | None = None,
    last_sample_at: datetime | None = None,
) -> list[Finding]:
    """Run every check that the evidence allows and return all findings; an empty list means: price it.

    Energies and registers in kWh, power in kW, prices in yuan per kWh, amounts in yuan, times aware.
    Evidence that is None was not reported. PricingError `naive_time` only for a caller's own mistake.
    """
    findings = check_energy(energy_kwh, started_at, ended_at, rated_power_kw)
    if any(finding.code == "energy_not_a_number" for finding in findings):
        return findings
    findings += check_register(energy_kwh, meter_start, meter_end)
    findings += check_clock(started_at, ended_at, session_started_at, session_ended_at, received_at)
    findings += check_telemetry(
        energy_kwh,
        telemetry_kwh,
        last_sample_at=last_sample_at,
        ended_at=ended_at,
        rated_power_kw=rated_power_kw,
    )
    if energy_by_tier is not None:
        tier_findings = check_tier_sum(energy_kwh, energy_by_tier)
        findings += tier_findings
        if not tier_findings:
            findings += check_unit_prices(snapshot, energy_by_tier, device_unit_prices or {})
            findings += check_amounts(snapshot, energy_by_tier, device_amount_by_tier, device_amount)
    return findings


def _require_aware(*moments: datetime) -> None:
    for at in moments:
        if at.tzinfo is None or at.utcoffset() is None:
            raise PricingError("naive_time", {"time": at.isoformat()})
