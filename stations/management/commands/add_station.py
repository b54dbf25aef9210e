"""Create a station from the command line."""

from typing import Any

from django.core.management.base import CommandParser

from kernel.actor import Actor
from kernel.commands import ServiceCommand
from stations.services import stations
from users.selectors import operator_get


class Command(ServiceCommand):
    help = "Create a station of an operator."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument("--code", required=True, help="1 to 32 letters, digits, - and _")
        parser.add_argument("--name", required=True)
        parser.add_argument("--address", default="")
        parser.add_argument("--lng", help="longitude, GCJ-02 degrees")
        parser.add_argument("--lat", help="latitude, GCJ-02 degrees")
        parser.add_argument("--region", default="", help="GB/T 2260 code, six digits")
        parser.add_argument("--time-zone", default="Asia/Shanghai")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        station = stations.create_station(
            actor=actor,
            operator=operator_get(actor=actor, code=options["operator"]),
            code=options["code"],
            name=options["name"],
            address=options["address"],
            longitude=options["lng"],
            latitude=options["lat"],
            region_code=options["region"],
            time_zone=options["time_zone"],
        )
        return {
            "id": station.pk,
            "code": station.code,
            "name": station.name,
            "operator": station.operator.code,
        }

    def line(self, result: dict[str, Any]) -> str:
        return f"Station {result['code']} ({result['name']}) of {result['operator']} created."
