"""Frames that are wrong: counted, kept raw, answered where an answer is possible; the socket lives on."""

import json
import time
from collections import Counter

import pytest

from devices.models import FrameLog
from devices.protocols.ocppj import consumer as consumer_module
from stations.models import Pile
from tests.devices.ocpp16.conftest import make_pile
from tests.devices.ocpp16.station import at, register

ALIVE = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}


def alive(station) -> None:
    assert station.call("StatusNotification", ALIVE) == {}


NO_MESSAGES = [
    ("", "not_json"),
    ("hello", "not_json"),
    ("[2,", "not_json"),
    ('{"a":1}', "not_an_array"),
    ("[]", "not_an_array"),
    ("null", "not_an_array"),
    ("[2]", "no_message_id"),
    ('[2,null,"Heartbeat",{}]', "no_message_id"),
    ('[2,"","Heartbeat",{}]', "message_id_length"),
    ('[2,"1","Heartbeat",NaN]', "not_json"),
    ('[2,"1","Heartbeat",{"a":1e999}]', "not_json"),
    ('[2,"1","Heartbeat",{"a":' + "9" * 5000 + "}]", "not_json"),
    ("[" * 60_000, "not_json"),
    ('[3,"1"]', "malformed_answer"),
    ('[3,"nobody asked",{}]', "unexpected_answer"),
    ('[4,"nobody asked","GenericError","",{}]', "unexpected_answer"),
    ('[9,"1","Heartbeat",{}]', "unknown_message_type"),
    ('[true,"1","Heartbeat",{}]', "unknown_message_type"),
]

REFUSED_CALLS = [
    ('[2,"7","Heartbeat"]', "ProtocolError"),
    ('[2,"7","Heartbeat",{},1]', "ProtocolError"),
    ('[2,"7","Heartbeat",[]]', "TypeConstraintViolation"),
    ('[2,"7",5,{}]', "FormationViolation"),
    ('[2,"7","Teleport",{}]', "NotImplemented"),
    ('[2,"7","RemoteStartTransaction",{"idTag":"A"}]', "NotImplemented"),
    ('[2,"7","BootNotification",{}]', "OccurenceConstraintViolation"),
    ('[2,"7","Authorize",{}]', "OccurenceConstraintViolation"),
    ('[2,"7","StatusNotification",{}]', "OccurenceConstraintViolation"),
    ('[2,"7","StartTransaction",{}]', "OccurenceConstraintViolation"),
    ('[2,"7","StopTransaction",{}]', "OccurenceConstraintViolation"),
    ('[2,"7","MeterValues",{"connectorId":1}]', "OccurenceConstraintViolation"),
]


@pytest.mark.promise(8)
def test_frames_that_are_no_messages(station, pile, eventually):
    for text, finding in NO_MESSAGES:
        station.send(text)
        if finding == "message_id_length":
            assert station.receive()[2] == "ProtocolError"
        alive(station)
    station.close()
    expected = Counter(finding for _text, finding in NO_MESSAGES)
    eventually(lambda: Pile.objects.get(pk=pile.pk).findings.items() >= expected.items())
    rows = eventually(
        lambda: (
            len(found := FrameLog.objects.filter(name="?", direction="in").order_by("id")) == len(NO_MESSAGES)
            and found
        )
    )
    assert [row.raw for row in rows] == [text[:2000] for text, _finding in NO_MESSAGES]
    assert all(row.error for row in rows)


def test_calls_that_cannot_be_carried_out_get_a_callerror(station):
    for text, code in REFUSED_CALLS:
        station.send(text)
        answer = station.receive()
        assert answer[:3] == [4, "7", code], text
        assert isinstance(answer[3], str) and answer[4] == {}
        alive(station)


def test_a_numeric_message_id_starts_nothing(station):
    from devices.models import DeviceTransaction

    payload = {"connectorId": 1, "idTag": "T", "meterStart": 1, "timestamp": at()}
    station.send(json.dumps([2, 42, "StartTransaction", payload]))
    assert station.receive()[:3] == [4, 42, "ProtocolError"]
    assert not DeviceTransaction.objects.exists()


