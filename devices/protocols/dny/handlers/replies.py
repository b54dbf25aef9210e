"""Answers to the platform's commands, matched by their message id (AP3000 device protocol V8.6 §1.03, §4)."""

from collections.abc import Collection
from typing import Any

from devices import events
from devices.events import PileRef
from devices.gateway.tcp_consumer import to_json
from devices.models import DeviceCommand
from devices.protocols.dny.codec import words
from devices.protocols.dny.held import HeldBox, PortMemory
from devices.protocols.dny.references import connector_of, message_id_of, order_field, tag_of
from devices.services import commands, status
from kernel import clock
from kernel.runtime.dbpool import in_database
from stations.models import Connector

_KIND = DeviceCommand.Kind
_STATE = DeviceCommand.State
DONE, ALREADY_SO = 0, 2
_STOP_DONE = (0x00, 0x03)
CHANGE_RESULTS = {1: "not_charging", 2: "less_than_used", 3: "no_such_port"}


async def charge(consumer, held: HeldBox, frame, message) -> None:
    """82: ends a start or stop. After an executed start the port charges under its order from now on."""
    resent = held.answered(0x82, frame.message_id)
    running = await in_database(
        _end_charge_command, held.pile, frame.message_id, message.fields, dict(held.ports), resent
    )
    if running is None:
        consumer.count(held, "unmatched_answer")
        return
    connector_no, ref = running
    if ref:
        memory = held.port(connector_no)
        memory.running_ref, memory.idle_reports = ref, 0
        memory.state, memory.slug, memory.plugged = Connector.State.CHARGING, "charging", True


async def changed(consumer, held: HeldBox, frame, message) -> None:
    """8A: 0 done, 1 the port does not charge, 2 less than it has used, 3 no such port."""
    result = message.fields["result"]
    reason = CHANGE_RESULTS.get(result, "refused_by_pile")
    await _end(consumer, held, frame, _KIND.EXTEND, result == DONE, reason="" if result == DONE else reason)


async def limits_set(consumer, held: HeldBox, frame, message) -> None:
    """85."""
    ok = message.fields["result"] == DONE
    await _end(
        consumer, held, frame, _KIND.CHANGE_CONFIGURATION, ok, reason="" if ok else "beyond_limits_of_box"
    )


async def limits_held(consumer, held: HeldBox, frame, message) -> None:
    """92."""
    result = {name: to_json(value) for name, value in message.fields.items()}
    await _end(consumer, held, frame, _KIND.GET_CONFIGURATION, True, result=result)


async def rebooting(consumer, held: HeldBox, frame, message) -> None:
    """87; a box that restarts before it answers is known by its register."""
    ok = message.fields["result"] == DONE
    await _end(consumer, held, frame, _KIND.REBOOT, ok, reason="" if ok else "refused_by_pile")


async def _end(
    consumer, held: HeldBox, frame, kind: str, ok: bool, *, reason: str = "", result: dict | None = None
) -> None:
    held.answered(frame.command, frame.message_id)
    state = _STATE.ACCEPTED if ok else _STATE.REJECTED
    if not await in_database(_complete, held.pile, frame.message_id, (kind,), state, reason, result):
        consumer.count(held, "unmatched_answer")


def _complete(
    pile: PileRef,
    message_id: int,
    kinds: Collection[str],
    state: str,
    reason: str,
    result: dict[str, Any] | None,
) -> bool:
    command = _command_of(pile, message_id, kinds)
    if command is None:
        return False
    commands.complete_command(command_id=command.pk, state=state, reason=reason, result=result)
    return True


def _command_of(pile: PileRef, message_id: int, kinds: Collection[str]) -> DeviceCommand | None:
    """The command of an answer, from its row: also after a restart of the gateway, also when it is over."""
    rows = commands.recent_commands(pile_id=pile.id, kinds=kinds)
    return next((row for row in rows if message_id_of(row.pk) == message_id), None)


def _end_charge_command(
    pile: PileRef, message_id: int, fields: dict, ports: dict[int, PortMemory], resent: bool
) -> tuple[int, str] | None:
    """End the command and tell what follows; (connector, transaction that runs now or ""), None: no such command."""
    command = _command_of(pile, message_id, (_KIND.START, _KIND.STOP))
    if command is None:
        return None
    code = fields["result"]
    word = words.charge_result(code)
    number = command.connector_no or connector_of(fields.get("port", 0))
    ref = order_field(command)
    starting = command.kind == _KIND.START
    if starting:
        done = code in words.EXECUTED_RESULTS or (
            code == ALREADY_SO and _was_first_answer_lost(ports.get(number), ref, resent)
        )
    else:
        done = code in _STOP_DONE
    commands.complete_command(
        command_id=command.pk,
        state=_STATE.ACCEPTED if done else _STATE.REJECTED,
        reason=word.slug if code else "",
        result={name: to_json(value) for name, value in fields.items()},
    )
    at = clock.now()
    if done and code and code != ALREADY_SO:
        status.report_fault(
            pile=pile, connector_no=number, at=at, fault_code=word.slug, fault_words=word.text
        )
    if not (starting and done):
        return number, ""
    status.charge_started(
        events.ChargeStarted(pile=pile, connector_no=number, at=at, transaction_ref=ref, id_tag=tag_of(ref))
    )
    status.apply_status(
        pile=pile,
        connector_no=number,
        state=Connector.State.CHARGING,
        at=at,
        plugged=True,
        transaction_ref=ref,
    )
    return number, ref


def _was_first_answer_lost(memory: PortMemory | None, ref: str, resent: bool) -> bool:
    """«Already charging» is ours when it charges under our order, or when only our own first try can have started it."""
    if memory is None:
        return resent
    if memory.running_ref:
        return memory.running_ref == ref
    return resent and memory.state != Connector.State.CHARGING
