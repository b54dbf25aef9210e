"""Asking for invoices and deciding about them.

Who paid chooses settled orders (`paid` says who that is: a driver, or an enterprise, for which staff ask); there is
one invoice per issuer. It is over what was really paid: discounts, what passes covered and what was given back are no
part of it, and who owes money pays first. While an invoice has an order, nothing of that order is given back: the
invoice is reversed first.

What is invoiced is what was consumed, never a top-up. Money on an account is the payer's own until a charge takes it
and may go back to where it came from; the seller of a charge is the operator at whose pile it happens, which a top-up
does not know yet; and an order knows the kinds of fee that are taxed differently. So a fen is on at most one invoice
by a constraint on its order, whoever asks, and an enterprise that charges on credit is invoiced like one that paid
ahead.
"""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing import business_day, payers
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
from billing.services import ledger
from billing.services.enterprise_accounts import month_bounds
from billing.services.invoices.paid import PAID_BY_DRIVER, PAID_BY_ENTERPRISE, is_for, paid_by_kinds
from billing.services.invoices.states import S, free_orders, move_invoice
from billing.services.invoices.terms import DEFAULT_LINES, line_of, terms_of
from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit, outbox
from users import policy
from users.models import Driver, Enterprise
from users.services import edits

SEND_TOPIC = "billing.issue_invoice"
MOST_ORDERS, MOST_ORDERS_OF_ENTERPRISE = 200, 5_000
OF_ENERGY = ("electricity", "service")


@dataclass(frozen=True)
class Buyer:
    """Whom the invoice is made out to; an organization has a taxpayer number."""

    kind: str
    name: str
    tax_no: str = ""
    email: str = ""


def invoiceable_orders(owner: Driver | Enterprise) -> QuerySet[ChargingOrder]:
    """Settled orders that a driver or an enterprise paid for and no invoice has, newest first."""
    of_enterprise = isinstance(owner, Enterprise)
    rows = ChargingOrder.objects.unscoped("orders of the one who paid").filter(
        PAID_BY_ENTERPRISE if of_enterprise else PAID_BY_DRIVER,
        state=ChargingOrder.State.SETTLED,
        total_fen__gt=0,
        **{"enterprise" if of_enterprise else "driver": owner},
    )
    taken = InvoicedOrder.objects.filter(live=True).values("order_id")
    return rows.exclude(pk__in=taken).select_related("operator", "station").order_by("-pk")


def request_invoices(
    *, actor: Actor, driver: Driver, order_nos: Sequence[str], buyer: Buyer
) -> list[Invoice]:
    """Ask for invoices over orders that a driver paid, one per issuer.

    A driver asks for themself. DomainError `permission_denied`, `order_unknown`, `order_invoiced`,
    `invoice_nothing_paid`, `invoice_owing`, `invoice_no_issuer`, `invalid` (the buyer).
    """
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "billing.request_invoice"})
    return _ask(actor, driver, order_nos, buyer, MOST_ORDERS)


def request_enterprise_invoices(
    *, actor: Actor, enterprise: Enterprise, order_nos: Sequence[str], buyer: Buyer
) -> list[Invoice]:
    """Ask for invoices over orders that an enterprise paid; it is always an organization.

    Needs `billing.request_invoice` and the enterprise in scope; another person approves, unless the issuer's terms
    let the amount pass. DomainError as `request_invoices`, and `not_found`.
    """
    policy.require(actor, "billing.request_invoice")
    edits.in_scope(actor, enterprise)
    return _ask(
        actor,
        enterprise,
        order_nos,
        replace(buyer, kind=Invoice.Buyer.ORGANIZATION),
        MOST_ORDERS_OF_ENTERPRISE,
    )


def orders_of_month(*, actor: Actor, enterprise: Enterprise, month: str) -> list[str]:
    """The numbers of an enterprise's orders of a month `yyyy-mm` that an invoice can be over; empty: of all time.

    Needs `billing.request_invoice`. DomainError `month_invalid`, `permission_denied`, `not_found`.
    """
    policy.require(actor, "billing.request_invoice")
    edits.in_scope(actor, enterprise)
    rows = invoiceable_orders(enterprise)
    if month:
        first, until = month_bounds(month)
        rows = rows.filter(settled_at__gte=first, settled_at__lt=until)
    orders = list(rows.order_by("pk")[: MOST_ORDERS_OF_ENTERPRISE + 1])
    paid = paid_by_kinds(orders)
    return [order.order_no for order in orders if paid[order.pk]]


