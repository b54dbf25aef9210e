"""The library's JSON schemas of one OCPP version, used strictly on what we send and as a list of findings on what we get.

Numbers with decimals are compared as decimals: in binary floating point 8.1 is no multiple of 0.1, and the
library keeps one cached validator per message, so all of them are loaded the same way here.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft4Validator
from ocpp.messages import MessageType, get_validator

from devices.protocols.ocppj.accept import Check, compile_schema

MOST_VIOLATIONS = 20


@cache
def _validator(message_type_id: int, action: str, version: str) -> Draft4Validator:
    return get_validator(message_type_id, action, version, parse_float=Decimal)


@cache
def _accepts(message_type_id: int, action: str, version: str) -> Check | None:
    return compile_schema(_validator(message_type_id, action, version).schema)


@dataclass(frozen=True, slots=True)
class Schema:
    """The schemas of one version; `with_decimals` names the messages whose schemas hold `multipleOf`."""

    version: str
    with_decimals: frozenset[str] = frozenset()

    def call_violations(self, action: str, payload: dict[str, Any]) -> list[str]:
        """What is wrong with a call, as `keyword at path`; empty when it keeps the schema."""
        return self._violations(MessageType.Call, action, payload)

    def answer_violations(self, action: str, payload: dict[str, Any]) -> list[str]:
        """What is wrong with an answer, as `keyword at path`."""
        return self._violations(MessageType.CallResult, action, payload)

    def _violations(self, message_type_id: int, action: str, payload: dict[str, Any]) -> list[str]:
        certainly_good = _accepts(message_type_id, action, self.version)
        if certainly_good is not None and certainly_good(payload):
            return []
        if action in self.with_decimals:
            payload = exact(payload)
        errors = _validator(message_type_id, action, self.version).iter_errors(payload)
        return [f"{error.validator} at {error.json_path}" for error in islice(errors, MOST_VIOLATIONS)]


def exact(value: Any) -> Any:
    """The same payload with its binary fractions as the decimals their sender wrote."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    return value
