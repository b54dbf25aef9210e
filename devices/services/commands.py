"""Commands to piles: a row first, then a wake-up of the gateway that holds the socket.

The row is the truth: a wake-up that is lost is made good by the gateway's own look at its queue, and a command
nobody answers expires.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import IntegrityError, transaction

from devices import events
from devices.locks import lock_command, lock_pile
from devices.models import DeviceCommand, PileSession
from devices.models.command import OPEN_COMMAND_STATES
from devices.protocols.capabilities import supports
from devices.services.references import pile_ref
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from stations.models import Pile


def send_command(
    *,
    actor: Actor,
    pile: Pile,
    kind: str,
    connector_no: int = 0,
    params: Mapping[str, Any] | None = None,
    reference: str = "",
    timeout_s: int | None = None,
) -> DeviceCommand:
    """Queue a command and wake the gateway after commit.

    Args:
        connector_no: 0 for the whole pile.
        params: what the protocol package needs for this kind; JSON-compatible.
        reference: what the command is for (an order number); comes back in `CommandAnswered`.

    Raises:
        DomainError: `pile_offline`, `command_unsupported` or `command_pending`.
    """
    if not supports(pile.protocol, kind):
        raise DomainError("command_unsupported", {"protocol": pile.protocol, "kind": kind})
    now = clock.now()
    session = PileSession.objects.filter(pile=pile, closed_at__isnull=True).first()
    if session is None:
        raise DomainError("pile_offline", {"code": pile.code})
    try:
        with transaction.atomic():
            command = DeviceCommand.objects.create(
                operator_id=pile.operator_id,
                station_id=pile.station_id,
                pile=pile,
                connector_no=connector_no,
                kind=kind,
                params=dict(params or {}),
                reference=reference,
                state=DeviceCommand.State.QUEUED,
                actor_key=actor.key,
                actor_name=actor.name[:128],
                created_at=now,
                expires_at=now + timedelta(seconds=timeout_s or settings.COMMAND_TIMEOUT_S),
            )
    except IntegrityError:
        raise DomainError("command_pending", {"code": pile.code, "kind": kind}) from None
    channel, command_id = session.channel, command.pk
    transaction.on_commit(lambda: _wake(channel, command_id), robust=True)
    return command


def _wake(channel: str, command_id: int) -> None:
    async_to_sync(get_channel_layer().send)(channel, {"type": "command.queued", "command_id": command_id})


def claim_command(*, command_id: int, pile_ids: Collection[int]) -> DeviceCommand | None:
    """Take a queued command for sending, once; None when it was taken, expired or is for none of these piles."""
    now = clock.now()
    taken = DeviceCommand.objects.filter(
        pk=command_id, pile_id__in=pile_ids, state=DeviceCommand.State.QUEUED, expires_at__gt=now
    ).update(state=DeviceCommand.State.SENT, sent_at=now)
    return DeviceCommand.objects.get(pk=command_id) if taken else None


def queued_commands(limit: int = 1000) -> list[tuple[int, int]]:
    """(pile id, command id) of commands that wait to be sent, oldest first, on any gateway."""
    now = clock.now()
    rows = DeviceCommand.objects.filter(state=DeviceCommand.State.QUEUED, expires_at__gt=now)
    return list(rows.order_by("expires_at").values_list("pile_id", "pk")[:limit])


def complete_command(
    *,
    command_id: int,
    state: str,
    reason: str = "",
    result: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> DeviceCommand | None:
    """A command reached its end; publishes `CommandAnswered` once. None when it had ended before.

    `facts` is what the answer says of the pile (see `CommandAnswered`).

    A late answer to an expired command is kept in `result` but changes nothing else.
    """
    now = clock.now()
    with transaction.atomic():
        command = DeviceCommand.objects.filter(pk=command_id).first()
        if command is None:
            return None
        # Pile before command, as everywhere, so that two paths cannot wait for each other.
        pile = lock_pile(command.pile_id)
        command = lock_command(command_id)
        if not command.is_open:
            if state == DeviceCommand.State.ACCEPTED and command.state == DeviceCommand.State.EXPIRED:
                command.result = {
                    **command.result,
                    "late_answer": dict(result or {}),
                    "late_at": now.isoformat(),
                }
                command.save(update_fields=["result"])
            return None
        command.state, command.reason, command.answered_at = state, reason[:128], now
        command.result = dict(result or {})
        command.save(update_fields=["state", "reason", "answered_at", "result"])
        events.publish(
            events.CommandAnswered(pile=pile_ref(pile), at=now, command=command, facts=dict(facts or {}))
        )
    return command


def outstanding_command(*, pile_id: int, kind: str, connector_no: int) -> DeviceCommand | None:
    """The command that an answer of this kind belongs to: one that was sent, a queued one has no answer yet."""
    return DeviceCommand.objects.filter(
        pile_id=pile_id, kind=kind, connector_no=connector_no, state=DeviceCommand.State.SENT
    ).first()


def open_command(command_id: int) -> DeviceCommand | None:
    """A command by its id, unless it has ended."""
    return DeviceCommand.objects.filter(pk=command_id, state__in=OPEN_COMMAND_STATES).first()


def open_commands(*, pile_id: int, kind: str) -> list[DeviceCommand]:
    """The pile's open commands of this kind, oldest first."""
    rows = DeviceCommand.objects.filter(pile_id=pile_id, kind=kind, state__in=OPEN_COMMAND_STATES)
    return list(rows.order_by("pk"))


