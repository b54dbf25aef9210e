"""A session of OCPP 2.0.1 over a real WebSocket, from the boot to the record."""

from decimal import Decimal

import pytest

from devices.models import DeviceTransaction, FrameLog, MeterSample, PileSession, TransactionRecord
from stations.models import Connector, Pile
from tests.devices.ocpp16.station import at
from tests.devices.ocpp201.station import sampled

pytestmark = pytest.mark.embedded


def state_of(pile, number=1):
    return Connector.objects.get(pile=pile, number=number)


@pytest.mark.message("ocpp201", "BootNotification", "Heartbeat")
def test_boot_heartbeat_and_facts(dial, pile, settings):
    station = dial()
    assert station.socket.subprotocol == "ocpp2.0.1"
    answer = station.boot(
        serialNumber="SN-1", firmwareVersion="1.2.3", modem={"iccid": "89860000000000000000"}
    )
    assert (answer["status"], answer["interval"]) == ("Accepted", settings.OCPP_HEARTBEAT_S)
    assert station.call("Heartbeat", {})["currentTime"].endswith("Z")
    row = Pile.objects.get(pk=pile.pk)
    assert row.online
    assert (row.vendor, row.reported_model, row.serial) == ("Vendor", "Model", "SN-1")
    assert (row.firmware, row.iccid) == ("1.2.3", "89860000000000000000")
    assert PileSession.objects.get().protocol == "ocpp201"


@pytest.mark.message("ocpp201", "StatusNotification")
def test_states_of_evses(station, pile):
    expected = {
        "Available": ("idle", False),
        "Occupied": ("occupied", True),
        "Reserved": ("reserved", True),  # says nothing of the plug: what was known stays
        "Unavailable": ("offline", True),
        "Faulted": ("fault", True),
    }
    for status, (state, plugged) in expected.items():
        station.status(status)
        connector = state_of(pile)
        assert (connector.state, connector.plugged) == (state, plugged), status
    assert state_of(pile).fault_code == "Faulted"
    station.status("Available")
    assert state_of(pile).fault_code == ""
    assert state_of(pile, 2).state == "offline"


def test_the_plugs_of_one_evse_are_one_connector(station, pile):
    station.status("Available", connector=1)
    station.status("Available", connector=2)
    assert state_of(pile).state == "idle"
    station.status("Occupied", connector=2)
    station.status("Available", connector=1)
    assert state_of(pile).state == "occupied"
    station.status("Faulted", connector=1)
    assert state_of(pile).state == "occupied"
    station.status("Available", connector=2)
    assert state_of(pile).state == "idle"  # one good plug is enough to charge
    station.status("Unavailable", connector=2)
    assert state_of(pile).state == "fault"


@pytest.mark.message("ocpp201", "TransactionEvent", "StatusNotification")
def test_a_session_is_recorded(station, pile, eventually):
    station.status("Occupied")
    name = station.start(1_000_000, when=at(-600), trigger="RemoteStart")
    assert state_of(pile).state == "charging"
    station.status("Occupied")  # said again while it charges
    assert state_of(pile).state == "charging"
    for minute, wh in enumerate((1_000_200, 1_001_500, 1_003_000), start=1):
        answer = station.meter(
            name,
            sampled(wh),
            sampled(55.5, "Power.Active.Import", "kW"),
            sampled(612.3, "Voltage", "V"),
            sampled(90.61, "Current.Import", "A"),
            sampled(41, "SoC", "Percent"),
            when=at(-600 + 60 * minute),
        )
        assert answer == {}
        assert MeterSample.objects.filter(transaction_ref=name).count() == minute + 1, (
            "answered before stored"
        )
    station.meter(name, charging="SuspendedEV", when=at(-401), trigger="ChargingStateChanged")
    assert state_of(pile).state == "charging"
    end = station.event(
        "Ended", name, sampled(1_003_456, context="Transaction.End"), when=at(-400), tag="TAG",
        reason="EVDisconnected", trigger="EVDeparted",
    )  # fmt: skip
    assert station.call("TransactionEvent", end) == {"idTokenInfo": {"status": "Accepted"}}

    record = TransactionRecord.objects.get()
    assert (record.pile_id, record.connector_no, record.protocol) == (pile.pk, 1, "ocpp201")
    assert record.transaction_ref == name
    assert record.identity == f"ocpp201:{pile.code}:{name}:Ended:{end['seqNo']}:{record.ended_at.isoformat()}"
    assert record.energy_kwh == Decimal("3.456")
    assert (record.meter_start_kwh, record.meter_end_kwh) == (Decimal("1000"), Decimal("1003.456"))
    assert (record.stop_reason, record.id_tag) == ("EVDisconnected", "TAG")
    samples = list(MeterSample.objects.order_by("at"))
    energies = ["0", "0.2", "1.5", "3", "3.456"]
    assert [sample.energy_kwh for sample in samples] == [Decimal(energy) for energy in energies]
    live = samples[-2]
    assert (live.power_kw, live.voltage_v, live.current_a) == (
        Decimal("55.5"),
        Decimal("612.3"),
        Decimal("90.61"),
    )
    assert (live.soc_pct, live.suspect, live.register_kwh) == (41, "", Decimal("1003"))
    assert state_of(pile).state == "occupied"
    station.status("Available")
    assert state_of(pile).state == "idle"

    rows = eventually(
        lambda: (
            len(found := FrameLog.objects.filter(transaction_ref=name).order_by("id")) == 12 and list(found)
        )
    )
    assert {(row.direction, row.name) for row in rows} == {
        ("in", "TransactionEvent"),
        ("out", "TransactionEvent"),
    }
    assert rows[-2].decoded["transactionInfo"]["stoppedReason"] == "EVDisconnected"
    assert {row.protocol for row in rows} == {"ocpp201"}


