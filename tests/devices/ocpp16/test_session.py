"""A charging session over a real WebSocket, from the boot to the record."""

from decimal import Decimal

import pytest

from devices.models import DeviceTransaction, FrameLog, MeterSample, PileSession, TransactionRecord
from stations.models import Connector, Pile
from tests.devices.ocpp16.station import at, register

pytestmark = pytest.mark.embedded


def state_of(pile, number=1):
    return Connector.objects.get(pile=pile, number=number)


@pytest.mark.message("ocpp16", "BootNotification", "Heartbeat")
def test_boot_heartbeat_and_facts(dial, pile, settings):
    station = dial()
    answer = station.boot(
        chargePointSerialNumber="SN-1", firmwareVersion="1.2.3", iccid="89860000000000000000"
    )
    assert answer["status"] == "Accepted"
    assert answer["interval"] == settings.OCPP_HEARTBEAT_S
    assert station.call("Heartbeat", {})["currentTime"].endswith("Z")
    row = Pile.objects.get(pk=pile.pk)
    assert row.online
    assert (row.vendor, row.reported_model, row.serial) == ("Vendor", "Model", "SN-1")
    assert (row.firmware, row.iccid) == ("1.2.3", "89860000000000000000")


@pytest.mark.message("ocpp16", "StatusNotification")
def test_states_of_connectors(station, pile):
    expected = {
        "Available": ("idle", False),
        "Preparing": ("occupied", True),
        "Charging": ("charging", True),
        "SuspendedEV": ("charging", True),
        "SuspendedEVSE": ("charging", True),
        "Finishing": ("occupied", True),
        "Reserved": ("reserved", True),  # says nothing of the plug: what was known stays
        "Unavailable": ("offline", True),
        "Faulted": ("fault", True),
    }
    for status, (state, plugged) in expected.items():
        station.status(status)
        connector = state_of(pile)
        assert (connector.state, connector.plugged) == (state, plugged), status
    station.status("Faulted", error="GroundFailure", vendorErrorCode="E42")
    assert state_of(pile).fault_code == "GroundFailure/E42"
    station.status("Available")
    assert state_of(pile).fault_code == ""
    assert state_of(pile, 2).state == "offline"


@pytest.mark.message("ocpp16", "StartTransaction", "MeterValues", "StopTransaction")
def test_a_session_is_recorded(station, pile, eventually):
    station.status("Preparing")
    number = station.start(1_000_000, when=at(-600))
    station.status("Charging")
    for minute, wh in enumerate((1_000_200, 1_001_500, 1_003_000), start=1):
        station.meter(
            number,
            register(str(wh)),
            {"value": "55.5", "measurand": "Power.Active.Import", "unit": "kW"},
            {"value": "612.3", "measurand": "Voltage", "unit": "V"},
            {"value": "90.61", "measurand": "Current.Import", "unit": "A"},
            {"value": "41", "measurand": "SoC", "unit": "Percent"},
            when=at(-600 + 60 * minute),
        )
        assert MeterSample.objects.filter(transaction_ref=str(number)).count() == minute, (
            "answered before stored"
        )
    stop = {
        "transactionId": number,
        "meterStop": 1_003_456,
        "timestamp": at(-400),
        "idTag": "TAG",
        "reason": "EVDisconnected",
    }
    assert station.call("StopTransaction", stop) == {"idTagInfo": {"status": "Accepted"}}

    record = TransactionRecord.objects.get()
    assert record.pile_id == pile.pk and record.connector_no == 1
    assert record.transaction_ref == str(number)
    assert record.energy_kwh == Decimal("3.456")
    assert (record.meter_start_kwh, record.meter_end_kwh) == (Decimal("1000"), Decimal("1003.456"))
    assert (record.stop_reason, record.id_tag) == ("EVDisconnected", "TAG")
    samples = list(MeterSample.objects.order_by("at"))
    assert [sample.energy_kwh for sample in samples] == [Decimal("0.2"), Decimal("1.5"), Decimal("3")]
    last = samples[-1]
    assert (last.power_kw, last.voltage_v, last.current_a) == (
        Decimal("55.5"),
        Decimal("612.3"),
        Decimal("90.61"),
    )
    assert (last.soc_pct, last.suspect, last.register_kwh) == (41, "", Decimal("1003"))

    rows = eventually(
        lambda: (
            list(FrameLog.objects.filter(name="StopTransaction").order_by("id"))[1:]
            and list(FrameLog.objects.filter(transaction_ref=str(number)).order_by("id"))
        )
    )
    assert [(row.direction, row.name) for row in rows[-2:]] == [
        ("in", "StopTransaction"),
        ("out", "StopTransaction"),
    ]
    assert rows[-2].decoded["meterStop"] == 1_003_456
    assert {row.name for row in rows} == {"StartTransaction", "MeterValues", "StopTransaction"}


def test_lesson_31_disconnect_takes_the_pile_offline(dial, pile, eventually):
    station = dial()
    station.boot()
    station.status("Available")
    station.close()
    eventually(lambda: not Pile.objects.get(pk=pile.pk).online)
    assert state_of(pile).state == "offline"
    assert PileSession.objects.get().close_reason == "disconnected"


def test_lesson_18_the_newest_connection_wins(dial, pile):
    old = dial()
    old.boot()
    new = dial()
    assert old.closed()[0] == 4409
    new.boot()
    assert Pile.objects.get(pk=pile.pk).online
    assert PileSession.objects.filter(closed_at__isnull=True).count() == 1
    assert PileSession.objects.get(closed_at__isnull=False).close_reason == "replaced"


@pytest.mark.message("ocpp16", "Authorize", "StartTransaction")
def test_lesson_7_a_tag_nobody_knows_is_stored_not_refused(station):
    assert station.call("Authorize", {"idTag": "NOBODY"}) == {"idTagInfo": {"status": "Invalid"}}
    answer = station.call(
        "StartTransaction", {"connectorId": 1, "idTag": "NOBODY", "meterStart": 5, "timestamp": at()}
    )
    assert answer["idTagInfo"] == {"status": "Invalid"}
    row = DeviceTransaction.objects.get(pk=answer["transactionId"])
    assert (row.id_tag, row.authorization) == ("NOBODY", "invalid")


@pytest.mark.message(
    "ocpp16", "DataTransfer in", "FirmwareStatusNotification", "DiagnosticsStatusNotification"
)
def test_messages_that_are_only_acknowledged(station):
    assert station.call("DataTransfer", {"vendorId": "any", "data": "x"}) == {"status": "UnknownVendorId"}
    assert station.call("FirmwareStatusNotification", {"status": "Installed"}) == {}
    assert station.call("DiagnosticsStatusNotification", {"status": "Idle"}) == {}
