"""What a YKC connection remembers of each pile it carries. Lost with the socket; nothing depends on it."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devices.gateway import tcp_consumer


@dataclass(slots=True)
class GunMemory:
    """The last status that was passed on, so that only changes cost a transaction.

    `running_ref` is the transaction seen charging, until a record or two idle reports end it; `vin` that of the
    vehicle which last named itself; `stale_ref` a number it goes on sending though nothing charges.
    """

    state: str = ""
    plugged: bool | None = None
    fault_bits: int = 0
    running_ref: str = ""
    idle_reports: int = 0
    start_asked: "AskedStart | None" = None
    stale_ref: str = ""
    vin: str = ""
    battery_state: dict[str, Any] | None = None  # of frame 25, until a 23 takes it along


@dataclass(frozen=True, slots=True)
class AskedStart:
    """The last start that was asked for at a gun, so that one asked again gets the same answer."""

    body: bytes
    at: datetime
    answer: dict[str, Any]


@dataclass(slots=True)
class CardList:
    """A command about cards on its way: what is still to be sent, and what came back for those that were.

    A part is (frame type, rows). One command at a time is on the wire, since the answers name no command.
    """

    command_id: int
    parts: deque[tuple[int, list[Any]]]
    sent: tuple[int, list[Any]] = (0, [])
    results: dict[str, Any] = field(default_factory=dict)
    cleared: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class HeldGuns(tcp_consumer.HeldPile):
    """A pile that logged in on this socket, with its guns by number."""

    guns: dict[int, GunMemory] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)  # guns with an open read command
    card_lists: deque[CardList] = field(default_factory=deque)  # the first is on the wire
    crc_order: str = "low"
    longer: set[int] = field(default_factory=set)  # types of frames that are longer than their layout
    alternating: bool = False  # an AC pile, by its login

    def gun(self, number: int) -> GunMemory:
        return self.guns.setdefault(number, GunMemory())

    def forget(self) -> None:
        self.guns.clear()
