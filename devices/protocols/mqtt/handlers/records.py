"""Transaction records and running totals of cash: committed first, acknowledged after (docs/protocols/mqtt.md)."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from devices import events
from devices.events import PileRef
from devices.gateway.pile_consumer import to_json
from devices.protocols.mqtt.held import HeldDevice
from devices.services import income as cash
from devices.services import records, status
from devices.services.records import ReportedTransaction
from kernel import clock
from kernel.runtime.dbpool import in_database


async def record(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """A finished charge. What could not be read in it is kept raw; a person looks at a record without times."""
    await consumer.buffers.flush_samples()
    reported = reported_transaction(
        held.pile,
        body,
        raw,
        started_at=consumer.moment_or_none(body, "started_at"),
        ended_at=consumer.moment_or_none(body, "ended_at"),
    )
    memory = held.port(reported.connector_no)
    proven = memory.running_ref == reported.transaction_ref
    await in_database(store, held.pile, reported, proven=proven)
    if proven:
        memory.running_ref = ""


async def income(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """What the box took in coins and offline cards since ever, in fen; the differences are booked by the money floor."""
    await in_database(
        cash.report_income,
        pile=held.pile,
        at=consumer.moment(body),
        coins_fen_total=body.get("coins_fen_total"),
        cards_fen_total=body.get("cards_fen_total"),
        coins_total=body.get("coins_total"),
        cards_total=body.get("cards_total"),
    )


def store(pile: PileRef, reported: ReportedTransaction, *, proven: bool) -> None:
    """Store the record; the first one names its transaction to an order that never heard of it (not `proven`)."""
    ref = reported.transaction_ref
    if ref and not proven and records.stored_times(reported.identity) is None:
        status.charge_started(
            events.ChargeStarted(
                pile=pile,
                connector_no=reported.connector_no,
                at=reported.started_at or clock.now(),
                transaction_ref=ref,
                id_tag=ref,
            )
        )
    records.store_record(pile=pile, reported=reported)


def identity_of(pile_code: str, body: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    """The business identity: device and transaction; without one, its content except ids of the sending."""
    if "transaction" in body:
        return f"mqtt:{pile_code}:{body['transaction']}"[:160]
    content = {name: value for name, value in raw.items() if name not in ("id", "session", "at")}
    digest = hashlib.sha256(json.dumps(to_json(content), sort_keys=True).encode()).hexdigest()[:32]
    return f"mqtt:{pile_code}:~{digest}"[:160]


def reported_transaction(
    pile: PileRef, body: Mapping[str, Any], raw: Mapping[str, Any], *, started_at: Any, ended_at: Any
) -> ReportedTransaction:
    """A record in the platform's words; it has one energy and no prices."""

    def decimal(name: str) -> Decimal | None:
        return Decimal(body[name]).quantize(Decimal("0.0001")) if name in body else None

    payload = {name: to_json(value) for name, value in raw.items() if name != "session"}
    return ReportedTransaction(
        connector_no=body.get("port", 0),
        protocol="mqtt",
        identity=identity_of(pile.code, body, raw),
        transaction_ref=body.get("transaction", ""),
        started_at=started_at,
        ended_at=ended_at,
        energy_kwh=decimal("energy_kwh"),
        meter_start_kwh=decimal("meter_start_kwh"),
        meter_end_kwh=decimal("meter_end_kwh"),
        device_amount=decimal("amount_yuan"),
        stop_reason=body.get("stop_reason", ""),
        start_method=body.get("method", ""),
        id_tag=body.get("tag", ""),
        charged_s=body.get("charged_s"),
        peak_w=None if "peak_w" not in body else round(Decimal(body["peak_w"])),
        payload=payload,
        raw=json.dumps(payload, ensure_ascii=False, sort_keys=True),
    )
