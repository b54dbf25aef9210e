"""Compute bills again from stored evidence; exit code 1 when a single one differs."""

import json
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from billing.services.repricing import reprice
from kernel.actor import Actor
from kernel.commands import Refused, ServiceCommand


def _midnight(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused("invalid", f"{text} is not a date such as 2026-11-20") from None
    return datetime.combine(day, time(), ZoneInfo(settings.TIME_ZONE))


class Command(ServiceCommand):
    help = "Compute settled bills again from stored evidence and frozen tariffs; changes nothing."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("order", nargs="*", metavar="NO", help="order numbers (default: all that follow)")
        parser.add_argument("--operator", metavar="CODE", help="only this operator's")
        parser.add_argument("--from", dest="since", metavar="DATE", help="settled on this day or later")
        parser.add_argument("--to", dest="until", metavar="DATE", help="settled on this day or earlier")
        parser.add_argument("--most", type=int, default=1_000, help="list at most so many differences")

    def run(self, actor: Actor, options: dict[str, Any]) -> dict[str, Any]:
        until = _midnight(options["until"])
        done = reprice(
            actor=actor,
            order_nos=options["order"],
            operator_code=options["operator"],
            since=_midnight(options["since"]),
            until=None if until is None else until + timedelta(days=1),
            most=options["most"],
        )
        self.differs = bool(done.differences)
        return {
            "ok": not self.differs,
            "orders": done.orders,
            "fees": done.fees,
            "total_fen": done.total_fen,
            "differences": [difference.to_json() for difference in done.differences],
        }

    def line(self, result: dict[str, Any]) -> str:
        lines = [
            f"{row['order_no']} {row['what']}: stored {json.dumps(row['stored'])}, computed {json.dumps(row['computed'])}"
            for row in result["differences"]
        ]
        lines.append(
            f"{result['orders']} orders and {result['fees']} fees, {result['total_fen']} fen: "
            f"{len(result['differences']) or 'no'} differences"
        )
        return "\n".join(lines)

    def handle(self, *args: Any, **options: Any) -> None:
        self.differs = False
        super().handle(*args, **options)
        if self.differs:
            raise CommandError("bills differ from their recomputation", returncode=1)
