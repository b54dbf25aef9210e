"""Management of OCPP 2.0.1 stations: asked, answered, reported, and kept."""

from datetime import timedelta

import pytest
from cryptography import x509
from django.utils import timezone

from devices import events
from devices.models import (
    DeviceCommand,
    DeviceVariable,
    HeldItem,
    HeldProfile,
    IssuedCertificate,
    LocalList,
    PileNotice,
    PileUpload,
    Reservation,
)
from devices.services import local_lists, reservations, uploads
from kernel.actor import system
from stations.models import Connector
from tests.devices.ocpp16.conftest import command, ended
from tests.devices.ocpp16.station import at
from tests.devices.ocpp16.test_management import HASHES, PERIODS, ROOT, SAID_PERIODS, WHEN, WIRE, heard
from tests.devices.ocpp201.station import sampled
from tests.devices.test_certificates import csr

__all__ = ["command", "ended", "heard"]

K = DeviceCommand.Kind
S = DeviceCommand.State
ACTOR = system("tests")
HEARTBEAT = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
STATE = {"component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}}, "variable": {"name": "AvailabilityState"}}  # fmt: skip
ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
INFO = {"reasonCode": "UnsupportedRequest"}

# kind, options, action, payload ("#": the command's own number), answer, state
COMMANDS = [
    (K.TRIGGER, {"params": {"message": "Heartbeat"}}, "TriggerMessage", {"requestedMessage": "Heartbeat"},
     {"status": "NotImplemented"}, S.REJECTED),
    (K.RENEW_CERTIFICATE, {}, "TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"},
     ACCEPTED, S.ACCEPTED),
    (K.RENEW_CERTIFICATE, {"params": {"use": "vehicle"}}, "TriggerMessage",
     {"requestedMessage": "SignV2GCertificate"}, ACCEPTED, S.ACCEPTED),
    (K.GET_REPORT, {"params": {"keys": ["OCPPCommCtrlr.HeartbeatInterval"]}}, "GetReport",
     {"requestId": "#", "componentVariable": [HEARTBEAT]}, {"status": "EmptyResultSet"}, S.REJECTED),
    (K.UPDATE_FIRMWARE, {"params": {"url": "https://f/1", "retrieve_at": WHEN, "retries": 2}}, "UpdateFirmware",
     {"requestId": "#", "retries": 2, "firmware": {"location": "https://f/1", "retrieveDateTime": WIRE}},
     ACCEPTED, S.ACCEPTED),
    (K.UPDATE_FIRMWARE,
     {"params": {"url": "https://f/2", "retrieve_at": WHEN, "install_at": WHEN, "signature": "c2ln",
                 "signing_certificate": ROOT}},
     "UpdateFirmware",
     {"requestId": "#", "firmware": {"location": "https://f/2", "retrieveDateTime": WIRE,
      "installDateTime": WIRE, "signingCertificate": ROOT, "signature": "c2ln"}},
     {"status": "InvalidCertificate"}, S.REJECTED),
    (K.UPLOAD_LOG, {"params": {"url": "https://l/", "log": "security", "oldest": WHEN}}, "GetLog",
     {"logType": "SecurityLog", "requestId": "#",
      "log": {"remoteLocation": "https://l/", "oldestTimestamp": WIRE}},
     {"status": "AcceptedCanceled", "filename": "s.zip"}, S.ACCEPTED),
    (K.INSTALL_CERTIFICATE, {"params": {"certificate": ROOT, "use": "v2g"}}, "InstallCertificate",
     {"certificateType": "V2GRootCertificate", "certificate": ROOT}, {"status": "Failed"}, S.REJECTED),
    (K.GET_CHARGING_SCHEDULE, {"connector_no": 1, "params": {"unit": "W", "duration_s": 60}},
     "GetCompositeSchedule", {"evseId": 1, "duration": 60, "chargingRateUnit": "W"}, REJECTED, S.REJECTED),
    (K.CANCEL_RESERVATION, {"params": {"reservation_id": 5}}, "CancelReservation", {"reservationId": 5},
     REJECTED, S.REJECTED),
    (K.SET_NETWORK_PROFILE, {"params": {"slot": 2, "url": "wss://ev/ocpp", "security_profile": 2}},
     "SetNetworkProfile",
     {"configurationSlot": 2, "connectionData": {"ocppVersion": "OCPP20", "ocppTransport": "JSON",
      "ocppCsmsUrl": "wss://ev/ocpp", "messageTimeout": 30, "securityProfile": 2, "ocppInterface": "Wired0"}},
     ACCEPTED, S.ACCEPTED),
    (K.MONITOR_VARIABLE, {"params": {"action": "base", "base": "FactoryDefault"}}, "SetMonitoringBase",
     {"monitoringBase": "FactoryDefault"}, {"status": "NotSupported"}, S.REJECTED),
    (K.MONITOR_VARIABLE, {"params": {"action": "level", "severity": 4}}, "SetMonitoringLevel", {"severity": 4},
     ACCEPTED, S.ACCEPTED),
    (K.SHOW_COST, {"params": {"transaction_ref": "T~2", "cost_fen": 1234}}, "CostUpdated",
     {"totalCost": 12.34, "transactionId": "T"}, {}, S.ACCEPTED),
    (K.TRANSACTION_STATUS, {"params": {"transaction_ref": "T"}}, "GetTransactionStatus", {"transactionId": "T"},
     {"ongoingIndicator": True, "messagesInQueue": False}, S.ACCEPTED),
    (K.TRANSACTION_STATUS, {}, "GetTransactionStatus", {}, {"messagesInQueue": True}, S.ACCEPTED),
    (K.CUSTOMER_INFORMATION, {"params": {"tag": "CARD", "clear": True}}, "CustomerInformation",
     {"requestId": "#", "report": True, "clear": True, "idToken": {"idToken": "CARD", "type": "ISO14443"}},
     {"status": "Invalid"}, S.REJECTED),
]  # fmt: skip

