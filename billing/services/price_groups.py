"""Which price groups a driver belongs to: asked here, answered by whoever keeps the drivers' tags.

Until somebody registers, nobody is in any group, and everybody pays everybody's price.
"""

from collections.abc import Callable, Sequence

from users.models import Driver

Provider = Callable[[Driver, int], Sequence[str]]
_provider: Provider | None = None


def register_price_groups(provider: Provider) -> None:
    """Let `provider(driver, operator_id)` answer with the driver's groups at an operator, the strongest first."""
    global _provider
    _provider = provider


def price_groups_of(driver: Driver | None, operator_id: int) -> tuple[str, ...]:
    """The driver's price groups at an operator, the strongest first; empty for none."""
    if driver is None or _provider is None:
        return ()
    return tuple(group for group in _provider(driver, operator_id) if group)
