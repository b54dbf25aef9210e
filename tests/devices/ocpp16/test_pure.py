"""The parts without a socket: framing, tolerant reading, schemas, registers."""

import ast
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.messages import Call, CallError, CallResult

from devices.protocols.ocpp16.dialect import OCPP16
from devices.protocols.ocpp16.handlers import HANDLERS
from devices.protocols.ocpp16.statuses import fault_code_of, fault_words_of, state_of
from devices.protocols.ocppj import reading, wire
from devices.protocols.ocppj.meters import readings_of
from devices.protocols.ocppj.registers import BACKWARDS, JUMP, RegisterRun, most_kwh

schema = OCPP16.schema
BEGAN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(st.text() | JSON.map(json.dumps) | st.lists(JSON, max_size=6).map(json.dumps))
def test_no_text_raises_anything_but_bad_frame(text):
    try:
        message = wire.decode(text)
    except wire.BadFrame as bad:
        assert bad.finding and bad.description
    else:
        assert isinstance(message, Call | CallResult | CallError)
        assert isinstance(message.unique_id, str)


@given(st.text(min_size=1, max_size=36), st.sampled_from(sorted(HANDLERS)), st.dictionaries(st.text(), JSON))
def test_a_call_survives_the_wire(message_id, action, payload):
    message = wire.decode(Call(message_id, action, payload).to_json())
    expected = wire.clean(json.loads(json.dumps(payload)))
    assert (message.unique_id, message.action, message.payload) == (wire.clean(message_id), action, expected)


@given(JSON)
def test_clean_values_are_accepted_by_databases(value):
    text = json.dumps(wire.clean(value), ensure_ascii=False)
    assert "\0" not in text and "\\u0000" not in text
    text.encode()


@given(JSON)
def test_any_payload_can_be_checked_and_read(value):
    for action in HANDLERS:
        assert isinstance(schema.call_violations(action, {"connectorId": value, "meterValue": value}), list)
    for name in ("text", "whole", "connector"):
        getattr(reading, name)({"field": value}, "field")
    reading.moment(value)
    readings_of(value, set())
    readings_of([{"timestamp": value, "sampledValue": [{"value": value, "unit": value}]}], set())


@pytest.mark.parametrize("action", ["SetChargingProfile", "RemoteStartTransaction"])
def test_lesson_22_all_multiples_of_a_tenth_of_an_ampere_are_valid(action):
    for tenths in range(401):
        limit = tenths / 10  # a binary fraction, as a JSON parser gives it
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2026-11-20T08:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            },
        }
        payload = (
            {"connectorId": 1, "csChargingProfiles": profile}
            if action == "SetChargingProfile"
            else {"connectorId": 1, "idTag": "T", "chargingProfile": profile}
        )
        assert schema.call_violations(action, payload) == [], limit
    profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] = 8.15
    assert schema.call_violations(action, payload)


@pytest.mark.parametrize(
    ("text", "expected", "finding"),
    [
        ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00+00:00", ""),
        ("2026-11-20T16:00:00.123+08:00", "2026-11-20T08:00:00.123000+00:00", ""),
        ("2026-11-20T08:00:00", "2026-11-20T08:00:00+00:00", "timestamp_without_zone"),
        ("1970-01-01T00:00:00Z", None, "timestamp_unreadable"),
        ("9999-12-31T23:59:59-14:00", None, "timestamp_unreadable"),
        ("tomorrow", None, "timestamp_unreadable"),
        (1_700_000_000, None, "timestamp_unreadable"),
        (None, None, "timestamp_missing"),
    ],
)
def test_lesson_26_timestamps_without_a_zone_are_utc_every_time(text, expected, finding):
    moment, found = reading.moment(text)
    assert (moment and moment.isoformat(), found) == (expected, finding)


@given(
    st.lists(
        st.tuples(
            st.decimals(0, 100_000, places=4, allow_nan=False),
            st.integers(-600, 3600),
        ),
        max_size=30,
    )
)
def test_energy_never_falls_and_never_beats_the_power(steps):
    rated = Decimal("60.0")
    run = RegisterRun(rated, Decimal(0), Decimal("100"), BEGAN)
    at, before, allowed = BEGAN, Decimal(0), Decimal(0)
    for register, seconds in steps:
        moment = at + timedelta(seconds=seconds)
        energy, suspect = run.observe(register, moment)
        if moment < at:
            assert energy is None
            continue
        allowed += most_kwh(rated, moment - at + timedelta(seconds=30))
        at = moment
        assert energy >= before
        assert energy <= allowed
        if suspect:
            assert suspect in (BACKWARDS, JUMP) and energy == before
        before = energy


@given(st.lists(st.integers(0, 1_000), max_size=30))
def test_inside_one_run_energy_is_last_minus_first(rises_wh):
    """60 kW deliver at most 1,100 Wh a minute with margins: none of these steps is suspect."""
    register = Decimal("7000")
    run = RegisterRun(Decimal("60"), Decimal(0), register, BEGAN)
    for minute, rise in enumerate(rises_wh, start=1):
        register += Decimal(rise) / 1000
        energy, suspect = run.observe(register, BEGAN + timedelta(minutes=minute))
        assert (energy, suspect) == (register - 7000, "")


def test_statuses_and_faults():
    assert state_of("Occupied") == ("occupied", True)
    assert state_of("Dancing") is None
    assert fault_code_of("NoError", "") == ""
    assert fault_code_of("NoError", "E7") == "E7"
    assert fault_code_of("OtherError", "E7") == "OtherError/E7"
    assert fault_words_of("GroundFailure").startswith("The ground fault")
    assert fault_words_of("Mystery") == ""


def test_long_frames_are_measured_in_bytes():
    limit = wire.MAX_FRAME_BYTES
    assert not wire.too_long("x" * limit)
    assert wire.too_long("x" * (limit + 1))
    assert wire.too_long("电" * (limit // 3 + 1))
    assert not wire.too_long("电" * (limit // 3))


def test_lesson_21_no_handler_can_wait_for_its_station():
    """A call inside a handler would wait for an answer that the same socket cannot read: none can make one."""
    root = Path(__file__).resolve().parents[3] / "devices" / "protocols"
    modules = [
        *root.glob("ocpp*/handlers/*.py"),
        root / "ocppj" / "maintenance.py",
        root / "ocppj" / "link.py",
    ]
    assert len(modules) > 15
    for module in modules:
        names = {
            alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not [name for name in names if ".calls" in name or ".consumer" in name], module
