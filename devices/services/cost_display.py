"""Which piles show what a charge costs so far, by what they said of themselves.

OCPP 2.0.1 part 2, appendix 3, TariffCostCtrlr: `Available[Cost]` says that a station can, `Enabled[Cost]` that it does.
A pile that never told its variables is not asked.
"""

from collections.abc import Collection

from devices.models import DeviceCommand, DeviceVariable
from devices.models.command import OPEN_COMMAND_STATES
from devices.protocols.capabilities import supports
from stations.models import Pile

ENABLED, AVAILABLE = "TariffCostCtrlr.Enabled[Cost]", "TariffCostCtrlr.Available[Cost]"
PROTOCOLS = tuple(one for one in Pile.Protocol.values if supports(one, DeviceCommand.Kind.SHOW_COST))


def piles_that_show_cost(pile_ids: Collection[int]) -> set[int]:
    """Those of some piles that say they show costs, and have no command waiting that this would hold up."""
    told: dict[int, dict[str, bool]] = {}
    variables = DeviceVariable.objects.unscoped("what piles said of themselves").filter(
        pile_id__in=pile_ids, path__in=(ENABLED, AVAILABLE), attribute="Actual"
    )
    for pile_id, path, value in variables.values_list("pile_id", "path", "value"):
        told.setdefault(pile_id, {})[path] = value.strip().lower() == "true"
    shows = {pile_id for pile_id, said in told.items() if said.get(ENABLED, said.get(AVAILABLE))}
    busy = DeviceCommand.objects.unscoped("commands that wait").filter(
        pile_id__in=shows, state__in=OPEN_COMMAND_STATES
    )
    return shows - set(busy.values_list("pile_id", flat=True))
