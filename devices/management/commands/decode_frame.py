"""Decode a logged frame again, without the database."""

from typing import Any

from django.core.management.base import CommandParser

from devices.protocols.offline import PROTOCOLS, Undecodable, decode_logged
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand


class Command(ServiceCommand):
    help = "Decode one frame: hexadecimal for YKC and DNY, the JSON text for OCPP."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--protocol", required=True, choices=PROTOCOLS)
        parser.add_argument("--to-pile", action="store_true", help="the frame went to the pile")
        parser.add_argument("frame", help="the frame")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        try:
            return decode_logged(options["protocol"], options["frame"], to_pile=options["to_pile"])
        except Undecodable as error:
            raise Refused("frame_undecodable", str(error)) from None

    def line(self, result: dict[str, Any]) -> str:
        fields = result["fields"]
        pairs = fields.items() if isinstance(fields, dict) else enumerate(fields)
        return "\n".join([result["name"], *(f"  {key} = {value}" for key, value in pairs)])
