"""Cuts a TCP byte stream into YKC frames, whatever the stream holds.

Two states. *In step*: the bytes begin where the last good frame ended, so a frame is taken at its
word and only its checksum is asked. *Out of step*, after anything else: every 68 may begin a frame,
and the candidate whose last byte arrives first with a fitting checksum wins. So a lying length byte
never makes a good frame behind it wait or vanish.

Every byte of the stream leaves exactly once, in a frame or in a finding, and the outcome does not
depend on how TCP cut the stream. Out of step the checksum of any candidate costs O(1) (see ``crc``),
so hostile input costs a constant per byte too. At most ``MAX_HELD`` bytes are kept between calls.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from .crc import BYTE_TABLE, INITIAL, crc16, shift, shift_tables
from .frame import MAX_FRAME, MIN_LENGTH, START, CrcOrder, Frame

GARBAGE_CHUNK = 512
MAX_HELD = GARBAGE_CHUNK + MAX_FRAME

Reason = Literal["garbage", "bad_crc", "truncated"]


class Finding(NamedTuple):
    """Bytes that are no frame: ``garbage``, ``bad_crc`` (whole, wrong checksum) or ``truncated``."""

    reason: Reason
    raw: bytes


class Splitter:
    """An incremental frame splitter for one connection; not shared between threads."""

    __slots__ = ("_before", "_by_end", "_crc", "_data", "_failed", "_pending", "_pos", "_run", "_stepped")

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._data = b""
        self._pos = 0  # next byte to look at, an index into _data
        self._stepped = True
        self._forget()

    def _forget(self) -> None:
        self._run = 0  # where the discarded run began
        self._pending: dict[int, int] = {}  # start -> checksum state before the covered bytes
        self._by_end: dict[int, list[int]] = {}
        self._failed: list[tuple[int, int]] = []
        self._crc = 0
        self._before = (0, 0)  # checksum state one and two bytes ago

    @property
    def held(self) -> int:
        """Number of bytes kept because they may still become part of a frame."""
        return len(self._data)

    @property
    def in_step(self) -> bool:
        """True while the next byte is where a frame should begin."""
        return self._stepped

    def feed(self, data: bytes) -> list[Frame | Finding]:
        """Take the next bytes of the stream; return what is complete, in stream order."""
        found: list[Frame | Finding] = []
        self._data = self._data + data if self._data else bytes(data)
        self._advance(found)
        self._drop_used()
        return found

    def flush(self) -> list[Frame | Finding]:
        """Give up waiting: return every frame hidden in the held bytes and the rest as findings.

        To be called when the peer has closed, or has been quiet while ``held`` is not 0 (a lying
        length byte can make the splitter wait for bytes that never come).
        """
        found: list[Frame | Finding] = []
        while self._data:
            if self._stepped:
                self._lose_step(self._pos)
                self._advance(found)
            if not self._stepped:
                end = len(self._data)
                waiting = end - 1 if self._data[-1] == START else end
                waiting = min(next(iter(self._pending), waiting), waiting)
                self._discard(found, waiting, "garbage")
                self._discard(found, end, "truncated")
                self._data = b""
            self._drop_used()
        self._reset()
        return found

    def _advance(self, found: list[Frame | Finding]) -> None:
        end = len(self._data)
        while self._pos < end:
            if self._stepped:
                if not self._read_in_step(found):
                    return
            else:
                self._search(found)

    def _read_in_step(self, found: list[Frame | Finding]) -> bool:
        """Take frames one after another; return False when more bytes are needed."""
        data, at = self._data, self._pos
        size = len(data)
        append = found.append
        while at < size:
            if data[at] != START:
                self._lose_step(at)
                return True
            if at + 1 == size:
                break
            length = data[at + 1]
            if length < MIN_LENGTH:
                self._lose_step(at)
                return True
            end = at + length + 4
            if end > size:
                break
            crc = crc16(data, at + 2, end - 2)
            low, high = crc & 0xFF, crc >> 8
            order: CrcOrder
            if data[end - 2] == low and data[end - 1] == high:
                order = "low"
            elif data[end - 2] == high and data[end - 1] == low:
                order = "high"
            else:
                self._lose_step(at)
                self._pos = at + 1
                self._failed.append((at, end))
                return True
            append(
                Frame(
                    data[at + 5],
                    data[at + 2 : at + 4],
                    data[at + 4],
                    data[at + 6 : end - 2],
                    order,
                    data[at:end],
                )
            )
            at = end
        self._pos = at
        return False

    def _lose_step(self, at: int) -> None:
        self._forget()
        self._stepped = False
        self._run = self._pos = at

    def _search(self, found: list[Frame | Finding]) -> None:
        """Walk bytes out of step until a frame is found or the bytes end."""
        data, size = self._data, len(self._data)
        at = self._pos
        pending, by_end, failed = self._pending, self._by_end, self._failed
        after_start = at > self._run and data[at - 1] == START
        crc, (one, two) = self._crc, self._before
        table = BYTE_TABLE
        while at < size:
            if not (pending or failed or after_start):
                start = data.find(START, at)
                stop = size if start < 0 else start
                while stop - self._run >= GARBAGE_CHUNK:
                    self._discard(found, self._run + GARBAGE_CHUNK, "garbage")
                at = stop
                if start < 0:
                    break
            byte = data[at]
            two, one = one, crc
            crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
            restless = False
            if after_start:
                if byte >= MIN_LENGTH and not (failed and failed[0][0] == at - 1):
                    pending[at - 1] = crc
                    by_end.setdefault(at + byte + 3, []).append(at - 1)
                else:
                    restless = True
            after_start = byte == START
            at += 1
            if at in by_end:
                restless = True
                for start in by_end.pop(at):
                    window = two ^ shift(pending.pop(start) ^ INITIAL, at - start - 4)
                    low, high = window & 0xFF, window >> 8
                    last, last_but_one = byte, data[at - 2]
                    if last == high and last_but_one == low:
                        self._accept(found, start, at, "low")
                        return
                    if last == low and last_but_one == high:
                        self._accept(found, start, at, "high")
                        return
                    while failed and failed[-1][0] >= start:
                        failed.pop()  # keep the outermost of nested candidates
                    if not failed or failed[-1][1] <= start:
                        failed.append((start, at))
            if (restless and failed) or at - self._run >= GARBAGE_CHUNK:
                self._settle(found, at)
        self._pos = at
        self._crc, self._before = crc, (one, two)

    def _accept(self, found: list[Frame | Finding], start: int, end: int, order: CrcOrder) -> None:
        data = self._data
        self._discard(found, start, "garbage")
        raw = data[start:end]
        found.append(Frame(raw[5], raw[2:4], raw[4], raw[6:-2], order, raw))
        self._forget()
        self._stepped = True
        self._pos = end

    def _settle(self, found: list[Frame | Finding], at: int) -> None:
        """Report what no candidate can claim any more."""
        settled = at - 1 if self._data[at - 1] == START else at
        settled = min(next(iter(self._pending), settled), settled)
        whole = self._run
        for _, end in self._failed:
            if end > settled:
                break
            whole = end
        if whole > self._run:
            self._discard(found, whole, "garbage")
        if at - self._run >= GARBAGE_CHUNK:
            self._discard(found, settled, "garbage")

    def _discard(self, found: list[Frame | Finding], upto: int, reason: Reason) -> None:
        """Report the bytes from the run's beginning to ``upto``, wrong-checksum frames apart."""
        data, at = self._data, self._run
        while self._failed and self._failed[0][0] < upto:
            start, end = self._failed.pop(0)
            start, end = max(start, at), min(end, upto)
            if start >= end:
                continue
            if start > at:
                found.append(Finding("garbage", data[at:start]))
            found.append(Finding("bad_crc", data[start:end]))
            at = end
        if at < upto:
            found.append(Finding(reason, data[at:upto]))
        self._run = max(self._run, upto)

    def _drop_used(self) -> None:
        used = self._pos if self._stepped else self._run
        if not used:
            return
        self._data = self._data[used:]
        self._pos -= used
        self._run -= used
        if self._pending or self._failed:
            self._pending = {start - used: state for start, state in self._pending.items()}
            self._by_end = {
                end - used: [start - used for start in starts] for end, starts in self._by_end.items()
            }
            self._failed = [(start - used, end - used) for start, end in self._failed]


shift_tables()
