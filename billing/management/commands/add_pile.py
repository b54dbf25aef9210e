"""Register a pile from the command line. On this floor because it may assign a tariff in the same step."""

from decimal import Decimal
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from billing.models import Tariff
from billing.services import tariff_assignments
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand, decimal
from stations.models import Pile
from stations.selectors import station_get
from stations.services import piles


class Command(ServiceCommand):
    help = "Register a pile with its connectors."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--station", required=True, help="code of the station")
        parser.add_argument("--protocol", required=True, choices=Pile.Protocol.values)
        parser.add_argument(
            "--code",
            required=True,
            help="ykc: 14 digits; dny: 8 hex digits; ocpp16, ocpp201: 1 to 32 of A-Za-z0-9_.-",
        )
        parser.add_argument("--password", help="ocpp16, ocpp201: 16 to 64 characters (HTTP Basic)")
        parser.add_argument(
            "--security-profile",
            type=int,
            choices=Pile.SecurityProfile.values,
            default=Pile.SecurityProfile.PASSWORD.value,
            help="what the pile has to prove at least: 1 a password, 2 TLS too, 3 its own certificate; "
            "0 nothing, which production does not take",
        )
        parser.add_argument("--connectors", type=int, default=1)
        parser.add_argument("--power-kw", type=decimal, default=Decimal(60), help="rated power in kW")
        parser.add_argument("--name", default="")
        parser.add_argument("--tariff", help="name of a tariff for this pile alone; default is the station's")

    @transaction.atomic
    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        station = station_get(actor=actor, code=options["station"])
        pile = piles.add_pile(
            actor=actor,
            station=station,
            code=options["code"],
            protocol=options["protocol"],
            connectors=options["connectors"],
            password=options["password"],
            name=options["name"],
            rated_power_kw=options["power_kw"],
            archive={"security_profile": options["security_profile"]},
        )
        if options["tariff"]:
            rows = Tariff.objects.for_actor(actor).filter(operator=station.operator, name=options["tariff"])
            if (tariff := rows.first()) is None:
                raise Refused("tariff_unknown", f"{station.operator.code} has no tariff {options['tariff']}.")
            tariff_assignments.assign_tariff(actor=actor, tariff=tariff, station=station, pile=pile)
        return {
            "id": pile.pk,
            "code": pile.code,
            "protocol": pile.protocol,
            "printed_number": pile.printed_number,
            "station": station.code,
            "connectors": [one.code for one in pile.connectors.order_by("number")],
        }

    def line(self, result: dict[str, Any]) -> str:
        return (
            f"Pile {result['code']} ({result['protocol']}) at {result['station']}; "
            f"connectors {', '.join(result['connectors'])}."
        )
