"""Every YKC frame body we know, one table per message family.

Versions 1.5 and 1.6, the record 0x3D of 1.7 and the QR-code prefix F0/F1 that came later.
"""

from __future__ import annotations

from ..layout import Layout
from . import access, bms, cards, maintenance, realtime, records, session, settings, tariff


def _collect() -> dict[int, Layout]:
    table: dict[int, Layout] = {}
    for family in (access, tariff, realtime, bms, session, records, cards, settings, maintenance):
        for layout in family.LAYOUTS:
            if layout.type in table:
                raise ValueError(f"frame type {layout.type:02X} is declared twice")
            table[layout.type] = layout
    return dict(sorted(table.items()))


LAYOUTS: dict[int, Layout] = _collect()