def test_a_station_in_order_leaves_no_findings(station, pile):
    station.status("Available")
    name = station.start(1_000, when=at(-60))
    station.meter(name, sampled(1_100), when=at(-30))
    station.end(name, 1_200, when=at(-1), reason="Local")
    station.call(
        "MeterValues", {"evseId": 1, "meterValue": [{"timestamp": at(), "sampledValue": [sampled(5)]}]}
    )
    station.close()
    assert Pile.objects.get(pk=pile.pk).findings == {}


@pytest.mark.message("ocpp201", "Authorize", "TransactionEvent")
def test_lesson_7_a_tag_nobody_knows_is_stored_not_refused(station):
    token = {"idToken": "NOBODY", "type": "ISO14443"}
    assert station.call("Authorize", {"idToken": token}) == {"idTokenInfo": {"status": "Invalid"}}
    answer = station.transaction("Started", "T1", sampled(5, context="Transaction.Begin"), tag="NOBODY")
    assert answer == {"idTokenInfo": {"status": "Invalid"}}
    row = DeviceTransaction.objects.get()
    assert (row.station_ref, row.id_tag, row.authorization) == ("T1", "NOBODY", "invalid")


@pytest.mark.message(
    "ocpp201",
    "DataTransfer in",
    "NotifyReport",
    "NotifyEvent",
    "SecurityEventNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
)
def test_messages_that_are_only_acknowledged(station, eventually):
    assert station.call("DataTransfer", {"vendorId": "any", "data": {"x": 1}}) == {
        "status": "UnknownVendorId"
    }
    component = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Problem"}}
    notices = {
        "NotifyReport": {
            "requestId": 1, "generatedAt": at(), "seqNo": 0,
            "reportData": [{**component, "variableAttribute": [{"value": "false"}]}],
        },
        "NotifyEvent": {
            "generatedAt": at(), "seqNo": 0,
            "eventData": [
                {
                    "eventId": 1, "timestamp": at(), "trigger": "Alerting", "actualValue": "true",
                    "eventNotificationType": "HardWiredNotification", **component,
                }
            ],
        },
        "SecurityEventNotification": {"type": "SettingSystemTime", "timestamp": at()},
        "LogStatusNotification": {"status": "Idle"},
        "FirmwareStatusNotification": {"status": "Installed"},
    }  # fmt: skip
    for action, payload in notices.items():
        assert station.call(action, payload) == {}, action
    logged = eventually(
        lambda: len(found := FrameLog.objects.filter(name__in=notices, direction="in")) == 5 and found
    )
    assert {row.name: row.decoded for row in logged} == notices


def test_actions_that_are_no_station_s_say_so(station):
    """One of the other version, one that is the platform's to say, and one of nobody's."""
    for action in ("StartTransaction", "PublishFirmware", "Sing"):
        answer = station.exchange(action, {})
        assert answer[0] == 4 and answer[2] == "NotImplemented"


def test_disconnect_takes_the_pile_offline_and_the_newest_connection_wins(dial, pile, eventually):
    old = dial()
    old.boot()
    new = dial()
    assert old.closed()[0] == 4409
    new.boot()
    new.status("Available")
    new.close()
    eventually(lambda: not Pile.objects.get(pk=pile.pk).online)
    assert state_of(pile).state == "offline"


def test_running_evses_are_charging_again_after_a_reconnect_without_boot(dial, pile, eventually):
    station = dial()
    station.boot()
    name = station.start(1_000, when=at(-60))
    station.close()
    eventually(lambda: not Pile.objects.get(pk=pile.pk).online)
    again = dial()
    again.meter(name, sampled(1_100), charging="Charging")
    assert state_of(pile).state == "charging"
    assert state_of(pile, 2).state == "offline"
