"""The clock that services read, so that a test or a replay can hold it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.utils import timezone

_held: ContextVar[datetime | None] = ContextVar("held_clock", default=None)


def now() -> datetime:
    """The current moment, aware, UTC."""
    return _held.get() or datetime.now(UTC)


@contextmanager
def held_at(moment: datetime) -> Iterator[None]:
    """Within the block, and in this thread or task only, services believe that it is `moment` (aware)."""
    if timezone.is_naive(moment):
        raise ValueError("the clock is held at aware moments only")
    token = _held.set(moment)
    try:
        yield
    finally:
        _held.reset(token)
