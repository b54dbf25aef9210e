"""Transaction records: stored raw under their business identity, then offered to whoever owns the money."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F

from devices import events
from devices.locks import lock_piles
from devices.models import TransactionRecord
from kernel import clock
from kernel.runtime.rows import insert_rows

MAX_CONFLICTS_KEPT = 20
_COPIED = (
    "connector_no",
    "protocol",
    "identity",
    "transaction_ref",
    "started_at",
    "ended_at",
    "energy_kwh",
    "meter_start_kwh",
    "meter_end_kwh",
    "device_amount",
    "charged_s",
    "peak_w",
    "stop_reason",
    "stop_code",
    "start_method",
    "id_tag",
    "raw",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTransaction:
    """A finished session in the platform's words; energies in kWh, `device_amount` in yuan.

    `charged_s` is how long energy flowed, without pauses and power cuts, where the pile counts it.

    `tiers` holds, per wire tier (sharp, peak, flat, valley), `price`, `energy_kwh`, `loss_energy_kwh` and
    `amount` as text; empty when the protocol has no tiers.
    """

    connector_no: int
    protocol: str
    identity: str
    transaction_ref: str
    started_at: datetime | None
    ended_at: datetime | None
    energy_kwh: Decimal | None
    meter_start_kwh: Decimal | None = None
    meter_end_kwh: Decimal | None = None
    device_amount: Decimal | None = None
    charged_s: int | None = None
    peak_w: int | None = None
    tiers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    stop_reason: str = ""
    stop_code: str = ""
    start_method: str = ""
    id_tag: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    raw: str = ""

    def fingerprint(self) -> str:
        """Digest of the content that decides money; message ids and checksums do not belong to it."""
        content = [
            self.transaction_ref,
            self.connector_no,
            self.started_at,
            self.ended_at,
            self.energy_kwh,
            self.meter_start_kwh,
            self.meter_end_kwh,
            self.device_amount,
            self.tiers,
            # Only where there is one, so that records of before this field keep their digest.
            *([self.charged_s] if self.charged_s is not None else []),
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def stored_times(identity: str) -> tuple[datetime | None, datetime | None] | None:
    """Start and end of the record of this identity; None when there is none yet.

    For protocols whose records carry no times of their own: a repeat must not look like other content.
    """
    return TransactionRecord.objects.filter(identity=identity).values_list("started_at", "ended_at").first()


def store_record(*, pile: events.PileRef, reported: ReportedTransaction) -> TransactionRecord:
    """Store a record once per identity and publish `TransactionReported`, all in one transaction.

    When this returns, the caller may tell the pile that the record is kept.
    """
    with transaction.atomic():
        new, _again = _store_new([(pile, reported)])
        return new.get(reported.identity) or _store_again(pile, reported)


def store_records(given: Sequence[tuple[events.PileRef, ReportedTransaction]]) -> None:
    """`store_record` for a burst: what is new in one transaction, each repeat in one of its own after it.

    Nothing is stored when it raises but, where the trouble came late, what a repeat of the call finds as stored.
    """
    with transaction.atomic():
        _new, again = _store_new(given)
    for pile, reported in again:
        with transaction.atomic():
            _store_again(pile, reported)


def _store_new(
    given: Sequence[tuple[events.PileRef, ReportedTransaction]],
) -> tuple[dict[str, TransactionRecord], list[tuple[events.PileRef, ReportedTransaction]]]:
    """Store the records whose identity is new; returns them by identity, and what is not new."""
    now = clock.now()
    # The piles' rows serialise their records, so two copies arriving at once cannot both be first.
    lock_piles(pile.id for pile, _reported in given)
    rows = TransactionRecord.objects.filter(identity__in=[reported.identity for _pile, reported in given])
    known = set(rows.values_list("identity", flat=True))
    new: dict[str, tuple[events.PileRef, TransactionRecord]] = {}
    again = []
    for pile, reported in given:
        if reported.identity in known or reported.identity in new:
            again.append((pile, reported))
        else:
            new[reported.identity] = pile, _row(pile, reported, now)
    if new:
        insert_rows([record for _pile, record in new.values()])
        events.publish_together(
            [events.TransactionReported(pile=pile, at=now, record=record) for pile, record in new.values()]
        )
    return {identity: record for identity, (_pile, record) in new.items()}, again


def _store_again(pile: events.PileRef, reported: ReportedTransaction) -> TransactionRecord:
    """Count a repeat, and keep what it says when that is something else; in the caller's transaction."""
    now, digest = clock.now(), reported.fingerprint()
    lock_piles([pile.id])
    record = TransactionRecord.objects.get(identity=reported.identity)
    conflicting = record.fingerprint != digest
    changes: dict[str, Any] = {"times_received": F("times_received") + 1}
    known = {conflict["fingerprint"] for conflict in record.conflicts}
    if conflicting and digest not in known and len(known) < MAX_CONFLICTS_KEPT:
        changes["conflicts"] = [
            *record.conflicts,
            {"fingerprint": digest, "received_at": now.isoformat(), "raw": reported.raw},
        ]
    TransactionRecord.objects.filter(pk=record.pk).update(**changes)
    record.refresh_from_db()
    events.publish(
        events.TransactionReported(pile=pile, at=now, record=record, repeated=True, conflicting=conflicting)
    )
    return record


def _row(pile: events.PileRef, reported: ReportedTransaction, now: datetime) -> TransactionRecord:
    return TransactionRecord(
        operator_id=pile.operator_id,
        station_id=pile.station_id,
        pile_id=pile.id,
        fingerprint=reported.fingerprint(),
        received_at=now,
        tiers=dict(reported.tiers),
        payload=dict(reported.payload),
        **{name: getattr(reported, name) for name in _COPIED},
    )
