"""Frames that are wrong, where OCPP 2.0.1 wants another answer than 1.6 (part 4 §4.2.3, §4.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.protocols.ocpp201 import reading
from devices.protocols.ocpp201.dialect import OCPP201
from devices.protocols.ocpp201.handlers import HANDLERS
from devices.protocols.ocppj.meters import END, register_at
from stations.models import Pile
from tests.devices.ocpp16.station import at
from tests.devices.ocpp16.test_pure import JSON
from tests.devices.ocpp201.station import sampled

UNREADABLE = ["", "hello", '{"a":1}', "[]", "[2]", '[2,null,"Heartbeat",{}]']
REFUSED_CALLS = [
    ('[2,"7","Heartbeat"]', "7", "ProtocolError"),
    ('[2,"7","Heartbeat",[]]', "7", "TypeConstraintViolation"),
    ('[2,"7","Teleport",{}]', "7", "NotImplemented"),
    ('[2,"7","StartTransaction",{}]', "7", "NotImplemented"),
    ('[2,7,"Heartbeat",{}]', 7, "ProtocolError"),
    ('[2,"7","BootNotification",{}]', "7", "OccurrenceConstraintViolation"),
    ('[2,"7","Authorize",{}]', "7", "OccurrenceConstraintViolation"),
    ('[2,"7","StatusNotification",{}]', "7", "OccurrenceConstraintViolation"),
    ('[2,"7","TransactionEvent",{}]', "7", "OccurrenceConstraintViolation"),
    ('[2,"7","MeterValues",{"evseId":1}]', "7", "OccurrenceConstraintViolation"),
]
UNANSWERED = ['[3,"nobody asked",{}]', '[3,"1"]', '[4,"-1","RpcFrameworkError","",{}]', '[9,"1","X",{}]']


@pytest.mark.promise(8)
def test_what_cannot_be_read_is_answered_and_the_socket_lives_on(station):
    for text in UNREADABLE:
        station.send(text)
        assert station.receive()[:3] == [4, "-1", "RpcFrameworkError"], text
    for text, message_id, code in REFUSED_CALLS:
        station.send(text)
        assert station.receive()[:3] == [4, message_id, code], text
    for text in UNANSWERED:
        station.send(text)
        assert station.call("Heartbeat", {})


def test_numbers_and_text_that_no_column_holds(station):
    huge = 10**40
    name = "N" * 500
    station.transaction("Started", name, sampled(10**30), evse=1, tag="T" * 500, remote=huge, seq=huge)
    station.transaction("Updated", name, sampled(huge), evse=huge, when="0001-01-01T00:00:00+14:00")
    station.transaction("Ended", name, sampled(-(10**15)), seq=-huge)
    station.transaction("Started", "T\0\ud800", sampled(1), when=at(-10))
    station.transaction("Whatever", "T\0\ud800", sampled(2))
    station.call("MeterValues", {"evseId": 1, "meterValue": [{"timestamp": 5, "sampledValue": [None]}]})
    assert station.call("Heartbeat", {})


def test_lesson_20_breaches_of_the_schema_are_counted_and_tolerated(station, pile, eventually):
    long = "SERIAL-NUMBER-OF-A-VERY-PROUD-MANUFACTURER-0001"
    station.boot(vendorName="", serialNumber=long, colour="red")
    assert Pile.objects.get(pk=pile.pk).serial == long
    station.call("StatusNotification", {"evseId": "1", "connectorStatus": "Occupied"})
    assert pile.connectors.get(number=1).state == "occupied"
    station.status("Available", evse=9)
    station.status("Dancing")
    findings = eventually(lambda: (f := Pile.objects.get(pk=pile.pk).findings).get("unknown_status") and f)
    for finding in (
        "BootNotification.maxLength",
        "BootNotification.additionalProperties",
        "StatusNotification.type",
        "StatusNotification.required",
        "StatusNotification.enum",
        "unknown_connector",
    ):
        assert findings.get(finding), finding


@given(JSON)
def test_any_payload_can_be_checked_and_read(value):
    payload = {
        "evse": value,
        "evseId": value,
        "idToken": value,
        "transactionInfo": value,
        "meterValue": value,
    }
    for action in HANDLERS:
        assert isinstance(OCPP201.schema.call_violations(action, payload), list)
    number = reading.evse_of(payload)
    assert number is None or 0 <= number <= 99
    assert isinstance(reading.id_token_of(payload), str | None)
    register_at(value, END)


@given(st.integers(0, 400))
def test_lesson_22_all_multiples_of_a_tenth_of_an_ampere_are_valid(tenths):
    schedule = {
        "id": 1,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": tenths / 10}],
    }
    profile = {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": [schedule],
    }
    payload = {
        "remoteStartId": 1,
        "idToken": {"idToken": "T", "type": "Central"},
        "chargingProfile": profile,
    }
    assert OCPP201.schema.call_violations("RequestStartTransaction", payload) == []
