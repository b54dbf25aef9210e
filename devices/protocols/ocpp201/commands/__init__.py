"""What the platform may ask of a station (OCPP 2.0.1 part 2), one file per command.

Each file says how a command becomes a call (`build`) and what its answer means (`outcome`).
"""

from collections.abc import Callable
from types import ModuleType

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands import (
    cancel_reservation,
    certificate_signed,
    change_availability,
    clear_cache,
    clear_charging_profile,
    clear_display_message,
    clear_variable_monitoring,
    cost_updated,
    customer_information,
    data_transfer,
    delete_certificate,
    get_base_report,
    get_charging_profiles,
    get_composite_schedule,
    get_display_messages,
    get_installed_certificate_ids,
    get_local_list_version,
    get_log,
    get_monitoring_report,
    get_report,
    get_transaction_status,
    get_variables,
    install_certificate,
    request_start,
    request_stop,
    reserve_now,
    reset,
    send_local_list,
    set_charging_profile,
    set_display_message,
    set_monitoring_base,
    set_monitoring_level,
    set_network_profile,
    set_variable_monitoring,
    set_variables,
    trigger_message,
    unlock_connector,
    update_firmware,
)
from devices.protocols.ocppj.calls import OutgoingCall
from devices.protocols.ocppj.profiles import lifts
from kernel import clock

_K = DeviceCommand.Kind


def _configuration(command: DeviceCommand) -> ModuleType:
    """Named variables are read at once; all of them come as a report."""
    return get_variables if command.params.get("keys") else get_base_report


def _report(command: DeviceCommand) -> ModuleType:
    return get_report if command.params.get("keys") else get_base_report


def _limit(command: DeviceCommand) -> ModuleType:
    return clear_charging_profile if lifts(command) else set_charging_profile


def _schedule(command: DeviceCommand) -> ModuleType:
    return get_charging_profiles if command.params.get("profiles") else get_composite_schedule


def _display(command: DeviceCommand) -> ModuleType:
    """What is to be done with messages: show (when absent), clear, list."""
    action = str(command.params.get("action") or "show")
    if action == "clear":
        return clear_display_message
    return get_display_messages if action == "list" else set_display_message


def _monitor(command: DeviceCommand) -> ModuleType:
    """What is to be done with monitors: set (when absent), clear, report, base, level."""
    action = str(command.params.get("action") or "set")
    if action == "clear":
        return clear_variable_monitoring
    if action == "report":
        return get_monitoring_report
    if action == "base":
        return set_monitoring_base
    return set_monitoring_level if action == "level" else set_variable_monitoring


COMMANDS: dict[str, Callable[[DeviceCommand], ModuleType]] = {
    _K.START: lambda _: request_start,
    _K.STOP: lambda _: request_stop,
    _K.READ_STATUS: lambda _: trigger_message,
    _K.TRIGGER: lambda _: trigger_message,
    _K.SET_AVAILABILITY: lambda _: change_availability,
    _K.REBOOT: lambda _: reset,
    _K.UNLOCK: lambda _: unlock_connector,
    _K.GET_CONFIGURATION: _configuration,
    _K.GET_REPORT: _report,
    _K.CHANGE_CONFIGURATION: lambda _: set_variables,
    _K.CLEAR_CACHE: lambda _: clear_cache,
    _K.DATA_TRANSFER: lambda _: data_transfer,
    _K.UPDATE_FIRMWARE: lambda _: update_firmware,
    _K.UPLOAD_LOG: lambda _: get_log,
    _K.SYNC_CARDS: lambda _: send_local_list,
    _K.CLEAR_CARDS: lambda _: send_local_list,
    _K.QUERY_CARDS: lambda _: get_local_list_version,
    _K.RESERVE: lambda _: reserve_now,
    _K.CANCEL_RESERVATION: lambda _: cancel_reservation,
    _K.SET_CHARGING_PROFILE: lambda _: set_charging_profile,
    _K.CLEAR_CHARGING_PROFILE: lambda _: clear_charging_profile,
    _K.SET_POWER_LIMIT: _limit,
    _K.GET_CHARGING_SCHEDULE: _schedule,
    _K.RENEW_CERTIFICATE: lambda _: trigger_message,
    _K.SEND_CERTIFICATE: lambda _: certificate_signed,
    _K.INSTALL_CERTIFICATE: lambda _: install_certificate,
    _K.DELETE_CERTIFICATE: lambda _: delete_certificate,
    _K.LIST_CERTIFICATES: lambda _: get_installed_certificate_ids,
    _K.DISPLAY_MESSAGE: _display,
    _K.SET_NETWORK_PROFILE: lambda _: set_network_profile,
    _K.MONITOR_VARIABLE: _monitor,
    _K.CUSTOMER_INFORMATION: lambda _: customer_information,
    _K.SHOW_COST: lambda _: cost_updated,
    _K.TRANSACTION_STATUS: lambda _: get_transaction_status,
}


def call_of(command: DeviceCommand) -> OutgoingCall:
    """The call that carries out a command.

    Raises:
        ValueError: the command lacks a parameter that OCPP needs.
    """
    module = COMMANDS[command.kind](command)
    return OutgoingCall(
        action=module.ACTION,
        payload=module.build(command),
        read=module.outcome,
        timeout_s=(command.expires_at - clock.now()).total_seconds(),
        command=command,
        may_have_happened=command.kind == _K.START,
    )
