"""Counting everything again, once a night: what does not fit becomes a row that stays until it is gone."""

import json
import logging
import time
from datetime import timedelta
from itertools import chain

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction

from billing import business_day
from billing.models import CheckFinding, CheckRun
from billing.services import checks, finance_checks, invoice_checks, payment_checks
from billing.services.checks import Problem
from kernel import clock
from kernel.live import broadcast

logger = logging.getLogger(__name__)
HOUR = 3  # Beijing: after the last orders of the day, before the bills of the channels
RECENT_DAYS = 2
MOST_FINDINGS = 1_000


def run_if_due() -> CheckRun | None:
    """Run the night's check once; None before its hour and when it ran already (here or in another process)."""
    now = clock.now().astimezone(business_day.ZONE)
    if now.hour < HOUR:
        return None
    day = now.date() - timedelta(days=1)
    try:
        with transaction.atomic():
            run = CheckRun.objects.create(day=day, started_at=clock.now())
    except IntegrityError:
        return None
    return run_checks(run)


def run_checks(run: CheckRun) -> CheckRun:
    """Check the ledger, payments, clearing, payouts, closed days, invoices and the last days' orders."""
    began = time.monotonic()
    problems = list(
        chain(
            checks.ledger_problems(),
            payment_checks.payment_problems(),
            finance_checks.finance_problems(),
            invoice_checks.invoice_problems(),
            checks.order_problems(RECENT_DAYS),
        )
    )
    with transaction.atomic():
        keep(problems)
        run.finished_at, run.problems = clock.now(), len(problems)
        run.save(update_fields=["finished_at", "problems"])
    logger.info("books checked in %.1f s: %s problems", time.monotonic() - began, len(problems))
    if problems:
        logger.error(
            "the books do not fit: %s", ", ".join(f"{one.code} {one.subject}" for one in problems[:20])
        )
        broadcast("board.platform", "board.dirty")
    return run


def keep(problems: list[Problem]) -> None:
    """Open what is new, note again what is still there, and end what is gone."""
    now = clock.now()
    known = {(row.code, row.subject): row for row in CheckFinding.objects.filter(gone_at=None)}
    for problem in problems[:MOST_FINDINGS]:
        key = (problem.code[:64], problem.subject[:128])
        data = json.loads(json.dumps(problem.data, cls=DjangoJSONEncoder))
        row = known.pop(key, None)
        if row is None:
            row = CheckFinding(code=key[0], subject=key[1], first_seen_at=now)
        row.data, row.last_seen_at = data, now
        row.save()
    if len(problems) <= MOST_FINDINGS:
        CheckFinding.objects.filter(pk__in=[row.pk for row in known.values()]).update(gone_at=now)
