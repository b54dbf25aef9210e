"""What the platform may ask of a charge point (OCPP 1.6 §5, Core profile), one file per command.

Each file says how a command becomes a call (`build`) and what its answer means (`outcome`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devices.models import DeviceCommand
from devices.protocols.ocpp16.commands import (
    change_availability,
    change_configuration,
    clear_cache,
    data_transfer,
    get_configuration,
    remote_start,
    remote_stop,
    reset,
    unlock_connector,
)
from devices.protocols.ocppj.calls import Outcome, OutgoingCall
from kernel import clock

_K = DeviceCommand.Kind


@dataclass(frozen=True, slots=True)
class _Command:
    action: str
    build: Callable[[DeviceCommand], dict[str, Any]]
    outcome: Callable[[dict[str, Any]], Outcome]


COMMANDS: dict[str, _Command] = {
    kind: _Command(module.ACTION, module.build, module.outcome)
    for kind, module in {
        _K.START: remote_start,
        _K.STOP: remote_stop,
        _K.SET_AVAILABILITY: change_availability,
        _K.REBOOT: reset,
        _K.UNLOCK: unlock_connector,
        _K.GET_CONFIGURATION: get_configuration,
        _K.CHANGE_CONFIGURATION: change_configuration,
        _K.CLEAR_CACHE: clear_cache,
        _K.DATA_TRANSFER: data_transfer,
    }.items()
}


def call_of(command: DeviceCommand) -> OutgoingCall:
    """The call that carries out a command.

    Raises:
        ValueError: the command lacks a parameter that OCPP needs.
    """
    entry = COMMANDS[command.kind]
    return OutgoingCall(
        action=entry.action,
        payload=entry.build(command),
        read=entry.outcome,
        timeout_s=(command.expires_at - clock.now()).total_seconds(),
        command=command,
        may_have_happened=command.kind == _K.START,
    )