def last_buyer(enterprise: Enterprise) -> Buyer:
    """Whom the enterprise's last invoice was made out to; before the first one its own name."""
    rows = Invoice.objects.unscoped("of an enterprise in scope").filter(enterprise=enterprise)
    last = rows.order_by("-pk").first()
    if last is None:
        return Buyer(Invoice.Buyer.ORGANIZATION, enterprise.name)
    return Buyer(last.buyer_kind, last.buyer_name, last.buyer_tax_no, last.email)


def withdraw_invoice(*, actor: Actor, invoice: Invoice) -> Invoice:
    """Take back one's own request, or an enterprise's, before it is decided.

    An enterprise's needs `billing.request_invoice`. DomainError `permission_denied`, `not_found`, `invoice_decided`.
    """
    if invoice.enterprise_id is not None:
        policy.require(actor, "billing.request_invoice")
        edits.in_scope(actor, invoice)
    elif actor.kind is not ActorKind.ACCOUNT or actor.id != str(invoice.driver_id):
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
            "operator_id", "driver_id", "enterprise_id", "terms_id", "seller_name", "seller_tax_no", "buyer_kind",
            "buyer_name", "buyer_tax_no", "email",
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
def _ask(
    actor: Actor, owner: Driver | Enterprise, order_nos: Sequence[str], buyer: Buyer, most: int
) -> list[Invoice]:
    buyer = _checked(buyer)
    wanted = list(dict.fromkeys(order_nos))
    if not 1 <= len(wanted) <= most:
        reason = _("1 to %(most)s orders are wanted") % {"most": most}
        raise DomainError("invalid", {"field": "order_nos", "reason": reason}, field="order_nos")
    of = {"enterprise" if isinstance(owner, Enterprise) else "driver": owner}
    own = ChargingOrder.objects.unscoped("orders of the one who paid").filter(order_no__in=wanted, **of)
    found = dict(own.values_list("order_no", "pk"))
    for order_no in wanted:
        if order_no not in found:
            raise DomainError("order_unknown", {"order_no": order_no})
    try:
        with transaction.atomic():
            return _request(actor, owner, [found[order_no] for order_no in wanted], buyer)
    except IntegrityError as error:  # another request took one of them this moment
        raise DomainError("order_invoiced", {"order_no": wanted[0], "number": "-"}) from error


def _request(actor: Actor, owner: Driver | Enterprise, order_ids: list[int], buyer: Buyer) -> list[Invoice]:
    orders = lock_orders(order_ids)
    taken = InvoicedOrder.objects.filter(order__in=order_ids, live=True).select_related("invoice", "order")
    if (row := taken.first()) is not None:
        raise DomainError("order_invoiced", {"order_no": row.order.order_no, "number": row.invoice.number})
    paid = _paid(owner, orders)
    for payer in {payers.of(owner), *(payers.of_order(order) for order in orders)}:
        if payer is not None and ledger.owed_fen(payer):
            raise DomainError("invoice_owing")
    by_issuer: dict[int, list[ChargingOrder]] = defaultdict(list)
    for order in orders:
        by_issuer[order.operator_id].append(order)
    return [
        _make(actor, owner, rows, {order.pk: paid[order.pk] for order in rows}, buyer)
        for _issuer, rows in sorted(by_issuer.items())
    ]


def _make(
    actor: Actor,
    owner: Driver | Enterprise,
    orders: list[ChargingOrder],
    paid: Mapping[int, dict[str, int]],
    buyer: Buyer,
) -> Invoice:
    operator = orders[0].operator
    terms = terms_of(operator)
    if terms is None:
        raise DomainError("invoice_no_issuer", {"operator": operator.name})
    totals: dict[str, int] = defaultdict(int)
    for amounts in paid.values():
        for kind, fen in amounts.items():
            totals[kind] += fen
    lines = _lines(terms, totals, sum((order.energy_kwh or Decimal(0) for order in orders), Decimal(0)))
    invoice = Invoice.objects.create(
        number=_number("F"),
        operator=operator,
        driver=owner if isinstance(owner, Driver) else None,
        enterprise=owner if isinstance(owner, Enterprise) else None,
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


def _paid(owner: Driver | Enterprise, orders: list[ChargingOrder]) -> dict[int, dict[str, int]]:
    """What the owner paid for each of the locked orders, none of which may have cost them nothing."""
    fees = OrderFee.objects.unscoped("fees of locked orders").filter(
        order__in=orders, state=OrderFee.State.RUNNING
    )
    running = fees.values_list("order__order_no", flat=True).first()
    if running is not None:
        raise DomainError("invoice_fee_running", {"order_no": running})
    paid = paid_by_kinds(orders)
    for order in orders:
        settled = order.state == ChargingOrder.State.SETTLED
        if not (settled and is_for(order, owner) and paid[order.pk]):
            raise DomainError("invoice_nothing_paid", {"order_no": order.order_no})
    return paid


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
