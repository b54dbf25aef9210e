"""The MQTT contract as data: every message with its direction, its title and its JSON Schema. Pure.

Properties that a schema does not name are allowed everywhere and kept as they came. Numbers are read as decimals,
so that no energy and no amount ever passes through binary floating point.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator

MAX_BYTES = 64 * 1024
MOST_PORTS = 99
PORT_STATES = ("idle", "plugged", "charging", "trickle", "paused", "full", "reserved", "fault")
CHARGE_EVENTS = ("started", "paused", "resumed", "ended")
SENSOR_KINDS = ("smoke", "temperature", "water", "humidity", "door", "tilt")
START_METHODS = ("card", "vin", "code", "key", "coin", "free")


def gettext_noop(text: str) -> str:
    """Mark a text for translation; this module imports no framework."""
    return text


class BadMessage(Exception):
    """A payload that is no message of the contract; `where` is a JSON pointer, the text says what is accepted."""

    def __init__(self, reason: str, where: str = "", text: str = ""):
        super().__init__(text or reason)
        self.reason, self.where = reason, where


@dataclass(frozen=True)
class Message:
    """One message in one direction. `schema` is a Draft 2020-12 schema of its payload."""

    name: str
    title: str
    schema: Mapping[str, Any]
    lenient: bool = False  # what is malformed in it is left out, never a reason to refuse the rest

    @cached_property
    def validator(self) -> Draft202012Validator:
        return Draft202012Validator(self.schema)


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _text(longest: int, shortest: int = 0) -> dict[str, Any]:
    return {"type": "string", "minLength": shortest, "maxLength": longest}


def _number(lowest: int, highest: int) -> dict[str, Any]:
    return {"type": "number", "minimum": lowest, "maximum": highest}


def _whole(lowest: int, highest: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def _one_of(*values: str) -> dict[str, Any]:
    return {"enum": list(values)}


_ID = {"id": _text(64, 1)}
_SESSION = {"session": _text(64, 1)}
_AT = {"at": {"anyOf": [_text(40, 10), _whole(0, 4_102_444_800)]}}
_UP = _ID | _SESSION | _AT
_PORT = _whole(1, MOST_PORTS)
_PORT_OR_BOX = _whole(0, MOST_PORTS)
_TRANSACTION = _text(64, 1)
_KWH = _number(0, 1_000_000)
_REGISTER = _number(0, 100_000_000)
_FEN = _whole(0, 10**12)
_SECONDS = _whole(0, 10 * 86_400)
_WATTS = _number(0, 1_000_000)
_BOOL = {"type": "boolean"}

_MEASURED = {
    "energy_kwh": _KWH,
    "register_kwh": _REGISTER,
    "power_kw": _number(0, 5_000),
    "voltage_v": _number(0, 2_000),
    "current_a": _number(0, 10_000),
    "soc_pct": _whole(0, 100),
    "temperature_c": _number(-100, 300),
    "charged_s": _SECONDS,
    "remaining_s": _SECONDS,
}

FROM_DEVICE: tuple[Message, ...] = (
    Message(
        "birth",
        gettext_noop("Birth: the device is there"),
        _object(
            ("password", "connection"),
            password=_text(64, 1),
            connection=_text(64, 1),
            vendor=_text(64),
            model=_text(64),
            firmware=_text(64),
            serial=_text(64),
            iccid=_text(24),
            ports=_whole(0, MOST_PORTS),
        ),
    ),
    Message(
        "will",
        gettext_noop("Last will: the device is gone"),
        _object(("connection",), connection=_text(64, 1)),
    ),
    Message("heartbeat", gettext_noop("Heartbeat"), _object(("session",), **_UP)),
    Message(
        "status",
        gettext_noop("Port states"),
        _object(
            ("session", "ports"),
            **_UP,
            ports={
                "type": "array",
                "maxItems": MOST_PORTS,
                "items": _object(
                    ("port", "state"),
                    port=_PORT,
                    state=_one_of(*PORT_STATES),
                    plugged=_BOOL,
                    fault=_text(48),
                    text=_text(120),
                    transaction=_text(64),
                ),
            },
        ),
    ),
    Message(
        "telemetry",
        gettext_noop("Meter values"),
        _object(("session", "port"), **_UP, port=_PORT_OR_BOX, transaction=_text(64), **_MEASURED),
    ),
    Message(
        "charge",
        gettext_noop("A charge began, paused, went on or ended"),
        _object(
            ("session", "event", "port", "transaction"),
            **_UP,
            event=_one_of(*CHARGE_EVENTS),
            port=_PORT,
            transaction=_TRANSACTION,
            tag=_text(64),
            reason=_text(48),
            meter_start_kwh=_REGISTER,
        ),
    ),
    Message(
        "record",
        gettext_noop("Transaction record"),
        _object(
            ("session", "id"),
            **_UP,
            port=_PORT,
            transaction=_TRANSACTION,
            started_at=_AT["at"],
            ended_at=_AT["at"],
            energy_kwh=_KWH,
            meter_start_kwh=_REGISTER,
            meter_end_kwh=_REGISTER,
            charged_s=_SECONDS,
            peak_w=_WATTS,
            amount_yuan=_number(0, 100_000_000),
            stop_reason=_text(48),
            method=_one_of(*START_METHODS),
            tag=_text(64),
        ),
        lenient=True,
    ),
    Message(
        "income",
        gettext_noop("Running totals of coins and cards"),
        _object(
            ("session", "id", "at"),
            **_UP,
            coins_fen_total=_FEN,
            cards_fen_total=_FEN,
            coins_total=_FEN,
            cards_total=_FEN,
        ),
    ),
    Message(
        "alarm",
        gettext_noop("Alarm of the device or of a port"),
        _object(
            ("session", "code", "raised"),
            **_UP,
            port=_PORT_OR_BOX,
            code=_text(48, 1),
            text=_text(120),
            raised=_BOOL,
        ),
    ),
    Message(
        "sensor",
        gettext_noop("Reading of a sensor"),
        _object(
            ("session", "sensor", "kind"),
            **_UP,
            sensor=_text(48, 1),
            kind=_one_of(*SENSOR_KINDS),
            value=_number(-1_000_000, 1_000_000),
            alarm=_BOOL,
            battery_pct=_whole(0, 100),
        ),
    ),
    Message(
        "request",
        gettext_noop("Somebody at the device asks to charge"),
        _object(
            ("session", "id", "port", "method"),
            **_UP,
            port=_PORT,
            method=_one_of(*START_METHODS),
            credential=_text(64),
            password_md5=_text(64),
            transaction=_text(64),
        ),
    ),
    Message(
        "answer",
        gettext_noop("Answer to a command"),
        _object(
            ("session", "command", "ok"),
            **_UP,
            command=_whole(1, 2**63 - 1),
            ok=_BOOL,
            reason=_text(96),
            result={"type": "object"},
        ),
    ),
)

_COMMAND = {"command": _whole(1, 2**63 - 1), "expires_at": _text(40, 10)}
_OF_A_PORT = _COMMAND | {"port": _PORT_OR_BOX}

TO_DEVICE: tuple[Message, ...] = (
    Message(
        "welcome",
        gettext_noop("The device is let in"),
        _object(("session", "heartbeat_s", "at"), session=_text(64, 1), heartbeat_s=_whole(1, 3600), **_AT),
    ),
    Message("refused", gettext_noop("The device is not let in"), _object(("reason",), reason=_text(64, 1))),
    Message("rebirth", gettext_noop("Say birth again"), _object(reason=_text(64))),
    Message(
        "ack",
        gettext_noop("A message is kept"),
        _object(("id", "of", "ok"), **_ID, of=_text(32, 1), ok=_BOOL, reason=_text(64), where=_text(200)),
    ),
    Message(
        "decision",
        gettext_noop("Whether a request at the device may charge"),
        _object(
            ("id", "ok", "port"),
            **_ID,
            ok=_BOOL,
            port=_PORT,
            reason=_text(64),
            transaction=_text(64),
            balance_fen={"type": "integer"},
            account=_text(64),
        ),
    ),
    Message(
        "start",
        gettext_noop("Start a charge"),
        _object(
            ("command", "expires_at", "port", "transaction"),
            **_OF_A_PORT,
            transaction=_TRANSACTION,
            balance_fen=_FEN,
            duration_s=_SECONDS,
            energy_kwh=_KWH,
            overload_w=_WATTS,
            full_w=_WATTS,
            full_minutes=_whole(0, 600),
            stop_at_full=_BOOL,
        ),
    ),
    Message(
        "stop",
        gettext_noop("Stop a charge"),
        _object(("command", "expires_at", "port", "transaction"), **_OF_A_PORT, transaction=_TRANSACTION),
    ),
    Message(
        "extend",
        gettext_noop("Change what a running charge has left"),
        _object(
            ("command", "expires_at", "port", "transaction"),
            **_OF_A_PORT,
            transaction=_TRANSACTION,
            duration_s=_SECONDS,
            energy_kwh=_KWH,
            balance_fen=_FEN,
        ),
    ),
    Message("report", gettext_noop("Report all states and meters now"), _object(("command",), **_OF_A_PORT)),
    Message("reboot", gettext_noop("Reboot"), _object(("command",), **_OF_A_PORT)),
    Message("unlock", gettext_noop("Open the door of a port"), _object(("command",), **_OF_A_PORT)),
    Message(
        "availability",
        gettext_noop("In or out of service"),
        _object(("command", "available"), **_OF_A_PORT, available=_BOOL),
    ),
    Message("clock", gettext_noop("The platform's clock"), _object(("command", "at"), **_OF_A_PORT, **_AT)),
    Message("read_config", gettext_noop("Read settings"), _object(("command",), **_OF_A_PORT)),
    Message(
        "config",
        gettext_noop("Change settings"),
        _object(("command", "settings"), **_OF_A_PORT, settings={"type": "object"}),
    ),
)

UP: dict[str, Message] = {message.name: message for message in FROM_DEVICE}
DOWN: dict[str, Message] = {message.name: message for message in TO_DEVICE}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def parse(payload: bytes) -> dict[str, Any]:
    """The JSON object in a payload; numbers with a point are decimals. Raises BadMessage."""
    if len(payload) > MAX_BYTES:
        raise BadMessage("too_long", text=f"{len(payload)} bytes; at most {MAX_BYTES} are accepted")
    try:
        value = json.loads(payload, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise BadMessage("not_json", text=str(error)[:200]) from None
    if not isinstance(value, dict):
        raise BadMessage("not_an_object", text="the payload must be a JSON object")
    return value


def check(message: Message, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The body as the schema wants it, and the names of properties that a lenient message had to leave out.

    Raises BadMessage with the place of the first thing that is wrong.
    """
    body = dict(body)
    left_out: list[str] = []
    while True:
        error = next(message.validator.iter_errors(body), None)
        if error is None:
            return body, left_out
        name = str(error.absolute_path[0]) if error.absolute_path else ""
        if not (message.lenient and name in body and name not in message.schema["required"]):
            where = "/" + "/".join(str(part) for part in error.absolute_path)
            raise BadMessage("not_as_agreed", where, error.message[:200])
        left_out.append(name)
        del body[name]
