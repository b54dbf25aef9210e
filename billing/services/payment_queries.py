"""What a lost notice leaves behind: waiting payments are asked for at the channel, expired ones are closed there.

Safe to run at any time, twice, and in two processes: each due payment is claimed by moving its next query, the
channel is called outside every lock, and only `book_trade` books.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from billing.locks import lock_payment
from billing.models import Payment
from billing.models.payment import WAITING_STATES
from billing.payments.channels import provider_of
from billing.payments.merchants import ChannelOff
from billing.payments.provider import PaymentProvider, ProviderRefused, ProviderUnknown, TradeState
from billing.services.payment_states import PAYMENT_STATES, move_payment
from billing.services.payments import CLOSE_GRACE_S, QUERY_PLAN_S, RECHECK_CLOSED_S, S, book_trade
from kernel import clock
from kernel.actor import Actor

logger = logging.getLogger(__name__)


def query_due_payments(*, actor: Actor, limit: int = 100) -> int:
    """Ask for every payment that is due; returns how many were asked for. One fault stops no other."""
    rows = Payment.objects.unscoped("every payment whose query is due")
    due = rows.filter(next_query_at__lte=clock.now()).order_by("next_query_at")[:limit]
    asked = 0
    for payment in list(due):
        try:
            asked += _ask(payment, actor)
        except Exception:
            logger.exception("payment %s could not be queried", payment.out_trade_no)
    return asked


def _ask(payment: Payment, actor: Actor) -> bool:
    if not _claim(payment):
        return False
    try:
        provider = provider_of(payment.channel)
        trade = provider.query(payment.out_trade_no)
    except (ChannelOff, ProviderUnknown) as error:
        _remember(payment, f"query: {error}")
        return True  # unknown stays unknown; the next query is planned already
    book_trade(actor=actor, payment_id=payment.pk, trade=trade)
    over = payment.expires_at + timedelta(seconds=CLOSE_GRACE_S) <= clock.now()
    if over and payment.state in WAITING_STATES and trade.state in (TradeState.UNPAID, TradeState.ABSENT):
        _close(payment, provider, actor)
    return True


def _claim(payment: Payment) -> bool:
    """Plan the next query before this one; False when somebody else did."""
    rows = Payment.objects.unscoped("claim of one query").filter(
        pk=payment.pk, next_query_at=payment.next_query_at
    )
    return bool(rows.update(next_query_at=_next_query(payment), queries=F("queries") + 1))


def _next_query(payment: Payment):
    if payment.state not in WAITING_STATES:
        return None  # the one look at a closed payment
    now = clock.now()
    wait = timedelta(seconds=QUERY_PLAN_S[min(payment.queries + 1, len(QUERY_PLAN_S) - 1)])
    closing = payment.expires_at + timedelta(seconds=CLOSE_GRACE_S)
    return min(now + wait, closing) if closing > now else now + wait


def _close(payment: Payment, provider: PaymentProvider, actor: Actor) -> None:
    """Close an expired payment at the channel first, then here; look at it once more later."""
    try:
        provider.close(payment.out_trade_no)
    except (ProviderRefused, ProviderUnknown) as error:
        _remember(payment, f"close: {error}")  # it may have been paid this moment: the next query tells
        return
    with transaction.atomic():
        locked = lock_payment(payment.pk)
        if PAYMENT_STATES.allows(locked.state, "closed"):
            locked.next_query_at = clock.now() + timedelta(seconds=RECHECK_CLOSED_S)
            move_payment(locked, "closed", actor, {"by": "expiry"}, update_fields=["next_query_at"])


def _remember(payment: Payment, text: str) -> None:
    rows = Payment.objects.unscoped("the last error of one payment").filter(pk=payment.pk)
    rows.exclude(state=S.SUCCEEDED).update(last_error=text[:255])
