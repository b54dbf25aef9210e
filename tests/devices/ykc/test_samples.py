"""Every published YKC sample frame reads as its source says, and comes back byte for byte."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from devices.protocols.ykc.codec import (
    LAYOUTS,
    BadCrc,
    Frame,
    ShortBody,
    Splitter,
    decode,
    encode,
    parse_frame,
)
from devices.protocols.ykc.codec.frame import crc_order_of

SAMPLES = [
    sample
    for sample in json.loads((Path(__file__).parent / "vectors" / "ykc_frames.json").read_text("utf-8"))
    if sample["protocol"] == "YKC"
]
ORDERS = {"low-first": "low", "high-first": "high", None: None}

# What does not come back byte for byte, and why.
DAY_OF_WEEK = "the time carries a day of week, which we read over and send as 0"
INEXACT = {
    "6812010000569903121000103069DE29147601195A5E": DAY_OF_WEEK,
    "68A20046003B202312120000103232390000000000002023121200001001B03604116D0C17A08C09116D0C17": DAY_OF_WEEK,
}
# One sample puts a four-byte count in front of the pile code; read by the layout it announces more
# cards than it holds.
OVERCOUNTED = "683702000048050000002023"


def ids(samples):
    return [f"{sample['type']}-{index}" for index, sample in enumerate(samples)]


def frame_of(sample) -> Frame:
    """The frame by its bytes alone, since some sources print a wrong length byte."""
    raw = bytes.fromhex(sample["hex"])
    return Frame(raw[5], raw[2:4], raw[4], raw[6:-2], crc_order_of(raw), raw)


def as_printed(value, expected):
    """A decoded value in the notation of the sample file."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, list):
        return [as_printed(item, None) for item in value]
    if isinstance(value, dict):
        return "".join(part if isinstance(part, str) else f"{part:02X}" for part in value.values())
    if isinstance(value, Decimal) or isinstance(expected, str):
        return str(value)
    return value


def as_all_printed(fields, expected):
    return {name: as_printed(value, expected.get(name)) for name, value in fields.items()}


def chosen(**wanted):
    return [sample for sample in SAMPLES if all(sample[key] == value for key, value in wanted.items())]


def test_the_sample_file_is_the_whole_one():
    assert len(SAMPLES) == 92
    assert len(chosen(crc_ok=True)) == 52
    assert len(chosen(crc_order="high-first")) == 8
    assert {int(sample["type"], 16) for sample in SAMPLES} <= set(LAYOUTS)


@pytest.mark.parametrize(
    "sample", chosen(crc_ok=True, length_ok=True, layout_ok=True), ids=lambda s: s["type"]
)
def test_valid_sample_passes_the_splitter_and_decodes_to_its_fields(sample):
    raw = bytes.fromhex(sample["hex"])
    (frame,) = Splitter().feed(raw)
    assert frame == parse_frame(raw)
    assert frame.crc_order == ORDERS[sample["crc_order"]]
    message = decode(frame)
    assert message.type == int(sample["type"], 16)
    assert as_all_printed(message.fields, sample["decoded"]) == sample["decoded"]
    assert message.surplus == b""
    assert message.flaws == ()


LAID_OUT = chosen(layout_ok=True)


@pytest.mark.parametrize("sample", LAID_OUT, ids=ids(LAID_OUT))
def test_sample_with_a_complete_layout_decodes_whatever_its_checksum(sample):
    frame = frame_of(sample)
    assert frame.crc_order == ORDERS[sample["crc_order"]]
    message = decode(frame, check_crc=False)
    assert as_all_printed(message.fields, sample["decoded"]) == sample["decoded"]
    assert message.surplus == b""


@pytest.mark.parametrize("sample", LAID_OUT, ids=ids(LAID_OUT))
def test_sample_with_a_complete_layout_comes_back_byte_for_byte(sample):
    frame = frame_of(sample)
    message = decode(frame, check_crc=False)
    sent = encode(message.type, message.fields, frame.seq)
    assert crc_order_of(sent) == "low"
    assert sent[1] == len(sent) - 4
    if any(sample["hex"].startswith(start) for start in INEXACT):
        assert sent[2:-2] != frame.raw[2:-2]
        assert decode(parse_frame(sent)).fields == message.fields
        return
    assert sent[2:-2] == frame.raw[2:-2]
    if sample["crc_ok"]:
        tail = frame.raw[-2:] if sample["crc_order"] == "low-first" else frame.raw[:-3:-1]
        assert sent[-2:] == tail
        if sample["length_ok"]:
            assert sent[:2] == frame.raw[:2]


def test_every_excused_sample_exists():
    for start in INEXACT:
        assert sum(sample["hex"].startswith(start) for sample in SAMPLES) == 1


STALE = chosen(crc_ok=False)


@pytest.mark.parametrize("sample", STALE, ids=ids(STALE))
def test_stale_checksum_is_refused_unless_waived(sample):
    with pytest.raises(BadCrc) as caught:
        decode(frame_of(sample))
    assert caught.value.code == "bad_crc"


ODD = chosen(layout_ok=False)


@pytest.mark.parametrize("sample", ODD, ids=ids(ODD))
def test_sample_of_a_dialect_keeps_its_surplus_or_says_what_is_missing(sample):
    expected = dict(sample["decoded"])
    trailing, short = expected.pop("_trailing", ""), expected.pop("_short", False)
    if short or sample["hex"].startswith(OVERCOUNTED):
        with pytest.raises(ShortBody) as caught:
            decode(frame_of(sample), check_crc=False)
        assert caught.value.code == "short_body"
        partial = caught.value.partial
        assert caught.value.field not in partial or caught.value.field == "cards"
        printed = as_all_printed(partial, expected)
        assert printed == {name: expected[name] for name in printed}
        return
    message = decode(frame_of(sample), check_crc=False)
    assert as_all_printed(message.fields, expected) == expected
    assert message.surplus.hex().upper() == trailing
    assert trailing
    sent = encode(message.type, message.fields, frame_of(sample).seq, surplus=message.surplus)
    assert sent[2:-2] == frame_of(sample).raw[2:-2]
