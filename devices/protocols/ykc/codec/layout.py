"""Turns a declared frame body into a precompiled reader and writer.

A layout is a fixed head (one struct) and, for a few frames, a tail of variable length. Reading
accepts a longer body and hands the rest over as surplus, because dialects append fields; a shorter
body is an error that still carries what could be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from .datatypes import Kind, read_text, write_text
from .errors import BadField, ShortBody

MAX_BODY = 251
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One named field of a body; ``default`` is used by the writer when the caller leaves it out."""

    name: str
    kind: Kind
    default: Any = _NOTHING


@dataclass(frozen=True, slots=True)
class ListTail:
    """A list of equal items; ``count_field`` is a head field, or None when the length alone tells.

    An item of one field is that field's value, an item of several is a dict. ``limit`` bounds what
    is sent, not what is read.
    """

    name: str
    items: tuple[Field, ...]
    limit: int
    count_field: str | None = None

    @property
    def size(self) -> int:
        return sum(item.kind.size for item in self.items)

    def read(self, body: bytes, at: int, fields: dict[str, Any]) -> int:
        size = self.size
        available = (len(body) - at) // size
        count = fields[self.count_field] if self.count_field else available
        values: list[Any] = []
        fields[self.name] = values
        for index in range(min(count, available)):
            start = at + index * size
            item: dict[str, Any] = {}
            for part in self.items:
                raw = body[start : start + part.kind.size]
                (value,) = Struct("<" + part.kind.code).unpack(raw)
                item[part.name] = value if part.kind.read is None else part.kind.read(value)
                start += part.kind.size
            values.append(item if len(self.items) > 1 else item[self.items[0].name])
        if count > available:
            raise ShortBody(f"{count} items announced, {available} there", field=self.name, partial=fields)
        return at + count * size

    def write(self, values: Mapping[str, Any]) -> bytes:
        items = values.get(self.name, _NOTHING)
        if isinstance(items, str | bytes) or not isinstance(items, Sequence):
            raise BadField("a list is needed", field=self.name)
        if len(items) > self.limit:
            raise BadField(f"at most {self.limit} items fit one frame", field=self.name)
        parts = []
        for item in items:
            if len(self.items) == 1:
                item = {self.items[0].name: item}
            if not isinstance(item, Mapping) or set(item) != {part.name for part in self.items}:
                raise BadField(
                    "each item needs " + ", ".join(part.name for part in self.items), field=self.name
                )
            for part in self.items:
                raw = part.kind.write(f"{self.name}.{part.name}", item[part.name])
                parts.append(Struct("<" + part.kind.code).pack(raw))
        return b"".join(parts)

    def count(self, values: Mapping[str, Any]) -> int:
        items = values.get(self.name)
        return len(items) if isinstance(items, Sequence) else 0


@dataclass(frozen=True, slots=True)
class TextTail:
    """Text whose length in bytes stands in the head field ``count_field``."""

    name: str
    limit: int
    count_field: str

    def read(self, body: bytes, at: int, fields: dict[str, Any]) -> int:
        end = at + fields[self.count_field]
        fields[self.name] = read_text(body[at:end])
        if end > len(body):
            raise ShortBody(f"{end - len(body)} bytes are missing", field=self.name, partial=fields)
        return end

    def write(self, values: Mapping[str, Any]) -> bytes:
        return write_text(self.name, values.get(self.name), self.limit)

    def count(self, values: Mapping[str, Any]) -> int:
        text = values.get(self.name)
        return len(text) if isinstance(text, str) else 0


@dataclass(frozen=True)
class Layout:
    """The body of one frame type.

    ``name`` is a stable slug, ``title`` an English phrase for people, ``upward`` says that the
    charger sends it, ``answered_by`` is the type of the reply, if one is due.
    """

    type: int
    name: str
    title: str
    fields: tuple[Field, ...]
    upward: bool
    answered_by: int | None = None
    tail: ListTail | TextTail | None = None
    size: int = field(init=False)

    def __post_init__(self) -> None:
        head = Struct("<" + "".join(item.kind.code for item in self.fields))
        put = object.__setattr__
        put(self, "size", head.size)
        put(self, "_unpack", head.unpack_from)
        put(self, "_pack", head.pack)
        put(self, "_plan", tuple((item.name, item.kind.read) for item in self.fields))
        offsets, at = [], 0
        for item in self.fields:
            offsets.append((item, at))
            at += item.kind.size
        put(self, "_offsets", tuple(offsets))
        put(self, "_times", tuple(pair for pair in offsets if pair[0].kind.family == "time"))
        names = [item.name for item in self.fields] + ([self.tail.name] if self.tail else [])
        if len(set(names)) != len(names):
            raise ValueError(f"frame type {self.type:02X} names a field twice")
        put(self, "_names", frozenset(names))

    def read(self, body: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the fields of ``body`` and its surplus bytes; raise ``ShortBody``."""
        if len(body) < self.size:
            raise self._short(body)
        fields = {
            name: raw if convert is None else convert(raw)
            for (name, convert), raw in zip(self._plan, self._unpack(body), strict=True)
        }
        end = self.size if self.tail is None else self.tail.read(body, self.size, fields)
        return fields, body[end:]

    def flaws(self, body: bytes, fields: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of time fields that hold something which is no time."""
        return tuple(
            item.name
            for item, at in self._times
            if fields[item.name] is None and any(body[at : at + item.kind.size])
        )

    @property
    def has_times(self) -> bool:
        return bool(self._times)

    def write(self, values: Mapping[str, Any]) -> bytes:
        """Return ``values`` as a body; raise ``BadField`` for the first value that does not fit."""
        for name in values:
            if name not in self._names:
                raise BadField("no such field in this frame", field=name)
        tail = self.tail
        tail_bytes = b"" if tail is None else tail.write(values)
        raws = []
        for item in self.fields:
            value = values.get(item.name, item.default)
            if tail is not None and item.name == tail.count_field:
                count = tail.count(values)
                if value is not _NOTHING and value != count:
                    raise BadField(f"says {value} where {tail.name} holds {count}", field=item.name)
                value = count
            if value is _NOTHING:
                raise BadField("is missing", field=item.name)
            raws.append(item.kind.write(item.name, value))
        return self._pack(*raws) + tail_bytes

    def _short(self, body: bytes) -> ShortBody:
        partial: dict[str, Any] = {}
        for item, at in self._offsets:
            end = at + item.kind.size
            if end > len(body):
                return ShortBody(
                    f"body has {len(body)} bytes, the layout {self.size}", field=item.name, partial=partial
                )
            (raw,) = Struct("<" + item.kind.code).unpack_from(body, at)
            partial[item.name] = raw if item.kind.read is None else item.kind.read(raw)
        raise AssertionError("a short body misses a field")
