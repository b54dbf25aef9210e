"""Every DNY command we know, by direction: the same command byte carries a question and its answer.

Sources: AP3000 device protocol V8.6 and its host protocol V2.9.
"""

from __future__ import annotations

from ..layout import Layout
from . import access, charging, firmware, maintenance


def _collect(direction: str) -> dict[int, Layout]:
    table: dict[int, Layout] = {}
    for family in (access, charging, maintenance, firmware):
        for layout in getattr(family, direction):
            if layout.command in table:
                raise ValueError(f"command {layout.command:02X} is declared twice")
            table[layout.command] = layout
    return dict(sorted(table.items()))


FROM_DEVICE: dict[int, Layout] = _collect("FROM_DEVICE")
TO_DEVICE: dict[int, Layout] = _collect("TO_DEVICE")
