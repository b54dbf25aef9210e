"""Commands on the wire: one call at a time, each ends once."""

import json

import pytest

from devices.models import DeviceCommand, FrameLog
from devices.protocols.ocppj import consumer as consumer_module
from devices.services.commands import expire_commands
from kernel.errors import DomainError

K = DeviceCommand.Kind
S = DeviceCommand.State


EVERY_COMMAND = [
    (
        K.START,
        {"connector_no": 1, "params": {"id_tag": "ORDER-1"}},
        ("RemoteStartTransaction", {"connectorId": 1, "idTag": "ORDER-1"}),
        [("Accepted", S.ACCEPTED), ("Rejected", S.REJECTED)],
    ),
    (
        K.STOP,
        {"connector_no": 1, "params": {"transaction_ref": "77"}},
        ("RemoteStopTransaction", {"transactionId": 77}),
        [("Accepted", S.ACCEPTED), ("Rejected", S.REJECTED)],
    ),
    (
        K.SET_AVAILABILITY,
        {"params": {"available": False}},
        ("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}),
        [("Accepted", S.ACCEPTED), ("Scheduled", S.ACCEPTED), ("Rejected", S.REJECTED)],
    ),
    (
        K.REBOOT,
        {"params": {"hard": True}},
        ("Reset", {"type": "Hard"}),
        [("Accepted", S.ACCEPTED), ("Rejected", S.REJECTED)],
    ),
    (
        K.UNLOCK,
        {"connector_no": 2},
        ("UnlockConnector", {"connectorId": 2}),
        [("Unlocked", S.ACCEPTED), ("UnlockFailed", S.REJECTED), ("NotSupported", S.REJECTED)],
    ),
    (
        K.CHANGE_CONFIGURATION,
        {"params": {"key": "MeterValueSampleInterval", "value": 15}},
        ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "15"}),
        [("Accepted", S.ACCEPTED), ("RebootRequired", S.ACCEPTED), ("NotSupported", S.REJECTED)],
    ),
    (K.CLEAR_CACHE, {}, ("ClearCache", {}), [("Accepted", S.ACCEPTED), ("Rejected", S.REJECTED)]),
    (
        K.DATA_TRANSFER,
        {"params": {"vendor_id": "acme", "message_id": "m", "data": "d"}},
        ("DataTransfer", {"vendorId": "acme", "messageId": "m", "data": "d"}),
        [("Accepted", S.ACCEPTED), ("UnknownVendorId", S.REJECTED)],
    ),
]


@pytest.mark.message(
    "ocpp16",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ChangeAvailability",
    "Reset",
    "UnlockConnector",
    "ChangeConfiguration",
    "ClearCache",
    "DataTransfer out",
)
def test_every_command_and_its_answers(station, command, ended):
    for kind, options, (action, payload), answers in EVERY_COMMAND:
        for word, state in answers:
            sent = command(kind, **options)
            message_id, said, body = station.expect_call()
            assert (said, body) == (action, payload)
            station.answer(message_id, {"status": word})
            row = ended(sent)
            assert row.state == state, (kind, word)
            assert row.result == {"status": word}
            assert row.reason == ("" if word == "Accepted" else word)


@pytest.mark.message("ocpp16", "GetConfiguration")
def test_configuration_is_read(station, command, ended):
    sent = command(K.GET_CONFIGURATION, params={"keys": ["HeartbeatInterval", "Nothing"]})
    message_id, action, payload = station.expect_call()
    assert (action, payload) == ("GetConfiguration", {"key": ["HeartbeatInterval", "Nothing"]})
    answer = {
        "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}],
        "unknownKey": ["Nothing"],
    }
    station.answer(message_id, answer)
    row = ended(sent)
    assert (row.state, row.result) == (S.ACCEPTED, answer)


def test_a_callerror_is_a_refusal_with_its_reason(station, command, ended):
    sent = command(K.CLEAR_CACHE)
    message_id, _action, _payload = station.expect_call()
    station.send(json.dumps([4, message_id, "NotSupported", "no cache here", {"why": "none"}]))
    row = ended(sent)
    assert (row.state, row.reason) == (S.REJECTED, "NotSupported: no cache here")
    assert row.result == {"error_code": "NotSupported", "details": {"why": "none"}}


@pytest.mark.parametrize("answer", [{}, {"status": 5}, {"status": "Perhaps", "more": [1]}])
def test_an_answer_that_means_nothing_is_no_consent(station, command, ended, answer):
    sent = command(K.CLEAR_CACHE)
    message_id, _action, _payload = station.expect_call()
    station.answer(message_id, answer)
    assert ended(sent).state == S.REJECTED


def test_one_call_at_a_time(station, command, ended):
    first, second = command(K.CLEAR_CACHE), command(K.UNLOCK, connector_no=1)
    message_id, action, _payload = station.expect_call()
    assert action == "ClearCache"
    assert station.call("Heartbeat", {})  # its own messages go on meanwhile
    with pytest.raises(TimeoutError):
        station.receive(timeout=0.5)
    station.answer(message_id, {"status": "Accepted"})
    message_id, action, _payload = station.expect_call()
    assert action == "UnlockConnector"
    station.answer(message_id, {"status": "Unlocked"})
    assert (ended(first).state, ended(second).state) == (S.ACCEPTED, S.ACCEPTED)