LACKING = [
    (K.UPDATE_FIRMWARE, {}, "url is missing"),
    (K.UPLOAD_LOG, {"url": "x", "log": "poems"}, "log is not one of diagnostics, security"),
    (K.RESERVE, {"reservation_id": 1, "id_tag": "T"}, "expires_at is missing"),
    (K.SYNC_CARDS, {"cards": [{"tag": "T", "status": "maybe"}]}, "status is not one of accepted"),
    (K.SET_CHARGING_PROFILE, {"periods": []}, "periods is not a list of 1"),
    (K.CLEAR_CHARGING_PROFILE, {"purpose": "mine"}, "purpose is not one of max"),
    (K.INSTALL_CERTIFICATE, {"certificate": "no"}, "certificate is no PEM text"),
    (K.SEND_CERTIFICATE, {"chain": "c", "use": "bus"}, "use is not one of station"),
    (K.SET_NETWORK_PROFILE, {"slot": 1, "url": "http://x"}, "url is no ws:// or wss:// address"),
    (K.MONITOR_VARIABLE, {"key": "A.B", "value": "much"}, "value is not a number"),
    (K.MONITOR_VARIABLE, {"key": "A.B", "value": 1, "type": "Vibe"}, "type is not one of Upper"),
    (K.CUSTOMER_INFORMATION, {}, "tag or customer is missing"),
    (K.CUSTOMER_INFORMATION, {"report": False}, "neither report nor clear is asked for"),
    (K.DISPLAY_MESSAGE, {}, "text is missing"),
    (K.GET_CHARGING_SCHEDULE, {"unit": "V"}, "unit is not one of A, W"),
]


def answered(station, ended, sent, action, expected, answer):
    """The station gets this call and answers it; the command's row when it has ended."""
    message_id, said, payload = station.expect_call()
    expected = {name: sent.pk if value == "#" else value for name, value in expected.items()}
    assert (said, payload) == (action, expected)
    station.answer(message_id, answer)
    return ended(sent)


