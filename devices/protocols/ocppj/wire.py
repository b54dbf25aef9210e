"""OCPP-J framing (OCPP-J 1.6 §4; OCPP 2.0.1 part 4 §4): text to a typed message and back.

Whatever arrives, nothing but `BadFrame` leaves this module: text that is no JSON, numbers no database holds,
nesting without end, message ids that are no strings.
"""

import json
import math
from typing import Any

from ocpp.messages import Call, CallError, CallResult, MessageType

MAX_FRAME_BYTES = 128 * 1024
MAX_MESSAGE_ID = 36  # OCPP-J 1.6 §4.1.4; longer ones are answered and counted
ENDLESS_MESSAGE_ID = 128
LARGEST_NUMBER = 2**53  # that every peer reads back as it was

Message = Call | CallResult | CallError

_CALL_LENGTH, _RESULT_LENGTH, _ERROR_LENGTHS = 4, 3, (4, 5)


class BadFrame(Exception):
    """A frame that is no OCPP-J message.

    Args:
        finding: what to count.
        message_id: the id to answer with CALLERROR, None when there is none or no answer is due.
        code: the CALLERROR's code, as OCPP 1.6 spells it.
        answerable: it is no answer itself; a version that answers what it cannot read may answer it.
        ignored: OCPP-J 1.6 §4.1.3 wants it dropped in silence; it is no sign of a broken peer.
    """

    def __init__(
        self,
        finding: str,
        description: str = "",
        *,
        message_id: str | int | None = None,
        code: str = "FormationViolation",
        answerable: bool = True,
        ignored: bool = False,
    ):
        super().__init__(finding)
        self.finding = finding
        self.description = description or finding.replace("_", " ")
        self.message_id = message_id
        self.code = code
        self.answerable = answerable
        self.ignored = ignored


def too_long(text: str) -> bool:
    """Whether a frame exceeds the limit, measured in bytes."""
    if len(text) > MAX_FRAME_BYTES:
        return True
    return len(text) * 4 > MAX_FRAME_BYTES and len(text.encode("utf-8", "replace")) > MAX_FRAME_BYTES


def decode(text: str) -> Message:
    """The message in a frame; raises `BadFrame`."""
    elements = _load(text)
    if not isinstance(elements, list) or not elements:
        raise BadFrame("not_an_array")
    kind = elements[0]
    if isinstance(kind, bool) or kind not in (
        MessageType.Call,
        MessageType.CallResult,
        MessageType.CallError,
    ):
        raise BadFrame("unknown_message_type", ignored=True)
    message_id = _message_id(elements)
    if kind == MessageType.Call:
        return _call(elements, message_id)
    if kind == MessageType.CallResult:
        if len(elements) != _RESULT_LENGTH or not isinstance(elements[2], dict):
            raise BadFrame("malformed_answer", answerable=False)
        return CallResult(message_id, elements[2])
    if len(elements) not in _ERROR_LENGTHS:
        raise BadFrame("malformed_answer", answerable=False)
    return CallError(message_id, str(elements[2]), str(elements[3]), (elements[4:] or [{}])[0])


def call_error(
    message_id: str | int, code: str, description: str, details: dict[str, Any] | None = None
) -> str:
    """The text of a CALLERROR (OCPP-J 1.6 §4.2.3)."""
    return CallError(message_id, code, description[:255], details or {}).to_json()


def clean(value: Any) -> Any:
    """The value without what no database text can hold: NUL characters and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def _call(elements: list[Any], message_id: str) -> Call:
    if len(elements) != _CALL_LENGTH:
        raise BadFrame(
            "malformed_call", "a CALL has four elements", message_id=message_id, code="ProtocolError"
        )
    action, payload = elements[2], elements[3]
    if not isinstance(action, str):
        raise BadFrame("malformed_call", "the action is not a string", message_id=message_id)
    if not isinstance(payload, dict):
        raise BadFrame(
            "malformed_call",
            "the payload is not an object",
            message_id=message_id,
            code="TypeConstraintViolation",
        )
    return Call(message_id, action, payload)


def _message_id(elements: list[Any]) -> str:
    message_id = elements[1] if len(elements) > 1 else None
    if isinstance(message_id, str) and 0 < len(message_id) <= ENDLESS_MESSAGE_ID:
        return message_id
    if elements[0] != MessageType.Call or not isinstance(message_id, str | int | float):
        raise BadFrame("no_message_id", answerable=elements[0] == MessageType.Call)
    # A whole number goes back as it came (OCPP-J 1.6 §4.2.3: the same id, so that the station finds its call); the
    # codes of both versions speak of payloads, and ProtocolError comes closest to a fault of the frame.
    whole = type(message_id) is int and abs(message_id) < LARGEST_NUMBER
    raise BadFrame(
        "message_id_not_a_string" if not isinstance(message_id, str) else "message_id_length",
        "the message id must be a string of 1 to 36 characters",
        message_id=message_id if whole else str(message_id)[:MAX_MESSAGE_ID],
        code="ProtocolError",
    )


def _load(text: str) -> Any:
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_refuse)
        # Escapes can hide NUL and surrogates; a raw NUL is refused by the parser itself.
        return clean(value) if "\\u" in text else value
    except (ValueError, RecursionError):
        raise BadFrame("not_json") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _refuse(text: str) -> Any:
    raise ValueError(text)
