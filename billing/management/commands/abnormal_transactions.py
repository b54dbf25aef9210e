"""List transactions that look strange: paid and not started, charging without power, many short sessions."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from billing.services.abnormal import abnormal_transactions
from kernel import clock
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand

MOST_HOURS = 31 * 24


class Command(ServiceCommand):
    help = "List abnormal transactions of the last hours; changes nothing."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--hours", type=int, default=24, help=f"1 to {MOST_HOURS}, default 24")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= options["hours"] <= MOST_HOURS:
            raise Refused("invalid_arguments", f"--hours {options['hours']}: 1 to {MOST_HOURS} are accepted")
        until = clock.now()
        found = abnormal_transactions(
            actor=actor, since=until - timedelta(hours=options["hours"]), until=until
        )
        return {"found": [{"code": one.code, "subject": one.subject, **one.data} for one in found]}

    def line(self, result: dict[str, Any]) -> str:
        lines = [", ".join(f"{name}={value}" for name, value in row.items()) for row in result["found"]]
        return "\n".join(lines) or "nothing abnormal"
