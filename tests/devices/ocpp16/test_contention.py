"""Our own trouble is never told to a station as its fault."""

import io
import threading
import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction

from devices.locks import lock_pile
from devices.models import DeviceTransaction, PileSession, PileUpload, TransactionRecord
from devices.services import presence, transactions, uploads
from devices.services.references import pile_ref
from kernel import clock
from stations.models import Connector, Pile
from tests import factories as f
from tests.devices.ocpp16.station import at, register


def failing(monkeypatch, module, name: str, times: int, error: Exception):
    """Make a service raise the first `times` it is called; returns the list of its calls."""
    service, calls = getattr(module, name), []

    def stand_in(*args, **kwargs):
        calls.append(kwargs)
        if len(calls) <= times:
            raise error
        return service(*args, **kwargs)

    monkeypatch.setattr(module, name, stand_in)
    return calls


def test_lesson_15_contention_is_retried_inside(station, monkeypatch):
    calls = failing(monkeypatch, transactions, "start_transaction", 2, OperationalError("deadlock detected"))
    began = time.monotonic()
    number = station.start(1_000)
    assert time.monotonic() - began < 1
    assert len(calls) == 3
    assert DeviceTransaction.objects.get().pk == number


@pytest.mark.promise(1)
def test_when_the_database_is_away_the_station_keeps_its_message(dial, monkeypatch):
    """It is hung up on, so that it counts as offline and keeps its records without a limit of tries."""
    station = dial()
    station.boot()
    failing(monkeypatch, transactions, "start_transaction", 3, OperationalError("no connection"))
    payload = {"connectorId": 1, "idTag": "T", "meterStart": 1, "timestamp": at()}
    station.post("StartTransaction", payload)
    assert station.closed() == (1013, "try again later")
    again = dial()
    assert again.call("StartTransaction", payload)["transactionId"] == DeviceTransaction.objects.get().pk


@pytest.mark.promise(1)
@pytest.mark.promise(3)
def test_a_record_we_fail_to_handle_stays_unanswered_and_comes_again(station, monkeypatch):
    from devices.services import stops

    number = station.start(1_000, when=at(-60))
    failing(monkeypatch, stops, "store_record", 1, RuntimeError("a fault of ours"))
    stop = {"transactionId": number, "meterStop": 2_000, "timestamp": at(-1)}
    station.post("StopTransaction", stop, "first try")
    with pytest.raises(TimeoutError):
        station.receive(timeout=0.5)
    assert not TransactionRecord.objects.exists()
    assert DeviceTransaction.objects.get().ended_at is None
    assert station.call("StopTransaction", stop) == {}
    assert TransactionRecord.objects.count() == 1


@pytest.mark.promise(1)
def test_meter_values_are_answered_only_when_they_are_stored(station, monkeypatch):
    from devices.models import MeterSample
    from devices.services import samples

    number = station.start(1_000, when=at(-60))
    failing(monkeypatch, samples, "store_samples", 1, RuntimeError("a fault of ours"))
    payload = {
        "connectorId": 1,
        "transactionId": number,
        "meterValue": [{"timestamp": at(-30), "sampledValue": [register("1500")]}],
    }
    station.post("MeterValues", payload)
    with pytest.raises(TimeoutError):
        station.receive(timeout=0.5)
    assert not MeterSample.objects.exists()
    assert station.call("MeterValues", payload) == {}
    assert MeterSample.objects.get().energy_kwh is not None


def test_a_pile_taken_for_silent_is_online_again_with_its_next_word(station, pile, monkeypatch):
    station.status("Available")
    session = PileSession.objects.get()
    presence.close_session(session_id=session.pk, reason="silent")
    assert not Pile.objects.get(pk=pile.pk).online
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=10))
    message_id = station.post("Heartbeat", {})
    assert station.expect_call()[1] == "TriggerMessage"
    assert station.receive()[1] == message_id
    assert Pile.objects.get(pk=pile.pk).online
    assert PileSession.objects.filter(closed_at__isnull=True).count() == 1


def test_running_connectors_are_charging_again_after_a_reconnect_without_boot(dial, pile, eventually):
    station = dial()
    station.boot()
    station.status("Charging")
    number = station.start(1_000, when=at(-60))
    station.close()
    eventually(lambda: not Pile.objects.get(pk=pile.pk).online)
    again = dial()
    again.meter(number, register("1100"))
    assert Connector.objects.get(pile=pile, number=1).state == "charging"
    assert Connector.objects.get(pile=pile, number=2).state == "offline"


def test_values_that_name_no_transaction_prove_no_charging(dial, pile, eventually):
    """A transaction that was never stopped must not make an idle connector look busy."""
    station = dial()
    station.boot()
    station.start(1_000, when=at(-86_400))
    station.close()
    eventually(lambda: not Pile.objects.get(pk=pile.pk).online)
    again = dial()
    again.meter(None, register("1000", context="Sample.Clock"))
    assert Connector.objects.get(pile=pile, number=1).state == "offline"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_the_word_about_an_upload_never_takes_back_the_file_that_arrives_meanwhile(pile, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    upload = PileUpload.objects.create(
        operator=pile.operator, station=pile.station, pile=pile, command=f.DeviceCommandFactory(pile=pile),
        secret_digest=uploads._digest("secret"), created_at=clock.now(), expires_at=clock.now() + timedelta(1),
    )  # fmt: skip
    content = io.BytesIO(b"lines")
    content.size = 5

    def tell():
        uploads.progress(pile=pile_ref(pile), word="Uploaded", status="uploaded", at=clock.now())
        connections.close_all()

    telling = threading.Thread(target=tell)
    with transaction.atomic():
        lock_pile(pile.pk)
        telling.start()
        telling.join(0.2)
        assert telling.is_alive(), "it waits for the pile"
        assert uploads.receive(secret="secret", name="a.log", content=content) is not None
    telling.join(10)
    assert PileUpload.objects.get(pk=upload.pk).state == "received"
