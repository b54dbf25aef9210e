"""What the platform may ask of a charge point (OCPP 1.6 §5 and its security extension), one file per command.

Each file says how a command becomes a call (`build`) and what its answer means (`outcome`).
"""

from collections.abc import Callable
from types import ModuleType

from devices.models import DeviceCommand
from devices.protocols.ocpp16.commands import (
    cancel_reservation,
    certificate_signed,
    change_availability,
    change_configuration,
    clear_cache,
    clear_charging_profile,
    data_transfer,
    delete_certificate,
    extended_trigger_message,
    get_composite_schedule,
    get_configuration,
    get_diagnostics,
    get_installed_certificate_ids,
    get_local_list_version,
    get_log,
    install_certificate,
    remote_start,
    remote_stop,
    reserve_now,
    reset,
    send_local_list,
    set_charging_profile,
    signed_update_firmware,
    trigger_message,
    unlock_connector,
    update_firmware,
)
from devices.protocols.ocppj.calls import OutgoingCall
from devices.protocols.ocppj.profiles import lifts
from kernel import clock

_K = DeviceCommand.Kind


def _firmware(command: DeviceCommand) -> ModuleType:
    """A signed image goes to stations with the security extension, which alone can check it."""
    return signed_update_firmware if command.params.get("signature") else update_firmware


def _log(command: DeviceCommand) -> ModuleType:
    """Every station knows GetDiagnostics; the security log, and only it, needs the extension."""
    return get_log if command.params.get("log") == "security" else get_diagnostics


def _trigger(command: DeviceCommand) -> ModuleType:
    extended = command.params.get("message") in extended_trigger_message.ONLY_HERE
    return extended_trigger_message if extended or command.params.get("extended") else trigger_message


def _limit(command: DeviceCommand) -> ModuleType:
    return clear_charging_profile if lifts(command) else set_charging_profile


COMMANDS: dict[str, Callable[[DeviceCommand], ModuleType]] = {
    _K.START: lambda _: remote_start,
    _K.STOP: lambda _: remote_stop,
    _K.READ_STATUS: lambda _: trigger_message,
    _K.SET_AVAILABILITY: lambda _: change_availability,
    _K.REBOOT: lambda _: reset,
    _K.UNLOCK: lambda _: unlock_connector,
    _K.GET_CONFIGURATION: lambda _: get_configuration,
    _K.GET_REPORT: lambda _: get_configuration,
    _K.CHANGE_CONFIGURATION: lambda _: change_configuration,
    _K.CLEAR_CACHE: lambda _: clear_cache,
    _K.DATA_TRANSFER: lambda _: data_transfer,
    _K.UPDATE_FIRMWARE: _firmware,
    _K.UPLOAD_LOG: _log,
    _K.SYNC_CARDS: lambda _: send_local_list,
    _K.CLEAR_CARDS: lambda _: send_local_list,
    _K.QUERY_CARDS: lambda _: get_local_list_version,
    _K.RESERVE: lambda _: reserve_now,
    _K.CANCEL_RESERVATION: lambda _: cancel_reservation,
    _K.SET_CHARGING_PROFILE: lambda _: set_charging_profile,
    _K.CLEAR_CHARGING_PROFILE: lambda _: clear_charging_profile,
    _K.SET_POWER_LIMIT: _limit,
    _K.GET_CHARGING_SCHEDULE: lambda _: get_composite_schedule,
    _K.TRIGGER: _trigger,
    _K.RENEW_CERTIFICATE: lambda _: extended_trigger_message,
    _K.SEND_CERTIFICATE: lambda _: certificate_signed,
    _K.INSTALL_CERTIFICATE: lambda _: install_certificate,
    _K.DELETE_CERTIFICATE: lambda _: delete_certificate,
    _K.LIST_CERTIFICATES: lambda _: get_installed_certificate_ids,
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
