"""What a plausibility check found, in a shape that an order can store and a screen can show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

REVIEW = "review"
NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: a stable `code` (its sentence is in `words.py`), `params` that fill it, a severity.

    `review` keeps the order from being settled until a person has looked; `note` is only recorded.
    """

    code: str
    severity: str = REVIEW
    params: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-safe dict."""
        return {"code": self.code, "severity": self.severity, "params": dict(self.params)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """Return the finding that `to_json` wrote."""
        return cls(code=data["code"], severity=data["severity"], params=dict(data["params"]))


def needs_review(findings: Iterable[Finding]) -> bool:
    """Return whether any finding keeps the order from being settled by itself."""
    return any(finding.severity == REVIEW for finding in findings)
