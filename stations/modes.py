"""Which way to start is allowed where: the mode matrix as data, with the table it begins as. No Django in here.

A cell is (edition, current, mode, method). Platform staff may turn single cells over; `ALLOWED` is what holds for
a cell nobody touched. A combination that the table does not name, a direct-current pile without a network, is
never allowed.
"""

from enum import StrEnum
from typing import NamedTuple


class Edition(StrEnum):
    """Whether a pile has a network at all."""

    NETWORK = "network"
    OFFLINE = "offline"


class Current(StrEnum):
    DC = "dc"
    AC = "ac"


class Mode(StrEnum):
    """How a session is paid: by the platform while it runs, by its record afterwards, or not at all."""

    ONLINE_PAID = "online_paid"
    OFFLINE_BILLED = "offline_billed"
    OFFLINE_FREE = "offline_free"


class Method(StrEnum):
    CARD = "card"
    SCAN = "scan"
    PLUG = "plug"
    VIN = "vin"


class Cell(NamedTuple):
    edition: Edition
    current: Current
    mode: Mode
    method: Method


ROWS: tuple[tuple[Edition, Current, Mode], ...] = tuple(
    (edition, current, mode)
    for edition, current in (
        (Edition.NETWORK, Current.DC),
        (Edition.NETWORK, Current.AC),
        (Edition.OFFLINE, Current.AC),
    )
    for mode in Mode
)
CELLS: tuple[Cell, ...] = tuple(Cell(*row, method) for row in ROWS for method in Method)

ALLOWED: frozenset[Cell] = frozenset(
    Cell(edition, current, mode, method)
    for edition, current, mode, methods in (
        (Edition.NETWORK, Current.DC, Mode.ONLINE_PAID, (Method.CARD, Method.SCAN, Method.VIN)),
        (Edition.NETWORK, Current.DC, Mode.OFFLINE_FREE, (Method.CARD, Method.VIN)),
        (Edition.NETWORK, Current.AC, Mode.ONLINE_PAID, (Method.CARD, Method.SCAN)),
        (Edition.NETWORK, Current.AC, Mode.OFFLINE_BILLED, (Method.CARD,)),
        (Edition.NETWORK, Current.AC, Mode.OFFLINE_FREE, (Method.CARD, Method.PLUG)),
        (Edition.OFFLINE, Current.AC, Mode.OFFLINE_BILLED, (Method.CARD,)),
        (Edition.OFFLINE, Current.AC, Mode.OFFLINE_FREE, (Method.CARD, Method.PLUG)),
    )
    for method in methods
)


def mode_in_effect(edition: str, mode: str, *, linked: bool) -> Mode:
    """How a session beginning now is paid: a network pile without its link cannot be paid online."""
    if edition == Edition.NETWORK and mode == Mode.ONLINE_PAID and not linked:
        return Mode.OFFLINE_BILLED
    return Mode(mode)
