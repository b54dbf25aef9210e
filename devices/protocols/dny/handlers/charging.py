"""What a charging port says: power and energy, the old confirmation, alarms (AP3000 §3.4.1, §3.4.2, §3.4.5)."""

from decimal import Decimal

from devices import events
from devices.protocols.dny.codec import words
from devices.protocols.dny.handlers.access import apply_ports
from devices.protocols.dny.held import HeldBox
from devices.protocols.dny.references import connector_of, tag_of, transaction_ref_of
from devices.services import status
from devices.services.samples import StoredReading
from kernel import clock
from kernel.runtime.dbpool import in_database

_LIVE_STATES = (0x01, 0x03, 0x05)  # the others are slips in a power report (AP3000 §3.4.2)
DONE = 0


async def power(consumer, held: HeldBox, frame, message) -> None:
    """06, every five minutes, never answered: a sample of the running transaction."""
    fields = message.fields
    number = connector_of(fields["port"])
    if not number:
        consumer.count(held, "power_without_port")
        return
    ref = transaction_ref_of(fields["order"])
    if ref:
        await note_running(held, number, fields["order"])
    if fields["state"] in _LIVE_STATES:
        await apply_ports(held, {number: fields["state"]})
    consumer.buffers.sample_nowait(_reading(held, number, ref, fields))


async def confirmed(consumer, held: HeldBox, frame, message) -> None:
    """04, of boxes before 06: the charge is running; it may come before the answer to the start command."""
    fields = message.fields
    number = connector_of(fields["port"])
    if number and transaction_ref_of(fields["order"]):
        await note_running(held, number, fields["order"])
        await apply_ports(held, {number: 0x01})
    await consumer.reply(frame, {"port": fields["port"], "result": DONE})


async def note_running(held: HeldBox, connector_no: int, order: str) -> None:
    """A port proves that it charges under this order; told once per order and session."""
    memory = held.port(connector_no)
    if memory.running_ref == order:
        return
    await in_database(
        status.charge_started,
        events.ChargeStarted(
            pile=held.pile,
            connector_no=connector_no,
            at=clock.now(),
            transaction_ref=order,
            id_tag=tag_of(order),
        ),
    )
    memory.running_ref, memory.idle_reports = order, 0


async def alarm(consumer, held: HeldBox, frame, message) -> None:
    """42, never answered: an alarm of the box, or of one port where the port byte means one."""
    fields = message.fields
    word = words.alarm(fields["kind"])
    of_port = fields["kind"] in words.PORT_ALARMS and "port" in fields
    await in_database(
        status.report_fault,
        pile=held.pile,
        connector_no=connector_of(fields["port"]) if of_port else 0,
        at=clock.now(),
        fault_code=word.slug,
        fault_words=word.text,
    )


def _reading(held: HeldBox, connector_no: int, ref: str, fields: dict) -> StoredReading:
    current = fields.get("current")
    temperature = fields.get("port_temperature")
    return StoredReading(
        events.MeterSampled(
            pile=held.pile,
            connector_no=connector_no,
            at=clock.now(),
            transaction_ref=ref,
            energy_kwh=fields["energy"],
            power_kw=(fields["power"] / 1000).quantize(Decimal("0.001")),
            voltage_v=fields.get("voltage"),
            current_a=None if current is None else current.quantize(Decimal("0.01")),
        ),
        temperature_c=fields.get("temperature") if temperature is None else temperature,
    )
