"""What tests of the listener ask of the platform."""

from devices.services import commands
from kernel.actor import system
from stations.models import Connector, Pile

ORDER = "00000000000026112012000012345678"
OFFLINE_ORDER = "20190901180000130030380102030405"


def connector(pile, number: int = 1) -> Connector:
    return Connector.objects.get(pile=pile, number=number)


def send_start(pile, number: int = 1, **params):
    return commands.send_command(
        actor=system("test"),
        pile=Pile.objects.get(pk=pile.pk),
        kind="start",
        connector_no=number,
        params={"order_no": ORDER.lstrip("0"), "balance_fen": 500, **params},
        reference=ORDER.lstrip("0"),
        timeout_s=90,
    )


def state_of(command) -> str:
    return commands.DeviceCommand.objects.get(pk=command.pk).state
