"""What the device floor needs from the floors above, as ports they fill at start-up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from devices.events import PileRef


@dataclass(frozen=True, slots=True)
class WireTariff:
    """A tariff as a pile that prices itself can hold it.

    Attributes:
        model_no: four digits by which the pile knows it.
        fields: the body of YKC frame 0A/58 without `pile_code`.
        held: the pile has confirmed it before, as after every lost link.
    """

    model_no: str
    fields: Mapping[str, Any]
    held: bool = False


class TariffPort(Protocol):
    def current(self, pile: PileRef) -> WireTariff | None:
        """The tariff in force for this pile, or None when it has none (or one that it cannot hold)."""

    def confirm(self, pile: PileRef, model_no: str) -> None:
        """The pile holds this tariff now."""


class _NoTariffs:
    def current(self, pile: PileRef) -> WireTariff | None:
        return None

    def confirm(self, pile: PileRef, model_no: str) -> None:
        return None


_tariffs: TariffPort = _NoTariffs()


def register_tariff_port(port: TariffPort) -> None:
    global _tariffs
    _tariffs = port


def tariffs() -> TariffPort:
    return _tariffs


_open_charge: Callable[[int], bool] | None = None


def register_open_charge(has_one: Callable[[int], bool]) -> None:
    """Set who knows whether a pile (by its id) has a charge that is not over."""
    global _open_charge
    _open_charge = has_one


def has_open_charge(pile_id: int) -> bool:
    """Whether the floors above know of a charge at this pile that is not over."""
    return _open_charge is not None and _open_charge(pile_id)
