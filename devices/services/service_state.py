"""Taking piles in and out of service: a rule of the platform, told to the pile where its protocol can."""

from django.db import transaction

from devices.locks import lock_pile
from devices.models import DeviceCommand
from devices.protocols.capabilities import supports
from devices.services.commands import send_command
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from users import policy


def set_in_service(*, actor: Actor, pile: Pile, in_service: bool, reason: str) -> Pile:
    """Take a pile in or out of service. Running sessions finish; new starts are refused while it is out.

    The pile is told when it is online; when it is not, the platform's refusal still holds.
    """
    policy.require(actor, "stations.set_service")
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    with transaction.atomic():
        locked = lock_pile(pile.pk)
        before = locked.in_service
        locked.in_service = in_service
        locked.save(update_fields=["in_service"])
        audit.record(
            actor=actor,
            action="stations.set_service",
            target=locked,
            reason=reason,
            before={"in_service": before},
            after={"in_service": in_service},
        )
        if locked.online and supports(locked.protocol, DeviceCommand.Kind.SET_AVAILABILITY):
            try:
                send_command(
                    actor=actor,
                    pile=locked,
                    kind=DeviceCommand.Kind.SET_AVAILABILITY,
                    params={"available": in_service},
                )
            except DomainError as refusal:
                if refusal.code not in ("pile_offline", "command_pending"):
                    raise
    return locked
