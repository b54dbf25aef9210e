"""Values with units and powers of ten."""

from decimal import Decimal

import pytest

from devices.protocols.ocppj.meters import BEGIN, readings_of, register_at
from tests.devices.ocpp201.station import sampled


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([{"value": 1500}], {"register_kwh": Decimal("1.5000")}),
        ([{"value": 1500, "unitOfMeasure": {}}], {"register_kwh": Decimal("1.5000")}),
        ([sampled(1.5, unit="kWh")], {"register_kwh": Decimal("1.5000")}),
        ([sampled(15, multiplier=2)], {"register_kwh": Decimal("1.5000")}),
        ([sampled(15_000_000, multiplier=-4)], {"register_kwh": Decimal("1.5000")}),
        ([sampled(0.0015, unit="kWh", multiplier=3)], {"register_kwh": Decimal("1.5000")}),
        ([sampled(1500, multiplier=99)], {}),
        ([sampled(1500, multiplier="x")], {}),
        ([sampled(1500, unit="gallons")], {}),
        ([sampled(72, "Power.Active.Import", "W", multiplier=2)], {"power_kw": Decimal("7.200")}),
        ([sampled(8.1, "Current.Import", "A")], {"current_a": Decimal("8.10")}),
        ([sampled(62, "SoC", "Percent", location="EV")], {"soc_pct": 62}),
        ([sampled(100, location="Inlet")], {}),
        ([sampled(100, phase="L1")], {}),
        (
            [{"value": 1500, "signedMeterValue": {"signedMeterData": "x"}}],
            {"register_kwh": Decimal("1.5000")},
        ),
    ],
)
def test_reading_one_entry(values, expected):
    (reading,) = readings_of([{"timestamp": "2026-11-20T08:00:00Z", "sampledValue": values}], set())
    found = {
        name: getattr(reading, name)
        for name in ("register_kwh", "power_kw", "voltage_v", "current_a", "soc_pct", "temperature_c")
        if getattr(reading, name) is not None
    }
    assert found == expected


def test_the_register_with_a_mark():
    entries = [
        {"timestamp": "2026-11-20T08:00:00Z", "sampledValue": [sampled(40, "SoC", "Percent", context=BEGIN)]},
        {"timestamp": "2026-11-20T08:00:00Z", "sampledValue": [sampled(5), sampled(0, context=BEGIN)]},
    ]
    assert register_at(entries, BEGIN) == Decimal("0")
    assert register_at(entries, "Transaction.End") is None
    assert register_at("nothing", BEGIN) is None
    assert register_at([None, {"sampledValue": [7]}], BEGIN) is None
