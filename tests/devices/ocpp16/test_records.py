"""Records that come again, late, without a number or with somebody else's: stored once, answered always."""

from decimal import Decimal

import pytest

from billing.models import Entry, ReviewItem
from devices.models import DeviceTransaction, MeterSample, TransactionRecord
from tests.devices.ocpp16.conftest import make_pile
from tests.devices.ocpp16.station import Station, at, register
from tests.live import LiveGateway

pytestmark = pytest.mark.embedded


def stop_of(number, meter_wh=2_000, *, when, tag="TAG", **more):
    return {"transactionId": number, "meterStop": meter_wh, "timestamp": when, "idTag": tag, **more}


@pytest.mark.promise(2)
@pytest.mark.message("ocpp16", "StartTransaction", "StopTransaction")
def test_lesson_1_the_same_stop_three_times_is_one_record(station):
    number = station.start(1_000, when=at(-60))
    stop = stop_of(number, when=at(-1))
    answers = [station.call("StopTransaction", stop) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2] == {"idTagInfo": {"status": "Accepted"}}
    record = TransactionRecord.objects.get()
    assert (record.times_received, record.conflicts) == (3, [])


def test_lesson_9_a_transaction_that_never_ended_holds_up_no_other(station):
    """Its stop was lost for good: neither the connector nor the tag waits for it, and the next stop is not its own."""
    zombie = station.start(1_000, when=at(-600), tag="TAG")
    fresh = station.start(4_000, when=at(-60), tag="TAG")
    assert fresh != zombie
    elsewhere = station.start(0, when=at(-50), tag="TAG", connector=2)
    station.call("StopTransaction", stop_of(fresh, 4_500, when=at(-1)))
    assert TransactionRecord.objects.get().transaction_ref == str(fresh)
    rows = DeviceTransaction.objects.filter(pk__in=(zombie, fresh, elsewhere)).order_by("pk")
    assert {row.authorization for row in rows} == {rows[0].authorization}, "none was refused as a second one"
    # It comes after all, weeks late: it is on record as what it was.
    station.call("StopTransaction", stop_of(zombie, 3_000, when=at(-300)))
    assert TransactionRecord.objects.get(transaction_ref=str(zombie)).energy_kwh == 2


@pytest.mark.promise(2)
def test_the_same_start_gets_the_same_number(station):
    when = at(-60)
    numbers = {station.start(1_000, when=when) for _ in range(3)}
    assert len(numbers) == 1
    assert DeviceTransaction.objects.count() == 1
    assert station.start(1_000, when=when, connector=2) not in numbers


@pytest.mark.promise(2)
@pytest.mark.promise(7)
def test_start_and_stop_come_again_after_the_gateway_restarted(transactional_db):
    pile = make_pile()
    began, ended = at(-60), at(-1)
    seen = []
    for _life in range(2):
        gateway = LiveGateway()
        gateway.start()
        try:
            station = Station(gateway, pile.code)
            station.boot()
            number = station.start(1_000, when=began)
            seen.append((number, station.call("StopTransaction", stop_of(number, when=ended))))
            station.close()
        finally:
            gateway.stop()
    assert seen[0] == seen[1]
    assert TransactionRecord.objects.get().times_received == 2
    assert DeviceTransaction.objects.get().ended_at is not None


@pytest.mark.promise(7)
def test_meter_values_go_on_after_the_gateway_restarted(transactional_db):
    pile = make_pile()
    gateway = LiveGateway()
    gateway.start()
    station = Station(gateway, pile.code)
    station.boot()
    number = station.start(1_000, when=at(-600))
    station.meter(number, register("0"), when=at(-540))  # a reset: this step counts for nothing
    station.meter(number, register("400"), when=at(-480))
    gateway.stop()

    gateway = LiveGateway()
    gateway.start()
    try:
        station = Station(gateway, pile.code)  # without Boot
        station.meter(number, register("900"), when=at(-420))
        station.close()
    finally:
        gateway.stop()
    energies = MeterSample.objects.order_by("at").values_list("energy_kwh", flat=True)
    assert list(energies) == [Decimal("0"), Decimal("0.4"), Decimal("0.9")]


@pytest.mark.parametrize("number", [-1, 0])
def test_lesson_24_a_stop_without_number_ends_the_open_transaction(station, number):
    started = station.start(1_000, when=at(-60))
    stop = stop_of(number, when=at(-1))
    for _ in range(2):  # and again after a lost answer
        station.call("StopTransaction", stop)
    record = TransactionRecord.objects.get()
    assert (record.transaction_ref, record.energy_kwh) == (str(started), Decimal("1"))
    assert record.times_received == 2


