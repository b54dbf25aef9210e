"""What to do about a fault, an end of charging or a refusal: one sentence per cause, whatever protocol names it.

Read it through `devices.words.advice_text`. A code without advice needs none: charging ended as somebody wished.
"""

from collections.abc import Mapping

from django.utils.translation import gettext_noop as _

EMERGENCY_STOP = _(
    "Find out why the emergency stop was pressed; when it is safe, turn the button back and clear the fault."
)
PLUG = _(
    "Ask the driver to plug in again until the plug clicks; if it happens with other vehicles, check plug, cable and control pilot."
)
BREAKER = _(
    "Do not switch the breaker on from afar: send a technician to find why it tripped, and measure before closing it."
)
METER = _("Check power, RS485 wires and address of the meter; restart the pile when they are in order.")
MONEY = _("Ask the driver to top up, then start again.")
POWER_MODULE = _(
    "Restart the pile; if the fault stays, take the power module out of service or replace it. The pile may charge with less power until then."
)
SURGE = _("Look at the window of the surge protector; a red one is used up and must be replaced.")
VEHICLE_TALK = _(
    "Plug in again. With several vehicles check signal wires and auxiliary power of the plug; with one vehicle it is its battery management."
)
HEAT = _("Check fans, dust filters and outside temperature; let the pile cool down before the next charge.")
REVERSED = _(
    "Do not start again at this connector: polarity must be checked by a technician on pile and vehicle."
)
PLUG_LOCK = _("Unlock the connector from afar and plug in again; if it repeats, check the lock in the plug.")
CONTACTOR = _("Take the connector out of service; check contactor, its coil and feedback wire.")
INSULATION = _(
    "Take the connector out of service until plug and cable were checked for water and damage; if it happens with one vehicle only, send the driver to a workshop."
)
BATTERY_VOLTAGE = _(
    "Plug in again; if it repeats with one vehicle it is the vehicle, else check contactors and voltage measurement of the pile."
)
VEHICLE_FAULT = _("The vehicle ended charging to protect its battery: the driver should have it checked.")
OUTPUT = _(
    "Restart the pile; if it repeats, compare demand and output on the order page and check the modules."
)
SUPPLY = _("Check the supply of the station; records of charges that broke off come after the next login.")
CONTROLLER = _("Restart the pile; if the fault stays, read its log and call the maker.")
LOCKED = _("The pile was taken out of service: set it in service again when the reason is gone.")
AGAIN = _("Start again; if it repeats, look at the frame log of this order and call the maker with it.")
CARD_READER = _("Restart the pile; check the cable of the card reader. Starting by app works meanwhile.")
FAN = _("Check the fan and its controller; the pile gets too hot without it.")
FUSE = _(
    "Take the pile out of service: a technician has to find the short circuit before a new fuse goes in."
)
DOOR = _(
    "Somebody opened the pile: send a technician or look at the camera, close the door, clear the fault."
)
LINK = _("Check SIM card, antenna and signal of the pile; restart its modem.")
TARIFF = _("Send the tariff to the pile and start again.")
UPDATING = _("Wait until the firmware update has ended.")
NOT_PLUGGED = _("Ask the driver to plug in first, then start again.")
CLOSED_BAY = _("Look at the bay before the lock is moved again: a vehicle or an obstacle may be in its way.")
WATER = _("Take the box out of service and keep people away until it is dry and was checked.")
FIRE = _("Go there at once, call the fire brigade if in doubt, and leave the box switched off.")
OVERLOAD = _("The load was above what the port allows: the driver should charge at a stronger port.")
SHORT = _(
    "Ask the driver to have the charger checked; if other chargers fail at this port too, take it out of service."
)
PORT = _("Take the port out of service and replace its relay or fuse.")
CARD_LIST = _("Send the list of cards to the pile again, in full.")
FIRMWARE = _("Choose the firmware that was made for this model and send it again.")

