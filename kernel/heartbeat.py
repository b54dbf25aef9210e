"""Proof that periodic jobs run: beat schedules a tiny task that leaves the time in the shared cache."""

import time

from django.core.cache import cache

_KEY = "ev:beat:last"
_KEEP_S = 7 * 86400


def record_beat() -> None:
    """Leave the current time; called by the scheduled task."""
    cache.set(_KEY, time.time(), _KEEP_S)


def beat_age_s() -> float | None:
    """Seconds since a worker last ran a task that beat sent; None when none was ever seen."""
    last = cache.get(_KEY)
    return None if last is None else max(0.0, time.time() - last)
