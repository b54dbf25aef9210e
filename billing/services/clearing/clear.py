"""Dividing income: once per journal, found by a sweep, balanced in the ledger.

Whatever put money on an operator's income accounts in the name of a source (`sources`: an order, a booking, a month
card) is divided: the first time by the rule that was in force then, later corrections and refunds in the proportions
of what was divided first.
"""

import logging
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet, Sum

from billing.business_day import day_of
from billing.models import Account, ChargingOrder, ClearingLine, ClearingRecord, ClearingRule, Entry, Journal
from billing.pricing import allocate
from billing.pricing.components import ELECTRICITY, SERVICE
from billing.services import ledger
from billing.services.clearing.payees import operator_payee
from billing.services.clearing.rules import rule_in_force
from billing.services.clearing.sources import (
    Source,
    brings_income,
    in_the_name_of_a_source,
    lock_source,
)
from billing.services.clearing.split import CHANNEL_FEE, COMMISSION, PLAIN, SHARE, Part, Terms, rescale, split
from kernel import clock
from kernel.actor import Actor

logger = logging.getLogger(__name__)
INCOME_PREFIX = "operator_"
DISCOUNTS, FURTHER_FEES = "discounts", "fees"
COVERS = ("month_cards", "free")
RECENT = timedelta(hours=3)


def income_kinds() -> list[str]:
    """Kinds of account that hold an operator's income until it is divided: `operator_<kind of fee>`."""
    return [kind for kind in Account.Kind.values if kind.startswith(INCOME_PREFIX)]


def income_of(journal: Journal) -> dict[str, int]:
    """Fen that a journal put on income accounts, by kind of fee."""
    entries = Entry.objects.unscoped("the income of one journal").filter(
        journal=journal, account__kind__in=income_kinds()
    )
    found: dict[str, int] = defaultdict(int)
    for kind, amount_fen in entries.values_list("account__kind", "amount_fen"):
        found[kind.removeprefix(INCOME_PREFIX)] += amount_fen
    return dict(found)


def discounts_by_fee(order: ChargingOrder, *, bearer: str | None = None) -> dict[str, int]:
    """Fen that an order's discounts took off, by kind of fee as the accounts name them; of one bearer, or of all."""
    found: dict[str, int] = defaultdict(int)
    for line in (order.bill or {}).get("discounts", ()):
        if bearer in (None, line["bearer"]):
            for fee, fen in line["by_fee"].items():
                found[fee if fee in (ELECTRICITY, SERVICE) else FURTHER_FEES] += fen
    return dict(found)


def covered_by_fee(order: ChargingOrder) -> dict[str, int]:
    """What a month card or the operator covers of an order's total, by kind of fee, in proportion."""
    if not order.covered_fen:
        return {}
    taken = discounts_by_fee(order)
    paid = {ELECTRICITY: order.electricity_fen, SERVICE: order.service_fen, FURTHER_FEES: order.fees_fen}
    net = {kind: max(fen - taken.get(kind, 0), 0) for kind, fen in paid.items()}
    return dict(zip(net, allocate(order.covered_fen, list(net.values())), strict=True))


def net_of(order: ChargingOrder, delta: dict[str, int]) -> dict[str, int]:
    """A journal's income with the operator's own discounts and gifts taken from the fees they were given on.

    A share of the service fee is a share of what was paid for the service, not of what stood on the list.
    """
    covered = {kind: fen for kind, fen in delta.items() if kind in COVERS}
    if covered:
        delta = {kind: fen for kind, fen in delta.items() if kind not in COVERS}
        for kind, fen in covered_by_fee(order).items():
            delta[kind] = delta.get(kind, 0) - fen
        delta = {kind: fen for kind, fen in delta.items() if fen}
    given = delta.get(DISCOUNTS, 0)
    taken = discounts_by_fee(order, bearer="operator")
    if not given or sum(taken.values()) != -given:
        return delta
    net = {kind: fen for kind, fen in delta.items() if kind != DISCOUNTS}
    for kind, fen in taken.items():
        net[kind] = net.get(kind, 0) - fen
    return {kind: fen for kind, fen in net.items() if fen}


def uncleared() -> QuerySet[Journal]:
    """Journals of sources with income that is not divided yet, oldest first."""
    rows = Journal.objects.filter(
        in_the_name_of_a_source(), clearing__isnull=True, entries__account__kind__in=income_kinds()
    )
    return rows.distinct().order_by("pk")


def clear_due(*, actor: Actor, everything: bool = False, limit: int = 2_000) -> int:
    """Divide what is not divided yet; returns how many journals. One fault stops no other.

    Looks at the last hours only, unless `everything`; safe to run twice and in two processes.
    """
    rows = uncleared()
    if not everything:
        rows = rows.filter(at__gte=clock.now() - RECENT)
    done = 0
    for journal_id in list(rows.values_list("pk", flat=True)[:limit]):
        try:
            done += clear_journal(actor=actor, journal_id=journal_id) is not None
        except Exception:
            logger.exception("journal %s could not be cleared", journal_id)
    return done


