"""A connected station of OCPP 2.0.1: its transactions have names that it gave itself."""

from dataclasses import dataclass
from datetime import datetime

from devices.gateway.buffers import GatewayBuffers
from devices.protocols.ocppj.link import Link, Running, database
from devices.services import transaction_events
from devices.services.presence import OpenedSession
from devices.services.stops import TransactionState
from devices.services.transaction_events import NotedEvent, ReportedEvent


@dataclass(slots=True)
class Noted:
    """What the last stored event left, so that the next one costs no look-up."""

    ref: str
    started_at: datetime
    id_tag: str
    authorization: str
    complete: bool  # nothing that a plain update could add


class Link201(Link):
    """State of one connection.

    Attributes:
        plugs: (EVSE, connector) -> its last status.
        charging_states: connector -> the charging state of its running transaction.
    """

    def __init__(self, opened: OpenedSession, buffers: GatewayBuffers):
        super().__init__(opened, buffers)
        self.plugs: dict[tuple[int, int], str] = {}
        self.charging_states: dict[int, str] = {}
        self._noted: dict[str, Noted] = {}

    async def find(self, ref: str | None, connector_no: int | None) -> TransactionState | None:
        return await database(
            transaction_events.transaction_state,
            pile_id=self.pile.id,
            ref=ref,
            connector_no=connector_no,
        )

    def nothing_new(self, event: ReportedEvent) -> tuple[Running, Noted] | None:
        """The transaction of an event that adds nothing but readings; None when it must be stored first."""
        noted = self._noted.get(event.transaction_id)
        if noted is None or not noted.complete or event.started or event.ended:
            return None
        running = self._running.get(noted.ref)
        if running is None or (event.at is not None and event.at < noted.started_at):
            return None
        if event.id_tag is not None and event.id_tag != noted.id_tag:
            return None
        if noted.authorization != transaction_events.ACCEPTED and event.remote_start_id is not None:
            return None
        return running, noted

    def note(self, event: ReportedEvent, stored: NotedEvent) -> tuple[Running, Noted]:
        """Remember where a stored event left its transaction."""
        state = stored.state
        running = self._running.get(state.ref)
        if running is None or running.run.register_kwh is None:
            running = Running.of(state, self.pile.rated_power_kw)
        running.connector_no, running.ended = state.connector_no, state.ended
        self.began(running)
        noted = Noted(
            ref=state.ref,
            started_at=state.at,
            id_tag=state.id_tag,
            authorization=stored.authorization,
            complete=bool(state.connector_no)
            and state.meter_start_kwh is not None
            and stored.start_known
            and not state.ended,
        )
        self._noted.pop(event.transaction_id, None)
        self._noted[event.transaction_id] = noted
        if len(self._noted) > 2 * len(self.connectors) + 16:
            del self._noted[next(iter(self._noted))]
        return running, noted

    def ended(self, event: ReportedEvent, running: Running) -> None:
        """A transaction is over: whatever comes of it again is looked up anew."""
        self._noted.pop(event.transaction_id, None)
        self.forget(running.ref)
