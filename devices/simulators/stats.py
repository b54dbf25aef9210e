"""What a simulated pile counts of itself, summed over a fleet for reports."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields


@dataclass(slots=True)
class Stats:
    """Counters of one pile. `drops` are links lost that were not asked for by a fault or a reboot."""

    connects: int = 0
    connect_failures: int = 0
    logins: int = 0
    refusals: int = 0
    drops: int = 0
    heartbeats: int = 0
    heartbeats_answered: int = 0
    sent: int = 0
    received: int = 0
    charges_started: int = 0
    charges_ended: int = 0
    records_sent: int = 0
    records_acknowledged: int = 0


def total(stats: Iterable[Stats]) -> dict[str, int]:
    """Return the sums of all counters by name."""
    sums = dict.fromkeys((field.name for field in fields(Stats)), 0)
    for item in stats:
        for name, value in asdict(item).items():
            sums[name] += value
    return sums
