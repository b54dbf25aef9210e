"""Invoices counted again: against their lines, their orders and what was paid; changes nothing."""

from collections.abc import Iterator, Sequence
from itertools import islice

from django.db.models import F, Q

from billing.models import Invoice, InvoicedOrder
from billing.services.checks import Problem, sum_of
from billing.services.invoices.paid import paid_by_kinds, payer_of

WHY = "a check of every invoice"
AT_ONCE = 500
OVER = (Invoice.State.REJECTED, Invoice.State.WITHDRAWN, Invoice.State.REVERSED)


def invoice_problems() -> Iterator[Problem]:
    """Invoices that differ from lines or orders, red ones from what they reverse, orders from what they paid."""
    invoices = Invoice.objects.unscoped(WHY)
    summed = invoices.annotate(lines_fen=sum_of("lines__gross_fen")).exclude(gross_fen=F("lines_fen"))
    for row in summed.values("number", "gross_fen", "lines_fen"):
        yield Problem("invoice_lines_differ", f"invoice {row.pop('number')}", row)
    blue = invoices.filter(kind=Invoice.Kind.BLUE).annotate(orders_fen=sum_of("orders__gross_fen"))
    for row in blue.exclude(gross_fen=F("orders_fen")).values("number", "gross_fen", "orders_fen"):
        yield Problem("invoice_orders_differ", f"invoice {row.pop('number')}", row)
    unmatched = invoices.filter(kind=Invoice.Kind.RED).exclude(gross_fen=-F("red_of__gross_fen"))
    for number in unmatched.values_list("number", flat=True):
        yield Problem("invoice_red_differs", f"invoice {number}")
    held = InvoicedOrder.objects.select_related("invoice", "order")
    wrong = Q(live=True, invoice__state__in=OVER) | (Q(live=False) & ~Q(invoice__state__in=OVER))
    for one in held.filter(wrong):
        yield Problem("invoice_holds_order", f"invoice {one.invoice.number}", {"order": one.order.order_no})
    live = held.filter(live=True).iterator(chunk_size=AT_ONCE)
    while some := list(islice(live, AT_ONCE)):
        yield from _amounts(some)


def _amounts(held: Sequence[InvoicedOrder]) -> Iterator[Problem]:
    """Orders on an invoice of somebody who did not pay for them, and those that were invoiced above what was paid."""
    paid_of = paid_by_kinds([one.order for one in held])
    for one in held:
        if payer_of(one.order) != (one.invoice.driver_id, one.invoice.enterprise_id):
            yield Problem(
                "invoice_foreign_order", f"order {one.order.order_no}", {"invoice": one.invoice.number}
            )
        paid = paid_of[one.order_id]
        # A fee that was booked after the invoice is no part of it; less than was invoiced must not be.
        if any(paid.get(kind, 0) < fen for kind, fen in one.amounts.items()):
            yield Problem(
                "invoice_above_paid", f"order {one.order.order_no}", {"invoiced": one.amounts, "paid": paid}
            )
