"""Boxes nobody registered: refused in the words of the protocol and listed for commissioning.

Their socket stays open, because a host may carry others and a box that is accepted meanwhile is known at its next
heartbeat. A settlement gets no answer: the box keeps it until it is registered.
"""

from devices.gateway.tcp_consumer import to_json
from devices.protocols.dny.codec import printed_number
from devices.protocols.dny.codec.words import CARD_ACCOUNTS
from devices.protocols.dny.handlers.access import tell_time
from devices.services import commissioning
from kernel.runtime.dbpool import in_database

REFUSED = 1
_LOGINS = (0x01, 0x20, 0x21)


async def note(consumer, frame, message, reason: str) -> None:
    """List the box with what its first frame said, and why it was refused."""
    login = {key: to_json(value) for key, value in message.fields.items()}
    await in_database(
        commissioning.note_unknown_pile,
        code=frame.pile_code,
        protocol="dny",
        remote_address=consumer.remote,
        login={**login, "printed_number": printed_number(frame.pile_code), "iccid": consumer.iccid},
        reason=reason,
    )


async def refuse(consumer, frame, message) -> None:
    """Answer what may be answered to a box that is not registered."""
    if frame.command in _LOGINS:
        await consumer.reply(frame, {"result": REFUSED})
    elif frame.command == 0x02:
        fields = message.fields
        await consumer.reply(
            frame, {"card": fields["card"], "account": CARD_ACCOUNTS["pile_unknown"], "port": fields["port"]}
        )
    elif frame.command in (0x12, 0x22):
        await tell_time(consumer, None, frame, message)
