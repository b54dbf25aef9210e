"""Events that come again, late, out of order, without their start or without a name: stored once, answered always."""

from decimal import Decimal

import pytest

from billing.models import Entry, ReviewItem
from devices.models import DeviceTransaction, MeterSample, TransactionRecord
from stations.models import Connector, Pile
from tests.devices.ocpp16.station import at
from tests.devices.ocpp201.conftest import make_pile_201
from tests.devices.ocpp201.station import Station201, sampled
from tests.live import LiveGateway

pytestmark = pytest.mark.embedded


def end_of(station, name, meter_wh=2_000, **options):
    return station.event("Ended", name, sampled(meter_wh, context="Transaction.End"), **options)


@pytest.mark.message("ocpp201", "TransactionEvent")
@pytest.mark.promise(2)
def test_lesson_1_the_same_end_three_times_is_one_record(station):
    name = station.start(1_000, when=at(-60))
    end = end_of(station, name, when=at(-1), tag="TAG")
    answers = [station.call("TransactionEvent", end) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2] == {"idTokenInfo": {"status": "Accepted"}}
    record = TransactionRecord.objects.get()
    assert (record.times_received, record.conflicts) == (3, [])
    assert DeviceTransaction.objects.count() == 1


def test_lesson_3_and_6_registers_that_reset_and_batches_without_one(station):
    name = station.start(5_000, when=at(-600))
    soc = sampled(40, "SoC", "Percent")
    for second, value in ((-500, sampled(5_400)), (-450, soc), (-400, sampled(100)), (-300, sampled(350))):
        station.meter(name, value, when=at(second))
    samples = MeterSample.objects.order_by("id").values_list("energy_kwh", "suspect")
    assert list(samples) == [
        (Decimal("0"), ""),
        (Decimal("0.4"), ""),
        (None, ""),
        (Decimal("0.4"), "register_backwards"),
        (Decimal("0.65"), ""),
    ]


@pytest.mark.promise(2)
def test_every_event_that_comes_again_gets_the_same_answer(station):
    events = [
        station.event("Started", "T", sampled(1_000), when=at(-60), tag="TAG", charging="Charging"),
        station.event("Updated", "T", sampled(1_500), when=at(-40), tag="TAG"),
        station.event("Updated", "T", sampled(1_700), when=at(-20), tag="OTHER"),
        end_of(station, "T", when=at(-1)),
    ]
    first = [station.call("TransactionEvent", event) for event in events]
    assert [station.call("TransactionEvent", event) for event in events] == first
    assert [station.call("TransactionEvent", event) for event in reversed(events)] == first[::-1]
    record = TransactionRecord.objects.get()
    assert (record.energy_kwh, record.times_received, record.conflicts) == (Decimal("1"), 3, [])
    row = DeviceTransaction.objects.get()
    assert (row.id_tag, row.meter_start_kwh) == ("TAG", Decimal("1"))
    energies = MeterSample.objects.filter(energy_kwh__isnull=False).values_list("energy_kwh", flat=True)
    assert max(energies) == Decimal("1")


@pytest.mark.promise(2)
@pytest.mark.promise(7)
def test_events_come_again_after_the_gateway_restarted(transactional_db):
    pile = make_pile_201()
    began, ended = at(-60), at(-1)
    seen = []
    for _life in range(2):
        gateway = LiveGateway()
        gateway.start()
        try:
            station = Station201(gateway, pile.code)
            station.boot()
            start = station.event("Started", "T", sampled(1_000), when=began, tag="TAG")
            end = end_of(station, "T", when=ended, seq=5)
            seen.append([station.call("TransactionEvent", event) for event in (start, end)])
            station.close()
        finally:
            gateway.stop()
    assert seen[0] == seen[1]
    record = TransactionRecord.objects.get()
    assert (record.times_received, record.conflicts) == (2, [])
    assert DeviceTransaction.objects.get().ended_at is not None