@pytest.mark.message(
    "ocpp201",
    "TriggerMessage",
    "GetReport",
    "UpdateFirmware",
    "GetLog",
    "InstallCertificate",
    "GetCompositeSchedule",
    "CancelReservation",
    "SetNetworkProfile",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "CostUpdated",
    "GetTransactionStatus",
    "CustomerInformation",
    "FirmwareStatusNotification",
    "PublishFirmwareStatusNotification",
    "LogStatusNotification",
    "SecurityEventNotification",
    "NotifyCustomerInformation",
)
def test_every_management_command_and_what_is_told_after_it(station, command, ended, heard, pile):
    rows = {}
    for kind, options, action, payload, answer, state in COMMANDS:
        row = answered(station, ended, command(kind, **options), action, payload, answer)
        assert (row.state, row.result) == (state, answer), kind
        rows[action] = row
    for kind, params, reason in LACKING:
        row = ended(command(kind, params=params))
        assert (row.state, row.reason[: len(reason)]) == (S.FAILED, reason)
    assert HeldItem.objects.get(pile=pile, kind="network").data["url"] == "wss://ev/ocpp"
    # Only the signed image was refused, and a campaign hears of it.
    (refused,) = [event for event in heard if isinstance(event, events.FirmwareStatusReported)]
    assert (refused.status, refused.detail) == ("refused", "InvalidCertificate")
    update = command(K.UPDATE_FIRMWARE, params={"url": "ftp://f/1"}, reference="campaign-4")
    station.answer(station.expect_call()[0], ACCEPTED)
    ended(update)
    for word in ("Downloading", "Installed"):
        told = {"status": word, "requestId": update.pk}
        assert station.call("FirmwareStatusNotification", told) == {}
    last = heard[-1]
    assert (last.status, last.reference, last.request_id) == ("installed", "campaign-4", update.pk)
    assert station.call("PublishFirmwareStatusNotification", {"status": "Idle"}) == {}
    assert station.call("LogStatusNotification", {"status": "Uploading", "requestId": 5}) == {}
    event = {"type": "TamperDetectionActivated", "timestamp": WIRE, "techInfo": "door"}
    for _ in range(2):
        assert station.call("SecurityEventNotification", event) == {}
    (raised,) = [e for e in heard if isinstance(e, events.SecurityEventRaised)]
    assert (raised.code, raised.critical, raised.pile.id) == ("TamperDetectionActivated", True, pile.pk)
    for part, more in enumerate((True, False)):
        said = {"data": f"part {part}", "tbc": more, "seqNo": part, "generatedAt": WIRE}
        asked = {"requestId": rows["CustomerInformation"].pk}
        assert station.call("NotifyCustomerInformation", said | asked) == {}
    texts = PileNotice.objects.filter(kind="customer").order_by("pk").values_list("data", flat=True)
    assert [(one["text"], one["complete"]) for one in texts] == [("part 0", False), ("part 1", True)]


