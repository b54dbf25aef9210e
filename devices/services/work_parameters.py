"""The two settings that some piles take only together: locked or not, and the power they may give."""

from dataclasses import dataclass
from decimal import Decimal

from devices.models import DeviceCommand
from stations.models import Pile

LOWEST_PCT, HIGHEST_PCT = 30, 100  # YKC V1.6 §6.9


@dataclass(frozen=True, slots=True)
class WorkParameters:
    """`power_pct` is of the pile's rated power."""

    locked: bool
    power_pct: int


def work_parameters(pile_id: int) -> WorkParameters:
    """What a pile should have now: its lock from the platform's rule, its power from the last limit sent to it."""
    pile = Pile.objects.unscoped("the gateway holds this pile's socket").get(pk=pile_id)
    limits = DeviceCommand.objects.filter(
        pile_id=pile_id,
        kind=DeviceCommand.Kind.SET_POWER_LIMIT,
        state__in=(DeviceCommand.State.SENT, DeviceCommand.State.ACCEPTED),
    )
    limit = limits.order_by("-pk").first()
    power_pct = power_pct_of(limit.params, pile.rated_power_kw) if limit else HIGHEST_PCT
    return WorkParameters(locked=not pile.in_service, power_pct=power_pct)


def power_pct_of(params: dict, rated_power_kw: Decimal) -> int:
    """The percentage a limit means: `power_pct` as it is, `limit_kw` rounded down, neither lifts the limit.

    Never below what piles take.
    """
    if params.get("power_pct") is not None:
        percent = int(params["power_pct"])
    elif params.get("limit_kw") is not None:
        percent = int(Decimal(str(params["limit_kw"])) * 100 / rated_power_kw)
    else:
        percent = HIGHEST_PCT
    return min(HIGHEST_PCT, max(LOWEST_PCT, percent))
