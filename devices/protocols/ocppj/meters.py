"""Meter values (OCPP 1.6 §3.16, §7.17; OCPP 2.0.1 part 2, MeterValueType) as readings in the platform's units.

One `meterValue` entry becomes one reading. What a station leaves out is None and changes nothing: a batch with
only the state of charge says nothing of energy, and energy by phase without a total is no total.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from devices.protocols.ocppj import reading as read

ENERGY = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
CURRENT = "Current.Import"
VOLTAGE = "Voltage"
SOC = "SoC"
TEMPERATURE = "Temperature"

_PHASES = ("L1", "L2", "L3")
_PHASE_TO_NEUTRAL = {"L1-N": "L1", "L2-N": "L2", "L3-N": "L3", "L1": "L1", "L2": "L2", "L3": "L3"}
# Where the car is fed; a meter at the grid inlet would count the pile's own losses.
_LOCATIONS = ("Outlet", "Cable")
BEGIN, END = "Transaction.Begin", "Transaction.End"
_MOST_POWER_OF_TEN = 12
_FAHRENHEIT, _KELVIN = Decimal("1.8"), Decimal("273.15")

# (measurand, phase, location) -> value in kWh, kW, A, V, percent or °C
_Values = dict[tuple[str, str, str], Decimal]


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry of a MeterValues message; `at` is None when its timestamp cannot be read."""

    at: datetime | None
    register_kwh: Decimal | None = None
    power_kw: Decimal | None = None
    voltage_v: Decimal | None = None
    current_a: Decimal | None = None
    soc_pct: int | None = None
    temperature_c: int | None = None

    @property
    def empty(self) -> bool:
        return all(
            value is None
            for value in (self.register_kwh, self.power_kw, self.voltage_v, self.current_a, self.soc_pct)
        )


def readings_of(entries: Any, findings: set[str]) -> list[Reading]:
    """The readings in a `meterValue` or `transactionData` array; adds the oddities met to `findings`."""
    if not isinstance(entries, list):
        return []
    readings = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            findings.add("meter_value_unreadable")
            continue
        at, finding = read.moment(entry.get("timestamp"))
        if finding:
            findings.add(finding)
        sampled = entry.get("sampledValue")
        readings.append(_reading(at, sampled if isinstance(sampled, list) else (), findings))
    return readings


def register_at(entries: Any, context: str) -> Decimal | None:
    """The energy register in kWh that a `meterValue` array marks with this context; None when there is none."""
    for entry in entries if isinstance(entries, list) else ():
        sampled = entry.get("sampledValue") if isinstance(entry, Mapping) else None
        marked = [
            {**item, "context": ""}
            for item in (sampled if isinstance(sampled, list) else ())
            if isinstance(item, Mapping) and item.get("context") == context
        ]
        register = _at_outlet(_values(marked, set()), ENERGY, "")
        if register is not None:
            return _round(register, 4)
    return None


def _reading(at: datetime | None, sampled: Iterable[Any], findings: set[str]) -> Reading:
    values = _values(sampled, findings)
    soc = _round(_at_outlet(values, SOC, "") or _anywhere(values, SOC), 0)
    temperature = _round(_at_outlet(values, TEMPERATURE, "") or _anywhere(values, TEMPERATURE), 0)
    if soc is not None and not 0 <= soc <= 100:
        findings.add("soc_out_of_range")
        soc = None
    return Reading(
        at=at,
        register_kwh=_round(_at_outlet(values, ENERGY, ""), 4),
        power_kw=_round(_power(values), 3),
        voltage_v=_round(_voltage(values), 1),
        current_a=_round(_current(values), 2),
        soc_pct=None if soc is None else int(soc),
        temperature_c=None if temperature is None or abs(temperature) > 1000 else int(temperature),
    )


