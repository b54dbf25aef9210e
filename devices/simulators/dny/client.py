"""A simulated e-bike box on its modem's socket."""

import random
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from devices.protocols.dny.codec import Frame, Splitter
from devices.simulators.dny.bike import Bike
from devices.simulators.dny.logic import SHORT_CIRCUIT, BoxLogic, BoxSpec
from devices.simulators.dny.timing import DnyTiming
from devices.simulators.faults import DNY, Faults
from devices.simulators.tcp_pile import TcpPile, utc_now
from devices.simulators.ykc.records import RecordMemory


class DnyBox(TcpPile):
    """One e-bike box on its own TCP connection."""

    dc = False

    def __init__(
        self,
        code: str,
        *,
        host: str = "127.0.0.1",
        port: int = 8768,
        connectors: int = 10,
        overload_w: float = 800.0,
        speed: float = 1.0,
        timing: DnyTiming | None = None,
        faults: Iterable[str] = (),
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        records_path: Path | None = None,
    ) -> None:
        super().__init__(
            code,
            host=host,
            port=port,
            timing=timing or DnyTiming(),
            faults=Faults(DNY, faults),
            rng=rng or random.Random(),
        )
        self.logic: BoxLogic = BoxLogic(
            BoxSpec(code, connectors, overload_w, speed),
            timing=self.timing,
            faults=self.faults,
            clock=clock,
            rng=self._rng,
            records=RecordMemory(records_path),
        )

    def frames_of(self) -> Callable[[bytes], Iterable[Frame]]:
        splitter = Splitter()
        return lambda data: [item for item in splitter.feed(data) if isinstance(item, Frame)]

    @property
    def online(self) -> bool:
        """The platform knows the box."""
        return self.logic.known

    @property
    def connector_numbers(self) -> list[int]:
        return list(self.logic.ports)

    def state(self, number: int) -> str:
        """One of idle, plugged, starting, charging, fault."""
        return self.logic.ports[number].state

    def plug(self, number: int, bike: object | None = None) -> None:
        """Plug a bike in; what is no bike (a fleet sends cars) stands for the next one that comes."""
        self.logic.plug(number, bike if isinstance(bike, Bike) else Bike.arriving(self._rng))
        self._flush()

    def break_down(self, number: int, bits: int = SHORT_CIRCUIT) -> None:
        """Set a port fault: `bits` is a wire state, 0 mends the port, 1 stands for a short circuit."""
        self.logic.break_down(number, SHORT_CIRCUIT if bits == 1 else bits, self._now())
        self._flush()