@pytest.mark.promise(7)
def test_meter_values_go_on_after_the_gateway_restarted(transactional_db):
    pile = make_pile_201()
    gateway = LiveGateway()
    gateway.start()
    station = Station201(gateway, pile.code)
    station.boot()
    name = station.start(1_000, when=at(-600))
    station.meter(name, sampled(0), when=at(-540))  # a reset: this step counts for nothing
    station.meter(name, sampled(400), when=at(-480))
    gateway.stop()

    gateway = LiveGateway()
    gateway.start()
    try:
        station = Station201(gateway, pile.code)  # without Boot
        station.meter(name, sampled(900), when=at(-420))
        station.close()
    finally:
        gateway.stop()
    energies = list(MeterSample.objects.order_by("at").values_list("energy_kwh", flat=True))
    assert energies == [Decimal("0"), Decimal("0"), Decimal("0.4"), Decimal("0.9")]


@pytest.mark.promise(2)
def test_lesson_25_the_sequence_number_is_not_trusted(station):
    """Every event is number 0; another number on a resent end makes no second record."""
    station.seq_always = 0
    name = station.start(1_000, when=at(-60))
    station.meter(name, sampled(1_400), when=at(-40))
    station.meter(name, sampled(1_600), when=at(-20))
    end = end_of(station, name, when=at(-1))
    station.call("TransactionEvent", end)
    station.call("TransactionEvent", end | {"seqNo": 7})
    record = TransactionRecord.objects.get()
    assert (record.energy_kwh, record.times_received, record.conflicts) == (Decimal("1"), 2, [])
    assert MeterSample.objects.filter(transaction_ref=name).count() == 4


def test_lesson_25_replayed_offline_events_do_not_change_the_present(station, pile):
    """The flag says that it was then: the connector shows what the station says now."""
    station.status("Available")
    name = station.start(1_000, when=at(-900), offline=True)
    assert Connector.objects.get(pile=pile, number=1).state == "idle"
    station.meter(name, sampled(5_000), when=at(-600), offline=True)
    station.end(name, 9_000, when=at(-300), offline=True)
    record = TransactionRecord.objects.get()
    assert record.energy_kwh == Decimal("8")
    assert Connector.objects.get(pile=pile, number=1).state == "idle"


def test_lesson_25_an_event_without_its_evse(station, dial):
    station.transaction("Started", "NO-EVSE", sampled(1_000), when=at(-60), tag="TAG", evse=None)
    assert DeviceTransaction.objects.get(station_ref="NO-EVSE").connector_no == 0
    station.meter("NO-EVSE", sampled(1_200), when=at(-30), evse=2)
    assert DeviceTransaction.objects.get(station_ref="NO-EVSE").connector_no == 2
    single = dial(make_single().code)
    single.boot()
    single.transaction("Started", "ONLY-ONE", sampled(1_000), when=at(-60), tag="TAG", evse=None)
    assert DeviceTransaction.objects.get(station_ref="ONLY-ONE").connector_no == 1


def make_single() -> Pile:
    return make_pile_201(connectors=1)


@pytest.mark.promise(3)
def test_a_transaction_without_its_start_waits_for_a_person(station):
    """What was delivered before the first word of it is not known, so there is no energy to bill."""
    station.meter("LOST", sampled(5_000), when=at(-60), evse=1, charging="Charging")
    station.meter("LOST", sampled(5_400), when=at(-30))
    assert station.end("LOST", 6_000, when=at(-1)) == {}
    row = DeviceTransaction.objects.get()
    assert (row.start_known, row.meter_start_kwh, row.connector_no) == (False, None, 1)
    record = TransactionRecord.objects.get()
    assert (record.energy_kwh, record.meter_start_kwh, record.meter_end_kwh) == (None, None, Decimal("6"))
    assert ReviewItem.objects.filter(record=record).count() == 1
    assert not Entry.objects.exists()
    energies = MeterSample.objects.order_by("at").values_list("energy_kwh", flat=True)
    assert list(energies) == [Decimal("0"), Decimal("0.4"), Decimal("1")]


def test_a_start_that_comes_after_its_updates_is_their_start(station):
    began = at(-60)
    station.meter("LATE", sampled(1_500), when=at(-30), evse=1)
    station.start(1_000, name="LATE", when=began)
    station.end("LATE", 2_000, when=at(-1))
    row = DeviceTransaction.objects.get()
    assert row.start_known and row.started_at.isoformat()[:19] == began[:19]
    assert TransactionRecord.objects.get().energy_kwh == Decimal("1")


