"""Refunds to where the money came from: asked for, decided by staff, spread over recharges.

The amount leaves the wallet when it is asked for, so nothing can spend it in between; it comes back when the
refund is rejected, withdrawn, or a channel proves that it did not pay. Sending is in `refund_sending`.
"""

import secrets
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from billing.locks import lock_accounts, lock_payments, lock_refund
from billing.models import Account, ChargingOrder, Journal, Payment, Refund, RefundPart
from billing.services import bonuses, ledger
from billing.services.payment_states import move_part, move_refund, note
from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.services import audit, outbox
from users import policy
from users.models import Driver
from users.services import edits

WIRE_ZONE = ZoneInfo("Asia/Shanghai")
REFUNDABLE_DAYS = (
    365  # WeChat Pay: refunds within one year of the payment; Alipay's contract limit is the same
)
MOST_PARTS_OF_A_PAYMENT = 50  # WeChat Pay: at most 50 partial refunds of one payment
SEND_TOPIC = "billing.send_refund"
UNSETTLED = ("starting", "charging", "stopping", "finishing")
S, T = Refund.State, RefundPart.State


def refundable_fen(*, driver: Driver) -> int:
    """What could go back to its origin now: free money of the wallet, as far as recharges have a rest."""
    rests = sum(rest for _payment, rest in _rests(_refundable_payments(driver)))
    return max(min(ledger.wallet_of(driver).available_fen, rests), 0)


def request_refund(
    *, actor: Actor, driver: Driver, amount_fen: int, reason: str = "", idempotency_key: str = ""
) -> Refund:
    """Ask for a refund: freeze the amount and spread it over recharges, newest first.

    A driver asks for themself; staff need `billing.request_refund` and a reason. A repeat with the same key
    returns the first refund.

    Raises:
        DomainError: `refund_above` (with what is possible), `refund_order_running`, `amount_invalid`,
            `idempotency_conflict`, `reason_required`, `permission_denied`.
    """
    _require_may_ask(actor, driver, reason)
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int) or amount_fen < 1:
        params = {"amount": amount_fen, "maximum": ledger.MAX_TOP_UP_FEN}
        raise DomainError("amount_invalid", params, field="amount_fen")
    found = _of_key(driver, idempotency_key)
    if found is None:
        try:
            with transaction.atomic():
                return _request(actor, driver, amount_fen, reason, idempotency_key)
        except IntegrityError:
            found = _of_key(driver, idempotency_key)  # a rival with the same key was first
            if found is None:
                raise
    if found.amount_fen != amount_fen:
        raise DomainError("idempotency_conflict")
    return found


def approve_refund(*, actor: Actor, refund: Refund, reason: str = "") -> Refund:
    """Approve a refund; it leaves for the channels after the commit.

    Needs `billing.approve_refund`; above `EV_REFUND_APPROVAL_FEN` the approver is not who asked for it. Raises
    `refund_four_eyes`, `refund_decided`, `permission_denied`.
    """
    policy.require(actor, "billing.approve_refund")
    with transaction.atomic():
        locked = lock_refund(refund.pk)
        _require_undecided(locked)
        if locked.amount_fen > settings.REFUND_APPROVAL_FEN and locked.requested_by_key == actor.key:
            raise DomainError("refund_four_eyes", {"limit_yuan": f"{settings.REFUND_APPROVAL_FEN / 100:.2f}"})
        _decide(locked, actor, "approved", reason)
        RefundPart.objects.unscoped("parts of a locked refund").filter(refund=locked).update(
            next_at=clock.now()
        )
        outbox.enqueue(SEND_TOPIC, {"refund_id": locked.pk})
    return locked


def reject_refund(*, actor: Actor, refund: Refund, reason: str) -> Refund:
    """Reject a refund with a reason; the money is back on the wallet at once.

    Needs `billing.approve_refund`. Raises `refund_decided`, `reason_required`, `permission_denied`.
    """
    policy.require(actor, "billing.approve_refund")
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    return _undo(actor, refund, "rejected", reason)


def withdraw_refund(*, actor: Actor, refund: Refund) -> Refund:
    """Take back one's own refund before it is decided. Raises `refund_decided`, `permission_denied`."""
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(refund.driver_id):
        raise DomainError("permission_denied", {"permission": "billing.approve_refund"})
    return _undo(actor, refund, "withdrawn", "")


def return_part(part: RefundPart, payment: Payment, actor: Actor) -> None:
    """Give a part's amount back to the wallet (arrears are paid first) and to the recharge's rest.

    Under the locks of its refund and payment; the caller moves the part.
    """
    payment.refunded_fen -= part.amount_fen
    payment.save(update_fields=["refunded_fen"])
    driver = payment.driver
    ledger.credit(
        key=f"refund:{part.out_refund_no}:returned",
        kind=Journal.Kind.REFUND_RETURNED,
        source=ledger.account_of(Account.Kind.REFUNDS_IN_TRANSIT, driver=driver),
        driver=driver,
        amount_fen=part.amount_fen,
        actor=actor,
        memo=part.out_refund_no,
    )
    bonuses.restore(part, actor)


# --- asking ----------------------------------------------------------------------
def _require_may_ask(actor: Actor, driver: Driver, reason: str) -> None:
    if actor.kind is ActorKind.ACCOUNT:
        if actor.id != str(driver.pk):
            raise DomainError("permission_denied", {"permission": "billing.request_refund"})
        return
    policy.require(actor, "billing.request_refund")
    edits.in_scope(actor, driver)
    if not reason.strip():
        raise DomainError("reason_required", field="reason")


