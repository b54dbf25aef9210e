"""Close a business day; refused while a bill is missing or a difference is open."""

from typing import Any

from django.core.management.base import CommandParser

from billing.management.commands.reconcile import day_of
from billing.services.reconciliation.day_close import close_day
from kernel.actor import Actor
from kernel.commands import ServiceCommand


class Command(ServiceCommand):
    help = "Close a business day: no difference may be open; the channels' fees are booked and the day is locked."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--day", required=True, metavar="DATE", help="the business day, such as 2026-11-20"
        )

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        closed = close_day(actor=actor, day=day_of(options["day"]))
        return {"day": closed.day.isoformat(), "state": closed.state, "figures": closed.figures}

    def line(self, result: dict[str, Any]) -> str:
        lines = [f"{result['day']} is closed"]
        lines += [
            f"{channel}: paid {row['payments_fen']} fen, refunded {row['refunds_fen']} fen, fees {row['fees_fen']} fen"
            for channel, row in result["figures"].items()
        ]
        return "\n".join(lines)
