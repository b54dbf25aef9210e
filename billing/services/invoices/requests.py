"""Asking for invoices and deciding about them.

A driver chooses settled orders; there is one invoice per issuer. It is over what was really paid: discounts, what
passes covered and what was given back are no part of it, and a driver who owes money pays first. While an invoice
has an order, nothing of that order is given back: the invoice is reversed first.
"""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing import business_day
from billing.invoicing.tax import tax_inside
from billing.locks import lock_invoice, lock_orders
from billing.models import (
    ChargingOrder,
    Invoice,
    InvoicedOrder,
    InvoiceLine,
    InvoiceTerms,
    OrderFee,
)
from billing.pricing import allocate
from billing.services import bonuses, ledger
from billing.services.clearing.order_refunds import income_left
from billing.services.invoices.states import S, free_orders, move_invoice
from billing.services.invoices.terms import DEFAULT_LINES, line_of, terms_of
from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit, outbox
from users import policy
from users.models import Driver
from users.services import edits

SEND_TOPIC = "billing.issue_invoice"
MOST_ORDERS = 200
OF_ENERGY = ("electricity", "service")


@dataclass(frozen=True)
class Buyer:
    """Whom the invoice is made out to; an organization has a taxpayer number."""

    kind: str
    name: str
    tax_no: str = ""
    email: str = ""


def invoiceable_orders(driver: Driver) -> QuerySet[ChargingOrder]:
    """Settled orders that the driver's wallet paid and no invoice has, newest first."""
    rows = ChargingOrder.objects.unscoped("a driver's own orders").filter(
        driver=driver,
        state=ChargingOrder.State.SETTLED,
        payer_kind=ChargingOrder.PayerKind.WALLET,
        total_fen__gt=0,
    )
    taken = InvoicedOrder.objects.filter(live=True).values("order_id")
    return rows.exclude(pk__in=taken).select_related("operator", "station").order_by("-pk")


def paid_by_kind(order: ChargingOrder) -> dict[str, int]:
    """What was paid for an order by kind of fee, in fen; what a bonus paid and kinds that cost nothing are left out."""
    paid = {kind: fen for kind, fen in income_left(order).items() if fen > 0 and kind in DEFAULT_LINES}
    bonus = min(bonuses.bonus_paid_fen(order), sum(paid.values()))
    if bonus <= 0:
        return paid
    taken = allocate(bonus, list(paid.values()))
    return {kind: fen - part for (kind, fen), part in zip(paid.items(), taken, strict=True) if fen > part}


def request_invoices(
    *, actor: Actor, driver: Driver, order_nos: Sequence[str], buyer: Buyer
) -> list[Invoice]:
    """Ask for invoices over orders, one per issuer.

    A driver asks for themself. DomainError `permission_denied`, `order_unknown`, `order_invoiced`,
    `invoice_nothing_paid`, `invoice_owing`, `invoice_no_issuer`, `invalid` (the buyer).
    """
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "billing.add_invoice"})
    buyer = _checked(buyer)
    wanted = list(dict.fromkeys(order_nos))
    if not 1 <= len(wanted) <= MOST_ORDERS:
        reason = _("1 to %(most)s orders are wanted") % {"most": MOST_ORDERS}
        raise DomainError("invalid", {"field": "order_nos", "reason": reason}, field="order_nos")
    if ledger.arrears_fen(driver):
        raise DomainError("invoice_owing")
    own = ChargingOrder.objects.unscoped("a driver's own orders").filter(driver=driver, order_no__in=wanted)
    found = dict(own.values_list("order_no", "pk"))
    for order_no in wanted:
        if order_no not in found:
            raise DomainError("order_unknown", {"order_no": order_no})
    try:
        with transaction.atomic():
            return _request(actor, driver, [found[order_no] for order_no in wanted], buyer)
    except IntegrityError as error:  # another request took one of them this moment
        raise DomainError("order_invoiced", {"order_no": wanted[0], "number": "-"}) from error


def withdraw_invoice(*, actor: Actor, invoice: Invoice) -> Invoice:
    """Take back one's own request before it is decided. DomainError `permission_denied`, `invoice_decided`."""
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(invoice.driver_id):
        raise DomainError("permission_denied", {"permission": "billing.review_invoice"})
    with transaction.atomic():
        locked = lock_invoice(invoice.pk)
        _require_undecided(locked)
        free_orders(locked)
        move_invoice(locked, "withdrawn")
    return locked


