"""What the wire may do to the frames of a pile: pieces, heaps, rubbish and wrong checksums."""

import random

from devices.simulators.faults import Faults


class Wire:
    """Turns frames into the chunks that are written one after the other, as the pile's faults say."""

    def __init__(self, faults: Faults, rng: random.Random) -> None:
        self._faults = faults
        self._rng = rng
        self._count = 0
        self._held: list[bytes] = []

    def chunks(self, frames: list[bytes]) -> list[bytes]:
        """Return the chunks for these frames, in order; frames may be held back until `release`."""
        spoilt = [piece for frame in frames for piece in self._spoil(frame)]
        heap = self._faults.get("merge_frames")
        if heap is not None:
            self._held += spoilt
            if len(self._held) < heap:
                return []
            return self.release()
        pieces = self._faults.get("split_frames")
        if pieces is None:
            return spoilt
        return [part for frame in spoilt for part in self._cut(frame, max(2, int(pieces)))]

    def release(self) -> list[bytes]:
        """Return what was held back, as one piece."""
        held, self._held = self._held, []
        return [b"".join(held)] if held else []

    def reset(self) -> None:
        """The link is gone and with it what was held back."""
        self._held = []

    def _spoil(self, frame: bytes) -> list[bytes]:
        self._count += 1
        nth = self._faults.get("wrong_checksum")
        if nth is not None and self._count % max(1, int(nth)) == 0:
            frame = frame[:-2] + bytes((frame[-2] ^ 0xFF, frame[-1] ^ 0x5A))
        elif "crc_high_first" in self._faults:
            frame = frame[:-2] + frame[-1:] + frame[-2:-1]
        nth = self._faults.get("garbage")
        if nth is not None and self._count % max(1, int(nth)) == 0:
            return [self._rng.randbytes(self._rng.randint(1, 40)), frame]
        return [frame]

    @staticmethod
    def _cut(frame: bytes, pieces: int) -> list[bytes]:
        size = max(1, -(-len(frame) // pieces))
        return [frame[at : at + size] for at in range(0, len(frame), size)]
