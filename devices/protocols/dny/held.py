"""What a DNY connection remembers of each box it carries. Lost with the socket; nothing depends on it."""

from dataclasses import dataclass, field

from devices.gateway import tcp_consumer


@dataclass(slots=True)
class PortMemory:
    """The last status that was passed on, so that only changes cost a transaction.

    `running_ref` is the transaction seen charging, until a settlement or two idle reports end it.
    """

    state: str = ""
    slug: str = ""
    plugged: bool | None = None
    running_ref: str = ""
    idle_reports: int = 0


@dataclass(slots=True)
class Pending:
    """A command on the wire that was not answered yet."""

    raw: bytes
    resent: bool = False


@dataclass(slots=True, kw_only=True)
class HeldBox(tcp_consumer.HeldPile):
    """A box held on this socket. `free_at` is the loop time from which on it may get the next command."""

    connectors: int = 0
    ports: dict[int, PortMemory] = field(default_factory=dict)
    pending: dict[tuple[int, int], Pending] = field(default_factory=dict)  # by command byte and message id
    free_at: float = 0.0

    def port(self, connector_no: int) -> PortMemory:
        return self.ports.setdefault(connector_no, PortMemory())

    def forget(self) -> None:
        self.ports.clear()

    def answered(self, command: int, message_id: int) -> bool:
        """A command is answered; whether it had been sent twice."""
        pending = self.pending.pop((command, message_id), None)
        return pending is not None and pending.resent