def test_lesson_20_breaches_of_the_schema_are_counted_and_tolerated(station, pile, eventually):
    long = "SERIAL-NUMBER-OF-A-VERY-PROUD-MANUFACTURER-0001"
    station.boot(chargePointVendor="", chargePointSerialNumber=long, colour="red")
    assert Pile.objects.get(pk=pile.pk).serial == long
    station.call("StatusNotification", {"connectorId": "1", "status": "Occupied", "errorCode": 7})
    assert pile.connectors.get(number=1).state == "occupied"
    station.status("Available", connector=9)
    station.status("Dancing")
    expected = {
        "BootNotification.maxLength",
        "BootNotification.additionalProperties",
        "StatusNotification.type",
        "StatusNotification.enum",
        "unknown_connector",
        "unknown_status",
    }
    eventually(lambda: expected <= Pile.objects.get(pk=pile.pk).findings.keys())


def test_a_frame_over_128_kb_closes_the_connection(dial, pile, eventually):
    station = dial()
    station.boot()
    station.send(json.dumps([2, "1", "DataTransfer", {"vendorId": "x", "data": "y" * 140_000}]))
    assert station.closed()[0] == 1009
    eventually(lambda: not Pile.objects.get(pk=pile.pk).online)
    dial().boot()


def test_a_frame_just_below_the_limit_is_handled(station):
    answer = station.call("DataTransfer", {"vendorId": "x", "data": "y" * 130_000})
    assert answer == {"status": "UnknownVendorId"}


def test_binary_frames_are_no_messages(station, pile, eventually):
    station.send(b"\x68\x00\x01")
    alive(station)
    eventually(lambda: Pile.objects.get(pk=pile.pk).findings.get("binary_frame"))


def test_many_malformed_frames_in_a_row_end_the_connection(station):
    for _ in range(consumer_module.BAD_FRAMES_IN_A_ROW - 1):
        station.send("nonsense")
    alive(station)  # one good message forgives
    for _ in range(consumer_module.BAD_FRAMES_IN_A_ROW):
        station.send("nonsense")
    assert station.closed() == (1002, "too many malformed frames")


def test_text_that_no_database_holds(station, eventually):
    station.send('[2,"m","DataTransfer",{"vendorId":"a\\u0000b","data":"\\ud800"}]')
    assert station.receive() == [3, "m", {"status": "UnknownVendorId"}]
    number = station.call(
        "StartTransaction",
        {"connectorId": 1, "idTag": "T\0AG", "meterStart": 1, "timestamp": at()},
    )["transactionId"]
    station.meter(number, register("5"))
    row = eventually(lambda: FrameLog.objects.filter(name="DataTransfer", direction="in").first())
    assert row.decoded == {"vendorId": "a\ufffdb", "data": "?"}
    assert "\\u0000" in row.raw


def test_numbers_that_no_column_holds(station):
    huge = 10**40
    station.call(
        "StartTransaction", {"connectorId": huge, "idTag": "T" * 500, "meterStart": 10**30, "timestamp": at()}
    )
    station.call("StopTransaction", {"transactionId": huge, "meterStop": 10**15, "timestamp": at()})
    station.call(
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": -huge,
            "meterValue": [{"timestamp": "0001-01-01T00:00:00+14:00", "sampledValue": [register("9" * 300)]}],
        },
    )
    alive(station)


@pytest.mark.promise(8)
def test_lesson_17_a_flood_slows_its_own_pile_only_and_is_answered_to_the_end(dial, pile, monkeypatch):
    monkeypatch.setattr(consumer_module, "MESSAGES_PER_S", 20)
    monkeypatch.setattr(consumer_module, "REPLAY_BURST", 20)
    loud, quiet = dial(), dial(make_pile().code)
    began = time.monotonic()
    for _ in range(60):
        loud.post("Heartbeat", {})
    for _ in range(5):
        asked = time.monotonic()
        quiet.call("Heartbeat", {})
        assert time.monotonic() - asked < 0.5
    assert all(loud.receive()[0] == 3 for _ in range(60))
    assert 1.5 < time.monotonic() - began < 10
