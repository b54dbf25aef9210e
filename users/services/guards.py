"""What has to hold before somebody or something leaves: asked here, answered by the floors that know the money.

A guard raises a `DomainError` when the step is not possible now. It runs inside the step's transaction and may
take locks, so that what it saw stays true until the commit.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

CANCEL_DRIVER = "cancel_driver"
UNBIND_CARD = "unbind_card"
RETURN_CARD = "return_card"
REMOVE_VEHICLE = "remove_vehicle"

_GUARDS: dict[str, list[Callable[[Any], None]]] = defaultdict(list)


def register_guard(step: str, guard: Callable[[Any], None]) -> None:
    """Register what is asked before `step`; once, however often it is called."""
    if guard not in _GUARDS[step]:
        _GUARDS[step].append(guard)


def ask(step: str, row: Any) -> None:
    """Raise what stands against `step` on this row."""
    for guard in _GUARDS[step]:
        guard(row)
