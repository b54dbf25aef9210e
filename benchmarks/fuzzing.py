"""Hostile frames for the TCP protocols: random bytes, and valid frames with something wrong. Pure; no sockets.

Frames never log in under a code that is not the attacker's own: YKC and DNY know no secret, so whoever dials in with
the code of a pile is that pile, and no test can tell.
"""

import random
from collections.abc import Callable, Sequence

from devices.protocols.dny import codec as dny
from devices.protocols.ykc import codec as ykc

LOGINS = {"ykc": frozenset({0x01}), "dny": frozenset({0x20})}
_YKC_TYPES = [kind for kind, layout in ykc.LAYOUTS.items() if layout.upward and kind != 0x01]
_DNY_COMMANDS = [command for command in dny.FROM_DEVICE if command != 0x20]
_RECORDS = frozenset({0x3B, 0x3D})
_FEWER_RECORDS = 0.8  # of the records are other frames instead: each is a transaction that settles something


class YkcFuzz:
    """An endless source of frames from the pile `code`, some of which name the `others`."""

    def __init__(self, rng: random.Random, code: str, others: Sequence[str] = ()):
        self._rng, self._code = rng, code
        self._others = list(others)

    def login(self) -> bytes:
        return ykc.encode(
            0x01,
            {
                "pile_code": self._code,
                "pile_type": self._rng.randrange(2),
                "gun_count": self._rng.randrange(256),
                "proto_version": self._rng.randrange(256),
                "software": "FUZZ",
                "net": self._rng.randrange(256),
                "sim": self._rng.randbytes(10).hex(),
                "operator": self._rng.randrange(256),
            },
        )

    def heartbeat(self) -> bytes:
        return ykc.encode(0x03, {"pile_code": self._code, "gun_no": "01", "gun_status": 0})

    def valid(self) -> bytes:
        """A frame that a pile sends, with random content and a good checksum."""
        rng = self._rng
        kind = rng.choice(_YKC_TYPES)
        if kind in _RECORDS and rng.random() < _FEWER_RECORDS:
            kind = 0x13
        layout = ykc.LAYOUTS[kind]
        size = layout.size + (rng.randrange(0, 60) if layout.tail else 0)
        body = bytearray(rng.randbytes(size) if rng.random() < 0.8 else bytes(size))
        names = [field.name for field in layout.fields]
        if "pile_code" in names:
            at = sum(field.kind.size for field in layout.fields[: names.index("pile_code")])
            body[at : at + 7] = bytes.fromhex(self._whose())
            if "gun_no" in names and rng.random() < 0.7:
                body[at + 7] = rng.choice((1, 1, 2))
        return ykc.build_frame(kind, bytes(body), rng.randbytes(2))

    def _whose(self) -> str:
        chance = self._rng.random()
        if chance < 0.85 or not self._others:
            return self._code if chance < 0.97 else f"{self._rng.randrange(10**14):014d}"
        return self._rng.choice(self._others)

    def body_changed(self) -> bytes:
        """A valid frame with other length, bits or type, and a checksum that fits again."""
        rng = self._rng
        frame = self.valid()
        body = bytearray(frame[6:-2])
        what = rng.randrange(4)
        if what == 0:
            body = body[: rng.randrange(len(body) + 1)]
        elif what == 1:
            body += rng.randbytes(rng.randrange(1, max(2, ykc.layout.MAX_BODY - len(body))))
        elif body:
            body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        kind = frame[5]
        if what == 3:
            kind = rng.choice([kind for kind in range(256) if kind not in LOGINS["ykc"]])
        body = body[: ykc.layout.MAX_BODY]
        return ykc.build_frame(kind, bytes(body), rng.randbytes(2), encrypted=int(rng.random() < 0.1))

    def head(self) -> bytes:
        """A start byte and a length, then anything."""
        return b"\x68" + self._rng.randbytes(self._rng.randrange(1, 120))

    def damaged(self) -> bytes:
        return _damaged(self._rng, self.valid())

    def next(self) -> bytes:
        return _next(self._rng, self)


class DnyFuzz:
    """An endless source of frames from the box `code`. None names another box: any good frame of a box is its login."""

    def __init__(self, rng: random.Random, code: str, others: Sequence[str] = ()):
        self._rng, self._code = rng, code

    def login(self) -> bytes:
        return dny.build_frame(self._code, self._rng.randrange(65536), 0x20, self._rng.randbytes(9))

    def heartbeat(self) -> bytes:
        # voltage, two ports, their states, signal, temperature (AP3000 §2.3.2)
        return dny.build_frame(self._code, 1, 0x21, bytes.fromhex("9808 02 0000 14 60"))

    def valid(self) -> bytes:
        rng = self._rng
        command = rng.choice(_DNY_COMMANDS)
        body = rng.randbytes(rng.randrange(64)) if rng.random() < 0.8 else bytes(rng.randrange(64))
        return dny.build_frame(self._whose(), rng.randrange(65536), command, body)

    def _whose(self) -> str:
        return self._code if self._rng.random() < 0.95 else f"{self._rng.randrange(16**8):08X}"

    def body_changed(self) -> bytes:
        rng = self._rng
        command = rng.choice([kind for kind in range(256) if kind not in LOGINS["dny"]])
        return dny.build_frame(
            self._whose(), rng.randrange(65536), command, rng.randbytes(rng.randrange(200))
        )

    def head(self) -> bytes:
        return b"DNY" + self._rng.randbytes(self._rng.randrange(1, 120))

    def damaged(self) -> bytes:
        return _damaged(self._rng, self.valid())

    def next(self) -> bytes:
        return _next(self._rng, self)


def _damaged(rng: random.Random, frame: bytes) -> bytes:
    """Bits flipped, bytes lost, doubled or foreign ones between, and no checksum that fits."""
    raw = bytearray(frame)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(raw))
        what = rng.randrange(4)
        if what == 0:
            raw[at] ^= 1 << rng.randrange(8)
        elif what == 1 and len(raw) > 4:
            del raw[at : at + rng.randrange(1, 4)]
        elif what == 2:
            raw[at:at] = raw[at : at + rng.randrange(1, 9)]
        else:
            raw[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(raw)


def _next(rng: random.Random, source: YkcFuzz | DnyFuzz) -> bytes:
    kinds: Sequence[Callable[[], bytes]] = (
        source.valid,
        source.body_changed,
        source.damaged,
        source.head,
        lambda: rng.randbytes(rng.randrange(1, 200)),
    )
    return rng.choices(kinds, (35, 25, 25, 5, 10))[0]()
