"""Energy from registers that behave and registers that do not."""

from decimal import Decimal

import pytest

from devices.models import MeterSample
from devices.protocols.ocppj.meters import readings_of
from stations.models import Pile
from tests.devices.ocpp16.station import at, register

SOC = {"value": "40", "measurand": "SoC", "unit": "Percent"}


def samples():
    rows = MeterSample.objects.order_by("id")
    return [(row.energy_kwh, row.suspect) for row in rows]


def test_lesson_2_a_begin_of_zero_bills_no_lifetime(station):
    """Transaction.Begin is 0 while the station boots, then the lifetime register comes."""
    number = station.start(0, when=at(-300))
    station.meter(number, register("0", context="Transaction.Begin"), when=at(-299))
    station.meter(number, register("910083"), when=at(-240))
    station.meter(number, register("910166"), when=at(-180))
    assert samples() == [
        (Decimal("0"), ""),
        (Decimal("0"), "register_jump"),
        (Decimal("0.083"), ""),
    ]


def test_lesson_3_a_batch_with_only_the_state_of_charge_changes_no_energy(station):
    number = station.start(1_000, when=at(-300))
    station.meter(number, register("1500"), when=at(-240))
    station.meter(number, SOC, when=at(-200))
    station.meter(number, {"value": "230.1", "measurand": "Voltage"}, when=at(-190))
    station.meter(number, register("1600"), when=at(-180))
    assert [energy for energy, _suspect in samples()] == [Decimal("0.5"), None, None, Decimal("0.6")]


@pytest.mark.message("ocpp16", "MeterValues")
def test_lesson_6_a_register_that_resets_starts_a_new_run(station):
    number = station.start(5_000, when=at(-600))
    for second, wh in ((-500, 5_400), (-400, 100), (-300, 350)):
        station.meter(number, register(str(wh)), when=at(second))
    assert samples() == [
        (Decimal("0.4"), ""),
        (Decimal("0.4"), "register_backwards"),
        (Decimal("0.65"), ""),
    ]


def test_lesson_11_an_implausible_value_is_flagged_and_counted(station, pile, eventually):
    number = station.start(1_000, when=at(-60))
    station.meter(number, register("99999999"), when=at(-1))
    assert samples() == [(Decimal("0"), "register_jump")]
    eventually(lambda: Pile.objects.get(pk=pile.pk).findings.get("register_jump"))


def test_clock_aligned_values_outside_a_session_are_nobodys(station):
    station.meter(None, register("7000", context="Sample.Clock"))
    row = MeterSample.objects.get()
    assert (row.transaction_ref, row.energy_kwh, row.register_kwh) == ("", None, Decimal("7"))


def test_values_without_a_number_belong_to_the_open_transaction_of_the_connector(station):
    station.meter(None, SOC)  # before it: nobody's
    number = station.start(1_000, when=at(-60))
    station.meter(None, register("1200"), when=at(-30))
    station.meter(0, register("1300"), when=at(-20))
    station.meter(-1, register("1400"), when=at(-10))
    station.meter(None, register("1500"), connector=2)
    refs = MeterSample.objects.order_by("id").values_list("transaction_ref", flat=True)
    assert list(refs) == ["", str(number), str(number), str(number), ""]


def test_a_foreign_number_is_kept_apart(station):
    station.meter(123_456, register("1200"))
    row = MeterSample.objects.get()
    assert (row.transaction_ref, row.energy_kwh) == ("unknown:123456", None)


def test_the_same_values_sent_again_are_stored_once(station):
    number = station.start(1_000, when=at(-60))
    when = at(-30)
    for _ in range(3):
        station.meter(number, register("1200"), when=when)
    assert samples() == [(Decimal("0.2"), "")]


def test_an_older_value_changes_nothing(station):
    number = station.start(1_000, when=at(-60))
    station.meter(number, register("1500"), when=at(-10))
    station.meter(number, register("1200"), when=at(-30))
    assert samples() == [(Decimal("0.5"), ""), (None, "out_of_order")]


def test_a_clock_in_the_future_does_not_freeze_the_session(station):
    number = station.start(1_000, when=at(-60))
    station.meter(number, register("1100"), when="2031-01-01T00:00:00Z")
    station.meter(number, register("1200"), when=at(1))
    assert [energy for energy, _suspect in samples()] == [Decimal("0.1"), Decimal("0.2")]


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        ([register("1234.5678", unit="kWh")], {"register_kwh": Decimal("1234.5678")}),
        ([{"value": "1500"}], {"register_kwh": Decimal("1.5000")}),
        ([register("100", phase="L1"), register("110", phase="L2")], {}),
        ([register("100", location="Inlet")], {}),
        (
            [register("100", location="Inlet"), register("90", location="Outlet")],
            {"register_kwh": Decimal("0.0900")},
        ),
        (
            [{"value": "7.2", "measurand": "Power.Active.Import", "unit": "kW"}],
            {"power_kw": Decimal("7.200")},
        ),
        ([{"value": "7200", "measurand": "Power.Active.Import"}], {"power_kw": Decimal("7.200")}),
        (
            [
                {"value": "2000", "measurand": "Power.Active.Import", "phase": phase, "unit": "W"}
                for phase in ("L1", "L2", "L3")
            ],
            {"power_kw": Decimal("6.000")},
        ),
        (
            [
                {"value": "400", "measurand": "Voltage", "unit": "V"},
                {"value": "100.04", "measurand": "Current.Import", "unit": "A"},
            ],
            {"voltage_v": Decimal("400.0"), "current_a": Decimal("100.04"), "power_kw": Decimal("40.016")},
        ),
        (
            [
                *({"value": "230", "measurand": "Voltage", "phase": f"L{n}-N"} for n in (1, 2, 3)),
                *({"value": "10", "measurand": "Current.Import", "phase": f"L{n}"} for n in (1, 2, 3)),
            ],
            {"voltage_v": Decimal("230.0"), "current_a": Decimal("10.00"), "power_kw": Decimal("6.900")},
        ),
        ([{"value": "98.6", "measurand": "Temperature", "unit": "Fahrenheit"}], {"temperature_c": 37}),
        ([{"value": "62", "measurand": "SoC", "location": "EV"}], {"soc_pct": 62}),
        ([{"value": "130", "measurand": "SoC"}], {}),
        ([{"value": "abc"}], {}),
        ([{"value": "NaN"}], {}),
        ([{"value": "1e999999"}], {}),
        ([{"value": "5", "unit": "V"}], {}),
        ([{"value": "5", "format": "SignedData"}], {}),
        (["text", None, 5, []], {}),
        (
            [register("0", context="Transaction.Begin"), register("900")],
            {"register_kwh": Decimal("0.9000")},
        ),
        (
            [register("900"), register("0", context="Transaction.Begin")],
            {"register_kwh": Decimal("0.9000")},
        ),
    ],
)
def test_reading_one_entry(sampled, expected):
    (reading,) = readings_of([{"timestamp": "2026-11-20T08:00:00Z", "sampledValue": sampled}], set())
    found = {
        name: getattr(reading, name)
        for name in ("register_kwh", "power_kw", "voltage_v", "current_a", "soc_pct", "temperature_c")
        if getattr(reading, name) is not None
    }
    assert found == expected
