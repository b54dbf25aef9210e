"""The one error of the pricing core, so that callers can translate it without knowing which rule failed."""

from __future__ import annotations

from collections.abc import Mapping


class PricingError(ValueError):
    """Input that cannot be priced.

    `code` is stable and has its sentence in `words.py`; `params` are plain strings and integers that
    fill the sentence.
    """

    def __init__(self, code: str, params: Mapping[str, str | int] | None = None) -> None:
        self.code = code
        self.params: dict[str, str | int] = dict(params or {})
        super().__init__(f"{code} {self.params}" if self.params else code)
