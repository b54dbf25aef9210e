"""Values for every DNY layout, drawn from the layout itself, and streams with everything that may go wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from devices.protocols.dny.codec import FROM_DEVICE, TO_DEVICE, build_frame

HEX = "0123456789ABCDEF"
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))


def values_of(kind):
    if kind.family == "number":
        return st.integers(0, (1 << 8 * kind.size) - 1)
    if kind.family == "scaled":
        return st.integers(0, (1 << 8 * kind.size) - 1).map(lambda raw: Decimal(raw).scaleb(-kind.places))
    if kind.family == "opaque":
        if not kind.size:
            return st.binary(max_size=200).map(lambda raw: raw.hex().upper())
        return st.text(HEX, min_size=2 * kind.size, max_size=2 * kind.size)
    if kind.family == "text":
        return st.text(PRINTABLE, max_size=kind.size).map(str.strip)
    if kind.family == "temperature":
        return st.none() | st.integers(-64, 190)
    assert kind.family == "time", kind.family
    moments = st.datetimes(datetime(1970, 1, 2), datetime(2106, 1, 1))
    return st.none() | moments.map(lambda at: at.replace(microsecond=0, tzinfo=UTC))


@st.composite
def fields_of(draw, layout):
    """A body of this layout that ends after any of its optional fields."""
    required = [field for field in layout.fields if not field.optional]
    optional = [field for field in layout.fields if field.optional]
    fields = {}
    for field in [*required, *optional[: draw(st.integers(0, len(optional)))]]:
        if field.count:
            many = fields[field.count] = min(fields[field.count], 16)
            items = draw(st.lists(values_of(field.kind), min_size=many, max_size=many))
            fields[field.name] = "".join(items) if field.kind.family == "opaque" else items
        else:
            fields[field.name] = draw(values_of(field.kind))
    for field in layout.fields:  # a count without its list does not come back
        if field.count and field.name not in fields and field.count in fields:
            fields[field.count] = 0
    return fields


layouts = st.sampled_from(
    [(True, layout) for layout in FROM_DEVICE.values()] + [(False, layout) for layout in TO_DEVICE.values()]
)


def spoil(raw: bytes) -> bytes:
    """The same frame with a wrong checksum."""
    return raw[:-2] + bytes((raw[-2] ^ 0x5A, raw[-1] ^ 0xC3))


codes = st.text(HEX, min_size=8, max_size=8)
bodies = st.one_of(
    st.binary(max_size=24),
    st.binary(min_size=230, max_size=247),
    st.just(build_frame("04AB373B", 1, 0x21, b"\x98\x08\x02\x00\x00")),  # a frame within a frame
    st.just(b"DNY\xff\x00" + b"89860413161892009275" + b"link"),
)
frames = st.builds(build_frame, codes, st.integers(0, 0xFFFF), st.integers(0, 255), bodies)
words = st.sampled_from([b"link", b"89860413161892009275", b"898604D9162390005A1F"])
bad = frames.map(spoil)
cut = st.tuples(frames, st.integers(1, 30)).map(lambda pair: pair[0][: -pair[1]])
noise = st.binary(max_size=40) | st.text("DNYlink89\x00\x01\x09\xff", max_size=40).map(
    lambda text: text.encode("latin-1")
)
streams = st.lists(st.one_of(frames, frames, words, bad, cut, noise), max_size=12).map(b"".join)