def _values(sampled: Iterable[Any], findings: set[str]) -> _Values:
    values: _Values = {}
    for item in sampled:
        if not isinstance(item, Mapping) or item.get("format") == "SignedData":
            continue
        measurand = read.text(item, "measurand") or ENERGY
        if measurand not in (ENERGY, POWER, CURRENT, VOLTAGE, SOC, TEMPERATURE):
            continue
        number = read.decimal(item.get("value"))
        if number is None:
            findings.add("value_not_a_number")
            continue
        converted = _converted(measurand, *_in_unit(item, number))
        if converted is None:
            findings.add("unknown_unit")
            continue
        location = read.text(item, "location") or "Outlet"
        key = (measurand, read.text(item, "phase"), location)
        if key in values and item.get("context") == BEGIN:
            continue  # the current value stands beside it
        values[key] = converted
    return values


def _in_unit(item: Mapping[str, Any], number: Decimal) -> tuple[Decimal, str]:
    """(number, unit): OCPP 1.6 names a unit, OCPP 2.0.1 a unit and a power of ten."""
    measure = item.get("unitOfMeasure")
    if not isinstance(measure, Mapping):
        return number, read.text(item, "unit")
    power = read.whole(measure, "multiplier") if "multiplier" in measure else 0
    if power is None or abs(power) > _MOST_POWER_OF_TEN:
        return number, "unreadable"
    return number.scaleb(power), read.text(measure, "unit")


def _converted(measurand: str, number: Decimal, unit: str) -> Decimal | None:
    """The number in our unit; None for a unit that does not belong to the measurand."""
    match measurand, unit:
        case ("Energy.Active.Import.Register", "" | "Wh") | ("Power.Active.Import", "" | "W"):
            return number / 1000
        case ("Energy.Active.Import.Register", "kWh") | ("Power.Active.Import", "kW"):
            return number
        case ("Current.Import", "" | "A") | ("Voltage", "" | "V") | ("SoC", "" | "Percent"):
            return number
        case ("Temperature", "" | "Celsius" | "Celcius"):
            return number
        case ("Temperature", "Fahrenheit"):
            return (number - 32) / _FAHRENHEIT
        case ("Temperature", "K"):
            return number - _KELVIN
    return None


def _at_outlet(values: _Values, measurand: str, phase: str) -> Decimal | None:
    for location in _LOCATIONS:
        if (measurand, phase, location) in values:
            return values[measurand, phase, location]
    return None


def _anywhere(values: _Values, measurand: str) -> Decimal | None:
    """A value that is the same thing wherever it was measured (the state of charge is told by the car)."""
    return next((value for (name, _phase, _location), value in values.items() if name == measurand), None)


def _by_phase(values: _Values, measurand: str) -> dict[str, Decimal]:
    found = {}
    for phase, line in _PHASE_TO_NEUTRAL.items():
        value = _at_outlet(values, measurand, phase)
        if value is not None:
            found.setdefault(line, value)
    return found


def _power(values: _Values) -> Decimal | None:
    """Active power: the total, else the sum of phases, else volts times amperes."""
    total = _at_outlet(values, POWER, "")
    if total is not None:
        return total
    phases = _by_phase(values, POWER)
    if phases:
        return sum(phases.values(), Decimal(0))
    volts, amperes = _at_outlet(values, VOLTAGE, ""), _at_outlet(values, CURRENT, "")
    if volts is not None and amperes is not None:
        return volts * amperes / 1000
    volts_by_phase, amperes_by_phase = _by_phase(values, VOLTAGE), _by_phase(values, CURRENT)
    if amperes_by_phase and amperes_by_phase.keys() <= volts_by_phase.keys():
        return (
            sum((volts_by_phase[line] * amperes_by_phase[line] for line in amperes_by_phase), Decimal(0))
            / 1000
        )
    return None


def _voltage(values: _Values) -> Decimal | None:
    total = _at_outlet(values, VOLTAGE, "")
    if total is not None:
        return total
    phases = _by_phase(values, VOLTAGE)
    return sum(phases.values(), Decimal(0)) / len(phases) if phases else None


def _current(values: _Values) -> Decimal | None:
    """The total, else the current of the phase that carries most."""
    total = _at_outlet(values, CURRENT, "")
    if total is not None:
        return total
    return max(_by_phase(values, CURRENT).values(), default=None)


def _round(value: Decimal | None, places: int) -> Decimal | None:
    return None if value is None else value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
