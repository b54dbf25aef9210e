"""A logged frame decoded anew, anywhere: no socket, no database, the same codecs as the gateway's."""

import json
from typing import Any

from devices.gateway.tcp_consumer import to_json
from devices.protocols.dny import codec as dny
from devices.protocols.ykc import codec as ykc

PROTOCOLS = ("ykc", "dny", "ocpp16", "ocpp201")


class Undecodable(Exception):
    """The text is no frame of that protocol; says why."""


def decode_logged(protocol: str, raw: str, *, to_pile: bool = False) -> dict[str, Any]:
    """A frame as the log keeps it, decoded.

    Args:
        protocol: one of `PROTOCOLS`.
        raw: hexadecimal for the binary protocols (blanks do not matter), the JSON text for OCPP.
        to_pile: it went to the pile.

    Returns:
        {"name": message name, "fields": named values, numbers exact as text}; OCPP's payload as it is.
    """
    if protocol in ("ocpp16", "ocpp201"):
        return _ocpp(raw)
    if protocol not in PROTOCOLS:
        raise Undecodable(f"protocol {protocol!r} is not one of {', '.join(PROTOCOLS)}")
    try:
        data = bytes.fromhex(raw)
    except ValueError:
        raise Undecodable("the frame is not hexadecimal") from None
    try:
        if protocol == "ykc":
            frame = ykc.parse_frame(data)
            message, number = ykc.decode(frame), frame.type
        else:
            box_frame = dny.parse_frame(data)
            message, number = dny.decode(box_frame, from_device=not to_pile), box_frame.command
    except (ykc.YkcError, dny.DnyError) as error:
        raise Undecodable(str(error)) from None
    fields = {key: to_json(value) for key, value in message.fields.items()}
    return {"name": f"{number:02X} {message.name}", "fields": fields}


def decoding_of(*, protocol: str, raw: str, direction: str, decoded: Any, error: str = "") -> Any:
    """What a logged frame says: its stored decoding, or for frames that are stored raw, made now."""
    if decoded is not None or error:
        return decoded
    try:
        return decode_logged(protocol, raw, to_pile=direction == "out")["fields"]
    except Undecodable:
        return None


def _ocpp(raw: str) -> dict[str, Any]:
    try:
        message = json.loads(raw)
        kind, name = message[0], message[2] if message[0] == 2 else {3: "result", 4: "error"}[message[0]]
        return {"name": str(name), "fields": message[3] if kind == 2 else message[2:]}
    except (ValueError, LookupError, TypeError):
        raise Undecodable("the text is no OCPP-J message") from None
