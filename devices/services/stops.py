"""The end of transactions that the platform numbers: which one a stop means, and its record.

OCPP 1.6 stops name a number only. Stations that started offline never learnt it and say 0 or −1; others send a
number of somebody else. What cannot be matched becomes a record of its own, for a person to look at.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from devices import events
from devices.locks import lock_pile
from devices.models import DeviceTransaction, TransactionRecord
from devices.services import profiles
from devices.services.curves import samples_of
from devices.services.records import ReportedTransaction, store_record
from kernel import clock


@dataclass(frozen=True, slots=True)
class TransactionState:
    """A transaction as the gateway needs it to go on after a restart.

    `energy_kwh` and `register_kwh` are those of the last stored sample at `at`, or of the start; a start that
    told no register has None.
    """

    number: int
    ref: str
    connector_no: int
    ended: bool
    energy_kwh: Decimal
    register_kwh: Decimal | None
    at: datetime
    id_tag: str
    meter_start_kwh: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedStop:
    """A StopTransaction; None for what could not be read."""

    number: int | None
    ended_at: datetime | None
    meter_end_kwh: Decimal | None
    id_tag: str
    reason: str
    payload: Mapping[str, Any]
    raw: str


def unknown_ref(number: int | None) -> str:
    """How a transaction number that is not this pile's is written; it matches no order."""
    return f"unknown:{'' if number is None else number}"[:64]


def transaction_state(
    *, pile_id: int, number: int | None, connector_no: int | None
) -> TransactionState | None:
    """The transaction a meter message means; 0, −1 or no number is the open one on the connector."""
    rows = DeviceTransaction.objects.filter(pile_id=pile_id)
    if number is not None and number > 0:
        row = rows.filter(pk=number).first()
    else:
        row = rows.filter(connector_no=connector_no or 0, ended_at__isnull=True).order_by("-pk").first()
    return None if row is None else state_of_row(row)


def match_stop(*, pile_id: int, stop: ReportedStop) -> TransactionState | None:
    """The transaction of this pile that a stop ends, or ended before; None when there is none, or no single one.

    Without a usable number: the one that ended by this very stop, else the open one that began before it, by the
    same tag when there is one. Two connectors that could be meant are no match.
    """
    row = _match(pile_id, stop)
    return None if row is None else state_of_row(row)


def store_stop(*, pile: events.PileRef, stop: ReportedStop) -> TransactionRecord:
    """End the transaction and store its record, once; a stop that fits none gets a record of its own."""
    with transaction.atomic():
        lock_pile(pile.id)
        row = _match(pile.id, stop)
        if row is None:
            return store_record(pile=pile, reported=_unmatched(pile, stop))
        if row.ended_at is None:
            profiles.transaction_ended(pile_id=pile.id, transaction_ref=row.ref)
            row.ended_at = stop.ended_at or clock.now()
            row.meter_end_kwh, row.stop_reason = stop.meter_end_kwh, stop.reason
            row.save(update_fields=["ended_at", "meter_end_kwh", "stop_reason"])
        return store_record(pile=pile, reported=_matched(row, stop))


def _match(pile_id: int, stop: ReportedStop) -> DeviceTransaction | None:
    rows = DeviceTransaction.objects.filter(pile_id=pile_id)
    if stop.number is not None and stop.number > 0:
        return rows.filter(pk=stop.number).first()
    if stop.ended_at is None or stop.meter_end_kwh is None:
        return None
    before = rows.filter(ended_at=stop.ended_at, meter_end_kwh=stop.meter_end_kwh).order_by("-pk").first()
    if before is not None:
        return before
    candidates = list(
        rows.filter(
            meter_start_kwh__lte=stop.meter_end_kwh, started_at__lte=stop.ended_at, ended_at__isnull=True
        ).order_by("-pk")[:100]
    )
    same_tag = [row for row in candidates if stop.id_tag and row.id_tag == stop.id_tag]
    candidates = same_tag or candidates
    if len({row.connector_no for row in candidates}) != 1:
        return None
    return candidates[0]


def state_of_row(row: DeviceTransaction) -> TransactionState:
    """Where a transaction stands by its last stored sample."""
    last = (
        samples_of(pile_id=row.pile_id, transaction_ref=row.ref, since=row.started_at)
        .filter(energy_kwh__isnull=False, register_kwh__isnull=False)
        .order_by("-at", "-id")
        .first()
    )
    return TransactionState(
        number=row.pk,
        ref=row.ref,
        connector_no=row.connector_no,
        ended=row.ended_at is not None,
        energy_kwh=Decimal(0) if last is None else last.energy_kwh,
        register_kwh=row.meter_start_kwh if last is None else last.register_kwh,
        at=row.started_at if last is None else last.at,
        id_tag=row.id_tag,
        meter_start_kwh=row.meter_start_kwh,
    )


def _matched(row: DeviceTransaction, stop: ReportedStop) -> ReportedTransaction:
    energy = None if stop.meter_end_kwh is None else stop.meter_end_kwh - row.meter_start_kwh
    return ReportedTransaction(
        connector_no=row.connector_no,
        protocol="ocpp16",
        identity=row.identity,
        transaction_ref=row.ref,
        started_at=row.started_at,
        ended_at=stop.ended_at,
        energy_kwh=energy,
        meter_start_kwh=row.meter_start_kwh,
        meter_end_kwh=stop.meter_end_kwh,
        stop_reason=stop.reason,
        id_tag=row.id_tag,
        payload=stop.payload,
        raw=stop.raw,
    )


def _unmatched(pile: events.PileRef, stop: ReportedStop) -> ReportedTransaction:
    ref = unknown_ref(stop.number)
    said: list[object] = [stop.ended_at and stop.ended_at.isoformat(), stop.meter_end_kwh, stop.id_tag]
    if None in (stop.number, stop.ended_at, stop.meter_end_kwh):
        # What cannot be read still tells two of them apart.
        said.append(hashlib.sha256(json.dumps(stop.payload, sort_keys=True).encode()).hexdigest()[:16])
    return ReportedTransaction(
        connector_no=0,
        protocol="ocpp16",
        identity=":".join(["ocpp16", pile.code, ref, *(str(part) for part in said)])[:160],
        transaction_ref=ref,
        started_at=None,
        ended_at=stop.ended_at,
        energy_kwh=None,
        meter_end_kwh=stop.meter_end_kwh,
        stop_reason=stop.reason,
        id_tag=stop.id_tag,
        payload=stop.payload,
        raw=stop.raw,
    )
