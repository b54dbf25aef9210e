"""Transaction records (YKC V1.6 §6.6): committed first, acknowledged after, whatever they say."""

from devices.events import PileRef
from devices.gateway.tcp_consumer import to_json
from devices.protocols.ykc.codec import words
from devices.protocols.ykc.codec.layouts.tariff import TIERS
from devices.protocols.ykc.references import gun_number
from devices.services.records import ReportedTransaction

RECEIVED = 0
RECORD_1_7 = 0x3D
_START_METHODS = {1: "code", 2: "card", 4: "offline_card", 5: "vin"}


async def record(consumer, held, frame, message) -> None:
    """3B and 3D: 40/0 once the record is stored; the same record gets the same answer for ever."""
    fields = message.fields
    _note_dialect(consumer, held, frame.type, fields)
    await consumer.buffers.record(held.pile, reported_transaction(held.pile, fields, frame.raw))
    gun = held.gun(gun_number(fields))
    if gun.running_ref == fields["trade_no"]:
        gun.running_ref, gun.idle_reports = "", 0
    gun.start_asked = None
    await consumer.reply(frame, 0x40, {"trade_no": fields["trade_no"], "result": RECEIVED})


def _note_dialect(consumer, held, frame_type: int, fields: dict) -> None:
    """Records are kept and answered whatever they say; what is odd about them is counted."""
    trade_no = fields["trade_no"]
    if frame_type == RECORD_1_7:
        consumer.count(held, "record_1_7")
    if not trade_no.strip("0"):
        consumer.count(held, "record_without_number")
    elif not trade_no.startswith(held.pile.code):
        consumer.count(held, "record_of_other_pile")


def reported_transaction(pile: PileRef, fields: dict, raw: bytes) -> ReportedTransaction:
    """A decoded 3B or 3D in the platform's words.

    The business identity is pile + trade number; a record without a number is told apart by its start.
    """
    trade_no = fields["trade_no"]
    identity = f"ykc:{pile.code}:{trade_no}"
    if not trade_no.strip("0"):
        identity += f":{fields['gun_no']}:{fields['start_time']}"
    stop = words.stop_reason(fields["stop_reason"])
    return ReportedTransaction(
        connector_no=gun_number(fields),
        protocol="ykc",
        identity=identity,
        transaction_ref=trade_no,
        started_at=fields["start_time"],
        ended_at=fields["end_time"],
        energy_kwh=fields["total_energy"],
        meter_start_kwh=fields["meter_start"],
        meter_end_kwh=fields["meter_end"],
        device_amount=fields["total_amount"],
        tiers={
            tier: {
                "price": str(fields[f"{tier}_price"]),
                "energy_kwh": str(fields[f"{tier}_energy"]),
                "loss_energy_kwh": str(fields[f"{tier}_loss_energy"]),
                "amount": str(fields[f"{tier}_amount"]),
            }
            for tier in TIERS
        },
        stop_reason=stop.slug,
        stop_code=fields["stop_reason"],
        start_method=_START_METHODS.get(fields["trade_type"], "code"),
        id_tag=fields["physical_card"].strip("0"),
        payload={name: to_json(value) for name, value in fields.items()},
        raw=raw.hex().upper(),
    )
