"""Answers to the platform's commands, matched by the number of the command."""

from collections.abc import Mapping
from typing import Any

from devices.gateway.pile_consumer import to_json
from devices.models import DeviceCommand
from devices.protocols.mqtt.held import HeldDevice
from devices.services import commands
from kernel.runtime.dbpool import in_database

_STATE = DeviceCommand.State


async def answer(consumer, held: HeldDevice, body: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """The device did what it was asked, or says why not."""
    if not await in_database(_complete, held.pile.id, body):
        consumer.count(held, "unmatched_answer")


def _complete(pile_id: int, body: Mapping[str, Any]) -> bool:
    if not commands.is_of_pile(command_id=body["command"], pile_id=pile_id):
        return False
    commands.complete_command(
        command_id=body["command"],
        state=_STATE.ACCEPTED if body["ok"] else _STATE.REJECTED,
        reason="" if body["ok"] else body.get("reason") or "refused_by_pile",
        result=to_json(body.get("result", {})),
    )
    return True
