"""May this actor do this action? The permission half; the rows half is `users.scope`."""

from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError


def allows(actor: Actor, permission: str) -> bool:
    """Whether the actor holds `app.codename`. The system may; drivers act through their own services only."""
    if actor.kind is ActorKind.SYSTEM:
        return True
    return actor.kind is ActorKind.STAFF and actor.party is not None and actor.party.has_perm(permission)


def require(actor: Actor, permission: str) -> None:
    """Raise `permission_denied` unless the actor holds the permission."""
    if not allows(actor, permission):
        raise DomainError("permission_denied", {"permission": permission})
