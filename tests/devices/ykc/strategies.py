"""Values for every YKC layout, drawn from the layout itself."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from hypothesis import strategies as st

from devices.protocols.ykc.codec import BEIJING, LAYOUTS, build_frame
from devices.protocols.ykc.codec.layout import ListTail, TextTail

HEX = "0123456789ABCDEF"
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))


def _text(size: int):
    return st.text(PRINTABLE, max_size=size).map(str.strip)


def _times():
    moments = st.datetimes(datetime(2000, 1, 1), datetime(2127, 12, 31)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=BEIJING)
    )
    return st.none() | moments


def values_of(kind):
    raw = st.integers(0, (1 << 8 * kind.size) - 1)
    if kind.family == "number":
        return raw.map(lambda value: value + kind.offset)
    if kind.family == "scaled":
        return raw.map(lambda value: (Decimal(value).scaleb(-kind.places)) + kind.offset)
    if kind.family in ("digits", "opaque"):
        return st.text(HEX, min_size=2 * kind.size, max_size=2 * kind.size)
    if kind.family in ("text", "reversed_text"):
        return _text(kind.size)
    assert kind.family == "time", kind.family
    return _times()


def fields_of(type: int):
    layout = LAYOUTS[type]
    counted = layout.tail.count_field if layout.tail else None
    parts = {item.name: values_of(item.kind) for item in layout.fields if item.name != counted}
    if isinstance(layout.tail, TextTail):
        parts[layout.tail.name] = _text(layout.tail.limit)
    elif isinstance(layout.tail, ListTail):
        items = layout.tail.items
        one = (
            values_of(items[0].kind)
            if len(items) == 1
            else st.fixed_dictionaries({item.name: values_of(item.kind) for item in items})
        )
        parts[layout.tail.name] = st.lists(one, max_size=layout.tail.limit)
    return st.fixed_dictionaries(parts)


def swap_crc(raw: bytes) -> bytes:
    """The same frame with its checksum high byte first."""
    return raw[:-2] + raw[-1:] + raw[-2:-1]


def spoil_crc(raw: bytes) -> bytes:
    """The same frame with a checksum that fits in neither order."""
    return raw[:-2] + bytes((raw[-2] ^ 0x5A, raw[-1] ^ 0xC3))


frames = st.builds(
    build_frame,
    st.integers(0, 255),
    st.one_of(st.binary(max_size=24), st.binary(min_size=240, max_size=251)),
    st.binary(min_size=2, max_size=2),
)
good = frames | frames.map(swap_crc)
bad = frames.map(spoil_crc)
cut = st.tuples(frames, st.integers(1, 30)).map(lambda pair: pair[0][: -pair[1]])
noise = st.binary(max_size=40) | st.text("h\x04\x05\x00\xff", max_size=40).map(lambda t: t.encode("latin-1"))
streams = st.lists(st.one_of(good, bad, cut, noise), max_size=12).map(b"".join)
