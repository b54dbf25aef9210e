"""The only places of this app that lock rows, always campaign, pile, connector, command.

The locks leave the keys alone (`FOR NO KEY UPDATE`), so that a row which only points at a locked one can be
inserted meanwhile; with full locks two transactions that insert and lock in different order would deadlock.
"""

from collections.abc import Iterable

from devices.models import DeviceCommand, FirmwareCampaign
from stations.models import Connector, Pile


def lock_pile(pile_id: int) -> Pile:
    """Lock one pile; everything a pile does to shared state is serialised on its row."""
    return Pile.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True).get(pk=pile_id)


def lock_piles(pile_ids: Iterable[int]) -> None:
    """Lock several piles, always in the same order."""
    rows = Pile.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    list(rows.filter(pk__in=set(pile_ids)).order_by("pk").values_list("pk", flat=True))


def locked_piles(pile_ids: Iterable[int]) -> dict[int, Pile]:
    """Lock several piles, always in the same order; {id: pile with its model}."""
    rows = Pile.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    found = rows.select_related("model").defer("findings").filter(pk__in=set(pile_ids)).order_by("pk")
    return {pile.pk: pile for pile in found}


def lock_connector(pile_id: int, number: int) -> Connector | None:
    rows = Connector.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.filter(pile_id=pile_id, number=number).first()


def lock_command(command_id: int) -> DeviceCommand | None:
    rows = DeviceCommand.objects.unscoped("row lock").select_for_update(of=("self",), no_key=True)
    return rows.filter(pk=command_id).first()


def lock_campaign(campaign_id: int) -> FirmwareCampaign:
    rows = FirmwareCampaign.objects.unscoped("row lock").select_related("firmware__model")
    return rows.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
