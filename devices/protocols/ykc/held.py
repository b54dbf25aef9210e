"""What a YKC connection remembers of each pile it carries. Lost with the socket; nothing depends on it."""

from dataclasses import dataclass, field

from devices.gateway import tcp_consumer


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


@dataclass(slots=True, kw_only=True)
class HeldGuns(tcp_consumer.HeldPile):
    """A pile that logged in on this socket, with its guns by number."""

    guns: dict[int, GunMemory] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)  # guns with an open read command
    crc_order: str = "low"

    def gun(self, number: int) -> GunMemory:
        return self.guns.setdefault(number, GunMemory())

    def forget(self) -> None:
        self.guns.clear()
