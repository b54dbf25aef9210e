"""Approved invoices on their way: marked as sent, handed to the provider outside every lock, asked for until done.

The number never changes, so that a lost answer or a killed worker issues nothing twice: what is not known is asked
for first, and sent again only when the provider knows nothing of it.
"""

import logging
from datetime import timedelta

from django.db import transaction

from billing.invoicing.chosen import provider
from billing.invoicing.provider import IssueLine, IssueRequest, IssueState, IssueView
from billing.locks import lock_invoice
from billing.models import Invoice
from billing.payments.merchants import ChannelOff
from billing.payments.provider import ProviderRefused, ProviderUnknown
from billing.services.invoices.states import S, free_orders, move_invoice
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.services import audit
from users import policy
from users.services import edits

logger = logging.getLogger(__name__)
WAITS_S = (5, 15, 60, 300, 1800, 3600)
WHY = "every invoice that is due"


def work_due_invoices(*, actor: Actor, limit: int = 100) -> int:
    """Send and ask for every invoice that is due; returns how many were worked on. One fault stops no other."""
    rows = Invoice.objects.unscoped(WHY).filter(next_at__lte=clock.now()).order_by("next_at")
    worked = 0
    for invoice_id in list(rows.values_list("pk", flat=True)[:limit]):
        try:
            worked += work(invoice_id=invoice_id, actor=actor)
        except Exception:
            logger.exception("invoice %s could not be worked on", invoice_id)
    return worked


def retry_invoice(*, actor: Actor, invoice: Invoice) -> Invoice:
    """Ask the provider now. Needs `billing.review_invoice`. DomainError `invoice_decided`, `not_found`."""
    policy.require(actor, "billing.review_invoice")
    edits.in_scope(actor, invoice)
    with transaction.atomic():
        locked = lock_invoice(invoice.pk)
        if locked.state not in (S.APPROVED, S.ISSUING):
            raise DomainError("invoice_decided", {"number": locked.number})
        locked.next_at = clock.now()
        locked.save(update_fields=["next_at"])
    work(invoice_id=invoice.pk, actor=actor)
    locked.refresh_from_db()
    return locked


def work(*, invoice_id: int, actor: Actor) -> bool:
    """Move one invoice on by one call of the provider; False when somebody else did or nothing is due."""
    claimed = _claim(invoice_id)
    if claimed is None:
        return False
    invoice, fresh = claimed
    try:
        service = provider()
        view = None if fresh else service.query(invoice.number)
        if view is None or view.state is IssueState.ABSENT:
            view = service.issue(_request(invoice))
    except ProviderRefused as refusal:
        view = IssueView(number=invoice.number, state=IssueState.FAILED, reason=str(refusal))
    except (ProviderUnknown, ChannelOff) as error:
        _note_error(invoice_id, str(error) or "no invoice provider is on")
        return True
    _take(invoice_id, view, actor)
    return True


def _claim(invoice_id: int) -> tuple[Invoice, bool] | None:
    """Mark an invoice as sent and plan the next look at it; (invoice, whether it was never sent)."""
    with transaction.atomic():
        invoice = lock_invoice(invoice_id)
        if (
            invoice.next_at is None
            or invoice.next_at > clock.now()
            or invoice.state not in (S.APPROVED, S.ISSUING)
        ):
            return None
        fresh = invoice.state == S.APPROVED
        wait = WAITS_S[min(invoice.attempts, len(WAITS_S) - 1)]
        invoice.attempts, invoice.next_at = invoice.attempts + 1, clock.now() + timedelta(seconds=wait)
        invoice.save(update_fields=["attempts", "next_at"])
        if fresh:
            move_invoice(invoice, "sent")
        return invoice, fresh


def _request(invoice: Invoice) -> IssueRequest:
    return IssueRequest(
        number=invoice.number,
        seller_name=invoice.seller_name,
        seller_tax_no=invoice.seller_tax_no,
        buyer_kind=invoice.buyer_kind,
        buyer_name=invoice.buyer_name,
        buyer_tax_no=invoice.buyer_tax_no,
        email=invoice.email,
        gross_fen=invoice.gross_fen,
        lines=[
            IssueLine(
                name=line.name,
                tax_code=line.tax_code,
                rate_bp=line.rate_bp,
                gross_fen=line.gross_fen,
                net_fen=line.net_fen,
                tax_fen=line.tax_fen,
                energy_kwh=line.energy_kwh,
            )
            for line in invoice.lines.all()
        ],
        red_of=invoice.red_of.provider_no if invoice.red_of else "",
        reason=invoice.reason,
    )


def _take(invoice_id: int, view: IssueView, actor: Actor) -> None:
    """Take over what the provider says; an issued red one reverses its blue one and frees the orders."""
    with transaction.atomic():
        invoice = lock_invoice(invoice_id)
        if invoice.state != S.ISSUING or view.state is IssueState.ISSUING:
            return
        if view.state is IssueState.FAILED:
            invoice.next_at, invoice.last_error = None, view.reason[:255]
            move_invoice(invoice, "failed", update_fields=["next_at", "last_error"])
            return
        if view.state is not IssueState.ISSUED or view.gross_fen != invoice.gross_fen or not view.provider_no:
            _note_error(invoice_id, f"an answer that does not fit: {view.state} {view.gross_fen}")
            return
        invoice.provider_no, invoice.document_url = view.provider_no[:32], view.document_url[:300]
        invoice.issued_at, invoice.next_at, invoice.last_error = clock.now(), None, ""
        fields = ["provider_no", "document_url", "issued_at", "next_at", "last_error"]
        move_invoice(invoice, "issued", update_fields=fields)
        if invoice.red_of_id:
            blue = lock_invoice(invoice.red_of_id)
            free_orders(blue)
            move_invoice(blue, "reversed")
        audit.record(
            actor=actor,
            action="billing.invoice_issued",
            target=invoice,
            after={"invoice_no": invoice.provider_no, "gross_fen": invoice.gross_fen},
        )


def _note_error(invoice_id: int, text: str) -> None:
    Invoice.objects.unscoped(WHY).filter(pk=invoice_id).update(last_error=text[:255])
