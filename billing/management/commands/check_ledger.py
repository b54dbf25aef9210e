"""Count the ledger again and say what does not fit; exit code 1 when anything does not."""

import json

from django.core.management.base import BaseCommand, CommandError

from billing.services import checks, finance_checks, invoice_checks, payment_checks


class Command(BaseCommand):
    help = "Check the ledger against what was stored; changes nothing."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="one JSON line instead of sentences")

    def handle(self, *args, **options):
        problems = [
            *checks.ledger_problems(),
            *payment_checks.payment_problems(),
            *finance_checks.finance_problems(),
            *invoice_checks.invoice_problems(),
        ]
        if options["json"]:
            rows = [{"code": p.code, "subject": p.subject, **p.data} for p in problems]
            self.stdout.write(json.dumps({"ok": not problems, "problems": rows}, default=str))
        else:
            for problem in problems:
                figures = ", ".join(f"{name}={value}" for name, value in problem.data.items())
                self.stdout.write(f"{problem.code}: {problem.subject} ({figures})")
        if problems:
            raise CommandError(f"{len(problems)} problems")
        if not options["json"]:
            self.stdout.write("OK")
