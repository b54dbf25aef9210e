"""What a YKC connection remembers of each pile it carries. Lost with the socket; nothing depends on it."""

from dataclasses import dataclass, field
from datetime import datetime

from devices.events import PileRef
from kernel import clock


@dataclass(slots=True)
class GunMemory:
    """The last status that was passed on, so that only changes cost a transaction.

    `running_ref` is the transaction seen charging, until a record or two idle reports end it.
    """

    state: str = ""
    plugged: bool | None = None
    fault_bits: int = 0
    running_ref: str = ""
    idle_reports: int = 0


@dataclass(slots=True)
class HeldPile:
    """A pile that logged in on this socket."""

    pile: PileRef
    session_id: int
    guns: dict[int, GunMemory] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)  # guns with an open read command
    findings: dict[str, int] = field(default_factory=dict)
    crc_order: str = ""
    heard_at: datetime = field(default_factory=clock.now)

    def gun(self, number: int) -> GunMemory:
        return self.guns.setdefault(number, GunMemory())
