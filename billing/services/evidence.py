"""From what was stored of a session to its bill: the only way an order is ever priced.

The evidence names its `basis`:
    record_tiers: energies by price position in the pile's own record (YKC 3B).
    readings: cumulative readings between the start and the end of a transaction (OCPP).
    samples: readings of the live samples, settled by a person because no record could be used.
    meter: the energy that a person took from the pile's meter, spread over time by the live samples.
    zero: a person decided that nothing is charged.

Where the tariff asks for more, the evidence also keeps `started_at` and `ended_at` (time has a price), `power`
(moments and watts, power has a price) and, beside a pile's tier energies, `readings` (a discount holds in part of
the day). A pile that counts by another price than the order's (a driver with a price of their own, YKC) is checked
by its own and billed by readings.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from billing.models import ChargingOrder
from billing.pricing import (
    NOTE,
    REVIEW,
    Bill,
    Finding,
    PricingError,
    TariffSnapshot,
    Usage,
    charge,
    check_record,
    needs_review,
    power_changes,
    price,
    split_by_slot,
    tier_energy_from_wire,
    wire_mapping,
)
from billing.pricing.register import SAMPLE_LAG, energy_limit_kwh
from billing.services.deadlines import pauses_of
from devices.models import MeterSample, TransactionRecord

COUNTED_EXACTLY = timedelta(seconds=60)  # a box counts its seconds a little otherwise than our clock
WIRE_TIERS = ("sharp", "peak", "flat", "valley")
Reading = tuple[datetime, Decimal]


def snapshot_of_order(order: ChargingOrder) -> TariffSnapshot:
    """The order's frozen tariff; many orders share one, so it is read from its text once."""
    read: tuple[Any, TariffSnapshot] | None = order.__dict__.get("_tariff_read")
    if read is None or read[0] is not order.tariff_snapshot:
        read = order.tariff_snapshot, _snapshot(json.dumps(order.tariff_snapshot))
        order.__dict__["_tariff_read"] = read
    return read[1]


def held_of_order(order: ChargingOrder) -> TariffSnapshot | None:
    """What the pile itself counts by, where that is not the order's own tariff."""
    return None if order.held_snapshot is None else _snapshot(json.dumps(order.held_snapshot))


@lru_cache(maxsize=512)
def _snapshot(text: str) -> TariffSnapshot:
    return TariffSnapshot.from_json(json.loads(text))


def from_record(
    order: ChargingOrder, record: TransactionRecord
) -> tuple[dict[str, Any], list[Finding], Bill | None]:
    """The evidence of a record, what the plausibility gate found in it, and the bill if nothing asks for a person.

    Evidence without a basis means that the record cannot be priced; there is then a finding for a person.
    """
    if record.energy_kwh is None or record.started_at is None or record.ended_at is None:
        return {"record": record.pk}, [Finding("record_incomplete", REVIEW, {})], None
    held = held_of_order(order)
    snapshot = held or snapshot_of_order(order)  # what the pile counted by
    arguments: dict[str, Any] = {}
    evidence: dict[str, Any] = {"record": record.pk}
    findings: list[Finding] = []
    if record.tiers:
        try:
            arguments = _tier_arguments(snapshot, record, priced=not order.is_free)
            evidence["basis"] = "record_tiers"
        except (PricingError, ArithmeticError, KeyError) as error:
            reason = error.code if isinstance(error, PricingError) else "unreadable"
            findings.append(Finding("cannot_price", REVIEW, {"reason": reason}))
    if not record.tiers or (held is not None and "basis" in evidence):
        evidence["basis"] = "readings"
    if evidence.get("basis") == "readings" or _has_windows(order):
        evidence["readings"] = _as_json(readings_between(order, record))
    evidence |= _times(order, record.started_at, record.ended_at, charged_s=record.charged_s)
    findings += check_record(
        snapshot=snapshot,
        energy_kwh=record.energy_kwh,
        started_at=record.started_at,
        ended_at=record.ended_at,
        rated_power_kw=order.pile.rated_power_kw,
        meter_start=record.meter_start_kwh,
        meter_end=record.meter_end_kwh,
        device_amount=record.device_amount if record.tiers and not order.is_free else None,
        session_started_at=order.created_at,
        session_ended_at=order.ended_at,
        received_at=record.received_at,
        telemetry_kwh=order.energy_kwh if order.last_sample_at else None,
        last_sample_at=order.last_sample_at,
        **arguments,
    )
    if "basis" not in evidence or needs_review(findings):
        return evidence, findings, None
    bill, found = _priced(order, evidence, record, arguments.get("energy_by_tier"))
    return evidence, findings + found, bill


def from_samples(order: ChargingOrder) -> dict[str, Any]:
    """The evidence of the live samples alone; no readings when there never was one."""
    start = order.started_at or order.created_at
    readings = _monotone(order, [(start, Decimal(0)), *_sample_readings(order)], limit=order.energy_kwh)
    return {
        "basis": "samples",
        "readings": _as_json(_compact(readings, order)),
        **_times(order, start, max(order.ended_at or readings[-1][0], start)),
    }