@pytest.mark.message(
    "ocpp201",
    "GetBaseReport",
    "NotifyReport",
    "SetVariableMonitoring",
    "GetMonitoringReport",
    "NotifyMonitoringReport",
    "ClearVariableMonitoring",
    "NotifyEvent",
    "SetDisplayMessage",
    "GetDisplayMessages",
    "NotifyDisplayMessages",
    "ClearDisplayMessage",
)
def test_variables_monitors_and_messages_are_mirrored(station, command, ended, heard, pile):
    # A report in two parts.
    report = command(K.GET_REPORT)
    answered(
        station, ended, report, "GetBaseReport", {"requestId": "#", "reportBase": "FullInventory"}, ACCEPTED
    )
    value = {
        "variableAttribute": [{"value": "60", "mutability": "ReadWrite"}, {"type": "MaxSet", "value": "99"}]
    }
    about = {"variableCharacteristics": {"unit": "s", "dataType": "integer", "supportsMonitoring": True}}
    for number, data in enumerate(
        (HEARTBEAT | value | about, STATE | {"variableAttribute": [{"value": "Available"}]})
    ):
        part = {
            "requestId": report.pk,
            "generatedAt": at(),
            "seqNo": number,
            "reportData": [data],
            "tbc": number == 0,
        }
        assert station.call("NotifyReport", part) == {}
    rows = {(row.path, row.attribute): row for row in DeviceVariable.objects.filter(pile=pile)}
    assert {key: row.value for key, row in rows.items()} == {
        ("OCPPCommCtrlr.HeartbeatInterval", "Actual"): "60",
        ("OCPPCommCtrlr.HeartbeatInterval", "MaxSet"): "99",
        ("Connector@2:1.AvailabilityState", "Actual"): "Available",
    }
    assert rows["OCPPCommCtrlr.HeartbeatInterval", "Actual"].unit == "s"
    told = [(e.complete, e.request_id) for e in heard if isinstance(e, events.DeviceVariablesReported)]
    assert told == [(False, report.pk), (True, report.pk)]

    # Monitors: set, struck, listed, cleared.
    def monitors():
        return {row.key: row.data for row in HeldItem.objects.filter(pile=pile, kind="monitor")}

    wanted = {
        "action": "set",
        "key": "Connector@2:1.AvailabilityState",
        "type": "Delta",
        "value": "1",
        "severity": 2,
    }
    said = {"setMonitoringData": [{**STATE, "type": "Delta", "value": 1.0, "severity": 2}]}
    kept = {"setMonitoringResult": [{**STATE, "id": 7, "status": "Accepted", "type": "Delta", "severity": 2}]}
    answered(station, ended, command(K.MONITOR_VARIABLE, params=wanted), "SetVariableMonitoring", said, kept)
    assert monitors() == {"7": {"path": "Connector@2:1.AvailabilityState", "type": "Delta", "severity": 2}}
    struck = {
        **STATE,
        "eventId": 1,
        "timestamp": WIRE,
        "trigger": "Delta",
        "actualValue": "Faulted",
        "techInfo": "relay",
        "variableMonitoringId": 7,
        "eventNotificationType": "CustomMonitor",
    }
    for _ in range(2):
        assert station.call("NotifyEvent", {"generatedAt": at(), "seqNo": 0, "eventData": [struck, {}]}) == {}
    notice = PileNotice.objects.get(kind="component")
    assert (notice.code, notice.detail, notice.critical, notice.connector_no) == (
        "Connector@2:1.AvailabilityState", "Faulted", True, 2,
    )  # fmt: skip
    (raised,) = [e for e in heard if isinstance(e, events.ComponentEventRaised)]
    assert (raised.severity, raised.value, raised.detail) == (2, "Faulted", "relay")
    # A connector that tells its state by a monitor has that state.
    assert Connector.objects.get(pile=pile, number=2).state == "fault"
    listed = command(K.MONITOR_VARIABLE, params={"action": "report"})
    answered(station, ended, listed, "GetMonitoringReport", {"requestId": "#"}, ACCEPTED)
    monitor = {"id": 9, "transaction": False, "value": 30, "type": "UpperThreshold", "severity": 5}
    part = {"requestId": listed.pk, "generatedAt": at(), "seqNo": 0}
    part["monitor"] = [HEARTBEAT | {"variableMonitoring": [monitor]}]
    assert station.call("NotifyMonitoringReport", part) == {}
    assert set(monitors()) == {"9"}, "what the station did not name is gone"
    cleared = command(K.MONITOR_VARIABLE, params={"action": "clear", "monitor_id": 9})
    result = {"clearMonitoringResult": [{"id": 9, "status": "NotFound"}]}
    assert (
        answered(station, ended, cleared, "ClearVariableMonitoring", {"id": [9]}, result).state == S.ACCEPTED
    )
    assert monitors() == {}

    # Display messages: shown, listed, cleared.
    def messages():
        return {row.key: row.data for row in HeldItem.objects.filter(pile=pile, kind="message")}

    shown = command(
        K.DISPLAY_MESSAGE,
        connector_no=1,
        params={
            "text": "谷时八折",
            "message_id": 4,
            "state": "Idle",
            "starts_at": WHEN,
            "transaction_ref": "T~2",
        },
    )
    message = {
        "id": 4,
        "priority": "NormalCycle",
        "state": "Idle",
        "startDateTime": WIRE,
        "transactionId": "T",
        "message": {"format": "UTF8", "language": "zh", "content": "谷时八折"},
        "display": {"name": "Display", "evse": {"id": 1}},
    }
    answered(station, ended, shown, "SetDisplayMessage", {"message": message}, ACCEPTED)
    assert messages()["4"]["text"] == "谷时八折"
    listed = command(K.DISPLAY_MESSAGE, params={"action": "list"})
    answered(station, ended, listed, "GetDisplayMessages", {"requestId": "#"}, ACCEPTED)
    part = {"requestId": listed.pk, "messageInfo": [message | {"id": 5}]}
    assert station.call("NotifyDisplayMessages", part) == {}
    assert {key: data["text"] for key, data in messages().items()} == {"5": "谷时八折"}
    cleared = command(K.DISPLAY_MESSAGE, params={"action": "clear", "message_id": 5})
    row = answered(station, ended, cleared, "ClearDisplayMessage", {"id": 5}, {"status": "Unknown"})
    assert row.state == S.ACCEPTED and messages() == {}


