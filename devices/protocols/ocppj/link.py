"""One connected station: what its handlers share, kept only as long as its socket.

Nothing here is truth: every transaction can be loaded again from the database, which is what happens after a
restart of the gateway or a reconnect.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError

from devices import events
from devices.gateway.buffers import GatewayBuffers
from devices.protocols.ocppj.registers import RegisterRun
from devices.services import status
from devices.services.presence import OpenedSession
from devices.services.stops import TransactionState
from kernel.runtime.dbpool import in_database
from stations.models import Connector

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

DATABASE_TRIES = 3
DATABASE_ERRORS = (OperationalError, InterfaceError)
MOST_RUNNING = 64
MOST_FORGOTTEN = 256
FINDINGS_EVERY = 50


async def database(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a service on the database pool; contention and short outages are retried, the station never sees them."""
    for attempt in range(1, DATABASE_TRIES):
        try:
            return await in_database(func, *args, **kwargs)
        except DATABASE_ERRORS as error:
            logger.warning("%s: %r (try %d)", getattr(func, "__name__", func), error, attempt)
            await asyncio.sleep(0.05 * attempt)
    return await in_database(func, *args, **kwargs)


@dataclass(slots=True)
class Incoming:
    """A CALL on its way through a handler; the handler fills in what the frame log should know."""

    action: str
    payload: dict[str, Any]
    raw: str
    at: datetime
    connector_no: int | None = None
    transaction_ref: str = ""


class CallRefused(Exception):
    """The station gets a CALLERROR: its message cannot be read or is not supported."""

    def __init__(self, code: str, description: str = ""):
        super().__init__(code)
        self.code = code
        self.description = description


@dataclass(slots=True)
class Running:
    """A transaction that meter values belong to, with the run of its register."""

    ref: str
    connector_no: int
    ended: bool
    run: RegisterRun
    recent: deque = field(default_factory=lambda: deque(maxlen=32))

    @classmethod
    def of(cls, state: TransactionState, rated_power_kw: Decimal) -> "Running":
        run = RegisterRun(rated_power_kw, state.energy_kwh, state.register_kwh, state.at)
        return cls(state.ref, state.connector_no, state.ended, run)


class Link:
    """State of one connection; each version says how it finds a transaction (`find`).

    Attributes:
        connectors: number -> last known state.
        findings: oddities counted since they were last stored.
        silence: how long the station may say nothing before it counts as offline.
        heartbeat_s: the interval it is told.
        booted: a BootNotification was answered on this connection.
        status_seen: a StatusNotification arrived on this connection.
        fault: the fault of the whole pile; None before the first word about it.
    """

    def __init__(self, opened: OpenedSession, buffers: GatewayBuffers):
        self.pile = opened.pile
        self.session_id = opened.session_id
        self.silence = opened.silence
        self.heartbeat_s = opened.heartbeat_s or settings.OCPP_HEARTBEAT_S
        self.connectors = dict(opened.connectors)
        self.buffers = buffers
        self.findings: dict[str, int] = {}
        self._findings_due = False
        self._found: set[str] = set()
        self.booted = False
        self.status_seen = False
        self.fault: str | None = None
        self._running: dict[str, Running] = {}
        self._unknown: set[str] = set()
        self._idle: set[int] = set()

    def count(self, finding: str) -> None:
        """Count an oddity; a new one, or many, are due to be stored."""
        self.findings[finding] = self.findings.get(finding, 0) + 1
        if finding not in self._found or self.findings[finding] >= FINDINGS_EVERY:
            self._found.add(finding)
            self._findings_due = True

    def take_findings(self, *, only_due: bool = False) -> dict[str, int]:
        """What was counted since the last time; nothing while `only_due` and it is not worth a transaction."""
        if only_due and not self._findings_due:
            return {}
        self._findings_due = False
        taken, self.findings = self.findings, {}
        return taken

    def began(self, running: Running) -> None:
        """A transaction started on this connection."""
        self._remember(running)
        self._unknown.discard(running.ref)
        self._idle.discard(running.connector_no)

    def resumed(self, ref: str, connector_no: int) -> None:
        """A start came again: whatever was known of its transaction or connector is looked up anew."""
        self.forget(ref)
        self._unknown.discard(ref)
        self._idle.discard(connector_no)

    def forget(self, ref: str) -> None:
        """Load this transaction again when it is next needed."""
        self._running.pop(ref, None)

    async def find(self, ref: str | None, connector_no: int | None) -> TransactionState | None:
        """The stored transaction under this reference, or the open one on the connector."""
        raise NotImplementedError  # pragma: no cover - every version has its own

    async def running(self, ref: str | None, connector_no: int | None, at: datetime) -> Running | None:
        """The transaction that a message names; without a reference it is the open one on the connector.

        The first time a connection names a transaction that started on another one, it is proof of charging.
        """
        if ref is not None:
            if ref in self._running:
                return self._running[ref]
            if ref in self._unknown:
                return None
        else:
            if connector_no is None or connector_no in self._idle:
                return None
            for running in reversed(self._running.values()):
                if running.connector_no == connector_no and not running.ended:
                    return running
        state = await self.find(ref, connector_no)
        if state is None:
            forgotten, key = (self._unknown, ref) if ref is not None else (self._idle, connector_no)
            if len(forgotten) < MOST_FORGOTTEN:
                forgotten.add(key)
            return None
        running = Running.of(state, self.pile.rated_power_kw)
        self._remember(running)
        if ref is not None and not running.ended:
            await self._prove_charging(state, at)
        return running

    def _remember(self, running: Running) -> None:
        self._running[running.ref] = running
        if len(self._running) > MOST_RUNNING:
            del self._running[next(iter(self._running))]

    async def _prove_charging(self, state: TransactionState, at: datetime) -> None:
        await database(
            status.charge_started,
            events.ChargeStarted(
                pile=self.pile,
                connector_no=state.connector_no,
                at=at,
                transaction_ref=state.ref,
                id_tag=state.id_tag,
                meter_start_kwh=state.meter_start_kwh,
            ),
        )
        if self.connectors.get(state.connector_no) == Connector.State.OFFLINE:
            # A station that goes on without Boot may not tell its states again.
            self.connectors[state.connector_no] = Connector.State.CHARGING
            await database(
                status.apply_status,
                pile=self.pile,
                connector_no=state.connector_no,
                state=Connector.State.CHARGING,
                at=at,
                plugged=True,
            )
