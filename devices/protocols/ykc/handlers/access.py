"""Login and heartbeat (YKC V1.6 §6.1)."""

import logging

from devices.gateway.tcp_consumer import to_json
from devices.protocols.ykc.held import HeldGuns
from devices.services import commissioning, status
from devices.services.references import pile_id_by_code
from kernel import clock
from kernel.runtime.dbpool import in_database
from stations.models import Connector

logger = logging.getLogger(__name__)

CLOCK_AFTER_LOGIN_S = 0.5  # some piles read only the first frame of a segment


async def login(consumer, held, frame, message) -> None:
    """01: a known pile gets 02/0 and its clock set; an unknown one 02/1, and the socket is closed."""
    fields = message.fields
    code = fields["pile_code"]
    facts = {"firmware": fields["software"], "iccid": fields["sim"].strip("0")}
    pile_id = await in_database(pile_id_by_code, code, consumer.protocol)
    if pile_id is None:
        await in_database(
            commissioning.note_unknown_pile,
            code=code,
            protocol=consumer.protocol,
            remote_address=consumer.remote,
            login={key: to_json(value) for key, value in fields.items()},
        )
        await consumer.reply(frame, 0x02, {"pile_code": code, "result": 1})
        if not consumer.piles:
            await consumer.close("unknown pile")
        return
    opened = await consumer.open_session(pile_id, facts)
    held = HeldGuns(pile=opened.pile, session_id=opened.session_id)
    for number, state in opened.connectors.items():
        held.gun(number).state = state
    consumer.hold(held)
    await consumer.reply(frame, 0x02, {"pile_code": code, "result": 0})
    if fields["gun_count"] != len(opened.connectors):
        consumer.count(held, "gun_count_differs")

    async def set_clock() -> None:
        if code in consumer.piles:
            await consumer.transmit(0x56, {"pile_code": code, "time": clock.now()})

    consumer.later(CLOCK_AFTER_LOGIN_S, set_clock)


async def heartbeat(consumer, held, frame, message) -> None:
    """03: answered at once; it also tells a fault, and that an offline gun is back."""
    fields = message.fields
    await consumer.reply(frame, 0x04, {"pile_code": held.pile.code, "gun_no": fields["gun_no"], "ack": 0})
    number = int(fields["gun_no"])
    gun = held.gun(number)
    state = Connector.State
    if fields["gun_status"] == 1 and gun.state != state.FAULT:
        new_state = state.FAULT
    elif fields["gun_status"] == 0 and gun.state in ("", state.OFFLINE):
        new_state = state.IDLE
    else:
        return
    gun.state = new_state
    await in_database(
        status.apply_status,
        pile=held.pile,
        connector_no=number,
        state=new_state,
        at=clock.now(),
        fault_code="heartbeat_fault" if new_state == state.FAULT else "",
    )
