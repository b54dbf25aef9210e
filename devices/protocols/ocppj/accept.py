"""JSON schemas compiled to one question: does this value certainly keep the schema?

A general validator walks the schema anew for every message, which was a third of what a MeterValues cost. Almost
every message keeps its schema; what is not certainly good goes to the general validator, which has the last word
and finds the violations. So a keyword that is not known here makes messages slow, never wrong.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Check = Callable[[Any], bool]

# Annotations, and `format`, which the general validator does not check either. `additionalItems` counts only beside
# a list of item schemas, which is not known here.
_SILENT = frozenset(
    {
        "$schema",
        "$id",
        "id",
        "title",
        "description",
        "comment",
        "javaType",
        "default",
        "definitions",
        "format",
    }
    | {"additionalItems"}
)


class Unknown(Exception):
    """The schema holds something that is not compiled here."""


def compile_schema(schema: Mapping[str, Any]) -> Check | None:
    """A function that is True only for values that keep the schema; None when the schema is not understood."""
    try:
        return _Compiler(schema).check_of(schema)
    except Unknown:
        return None


class _Compiler:
    def __init__(self, root: Mapping[str, Any]):
        self._root = root
        self._named: dict[str, Check] = {}

    def check_of(self, schema: Any) -> Check:
        if not isinstance(schema, Mapping):
            raise Unknown("a schema that is no object")
        if "$ref" in schema:  # whose neighbours do not count (draft 4 and 6)
            return self._reference(schema["$ref"])
        checks = []
        for keyword, value in schema.items():
            if keyword in _SILENT:
                continue
            if keyword in ("properties", "required", "additionalProperties"):
                continue
            make = _MAKERS.get(keyword)
            if make is None:
                if keyword != "items":
                    raise Unknown(keyword)
                checks.append(_items(self.check_of(value)))
            else:
                checks.append(make(value))
        if {"properties", "required", "additionalProperties"} & schema.keys():
            checks.append(self._object(schema))
        if len(checks) == 1:
            return checks[0]
        parts = tuple(checks)

        def check(value: Any) -> bool:
            for part in parts:  # noqa: SIM110 - a generator costs more than the checks
                if not part(value):
                    return False
            return True

        return check

    def _object(self, schema: Mapping[str, Any]) -> Check:
        known = {name: self.check_of(part) for name, part in schema.get("properties", {}).items()}
        required = tuple(schema.get("required", ()))
        more = schema.get("additionalProperties", True)
        if not isinstance(more, bool):
            raise Unknown("additionalProperties")

        def check(value: Any) -> bool:
            if not isinstance(value, dict):
                return True  # these keywords speak of objects only; some schemas carry them on strings
            for name, item in value.items():
                part = known.get(name)
                if part is None:
                    if not more:
                        return False
                elif not part(item):
                    return False
            for name in required:  # noqa: SIM110
                if name not in value:
                    return False
            return True

        return check

    def _reference(self, name: str) -> Check:
        if name not in self._named:
            prefix, _slash, short = name.rpartition("/")
            if prefix != "#/definitions" or short not in self._root.get("definitions", {}):
                raise Unknown(name)
            self._named[name] = lambda value: self._named[name](value)  # while it names itself
            self._named[name] = self.check_of(self._root["definitions"][short])
        return self._named[name]


def _items(each: Check) -> Check:
    def check(value: Any) -> bool:
        if not isinstance(value, list):
            return False
        for item in value:  # noqa: SIM110
            if not each(item):
                return False
        return True

    return check


def _type(name: Any) -> Check:
    if not isinstance(name, str) or name not in _TYPES:
        raise Unknown(f"type {name!r}")
    wanted = _TYPES[name]
    if name in ("integer", "number"):
        return lambda value: isinstance(value, wanted) and not isinstance(value, bool)
    return lambda value: isinstance(value, wanted)


def _enum(values: Any) -> Check:
    if not all(isinstance(value, str) for value in values):
        raise Unknown("enum")
    allowed = frozenset(values)
    return lambda value: isinstance(value, str) and value in allowed


_NUMBER = (int, float, Decimal)
_TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": _NUMBER,
    "object": dict,
    "array": list,
}
_MAKERS: dict[str, Callable[[Any], Check]] = {
    "type": _type,
    "enum": _enum,
    "maxLength": lambda most: lambda value: isinstance(value, str) and len(value) <= most,
    "minLength": lambda least: lambda value: isinstance(value, str) and len(value) >= least,
    "maxItems": lambda most: lambda value: isinstance(value, list) and len(value) <= most,
    "minItems": lambda least: lambda value: isinstance(value, list) and len(value) >= least,
    "minimum": lambda least: lambda value: isinstance(value, _NUMBER) and value >= least,
    "maximum": lambda most: lambda value: isinstance(value, _NUMBER) and value <= most,
}
