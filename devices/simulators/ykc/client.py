"""A simulated YKC pile on its socket."""

import random
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from devices.protocols.ykc.codec import Frame, Splitter
from devices.simulators.battery import Car
from devices.simulators.faults import YKC, Faults
from devices.simulators.tcp_pile import TcpPile, utc_now
from devices.simulators.ykc.logic import YkcLogic
from devices.simulators.ykc.records import RecordMemory
from devices.simulators.ykc.spec import PileSpec
from devices.simulators.ykc.timing import YkcTiming


class YkcPile(TcpPile):
    """One YKC pile on its own TCP connection.

    `clock` returns an aware datetime and is what the pile's clock shows until the platform sets it.
    """

    def __init__(
        self,
        code: str,
        *,
        host: str = "127.0.0.1",
        port: int = 8767,
        connectors: int = 1,
        rated_kw: float = 60.0,
        dc: bool = True,
        speed: float = 1.0,
        timing: YkcTiming | None = None,
        faults: Iterable[str] = (),
        clock: Callable[[], datetime] = utc_now,
        rng: random.Random | None = None,
        records_path: Path | None = None,
        meter_kwh: float | None = None,
        bay_locks: bool = False,
    ) -> None:
        super().__init__(
            code,
            host=host,
            port=port,
            timing=timing or YkcTiming(),
            faults=Faults(YKC, faults),
            rng=rng or random.Random(),
        )
        self.logic: YkcLogic = YkcLogic(
            PileSpec(code, connectors, rated_kw, dc, speed, bay_locks=bay_locks),
            timing=self.timing,
            faults=self.faults,
            clock=clock,
            rng=self._rng,
            records=RecordMemory(records_path),
            meter_kwh=meter_kwh,
        )

    def frames_of(self) -> Callable[[bytes], Iterable[Frame]]:
        splitter = Splitter()
        return lambda data: [item for item in splitter.feed(data) if isinstance(item, Frame)]

    @property
    def online(self) -> bool:
        """Logged in and holding a tariff."""
        return self.logic.phase == "ready"

    @property
    def logged_in(self) -> bool:
        return self.logic.phase in ("tariff", "ready")

    @property
    def connector_numbers(self) -> list[int]:
        return list(self.logic.guns)

    def state(self, number: int) -> str:
        """One of idle, plugged, starting, charging, fault."""
        return self.logic.guns[number].state

    def plug(self, number: int, car: Car | None = None) -> None:
        self.logic.plug(number, car or Car.arriving(self._rng), self._now())
        self._flush()

    def swipe(self, number: int, card: str, *, password: str = "", also: tuple[int, ...] = ()) -> None:
        self.logic.swipe(number, card, self._now(), password=password, also=also)
        self._flush()

    def ask_by_vin(self, number: int) -> None:
        self.logic.ask_by_vin(number, self._now())
        self._flush()

    def break_down(self, number: int, bits: int = 1) -> None:
        self.logic.break_down(number, bits, self._now())
        self._flush()

    def mend(self, number: int) -> None:
        self.break_down(number, 0)
