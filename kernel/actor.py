"""Who does something: every service takes an actor, every audit row names one."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ActorKind(StrEnum):
    STAFF = "staff"
    ACCOUNT = "account"  # a person with an app account rather than a console login
    DEVICE = "device"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        kind: which kind of party.
        id: primary key of the party as text, or the name of a system job.
        name: readable name for the audit trail.
        party: the model instance behind it, when there is one.
        ip: remote address, when there is one.
        request_id: id of the request that carries the action.
    """

    kind: ActorKind
    id: str
    name: str = ""
    party: Any = field(default=None, compare=False, repr=False)
    ip: str = ""
    request_id: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def is_system(self) -> bool:
        return self.kind is ActorKind.SYSTEM


def system(name: str) -> Actor:
    """The actor of a job that no person asked for; `name` says which job."""
    return Actor(ActorKind.SYSTEM, name, name)


def device(code: str, ip: str = "") -> Actor:
    """The actor of something a device did by itself."""
    return Actor(ActorKind.DEVICE, code, code, ip=ip)
