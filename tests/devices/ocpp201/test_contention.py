"""Our own trouble is never told to a station as its fault."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from devices.models import DeviceTransaction, MeterSample, PileSession, TransactionRecord
from devices.services import presence, samples, transaction_events
from kernel import clock
from stations.models import Pile
from tests.devices.ocpp16.station import at
from tests.devices.ocpp16.test_contention import failing
from tests.devices.ocpp201.station import sampled


def test_lesson_15_contention_is_retried_inside(station, monkeypatch):
    calls = failing(monkeypatch, transaction_events, "note_event", 2, OperationalError("deadlock detected"))
    station.start(1_000)
    assert len(calls) == 3
    assert DeviceTransaction.objects.count() == 1


@pytest.mark.promise(1)
def test_when_the_database_is_away_the_station_keeps_its_message(dial, monkeypatch):
    """It is hung up on, so that it counts as offline and keeps its events without a limit of tries."""
    station = dial()
    station.boot()
    failing(monkeypatch, transaction_events, "note_event", 3, OperationalError("no connection"))
    event = station.event("Started", "T", sampled(1_000), tag="TAG")
    station.post("TransactionEvent", event)
    assert station.closed() == (1013, "try again later")
    again = dial()
    assert "idTokenInfo" in again.call("TransactionEvent", event)
    assert DeviceTransaction.objects.get().station_ref == "T"


@pytest.mark.promise(1)
@pytest.mark.promise(3)
def test_an_end_we_fail_to_handle_stays_unanswered_and_comes_again(station, monkeypatch):
    name = station.start(1_000, when=at(-60))
    failing(monkeypatch, transaction_events, "store_record", 1, RuntimeError("a fault of ours"))
    end = station.event("Ended", name, sampled(2_000, context="Transaction.End"), when=at(-1))
    station.post("TransactionEvent", end)
    with pytest.raises(TimeoutError):
        station.receive(timeout=0.5)
    assert not TransactionRecord.objects.exists()
    assert DeviceTransaction.objects.get().ended_at is None
    assert station.call("TransactionEvent", end) == {}
    assert TransactionRecord.objects.get().energy_kwh == 1
    assert MeterSample.objects.filter(transaction_ref=name).count() == 2


@pytest.mark.promise(1)
def test_an_event_is_answered_only_when_its_values_are_stored(station, monkeypatch):
    name = station.start(1_000, when=at(-60))
    failing(monkeypatch, samples, "store_samples", 1, RuntimeError("a fault of ours"))
    event = station.event("Updated", name, sampled(1_500), when=at(-30))
    station.post("TransactionEvent", event)
    with pytest.raises(TimeoutError):
        station.receive(timeout=0.5)
    assert MeterSample.objects.count() == 1
    assert station.call("TransactionEvent", event) == {}
    assert MeterSample.objects.order_by("-id").first().energy_kwh is not None


def test_a_plain_update_costs_no_look_up(station, monkeypatch):
    name = station.start(1_000, when=at(-60))
    calls = failing(monkeypatch, transaction_events, "note_event", 0, RuntimeError())
    for second in range(10):
        station.meter(name, sampled(1_000 + second), when=at(second - 30), tag="TAG")
    assert calls == []
    assert MeterSample.objects.filter(transaction_ref=name).count() == 11


def test_a_pile_taken_for_silent_is_online_again_with_its_next_word(station, pile, monkeypatch):
    session = PileSession.objects.get()
    presence.close_session(session_id=session.pk, reason="silent")
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=10))
    message_id = station.post("Heartbeat", {})
    assert station.expect_call()[1] == "TriggerMessage"
    assert station.receive()[1] == message_id
    assert Pile.objects.get(pk=pile.pk).online