def test_lesson_24_a_resent_stop_without_number_leaves_the_next_session_alone(station):
    station.start(1_000, when=at(-600))
    stop = stop_of(-1, when=at(-300))
    station.call("StopTransaction", stop)
    running = station.start(2_000, when=at(-60))
    station.call("StopTransaction", stop)
    assert DeviceTransaction.objects.get(pk=running).ended_at is None
    assert TransactionRecord.objects.get().times_received == 2


def test_a_stop_without_number_that_could_mean_two_connectors_means_none(station):
    station.start(1_000, when=at(-60), tag="SAME")
    station.start(1_500, when=at(-50), tag="SAME", connector=2)
    station.call("StopTransaction", stop_of(-1, when=at(-1), tag="SAME"))
    assert TransactionRecord.objects.get().transaction_ref == "unknown:-1"
    assert DeviceTransaction.objects.filter(ended_at__isnull=True).count() == 2


def test_the_tag_tells_which_connector_a_stop_without_number_means(station):
    first = station.start(1_000, when=at(-60), tag="ONE")
    station.start(1_500, when=at(-50), tag="TWO", connector=2)
    station.call("StopTransaction", stop_of(-1, when=at(-1), tag="ONE"))
    assert TransactionRecord.objects.get().transaction_ref == str(first)


@pytest.mark.promise(3)
@pytest.mark.promise(8)
def test_lesson_10_the_number_of_another_pile_is_no_record_of_its_session(station, dial):
    other = make_pile()
    other_station = dial(other.code)
    other_station.boot()
    foreign = other_station.start(1_000, when=at(-60))
    assert station.call("StopTransaction", stop_of(foreign, when=at(-1))) == {
        "idTagInfo": {"status": "Accepted"}
    }
    record = TransactionRecord.objects.get()
    assert record.transaction_ref == f"unknown:{foreign}"
    assert record.energy_kwh is None
    assert DeviceTransaction.objects.get(pk=foreign).ended_at is None
    assert ReviewItem.objects.filter(record=record).count() == 1
    assert not Entry.objects.exists()


@pytest.mark.promise(3)
def test_lesson_8_an_unknown_transaction_is_confirmed_and_reviewed(station):
    stop = stop_of(999_999, when=at(-1))
    answers = [station.call("StopTransaction", stop) for _ in range(2)]
    assert answers[0] == answers[1]
    record = TransactionRecord.objects.get()
    assert record.times_received == 2
    assert record.raw and record.payload["transactionId"] == 999_999
    assert ReviewItem.objects.filter(record=record).count() == 1


def test_a_start_that_comes_again_after_its_stop_starts_nothing(station, pile):
    from devices import events

    began, ended = at(-60), at(-1)
    number = station.start(1_000, when=began)
    station.call("StopTransaction", stop_of(number, when=ended))
    seen = []
    events.subscribe(events.ChargeStarted, seen.append)
    try:
        assert station.start(1_000, when=began) == number
    finally:
        events._HANDLERS[events.ChargeStarted].remove(seen.append)
    assert seen == []


def test_a_different_stop_of_the_same_transaction_is_a_conflict(station):
    number = station.start(1_000, when=at(-60))
    station.call("StopTransaction", stop_of(number, 2_000, when=at(-2)))
    station.call("StopTransaction", stop_of(number, 9_000, when=at(-1)))
    record = TransactionRecord.objects.get()
    assert record.energy_kwh == Decimal("1")
    assert len(record.conflicts) == 1


@pytest.mark.promise(3)
def test_a_stop_is_stored_as_far_as_it_can_be_read(station):
    number = station.start(1_000, when=at(-60))
    station.call(
        "StopTransaction",
        {
            "transactionId": str(number),
            "meterStop": "2000",
            "timestamp": "yesterday",
            "reason": "Bored",
            "x": 1,
        },
    )
    record = TransactionRecord.objects.get()
    assert (record.transaction_ref, record.energy_kwh) == (str(number), Decimal("1"))
    assert (record.ended_at, record.stop_reason) == (None, "Bored")


def test_a_start_without_a_time_is_found_again(station):
    payload = {"connectorId": 1, "idTag": "TAG", "meterStart": 1_000, "timestamp": "soon"}
    first = station.call("StartTransaction", payload)
    assert station.call("StartTransaction", payload) == first
    assert DeviceTransaction.objects.count() == 1


@pytest.mark.message("ocpp16", "MeterValues", "StopTransaction")
def test_samples_inside_a_stop_are_kept_once(station):
    number = station.start(1_000, when=at(-600))
    told = at(-500)
    station.meter(number, register("1500"), when=told)
    data = [
        {"timestamp": told, "sampledValue": [register("1500")]},
        {"timestamp": at(-400), "sampledValue": [register("1800")]},
    ]
    stop = stop_of(number, when=at(-300), transactionData=data)
    for _ in range(2):
        station.call("StopTransaction", stop)
    samples = MeterSample.objects.order_by("at")
    assert [sample.energy_kwh for sample in samples] == [Decimal("0.5"), Decimal("0.8")]
