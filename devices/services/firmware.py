"""The progress of firmware updates, in one vocabulary for every protocol."""

from datetime import datetime, timedelta

from django.db import transaction

from devices import events
from devices.models import DeviceCommand, PileNotice
from devices.services import commands, notices
from kernel import clock

LATEST = timedelta(days=14)  # an update command older than this is not what a nameless progress means


def report(
    *,
    pile: events.PileRef,
    status: str,
    at: datetime,
    request_id: int | None = None,
    version: str = "",
    detail: str = "",
) -> None:
    """A pile tells how its update gets on; published every time, kept when it is news.

    Args:
        status: one of `events.FIRMWARE_STATUSES`.
        request_id: the id of the update command, when the pile names it; else the pile's last one is meant.
    """
    with transaction.atomic():
        command = _command(pile.id, request_id)
        last = (
            PileNotice.objects.filter(pile_id=pile.id, kind=PileNotice.Kind.FIRMWARE).order_by("-pk").first()
        )
        data = {"command": command.pk if command else None}
        if last is None or (last.code, last.data) != (status, data):
            notices.note(
                pile=pile,
                kind=PileNotice.Kind.FIRMWARE,
                code=status,
                detail=detail,
                critical=status in events.FIRMWARE_ENDINGS and status != "installed",
                happened_at=at,
                received_at=at,
                data=data,
            )
        events.publish(
            events.FirmwareStatusReported(
                pile=pile,
                at=at,
                status=status,
                request_id=command.pk if command else None,
                reference=command.reference if command else "",
                version=version,
                detail=detail,
            )
        )


def update_answered(pile: events.PileRef, command: DeviceCommand, at: datetime) -> None:
    """A pile that refuses an update has ended it."""
    if command.state == DeviceCommand.State.REJECTED:
        report(pile=pile, status="refused", at=at, request_id=command.pk, detail=command.reason)


def update_ended(*, pile: events.PileRef, status: str, reason: str) -> None:
    """The end of an update, from a pile that says nothing before it: ends the command, and is reported.

    `status` is one of `events.FIRMWARE_ENDINGS`, `reason` the pile's answer. It may come minutes later and after
    another login, so the last update command counts even when it has expired.
    """
    done = status == "installed"
    with transaction.atomic():
        command = _command(pile.id, None)
        if command is not None:
            commands.complete_command(
                command_id=command.pk,
                state=DeviceCommand.State.ACCEPTED if done else DeviceCommand.State.REJECTED,
                reason="" if done else reason,
                result={"status": status},
            )
        report(
            pile=pile,
            status=status,
            at=clock.now(),
            request_id=command.pk if command else None,
            detail=reason,
        )


def _command(pile_id: int, request_id: int | None) -> DeviceCommand | None:
    rows = DeviceCommand.objects.filter(pile_id=pile_id, kind=DeviceCommand.Kind.UPDATE_FIRMWARE)
    if request_id is not None:
        return rows.filter(pk=request_id).first() if 0 < request_id < 2**63 else None
    return rows.filter(created_at__gt=clock.now() - LATEST).order_by("-pk").first()
