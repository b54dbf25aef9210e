"""Commands on the wire of OCPP 2.0.1."""

import json

import pytest

from devices.models import DeviceCommand
from devices.protocols.capabilities import supported_kinds
from devices.protocols.ocpp201.commands import COMMANDS
from devices.protocols.ocpp201.commands.variables import parse
from devices.protocols.ocppj import consumer as consumer_module
from devices.services.commands import send_command
from kernel.actor import system

K = DeviceCommand.Kind
S = DeviceCommand.State
INTERVAL = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}


@pytest.fixture
def command(pile):
    def send(kind: str, **options) -> DeviceCommand:
        pile.refresh_from_db()
        return send_command(actor=system("tests"), pile=pile, kind=kind, **options)

    return send


@pytest.fixture
def ended(eventually):
    def wait(command: DeviceCommand) -> DeviceCommand:
        return eventually(
            lambda: DeviceCommand.objects.filter(pk=command.pk).exclude(state__in=["queued", "sent"]).first()
        )

    return wait


def of_status(*words: str, good: tuple[str, ...] = ("Accepted",)):
    """Every answer with what it means: (answer, state, reason)."""
    return [
        ({"status": word}, S.ACCEPTED if word in good else S.REJECTED, "" if word == "Accepted" else word)
        for word in words
    ]


def of_variable(field: str, *words: str, good: tuple[str, ...] = ("Accepted",)):
    return [
        (
            {field: [{"attributeStatus": word, **INTERVAL}]},
            S.ACCEPTED if word in good else S.REJECTED,
            "" if word == "Accepted" else word,
        )
        for word in words
    ]


EVERY_COMMAND = [
    (
        K.START,
        {"connector_no": 1, "params": {"id_tag": "26112008000012345678"}},
        (
            "RequestStartTransaction",
            {"evseId": 1, "idToken": {"idToken": "26112008000012345678", "type": "Central"}},
        ),
        of_status("Accepted", "Rejected"),
    ),
    (
        K.STOP,
        {"connector_no": 1, "params": {"transaction_ref": "AB-12~2"}},
        ("RequestStopTransaction", {"transactionId": "AB-12"}),
        of_status("Accepted", "Rejected"),
    ),
    (
        K.READ_STATUS,
        {"connector_no": 1},
        ("TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 1}}),
        of_status("Accepted", "Rejected", "NotImplemented"),
    ),
    (
        K.READ_STATUS,
        {"connector_no": 2, "params": {"message": "StatusNotification"}},
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "evse": {"id": 2, "connectorId": 1}}),
        of_status("Accepted"),
    ),
    (
        K.SET_AVAILABILITY,
        {"params": {"available": False}},
        ("ChangeAvailability", {"operationalStatus": "Inoperative"}),
        of_status("Accepted", "Scheduled", "Rejected", good=("Accepted", "Scheduled")),
    ),
    (
        K.SET_AVAILABILITY,
        {"connector_no": 2, "params": {"available": True}},
        ("ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": 2}}),
        of_status("Accepted"),
    ),
    (
        K.REBOOT,
        {"params": {"hard": True}},
        ("Reset", {"type": "Immediate"}),
        of_status("Accepted", "Scheduled", "Rejected", good=("Accepted", "Scheduled")),
    ),
    (K.REBOOT, {}, ("Reset", {"type": "OnIdle"}), of_status("Accepted")),
    (
        K.UNLOCK,
        {"connector_no": 2},
        ("UnlockConnector", {"evseId": 2, "connectorId": 1}),
        of_status("Unlocked", "UnlockFailed", "OngoingAuthorizedTransaction", good=("Unlocked",)),
    ),
    (
        K.GET_CONFIGURATION,
        {"params": {"keys": ["SampledDataCtrlr.TxUpdatedInterval"]}},
        ("GetVariables", {"getVariableData": [INTERVAL]}),
        of_variable("getVariableResult", "Accepted", "UnknownVariable"),
    ),
    (
        K.GET_CONFIGURATION,
        {},
        ("GetBaseReport", {"reportBase": "FullInventory"}),
        of_status("Accepted", "NotSupported"),
    ),
    (
        K.CHANGE_CONFIGURATION,
        {"params": {"key": "SampledDataCtrlr.TxUpdatedInterval", "value": 15}},
        ("SetVariables", {"setVariableData": [{**INTERVAL, "attributeValue": "15"}]}),
        of_variable(
            "setVariableResult", "Accepted", "RebootRequired", "Rejected", good=("Accepted", "RebootRequired")
        ),
    ),
    (K.CLEAR_CACHE, {}, ("ClearCache", {}), of_status("Accepted", "Rejected")),
    (
        K.DATA_TRANSFER,
        {"params": {"vendor_id": "acme", "message_id": "m", "data": {"d": 1}}},
        ("DataTransfer", {"vendorId": "acme", "messageId": "m", "data": {"d": 1}}),
        of_status("Accepted", "UnknownVendorId"),
    ),
]
# Where the number of the command itself is on the wire.
NUMBERED = {"RequestStartTransaction": "remoteStartId", "GetBaseReport": "requestId"}


