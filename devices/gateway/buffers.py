"""What the consumers of one gateway process share: batches towards the database and the piles they hold."""

import asyncio
import logging
import weakref
from datetime import datetime, timedelta
from typing import Protocol

from channels.layers import get_channel_layer
from django.conf import settings

from devices.events import PileRef, VehicleReported
from devices.gateway.batcher import Batcher
from devices.models import FrameLog
from devices.services import commands, heard, nodes, presence, records, samples, vehicle_reports
from devices.services.presence import Login, Logout, OpenedSession, SocketLost
from devices.services.records import ReportedTransaction
from devices.services.samples import LoggedFrame, StoredReading
from kernel import clock
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)

SEEN_EVERY_S = 5.0
QUEUE_POLL_S = 1.0
RECORD_LANES = 2
LOOK_BACK = timedelta(seconds=10)  # clocks of two machines differ, and a transaction takes its time


class Holder(Protocol):
    """A consumer that holds a pile's socket."""

    channel_name: str


class GatewayBuffers:
    """Buffers of one event loop. Frames and samples are appended in batches, `last_seen` every few seconds.

    Also keeps which consumer of this process holds which pile, and looks for queued commands once a second, so
    that a lost wake-up, or a command queued by a process that shares no channel layer, still reaches its pile.
    Sessions that another process closed are compared with the sockets held here every few seconds, for the same
    reason.
    """

    def __init__(self) -> None:
        self.held: dict[int, Holder] = {}
        self.frames_in = 0
        self.frames_out = 0
        self.throttled = 0
        self.boot_id = ""
        self.frames: Batcher[LoggedFrame] = Batcher(
            "frames", lambda rows: in_database(samples.store_frames, rows), linger_s=0.25
        )
        self.samples: Batcher[StoredReading] = Batcher(
            "samples", lambda rows: in_database(samples.store_samples, rows), busy_linger_s=0.5
        )
        # Of a burst of records two transactions are under way, so that one computes while the database works for
        # the other; a pile's records stay in order in one of the lanes. The limit keeps their locks short.
        self.records: tuple[Batcher[tuple[PileRef, ReportedTransaction]], ...] = tuple(
            Batcher(f"records {lane}", lambda rows: in_database(records.store_records, rows), largest=100)
            for lane in range(RECORD_LANES)
        )
        self.logins: Batcher[Login] = Batcher(
            "logins", lambda rows: in_database(presence.open_sessions, rows), largest=100
        )
        self.logouts: Batcher[Logout] = Batcher(
            "logouts", lambda rows: in_database(presence.close_sessions, rows), largest=100
        )
        self._vehicles: Batcher[VehicleReported] = Batcher(
            "vehicles", lambda rows: in_database(vehicle_reports.store_reports, rows), linger_s=0.25
        )
        self._seen: dict[int, datetime] = {}
        self._row_due: dict[int, datetime] = {}
        self._rows_at = 0.0
        self._compared_at = clock.now()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the periodic parts; called by the first consumer that holds a pile, or by the listeners."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._every(SEEN_EVERY_S, self._store_seen), name="gateway-seen"),
                asyncio.create_task(
                    self._every(SEEN_EVERY_S, self._compare_sessions), name="gateway-sessions"
                ),
                asyncio.create_task(self._every(QUEUE_POLL_S, self._poll_queue), name="gateway-queue"),
            ]

    def frame(self, row: LoggedFrame) -> None:
        """Append one frame to the log, soon."""
        if row.direction == FrameLog.Direction.IN:
            self.frames_in += 1
        else:
            self.frames_out += 1
        self.frames.put(row)

    async def sample(self, reading: StoredReading) -> None:
        """Store one sample; returns after its commit."""
        await self.samples.add(reading)

    def sample_nowait(self, reading: StoredReading) -> None:
        """Store one sample soon; for protocols that acknowledge no samples."""
        self.samples.put(reading)

    async def record(self, pile: PileRef, reported: ReportedTransaction) -> None:
        """Store one transaction record, with its samples before it; returns after its commit."""
        await self.samples.flush()
        await self.records[pile.id % RECORD_LANES].add((pile, reported))

    async def login(self, login: Login) -> OpenedSession:
        """Take a pile over; returns after the commit. Raises SocketLost when the socket ended while it waited."""
        await self.logins.add(login)
        if login.opened is None:
            raise SocketLost
        return login.opened

    def vehicle_report(self, report: VehicleReported) -> None:
        """Store what a vehicle reported, soon."""
        self._vehicles.put(report)

    async def flush_samples(self) -> None:
        await self.samples.flush()

    async def flush_frames(self) -> None:
        await self.frames.flush()

    def seen(self, pile_id: int) -> None:
        """A message of this pile arrived now."""
        self._seen[pile_id] = clock.now()

    def hold(self, pile_id: int, holder: Holder) -> None:
        self.held[pile_id] = holder
        self.start()

    def release(self, pile_id: int, holder: Holder) -> None:
        if self.held.get(pile_id) is holder:
            del self.held[pile_id]

    async def close(self) -> None:
        """Stop the periodic parts and store what is waiting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.samples.flush()
        for lane in self.records:
            await lane.flush()
        await self.logins.flush()
        await self.logouts.flush()
        await self._vehicles.flush()
        await self.frames.flush()
        await self._store_seen(all_rows=True)

    async def _every(self, seconds: float, action) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await action()
            except Exception:
                logger.exception("gateway upkeep failed; it goes on")

    async def _store_seen(self, *, all_rows: bool = False) -> None:
        seen, self._seen = self._seen, {}
        self._row_due |= await in_database(heard.note_heard, seen)
        now = asyncio.get_running_loop().time()
        if not all_rows and heard.rows_can_wait() and now - self._rows_at < heard.ROW_EVERY_S:
            return
        self._rows_at = now
        due, self._row_due = self._row_due, {}
        busy = await in_database(heard.write_rows, due)
        self._row_due = busy | self._row_due

    async def _compare_sessions(self) -> None:
        """Say that this process lives, and tell holders of sessions that ended without their knowledge."""
        if self.boot_id:
            own = await in_database(
                nodes.still_alive, name=settings.EV_NODE, boot_id=self.boot_id, piles=len(self.held)
            )
            if not own:
                logger.error(
                    "another process took EV_NODE=%s; give every gateway its own name", settings.EV_NODE
                )
        if not self.held:
            return
        now = clock.now()
        ended = await in_database(
            presence.sessions_closed_elsewhere, settings.EV_NODE, self._compared_at - LOOK_BACK
        )
        self._compared_at = now
        layer = get_channel_layer()
        for pile_id, session_id, reason in ended:
            holder = self.held.get(pile_id)
            if holder is not None:
                event = {"pile_id": pile_id, "session_id": session_id, "reason": reason}
                await layer.send(holder.channel_name, {"type": "session.ended", **event})

    async def _poll_queue(self) -> None:
        if not self.held:
            return
        layer = get_channel_layer()
        for pile_id, command_id in await in_database(commands.queued_commands):
            holder = self.held.get(pile_id)
            if holder is not None:
                await layer.send(holder.channel_name, {"type": "command.queued", "command_id": command_id})


_BUFFERS: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, GatewayBuffers]" = weakref.WeakKeyDictionary()


def gateway_buffers() -> GatewayBuffers:
    """The buffers of the running event loop."""
    loop = asyncio.get_running_loop()
    buffers = _BUFFERS.get(loop)
    if buffers is None:
        buffers = _BUFFERS[loop] = GatewayBuffers()
    return buffers


def running_buffers() -> list[GatewayBuffers]:
    """The buffers of every event loop of this process, for its figures."""
    return list(_BUFFERS.values())