@pytest.mark.message(
    "ocpp201",
    "SetChargingProfile",
    "ClearChargingProfile",
    "GetChargingProfiles",
    "ReportChargingProfiles",
    "NotifyChargingLimit",
    "ClearedChargingLimit",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
)
def test_profiles_and_limits_from_outside_are_what_the_station_holds(station, command, ended, heard, pile):
    def held():
        return {row.profile_id: row for row in HeldProfile.objects.filter(pile=pile)}

    def profile(number, purpose, kind="Absolute", **schedule):
        unit = {"chargingRateUnit": "A", "chargingSchedulePeriod": SAID_PERIODS}
        return {
            "id": number,
            "stackLevel": 2,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": kind,
            "chargingSchedule": [{"id": number} | unit | schedule],
        }

    params = {"periods": PERIODS, "stack_level": 2, "profile_id": 7, "starts_at": WHEN, "duration_s": 60}
    said = profile(7, "TxDefaultProfile", startSchedule=WIRE, duration=60)
    sent = command(K.SET_CHARGING_PROFILE, connector_no=1, params=params)
    answered(station, ended, sent, "SetChargingProfile", {"evseId": 1, "chargingProfile": said}, ACCEPTED)
    assert held()[7].periods[1] == {"start_s": 3600, "limit": 8.1, "phases": 3}
    name = station.start(0, evse=2)
    params = {
        "periods": PERIODS,
        "stack_level": 2,
        "profile_id": 8,
        "purpose": "transaction",
        "transaction_ref": name,
    }
    said = profile(8, "TxProfile", "Relative") | {"transactionId": name}
    sent = command(K.SET_CHARGING_PROFILE, connector_no=2, params=params)
    answered(station, ended, sent, "SetChargingProfile", {"evseId": 2, "chargingProfile": said}, ACCEPTED)
    assert set(held()) == {7, 8}
    station.end(name, 10)
    assert set(held()) == {7}, "a transaction's profile goes with it"
    limit = command(K.SET_POWER_LIMIT, params={"limit_kw": "42.5"})
    message_id, _action, payload = station.expect_call()
    said = payload["chargingProfile"]
    assert (payload["evseId"], said["chargingProfilePurpose"]) == (0, "ChargingStationMaxProfile")
    assert said["chargingSchedule"][0]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 42500}]
    station.answer(message_id, ACCEPTED)
    ended(limit)
    lifted = command(K.SET_POWER_LIMIT)
    answered(station, ended, lifted, "ClearChargingProfile", {"chargingProfileId": 900_000}, ACCEPTED)
    # What the station reports is what it holds.
    asked = command(K.GET_CHARGING_SCHEDULE, params={"profiles": True})
    answered(
        station, ended, asked, "GetChargingProfiles", {"requestId": "#", "chargingProfile": {}}, ACCEPTED
    )
    told = profile(21, "TxDefaultProfile", "Recurring", startSchedule=WIRE) | {"recurrencyKind": "Daily"}
    part = {
        "requestId": asked.pk,
        "chargingLimitSource": "CSO",
        "evseId": 1,
        "chargingProfile": [told, {"id": 3}],
    }
    assert station.call("ReportChargingProfiles", part) == {}
    assert {number: row.recurrency for number, row in held().items()} == {21: "daily"}
    asked = command(K.GET_CHARGING_SCHEDULE, connector_no=1, params={"profiles": True, "purpose": "default"})
    wanted = {
        "requestId": "#",
        "evseId": 1,
        "chargingProfile": {"chargingProfilePurpose": "TxDefaultProfile"},
    }
    answered(station, ended, asked, "GetChargingProfiles", wanted, {"status": "NoProfiles"})
    cleared = command(
        K.CLEAR_CHARGING_PROFILE, connector_no=1, params={"purpose": "default", "stack_level": 2}
    )
    criteria = {"evseId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 2}
    wanted = {"chargingProfileCriteria": criteria}
    row = answered(station, ended, cleared, "ClearChargingProfile", wanted, {"status": "Unknown"})
    assert row.state == S.ACCEPTED and not held()
    # A limit from outside, another in its place, and none.
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 7000.0}],
    }
    for watts in (7000.0, 3500.0):
        schedule["chargingSchedulePeriod"][0]["limit"] = watts
        outside = {"chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": True}, "evseId": 1}
        assert station.call("NotifyChargingLimit", outside | {"chargingSchedule": [schedule]}) == {}
    (row,) = held().values()
    assert (row.purpose, row.source, row.connector_no, row.periods) == (
        "external", "EMS", 1, [{"start_s": 0, "limit": 3500}],
    )  # fmt: skip
    assert station.call("ClearedChargingLimit", {"chargingLimitSource": "EMS"}) == {}
    assert not held()
    changes = [
        (e.source, e.cleared, e.grid_critical) for e in heard if isinstance(e, events.ChargingLimitChanged)
    ]
    assert changes == [("EMS", False, True), ("EMS", False, True), ("EMS", True, False)]
    # What vehicles wish is kept; the platform plans for none.
    needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC", "departureTime": WIRE}}
    assert station.call("NotifyEVChargingNeeds", needs) == {"status": "Rejected", "statusInfo": INFO}
    plan = {"timeBase": WIRE, "evseId": 1, "chargingSchedule": schedule}
    assert station.call("NotifyEVChargingSchedule", plan) == ACCEPTED
    kept = PileNotice.objects.filter(kind__startswith="vehicle").order_by("pk")
    assert [(row.code, row.connector_no) for row in kept] == [("DC", 1), ("W", 1)]
    for action, payload in (
        ("NotifyChargingLimit", {"evseId": 1}),
        ("ClearedChargingLimit", {}),
        ("NotifyEVChargingNeeds", {"evseId": 1}),
        ("NotifyEvent", {}),
        ("ReservationStatusUpdate", {}),
        ("NotifyCustomerInformation", {}),
        ("SignCertificate", {}),
    ):
        assert station.exchange(action, payload)[2] == "OccurrenceConstraintViolation"


