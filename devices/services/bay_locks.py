"""Ground locks as piles report them, and the order to move one."""

from datetime import datetime

from django.db import transaction

from devices import events
from devices.locks import lock_pile
from devices.models import BayLock, DeviceCommand
from devices.services.commands import send_command
from kernel.actor import Actor
from kernel.services import audit
from stations.models import Connector, Pile
from users import policy
from users.services import edits

MOVE_PERMISSION = "devices.move_bay_lock"
FAULT_CODES = {BayLock.Alarm.FORCED: "bay_lock_forced", BayLock.Alarm.STUCK: "bay_lock_stuck"}


def lock_reported(
    *,
    pile: events.PileRef,
    connector_no: int,
    at: datetime,
    position: str,
    occupied: bool,
    battery_pct: int,
    alarm: str = "",
) -> BayLock | None:
    """Keep what a lock reports; publishes `BayLockReported` when it changed, and its alarm as a fault.

    None for a connector that the pile does not have; its report is kept in the frame log only.
    """
    with transaction.atomic():
        lock_pile(pile.id)
        connector = (
            Connector.objects.unscoped("a pile reports its own lock")
            .filter(pile_id=pile.id, number=connector_no)
            .first()
        )
        if connector is None:
            return None
        lock = BayLock.objects.filter(pile_id=pile.id, connector_no=connector_no).first()
        before = (lock.position, lock.occupied, lock.alarm) if lock else ("", None, "")
        lock = lock or BayLock(pile_id=pile.id, connector_no=connector_no)
        lock.operator_id, lock.station_id = pile.operator_id, pile.station_id
        lock.position, lock.occupied, lock.alarm = position, occupied, alarm
        lock.battery_pct, lock.reported_at = min(battery_pct, 100), at
        changed = before != (position, occupied, alarm)
        if changed:
            lock.changed_at = at
        lock.save()
        if changed:
            _publish(pile, lock, at, before[0], before[2], connector)
    return lock


def _publish(
    pile: events.PileRef,
    lock: BayLock,
    at: datetime,
    position_before: str,
    alarm_before: str,
    connector: Connector,
) -> None:
    events.publish(
        events.BayLockReported(
            pile=pile,
            connector_no=lock.connector_no,
            at=at,
            position=lock.position,
            previous=position_before,
            occupied=lock.occupied,
            battery_pct=lock.battery_pct,
            alarm=lock.alarm,
        )
    )
    if lock.alarm and lock.alarm != alarm_before:
        events.publish(
            events.FaultRaised(
                pile=pile, connector_no=lock.connector_no, at=at, code=FAULT_CODES[BayLock.Alarm(lock.alarm)]
            )
        )
    elif alarm_before and not lock.alarm and connector.state != Connector.State.FAULT:
        # A fault of the connector itself would be cleared with it.
        events.publish(events.FaultCleared(pile=pile, connector_no=lock.connector_no, at=at))


def move_lock(*, actor: Actor, pile: Pile, connector_no: int, up: bool, reason: str) -> DeviceCommand:
    """Raise or lower the lock of a bay.

    DomainError `permission_denied`, `not_found`, `reason_required`, `pile_offline`, `command_unsupported`,
    `command_pending`.
    """
    policy.require(actor, MOVE_PERMISSION)
    edits.in_scope(actor, pile)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        command = send_command(
            actor=actor,
            pile=pile,
            kind=DeviceCommand.Kind.MOVE_BAY_LOCK,
            connector_no=connector_no,
            params={"raise": up},
        )
        audit.record(
            actor=actor,
            action="devices.move_bay_lock",
            target=pile,
            reason=reason,
            after={"command": command.pk, "connector_no": connector_no, "raise": up},
        )
    return command