def test_no_answer_in_time_and_then_a_late_one(station, command, ended, eventually):
    sent = command(K.CLEAR_CACHE, timeout_s=1)
    waiting = command(K.UNLOCK, connector_no=1, timeout_s=20)
    message_id, _action, _payload = station.expect_call()
    row = ended(sent)
    assert (row.state, row.reason) == (S.EXPIRED, "no answer in time")
    assert station.expect_call()[1] == "UnlockConnector"  # the line moves on
    station.answer(message_id, {"status": "Accepted"})
    row = eventually(lambda: DeviceCommand.objects.filter(pk=sent.pk, result__has_key="late_answer").first())
    assert row.state == S.EXPIRED
    assert DeviceCommand.objects.get(pk=waiting.pk).state == S.SENT


def test_a_command_behind_a_silent_one_expires_unsent(station, command, ended):
    command(K.CLEAR_CACHE, timeout_s=20)
    behind = command(K.UNLOCK, connector_no=1, timeout_s=1)
    assert station.expect_call()[1] == "ClearCache"
    assert ended(behind).reason == "not sent in time"


def test_lesson_18_calls_fail_cleanly_when_the_connection_ends(station, command, ended, pile):
    on_the_wire, waiting = command(K.CLEAR_CACHE), command(K.UNLOCK, connector_no=1)
    station.expect_call()
    station.close()
    row = ended(on_the_wire)
    assert (row.state, row.reason) == (S.FAILED, "connection lost before the answer")
    row = ended(waiting)
    assert (row.state, row.reason) == (S.FAILED, "connection lost before it was sent")
    with pytest.raises(DomainError) as refusal:
        command(K.CLEAR_CACHE)
    assert refusal.value.code == "pile_offline"


def test_a_start_on_the_wire_when_the_connection_ends_keeps_its_time(station, dial, command, eventually):
    """The station may have begun: whether it did is known when it is back, or when the time is over."""
    sent = command(K.START, connector_no=1, params={"id_tag": "ORDER-2"}, timeout_s=2)
    station.expect_call()
    dial().boot()  # replaces the first connection
    assert station.closed()[0] == 4409
    assert DeviceCommand.objects.get(pk=sent.pk).state == S.SENT
    row = eventually(lambda: expire_commands() and DeviceCommand.objects.get(pk=sent.pk))
    assert row.state == S.EXPIRED


def test_a_command_that_makes_no_call_fails_with_its_reason(station, command, ended):
    for kind, params, reason in (
        (K.START, {}, "id_tag is missing"),
        (
            K.START,
            {"id_tag": "much longer than twenty characters"},
            "RemoteStartTransaction breaks the schema",
        ),
        (K.STOP, {"transaction_ref": ""}, "transaction_ref is missing"),
        (K.STOP, {"transaction_ref": "abc"}, "the transaction has no number yet"),
    ):
        row = ended(command(kind, connector_no=1, params=params))
        assert row.state == S.FAILED
        assert row.reason.startswith(reason)
    assert station.call("Heartbeat", {})


def test_lesson_19_commands_wait_for_the_boot_of_a_station_that_restarted(dial, pile, command):
    station = dial()
    command(K.CLEAR_CACHE)
    with pytest.raises(TimeoutError):
        station.receive(timeout=1.5)
    station.boot()
    assert station.expect_call()[1] == "ClearCache"


def test_lesson_19_a_station_that_goes_on_without_boot_is_served(dial, command):
    station = dial()
    station.call("Heartbeat", {})
    command(K.CLEAR_CACHE)
    assert station.expect_call()[1] == "ClearCache"


@pytest.mark.message("ocpp16", "TriggerMessage")
def test_lesson_19_a_silent_station_is_asked_for_its_states(dial, pile, command, monkeypatch):
    monkeypatch.setattr(consumer_module, "READY_AFTER_S", 0.2)
    station = dial()
    message_id, action, payload = station.expect_call()
    assert (action, payload) == ("TriggerMessage", {"requestedMessage": "StatusNotification"})
    command(K.CLEAR_CACHE)
    station.send(json.dumps([4, message_id, "NotImplemented", "", {}]))
    assert station.expect_call()[1] == "ClearCache"


def test_the_log_shows_both_sides_of_a_call(station, command, ended, eventually):
    sent = command(K.STOP, connector_no=2, params={"transaction_ref": "77"})
    message_id, _action, _payload = station.expect_call()
    station.answer(message_id, {"status": "Rejected"})
    ended(sent)
    rows = eventually(
        lambda: (
            len(found := FrameLog.objects.filter(name="RemoteStopTransaction").order_by("id")) == 2 and found
        )
    )
    assert [(row.direction, row.transaction_ref, row.connector_no, row.decoded) for row in rows] == [
        ("out", "77", 2, {"transactionId": 77}),
        ("in", "77", 2, {"status": "Rejected"}),
    ]
