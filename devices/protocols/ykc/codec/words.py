"""YKC codes in words: stop reasons, refusals and fault bits.

A word is a stable slug for programs, an English sentence for people (marked for translation, the
floors above pass it to gettext) and a category. Every look-up answers for any byte: vendors fill the
gaps of the tables, and an unknown code must still be shown. Sources: YKC V1.6 §13.1 (stop reasons),
§7 (bit fields), frames 32, 33 and 35 (refusals).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from .marking import gettext_noop

Category = Literal["normal", "start_failed", "aborted", "unknown"]


class Word(NamedTuple):
    """One code in words."""

    code: int
    slug: str
    text: str
    category: Category


def _as_code(code: int | str) -> int:
    return int(code, 16) if isinstance(code, str) else code


_NORMAL = {
    0x40: ("stopped_by_app", gettext_noop("Stopped by the driver in the app.")),
    0x41: ("soc_full", gettext_noop("The battery is full.")),
    0x42: ("energy_reached", gettext_noop("The chosen energy was reached.")),
    0x43: ("amount_reached", gettext_noop("The chosen amount or the balance was reached.")),
    0x44: ("time_reached", gettext_noop("The chosen time was reached.")),
    0x45: ("stopped_by_hand", gettext_noop("Stopped by hand at the pile.")),
}
_START_FAILED = {
    0x4A: ("start_controller_fault", gettext_noop("Start failed: the pile controller reported a fault.")),
    0x4B: ("start_pilot_disconnected", gettext_noop("Start failed: the control pilot was disconnected.")),
    0x4C: ("start_breaker_tripped", gettext_noop("Start failed: the circuit breaker tripped.")),
    0x4D: ("start_meter_link", gettext_noop("Start failed: the meter does not answer.")),
    0x4E: ("start_low_balance", gettext_noop("Start failed: the balance is too low.")),
    0x4F: ("start_power_module", gettext_noop("Start failed: a power module has a fault.")),
    0x50: ("start_emergency_stop", gettext_noop("Start failed: the emergency stop is pressed.")),
    0x51: ("start_surge_protector", gettext_noop("Start failed: the surge protector has tripped.")),
    0x52: ("start_bms_not_ready", gettext_noop("Start failed: the vehicle is not ready.")),
    0x53: ("start_temperature", gettext_noop("Start failed: a temperature is out of range.")),
    0x54: ("start_battery_reversed", gettext_noop("Start failed: the battery is connected the wrong way.")),
    0x55: ("start_electronic_lock", gettext_noop("Start failed: the connector lock did not close.")),
    0x56: ("start_contactor", gettext_noop("Start failed: the contactor did not close.")),
    0x57: ("start_insulation", gettext_noop("Start failed: the insulation test failed.")),
    0x59: ("start_bhm_timeout", gettext_noop("Start failed: the vehicle sent no handshake (BHM).")),
    0x5A: ("start_brm_timeout", gettext_noop("Start failed: the vehicle did not identify itself (BRM).")),
    0x5B: ("start_bcp_timeout", gettext_noop("Start failed: the vehicle sent no battery parameters (BCP).")),
    0x5C: ("start_bro_timeout", gettext_noop("Start failed: the vehicle did not report ready (BRO).")),
    0x5D: ("start_bcs_timeout", gettext_noop("Start failed: the vehicle sent no charging state (BCS).")),
    0x5E: ("start_bcl_timeout", gettext_noop("Start failed: the vehicle sent no demand (BCL).")),
    0x5F: ("start_bsm_timeout", gettext_noop("Start failed: the vehicle sent no battery state (BSM).")),
    0x60: (
        "start_voltage_at_handshake",
        gettext_noop("Start failed: the battery already had voltage at the handshake."),
    ),
    0x61: (
        "start_voltage_differs",
        gettext_noop("Start failed: the battery voltage differs by more than 5% from what the vehicle said."),
    ),
    0x62: ("start_ready_withdrawn", gettext_noop("Start failed: the vehicle withdrew its readiness.")),
    0x63: ("start_host_timeout", gettext_noop("Start failed: the pile was not configured in time.")),
    0x64: ("start_charger_not_ready", gettext_noop("Start failed: the pile did not get ready (CRO).")),
}
_ABORTED = {
    0x6A: ("abort_system_lock", gettext_noop("Charging broke off: the pile was locked.")),
    0x6B: ("abort_pilot_disconnected", gettext_noop("Charging broke off: the plug was pulled.")),
    0x6C: ("abort_breaker_tripped", gettext_noop("Charging broke off: the circuit breaker tripped.")),
    0x6D: ("abort_meter_link", gettext_noop("Charging broke off: the meter does not answer.")),
    0x6E: ("abort_balance_used_up", gettext_noop("Charging broke off: the balance is used up.")),
    0x6F: ("abort_ac_protection", gettext_noop("Charging broke off: protection on the AC side.")),
    0x70: ("abort_dc_protection", gettext_noop("Charging broke off: protection on the DC side.")),
    0x71: ("abort_power_module", gettext_noop("Charging broke off: a power module has a fault.")),
    0x72: ("abort_emergency_stop", gettext_noop("Charging broke off: the emergency stop was pressed.")),
    0x73: ("abort_surge_protector", gettext_noop("Charging broke off: the surge protector tripped.")),
    0x74: ("abort_temperature", gettext_noop("Charging broke off: a temperature is out of range.")),
    0x75: ("abort_output", gettext_noop("Charging broke off: the output is abnormal.")),
    0x76: ("abort_no_current", gettext_noop("Charging broke off: no current flowed.")),
    0x77: ("abort_electronic_lock", gettext_noop("Charging broke off: the connector lock opened.")),
    0x79: ("abort_total_voltage", gettext_noop("Charging broke off: the total voltage is abnormal.")),
    0x7A: ("abort_total_current", gettext_noop("Charging broke off: the total current is abnormal.")),
    0x7B: ("abort_cell_voltage", gettext_noop("Charging broke off: a cell voltage is abnormal.")),
    0x7C: ("abort_battery_hot", gettext_noop("Charging broke off: the battery is too hot.")),
    0x7D: (
        "abort_highest_cell_voltage",
        gettext_noop("Charging broke off: the highest cell voltage was exceeded."),
    ),
    0x7E: (
        "abort_highest_temperature",
        gettext_noop("Charging broke off: the highest battery temperature was exceeded."),
    ),
    0x7F: (
        "abort_bmv_cell_voltage",
        gettext_noop("Charging broke off: the vehicle reported an abnormal cell voltage (BMV)."),
    ),
    0x80: ("abort_bmt_hot", gettext_noop("Charging broke off: the vehicle reported over-temperature (BMT).")),
    0x81: ("abort_battery_state", gettext_noop("Charging broke off: the battery state is abnormal.")),
    0x82: ("abort_car_forbids", gettext_noop("Charging broke off: the vehicle forbids charging.")),
    0x83: ("abort_power_lost", gettext_noop("Charging broke off: the pile lost power.")),
    0x84: (
        "abort_bcs_timeout",
        gettext_noop("Charging broke off: no charging state from the vehicle (BCS)."),
    ),
    0x85: ("abort_bcl_timeout", gettext_noop("Charging broke off: no demand from the vehicle (BCL).")),
    0x86: ("abort_bsm_timeout", gettext_noop("Charging broke off: no battery state from the vehicle (BSM).")),
    0x87: ("abort_bst_timeout", gettext_noop("Charging broke off: no stop message from the vehicle (BST).")),
    0x88: ("abort_bsd_timeout", gettext_noop("Charging broke off: no statistics from the vehicle (BSD).")),
    0x89: ("abort_ccs_timeout", gettext_noop("Charging broke off: the vehicle missed the pile state (CCS).")),
}
_RANGES: tuple[tuple[int, int, str, str, Category], ...] = (
    (0x40, 0x49, "finished_other", gettext_noop("Finished for another reason."), "normal"),
    (0x4A, 0x69, "start_failed_other", gettext_noop("Start failed for another reason."), "start_failed"),
    (0x6A, 0x8F, "aborted_other", gettext_noop("Charging broke off for another reason."), "aborted"),
    (0x00, 0xFF, "stop_unknown", gettext_noop("The pile gave no known stop reason."), "unknown"),
)


def _stop_words() -> dict[int, Word]:
    words: dict[int, Word] = {}
    for code in range(256):
        for first, last, slug, text, category in _RANGES:
            if first <= code <= last:
                named = _NORMAL.get(code) or _START_FAILED.get(code) or _ABORTED.get(code)
                slug, text = named or (slug, text)
                words[code] = Word(code, slug, text, category)
                break
    return words


STOP_REASONS: dict[int, Word] = _stop_words()


def stop_reason(code: int | str) -> Word:
    """Return the word for a stop reason of 0x3B/0x3D, given as a byte or as its two hex digits."""
    return STOP_REASONS[_as_code(code)]


_REMOTE_START = {
    0x01: ("pile_code_mismatch", gettext_noop("The pile code does not match.")),
    0x02: ("already_charging", gettext_noop("The connector is already charging.")),
    0x03: ("pile_fault", gettext_noop("The pile has a fault.")),
    0x04: ("pile_offline", gettext_noop("The pile is offline.")),
    0x05: ("not_plugged", gettext_noop("The connector is not plugged into a vehicle.")),
    0x07: ("no_tariff", gettext_noop("The pile has no tariff.")),
    0x08: ("upgrading", gettext_noop("The pile is updating its firmware.")),
    0x09: ("forbidden", gettext_noop("The pile is out of service.")),
    0x4E: ("low_balance", gettext_noop("The balance is too low.")),
}
_REMOTE_STOP = {
    0x01: ("pile_code_mismatch", gettext_noop("The pile code does not match.")),
    0x02: ("not_charging", gettext_noop("The connector is not charging.")),
    0x03: ("other", gettext_noop("The pile gave another reason.")),
}
_AUTHORISATION = {
    0x01: ("no_account", gettext_noop("There is no such account.")),
    0x02: ("account_frozen", gettext_noop("The account is frozen.")),
    0x03: ("low_balance", gettext_noop("The balance is too low.")),
    0x04: ("card_unsettled", gettext_noop("The card has an unsettled record.")),
    0x05: ("pile_out_of_service", gettext_noop("The pile is out of service.")),
    0x06: ("account_not_allowed", gettext_noop("The account may not charge at this pile.")),
    0x07: ("wrong_password", gettext_noop("The password is wrong.")),
    0x08: ("station_full", gettext_noop("The station has no capacity left.")),
    0x09: ("vin_unknown", gettext_noop("The vehicle is not known.")),
    0x0A: ("pile_unsettled", gettext_noop("The pile has an unsettled record.")),
    0x0B: ("cards_unsupported", gettext_noop("The pile does not accept cards.")),
}
_NO_FAILURE = ("none", gettext_noop("No failure."))
_UNLISTED = ("unlisted", gettext_noop("The pile gave an unlisted reason."))


def _refusal(table: Mapping[int, tuple[str, str]], code: int | str) -> Word:
    number = _as_code(code)
    if number == 0:
        return Word(0, *_NO_FAILURE, "normal")
    named = table.get(number)
    return Word(number, *(named or _UNLISTED), "start_failed" if named else "unknown")


def remote_start_failure(code: int | str) -> Word:
    """Return the word for ``fail`` of 0x33 and 0xA3."""
    return _refusal(_REMOTE_START, code)


def authorisation_failure(code: int | str) -> Word:
    """Return the word for ``fail`` of 0x32 and 0xA2, the reasons the platform refuses with."""
    return _refusal(_AUTHORISATION, code)


def remote_stop_failure(code: int | str) -> Word:
    """Return the word for ``fail`` of 0x35; its category is never ``start_failed``."""
    word = _refusal(_REMOTE_STOP, code)
    return word if word.code == 0 else word._replace(category="unknown")


_CARD_LIST = {
    0x01: ("card_format", gettext_noop("A card number has the wrong form.")),
    0x02: ("card_space", gettext_noop("The pile has no space for more cards.")),
}
_FIRMWARE = {
    0x00: ("firmware_installed", gettext_noop("The firmware was installed.")),
    0x01: ("firmware_wrong_pile", gettext_noop("The firmware update was for another pile.")),
    0x02: ("firmware_wrong_model", gettext_noop("The firmware does not fit this model.")),
    0x03: ("firmware_download_timeout", gettext_noop("The firmware was not downloaded in time.")),
}


def card_failure(code: int | str) -> Word:
    """Return the word for ``fail`` of 0x43."""
    return _refusal(_CARD_LIST, code)


def firmware_state(code: int) -> Word:
    """Return the word for ``state`` of 0x93."""
    slug, text = _FIRMWARE.get(code, _UNLISTED)
    return Word(code, slug, text, "normal" if code == 0 else "unknown")


AUTHORISATION_CODES: dict[str, int] = {slug: code for code, (slug, _) in _AUTHORISATION.items()}
"""The byte to refuse with, by slug."""


class Fault(NamedTuple):
    """One hardware fault bit of 0x13; ``bit`` counts from 1, the least significant."""

    bit: int
    slug: str
    text: str


_FAULT_BITS = (
    ("emergency_stop", gettext_noop("The emergency stop is pressed.")),
    ("no_power_module", gettext_noop("No power module is usable.")),
    ("air_outlet_hot", gettext_noop("The air outlet is too hot.")),
    ("ac_surge_protector", gettext_noop("The AC surge protector has tripped.")),
    ("power_module_link", gettext_noop("The power modules do not answer (DC20).")),
    ("insulation_monitor_link", gettext_noop("The insulation monitor does not answer (FC08).")),
    ("meter_link", gettext_noop("The meter does not answer.")),
    ("card_reader_link", gettext_noop("The card reader does not answer.")),
    ("rc10_link", gettext_noop("The RC10 unit does not answer.")),
    ("fan_controller", gettext_noop("The fan controller has a fault.")),
    ("dc_fuse", gettext_noop("The DC fuse has blown.")),
    ("high_voltage_contactor", gettext_noop("The high-voltage contactor has a fault.")),
    ("door_open", gettext_noop("The door of the pile is open.")),
)
_UNASSIGNED = gettext_noop("A fault the protocol does not name.")


def faults(bits: int) -> list[Fault]:
    """Return the hardware faults set in ``fault_bits`` of 0x13, lowest bit first.

    Bits 14-16 are unassigned; they come out as ``fault_bit_14`` and so on.
    """
    found = []
    for index in range(16):
        if bits >> index & 1:
            slug, text = (
                _FAULT_BITS[index] if index < len(_FAULT_BITS) else (f"fault_bit_{index + 1}", _UNASSIGNED)
            )
            found.append(Fault(index + 1, slug, text))
    return found


class Flag(NamedTuple):
    """One raised two-bit flag of a BMS frame; ``value`` is 1, 2 or 3."""

    slug: str
    text: str
    value: int


_Flags = tuple[tuple[str, int, str, str], ...]  # field, first bit, slug, text

_BMS_ERROR: _Flags = (
    ("bits", 0, "crm_00", gettext_noop("Identification of the pile, first form")),
    ("bits", 2, "crm_aa", gettext_noop("Identification of the pile, second form")),
    ("bits", 8, "cts_cml", gettext_noop("Clock and output limits of the pile")),
    ("bits", 10, "cro", gettext_noop("Readiness of the pile")),
    ("bits", 16, "ccs", gettext_noop("Charging state of the pile")),
    ("bits", 18, "cst", gettext_noop("Stop message of the pile")),
    ("bits", 24, "csd", gettext_noop("Statistics of the pile")),
    ("bits", 32, "brm", gettext_noop("Identification of the vehicle")),
    ("bits", 40, "bcp", gettext_noop("Battery parameters of the vehicle")),
    ("bits", 42, "bro", gettext_noop("Readiness of the vehicle")),
    ("bits", 48, "bcs", gettext_noop("Charging state of the vehicle")),
    ("bits", 50, "bcl", gettext_noop("Demand of the vehicle")),
    ("bits", 52, "bst", gettext_noop("Stop message of the vehicle")),
    ("bits", 56, "bsd", gettext_noop("Statistics of the vehicle")),
)
_STOPPED_BY_BMS: _Flags = (
    ("reason", 0, "soc_reached", gettext_noop("Target state of charge reached")),
    ("reason", 2, "total_voltage_reached", gettext_noop("Target total voltage reached")),
    ("reason", 4, "cell_voltage_reached", gettext_noop("Target cell voltage reached")),
    ("reason", 6, "stopped_by_pile", gettext_noop("The pile stopped")),
    ("fault", 0, "insulation", gettext_noop("Insulation")),
    ("fault", 2, "output_connector_hot", gettext_noop("Output connector too hot")),
    ("fault", 4, "bms_element_hot", gettext_noop("Battery management element too hot")),
    ("fault", 6, "connector", gettext_noop("Charging connector")),
    ("fault", 8, "battery_hot", gettext_noop("Battery too hot")),
    ("fault", 10, "high_voltage_relay", gettext_noop("High-voltage relay")),
    ("fault", 12, "detection_point_2", gettext_noop("Voltage at detection point 2")),
    ("fault", 14, "other_fault", gettext_noop("Other fault")),
    ("error", 0, "over_current", gettext_noop("Current too high")),
    ("error", 2, "voltage", gettext_noop("Voltage abnormal")),
)
_STOPPED_BY_CHARGER: _Flags = (
    ("reason", 0, "condition_reached", gettext_noop("The condition set at the pile was reached")),
    ("reason", 2, "by_hand", gettext_noop("Stopped by hand")),
    ("reason", 4, "fault", gettext_noop("Stopped by a fault")),
    ("reason", 6, "stopped_by_vehicle", gettext_noop("The vehicle stopped")),
    ("fault", 0, "pile_hot", gettext_noop("Pile too hot")),
    ("fault", 2, "connector", gettext_noop("Charging connector")),
    ("fault", 4, "inside_hot", gettext_noop("Inside of the pile too hot")),
    ("fault", 6, "no_energy", gettext_noop("The energy cannot be delivered")),
    ("fault", 8, "emergency_stop", gettext_noop("Emergency stop")),
    ("fault", 10, "other_fault", gettext_noop("Other fault")),
    ("error", 0, "current_mismatch", gettext_noop("Current does not match the demand")),
    ("error", 2, "voltage", gettext_noop("Voltage abnormal")),
)
_BATTERY: _Flags = (
    ("flags1", 0, "cell_voltage", gettext_noop("Cell voltage too high or too low")),
    ("flags1", 2, "soc", gettext_noop("State of charge too high or too low")),
    ("flags1", 4, "over_current", gettext_noop("Current too high")),
    ("flags1", 6, "over_temperature", gettext_noop("Temperature too high")),
    ("flags2", 0, "insulation", gettext_noop("Insulation")),
    ("flags2", 2, "output_connector", gettext_noop("Output connector")),
    ("flags2", 4, "charging_permitted", gettext_noop("Charging permitted")),
)
_FLAGS: dict[int, _Flags] = {
    0x1B: _BMS_ERROR,
    0x1D: _STOPPED_BY_BMS,
    0x21: _STOPPED_BY_CHARGER,
    0x25: _BATTERY,
}


def bms_flags(type: int, fields: Mapping[str, Any]) -> list[Flag]:
    """Return the raised two-bit flags of a decoded 0x1B, 0x1D, 0x21 or 0x25; none for other types.

    In 0x1B value 1 is a time-out and 2 a value that is not credible; in the others 1 is yes (in
    ``cell_voltage`` and ``soc`` of 0x25 too high, 2 too low) and 2 not credible.
    """
    found = []
    for field, first_bit, slug, text in _FLAGS.get(type, ()):
        value = int.from_bytes(bytes.fromhex(fields[field]), "little") >> first_bit & 3
        if value:
            found.append(Flag(slug, text, value))
    return found


def flag_texts(type: int) -> dict[str, str]:
    """Return the texts of the flags of 0x1B, 0x1D, 0x21 or 0x25 by slug."""
    return {slug: text for _field, _bit, slug, text in _FLAGS.get(type, ())}
