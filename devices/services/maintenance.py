"""What maintenance asks of a pile from the console: sync its clock, reboot, unlock, read live data."""

from django.db import transaction

from devices.models import DeviceCommand
from devices.services.commands import send_command
from kernel.actor import Actor
from kernel.services import audit
from stations.models import Pile
from users import policy
from users.services import edits

PERMISSIONS = {
    DeviceCommand.Kind.SYNC_TIME: "devices.add_devicecommand",
    DeviceCommand.Kind.REBOOT: "devices.add_devicecommand",
    DeviceCommand.Kind.READ_STATUS: "devices.add_devicecommand",
    DeviceCommand.Kind.UNLOCK: "devices.add_devicecommand",
}


def ask_pile(*, actor: Actor, pile: Pile, kind: str, reason: str, connector_no: int = 0) -> DeviceCommand:
    """Send a maintenance command (a key of `PERMISSIONS`) with its reason in the audit trail.

    DomainError `permission_denied`, `not_found`, `reason_required`, `pile_offline`, `command_unsupported`,
    `command_pending`.
    """
    policy.require(actor, PERMISSIONS[DeviceCommand.Kind(kind)])
    edits.in_scope(actor, pile)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        command = send_command(actor=actor, pile=pile, kind=kind, connector_no=connector_no)
        audit.record(
            actor=actor,
            action=f"devices.{kind}",
            target=pile,
            reason=reason,
            after={"command": command.pk, "connector_no": connector_no},
        )
    return command
