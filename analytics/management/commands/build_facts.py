"""Builds the facts of a span of days anew, with progress."""

import json
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from analytics.services import facts
from kernel import clock


class Command(BaseCommand):
    help = "Build the roll-ups behind the reports anew, from --from to --to (local days, both included)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from", dest="first", type=_day, help="first day; the oldest in the ledger by default"
        )
        parser.add_argument("--to", dest="last", type=_day, help="last day; today by default")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text")

    def handle(self, **options: Any) -> None:
        today = timezone.localdate(clock.now())
        last = options["last"] or today
        if options["first"]:
            start = _midnight(options["first"])
        else:
            start = facts.first_hour() or _midnight(today)
        end = _midnight(last + timedelta(days=1))
        if start >= end:
            raise CommandError(f"--from is after --to ({last})")
        hours, rows = int((end - start).total_seconds() // 3600), 0
        for number, (hour, built) in enumerate(facts.build_span(start, end), 1):
            rows += built
            if not options["json"] and (number % 240 == 0 or number == hours):
                self.stdout.write(
                    f"{number}/{hours} hours ({timezone.localtime(hour):%Y-%m-%d}), {rows} rows"
                )
        if options["json"]:
            self.stdout.write(json.dumps({"hours": hours, "rows": rows}))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text!r} is not a day such as 2026-01-31") from None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
