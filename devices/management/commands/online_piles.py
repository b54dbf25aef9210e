"""List the piles that are online."""

from typing import Any

from django.core.management.base import CommandParser

from kernel.actor import Actor
from kernel.commands import ServiceCommand
from stations.models import Pile
from stations.selectors import station_get


class Command(ServiceCommand):
    help = "List the piles that are online, with the states of their connectors."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--station", help="code of a station")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        rows = Pile.objects.for_actor(actor).filter(online=True)
        if options["station"]:
            rows = rows.filter(station=station_get(actor=actor, code=options["station"]))
        piles = [
            {
                "code": pile.code,
                "protocol": pile.protocol,
                "station": pile.station.code,
                "online_since": pile.online_changed_at and pile.online_changed_at.isoformat(),
                "last_seen_at": pile.last_seen_at and pile.last_seen_at.isoformat(),
                "connectors": [
                    {"code": one.code, "state": one.state, "plugged": one.plugged}
                    for one in pile.connectors.all()
                ],
            }
            for pile in rows.select_related("station").prefetch_related("connectors").order_by("code")
        ]
        return {"count": len(piles), "piles": piles}

    def line(self, result: dict[str, Any]) -> str:
        lines = [f"{result['count']} online"]
        for pile in result["piles"]:
            states = " ".join(f"{one['code'][-2:]}={one['state']}" for one in pile["connectors"])
            lines.append(f"{pile['code']}  {pile['protocol']}  {pile['station']}  {states}")
        return "\n".join(lines)