def from_meter(order: ChargingOrder, energy_kwh: Decimal) -> dict[str, Any]:
    """The evidence of an energy that the pile's meter shows for a session, by a person's reading."""
    start = order.started_at or order.created_at
    end = max(order.ended_at or start, start)
    inside = [
        reading
        for reading in _sample_readings(order)
        if start < reading[0] < end and reading[1] <= energy_kwh
    ]
    readings = _monotone(order, [(start, Decimal(0)), *inside], limit=energy_kwh)
    readings.append((end, energy_kwh))
    return {"basis": "meter", "readings": _as_json(_compact(readings, order)), **_times(order, start, end)}


def bill_of(order: ChargingOrder, evidence: Mapping[str, Any]) -> Bill:
    """Price evidence under the order's frozen tariff. PricingError or KeyError when it cannot be priced."""
    return charge(snapshot_of_order(order), usage_of(order, evidence))


def usage_of(
    order: ChargingOrder, evidence: Mapping[str, Any], energies: Mapping[str, Decimal] | None = None
) -> Usage:
    """What the evidence says was used, as the pricing engine takes it.

    `energies` are those of the record's tiers, when the caller has read them by the order's own tariff already.
    """
    snapshot = snapshot_of_order(order)
    basis = evidence["basis"]
    if basis == "zero":
        return Usage()
    if basis not in ("record_tiers", "readings", "samples", "meter"):
        raise KeyError(basis)
    segments = None
    if "readings" in evidence:
        readings = [(datetime.fromisoformat(at), Decimal(kwh)) for at, kwh in evidence["readings"]]
        segments = split_by_slot(readings, snapshot.zone)
    if basis != "record_tiers":
        energies = None
    elif energies is None:
        record = order.record
        if record is None or record.pk != evidence["record"]:
            record = TransactionRecord.objects.unscoped("evidence of the order").get(pk=evidence["record"])
        energies = _tier_arguments(snapshot, record, priced=False)["energy_by_tier"]
    return Usage(
        segments=segments,
        energy_by_tier=energies,
        started_at=datetime.fromisoformat(evidence["started_at"]) if "started_at" in evidence else None,
        ended_at=datetime.fromisoformat(evidence["ended_at"]) if "ended_at" in evidence else None,
        power=points_from_json(evidence.get("power", ())),
        package_fen=order.package_fen,
        further_packages_fen=tuple(order.further_packages),
        pauses=spans_from_json(evidence.get("pauses", ())),
    )


def spans_from_json(rows: Iterable[Any]) -> tuple[tuple[datetime, datetime], ...]:
    """[[ISO moment, ISO moment]] as spans of time."""
    return tuple((datetime.fromisoformat(since), datetime.fromisoformat(until)) for since, until in rows)


def points_from_json(rows: Iterable[Any]) -> tuple[tuple[datetime, int], ...]:
    """[[ISO moment, watts]] as the engine's points of power."""
    return tuple((datetime.fromisoformat(at), watts) for at, watts in rows)


def recompute(order: ChargingOrder) -> Bill:
    """The bill of a settled order, computed again from stored evidence and the frozen tariff alone."""
    return bill_of(order, order.evidence)


def doubt_of(order: ChargingOrder, previous: Reading, new: Reading) -> str | None:
    """Why a reading cannot follow another one: `late`, `backwards` or `jump`; None when it can."""
    if new[0] < previous[0]:
        return "late"
    if new[1] < previous[1]:
        return "backwards"
    allowed = energy_limit_kwh(order.pile.rated_power_kw, new[0] - previous[0] + SAMPLE_LAG)
    return "jump" if new[1] - previous[1] > allowed else None


def readings_between(order: ChargingOrder, record: TransactionRecord) -> list[Reading]:
    """Readings from the record's start to its end: its own two registers and the samples between them."""
    inside = [
        (at, energy)
        for at, energy in _sample_readings(order)
        if record.started_at < at < record.ended_at and energy <= record.energy_kwh
    ]
    readings = _monotone(order, [(record.started_at, Decimal(0)), *inside], limit=record.energy_kwh)
    if record.ended_at >= record.started_at and record.energy_kwh >= 0:
        readings.append((record.ended_at, record.energy_kwh))
    return _compact(readings, order)


def _as_json(readings: Iterable[Reading]) -> list[list[str]]:
    return [[at.isoformat(), str(energy)] for at, energy in readings]


def _has_windows(order: ChargingOrder) -> bool:
    return any(rule.window is not None for rule in snapshot_of_order(order).discounts)