def approve_invoice(*, actor: Actor, invoice: Invoice, reason: str = "") -> Invoice:
    """Approve a request; it goes to the provider after the commit. Needs `billing.review_invoice`.

    DomainError `permission_denied`, `not_found`, `invoice_decided`, `four_eyes` (a red one, by who asked for it).
    """
    policy.require(actor, "billing.review_invoice")
    edits.in_scope(actor, invoice)
    with transaction.atomic():
        locked = lock_invoice(invoice.pk)
        _require_undecided(locked)
        if locked.requested_by_key == actor.key:
            raise DomainError("four_eyes")
        _approve(locked, actor, reason)
    return locked


def reject_invoice(*, actor: Actor, invoice: Invoice, reason: str) -> Invoice:
    """Reject a request, or give up one that the provider refused; its orders are free again.

    Needs `billing.review_invoice` and a reason. DomainError `permission_denied`, `not_found`, `invoice_decided`.
    """
    policy.require(actor, "billing.review_invoice")
    edits.in_scope(actor, invoice)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        locked = lock_invoice(invoice.pk)
        if locked.state not in (S.REQUESTED, S.FAILED):
            raise DomainError("invoice_decided", {"number": locked.number})
        free_orders(locked)
        locked.next_at = None
        _decide(locked, actor, "rejected", reason)
    return locked


def request_red(*, actor: Actor, invoice: Invoice, reason: str) -> Invoice:
    """Ask for the reversal of an issued invoice; another person approves it. Needs `billing.red_invoice`.

    DomainError `permission_denied`, `not_found`, `reason_required`, `invoice_not_issued`.
    """
    policy.require(actor, "billing.red_invoice")
    edits.in_scope(actor, invoice)
    reason = edits.require_reason(reason)
    with transaction.atomic():
        blue = lock_invoice(invoice.pk)
        reds = (
            Invoice.objects.unscoped("scope is checked above").filter(red_of=blue).exclude(state=S.REJECTED)
        )
        if blue.kind != Invoice.Kind.BLUE or blue.state != S.ISSUED or reds.exists():
            raise DomainError("invoice_not_issued", {"number": blue.number})
        names = (
            "operator_id", "driver_id", "terms_id", "seller_name", "seller_tax_no", "buyer_kind", "buyer_name",
            "buyer_tax_no", "email",
        )  # fmt: skip
        red = Invoice.objects.create(
            number=_number("H"),
            kind=Invoice.Kind.RED,
            red_of=blue,
            gross_fen=-blue.gross_fen,
            net_fen=-blue.net_fen,
            tax_fen=-blue.tax_fen,
            reason=reason[:255],
            requested_at=clock.now(),
            requested_by_key=actor.key[:96],
            requested_by_name=actor.name[:128],
            **{name: getattr(blue, name) for name in names},
        )
        for line in blue.lines.all():
            line.pk, line.invoice = None, red
            line.gross_fen, line.net_fen, line.tax_fen = -line.gross_fen, -line.net_fen, -line.tax_fen
            line.energy_kwh = None if line.energy_kwh is None else -line.energy_kwh
            line.save(force_insert=True)
        audit.record(
            actor=actor,
            action="billing.request_red_invoice",
            target=red,
            reason=reason,
            after={"of": blue.number},
        )
    return red


# --- making ------------------------------------------------------------------------
def _request(actor: Actor, driver: Driver, order_ids: list[int], buyer: Buyer) -> list[Invoice]:
    by_issuer: dict[int, list[ChargingOrder]] = defaultdict(list)
    for order in lock_orders(order_ids):
        row = InvoicedOrder.objects.filter(order=order, live=True).select_related("invoice").first()
        if row is not None:
            raise DomainError("order_invoiced", {"order_no": order.order_no, "number": row.invoice.number})
        by_issuer[order.operator_id].append(order)
    return [_make(actor, driver, orders, buyer) for _issuer, orders in sorted(by_issuer.items())]