def recent_commands(*, pile_id: int, kinds: Collection[str], limit: int = 20) -> list[DeviceCommand]:
    """The last commands of these kinds, newest first, ended ones too: a late answer finds its own."""
    rows = DeviceCommand.objects.filter(pile_id=pile_id, kind__in=kinds)
    return list(rows.order_by("-pk")[:limit])


def is_of_pile(*, command_id: int, pile_id: int) -> bool:
    """Whether this command was sent to this pile; an answer of another pile is none."""
    return DeviceCommand.objects.filter(pk=command_id, pile_id=pile_id).exists()


def carried_out_at(*, pile_id: int, kind: str, reference: str) -> datetime | None:
    """When the last command of this kind and reference took effect: its acceptance, or else its sending."""
    command = (
        DeviceCommand.objects.filter(pile_id=pile_id, kind=kind, reference=reference).order_by("-pk").first()
    )
    if command is None:
        return None
    return command.answered_at if command.state == DeviceCommand.State.ACCEPTED else command.sent_at


def answer_outstanding(
    *,
    pile_id: int,
    kind: str,
    connector_no: int,
    accepted: bool,
    reason: str = "",
    result: Mapping[str, Any] | None = None,
) -> DeviceCommand | None:
    """End the sent command of this kind and connector with the pile's answer."""
    command = outstanding_command(pile_id=pile_id, kind=kind, connector_no=connector_no)
    if command is None:
        return None
    state = DeviceCommand.State.ACCEPTED if accepted else DeviceCommand.State.REJECTED
    return complete_command(command_id=command.pk, state=state, reason=reason, result=result)


def answer_oldest(
    *, pile_id: int, kind: str, accepted: bool, reason: str = "", result: Mapping[str, Any] | None = None
) -> DeviceCommand | None:
    """End the command of this kind that was sent first, for answers that name no connector."""
    rows = DeviceCommand.objects.filter(pile_id=pile_id, kind=kind, state=DeviceCommand.State.SENT)
    command = rows.order_by("sent_at", "pk").first()
    if command is None:
        return None
    state = DeviceCommand.State.ACCEPTED if accepted else DeviceCommand.State.REJECTED
    return complete_command(command_id=command.pk, state=state, reason=reason, result=result)


def expire_commands() -> int:
    """End commands whose time is over; returns how many."""
    due = DeviceCommand.objects.filter(state__in=OPEN_COMMAND_STATES, expires_at__lte=clock.now())
    ended = 0
    for pk, state in list(due.values_list("pk", "state")[:1000]):
        reason = "not sent in time" if state == DeviceCommand.State.QUEUED else "no answer in time"
        ended += complete_command(command_id=pk, state=DeviceCommand.State.EXPIRED, reason=reason) is not None
    return ended
