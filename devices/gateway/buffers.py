"""What the consumers of one gateway process share: batches towards the database and the piles they hold."""

import asyncio
import logging
import weakref
from datetime import datetime
from typing import Protocol

from channels.layers import get_channel_layer

from devices.events import VehicleReported
from devices.gateway.batcher import Batcher
from devices.models import FrameLog
from devices.services import commands, presence, samples, vehicle_reports
from devices.services.samples import LoggedFrame, StoredReading
from kernel import clock
from kernel.runtime.dbpool import in_database

logger = logging.getLogger(__name__)

SEEN_EVERY_S = 5.0
QUEUE_POLL_S = 1.0


class Holder(Protocol):
    """A consumer that holds a pile's socket."""

    channel_name: str


class GatewayBuffers:
    """Buffers of one event loop. Frames and samples are appended in batches, `last_seen` every few seconds.

    Also keeps which consumer of this process holds which pile, and looks for queued commands once a second, so
    that a lost wake-up, or a command queued by a process that shares no channel layer, still reaches its pile.
    """

    def __init__(self) -> None:
        self.held: dict[int, Holder] = {}
        self.frames_in = 0
        self.frames_out = 0
        self._frames: Batcher[LoggedFrame] = Batcher(
            "frames", lambda rows: in_database(samples.store_frames, rows), linger_s=0.25
        )
        self._samples: Batcher[StoredReading] = Batcher(
            "samples", lambda rows: in_database(samples.store_samples, rows)
        )
        self._vehicles: Batcher[VehicleReported] = Batcher(
            "vehicles", lambda rows: in_database(vehicle_reports.store_reports, rows), linger_s=0.25
        )
        self._seen: dict[int, datetime] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the periodic parts; called by the first consumer that holds a pile."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._every(SEEN_EVERY_S, self._store_seen), name="gateway-seen"),
                asyncio.create_task(self._every(QUEUE_POLL_S, self._poll_queue), name="gateway-queue"),
            ]

    def frame(self, row: LoggedFrame) -> None:
        """Append one frame to the log, soon."""
        if row.direction == FrameLog.Direction.IN:
            self.frames_in += 1
        else:
            self.frames_out += 1
        self._frames.put(row)

    async def sample(self, reading: StoredReading) -> None:
        """Store one sample; returns after its commit."""
        await self._samples.add(reading)

    def sample_nowait(self, reading: StoredReading) -> None:
        """Store one sample soon; for protocols that acknowledge no samples."""
        self._samples.put(reading)

    def vehicle_report(self, report: VehicleReported) -> None:
        """Store what a vehicle reported, soon."""
        self._vehicles.put(report)

    async def flush_samples(self) -> None:
        await self._samples.flush()

    async def flush_frames(self) -> None:
        await self._frames.flush()

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
        await self._samples.flush()
        await self._vehicles.flush()
        await self._frames.flush()
        await self._store_seen()

    async def _every(self, seconds: float, action) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await action()
            except Exception:
                logger.exception("gateway upkeep failed; it goes on")

    async def _store_seen(self) -> None:
        seen, self._seen = self._seen, {}
        if seen:
            await in_database(presence.touch, seen)

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
