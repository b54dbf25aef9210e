"""The compiled schemas never accept what the general validator refuses, whatever the message."""

import json
from pathlib import Path

import ocpp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from jsonschema.validators import validator_for

from devices.protocols.ocppj.accept import compile_schema

FOLDER = Path(ocpp.__file__).parent
SCHEMAS = {
    f"{version}/{path.stem}": json.loads(path.read_text("utf-8-sig"))
    for version in ("v16", "v201")
    for path in sorted((FOLDER / version / "schemas").glob("*.json"))
}
pytestmark = pytest.mark.embedded


def values(schema, root, depth=0):
    """Values near a schema: mostly good, with a wrong one here and there."""
    if "$ref" in schema:
        return values(root["definitions"][schema["$ref"].rpartition("/")[2]], root, depth)
    wrong = st.sampled_from([None, True, 0, -1, 1.5, "", "x" * 300, [], {}])
    kind = schema.get("type")
    if "enum" in schema:
        good = st.sampled_from(schema["enum"])
    elif kind == "string":
        good = st.text("ab", max_size=min(schema.get("maxLength", 20), 600))
    elif kind == "integer":
        good = st.integers(0, 9)
    elif kind == "number":
        good = st.integers(0, 9) | st.floats(0, 9)
    elif kind == "boolean":
        good = st.booleans()
    elif kind == "array":
        good = st.lists(values(schema["items"], root, depth + 1), min_size=1, max_size=2)
    else:
        required = set(schema.get("required", ()))
        parts = {
            name: values(part, root, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or depth < 2
        }
        needed = {name: part for name, part in parts.items() if name in required}
        more = {name: part for name, part in parts.items() if name not in required}
        good = st.fixed_dictionaries(
            needed, optional={**more, "unheardOf": st.just(1)} if depth == 1 else more
        )
    return st.integers(0, 40).flatmap(lambda number: wrong if number == 0 else good)


def test_all_schemas_but_those_with_decimals_are_compiled():
    slow = {name for name, schema in SCHEMAS.items() if compile_schema(schema) is None}
    assert slow == {
        "v16/RemoteStartTransaction", "v16/SetChargingProfile", "v16/GetCompositeScheduleResponse"
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_accepted_keeps_the_schema(data):
    name = data.draw(st.sampled_from(sorted(SCHEMAS)))
    schema = SCHEMAS[name]
    check = compile_schema(schema)
    value = data.draw(values(schema, schema))
    good = validator_for(schema, default=Draft4Validator)(schema).is_valid(value)
    if check is not None:
        assert check(value) <= good, (name, value)
        if not _holds_a_whole_float(value):
            assert check(value) == good, (name, value)


def _holds_a_whole_float(value) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_a_whole_float, value.values()))
    if isinstance(value, list):
        return any(map(_holds_a_whole_float, value))
    return isinstance(value, float) and value.is_integer()
