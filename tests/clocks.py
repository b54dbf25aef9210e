"""A clock that a test holds: the platform's `kernel.clock`, at a chosen moment and shifted at will."""

from datetime import UTC, datetime, timedelta


class HeldClock:
    """Starts at a moment and goes on from there; install with `monkeypatch.setattr(clock, "now", held.now)`."""

    def __init__(self, start: datetime):
        self._offset = start - datetime.now(UTC)

    def shift(self, seconds: float) -> None:
        self._offset += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        self._offset = moment - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset
