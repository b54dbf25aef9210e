"""Cuts a TCP byte stream into DNY frames and the words of the modem, whatever the stream holds.

The modem in front of a box sends its ICCID (20 characters) when it connects and the four letters ``link`` when the
line was quiet for 30 s (AP3000 device protocol V8.6 §1.04); neither is framed.

Two states. *In step*: the bytes begin where the last good thing ended, so a frame is taken at its word and only its
checksum is asked. *Out of step*, after anything else: every "DNY" may begin a frame, and the candidate whose last
byte arrives first with a fitting checksum wins, so a lying length never makes a good frame behind it vanish. Which
frames come out does not depend on how TCP cut the stream, and every byte leaves exactly once. At most
``MAX_HELD`` bytes are kept between calls.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from .frame import HEAD, MAGIC, MAX_FRAME, MAX_LENGTH, MIN_LENGTH, Frame, checksum, frame_of

LINK = b"link"
ICCID_SIZE = 20
MAX_HELD = MAX_FRAME + ICCID_SIZE

_WORDS = re.compile(rb"link|89[0-9A-Fa-f]{18}")
# The beginning of a word at the very end of the bytes.
_WORD_BEGINS = re.compile(rb"(?:l|li|lin|8|89[0-9A-Fa-f]{0,17})\Z")
_FRAME_BEGINS = re.compile(rb"(?:D|DN|DNY.?)\Z", re.DOTALL)

Reason = Literal["garbage", "bad_checksum", "truncated"]


class Finding(NamedTuple):
    """Bytes that are nothing: ``garbage``, ``bad_checksum`` (a whole frame with a wrong sum) or ``truncated``."""

    reason: Reason
    raw: bytes


class Iccid(NamedTuple):
    """The modem named its SIM card."""

    iccid: str
    raw: bytes


class Link(NamedTuple):
    """The modem keeps the line open."""

    raw: bytes


Item = Frame | Iccid | Link | Finding


def _end_of(data: bytes, start: int) -> int | None:
    """Where the frame that begins at ``start`` ends by its length; None when it cannot be a frame."""
    length = data[start + 3] | data[start + 4] << 8
    return start + HEAD + length if MIN_LENGTH <= length <= MAX_LENGTH else None


def _fits(data: bytes, start: int, end: int) -> bool:
    return checksum(data[start : end - 2]) == data[end - 2] | data[end - 1] << 8


class Splitter:
    """An incremental splitter for one connection; not shared between threads."""

    __slots__ = ("_data", "_seen", "_spoilt", "_stepped")

    def __init__(self) -> None:
        self._data = b""
        self._stepped = True
        self._seen = 0  # out of step: starts before this one are known to be none
        self._spoilt: list[tuple[int, int]] = []  # whole candidates with a wrong checksum

    @property
    def held(self) -> int:
        """Number of bytes kept because they may still become part of something."""
        return len(self._data)

    @property
    def in_step(self) -> bool:
        """True while the next byte is where a frame should begin."""
        return self._stepped

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes of the stream; return what is complete, in stream order."""
        found: list[Item] = []
        self._data += bytes(data)
        self._advance(found)
        return found

    def flush(self) -> list[Item]:
        """Give up waiting: return every frame hidden in the held bytes and the rest as findings.

        To be called when the peer has closed, or has been quiet while ``held`` is not 0.
        """
        found: list[Item] = []
        while self._data:
            was_waiting = self._stepped
            if was_waiting:
                self._lose_step()
            whole, first_open = self._look()
            if whole is not None:
                start, end = whole
                if was_waiting:
                    found.append(Finding("truncated", self._data[:start]))
                    self._data = self._data[start:]
                else:
                    self._discard(found, start)
                self._take(found, end - start)
                self._advance(found)
                continue
            if not was_waiting:
                self._discard(found, len(self._data) if first_open is None else first_open)
            if self._data:
                found.append(Finding("truncated", self._data))
            self._regain_step(len(self._data))
        return found

    def _advance(self, found: list[Item]) -> None:
        while self._data:
            if not (self._read_in_step(found) if self._stepped else self._search(found)):
                return

    def _read_in_step(self, found: list[Item]) -> bool:
        """Take one thing from the beginning; False when more bytes are needed."""
        data = self._data
        if data.startswith(MAGIC):
            if len(data) < HEAD:
                return False
            end = _end_of(data, 0)
            if end is not None and end > len(data):
                return False
            if end is not None and _fits(data, 0, end):
                self._take(found, end)
            else:
                self._lose_step()
                if end is not None:
                    self._spoilt.append((0, end))
            return True
        word = _WORDS.match(data)
        if word:
            found.append(_word(word.group()))
            self._regain_step(word.end())
            return True
        if MAGIC.startswith(data) or (len(data) < ICCID_SIZE and _WORD_BEGINS.match(data)):
            return False
        self._lose_step()
        return True

    def _search(self, found: list[Item]) -> bool:
        """Take the frame that ends first; False when more bytes are needed."""
        whole, first_open = self._look()
        if whole is not None:
            start, end = whole
            self._discard(found, start)
            self._take(found, end - start)
            return True
        begins = (_FRAME_BEGINS.search(self._data), _WORD_BEGINS.search(self._data))
        waiting = [match.start() for match in begins if match]
        if first_open is not None:
            waiting.append(first_open)
        self._discard(found, min(waiting, default=len(self._data)))
        return False

    def _look(self) -> tuple[tuple[int, int] | None, int | None]:
        """Out of step: (start, end) of the good frame that ends first, and the first start that still waits."""
        data = self._data
        best: tuple[int, int] | None = None
        first_open: int | None = None
        at = self._seen
        while (start := data.find(MAGIC, at)) >= 0:
            if best is not None and start >= best[1]:
                break  # what begins behind the best end cannot end before it
            at = start + 1
            end = _end_of(data, start) if start + HEAD <= len(data) else len(data) + 1
            if end is None:
                continue
            if end > len(data):
                first_open = start if first_open is None else first_open
            elif _fits(data, start, end):
                if best is None or end < best[1]:
                    best = (start, end)
            else:
                self._spoil(start, end)
        return best, first_open

    def _take(self, found: list[Item], size: int) -> None:
        found.append(frame_of(self._data[:size]))
        self._regain_step(size)

    def _spoil(self, start: int, end: int) -> None:
        """Remember a candidate with a wrong sum, the outermost of nested ones."""
        if not any(first <= start < last for first, last in self._spoilt):
            outside = [one for one in self._spoilt if one[0] >= end]
            before = [one for one in self._spoilt if one[1] <= start]
            self._spoilt = [*before, (start, end), *outside]

    def _lose_step(self) -> None:
        self._stepped = False
        self._seen = 1
        self._spoilt = []

    def _regain_step(self, used: int) -> None:
        self._data = self._data[used:]
        self._stepped = True
        self._seen = 0
        self._spoilt = []

    def _discard(self, found: list[Item], upto: int) -> None:
        """Report the bytes before ``upto``: frames with a wrong sum apart, words of the modem as such."""
        data, at = self._data, 0
        for start, end in self._spoilt:
            if start >= upto or start < at:
                continue
            _rubbish(found, data[at:start])
            found.append(Finding("bad_checksum", data[start : min(end, upto)]))
            at = min(end, upto)
        _rubbish(found, data[at:upto])
        self._data = data[upto:]
        self._seen = max(0, self._seen - upto)
        self._spoilt = [(start - upto, end - upto) for start, end in self._spoilt if start >= upto]


def _word(raw: bytes) -> Link | Iccid:
    return Link(raw) if raw == LINK else Iccid(raw.decode("ascii").upper(), raw)


def _rubbish(found: list[Item], raw: bytes) -> None:
    at = 0
    for word in _WORDS.finditer(raw):
        if word.start() > at:
            found.append(Finding("garbage", raw[at : word.start()]))
        found.append(_word(word.group()))
        at = word.end()
    if at < len(raw):
        found.append(Finding("garbage", raw[at:]))
