"""The end of a firmware update, from piles that say nothing before it."""

from django.db import transaction

from devices import events
from devices.models import DeviceCommand
from devices.services import commands
from kernel import clock

OK = "installed"


def update_ended(*, pile: events.PileRef, status: str, reason: str) -> None:
    """A pile carried its update out, or gave it up: end the command and publish `FirmwareStatusReported`.

    `status` is one of `FIRMWARE_ENDINGS`, `reason` the pile's answer. It may come minutes later and after another
    login, so the last update command counts even when it has expired.
    """
    kind = DeviceCommand.Kind.UPDATE_FIRMWARE
    with transaction.atomic():
        open_ones = commands.open_commands(pile_id=pile.id, kind=kind)
        recent = open_ones or commands.recent_commands(pile_id=pile.id, kinds=[kind], limit=1)
        command = recent[0] if recent else None
        if command is not None:
            commands.complete_command(
                command_id=command.pk,
                state=DeviceCommand.State.ACCEPTED if status == OK else DeviceCommand.State.REJECTED,
                reason="" if status == OK else reason,
                result={"status": status},
            )
        events.publish(
            events.FirmwareStatusReported(
                pile=pile,
                at=clock.now(),
                status=status,
                request_id=command.pk if command else None,
                reference=command.reference if command else "",
                detail=reason,
            )
        )
