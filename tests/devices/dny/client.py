"""An e-bike box reduced to a socket: sends what a test says, reads what comes back."""

from decimal import Decimal

from devices.protocols.dny import codec
from tests.devices.frame_socket import FrameSocket

ICCID = "89860413161892009275"
NO_ORDER = "0" * 32


class DnySocket(FrameSocket):
    """Blocking client of a listener on 127.0.0.1."""

    splitter = codec.Splitter
    frame_class = codec.Frame

    def __init__(self, port: int, code: str = "05AB373B", ports: int = 10):
        self.code = code
        self.ports = ports
        self._message_id = 0
        super().__init__(port)

    @staticmethod
    def kind_of(frame: codec.Frame) -> int:
        return frame.command

    @staticmethod
    def read(frame: codec.Frame) -> codec.Message:
        return codec.decode(frame, from_device=False)

    def wire(
        self, command: int, *, code: str | None = None, message_id: int | None = None, **fields
    ) -> bytes:
        """The bytes of a frame from the box."""
        if message_id is None:
            self._message_id += 1
            message_id = self._message_id
        self.sent_id = message_id
        return codec.encode(code or self.code, message_id, command, fields, from_device=True)

    def send(self, command: int, **fields) -> int:
        """Send a frame; returns its message id."""
        self.send_raw(self.wire(command, **fields))
        return self.sent_id

    def register(self, **changes) -> codec.Message:
        fields = {"firmware": 126, "ports": self.ports, "virtual_id": 0, "device_kind": 0x20, "mode": 0}
        self.send(0x20, **{**fields, "power_board": 0, **changes})
        return self.expect(0x20)

    def beat(self, states: dict[int, int] | None = None, **changes) -> codec.Message:
        """A heartbeat; `states` are wire states by port, the others are free."""
        wire = [(states or {}).get(port, 0) for port in range(self.ports)]
        fields = {"voltage": Decimal("220.0"), "ports": self.ports, "states": wire, "rssi": 20}
        self.send(0x21, **{**fields, "temperature": 31, **changes})
        return self.expect(0x21)

    def power(self, order: str, *, port: int = 0, energy: str = "0.10", **changes) -> None:
        fields = {
            "port": port,
            "state": 1,
            "duration": 300,
            "energy": Decimal(energy),
            "how": 1,
            "power": Decimal("210.5"),
            "max_power": Decimal("230.0"),
            "min_power": Decimal("190.0"),
            "average_power": Decimal("208.0"),
            "order": order,
            "interval_raw": 0,
            "peak_power": Decimal("231.0"),
            "voltage": Decimal("221.3"),
            "current": Decimal("0.955"),
            "temperature": 31,
            "port_temperature": 35,
        }
        self.send(0x06, **{**fields, **changes})

    def answer(self, result: int = 0, **fields) -> None:
        """Answer the 82 that was read last."""
        asked = codec.decode(self.last_frame, from_device=False).fields
        self.send(
            0x82,
            message_id=self.last_frame.message_id,
            result=result,
            **{"order": asked["order"], "port": asked["port"], "waiting_ports": 0, **fields},
        )

    def settle(self, order: str = NO_ORDER, **changes) -> int:
        return self.send(0x03, **settlement(order, **changes))


def settlement(order: str, **changes) -> dict:
    """A settlement of one hour and 0.48 kWh on port 0, full."""
    fields = {
        "duration": 3600,
        "max_power": Decimal("230.0"),
        "energy": Decimal("0.48"),
        "port": 0,
        "how": 1,
        "card": "00000000",
        "stop_reason": 1,
        "order": order,
        "second_max_power": Decimal("231.0"),
    }
    return {**fields, **changes}
