"""Encoding and decoding every layout: round trips, tolerance on the way in, strictness on the way out."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.protocols.ykc.codec import (
    BEIJING,
    LAYOUTS,
    BadCrc,
    BadField,
    BadFrame,
    Encrypted,
    Message,
    ShortBody,
    UnknownType,
    YkcError,
    build_frame,
    crc16,
    decode,
    encode,
    parse_frame,
    plausible_vin,
    split_cell_group,
)
from devices.protocols.ykc.codec.crc import shift
from devices.protocols.ykc.codec.layout import ListTail

from .strategies import fields_of, good, spoil_crc, swap_crc

PILE = "32010600019236"
TYPES = sorted(LAYOUTS)
SPOKEN = (
    "01 02 03 04 05 06 09 0A 12 13 15 17 19 1B 1D 21 23 25 31 32 33 34 35 36 3B 3D 40 41 42 43 44 45 46"
    " 47 48 51 52 55 56 57 58 61 62 63 91 92 93 94 A1 A2 A3 A4 F0 F1"
)


def hexed(types):
    return [f"{type:02X}" for type in types]


def plain_crc(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def test_every_frame_of_1_5_and_1_6_is_known():
    assert hexed(TYPES) == SPOKEN.split()


def test_odd_types_come_from_the_charger_and_every_reply_goes_the_other_way():
    for layout in LAYOUTS.values():
        assert layout.upward == bool(layout.type & 1), hexed([layout.type])
        if layout.answered_by is not None:
            assert LAYOUTS[layout.answered_by].upward != layout.upward
    assert len({layout.name for layout in LAYOUTS.values()}) == len(LAYOUTS)


def test_crc_of_the_worked_value():
    assert crc16(bytes.fromhex("000000025503141278230500")) == 0x4CDA
    assert crc16(b"123456789") == 0x4B37


@given(st.binary(max_size=700), st.integers(0, 5))
def test_crc_equals_the_bitwise_one(data, start):
    start = min(start, len(data))
    assert crc16(data, start) == plain_crc(data[start:])


@given(st.integers(0, 0xFFFF), st.binary(max_size=255))
def test_crc_of_a_window_follows_from_the_states_around_it(state, data):
    def run(value: int, window: bytes) -> int:
        for byte in window:
            value ^= byte
            for _ in range(8):
                value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        return value

    assert run(state, data) ^ shift(state ^ 0xFFFF, len(data)) == plain_crc(data)


@pytest.mark.parametrize("type", TYPES, ids=hexed(TYPES))
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_what_is_encoded_is_decoded(type, data):
    fields = data.draw(fields_of(type))
    seq = data.draw(st.binary(min_size=2, max_size=2))
    raw = encode(type, fields, seq)
    frame = parse_frame(raw)
    assert (frame.type, frame.seq, frame.encrypted, frame.crc_order) == (type, seq, 0, "low")
    message = decode(frame)
    assert isinstance(message, Message)
    assert message.name == LAYOUTS[type].name
    assert {name: message.fields[name] for name in fields} == fields
    assert set(message.fields) - set(fields) <= {"count", "len"}
    assert message.surplus == b""
    assert message.flaws == ()
    assert encode(type, message.fields, seq) == raw


@pytest.mark.parametrize("type", TYPES, ids=hexed(TYPES))
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_body_of_full_length_decodes_and_settles_after_one_round(type, data):
    layout = LAYOUTS[type]
    if layout.tail is None:
        body = data.draw(st.binary(min_size=layout.size, max_size=layout.size))
    else:
        body = layout.write(data.draw(fields_of(type)))
    counted = not isinstance(layout.tail, ListTail) or layout.tail.count_field
    surplus = data.draw(st.binary(max_size=min(20, 251 - len(body)) if counted else 0))
    message = decode(parse_frame(build_frame(type, body + surplus)))
    assert message.surplus == surplus
    again = decode(parse_frame(encode(type, message.fields, surplus=surplus)))
    assert (again.fields, again.surplus) == (message.fields, surplus)


@pytest.mark.parametrize("type", TYPES, ids=hexed(TYPES))
def test_a_body_one_byte_short_names_the_field_that_is_missing(type):
    layout = LAYOUTS[type]
    body = bytes(layout.size - 1)
    with pytest.raises(ShortBody) as caught:
        decode(parse_frame(build_frame(type, body)))
    last = layout.fields[-1].name
    assert caught.value.field == last
    assert list(caught.value.partial) == [item.name for item in layout.fields[:-1]]


@given(st.integers(0, 255), st.binary(max_size=251), st.integers(0, 255))
@settings(max_examples=400, deadline=None)
def test_random_bodies_give_a_message_or_a_named_error(type, body, encrypted):
    frame = parse_frame(build_frame(type, body, encrypted=encrypted))
    try:
        message = decode(frame)
    except Encrypted:
        assert encrypted
    except UnknownType:
        assert type not in LAYOUTS
    except ShortBody as error:
        assert error.field and len(body) < 251
    else:
        assert set(message.fields) >= {item.name for item in LAYOUTS[type].fields}


@given(good)
def test_both_checksum_orders_are_read_alike(raw):
    other = parse_frame(swap_crc(raw))
    frame = parse_frame(raw)
    assert other[:4] == frame[:4]
    assert {frame.crc_order, other.crc_order} == {"low", "high"} or raw[-1] == raw[-2]


@given(good)
def test_a_spoilt_checksum_is_refused_and_can_be_waived(raw):
    with pytest.raises(BadCrc):
        parse_frame(spoil_crc(raw))
    assert parse_frame(spoil_crc(raw), check_crc=False).crc_order is None


@given(st.binary(max_size=300))
def test_parsing_random_bytes_raises_nothing_but_named_errors(raw):
    with pytest.raises(YkcError) as caught:
        parse_frame(raw)
    assert caught.value.code in ("bad_frame", "bad_crc")


def test_wrong_start_and_wrong_length_are_bad_frames():
    raw = encode(0x36, {"pile_code": PILE, "gun_no": "01"})
    for wrong in (b"", b"\x68", b"\x69" + raw[1:], raw + b"\0", raw[:-1]):
        with pytest.raises(BadFrame):
            parse_frame(wrong)


def test_time_is_beijing_time_and_the_day_of_week_is_masked():
    body = bytes.fromhex("99031210001030") + bytes.fromhex("69DE2914760119")
    message = decode(parse_frame(build_frame(0x56, body)))
    assert message.fields["time"] == datetime(2025, 1, 22, 12, 41, 56, 937000, tzinfo=UTC)
    assert message.fields["time"].tzinfo is BEIJING
    sent = encode(0x56, message.fields)
    assert sent[13:20].hex() == "69de2914160119"


@pytest.mark.parametrize(
    ("raw", "flaws"), [("00000000000000", ()), ("FFFFFFFFFFFFFF", ("time",)), ("60EA0000010118", ("time",))]
)
def test_a_time_that_is_none_does_not_lose_the_frame(raw, flaws):
    message = decode(parse_frame(build_frame(0x55, bytes(7) + bytes.fromhex(raw))))
    assert message.fields["time"] is None
    assert message.flaws == flaws


def test_an_instant_of_another_zone_is_sent_as_beijing_time():
    moment = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    fields = decode(parse_frame(encode(0x56, {"pile_code": PILE, "time": moment}))).fields
    assert fields["time"] == moment
    assert (fields["time"].day, fields["time"].hour) == (2, 4)


def test_the_vin_of_a_start_request_travels_reversed_and_in_the_record_not():
    vin = "LSVAA4187E2123456"
    request = {
        "pile_code": PILE,
        "gun_no": "01",
        "mode": 3,
        "need_pwd": 0,
        "physical_card": "0",
        "password": bytes(16),
        "vin": vin,
    }
    raw = encode(0x31, request)
    assert raw[40:57] == vin[::-1].encode()
    assert decode(parse_frame(raw)).fields["vin"] == vin
    assert plausible_vin(vin[::-1]) == vin
    assert plausible_vin(vin) == vin
    assert plausible_vin("") == ""
    handshake = bytearray(LAYOUTS[0x15].size)
    handshake[48:65] = vin.encode()
    assert decode(parse_frame(build_frame(0x15, bytes(handshake)))).fields["vin"] == vin


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"V4.1.50\0", "V4.1.50"),
        (b"GV.95r13", "GV.95r13"),
        (b"V1\0\xff\xff\x12\0\0", "V1"),
        (b"\0\0V1    ", "V1"),
        (b"\xff" * 8, ""),
        (b"V1\xb5\xc4\0\0\0\0", "V1\xb5\xc4"),
    ],
)
def test_padding_and_rubbish_in_text_are_tolerated_and_never_hold_a_zero(raw, text):
    body = bytes(10) + raw + bytes(12)
    assert decode(parse_frame(build_frame(0x01, body))).fields["software"] == text


def test_offsets_and_cell_group():
    body = bytes.fromhex("20231212000010012508272303540467" + "20231212000010" + "01")
    body += bytes.fromhex("A6134817028D1212145831531100921232140000")
    fields = decode(parse_frame(build_frame(0x23, body))).fields
    assert fields["i_demand"] == Decimal("196.0")
    assert split_cell_group(fields["cell_group"]) == (Decimal("3.44"), 3)
    idle = decode(parse_frame(build_frame(0x23, bytes(44)))).fields
    assert idle["i_demand"] == Decimal("-400.0")


def test_counts_and_reserved_bytes_may_be_left_out():
    cards = [{"logical_card": "1", "physical_card": "D14B0A54"}]
    fields = decode(parse_frame(encode(0x44, {"pile_code": PILE, "cards": cards}))).fields
    assert fields["count"] == 1
    assert fields["cards"] == [{"logical_card": "0" * 15 + "1", "physical_card": "00000000D14B0A54"}]
    lock = decode(parse_frame(encode(0x62, {"pile_code": PILE, "gun_no": 1, "cmd": "55"}))).fields
    assert lock["reserved"] == "00000000"


def test_a_list_that_announces_more_than_it_holds_is_short_and_keeps_what_is_there():
    raw = encode(0x46, {"pile_code": PILE, "cards": ["1", "2"]})
    body = raw[6:13] + b"\x03" + raw[14:-2]
    with pytest.raises(ShortBody) as caught:
        decode(parse_frame(build_frame(0x46, body)))
    assert caught.value.field == "cards"
    assert len(caught.value.partial["cards"]) == 2


STOP = {"pile_code": PILE, "gun_no": "01"}
CLOCK = {"pile_code": PILE, "time": datetime(2026, 1, 1, tzinfo=UTC)}
BALANCE = {**STOP, "physical_card": "0", "balance": Decimal("1.00")}
LOCK = {"pile_code": PILE, "gun_no": 1, "cmd": "55"}
PREFIX = {"pile_code": PILE, "format": 0, "prefix": "https://example.test/"}


@pytest.mark.parametrize(
    ("type", "fields", "culprit"),
    [
        (0x36, {"pile_code": PILE}, "gun_no"),
        (0x36, {**STOP, "gun": 1}, "gun"),
        (0x36, {**STOP, "pile_code": "3201060001923"[:-1] + "XY"}, "pile_code"),
        (0x36, {**STOP, "pile_code": PILE + "1"}, "pile_code"),
        (0x36, {**STOP, "gun_no": None}, "gun_no"),
        (0x36, {**STOP, "gun_no": -1}, "gun_no"),
        (0x42, {**BALANCE, "balance": 1.5}, "balance"),
        (0x42, {**BALANCE, "balance": Decimal("0.001")}, "balance"),
        (0x42, {**BALANCE, "balance": Decimal("-0.01")}, "balance"),
        (0x42, {**BALANCE, "balance": Decimal("42949672.96")}, "balance"),
        (0x42, {**BALANCE, "balance": Decimal("NaN")}, "balance"),
        (0x42, {**BALANCE, "balance": Decimal("1E+999999")}, "balance"),
        (0x42, {**BALANCE, "balance": Decimal("1." + "0" * 45 + "1")}, "balance"),
        (0x42, {**BALANCE, "balance": 10**400}, "balance"),
        (0x56, {**CLOCK, "time": datetime(2026, 1, 1)}, "time"),
        (0x56, {**CLOCK, "time": datetime(1999, 1, 1, tzinfo=UTC)}, "time"),
        (0x56, {**CLOCK, "time": "2026-01-01"}, "time"),
        (0x52, {"pile_code": PILE, "forbid": 0, "power_pct": 256}, "power_pct"),
        (0x52, {"pile_code": PILE, "forbid": 0, "power_pct": "50"}, "power_pct"),
        (0x62, {**LOCK, "cmd": "5"}, "cmd"),
        (0x62, {**LOCK, "cmd": "5 5"}, "cmd"),
        (0x62, {**LOCK, "reserved": b"\0"}, "reserved"),
        (0xF0, {**PREFIX, "prefix": "二维码"}, "prefix"),
        (0xF0, {**PREFIX, "prefix": "x" * 201}, "prefix"),
        (0xF0, {**PREFIX, "prefix": "a\0b"}, "prefix"),
        (0xF0, {**PREFIX, "len": 3}, "len"),
        (0x46, {"pile_code": PILE, "cards": ["1"] * 25}, "cards"),
        (0x46, {"pile_code": PILE, "cards": "12"}, "cards"),
        (0x46, {"pile_code": PILE, "cards": ["1"], "count": 2}, "count"),
        (0x46, {"pile_code": PILE, "cards": ["ZZ"]}, "cards.physical_card"),
        (0x44, {"pile_code": PILE, "cards": [{"physical_card": "1"}]}, "cards"),
    ],
)
def test_what_does_not_fit_the_wire_is_refused_by_field(type, fields, culprit):
    with pytest.raises(BadField) as caught:
        encode(type, fields)
    assert caught.value.field == culprit
    assert caught.value.code == "bad_field"


def test_unknown_type_bad_sequence_and_long_body_are_refused():
    with pytest.raises(UnknownType):
        encode(0x99, {})
    with pytest.raises(BadField):
        encode(0x36, STOP, b"\0")
    with pytest.raises(BadField):
        build_frame(0x36, bytes(252))
    with pytest.raises(BadField):
        build_frame(256, b"")


def test_decoding_does_not_depend_on_the_decimal_context_of_the_caller():
    with localcontext() as context:
        context.prec = 2
        body = bytes(46) + (880000123).to_bytes(4, "little") + bytes(10)
        assert decode(parse_frame(build_frame(0x13, body))).fields["energy"] == Decimal("88000.0123")


def test_the_codec_imports_no_framework():
    code = (
        "import sys, devices.protocols.ykc.codec;"
        "print([name for name in ('django', 'channels', 'celery') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_years_are_bounded_by_seven_bits():
    moment = datetime(2127, 12, 31, 15, 59, 59, tzinfo=UTC)
    raw = encode(0x56, {"pile_code": PILE, "time": moment})
    assert decode(parse_frame(raw)).fields["time"] == moment
    with pytest.raises(BadField):
        encode(0x56, {"pile_code": PILE, "time": moment + timedelta(seconds=1)})
