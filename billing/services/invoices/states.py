"""The life of an invoice as a table, the only function that moves it, and what an order's invoice forbids."""

import logging
from collections.abc import Iterable

from billing.models import ChargingOrder, Invoice, InvoicedOrder
from kernel.errors import DomainError
from kernel.states import StateMachine

logger = logging.getLogger(__name__)
S = Invoice.State

INVOICE_STATES = StateMachine(
    "invoice",
    {
        (S.REQUESTED.value, "approved"): S.APPROVED.value,
        (S.REQUESTED.value, "rejected"): S.REJECTED.value,
        (S.REQUESTED.value, "withdrawn"): S.WITHDRAWN.value,
        (S.APPROVED.value, "sent"): S.ISSUING.value,
        (S.ISSUING.value, "issued"): S.ISSUED.value,
        (S.ISSUING.value, "failed"): S.FAILED.value,
        (S.FAILED.value, "rejected"): S.REJECTED.value,
        (S.ISSUED.value, "reversed"): S.REVERSED.value,
    },
)


def move_invoice(invoice: Invoice, event: str, *, update_fields: Iterable[str] = ()) -> Invoice:
    """Move a locked invoice by one event. Raises `illegal_transition`, also logged."""
    try:
        invoice.state = INVOICE_STATES.next_state(invoice.state, event)
    except DomainError:
        logger.error("invoice %s: no move from %s by %s", invoice, invoice.state, event)
        raise
    invoice.version += 1
    invoice.save(update_fields={"state", "version", *update_fields})
    return invoice


def free_orders(invoice: Invoice) -> None:
    """The orders of an invoice that is none any more may be given back and invoiced again."""
    invoice.orders.update(live=False)


def require_not_invoiced(order: ChargingOrder) -> None:
    """DomainError `order_invoiced` while an invoice has the order: it is reversed or rejected first."""
    row = InvoicedOrder.objects.filter(order=order, live=True).select_related("invoice").first()
    if row is not None:
        raise DomainError("order_invoiced", {"order_no": order.order_no, "number": row.invoice.number})
