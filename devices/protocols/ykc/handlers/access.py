"""Login and heartbeat (YKC V1.6 §6.1)."""

from typing import NamedTuple

from django.conf import settings

from devices.gateway.tcp_consumer import to_json
from devices.proof import Proof
from devices.protocols.ykc.downlink import qr_prefix_fields
from devices.protocols.ykc.held import HeldGuns
from devices.protocols.ykc.references import gun_number
from devices.services import commissioning, identity, status
from devices.services.references import pile_by_any_protocol, pile_by_code
from kernel import clock
from kernel.runtime.dbpool import in_database
from stations.models import Connector, PileModel

CLOCK_AFTER_LOGIN_S = 0.5  # some piles read only the first frame of a segment
QR_PREFIX_AFTER_LOGIN_S = 1.0
ALTERNATING = 1
KNOWN_VERSIONS = frozenset({0x0A, 0x0F, 0x10, 0x11})


async def login(consumer, held, frame, message) -> None:
    """01: a known pile gets 02/0 and its clock set; a stranger gets 02/1, and the socket is closed.

    What the pile says of itself is compared with its registration. A difference is counted, since firmwares are
    known to get it wrong; with `EV_YKC_STRICT_LOGIN` such a pile is refused until somebody mends the one or the other.
    """
    fields = message.fields
    code = fields["pile_code"]
    known = await in_database(_look_up, code, consumer.protocol, consumer.proof)
    differences = [] if known.refusal else _differences(fields, known)
    refusal = known.refusal or (differences[0] if differences and settings.YKC_STRICT_LOGIN else "")
    if refusal:
        await _refuse(consumer, frame, fields, refusal)
        return
    facts = {"firmware": fields["software"], "iccid": fields["sim"].strip("0")}
    opened = await consumer.open_session(known.pile_id, facts)
    held = HeldGuns(
        pile=opened.pile,
        session_id=opened.session_id,
        silence=opened.silence,
        alternating=fields["pile_type"] == ALTERNATING,
    )
    for number, state in opened.connectors.items():
        held.gun(number).state = state
    consumer.hold(held)
    await consumer.reply(frame, 0x02, {"pile_code": code, "result": 0})
    for difference in differences:
        consumer.count(held, difference)
    if fields["proto_version"] not in KNOWN_VERSIONS:
        consumer.count(held, "version_unknown")

    async def set_clock() -> None:
        if code in consumer.piles:
            await consumer.transmit(0x56, {"pile_code": code, "time": clock.now()})

    async def set_qr_prefix() -> None:
        if code in consumer.piles:
            prefix = settings.YKC_QR_PREFIX
            await consumer.transmit(0xF0, qr_prefix_fields(held, prefix, with_gun=settings.YKC_QR_WITH_GUN))

    consumer.later(CLOCK_AFTER_LOGIN_S, set_clock)
    if settings.YKC_QR_PREFIX:
        consumer.later(QR_PREFIX_AFTER_LOGIN_S, set_qr_prefix)


class _Known(NamedTuple):
    """A registration, or why there is none that serves (`refusal`)."""

    refusal: str = ""
    pile_id: int = 0
    connectors: int = 0
    current_type: str = ""


def _look_up(code: str, protocol: str, proof: Proof) -> _Known:
    pile = pile_by_code(code, protocol)
    if pile is None:
        return _Known(refusal="other_protocol" if pile_by_any_protocol(code) else "unknown")
    if missing := identity.what_is_missing(pile, proof):
        return _Known(refusal=missing)
    current_type = pile.model.current_type if pile.model_id else ""
    return _Known(pile_id=pile.pk, connectors=pile.connectors.count(), current_type=current_type)


def _differences(fields: dict, known: _Known) -> list[str]:
    found = []
    if fields["gun_count"] != known.connectors:
        found.append("gun_count_differs")
    said = PileModel.CurrentType.AC if fields["pile_type"] == ALTERNATING else PileModel.CurrentType.DC
    if known.current_type and known.current_type != said:
        found.append("pile_type_differs")
    return found


async def _refuse(consumer, frame, fields: dict, reason: str) -> None:
    await in_database(
        commissioning.note_unknown_pile,
        code=fields["pile_code"],
        protocol=consumer.protocol,
        remote_address=consumer.remote,
        login={key: to_json(value) for key, value in fields.items()},
        reason=reason,
    )
    await consumer.reply(frame, 0x02, {"pile_code": fields["pile_code"], "result": 1})
    if not consumer.piles:
        await consumer.close("unknown pile")


async def heartbeat(consumer, held, frame, message) -> None:
    """03: answered at once; it also tells a fault, and that an offline gun is back."""
    fields = message.fields
    await consumer.reply(frame, 0x04, {"pile_code": held.pile.code, "gun_no": fields["gun_no"], "ack": 0})
    number = gun_number(fields)
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