def clear_journal(*, actor: Actor, journal_id: int) -> ClearingRecord | None:
    """Divide one journal, under the lock of its source; None when it is divided already."""
    found = Journal.objects.get(pk=journal_id)
    with transaction.atomic():
        source = lock_source(found)
        if ClearingRecord.objects.unscoped("of this journal").filter(journal=found).exists():
            return None
        delta = income_of(found)
        owner = operator_payee(source.operator)
        of_source = ClearingRecord.objects.unscoped("of this source").filter(**source.of_record)
        earlier = of_source.order_by("pk").first()
        rule = (
            earlier.rule
            if earlier is not None
            else rule_in_force(operator_id=source.operator.pk, station_id=source.station_id, at=found.at)
        )
        record = ClearingRecord.objects.create(
            journal=found,
            operator=source.operator,
            station_id=source.station_id,
            pile_id=source.pile_id,
            rule=rule,
            kind=ClearingRecord.Kind.SETTLEMENT if brings_income(found) else ClearingRecord.Kind.CORRECTION,
            day=day_of(found.at),
            energy_kwh=source.energy_kwh if earlier is None else 0,
            gross_fen=sum(delta.values()),
            cleared_at=clock.now(),
            **source.of_record,
        )
        net = delta if source.order is None else net_of(source.order, delta)
        parts = _parts(source, rule, owner.pk, net)
        ClearingLine.objects.bulk_create(
            ClearingLine(
                record=record,
                fee_kind=part.fee_kind,
                role=part.role,
                payee_id=part.payee,
                amount_fen=part.amount_fen,
                day=record.day,
                operator_id=record.operator_id,
            )
            for part in parts
        )
        if any(
            delta.values()
        ):  # what a month card covers whole leaves no part to anybody, but is moved as well
            record.posting = _post(actor, source, found, delta, parts)
            record.save(update_fields=["posting"])
    return record


def _parts(source: Source, rule: ClearingRule | None, owner: int, delta: dict[str, int]) -> list[Part]:
    """What this journal adds to each party: what all of the source's income makes, less what is booked."""
    terms = Terms.from_json(rule.terms) if rule is not None else PLAIN
    if not source.by_channel:
        terms = replace(terms, channel_fee_bp=0)
    lines = _lines_of(source)
    booked: dict[tuple[str, str, int | None], int] = {
        (kind, role, payee): total
        for kind, role, payee, total in lines.values_list("fee_kind", "role", "payee_id")
        .annotate(total=Sum("amount_fen"))
        .order_by()
    }
    parts: list[Part] = []
    for kind, amount_fen in sorted(delta.items()):
        first = _first_parts(source, kind)
        if not first:
            parts += split(terms, owner=owner, gross={kind: amount_fen}, energy_kwh=source.energy_kwh)
            continue
        whole = amount_fen + sum(total for (k, _role, _payee), total in booked.items() if k == kind)
        for part in rescale(first, {kind: whole}):
            before = booked.get((kind, part.role, part.payee), 0)
            if part.amount_fen != before:
                parts.append(Part(kind, part.role, part.payee, part.amount_fen - before))
    return parts


def _lines_of(source: Source) -> QuerySet[ClearingLine]:
    of_source = {f"record__{column}": row for column, row in source.of_record.items()}
    return ClearingLine.objects.unscoped("the lines of one source").filter(**of_source)


def _first_parts(source: Source, kind: str) -> list[Part]:
    lines = _lines_of(source).filter(fee_kind=kind)
    first = lines.order_by("record_id").values_list("record_id", flat=True).first()
    rows = lines.filter(record_id=first).order_by("pk")
    return [
        Part(kind, role, payee, amount)
        for role, payee, amount in rows.values_list("role", "payee_id", "amount_fen")
    ]


def _post(
    actor: Actor, source: Source, journal: Journal, delta: dict[str, int], parts: list[Part]
) -> Journal:
    """Income accounts down, the parties' accounts up. The source is named in the note: its own journals are its bill."""
    totals: dict[Account, int] = defaultdict(int)
    for kind, amount_fen in delta.items():
        totals[ledger.account_of(INCOME_PREFIX + kind, operator=source.operator)] -= amount_fen
    platform = {COMMISSION: Account.Kind.COMMISSION, CHANNEL_FEE: Account.Kind.CHANNEL_FEES}
    payees = {part.payee: 0 for part in parts if part.role == SHARE}
    accounts = {pk: ledger.payable_of(pk) for pk in payees}
    for part in parts:
        account = accounts[part.payee] if part.role == SHARE else ledger.account_of(platform[part.role])
        totals[account] += part.amount_fen
    return ledger.post(
        key=f"clear:{journal.pk}",
        kind=Journal.Kind.CLEARING,
        lines=list(totals.items()),
        actor=actor,
        memo=source.number,
    )
