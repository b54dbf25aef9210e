"""What the platform may ask of a station (OCPP 2.0.1 part 2), one file per command.

Each file says how a command becomes a call (`build`) and what its answer means (`outcome`).
"""

from collections.abc import Callable
from types import ModuleType

from devices.models import DeviceCommand
from devices.protocols.ocpp201.commands import (
    change_availability,
    clear_cache,
    data_transfer,
    get_base_report,
    get_variables,
    request_start,
    request_stop,
    reset,
    set_variables,
    trigger_message,
    unlock_connector,
)
from devices.protocols.ocppj.calls import OutgoingCall
from kernel import clock

_K = DeviceCommand.Kind


def _configuration(command: DeviceCommand) -> ModuleType:
    """Named variables are read at once; all of them come as a report."""
    return get_variables if command.params.get("keys") else get_base_report


COMMANDS: dict[str, Callable[[DeviceCommand], ModuleType]] = {
    _K.START: lambda _: request_start,
    _K.STOP: lambda _: request_stop,
    _K.READ_STATUS: lambda _: trigger_message,
    _K.SET_AVAILABILITY: lambda _: change_availability,
    _K.REBOOT: lambda _: reset,
    _K.UNLOCK: lambda _: unlock_connector,
    _K.GET_CONFIGURATION: _configuration,
    _K.CHANGE_CONFIGURATION: lambda _: set_variables,
    _K.CLEAR_CACHE: lambda _: clear_cache,
    _K.DATA_TRANSFER: lambda _: data_transfer,
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