def _times(
    order: ChargingOrder, started_at: datetime, ended_at: datetime, *, charged_s: int | None = None
) -> dict[str, Any]:
    """What a tariff with components needs beside the energy; nothing for one of energy alone.

    Time in which the port stood still does not count: the pauses it told, and what a box that counts its own time
    (`charged_s`) says it did not charge beyond them.
    """
    snapshot = snapshot_of_order(order)
    if not snapshot.components:
        return {}
    times: dict[str, Any] = {"started_at": started_at.isoformat(), "ended_at": ended_at.isoformat()}
    if snapshot.component("power") is not None:
        points = power_changes(snapshot, _power_readings(order, started_at, ended_at))
        times["power"] = [[at.isoformat(), watts] for at, watts in points]
    pauses = [
        (max(since, started_at), min(until, ended_at))
        for since, until in pauses_of(order, ended_at)
        if since < ended_at and until > started_at
    ]
    if charged_s is not None:
        told = sum((until - since for since, until in pauses), timedelta())
        untold = ended_at - started_at - told - timedelta(seconds=charged_s)
        if untold > COUNTED_EXACTLY:
            pauses.append((max(ended_at - untold, started_at), ended_at))
    if pauses:
        times["pauses"] = [[since.isoformat(), until.isoformat()] for since, until in pauses]
    return times


def _power_readings(
    order: ChargingOrder, started_at: datetime, ended_at: datetime
) -> list[tuple[datetime, int]]:
    if not order.transaction_ref:
        return []
    samples = MeterSample.objects.unscoped("evidence of the order").filter(
        pile_id=order.pile_id,
        transaction_ref=order.transaction_ref,
        power_kw__isnull=False,
        at__gte=started_at,
        at__lte=ended_at,
    )
    rows = samples.order_by("at", "pk").values_list("at", "power_kw")
    return [(at, int(power * 1000)) for at, power in rows]


def _tier_arguments(
    snapshot: TariffSnapshot, record: TransactionRecord, *, priced: bool = True
) -> dict[str, Any]:
    """The record's four price positions as tiers of the snapshot, ready for `check_record`.

    Not `priced` leaves out what the pile would have charged: of a free session its prices are of no account.
    """
    rows = [record.tiers.get(name, {}) for name in WIRE_TIERS]
    energies = [Decimal(row.get("energy_kwh", "0")) for row in rows]
    positions = wire_mapping(snapshot)
    named = [(code, row) for code, row in zip(positions, rows, strict=True) if code is not None and priced]
    return {
        "energy_by_tier": tier_energy_from_wire(snapshot, energies),
        "device_unit_prices": {code: Decimal(row["price"]) for code, row in named if "price" in row},
        "device_amount_by_tier": {code: Decimal(row["amount"]) for code, row in named if "amount" in row},
    }


def _priced(
    order: ChargingOrder,
    evidence: Mapping[str, Any],
    record: TransactionRecord,
    energies: Mapping[str, Decimal] | None,
) -> tuple[Bill | None, list[Finding]]:
    """The bill of the evidence, or that it has none; and a note when the pile's amount is not ours to the fen.

    The pile knows energy alone (`energies`, None without tiers), so it is compared with what the energy costs at
    the price it holds.
    """
    held = held_of_order(order)
    snapshot = snapshot_of_order(order)
    try:
        bill = charge(snapshot, usage_of(order, evidence, energies if held is None else None))
        expected = price(held or snapshot, energies).total_fen if energies is not None else 0
    except (PricingError, ArithmeticError) as error:
        return None, [Finding("cannot_price", REVIEW, {"reason": getattr(error, "code", "unreadable")})]
    if record.device_amount is None or energies is None or order.is_free:
        return bill, []
    if record.device_amount * 100 == expected:
        return bill, []
    note = {"device_amount": str(record.device_amount), "our_amount": f"{expected / 100:.2f}"}
    return bill, [Finding("amount_rounded", NOTE, note)]


def _sample_readings(order: ChargingOrder) -> list[Reading]:
    if not order.transaction_ref:
        return []
    samples = MeterSample.objects.unscoped("evidence of the order").filter(
        pile_id=order.pile_id,
        transaction_ref=order.transaction_ref,
        energy_kwh__isnull=False,
        suspect="",
    )
    return list(samples.order_by("at", "pk").values_list("at", "energy_kwh"))


def _monotone(order: ChargingOrder, readings: Iterable[Reading], *, limit: Decimal) -> list[Reading]:
    """Readings that rise plausibly and never pass `limit`; what does not is left out."""
    kept: list[Reading] = []
    for reading in readings:
        if reading[1] <= limit and (not kept or doubt_of(order, kept[-1], reading) is None):
            kept.append(reading)
    return kept


def _compact(readings: list[Reading], order: ChargingOrder) -> list[Reading]:
    """Only the readings on either side of a half-hour's edge: the split they give is the same to the digit."""
    zone = ZoneInfo(snapshot_of_order(order).zone)
    slots = [_slot(at, zone) for at, _energy in readings]
    last = len(readings) - 1
    return [
        reading
        for index, reading in enumerate(readings)
        if index in (0, last) or not slots[index - 1] == slots[index] == slots[index + 1]
    ]


def _slot(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    start = local.replace(minute=local.minute - local.minute % 30, second=0, microsecond=0)
    return start.isoformat()