@pytest.mark.message(
    "ocpp201",
    "RequestStartTransaction",
    "RequestStopTransaction",
    "TriggerMessage",
    "ChangeAvailability",
    "Reset",
    "UnlockConnector",
    "GetVariables",
    "GetBaseReport",
    "SetVariables",
    "ClearCache",
    "DataTransfer out",
)
def test_every_command_and_its_answers(station, command, ended):
    for kind, options, (action, payload), answers in EVERY_COMMAND:
        for answer, state, reason in answers:
            sent = command(kind, **options)
            message_id, said, body = station.expect_call()
            if action in NUMBERED:
                assert body.pop(NUMBERED[action]) == sent.pk
            assert (said, body) == (action, payload)
            station.answer(message_id, answer)
            row = ended(sent)
            assert (row.state, row.reason) == (state, reason), (kind, answer)
            assert row.result == answer


def test_the_table_of_capabilities_is_what_is_built():
    assert supported_kinds("ocpp201") == set(COMMANDS)


@pytest.mark.parametrize("answer", [{}, {"status": 5}, {"status": "Perhaps"}])
def test_an_answer_that_means_nothing_is_no_consent(station, command, ended, answer):
    for kind, params in (
        (K.CLEAR_CACHE, {}),
        (K.GET_CONFIGURATION, {"keys": ["A.B"]}),
        (K.CHANGE_CONFIGURATION, {"key": "A.B"}),
    ):
        sent = command(kind, params=params)
        message_id, _action, _payload = station.expect_call()
        station.answer(message_id, answer)
        assert ended(sent).state == S.REJECTED


def test_a_command_that_makes_no_call_fails_with_its_reason(station, command, ended):
    for kind, params, reason in (
        (K.START, {}, "id_tag is missing"),
        (K.START, {"id_tag": "x" * 37}, "RequestStartTransaction breaks the schema"),
        (K.STOP, {"transaction_ref": ""}, "transaction_ref is missing"),
        (K.GET_CONFIGURATION, {"keys": ["HeartbeatInterval"]}, "HeartbeatInterval is not Component.Variable"),
        (K.CHANGE_CONFIGURATION, {"value": "1"}, "key is missing"),
        (K.READ_STATUS, {"message": "Everything"}, "TriggerMessage breaks the schema"),
    ):
        row = ended(command(kind, connector_no=1, params=params))
        assert row.state == S.FAILED
        assert row.reason.startswith(reason)
    assert station.call("Heartbeat", {})


def test_lesson_19_a_silent_station_is_asked_for_its_states(dial, command, monkeypatch):
    monkeypatch.setattr(consumer_module, "READY_AFTER_S", 0.2)
    station = dial()
    for number in (1, 2):
        message_id, action, payload = station.expect_call()
        assert (action, payload) == (
            "TriggerMessage",
            {"requestedMessage": "StatusNotification", "evse": {"id": number, "connectorId": 1}},
        )
        station.send(json.dumps([4, message_id, "NotImplemented", "", {}]))
    command(K.CLEAR_CACHE)
    assert station.expect_call()[1] == "ClearCache"


@pytest.mark.parametrize(
    ("text", "component", "variable"),
    [
        ("OCPPCommCtrlr.HeartbeatInterval", {"name": "OCPPCommCtrlr"}, {"name": "HeartbeatInterval"}),
        ("EVSE@1.AvailabilityState", {"name": "EVSE", "evse": {"id": 1}}, {"name": "AvailabilityState"}),
        (
            "Connector@2:1.Available",
            {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
            {"name": "Available"},
        ),
        (
            "Ctrl[main]@1.Limit[Max.A]",
            {"name": "Ctrl", "instance": "main", "evse": {"id": 1}},
            {"name": "Limit", "instance": "Max.A"},
        ),
    ],
)
def test_variables_in_one_line(text, component, variable):
    assert parse(text) == {"component": component, "variable": variable}


@pytest.mark.parametrize("text", ["", ".", "A.", ".B", "A@x.B", "A@1:.B", "A.B.C", "A[.B", "A.B[]"])
def test_text_that_names_no_variable(text):
    with pytest.raises(ValueError, match="is not Component"):
        parse(text)
