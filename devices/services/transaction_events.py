"""Transactions that the station names (OCPP 2.0.1 TransactionEvent): found, begun, owned, ended.

Stations differ in what they send (some always give sequence number 0, some lose or repeat the first event, some
use a name again), so nothing here needs an event to be the first or the only one of its kind.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from devices import events
from devices.locks import lock_pile
from devices.models import DeviceCommand, DeviceTransaction, TransactionRecord
from devices.services import profiles, reservations
from devices.services.records import ReportedTransaction, store_record
from devices.services.stops import TransactionState, state_of_row
from devices.services.transactions import claim_tag
from kernel import clock

PROTOCOL = "ocpp201"
MOST_ID_LENGTH = 56  # OCPP allows 36; with what tells two of the same name apart it fits every column
ACCEPTED = "accepted"
# OCPP's own character set for names has no tilde.
_AGAIN = re.compile(r"~\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedEvent:
    """One TransactionEvent; None for what it does not say or what could not be read.

    Attributes:
        transaction_id: the station's name for the transaction, not empty.
        kind: Started, Updated or Ended; any other word counts as Updated.
        id_tag: the identity it names; empty for an empty one.
        remote_start_id: the start command it answers.
        begin_kwh: the register at the very start.
        register_kwh: the first register in it.
        end_kwh: the last register in it.
        charging: whether energy flows or is only suspended.
    """

    transaction_id: str
    kind: str
    seq_no: int | None = None
    at: datetime | None = None
    connector_no: int = 0
    id_tag: str | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    begin_kwh: Decimal | None = None
    register_kwh: Decimal | None = None
    end_kwh: Decimal | None = None
    charging: bool | None = None
    stop_reason: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    raw: str = ""

    @property
    def started(self) -> bool:
        return self.kind == "Started"

    @property
    def ended(self) -> bool:
        return self.kind == "Ended"


@dataclass(frozen=True, slots=True)
class NotedEvent:
    """Where an event left its transaction. `authorization` is that of the transaction's own tag."""

    state: TransactionState
    authorization: str
    start_known: bool


def name_on_the_wire(ref: str) -> str:
    """The station's own name of a transaction reference."""
    return _AGAIN.sub("", ref)


def transaction_state(*, pile_id: int, ref: str | None, connector_no: int | None) -> TransactionState | None:
    """The transaction under a reference, or the open one on a connector."""
    rows = DeviceTransaction.objects.filter(pile_id=pile_id).exclude(station_ref="")
    if ref is not None:
        row = rows.filter(station_ref=ref).first()
    else:
        row = rows.filter(connector_no=connector_no or 0, ended_at__isnull=True).order_by("-pk").first()
    return None if row is None else state_of_row(row)


def note_event(*, pile: events.PileRef, event: ReportedEvent, received_at: datetime) -> NotedEvent:
    """Find or begin the transaction of an event, learn what the event adds to it, publish `ChargeStarted`.

    Never refuses: a transaction with a tag nobody knows, or without its start, is on record too. Its owner is the
    first tag that may charge; an event that comes again changes nothing.
    """
    with transaction.atomic():
        lock_pile(pile.id)
        rows = _rows(pile.id, event.transaction_id)
        row = _row_at(rows, event.at)
        if row is None or _is_name_used_again(row, event):
            row = _begin(pile, event, received_at, len(rows))
            news = True
        else:
            news = _learn(row, event)
        owned = _own(pile, row, event, received_at)
        if row.ended_at is None and (news or owned or not event.ended) and (row.id_tag or event.charging):
            events.publish(
                events.ChargeStarted(
                    pile=pile,
                    connector_no=row.connector_no,
                    at=received_at,
                    transaction_ref=row.ref,
                    id_tag=row.id_tag,
                    meter_start_kwh=row.meter_start_kwh,
                )
            )
        return NotedEvent(state_of_row(row), row.authorization, row.start_known)


def store_end(*, pile: events.PileRef, event: ReportedEvent) -> TransactionRecord:
    """End the transaction of an Ended event and store its record, once.

    The record's identity is pile, transaction, event type, sequence number and time. Another end of the same
    transaction is a repeat when it says the same, and a conflict when it does not. The energy is what the
    register rose; without both ends of it there is none, and a person decides.
    """
    with transaction.atomic():
        lock_pile(pile.id)
        row = _row_of_end(pile, event)
        if row.ended_at is None:
            profiles.transaction_ended(pile_id=pile.id, transaction_ref=row.ref)
            row.ended_at = event.at or clock.now()
            row.meter_end_kwh, row.stop_reason = event.end_kwh, event.stop_reason
            row.save(update_fields=["ended_at", "meter_end_kwh", "stop_reason"])
        earlier = _records(pile.id).filter(transaction_ref=row.ref).first()
        identity = _end_identity(pile, row.ref, event) if earlier is None else earlier.identity
        return store_record(pile=pile, reported=_reported(row, event, identity))


def store_unnamed_end(
    *, pile: events.PileRef, payload: Mapping[str, Any], raw: str, ended_at: datetime | None
) -> TransactionRecord:
    """Keep the end of a transaction that has no readable name; it matches no order."""
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:32]
    reported = ReportedTransaction(
        connector_no=0,
        protocol=PROTOCOL,
        identity=f"{PROTOCOL}:{pile.code}:unknown:{digest}",
        transaction_ref="unknown:",
        started_at=None,
        ended_at=ended_at,
        energy_kwh=None,
        payload=payload,
        raw=raw,
    )
    return store_record(pile=pile, reported=reported)


