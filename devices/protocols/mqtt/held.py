"""What the door remembers of a device that said its birth. Lost with the process; nothing depends on it."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from devices.gateway.pile_consumer import HeldPile

REMEMBERED = 64


@dataclass(slots=True)
class PortMemory:
    """The last status that was passed on, so that only changes cost a transaction."""

    state: str = ""
    fault: str = ""
    plugged: bool | None = None
    running_ref: str = ""
    sampled_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class HeldDevice(HeldPile):
    """`session_key` is what every message must show, `connection` what the birth and its last will share.

    `answered` keeps what was answered to the last messages with an id, so that a redelivery is answered alike.
    """

    session_key: str
    connection: str
    connectors: frozenset[int] = frozenset()
    ports: dict[int, PortMemory] = field(default_factory=dict)
    answered: OrderedDict[str, tuple[str, dict]] = field(default_factory=OrderedDict)

    def port(self, number: int) -> PortMemory:
        return self.ports.setdefault(number, PortMemory())

    def forget(self) -> None:
        self.ports.clear()

    def remember(self, message_id: str, name: str, body: dict) -> None:
        self.answered[message_id] = (name, body)
        if len(self.answered) > REMEMBERED:
            self.answered.popitem(last=False)
