"""Bodies there and back, refusals that name the field, and the published samples byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.protocols.dny.codec import (
    FROM_DEVICE,
    TO_DEVICE,
    BadChecksum,
    BadField,
    BadFrame,
    DnyError,
    ShortBody,
    Splitter,
    UnknownCommand,
    build_frame,
    decode,
    encode,
    is_host,
    parse_frame,
    printed_number,
    words,
)

from .strategies import fields_of, layouts

SAMPLES = [
    sample
    for sample in json.loads(
        (Path(__file__).parents[1] / "ykc" / "vectors" / "ykc_frames.json").read_text("utf-8")
    )
    if sample["protocol"] == "DNY"
]
ORDER = "12345678123456781234567812345678"


def from_device(sample) -> bool:
    """The source says with every sample who sends it; of 8D it prints the answer twice."""
    return not sample["what"].rpartition("/")[2].strip().startswith("服务器")


def test_the_samples_are_all_there():
    assert len(SAMPLES) == 32
    known = set(FROM_DEVICE) | set(TO_DEVICE)
    assert {int(sample["type"], 16) for sample in SAMPLES} <= known


@pytest.mark.parametrize("sample", SAMPLES, ids=[f"{s['type']}-{i}" for i, s in enumerate(SAMPLES)])
def test_a_published_sample_reads_as_its_source_says_and_comes_back_byte_for_byte(sample):
    raw = bytes.fromhex(sample["hex"])
    (frame,) = Splitter().feed(raw)
    expected = sample["decoded"]
    assert frame == parse_frame(raw)
    assert frame.pile_code == expected["physical_id"]
    assert printed_number(frame.pile_code) == expected["qr_number"]
    assert f"{frame.command:02X}" == expected["cmd"]
    assert frame.message_id == expected["message_id"]
    assert frame.body.hex().upper() == expected["data"]
    message = decode(frame, from_device=from_device(sample))
    again = encode(
        frame.pile_code,
        frame.message_id,
        frame.command,
        message.fields,
        from_device=from_device(sample),
        surplus=message.surplus,
    )
    assert again == raw


def fields_of_sample(start: str, *, device: bool = True) -> dict:
    (sample,) = [sample for sample in SAMPLES if sample["hex"].startswith(start)]
    return decode(parse_frame(bytes.fromhex(sample["hex"])), from_device=device).fields


def test_the_settlement_sample_in_units():
    assert fields_of_sample("444E592800") == {
        "duration": 3600,
        "max_power": Decimal("100.0"),
        "energy": Decimal("0.48"),
        "port": 1,
        "how": 1,
        "card": "00000000",
        "stop_reason": 1,
        "order": "20190901180000130030380102030405",
        "second_max_power": Decimal("100.0"),
    }


def test_the_power_sample_in_units():
    fields = fields_of_sample("444E593200")
    assert (fields["power"], fields["voltage"], fields["current"]) == (
        Decimal("100.0"),
        Decimal("220.0"),
        Decimal("0.455"),
    )
    assert (fields["energy"], fields["duration"]) == (Decimal("0.48"), 3600)
    assert (fields["temperature"], fields["port_temperature"]) == (20, None)
    assert "time" not in fields


def test_the_start_sample_in_units():
    assert fields_of_sample("444E592600", device=False) == {
        "rate_mode": 0,
        "balance": 356,
        "port": 1,
        "action": 1,
        "amount": 0,
        "order": ORDER,
        "max_time": 28_800,
        "overload": Decimal("500.0"),
    }


@given(layouts.flatmap(lambda pair: st.tuples(st.just(pair), fields_of(pair[1]))))
@settings(max_examples=400, deadline=None)
def test_what_is_written_reads_back(case):
    (device, layout), fields = case
    raw = encode("05ABCDEF", 7, layout.command, fields, from_device=device)
    message = decode(parse_frame(raw), from_device=device)
    assert {name: message.fields[name] for name in fields} == fields
    assert message.surplus == b""
    assert encode("05ABCDEF", 7, layout.command, message.fields, from_device=device) == raw


@given(layouts, st.binary(max_size=247))
@settings(max_examples=400, deadline=None)
def test_any_body_reads_or_says_which_field_is_missing(pair, body):
    device, layout = pair
    frame = parse_frame(build_frame("04AB373B", 1, layout.command, body))
    try:
        message = decode(frame, from_device=device)
    except ShortBody as error:
        assert error.field in {field.name for field in layout.fields}
        assert error.field not in error.partial
    else:
        assert message.fields.keys() <= {field.name for field in layout.fields}


def test_a_longer_body_of_a_later_version_keeps_its_surplus():
    raw = build_frame("04AB373B", 1, 0x21, bytes.fromhex("980802000009050102"))
    assert decode(parse_frame(raw)).surplus == b"\x01\x02"


def test_devices_of_every_age_are_read_by_length():
    short = decode(parse_frame(build_frame("04AB373B", 1, 0x82, b"\x00"))).fields
    assert short == {"result": 0}
    old = decode(parse_frame(build_frame("04AB373B", 1, 0x20, bytes.fromhex("6400020A")))).fields
    assert old == {"firmware": 100, "ports": 2, "virtual_id": 10}


def test_the_long_card_number_of_a_social_card_is_read():
    fields = {
        "card": "7A8D05DD",
        "card_kind": 4,
        "port": 255,
        "purse_fen": 0,
        "time": datetime(2026, 11, 20, tzinfo=UTC),
        "card2_length": 16,
        "card2": ORDER,
    }
    assert decode(parse_frame(encode("04AB373B", 1, 2, fields, from_device=True))).fields == fields


def test_optional_fields_are_filled_up_to_the_last_given_one():
    start = {"port": 3, "action": 1, "order": ORDER}
    assert len(encode("04AB373B", 1, 0x82, start)) == 14 + 25
    assert len(encode("04AB373B", 1, 0x82, {**start, "overload": Decimal(500)})) == 14 + 29
    assert len(encode("04AB373B", 1, 0x82, {**start, "full_minutes": 60})) == 14 + 38


@pytest.mark.parametrize(
    ("command", "fields", "field"),
    [
        (0x82, {"port": 0, "action": 1}, "order"),
        (0x82, {"port": 0, "action": 1, "order": "12"}, "order"),
        (0x82, {"port": 0, "action": 1, "order": "Z" * 32}, "order"),
        (0x82, {"port": 256, "action": 1, "order": ORDER}, "port"),
        (0x82, {"port": 0, "action": 1, "order": ORDER, "overload": Decimal("0.05")}, "overload"),
        (0x82, {"port": 0, "action": 1, "order": ORDER, "overload": 7000}, "overload"),
        (0x82, {"port": 0, "action": 1, "order": ORDER, "overload": Decimal("NaN")}, "overload"),
        (0x85, {"max_time": 70_000, "overload": 1}, "max_time"),
        (0x85, {"max_time": -1, "overload": 1}, "max_time"),
        (0x85, {"max_time": True, "overload": 1}, "max_time"),
        (0x22, {"time": datetime(2026, 1, 1)}, "time"),
        (0x87, {"port": 1}, "port"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(command, fields, field):
    with pytest.raises(BadField) as caught:
        encode("04AB373B", 1, command, fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("code", "message_id", "command", "body", "field"),
    [
        ("04AB37", 1, 1, b"", "pile_code"),
        ("04AB373G", 1, 1, b"", "pile_code"),
        ("04AB373B", 0x10000, 1, b"", "message_id"),
        ("04AB373B", 1, 256, b"", "command"),
        ("04AB373B", 1, 1, bytes(248), "body"),
    ],
)
def test_a_frame_that_cannot_be_is_not_built(code, message_id, command, body, field):
    with pytest.raises(BadField) as caught:
        build_frame(code, message_id, command, body)
    assert caught.value.field == field


def test_what_is_no_frame_is_refused_with_its_code():
    good = build_frame("04AB373B", 1, 0x21, b"\x98\x08\x00")
    for raw, error in (
        (good[:-1], BadFrame),
        (b"X" + good[1:], BadFrame),
        (good[:-1] + b"\xff", BadChecksum),
        (b"", BadFrame),
    ):
        with pytest.raises(error):
            parse_frame(raw)
    with pytest.raises(UnknownCommand) as caught:
        decode(parse_frame(build_frame("04AB373B", 1, 0x7E)))
    assert isinstance(caught.value, DnyError)
    assert caught.value.code == "unknown_command"


def test_hosts_are_told_from_boxes():
    assert is_host("09D62684") and is_host("0AD62684")
    assert not is_host("05AB373B") and not is_host("04AB373B")


@pytest.mark.parametrize("look_up", [words.port_state, words.stop_reason, words.charge_result, words.alarm])
def test_every_byte_has_words_and_slugs_are_not_shared(look_up):
    found = [look_up(code) for code in range(256)]
    assert all(word.text.endswith(".") for word in found)
    assert len({word.slug for word in found}) == 256
    assert all(len(word.slug) <= 48 for word in found)


def test_port_states_of_the_standard_are_what_they_say():
    states = {code: words.port_state(code).state for code in range(0x11)}
    assert [code for code, state in states.items() if state == "charging"] == [1, 5]
    assert [code for code, state in states.items() if state == "plugged"] == [2, 3]
    assert [code for code, state in states.items() if state == "free"] == [0]
    assert words.port_state(0x0D).slug == "short_circuit"
    assert words.port_state(0x77).state == "fault"


def test_an_optional_list_announced_as_empty_is_there_and_empty():
    fields = {"card": "00000000", "card_kind": 0, "port": 0, "purse_fen": 0, "time": None, "card2_length": 0}
    raw = encode("05ABCDEF", 7, 0x02, {**fields, "card2": ""}, from_device=True)
    assert decode(parse_frame(raw), from_device=True).fields == {**fields, "card2": ""}