_VEHICLE_TIMEOUTS = ("bhm", "brm", "bcp", "bro", "bcs", "bcl", "bsm")
_YKC: dict[str, str] = {
    # hardware faults (13)
    "emergency_stop": EMERGENCY_STOP,
    "no_power_module": POWER_MODULE,
    "air_outlet_hot": HEAT,
    "ac_surge_protector": SURGE,
    "power_module_link": POWER_MODULE,
    "insulation_monitor_link": INSULATION,
    "meter_link": METER,
    "card_reader_link": CARD_READER,
    "rc10_link": CONTROLLER,
    "fan_controller": FAN,
    "dc_fuse": FUSE,
    "high_voltage_contactor": CONTACTOR,
    "door_open": DOOR,
    # ends of charging (3B, 3D)
    "start_controller_fault": CONTROLLER,
    "start_pilot_disconnected": PLUG,
    "start_breaker_tripped": BREAKER,
    "start_meter_link": METER,
    "start_low_balance": MONEY,
    "start_power_module": POWER_MODULE,
    "start_emergency_stop": EMERGENCY_STOP,
    "start_surge_protector": SURGE,
    "start_bms_not_ready": VEHICLE_TALK,
    "start_temperature": HEAT,
    "start_battery_reversed": REVERSED,
    "start_electronic_lock": PLUG_LOCK,
    "start_contactor": CONTACTOR,
    "start_insulation": INSULATION,
    **{f"start_{name}_timeout": VEHICLE_TALK for name in _VEHICLE_TIMEOUTS},
    "start_voltage_at_handshake": BATTERY_VOLTAGE,
    "start_voltage_differs": BATTERY_VOLTAGE,
    "start_ready_withdrawn": VEHICLE_TALK,
    "start_host_timeout": CONTROLLER,
    "start_charger_not_ready": CONTROLLER,
    "start_failed_other": AGAIN,
    "abort_system_lock": LOCKED,
    "abort_pilot_disconnected": PLUG,
    "abort_breaker_tripped": BREAKER,
    "abort_meter_link": METER,
    "abort_balance_used_up": MONEY,
    "abort_ac_protection": SUPPLY,
    "abort_dc_protection": OUTPUT,
    "abort_power_module": POWER_MODULE,
    "abort_emergency_stop": EMERGENCY_STOP,
    "abort_surge_protector": SURGE,
    "abort_temperature": HEAT,
    "abort_output": OUTPUT,
    "abort_no_current": VEHICLE_TALK,
    "abort_electronic_lock": PLUG_LOCK,
    "abort_total_voltage": VEHICLE_FAULT,
    "abort_total_current": VEHICLE_FAULT,
    "abort_cell_voltage": VEHICLE_FAULT,
    "abort_battery_hot": VEHICLE_FAULT,
    "abort_highest_cell_voltage": VEHICLE_FAULT,
    "abort_highest_temperature": VEHICLE_FAULT,
    "abort_bmv_cell_voltage": VEHICLE_FAULT,
    "abort_bmt_hot": VEHICLE_FAULT,
    "abort_battery_state": VEHICLE_FAULT,
    "abort_car_forbids": VEHICLE_FAULT,
    "abort_power_lost": SUPPLY,
    **{f"abort_{name}_timeout": VEHICLE_TALK for name in ("bcs", "bcl", "bsm", "bst", "bsd", "ccs")},
    "aborted_other": AGAIN,
    "stop_unknown": AGAIN,
    # answers to commands
    "already_charging": AGAIN,
    "pile_fault": CONTROLLER,
    "pile_offline": LINK,
    "not_plugged": NOT_PLUGGED,
    "no_tariff": TARIFF,
    "upgrading": UPDATING,
    "forbidden": LOCKED,
    "low_balance": MONEY,
    "card_format": CARD_LIST,
    "card_space": CARD_LIST,
    "firmware_wrong_pile": FIRMWARE,
    "firmware_wrong_model": FIRMWARE,
    "firmware_download_timeout": LINK,
}
_OCPP: dict[str, str] = {
    "ConnectorLockFailure": PLUG_LOCK,
    "EVCommunicationError": VEHICLE_TALK,
    "GroundFailure": INSULATION,
    "GroundFault": INSULATION,
    "HighTemperature": HEAT,
    "InternalError": CONTROLLER,
    "LocalListConflict": CARD_LIST,
    "OtherError": CONTROLLER,
    "OverCurrentFailure": OUTPUT,
    "OvercurrentFault": OUTPUT,
    "OverVoltage": SUPPLY,
    "UnderVoltage": SUPPLY,
    "PowerMeterFailure": METER,
    "PowerSwitchFailure": CONTACTOR,
    "ReaderFailure": CARD_READER,
    "ResetFailure": CONTROLLER,
    "WeakSignal": LINK,
    "EmergencyStop": EMERGENCY_STOP,
    "PowerLoss": SUPPLY,
    "PowerQuality": SUPPLY,
    "UnlockCommand": PLUG,
    "Timeout": NOT_PLUGGED,
}
_DNY: dict[str, str] = {
    "overload": OVERLOAD,
    "dynamic_overload": OVERLOAD,
    "box_hot": HEAT,
    "port_hot": HEAT,
    "over_current": SHORT,
    "short_circuit": SHORT,
    "no_power": PORT,
    "relay_or_fuse": PORT,
    "water": WATER,
    "fire_suppression_here": FIRE,
    "fire_suppression": FIRE,
    "fire_system": FIRE,
    "smoke": FIRE,
    "heat": FIRE,
    "hot_glue": FIRE,
    "water_level": WATER,
    "door_not_closed": DOOR,
    "door_open": DOOR,
    "power_lost": SUPPLY,
    "over_voltage": SUPPLY,
    "under_voltage": SUPPLY,
    "port_fault": PORT,
    "relay_stuck": PORT,
    "relay_stuck_precheck": PORT,
    "contact_spring": PORT,
    "contact_or_fuse": PORT,
    "plug_sensor": PORT,
    "cannot_meter": METER,
    "memory": CONTROLLER,
    "detection_circuit": CONTROLLER,
    "card_reader": CARD_READER,
}
_ANY: dict[str, str] = {
    "fault": CONTROLLER,
    "Faulted": CONTROLLER,
    "heartbeat_fault": CONTROLLER,
    "bay_lock_forced": CLOSED_BAY,
    "bay_lock_stuck": CLOSED_BAY,
    "no answer in time": LINK,
    "not sent in time": LINK,
}
ADVICE: Mapping[str, Mapping[str, str]] = {
    "ykc": _ANY | _YKC,
    "ocpp16": _ANY | _OCPP,
    "ocpp201": _ANY | _OCPP,
    "dny": _ANY | _DNY,
}

# Ends of charging and faults by which a pile protects people, itself or the vehicle's supply: somebody has to go there.
PROTECTION = frozenset(
    {
        EMERGENCY_STOP, BREAKER, METER, POWER_MODULE, SURGE, HEAT, REVERSED, PLUG_LOCK, CONTACTOR, INSULATION, OUTPUT,
        SUPPLY, FUSE, WATER, FIRE, OVERLOAD, SHORT,
    }
)  # fmt: skip
# Of these the ones that cannot wait.
URGENT = frozenset({EMERGENCY_STOP, INSULATION, FUSE, WATER, FIRE, SHORT})
