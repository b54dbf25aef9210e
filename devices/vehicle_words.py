"""What a vehicle reported, as people read it: lines of label and value, and one sentence for a timeline."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from devices.models import ReportedVehicle, VehicleReport
from devices.protocols.ykc.codec import words
from devices.selectors import last_running_report, vehicle_reports

K = VehicleReport.Kind
_FRAMES = {
    K.ERRORS: 0x1B,
    K.STOPPED_BY_VEHICLE: 0x1D,
    K.STOPPED_BY_PILE: 0x21,
    K.RUNNING: 0x25,
}
_FAULTLESS = "charging_permitted"  # of 0x25: raised means that all is well
_FLAG_VALUES = {
    K.ERRORS: {1: _("time-out"), 2: _("not credible")},
    K.RUNNING: {2: _("too low or not credible")},
}


def _volts(value: Any) -> str:
    return f"{value} V"


def _amperes(value: Any) -> str:
    return f"{value} A"


def _celsius(value: Any) -> str:
    return f"{value} °C"


def _percent(value: Any) -> str:
    return f"{value} %"


def _kwh(value: Any) -> str:
    return f"{value} kWh"


def _minutes(value: Any) -> str:
    return gettext("%(minutes)d min") % {"minutes": value}


def _battery(value: Any) -> str:
    return battery_text(value)


def _mode(value: Any) -> str:
    modes = {1: _("constant voltage"), 2: _("constant current")}
    return gettext(modes[value]) if value in modes else str(value)


def _owner(value: Any) -> str:
    return gettext(_("leased")) if value == 0 else gettext(_("owned"))


# In the order in which they are shown.
_LABELS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "battery_type": (_("Battery"), _battery),
    "capacity": (_("Rated capacity"), lambda value: f"{value} Ah"),
    "rated_voltage": (_("Rated voltage"), _volts),
    "maker": (_("Battery maker"), str),
    "cycles": (_("Charges so far"), str),
    "owner": (_("Battery ownership"), _owner),
    "soc": (_("SoC"), _percent),
    "energy": (_("Energy"), _kwh),
    "v_now": (_("Battery voltage"), _volts),
    "v_max": (_("Highest voltage"), _volts),
    "i_max": (_("Highest current"), _amperes),
    "cell_v_max": (_("Highest cell voltage"), _volts),
    "cell_v_min": (_("Lowest cell voltage"), _volts),
    "t_max": (_("Highest temperature"), _celsius),
    "t_min": (_("Lowest temperature"), _celsius),
    "v_demand": (_("Voltage demand"), _volts),
    "i_demand": (_("Current demand"), _amperes),
    "mode": (_("Mode"), _mode),
    "v_meas": (_("Measured voltage"), _volts),
    "i_meas": (_("Measured current"), _amperes),
    "v_out": (_("Output voltage"), _volts),
    "i_out": (_("Output current"), _amperes),
    "cell_v": (_("Highest cell voltage"), _volts),
    "remaining": (_("Remaining time"), _minutes),
    "minutes": (_("Charging time"), _minutes),
    "pile_v_max": (_("Highest voltage of the pile"), _volts),
    "pile_v_min": (_("Lowest voltage of the pile"), _volts),
    "pile_i_max": (_("Highest current of the pile"), _amperes),
    "pile_i_min": (_("Lowest current of the pile"), _amperes),
}


def battery_text(code: Any) -> str:
    """The chemistry of a battery; a code that nobody knows as it came."""
    return str(ReportedVehicle.Battery(code).label) if code in ReportedVehicle.Battery.values else str(code)


def vehicle_lines(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value with its unit) of the figures in a report; empty texts are left out."""
    return [
        (gettext(label), write(data[name]))
        for name, (label, write) in _LABELS.items()
        if data.get(name) not in (None, "")
    ]


def flag_lines(kind: str, data: Mapping[str, Any]) -> list[str]:
    """What is raised in a report: causes of a stop, messages that are missing, warnings of the battery."""
    texts = words.flag_texts(_FRAMES[K(kind)]) if kind in _FRAMES else {}
    values = _FLAG_VALUES.get(K(kind), {2: _("not credible")})
    flags = data.get("flags") or {}
    lines = []
    for slug in sorted(flags, key=list(texts).index) if set(flags) <= set(texts) else sorted(flags):
        if slug == _FAULTLESS:
            continue
        value, text = flags[slug], gettext(texts[slug]) if slug in texts else slug
        lines.append(f"{text} ({gettext(values[value])})" if value in values else text)
    return lines


def vehicle_sentence(kind: str, vin: str, data: Mapping[str, Any]) -> str:
    """The gist of a report for a timeline."""
    if kind in (K.ERRORS, K.STOPPED_BY_VEHICLE, K.STOPPED_BY_PILE):
        return gettext("; ").join(flag_lines(kind, data))
    wanted = {
        K.HANDSHAKE: ("battery_type", "capacity", "rated_voltage"),
        K.PARAMETERS: ("soc", "energy", "v_max", "i_max"),
        K.STATISTICS: ("soc", "energy", "cell_v_min", "cell_v_max", "t_min", "t_max"),
    }.get(K(kind), ())
    parts = [vin] if kind == K.HANDSHAKE and vin else []
    parts += [f"{label} {value}" for label, value in vehicle_lines({k: data[k] for k in wanted if k in data})]
    return " · ".join(parts)


def vehicle_card(*, pile_id: int, transaction_ref: str) -> dict[str, Any] | None:
    """What is known of the vehicle of one charge: VIN, the newest value of each figure, what is raised."""
    reports = vehicle_reports(pile_id=pile_id, transaction_ref=transaction_ref)
    running = last_running_report(pile_id=pile_id, transaction_ref=transaction_ref)
    if running is not None:
        reports = sorted([*reports, running], key=lambda report: report.at)
    if not reports:
        return None
    known: dict[str, Any] = {}
    for report in reports:
        known |= {name: value for name, value in report.data.items() if name != "flags"}
    return {
        "vin": next((report.vin for report in reversed(reports) if report.vin), ""),
        "lines": vehicle_lines(known),
        "flags": [line for report in reports for line in flag_lines(report.kind, report.data)],
    }
