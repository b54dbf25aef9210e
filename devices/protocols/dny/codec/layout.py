"""Turns the declared data of a DNY command into a reader and a writer.

Fields were appended to commands over the years and devices in the field stop anywhere, so a layout has a required
head and optional fields that are there or not by length (AP3000 device protocol V8.6 §2.0.1). What is longer than
the layout is handed over as surplus; what is shorter than the head is an error that carries what could be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .datatypes import Kind
from .errors import BadField, ShortBody

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``count`` names an earlier field that says how many items there are (a list is read then).

    A default lets the writer leave the field out, or fill it when a later optional field is given.
    """

    name: str
    kind: Kind
    default: Any = _NOTHING
    optional: bool = False
    count: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The data of one command in one direction; ``name`` is a stable slug, ``title`` an English phrase."""

    command: int
    name: str
    title: str
    fields: tuple[Field, ...] = ()

    def read(self, body: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the fields of ``body`` and its surplus bytes; raise ``ShortBody``."""
        fields: dict[str, Any] = {}
        at = 0
        for field in self.fields:
            many = fields[field.count] if field.count else 1
            end = at + field.kind.size * many if field.kind.size else len(body)
            announced_empty = field.count and many == 0  # there, with nothing in it
            if end > len(body) or (field.optional and at == len(body) and not announced_empty):
                if field.optional:
                    break
                raise ShortBody(
                    f"{len(body)} bytes of data, {end} are needed", field=field.name, partial=fields
                )
            fields[field.name] = self._read_field(field, body[at:end])
            at = end
        return fields, body[at:]

    @staticmethod
    def _read_field(field: Field, raw: bytes) -> Any:
        if not field.count or field.kind.family == "opaque":
            return field.kind.read(raw)
        size = field.kind.size
        return [field.kind.read(raw[at : at + size]) for at in range(0, len(raw), size)]

    def write(self, values: Mapping[str, Any]) -> bytes:
        """Return ``values`` as data; raise ``BadField`` for the first value that does not fit."""
        known = {field.name for field in self.fields}
        for name in values:
            if name not in known:
                raise BadField("no such field in this command", field=name)
        given = [index for index, field in enumerate(self.fields) if field.name in values]
        last = max(given, default=-1)
        parts = []
        for index, field in enumerate(self.fields):
            if field.optional and index > last:
                break
            value = values.get(field.name, field.default)
            if value is _NOTHING:
                raise BadField("is missing", field=field.name)
            parts.append(self._write_field(field, value, values))
        return b"".join(parts)

    @staticmethod
    def _write_field(field: Field, value: Any, values: Mapping[str, Any]) -> bytes:
        if not field.count:
            return field.kind.write(field.name, value)
        if field.kind.family == "opaque":
            raw = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
        else:
            if isinstance(value, str | bytes) or not isinstance(value, Sequence):
                raise BadField("a list is needed", field=field.name)
            raw = b"".join(field.kind.write(field.name, item) for item in value)
        if len(raw) != values.get(field.count, 0) * field.kind.size:
            raise BadField(f"does not have as many items as {field.count} says", field=field.name)
        return raw
