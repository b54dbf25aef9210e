"""A YKC pile reduced to a socket: sends what a test says, reads what comes back."""

from datetime import UTC, datetime
from decimal import Decimal

from devices.protocols.ykc import codec
from tests.devices.frame_socket import FrameSocket


class YkcSocket(FrameSocket):
    """Blocking client of a listener on 127.0.0.1."""

    splitter = codec.Splitter
    frame_class = codec.Frame

    def __init__(self, port: int, code: str = "32010600019236", guns: int = 2, **options):
        self.code = code
        self.guns = guns
        self._seq = 0
        super().__init__(port, **options)

    @staticmethod
    def kind_of(frame: codec.Frame) -> int:
        return frame.type

    @staticmethod
    def read(frame: codec.Frame) -> codec.Message:
        return codec.decode(frame)

    def send(self, frame_type: int, **fields) -> bytes:
        """Send a frame; `pile_code` is filled in. Returns its sequence bytes."""
        self._seq += 1
        seq = self._seq.to_bytes(2, "little")
        fields.setdefault("pile_code", self.code)
        self.send_raw(codec.encode(frame_type, fields, seq))
        return seq

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
