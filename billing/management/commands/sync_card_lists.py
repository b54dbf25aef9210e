"""Send piles the cards they should accept without the platform, and say what became of each."""

from typing import Any

from django.core.management.base import CommandParser

from billing.services import card_lists
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand
from stations.models import Pile


class Command(ServiceCommand):
    help = "Send the piles of a station, or one pile, their lists of offline cards; --check only compares."

    def add_options(self, parser: CommandParser) -> None:
        place = parser.add_mutually_exclusive_group(required=True)
        place.add_argument("--station", metavar="CODE")
        place.add_argument("--pile", metavar="CODE")
        parser.add_argument(
            "--check", action="store_true", help="say which piles are out of step, send nothing"
        )

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        piles = Pile.objects.for_actor(actor).select_related("station").order_by("code")
        if options["station"]:
            piles = piles.filter(station__code=options["station"])
        else:
            piles = piles.filter(code=options["pile"])
        piles = list(piles)
        if not piles:
            raise Refused("not_found", "there is no such station or pile, or it has no piles")
        if options["check"]:
            rows = [
                {
                    "pile": pile.code,
                    "cards": len(card_lists.wanted_at(pile)),
                    "in_step": card_lists.is_in_step(pile),
                }
                for pile in piles
            ]
            return {"piles": rows}
        results = card_lists.sync_piles(actor=actor, piles=piles, reason="command line")
        rows = [{"pile": one.pile.code, "sent": one.sent, "refusal": one.words} for one in results]
        return {"piles": rows}

    def line(self, result: dict[str, Any]) -> str:
        return "\n".join(
            " ".join(f"{name}={value}" for name, value in row.items() if value != "")
            for row in result["piles"]
        )
