"""State machines as tables: one transition table per machine, one function that applies it."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel.errors import DomainError


@dataclass(frozen=True)
class StateMachine:
    """A named table `{(state, event): next state}`.

    `next_state` raises `DomainError("illegal_transition")` for a move that the table does not hold.
    """

    name: str
    table: Mapping[tuple[str, str], str]

    def next_state(self, state: str, event: str) -> str:
        try:
            return self.table[(state, event)]
        except KeyError:
            raise DomainError(
                "illegal_transition", {"what": self.name, "state": state, "event": event}
            ) from None

    def allows(self, state: str, event: str) -> bool:
        return (state, event) in self.table

    @property
    def states(self) -> frozenset[str]:
        return frozenset(s for s, _ in self.table) | frozenset(self.table.values())

    @property
    def events(self) -> frozenset[str]:
        return frozenset(e for _, e in self.table)

    def mermaid(self) -> str:
        """The machine as a Mermaid state diagram, for the docs."""
        lines = ["stateDiagram-v2"]
        lines += [f"    {state} --> {target}: {event}" for (state, event), target in self.table.items()]
        return "\n".join(lines)
