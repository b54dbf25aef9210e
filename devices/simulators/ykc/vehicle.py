"""What a simulated car tells a DC pile (GB/T 27930), as the pile passes it on in the frames 15 to 25.

Every function returns (frame type, fields) pairs; who they are about is added by the caller. Currents count
downwards, as GB/T 27930 has it.
"""

import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from devices.simulators.battery import Car, ChargingRun
from devices.simulators.ykc import codes

Frames = Iterator[tuple[int, dict[str, Any]]]

CELL_V = 3.2
_MOST_CELL_V, _MOST_C = Decimal("3.65"), 55
_YES = 1
_LFP, _OWNED = 3, 1
# Bits of frame 21 (YKC V1.6 §7): the first flag of reason, fault and error.
_PILE_STOPPED = {
    codes.STOP_BY_APP: (0, 0),
    codes.STOP_MANUAL: (2, 0),
    codes.STOP_BALANCE: (0, 0),
    codes.STOP_EMERGENCY: (4, 8),
    codes.STOP_PILOT: (4, 2),
    codes.STOP_POWER_LOST: (4, 6),
}


def _tenths(value: float, least: float = 0.0, most: float = 6500.0) -> Decimal:
    return Decimal(round(min(most, max(least, value)) * 10)).scaleb(-1)


def _downwards(amperes: float) -> Decimal:
    """A current as the vehicle counts it; the field ends at -400 A, beyond it firmwares show the limit."""
    return -_tenths(amperes, 0.0, 400.0)


def _cell_v(car: Car) -> Decimal:
    return Decimal(str(round(CELL_V * (0.94 + 0.16 * car.soc_pct / 100), 2)))


def greeting(run: ChargingRun) -> Frames:
    """Handshake and parameters, before power flows."""
    car, model = run.car, run.car.model
    chance = zlib.crc32(car.vin.encode())
    yield (
        0x15,
        {
            "bms_version": "010100",
            "battery_type": _LFP,
            "capacity": _tenths(model.capacity_kwh * 1000 / model.pack_v),
            "rated_voltage": _tenths(model.pack_v),
            "maker": "CATL",
            "battery_serial": f"{chance:08X}",
            "year": 2019 + chance % 7,
            "month": 1 + chance % 12,
            "day": 1 + chance % 28,
            "cycles": chance % 900,
            "owner": _OWNED,
            "vin": car.vin,
            "bms_software": "01" + "00" * 7,
        },
    )
    yield (
        0x17,
        {
            "cell_v_max": _MOST_CELL_V,
            "i_max": _downwards(model.dc_peak_kw * 1150 / model.pack_v),
            "energy": _tenths(model.capacity_kwh),
            "v_max": _tenths(model.pack_v * 1.14),
            "t_max": _MOST_C,
            "soc": _tenths(car.soc_pct),
            "v_now": _tenths(car.pack_v()),
            "pile_v_max": Decimal("750.0"),
            "pile_v_min": Decimal("200.0"),
            "pile_i_max": Decimal("250.0"),
            "pile_i_min": Decimal("0.0"),
        },
    )


def running(run: ChargingRun) -> Frames:
    """Battery state and demand, every sample period."""
    car = run.car
    warmth = min(18, int(run.elapsed_s / 120))
    yield (
        0x25,
        {
            "cell_no": 17,
            "t_max": 28 + warmth,
            "t_max_point": 3,
            "t_min": 25 + warmth,
            "t_min_point": 8,
            "flags1": "00",
            "flags2": "10",
        },
    )
    wanted_a = car.dc_power_kw() * 1000 / car.pack_v()
    yield (
        0x23,
        {
            "v_demand": _tenths(car.model.pack_v * 1.12),
            "i_demand": _downwards(wanted_a),
            "mode": 1 if car.soc_pct >= 80 else 2,
            "v_meas": _tenths(run.voltage_v),
            "i_meas": _downwards(run.current_a),
            "cell_group": 1 << 12 | int(_cell_v(car) * 100),
            "soc": run.soc_pct,
            "remaining": run.remaining_min,
            "v_out": _tenths(run.voltage_v),
            "i_out": _tenths(run.current_a, most=6000.0),
            "minutes": min(65535, int(run.elapsed_s / 60)),
        },
    )


def ending(run: ChargingRun, stop_reason: str) -> Frames:
    """Who stopped and why, then the statistics; a car that was pulled off says nothing any more."""
    if stop_reason == codes.STOP_FULL:
        yield 0x1D, {"reason": "01", "fault": "0000", "error": "00"}
    else:
        reason, fault = _PILE_STOPPED.get(stop_reason, (4, 10))
        is_fault = reason == 4
        yield (
            0x21,
            {
                "reason": f"{_YES << reason:02X}",
                "fault": (_YES << fault if is_fault else 0).to_bytes(2, "little").hex(),
                "error": "00",
            },
        )
    if stop_reason in (codes.STOP_PILOT, codes.STOP_POWER_LOST):
        return
    cell = _cell_v(run.car)
    yield (
        0x19,
        {
            "soc": run.soc_pct,
            "cell_v_min": cell - Decimal("0.03"),
            "cell_v_max": cell,
            "t_min": 25,
            "t_max": 28 + min(18, int(run.elapsed_s / 120)),
            "minutes": min(65535, int(run.elapsed_s / 60)),
            "energy": _tenths(float(run.energy_kwh)),
            "charger_no": 1,
        },
    )


def went_silent() -> Frames:
    """The car stopped sending its demand: frame 1B with the time-out of BCL."""
    yield 0x1B, {"bits": (1 << 50).to_bytes(8, "little").hex()}
