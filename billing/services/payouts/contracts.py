"""Hosting and yearly service contracts: agreed by two people, booked by a job once per period."""

import logging
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from billing import business_day
from billing.models import ClearingRecord, Proposal, ServiceContract, SettlementItem
from billing.pricing import allocate
from billing.services import proposals
from billing.services.clearing.payees import operator_payee
from billing.services.payouts.items import book_item
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from stations.models import Pile
from users.models import Operator

logger = logging.getLogger(__name__)
K = ServiceContract.Kind


def create_contract(*, actor: Actor, operator: Operator, contract: Mapping[str, Any]) -> ServiceContract:
    """Record a contract. Staff come here through an approved proposal only. DomainError `contract_invalid`."""
    checked = _check(operator, contract)
    with transaction.atomic():
        row = ServiceContract.objects.create(
            operator=operator,
            created_by=actor.name[:128],
            created_at=clock.now(),
            **{
                **checked,
                "starts_on": parse_date(checked["starts_on"]),
                "ends_on": parse_date(checked["ends_on"]),
            },
        )
        audit.record(actor=actor, action="billing.create_contract", target=row, after=checked)
    return row


def book_due_fees(*, actor: Actor) -> int:
    """Book every fee whose period is over (hosting) or has begun (yearly); returns how many were new."""
    booked = 0
    today = business_day.today()
    contracts = ServiceContract.objects.unscoped("every contract with fees that may be due")
    for contract in contracts.filter(starts_on__lte=today).select_related("operator").order_by("pk"):
        try:
            booked += _book(contract, today, actor)
        except Exception:
            logger.exception("fees of contract %s could not be booked", contract.pk)
    return booked


def due_soon(today: date) -> list[ServiceContract]:
    """Contracts that end within their days of reminder, or ended in the last 30 days."""
    rows = ServiceContract.objects.unscoped("reminders of every contract").select_related("operator")
    near = rows.filter(ends_on__gte=today - timedelta(days=30)).order_by("ends_on")
    return [one for one in near if one.ends_on - timedelta(days=one.remind_days) <= today]


def _book(contract: ServiceContract, today: date, actor: Actor) -> int:
    known = set(contract.items.values_list("key", flat=True))
    new = 0
    for period, day in _periods(contract, today):
        key = f"contract:{contract.pk}:{period}"
        if key in known:
            continue
        amount = _amount(contract, day)
        if not amount:
            continue
        kind = (
            SettlementItem.Kind.YEARLY_FEE if contract.kind == K.YEARLY else SettlementItem.Kind.HOSTING_FEE
        )
        book_item(
            actor=actor,
            key=key,
            payee=operator_payee(contract.operator),
            kind=kind,
            amount_fen=-amount,
            day=day,
            note=f"{contract.get_kind_display()} {period}",
            contract=contract,
        )
        new += 1
    return new


def _periods(contract: ServiceContract, today: date) -> Iterator[tuple[str, date]]:
    """(name, day of booking): months that are over by their last day, years by their first."""
    if contract.kind == K.YEARLY:
        for years in range(100):
            begin = _years_after(contract.starts_on, years)
            if begin > min(today, contract.ends_on):
                return
            yield f"{begin:%Y-%m-%d}", begin
    year, month = contract.starts_on.year, contract.starts_on.month
    while True:
        last = date(year, month, monthrange(year, month)[1])
        if last >= today or date(year, month, 1) > contract.ends_on:
            return
        yield f"{last:%Y-%m}", last
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 2, 28)


def _amount(contract: ServiceContract, last: date) -> int:
    if contract.kind == K.YEARLY:
        return contract.amount_fen
    if contract.kind == K.HOSTING_PILE:
        piles = Pile.objects.unscoped("the piles of one operator").filter(
            operator=contract.operator, in_service=True
        )
        return contract.amount_fen * piles.count()
    records = ClearingRecord.objects.unscoped("the income of one operator").filter(
        operator=contract.operator, day__gte=last.replace(day=1), day__lte=last
    )
    income = records.aggregate(total=Sum("gross_fen"))["total"] or 0
    return allocate(max(income, 0), [contract.percent_bp, 10_000 - contract.percent_bp])[0]


# --- through four eyes ---------------------------------------------------------
def _check(operator: Operator | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    if operator is None:
        raise DomainError("not_found", field="operator")
    kind = str(payload.get("kind", ""))
    if kind not in K.values:
        raise DomainError("choice_invalid", {"value": kind, "accepted": ", ".join(K.values)}, field="kind")
    starts, ends = (parse_date(str(payload.get(name, ""))) for name in ("starts_on", "ends_on"))
    amount, percent = payload.get("amount_fen") or 0, payload.get("percent_bp") or 0
    reason = None
    if starts is None or ends is None or ends < starts:
        reason = _("it has to start on a day and end on a later one.")
    elif kind == K.HOSTING_PERCENT and not (isinstance(percent, int) and 1 <= percent <= 10_000):
        reason = _("the percentage is from 0.01 to 100.")
    elif kind != K.HOSTING_PERCENT and not (isinstance(amount, int) and 1 <= amount <= 1_000_000_000):
        reason = _("the amount is from 0.01 to 10,000,000 yuan.")
    if reason:
        raise DomainError("contract_invalid", {"reason": reason})
    percentage = kind == K.HOSTING_PERCENT
    return {
        "kind": kind,
        "amount_fen": 0 if percentage else amount,
        "percent_bp": percent if percentage else 0,
        "starts_on": starts.isoformat(),
        "ends_on": ends.isoformat(),
        "remind_days": min(int(payload.get("remind_days") or 30), 365),
        "note": str(payload.get("note") or "")[:255],
    }


proposals.register(
    Proposal.Kind.CONTRACT,
    check=_check,
    carry_out=lambda actor, proposal: str(
        create_contract(actor=actor, operator=proposal.operator, contract=proposal.payload)
    ),
)