def _rows(pile_id: int, transaction_id: str) -> list[DeviceTransaction]:
    """The transactions a station gave this name, newest first."""
    named = Q(station_ref=transaction_id) | Q(station_ref__startswith=f"{transaction_id}~")
    return list(DeviceTransaction.objects.filter(named, pile_id=pile_id).order_by("-pk")[:100])


def _row_at(rows: list[DeviceTransaction], at: datetime | None) -> DeviceTransaction | None:
    """The newest that had begun by then; an event from before all of them belongs to the oldest."""
    begun = (row for row in rows if at is None or row.started_at <= at)
    return next(begun, rows[-1] if rows else None)


def _is_name_used_again(row: DeviceTransaction, event: ReportedEvent) -> bool:
    """Whether a start is that of another transaction: later than this one's end, or later and somebody else's."""
    if not event.started or event.at is None:
        return False
    if row.ended_at is not None:
        return event.at > row.ended_at
    others = event.id_tag is not None and row.id_tag not in ("", event.id_tag)
    return row.start_known and others and event.at > row.started_at


def _begin(
    pile: events.PileRef, event: ReportedEvent, received_at: datetime, same_name: int
) -> DeviceTransaction:
    ref = event.transaction_id if not same_name else f"{event.transaction_id}~{same_name + 1}"
    return DeviceTransaction.objects.create(
        operator_id=pile.operator_id,
        station_id=pile.station_id,
        pile_id=pile.id,
        connector_no=event.connector_no,
        identity=f"{PROTOCOL}:{pile.code}:{ref}"[:160],
        station_ref=ref,
        started_at=event.at or received_at,
        start_known=event.started,
        meter_start_kwh=event.register_kwh if event.started and event.begin_kwh is None else event.begin_kwh,
    )


def _learn(row: DeviceTransaction, event: ReportedEvent) -> bool:
    """Take what a known transaction still lacks; returns whether the event is its missing start."""
    changed = []
    missing_start = event.started and not row.start_known and row.ended_at is None
    if missing_start:
        row.start_known, row.started_at = True, event.at or row.started_at
        changed += ["start_known", "started_at"]
    if not row.connector_no and event.connector_no:
        row.connector_no = event.connector_no
        changed.append("connector_no")
    if row.meter_start_kwh is None and row.ended_at is None:
        # A start that named no register began at the first one that is heard of.
        register = event.begin_kwh
        if register is None and row.start_known and not event.ended:
            register = event.register_kwh
        if register is not None:
            row.meter_start_kwh = register
            changed.append("meter_start_kwh")
    if changed:
        row.save(update_fields=changed)
    return missing_start


def _own(pile: events.PileRef, row: DeviceTransaction, event: ReportedEvent, received_at: datetime) -> bool:
    """Give a transaction its owner: the first tag named, until one comes that may charge."""
    tag = event.id_tag if event.id_tag is not None else _tag_of_command(pile.id, event.remote_start_id)
    if tag is None or row.ended_at is not None or row.authorization == ACCEPTED:
        return False
    if row.authorization and tag == row.id_tag:
        return False
    authorization = claim_tag(
        pile=pile,
        connector_no=row.connector_no,
        id_tag=tag,
        at=received_at,
        transaction_ref=row.ref,
        begins=not event.ended,
    )
    if row.authorization and authorization != ACCEPTED:
        return False
    changed = ["id_tag", "authorization"]
    if not event.started and row.start_known:
        # The cable was in before anybody asked to charge: the session is what the owner asked for.
        row.started_at = event.at or received_at
        changed.append("started_at")
    row.id_tag, row.authorization = tag, authorization
    row.save(update_fields=changed)
    reservations.used(
        pile=pile,
        connector_no=row.connector_no,
        id_tag=tag,
        transaction_ref=row.ref,
        at=received_at,
        reservation_id=event.reservation_id,
    )
    return True


def _tag_of_command(pile_id: int, remote_start_id: int | None) -> str | None:
    if remote_start_id is None or not 0 < remote_start_id < 2**63:
        return None
    command = DeviceCommand.objects.filter(
        pk=remote_start_id, pile_id=pile_id, kind=DeviceCommand.Kind.START
    ).first()
    return None if command is None else str(command.params.get("id_tag") or "") or None


def _records(pile_id: int) -> Any:
    return TransactionRecord.objects.filter(pile_id=pile_id, protocol=PROTOCOL)


def _row_of_end(pile: events.PileRef, event: ReportedEvent) -> DeviceTransaction:
    rows = _rows(pile.id, event.transaction_id)
    identities = {_end_identity(pile, row.ref, event): row for row in rows}
    record = _records(pile.id).filter(identity__in=identities).first()
    return identities[record.identity] if record is not None else _row_at(rows, event.at)


def _end_identity(pile: events.PileRef, ref: str, event: ReportedEvent) -> str:
    at = "" if event.at is None else event.at.isoformat()
    return f"{PROTOCOL}:{pile.code}:{ref}:Ended:{'' if event.seq_no is None else event.seq_no}:{at}"[:160]


def _reported(row: DeviceTransaction, event: ReportedEvent, identity: str) -> ReportedTransaction:
    known = row.meter_start_kwh is not None and event.end_kwh is not None
    return ReportedTransaction(
        connector_no=row.connector_no,
        protocol=PROTOCOL,
        identity=identity,
        transaction_ref=row.ref,
        started_at=row.started_at,
        ended_at=event.at,
        energy_kwh=event.end_kwh - row.meter_start_kwh if known else None,
        meter_start_kwh=row.meter_start_kwh,
        meter_end_kwh=event.end_kwh,
        stop_reason=event.stop_reason,
        id_tag=row.id_tag,
        payload=event.payload,
        raw=event.raw,
    )
