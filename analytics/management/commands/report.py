"""A report on the terminal or as JSON; the same figures as in the console."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from analytics import reports
from kernel.actor import system
from kernel.errors import DomainError


class Command(BaseCommand):
    help = "Print a report: --by platform|operator|station|pile|driver|channel --grain hour|day|month|total."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", default="station", help=", ".join(reports.DIMENSIONS))
        parser.add_argument("--grain", default="day", help=", ".join(reports.GRAINS))
        parser.add_argument("--from", dest="first", default="", help="first local day, 2026-01-31")
        parser.add_argument("--to", dest="last", default="", help="last local day, included")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(self, **options: Any) -> None:
        asked = {"dimension": options["by"], "grain": options["grain"], **options}
        try:
            report = reports.read(actor=system("report"), query=reports.parse(asked))
        except DomainError as error:
            raise CommandError(error.message) from None
        lines = [{"time": moment, "what": label, **values} for moment, label, values in report.lines]
        if options["json"]:
            answer = {
                **report.query.to_json(),
                "lines": lines,
                "totals": report.totals,
                "ledger_fen": report.ledger_fen,
                "agrees": report.agrees,
                "more": report.more,
            }
            self.stdout.write(json.dumps(answer, cls=DjangoJSONEncoder, ensure_ascii=False))
            return
        for line in [*lines, {"what": "Σ", **report.totals}]:
            self.stdout.write(
                "  ".join(f"{name}={value}" for name, value in line.items() if value not in (None, 0))
            )
        if report.agrees is False:
            raise CommandError(f"the ledger says {report.ledger_fen} fen")
