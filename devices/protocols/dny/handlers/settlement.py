"""Settlements (AP3000 device protocol V8.6 §3.3): committed first, acknowledged after, whatever they say.

The time in a settlement is that of its sending, often wrong, and another one at each repeat. So the identity of a
settlement never holds it, and the session's times come from the platform's own evidence.
"""

import hashlib
from datetime import datetime, timedelta

from devices import events
from devices.events import PileRef
from devices.gateway.tcp_consumer import to_json
from devices.models import DeviceCommand
from devices.protocols.dny.codec import words
from devices.protocols.dny.held import HeldBox
from devices.protocols.dny.references import NO_ORDER, connector_of, tag_of
from devices.services import commands, records, samples, status
from devices.services.records import ReportedTransaction
from kernel import clock
from kernel.runtime.dbpool import in_database

RECEIVED = 0
_CONTENT = ("duration", "max_power", "energy", "port", "how", "card", "stop_reason", "second_max_power")


async def settlement(consumer, held: HeldBox, frame, message) -> None:
    """03: 0 once it is stored. The box keeps it until then and sends it every 30 minutes; the answer is the same."""
    fields = message.fields
    await consumer.buffers.flush_samples()
    await in_database(store_settlement, held.pile, fields, frame.raw)
    memory = held.port(connector_of(fields["port"]))
    if memory.running_ref == fields["order"]:
        memory.running_ref, memory.idle_reports = "", 0
    await consumer.reply(frame, {"result": RECEIVED})


def store_settlement(pile: PileRef, fields: dict, raw: bytes) -> None:
    """Store the record; the first one also names its transaction to an order that never heard of it."""
    now = clock.now()
    identity = identity_of(pile.code, fields)
    stored = records.stored_times(identity)
    tag = tag_of(fields["order"])
    started_at, ended_at = stored or _times(pile, fields, tag, now)
    if stored is None and tag:
        status.charge_started(
            events.ChargeStarted(
                pile=pile,
                connector_no=connector_of(fields["port"]),
                at=started_at or now,
                transaction_ref=fields["order"],
                id_tag=tag,
            )
        )
    reported = reported_transaction(fields, raw, identity, started_at, ended_at)
    records.store_record(pile=pile, reported=reported)


def identity_of(pile_code: str, fields: dict) -> str:
    """The business identity: box and order; of old boxes that charge offline without a number, its content."""
    if fields["order"] != NO_ORDER:
        return f"dny:{pile_code}:{fields['order']}"
    content = "|".join(str(fields.get(name)) for name in _CONTENT)
    return f"dny:{pile_code}:{fields['port']}:{hashlib.sha256(content.encode()).hexdigest()[:32]}"


def reported_transaction(
    fields: dict, raw: bytes, identity: str, started_at: datetime | None, ended_at: datetime | None
) -> ReportedTransaction:
    """A decoded 03 in the platform's words; it has one energy and no prices."""
    card = fields["card"]
    return ReportedTransaction(
        connector_no=connector_of(fields["port"]),
        protocol="dny",
        identity=identity,
        transaction_ref=fields["order"],
        started_at=started_at,
        ended_at=ended_at,
        energy_kwh=fields["energy"],
        charged_s=fields["duration"],
        peak_w=int(fields["max_power"]),
        stop_reason=words.stop_reason(fields["stop_reason"]).slug,
        stop_code=f"{fields['stop_reason']:02X}",
        start_method=words.START_METHODS.get(fields["how"], ""),
        id_tag=card if card.strip("0") else "",
        payload={name: to_json(value) for name, value in fields.items()},
        raw=raw.hex().upper(),
    )


def _times(pile: PileRef, fields: dict, tag: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """When the session began and ended: from its start command for the reported duration.

    A session that went on after a power cut lasted longer than it charged; its last sample tells. A session that
    the platform did not start has no times, because nothing the platform saw tells them.
    """
    started_at = None
    if tag:
        started_at = commands.carried_out_at(pile_id=pile.id, kind=DeviceCommand.Kind.START, reference=tag)
    if started_at is None:
        return None, None
    ended_at = started_at + timedelta(seconds=fields["duration"])
    last = samples.last_sample_at(pile_id=pile.id, transaction_ref=fields["order"])
    if last is not None:
        ended_at = max(ended_at, last)
    return started_at, max(min(ended_at, now), started_at)