def _make(actor: Actor, driver: Driver, orders: list[ChargingOrder], buyer: Buyer) -> Invoice:
    operator = orders[0].operator
    terms = terms_of(operator)
    if terms is None:
        raise DomainError("invoice_no_issuer", {"operator": operator.name})
    paid = {order.pk: _paid(order) for order in orders}
    totals: dict[str, int] = defaultdict(int)
    for amounts in paid.values():
        for kind, fen in amounts.items():
            totals[kind] += fen
    lines = _lines(terms, totals, sum((order.energy_kwh or Decimal(0) for order in orders), Decimal(0)))
    invoice = Invoice.objects.create(
        number=_number("F"),
        operator=operator,
        driver=driver,
        terms=terms,
        seller_name=terms.seller_name,
        seller_tax_no=terms.seller_tax_no,
        buyer_kind=buyer.kind,
        buyer_name=buyer.name,
        buyer_tax_no=buyer.tax_no,
        email=buyer.email,
        gross_fen=sum(line.gross_fen for line in lines),
        net_fen=sum(line.net_fen for line in lines),
        tax_fen=sum(line.tax_fen for line in lines),
        requested_at=clock.now(),
        requested_by_key=actor.key[:96],
        requested_by_name=actor.name[:128],
    )
    for line in lines:
        line.invoice = invoice
    InvoiceLine.objects.bulk_create(lines)
    InvoicedOrder.objects.bulk_create(
        InvoicedOrder(invoice=invoice, order_id=pk, amounts=amounts, gross_fen=sum(amounts.values()))
        for pk, amounts in paid.items()
    )
    audit.record(
        actor=actor, action="billing.request_invoice", target=invoice, after={"gross_fen": invoice.gross_fen}
    )
    if invoice.gross_fen <= terms.auto_approve_fen:
        _approve(invoice, actor, "")
    return invoice


def _paid(order: ChargingOrder) -> dict[str, int]:
    if (
        OrderFee.objects.unscoped("fees of one order")
        .filter(order=order, state=OrderFee.State.RUNNING)
        .exists()
    ):
        raise DomainError("invoice_fee_running", {"order_no": order.order_no})
    wallet = order.payer_kind == ChargingOrder.PayerKind.WALLET
    amounts = paid_by_kind(order) if wallet and order.state == ChargingOrder.State.SETTLED else {}
    if not amounts:
        raise DomainError("invoice_nothing_paid", {"order_no": order.order_no})
    return amounts


def _lines(terms: InvoiceTerms, totals: Mapping[str, int], energy_kwh: Decimal) -> list[InvoiceLine]:
    lines = []
    for kind in (kind for kind in DEFAULT_LINES if totals.get(kind)):
        setting = line_of(terms, kind)
        taxed = tax_inside(totals[kind], setting["rate_bp"])
        lines.append(
            InvoiceLine(
                fee_kind=kind,
                energy_kwh=energy_kwh if kind in OF_ENERGY and energy_kwh else None,
                gross_fen=taxed.gross_fen,
                net_fen=taxed.net_fen,
                tax_fen=taxed.tax_fen,
                **setting,
            )
        )
    return lines


def _checked(buyer: Buyer) -> Buyer:
    name, tax_no = buyer.name.strip(), buyer.tax_no.strip().upper()
    accepted = ", ".join(Invoice.Buyer.values)
    if buyer.kind not in Invoice.Buyer.values:
        raise DomainError("choice_invalid", {"value": buyer.kind, "accepted": accepted}, field="buyer_kind")
    if not 1 <= len(name) <= 100:
        reason = _("a name of at most 100 characters is wanted")
        raise DomainError("invalid", {"field": "buyer_name", "reason": reason}, field="buyer_name")
    whole = 15 <= len(tax_no) <= 20 and tax_no.isascii() and tax_no.isalnum()
    if (buyer.kind == Invoice.Buyer.ORGANIZATION or tax_no) and not whole:
        reason = _("15 to 20 digits and capital letters are wanted")
        raise DomainError("invalid", {"field": "buyer_tax_no", "reason": reason}, field="buyer_tax_no")
    return Buyer(buyer.kind, name, tax_no, buyer.email.strip())


def _number(letter: str) -> str:
    return f"{letter}{clock.now().astimezone(business_day.ZONE):%y%m%d%H%M%S}{secrets.randbelow(10**8):08d}"


# --- deciding ------------------------------------------------------------------------
def _require_undecided(invoice: Invoice) -> None:
    if invoice.state != S.REQUESTED:
        raise DomainError("invoice_decided", {"number": invoice.number})


def _approve(invoice: Invoice, actor: Actor, reason: str) -> None:
    invoice.next_at = clock.now()
    _decide(invoice, actor, "approved", reason)
    outbox.enqueue(SEND_TOPIC, {"invoice": invoice.pk})


def _decide(invoice: Invoice, actor: Actor, event: str, reason: str) -> None:
    before: dict[str, Any] = {"state": invoice.state}
    invoice.decided_at, invoice.decision_reason = clock.now(), reason[:255]
    invoice.decided_by_key, invoice.decided_by_name = actor.key[:96], actor.name[:128]
    fields = ["decided_at", "decision_reason", "decided_by_key", "decided_by_name", "next_at"]
    move_invoice(invoice, event, update_fields=fields)
    audit.record(
        actor=actor,
        action=f"billing.invoice_{event}",
        target=invoice,
        reason=reason,
        before=before,
        after={"state": invoice.state, "gross_fen": invoice.gross_fen},
    )