@pytest.mark.message(
    "ocpp201", "SendLocalList", "GetLocalListVersion", "ReserveNow", "ReservationStatusUpdate"
)
def test_card_lists_and_reservations(station, command, ended, heard, pile, eventually):
    def sync(cards, expected, answer="Accepted", *, full):
        pile.refresh_from_db()
        sent = local_lists.sync(actor=ACTOR, pile=pile, cards=cards, full=full)
        return answered(station, ended, sent, "SendLocalList", expected, {"status": answer})

    def token(tag, kind="ISO14443"):
        return {"idToken": tag, "type": kind}

    cards = [{"tag": "A"}, {"tag": "B", "status": "blocked", "expires_at": WHEN, "parent_tag": "P"}]
    info = {"status": "Blocked", "cacheExpiryDateTime": WIRE, "groupIdToken": token("P", "Central")}
    entries = [{"idToken": token("A"), "idTokenInfo": ACCEPTED}, {"idToken": token("B"), "idTokenInfo": info}]
    sync(cards, {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": entries}, full=True)
    change = {
        "versionNumber": 2,
        "updateType": "Differential",
        "localAuthorizationList": [{"idToken": token("A")}],
    }
    refused = sync([{"tag": "A", "status": None}], change, "VersionMismatch", full=False)
    assert (refused.state, refused.reason) == (S.REJECTED, "VersionMismatch")
    sync([{"tag": "A", "status": None}], change, full=False)
    row = LocalList.objects.get(pile=pile)
    assert (row.version, set(row.entries)) == (2, {"B"})
    answered(station, ended, command(K.QUERY_CARDS), "GetLocalListVersion", {}, {"versionNumber": 2})
    assert local_lists.is_current(pile)
    cleared = command(K.CLEAR_CARDS, params={"version": 3})
    answered(station, ended, cleared, "SendLocalList", {"versionNumber": 3, "updateType": "Full"}, ACCEPTED)
    assert LocalList.objects.get(pile=pile).entries == {}

    def reserve(answer, connector):
        until = timezone.now() + timedelta(hours=1)
        pile.refresh_from_db()
        row = reservations.reserve(
            actor=ACTOR, pile=pile, connector_no=connector, id_tag="CARD-9", expires_at=until, reference="R-1"
        )
        message_id, action, payload = station.expect_call()
        assert (action, payload["id"], payload["idToken"]) == ("ReserveNow", row.pk, token("CARD-9"))
        assert payload.get("evseId") == (connector or None)
        station.answer(message_id, {"status": answer})
        return eventually(lambda: Reservation.objects.filter(pk=row.pk).exclude(state="asked").first())

    assert reserve("Occupied", 1).state == "refused"
    used = reserve("Accepted", 1)
    station.status("Reserved")
    assert Connector.objects.get(pile=pile, number=1).state == "reserved"
    station.transaction("Started", "tx-r", sampled(0), tag="CARD-9", reservationId=used.pk)
    used.refresh_from_db()
    assert (used.state, used.transaction_ref) == ("used", "tx-r")
    removed = reserve("Accepted", 0)
    for word in ("Removed", "Expired", "Lost"):
        told = {"reservationId": removed.pk, "reservationUpdateStatus": word}
        assert station.call("ReservationStatusUpdate", told) == {}
    removed.refresh_from_db()
    assert removed.state == "removed"
    ends = [(e.state, e.reference) for e in heard if isinstance(e, events.ReservationEnded)]
    assert ends == [("refused", "R-1"), ("used", "R-1"), ("removed", "R-1")]


@pytest.mark.message(
    "ocpp201",
    "SignCertificate",
    "CertificateSigned",
    "GetInstalledCertificateIds",
    "DeleteCertificate",
    "Get15118EVCertificate",
    "GetCertificateStatus",
    "GetLog",
)
def test_certificates_and_a_log_of_its_own(
    station, command, ended, pile, eventually, settings, tmp_path, live_gateway
):
    import httpx

    settings.EV_DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path
    settings.DEVICE_FILES_URL = live_gateway.http_url
    assert station.call("SignCertificate", {"csr": csr("another-pile")}) == REJECTED
    for kind, word in (("station", "ChargingStationCertificate"), ("vehicle", "V2GCertificate")):
        request = {"csr": csr(pile.code), "certificateType": word}
        assert station.call("SignCertificate", request) == ACCEPTED
        message_id, action, payload = station.expect_call()
        assert (action, payload["certificateType"]) == ("CertificateSigned", word)
        leaf, authority = x509.load_pem_x509_certificates(payload["certificateChain"].encode())
        leaf.verify_directly_issued_by(authority)
        station.answer(message_id, ACCEPTED)
        assert eventually(
            lambda k=kind: IssuedCertificate.objects.filter(use=k, installed_at__isnull=False).first()
        )
    listed = command(K.LIST_CERTIFICATES, params={"use": "v2g"})
    child = HASHES | {"serialNumber": "2a"}
    chain = {
        "certificateType": "V2GRootCertificate",
        "certificateHashData": HASHES,
        "childCertificateHashData": [child],
    }
    answer = {"status": "Accepted", "certificateHashDataChain": [chain]}
    wanted = {"certificateType": ["V2GRootCertificate"]}
    answered(station, ended, listed, "GetInstalledCertificateIds", wanted, answer)
    rows = HeldItem.objects.filter(pile=pile, kind="certificate")
    assert sorted(row.data["serialNumber"] for row in rows) == ["1f", "2a"]
    params = {"issuer_name_hash": "a" * 64, "issuer_key_hash": "b" * 64, "serial_no": "1f"}
    deleted = command(K.DELETE_CERTIFICATE, params=params)
    answered(
        station, ended, deleted, "DeleteCertificate", {"certificateHashData": HASHES}, {"status": "NotFound"}
    )
    assert [row.data["serialNumber"] for row in rows.all()] == ["2a"]
    # What the platform has no source for is refused, in the words of the standard.
    wish = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install", "exiRequest": "e"}
    assert station.call("Get15118EVCertificate", wish) == {"status": "Failed", "exiResponse": ""}
    status = {"ocspRequestData": HASHES | {"responderURL": "http://ocsp"}}
    assert station.call("GetCertificateStatus", status) == {"status": "Failed"}
    # A log comes to the platform under an address of its own.
    pile.refresh_from_db()
    upload = uploads.ask(actor=ACTOR, pile=pile, reason="it stops by itself")
    message_id, action, payload = station.expect_call()
    assert (action, payload["logType"]) == ("GetLog", "DiagnosticsLog")
    station.answer(message_id, {"status": "Accepted", "filename": "d.zip"})
    ended(upload.command)
    address = payload["log"]["remoteLocation"]
    assert httpx.put(address + "d.zip", content=b"lines", trust_env=False).status_code == 201
    assert PileUpload.objects.get(pk=upload.pk).state == "received"
