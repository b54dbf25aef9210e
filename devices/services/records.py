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
    now = clock.now()
    digest = reported.fingerprint()
    with transaction.atomic():
        # The pile's row serialises its records, so two copies arriving at once cannot both be first.
        lock_piles([pile.id])
        record = TransactionRecord.objects.filter(identity=reported.identity).first()
        repeated = record is not None
        conflicting = False
        if record is None:
            record = _row(pile, reported, digest, now)
            record.save(force_insert=True)
        else:
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
            events.TransactionReported(
                pile=pile, at=now, record=record, repeated=repeated, conflicting=conflicting
            )
        )
    return record


def store_records(given: Sequence[tuple[events.PileRef, ReportedTransaction]]) -> None:
    """`store_record` for a burst: what is new in one transaction, each repeat in one of its own after it.

    Nothing is stored when it raises but, where the trouble came late, what a repeat of the call finds as stored.
    """
    if len(given) > 1:
        given = _store_new(given)
    for pile, reported in given:
        store_record(pile=pile, reported=reported)


def _store_new(
    given: Sequence[tuple[events.PileRef, ReportedTransaction]],
) -> list[tuple[events.PileRef, ReportedTransaction]]:
    """Store the records whose identity is new; returns the others."""
    now = clock.now()
    with transaction.atomic():
        lock_piles(pile.id for pile, _reported in given)
        known = set(
            TransactionRecord.objects.filter(
                identity__in=[reported.identity for _pile, reported in given]
            ).values_list("identity", flat=True)
        )
        new: dict[str, tuple[events.PileRef, TransactionRecord]] = {}
        others = []
        for pile, reported in given:
            if reported.identity in known or reported.identity in new:
                others.append((pile, reported))
            else:
                new[reported.identity] = pile, _row(pile, reported, reported.fingerprint(), now)
        if new:
            insert_rows([record for _pile, record in new.values()])
            events.publish_together(
                [
                    events.TransactionReported(pile=pile, at=now, record=record)
                    for pile, record in new.values()
                ]
            )
    return others


def _row(
    pile: events.PileRef, reported: ReportedTransaction, digest: str, now: datetime
) -> TransactionRecord:
    return TransactionRecord(
        operator_id=pile.operator_id,
        station_id=pile.station_id,
        pile_id=pile.id,
        fingerprint=digest,
        received_at=now,
        tiers=dict(reported.tiers),
        payload=dict(reported.payload),
        **{name: getattr(reported, name) for name in _COPIED},
    )