def _of_key(driver: Driver, key: str) -> Refund | None:
    if not key:
        return None
    return Refund.objects.unscoped("a driver's own request").filter(driver=driver, client_key=key).first()


def _refundable_payments(driver: Driver):
    rows = Payment.objects.unscoped("a driver's own recharges").filter(
        driver=driver,
        state=Payment.State.SUCCEEDED,
        paid_at__gt=clock.now() - timedelta(days=REFUNDABLE_DAYS),
        refunded_fen__lt=F("paid_fen"),
    )
    return rows.order_by("-paid_at", "-pk")


def _rests(payments) -> list[tuple[Payment, int]]:
    """(payment, fen that may still go back), newest first; without those that were refunded too often."""
    found = []
    for payment in payments:
        parts = RefundPart.objects.unscoped("parts of one payment").filter(payment=payment)
        if parts.exclude(state=T.CANCELLED).count() < MOST_PARTS_OF_A_PAYMENT:
            found.append((payment, payment.paid_fen - payment.refunded_fen))
    return found


def _request(actor: Actor, driver: Driver, amount_fen: int, reason: str, key: str) -> Refund:
    ids = list(_refundable_payments(driver).values_list("pk", flat=True))
    locked = lock_payments(ids)
    newest_first = [locked[pk] for pk in ids if locked[pk].refunded_fen < (locked[pk].paid_fen or 0)]
    wallet = ledger.wallet_of(driver)
    transit = ledger.account_of(Account.Kind.REFUNDS_IN_TRANSIT, driver=driver)
    wallet = lock_accounts([wallet.pk, transit.pk])[wallet.pk]
    # Under the wallet's lock, which every start takes as well: a session cannot begin in between.
    orders = ChargingOrder.objects.unscoped("a driver's own orders").filter(driver=driver)
    if orders.filter(state__in=UNSETTLED).exists():
        raise DomainError("refund_order_running")
    rests = _rests(newest_first)
    possible = max(min(wallet.available_fen, sum(rest for _payment, rest in rests)), 0)
    if amount_fen > possible:
        params = {"maximum_yuan": f"{possible / 100:.2f}", "asked_yuan": f"{amount_fen / 100:.2f}"}
        raise DomainError("refund_above", {**params, "maximum_fen": possible}, field="amount_fen")
    now = clock.now()
    refund = Refund.objects.create(
        refund_no=f"R{now.astimezone(WIRE_ZONE):%y%m%d%H%M%S}{secrets.randbelow(10**8):08d}",
        driver=driver,
        operator_id=driver.operator_id,
        amount_fen=amount_fen,
        client_key=key,
        reason=reason[:255],
        requested_at=now,
        requested_by_key=actor.key[:96],
        requested_by_name=actor.name[:128],
    )
    _spread(refund, rests)
    ledger.post(
        key=f"refund:{refund.refund_no}:freeze",
        kind=Journal.Kind.REFUND_FREEZE,
        lines=[(wallet, -amount_fen), (transit, amount_fen)],
        actor=actor,
        memo=refund.refund_no,
    )
    for part in refund.parts.select_related("payment__driver"):
        bonuses.take_back(part, actor)
    note(refund, "requested", actor, {"amount_fen": amount_fen, "reason": reason})
    _audit(refund, actor, "billing.request_refund", reason, {"free_fen": wallet.balance_fen})
    return refund


def _spread(refund: Refund, rests: list[tuple[Payment, int]]) -> None:
    left = refund.amount_fen
    for number, (payment, rest) in enumerate(rests, start=1):
        share = min(left, rest)
        RefundPart.objects.create(
            refund=refund,
            payment=payment,
            channel=payment.channel,
            out_refund_no=f"{refund.refund_no}-{number:03d}",
            amount_fen=share,
        )
        payment.refunded_fen += share
        payment.save(update_fields=["refunded_fen"])
        left -= share
        if not left:
            return


# --- deciding ----------------------------------------------------------------------
def _require_undecided(refund: Refund) -> None:
    if refund.state != S.REQUESTED:
        raise DomainError("refund_decided", {"number": refund.refund_no})


def _decide(refund: Refund, actor: Actor, event: str, reason: str, *, finished: bool = False) -> None:
    before = {"state": refund.state}
    refund.decided_at, refund.decision_reason = clock.now(), reason[:255]
    refund.decided_by_key, refund.decided_by_name = actor.key[:96], actor.name[:128]
    refund.finished_at = refund.decided_at if finished else None
    fields = ["decided_at", "decision_reason", "decided_by_key", "decided_by_name", "finished_at"]
    move_refund(refund, event, actor, {"reason": reason}, update_fields=fields)
    _audit(refund, actor, f"billing.refund_{event}", reason, before)


def _undo(actor: Actor, refund: Refund, event: str, reason: str) -> Refund:
    with transaction.atomic():
        locked = lock_refund(refund.pk)
        _require_undecided(locked)
        parts = list(locked.parts.all())
        payments = lock_payments(part.payment_id for part in parts)
        for part in parts:
            return_part(part, payments[part.payment_id], actor)
            part.finished_at = clock.now()
            move_part(part, "cancelled", update_fields=["finished_at"])
        _decide(locked, actor, event, reason, finished=True)
    return locked


def _audit(refund: Refund, actor: Actor, action: str, reason: str, before: dict[str, Any]) -> None:
    audit.record(
        actor=actor,
        action=action,
        target=refund,
        reason=reason,
        before=before,
        after={"state": refund.state, "amount_fen": refund.amount_fen},
    )
