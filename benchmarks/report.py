"""One line per measurement, printed as soon as it is known and once more as a table at the end."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """A figure of ours, the limit it is measured against (None without one) and what is asked of it.

    `wanted` is a ratio when there is a limit, else a bound in the figure's own unit (`at_most` tells which side).
    """

    name: str
    ours: float
    unit: str
    limit: float | None = None
    wanted: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def measured(self) -> float:
        return self.ours / self.limit if self.limit else self.ours

    @property
    def verdict(self) -> str:
        if self.wanted is None:
            return ""
        good = self.measured <= self.wanted if self.at_most else self.measured >= self.wanted
        return "reached" if good else "missed"

    def cells(self) -> list[str]:
        sign = "≤" if self.at_most else "≥"
        return [
            self.name,
            f"{_shown(self.ours)} {self.unit}",
            "" if self.limit is None else f"{_shown(self.limit)} {self.unit}",
            "" if self.limit is None else f"{self.measured:.2f}",
            "" if self.wanted is None else f"{sign} {_shown(self.wanted)} {self.verdict}",
            self.note,
        ]


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table."""
    head = ["measurement", "ours", "limit", "ratio", "wanted", "note"]
    rows = [head, ["---"] * len(head), *(result.cells() for result in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def paired(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Of several (ours, limit) rounds the one with the median ratio, so that a neighbour's load cannot decide."""
    middle = statistics.median_low([ours / limit for ours, limit in pairs])
    return next(pair for pair in pairs if pair[0] / pair[1] == middle)
