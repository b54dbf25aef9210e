"""What `/metrics` shows: each app registers a function that gives its gauges when asked.

Gauges are read at scrape time, so a figure costs nothing between scrapes and cannot go stale. A function that
fails is left out and counted; the rest of the page stays readable.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gauge:
    """One figure: `name` begins with `ev_` and carries its unit, `labels` tell figures of one name apart."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


Source = Callable[[], Iterable[Gauge]]
_sources: list[Source] = []


def register_gauges(source: Source) -> Source:
    """Add a function to the page; it runs on a database thread. Usable as a decorator; twice is once."""
    if source not in _sources:
        _sources.append(source)
    return source


def read_gauges() -> tuple[list[Gauge], int]:
    """Every gauge of every source, and how many sources failed."""
    gauges: list[Gauge] = []
    failed = 0
    for source in _sources:
        try:
            gauges.extend(source())
        except Exception:
            failed += 1
            logger.exception("gauges of %s.%s cannot be read", source.__module__, source.__qualname__)
    return gauges, failed
