"""A YKC pile reduced to a socket: sends what a test says, reads what comes back."""

import socket
import time
from datetime import UTC, datetime
from decimal import Decimal

from devices.protocols.ykc import codec


class YkcSocket:
    """Blocking client of a listener on 127.0.0.1."""

    def __init__(self, port: int, code: str = "32010600019236", guns: int = 2):
        self.code = code
        self.guns = guns
        self._seq = 0
        self._splitter = codec.Splitter()
        self._inbox: list[codec.Frame] = []
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=5)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self) -> None:
        self.sock.close()

    def send_raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def send(self, frame_type: int, **fields) -> bytes:
        """Send a frame; `pile_code` is filled in. Returns its sequence bytes."""
        self._seq += 1
        seq = self._seq.to_bytes(2, "little")
        fields.setdefault("pile_code", self.code)
        self.send_raw(codec.encode(frame_type, fields, seq))
        return seq

    def expect(self, frame_type: int, timeout: float = 5.0) -> codec.Message:
        """The next frame of this type; others that come before stay in the inbox."""
        end = time.monotonic() + timeout
        while True:
            for index, frame in enumerate(self._inbox):
                if frame.type == frame_type:
                    del self._inbox[index]
                    self.last_frame = frame
                    return codec.decode(frame)
            left = end - time.monotonic()
            assert left > 0, f"no {frame_type:02X} within {timeout} s; have {[f.type for f in self._inbox]}"
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(4096)
            except TimeoutError:
                continue
            assert data, f"closed before {frame_type:02X}"
            self._inbox += [item for item in self._splitter.feed(data) if isinstance(item, codec.Frame)]

    def quiet(self, frame_type: int, seconds: float = 0.5) -> bool:
        """True when no frame of this type comes for a while."""
        try:
            self.expect(frame_type, seconds)
        except AssertionError:
            return True
        return False

    def closed(self, timeout: float = 5.0) -> bool:
        """True once the platform closed the socket."""
        end = time.monotonic() + timeout
        self.sock.settimeout(0.2)
        while time.monotonic() < end:
            try:
                if not self.sock.recv(4096):
                    return True
            except TimeoutError:
                continue
            except OSError:
                return True
        return False

    def login(self, **changes) -> codec.Message:
        fields = {
            "pile_type": 0,
            "gun_count": self.guns,
            "proto_version": 16,
            "software": "V4.1.50",
            "net": 0,
            "sim": "89860000000000000001",
            "operator": 0,
        }
        self.send(0x01, **{**fields, **changes})
        return self.expect(0x02)

    def live(self, gun: str = "01", *, trade_no: str = "0" * 32, status: int = 2, **changes) -> None:
        fields = {
            "trade_no": trade_no,
            "gun_no": gun,
            "status": status,
            "seat": 1,
            "plugged": 1,
            "voltage": Decimal("400.0"),
            "current": Decimal("100.0"),
            "cable_temp": 30,
            "cable_code": "0" * 16,
            "soc": 40,
            "battery_temp": 28,
            "minutes": 1,
            "remaining": 60,
            "energy": Decimal("0.0000"),
            "loss_energy": Decimal("0.0000"),
            "amount": Decimal("0.0000"),
            "fault_bits": 0,
        }
        self.send(0x13, **{**fields, **changes})


def record_fields(trade_no: str, gun: str = "01", **changes) -> dict:
    """The fields of a 3B: one hour, 10 kWh in the flat tier at 1.20 yuan."""
    fields = {
        "trade_no": trade_no,
        "gun_no": gun,
        "start_time": datetime(2026, 11, 20, 4, 0, tzinfo=UTC),
        "end_time": datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
        "meter_start": Decimal("100.0000"),
        "meter_end": Decimal("110.0000"),
        "total_energy": Decimal("10.0000"),
        "total_loss_energy": Decimal("10.0000"),
        "total_amount": Decimal("12.0000"),
        "vin": "LSVAA49J132047371",
        "trade_type": 1,
        "trade_time": datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
        "stop_reason": "40",
        "physical_card": "0" * 16,
    }
    for tier in ("sharp", "peak", "flat", "valley"):
        energy = Decimal("10.0000") if tier == "flat" else Decimal("0.0000")
        fields[f"{tier}_price"] = Decimal("1.20000") if tier == "flat" else Decimal("0.00000")
        fields[f"{tier}_energy"] = fields[f"{tier}_loss_energy"] = energy
        fields[f"{tier}_amount"] = Decimal("12.0000") if tier == "flat" else Decimal("0.0000")
    return {**fields, **changes}
