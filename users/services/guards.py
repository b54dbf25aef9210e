"""What has to hold before somebody or something leaves, and what is done then by the floors that know the money.

A guard raises a `DomainError` when the step is not possible now. It runs inside the step's transaction and may
take locks, so that what it saw stays true until the commit. What a floor registered to be done with the step runs
after every guard has let it pass, in the same transaction.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from kernel.actor import Actor

CANCEL_DRIVER = "cancel_driver"
UNBIND_CARD = "unbind_card"
RETURN_CARD = "return_card"
REMOVE_VEHICLE = "remove_vehicle"

_GUARDS: dict[str, list[Callable[[Any], None]]] = defaultdict(list)
_WITH_STEP: dict[str, list[Callable[[Any, Actor, str], None]]] = defaultdict(list)


def register_guard(step: str, guard: Callable[[Any], None]) -> None:
    """Register what is asked before `step`; once, however often it is called."""
    if guard not in _GUARDS[step]:
        _GUARDS[step].append(guard)


def register_with_step(step: str, work: Callable[[Any, Actor, str], None]) -> None:
    """Register what is done with `step`, as `work(row, actor, reason)`; once, however often it is called."""
    if work not in _WITH_STEP[step]:
        _WITH_STEP[step].append(work)


def ask(step: str, row: Any) -> None:
    """Raise what stands against `step` on this row."""
    for guard in _GUARDS[step]:
        guard(row)


def carry_out(step: str, row: Any, actor: Actor, reason: str) -> None:
    """Do what belongs to `step`, once `ask` has let it pass."""
    for work in _WITH_STEP[step]:
        work(row, actor, reason)