def test_an_end_that_holds_both_registers_needs_no_other_event(station):
    values = [sampled(1_000, context="Transaction.Begin"), sampled(4_000, context="Transaction.End")]
    station.transaction("Ended", "ALONE", *values, when=at(-1), evse=1)
    record = TransactionRecord.objects.get()
    assert (record.meter_start_kwh, record.energy_kwh) == (Decimal("1"), Decimal("3"))


def test_a_start_without_a_register_begins_at_the_first_one(station):
    name = station.start(None, when=at(-60), charging="EVConnected", trigger="CablePluggedIn")
    station.meter(name, sampled(7_000), when=at(-50), charging="Charging")
    station.meter(name, sampled(7_300), when=at(-20))
    station.end(name, 7_500, when=at(-1))
    record = TransactionRecord.objects.get()
    assert (record.meter_start_kwh, record.energy_kwh) == (Decimal("7"), Decimal("0.5"))


def test_an_end_without_a_register_is_no_energy(station, pile, eventually):
    name = station.start(1_000, when=at(-60))
    station.end(name, None, when=at(-1))
    record = TransactionRecord.objects.get()
    assert (record.energy_kwh, record.meter_end_kwh) == (None, None)
    eventually(lambda: Pile.objects.get(pk=pile.pk).findings.get("meter_end_missing"))


def test_the_last_register_of_an_end_counts_when_none_is_marked(station):
    name = station.start(1_000, when=at(-60))
    entries = [
        {"timestamp": at(-1), "sampledValue": [sampled(3_000)]},
        {"timestamp": at(-30), "sampledValue": [sampled(2_000)]},
    ]
    station.transaction("Ended", name, when=at(-1), meterValue=entries)
    assert TransactionRecord.objects.get().energy_kwh == Decimal("2")


def test_lesson_2_a_begin_of_zero_is_not_hidden(station):
    """The register is 0 while the station boots, then the lifetime comes: kept as told, implausible as it is."""
    name = station.start(0, when=at(-300))
    station.meter(name, sampled(910_083), when=at(-240))
    station.meter(name, sampled(910_166), when=at(-180))
    station.end(name, 910_166, when=at(-170))
    rows = MeterSample.objects.order_by("id")
    assert [(row.energy_kwh, row.suspect) for row in rows] == [
        (Decimal("0"), ""),
        (Decimal("0"), "register_jump"),
        (Decimal("0.083"), ""),
        (Decimal("0.083"), ""),
    ]
    assert TransactionRecord.objects.get().energy_kwh == Decimal("910.166")


def test_another_end_of_the_same_transaction_is_a_conflict(station):
    name = station.start(1_000, when=at(-60))
    station.end(name, 2_000, when=at(-2))
    station.end(name, 9_000, when=at(-1))
    record = TransactionRecord.objects.get()
    assert record.energy_kwh == Decimal("1")
    assert len(record.conflicts) == 1


def test_a_name_used_again_is_another_transaction(station):
    """Stations that count their transactions begin at 1 again after a reset."""
    ends = []
    for began, ended, meter in ((-600, -500, 2_000), (-300, -200, 5_000)):
        station.start(meter - 1_000, name="1", when=at(began))
        ends.append(end_of(station, "1", meter, when=at(ended), seq=2))
        station.call("TransactionEvent", ends[-1])
    station.start(6_000, name="1", when=at(-100))
    for end in ends:
        station.call("TransactionEvent", end)
    records = TransactionRecord.objects.order_by("id")
    assert [(row.transaction_ref, row.energy_kwh, row.times_received, row.conflicts) for row in records] == [
        ("1", Decimal("1"), 2, []),
        ("1~2", Decimal("1"), 2, []),
    ]
    rows = DeviceTransaction.objects.order_by("id")
    assert [(row.ref, row.ended_at is None) for row in rows] == [("1", False), ("1~2", False), ("1~3", True)]


