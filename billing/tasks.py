"""Celery entry points of billing; each may run twice or late without harm."""

from celery import shared_task

from billing.services import (
    bookings,
    card_lists,
    driver_notices,
    fees,
    nightly,
    paid_starts,
    payment_queries,
    refund_sending,
    score_orders,
    score_permissions,
    shown_costs,
    sweeps,
    tariff_push,
)
from billing.services.clearing import clear
from billing.services.invoices import issuing
from billing.services.payouts import contracts, sending, statements
from billing.services.reconciliation import reconcile
from kernel.actor import system


@shared_task(name="billing.sweep_orders", ignore_result=True)
def sweep_orders() -> None:
    actor = system("order sweep")
    sweeps.sweep_orders(actor=actor)
    sweeps.stop_due(actor=actor)
    fees.sweep_fees(actor=actor)
    bookings.expire_due(actor=actor)
    sweeps.flag_silent(actor=actor)


@shared_task(name="billing.tell_drivers", ignore_result=True)
def tell_drivers() -> None:
    driver_notices.tell_settled()


@shared_task(name="billing.push_due_tariffs", ignore_result=True)
def push_due_tariffs() -> None:
    tariff_push.push_due(actor=system("tariff push"))


@shared_task(name="billing.query_payments", ignore_result=True)
def query_payments() -> None:
    payment_queries.query_due_payments(actor=system("payment query"))


@shared_task(name="billing.query_refunds", ignore_result=True)
def query_refunds() -> None:
    refund_sending.work_due_refunds(actor=system("refund sweep"))


@shared_task(name="billing.send_refund", ignore_result=True)
def send_refund(refund_id: int) -> None:
    refund_sending.send_refund(actor=system("refund"), refund_id=refund_id)


@shared_task(name="billing.show_costs", ignore_result=True)
def show_costs() -> None:
    shown_costs.show_due(actor=system("cost display"))


@shared_task(name="billing.clear_orders", ignore_result=True)
def clear_orders() -> None:
    clear.clear_due(actor=system("clearing"))


@shared_task(name="billing.clear_leftovers", ignore_result=True)
def clear_leftovers() -> None:
    clear.clear_due(actor=system("clearing"), everything=True)


@shared_task(name="billing.sweep_paid_starts", ignore_result=True)
def sweep_paid_starts() -> None:
    paid_starts.sweep(actor=system("paid start sweep"))


@shared_task(name="billing.sweep_score_orders", ignore_result=True)
def sweep_score_orders() -> None:
    actor = system("pay score")
    score_orders.sweep(actor=actor)
    score_permissions.query_due(actor=actor)


@shared_task(name="billing.build_statements", ignore_result=True)
def build_statements() -> None:
    """T+1: fees of contracts first, then what each payee is owed up to yesterday."""
    contracts.book_due_fees(actor=system("contract fees"))
    statements.build_due_statements(actor=system("statements"))


@shared_task(name="billing.work_payouts", ignore_result=True)
def work_payouts() -> None:
    sending.work_due_payouts(actor=system("payouts"))


@shared_task(name="billing.send_payout", ignore_result=True)
def send_payout(payout_id: int) -> None:
    sending.work(payout_id=payout_id, actor=system("payouts"))


@shared_task(name="billing.sync_card_lists", ignore_result=True)
def sync_card_lists() -> None:
    card_lists.sweep_lists(actor=system("card lists"))


@shared_task(name="billing.reconcile_recent", ignore_result=True)
def reconcile_recent() -> None:
    """Compare the last days with the channels' bills; closing a day stays a person's word."""
    reconcile.reconcile_recent(actor=system("reconciliation"))


@shared_task(name="billing.work_invoices", ignore_result=True)
def work_invoices() -> None:
    issuing.work_due_invoices(actor=system("invoices"))


@shared_task(name="billing.issue_invoice", ignore_result=True)
def issue_invoice(invoice_id: int) -> None:
    issuing.work(invoice_id=invoice_id, actor=system("invoices"))


@shared_task(name="billing.check_books", ignore_result=True)
def check_books() -> None:
    """Count everything again, once a night; asked every half hour so that a missed night is made good."""
    nightly.run_if_due()
