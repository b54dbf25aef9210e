"""Compare a business day with the bills of the payment channels; exit code 1 while a difference is open."""

from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser

from billing.models import Difference
from billing.services.reconciliation.reconcile import channels_of, reconcile_day
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand


def day_of(text: str) -> date:
    """A day of the command line; raises `Refused`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("invalid", f"{text} is not a date such as 2026-11-20") from None


class Command(ServiceCommand):
    help = "Fetch the payment channels' bills of a day and compare them with the books."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--day", required=True, metavar="DATE", help="the business day, such as 2026-11-20"
        )
        parser.add_argument("--channel", choices=("wechat", "alipay"), help="one channel only")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        day = day_of(options["day"])
        channels = [options["channel"]] if options["channel"] else channels_of(day)
        results = [reconcile_day(actor=actor, day=day, channel=channel) for channel in channels]
        rows = Difference.objects.filter(day=day, state=Difference.State.OPEN, channel__in=channels)
        self.open = sum(one.open for one in results)
        return {
            "day": day.isoformat(),
            "ok": not self.open,
            "channels": [
                {
                    "channel": one.channel,
                    "payments": one.payments,
                    "refunds": one.refunds,
                    "open": one.open,
                    "booked": one.booked,
                }
                for one in results
            ],
            "differences": list(
                rows.values(
                    "channel", "kind", "subject", "number", "theirs_fen", "ours_fen", "theirs", "ours"
                )
            ),
        }

    def line(self, result: dict[str, Any]) -> str:
        lines = [
            f"{one['channel']} {one['kind']}: {one['subject']} {one['number']} "
            f"(channel {one['theirs_fen']} {one['theirs']}, here {one['ours_fen']} {one['ours']})"
            for one in result["differences"]
        ]
        lines += [
            f"{one['channel']} {result['day']}: {one['payments']} payments, {one['refunds']} refunds, "
            f"{len(one['booked'])} booked, {one['open']} open differences"
            for one in result["channels"]
        ]
        return "\n".join(lines) or f"{result['day']}: no payment channel is on"

    def handle(self, *args: Any, **options: Any) -> None:
        self.open = 0
        super().handle(*args, **options)
        if self.open:
            raise CommandError(f"{self.open} differences are open", returncode=1)