def test_lesson_9_a_name_used_again_by_another_tag_is_not_held_up_by_a_transaction_that_never_ended(station):
    station.start(1_000, name="1", when=at(-900), tag="BEFORE")
    answer = station.transaction("Started", "1", sampled(4_000), when=at(-60), tag="AFTER")
    station.meter("1", sampled(4_500), when=at(-30), tag="AFTER")
    station.end("1", 5_000, when=at(-1))
    assert answer == {"idTokenInfo": {"status": "Invalid"}}  # nobody vouches for it here
    rows = DeviceTransaction.objects.order_by("id")
    assert [(row.ref, row.id_tag, row.ended_at is None) for row in rows] == [
        ("1", "BEFORE", True),
        ("1~2", "AFTER", False),
    ]
    record = TransactionRecord.objects.get()
    assert (record.transaction_ref, record.energy_kwh) == ("1~2", Decimal("1"))


def test_a_start_that_comes_after_its_end_makes_no_conflict(station):
    station.meter("LATE", sampled(1_500), when=at(-30), evse=1)
    end = end_of(station, "LATE", when=at(-1))
    station.call("TransactionEvent", end)
    station.start(1_000, name="LATE", when=at(-60))
    station.call("TransactionEvent", end)
    record = TransactionRecord.objects.get()
    assert (record.energy_kwh, record.times_received, record.conflicts) == (None, 2, [])
    assert DeviceTransaction.objects.count() == 1


@pytest.mark.promise(3)
@pytest.mark.promise(8)
def test_lesson_10_the_name_of_another_pile_is_no_record_of_its_session(station, dial):
    other = dial(make_pile_201().code)
    other.boot()
    foreign = other.start(1_000, when=at(-60))
    station.end(foreign, 2_000, when=at(-1))
    record = TransactionRecord.objects.get()
    assert record.energy_kwh is None
    assert DeviceTransaction.objects.get(pile=record.pile_id).start_known is False
    assert DeviceTransaction.objects.exclude(pile=record.pile_id).get().ended_at is None
    assert ReviewItem.objects.filter(record=record).count() == 1


@pytest.mark.promise(3)
def test_an_end_without_a_name_is_kept_for_a_person(station):
    end = end_of(station, "X", when=at(-1))
    del end["transactionInfo"]
    assert [station.call("TransactionEvent", end) for _ in range(2)] == [{}, {}]
    record = TransactionRecord.objects.get()
    assert (record.transaction_ref, record.energy_kwh, record.times_received) == ("unknown:", None, 2)
    assert record.payload["eventType"] == "Ended"
    assert ReviewItem.objects.filter(record=record).count() == 1
    refused = station.exchange("TransactionEvent", station.event("Started", ""))
    assert refused[0] == 4 and refused[2] == "OccurrenceConstraintViolation"


@pytest.mark.promise(3)
def test_an_event_is_stored_as_far_as_it_can_be_read(station):
    name = station.start(1_000, when=at(-60))
    strange = {
        "eventType": "Ended",
        "timestamp": "yesterday",
        "seqNo": "three",
        "transactionInfo": {"transactionId": name, "stoppedReason": "Bored"},
        "meterValue": [{"timestamp": at(-1), "sampledValue": [{"value": "2000"}, "text", None]}, 5],
        "x": 1,
    }
    assert station.call("TransactionEvent", strange) == {}
    record = TransactionRecord.objects.get()
    assert (record.transaction_ref, record.energy_kwh) == (name, Decimal("1"))
    assert (record.ended_at, record.stop_reason) == (None, "Bored")


@pytest.mark.message("ocpp201", "MeterValues")
def test_values_outside_transaction_events(station):
    values = {"evseId": 1, "meterValue": [{"timestamp": at(-90), "sampledValue": [sampled(900)]}]}
    station.call("MeterValues", values)  # before it: nobody's
    name = station.start(1_000, when=at(-60))
    values = {"evseId": 1, "meterValue": [{"timestamp": at(-30), "sampledValue": [sampled(1_300)]}]}
    station.call("MeterValues", values)
    station.call("MeterValues", values | {"evseId": 2})
    station.call("MeterValues", values | {"evseId": 0})
    rows = MeterSample.objects.order_by("id").values_list("transaction_ref", "connector_no", "energy_kwh")
    assert list(rows) == [
        ("", 1, None),
        (name, 1, Decimal("0")),
        (name, 1, Decimal("0.3")),
        ("", 2, None),
        ("", 0, None),
    ]
