"""The library's JSON schemas of OCPP 1.6, used strictly on what we send and as a list of findings on what we get.

Numbers with decimals are compared as decimals: in binary floating point 8.1 is no multiple of 0.1, and the
library keeps one cached validator per message, so all of them are loaded the same way here.
"""

from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft4Validator
from ocpp.messages import MessageType, get_validator

VERSION = "1.6"
MOST_VIOLATIONS = 20

# The messages whose schemas hold «multipleOf 0.1».
_WITH_DECIMALS = frozenset({"SetChargingProfile", "RemoteStartTransaction", "GetCompositeSchedule"})


@cache
def _validator(message_type_id: int, action: str) -> Draft4Validator:
    return get_validator(message_type_id, action, VERSION, parse_float=Decimal)


def violations(message_type_id: int, action: str, payload: dict[str, Any]) -> list[str]:
    """What is wrong with a payload, as `keyword at path`; empty when it keeps the schema."""
    if action in _WITH_DECIMALS:
        payload = exact(payload)
    errors = _validator(message_type_id, action).iter_errors(payload)
    return [f"{error.validator} at {error.json_path}" for error in islice(errors, MOST_VIOLATIONS)]


def call_violations(action: str, payload: dict[str, Any]) -> list[str]:
    return violations(MessageType.Call, action, payload)


def answer_violations(action: str, payload: dict[str, Any]) -> list[str]:
    return violations(MessageType.CallResult, action, payload)


def exact(value: Any) -> Any:
    """The same payload with its binary fractions as the decimals their sender wrote."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return value
