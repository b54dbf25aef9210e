"""Pay and start in one step: the charge begins when the channel has proven the payment.

The steps are rows, each taken in one transaction and found again by the sweep: a process that dies between the
notice and the start, or between the bill and the refund, leaves the step to the next run. The start itself is the
same as any other; one that is refused, or that never charges, sends the money back where it came from, and so does
the end of a charge with what it did not use.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from billing.locks import lock_paid_start
from billing.models import ChargingOrder, PaidStart, Payment
from billing.models.payment import WAITING_STATES
from billing.services import extensions, ledger, orders, payments, refunds
from billing.services.targets import Targets
from kernel import clock
from kernel.actor import Actor, ActorKind, system
from kernel.errors import DomainError
from kernel.services import audit, outbox
from stations.models import Connector
from users.models import Driver

logger = logging.getLogger(__name__)
TOPIC = "billing.paid_start"
S = PaidStart.State
ENDED = (ChargingOrder.State.SETTLED, ChargingOrder.State.CLOSED)
RETRY = timedelta(seconds=60)
LATE_AFTER = timedelta(minutes=10)  # whoever paid this long ago does not wait at the pile any more
OPEN = (S.WAITING, S.DUE, S.STARTED, S.REFUNDING)


def pay_and_start(
    *,
    actor: Actor,
    driver: Driver,
    connector_code: str,
    channel: str,
    amount_fen: int,
    limits: Mapping[str, Any] | None = None,
    way: str = "",
    openid: str = "",
    client_ip: str = "",
    idempotency_key: str = "",
) -> PaidStart:
    """Open a payment that starts a charge when it is paid; nothing is asked of the driver in between.

    On a port where the driver is charging already, the payment adds to that order (bought time adds up).
    The place and the driver are checked before any money is taken. `limits` may hold `energy_kwh`, `seconds`,
    `soc_pct`, `package_fen`. Raises what `payments.create_payment` and `orders.start_order` raise of the same arguments.
    """
    connector = Connector.objects.unscoped("a driver may charge at any connector")
    connector = connector.select_related("pile", "station").filter(code=connector_code).first()
    if connector is None:
        raise DomainError("connector_unknown", {"code": connector_code}, field="connector_code")
    running = extensions.running_order(driver=driver, connector=connector)
    refusal = None if running is not None else orders.why_not_startable(connector=connector, driver=driver)
    if refusal is not None and not _of_key(driver, idempotency_key):
        raise refusal
    if driver.is_frozen:
        raise DomainError("driver_frozen")
    if owed := ledger.arrears_fen(driver):
        raise DomainError("driver_in_arrears", {"yuan": f"{owed / 100:.2f}"})
    kept = _limits_json(limits or {})

    def claimed(payment: Payment) -> None:
        PaidStart.objects.create(
            payment=payment,
            driver=driver,
            operator_id=connector.operator_id,
            station_id=connector.station_id,
            pile_id=connector.pile_id,
            connector=connector,
            limits=kept,
            extends=running,
            created_at=clock.now(),
            next_at=clock.now() + RETRY,
        )

    payment = payments.create_payment(
        actor=actor,
        driver=driver,
        channel=channel,
        amount_fen=amount_fen,
        way=way,
        openid=openid,
        client_ip=client_ip,
        idempotency_key=idempotency_key,
        claimed=claimed,
    )
    start = PaidStart.objects.for_actor(actor).filter(payment=payment).first()
    if start is None or start.connector_id != connector.pk or start.limits != kept:
        raise DomainError("idempotency_conflict")  # the key was used for a recharge, or for another place
    return start


def payment_booked(payment: Payment) -> None:
    """Called in the transaction that books a payment: one that is for a charge is due now."""
    due = PaidStart.objects.unscoped("the charge of one payment").filter(
        payment=payment, state__in=(S.WAITING, S.CANCELLED)
    )
    if due.update(state=S.DUE, next_at=clock.now(), ended_at=None):
        outbox.enqueue(TOPIC, {"payment_id": payment.pk})


def work(*, payment_id: int) -> str:
    """Take the next step of a paid start that is due; returns its state then. Safe to repeat and to race."""
    with transaction.atomic():
        start = lock_paid_start(payment_id)
        if start is None:
            return ""
        if start.state == S.DUE:
            _begin(start)
        elif start.state == S.STARTED and start.order.state in ENDED:
            _move(start, S.REFUNDING)
        elif start.state == S.WAITING and start.payment.state not in WAITING_STATES:
            _not_paid(start)
    if start.state == S.REFUNDING:
        with transaction.atomic():
            start = lock_paid_start(payment_id)
            if start.state == S.REFUNDING:
                _refund_rest(start)
    return start.state


def sweep(*, actor: Actor, limit: int = 200) -> int:
    """Take every step that is due: lost messages, ended orders, refunds that had to wait; returns how many."""
    rows = PaidStart.objects.unscoped("every paid start with a step to take")
    ended = Q(state=S.STARTED, order__state__in=ENDED)
    due = Q(state__in=OPEN, next_at__lte=clock.now())
    found = list(rows.filter(ended | due).order_by("pk").values_list("payment_id", flat=True)[:limit])
    for payment_id in found:
        try:
            work(payment_id=payment_id)
        except Exception:
            logger.exception("paid start of payment %s could not go on", payment_id)
    return len(found)


def on_message(payload: Mapping[str, Any]) -> None:
    """The outbox's door."""
    work(payment_id=payload["payment_id"])


def _begin(start: PaidStart) -> None:
    """Start the charge of a locked row, or note why not and let the money go back."""
    driver = start.driver
    actor = Actor(ActorKind.ACCOUNT, str(driver.pk), driver.masked_phone, party=driver)
    if clock.now() - start.payment.paid_at > LATE_AFTER:
        _refused(start, DomainError("paid_start_late"))
        return
    try:
        with transaction.atomic():
            if start.extends is not None:
                order = _extend(start, actor)
            else:
                order = orders.start_order(
                    actor=actor,
                    connector_code=start.connector.code,
                    driver=driver,
                    limit_fen=start.payment.paid_fen,
                    targets=_targets(start.limits, start.payment.paid_fen),
                    package_fen=start.limits.get("package_fen"),
                )
    except DomainError as refusal:
        _refused(start, refusal)
        return
    start.order = order
    _move(start, S.STARTED)


def _extend(start: PaidStart, actor: Actor) -> ChargingOrder:
    energy = start.limits.get("energy_kwh")
    return extensions.extend_order(
        actor=actor,
        order_no=start.extends.order_no,
        amount_fen=start.payment.paid_fen,
        package_fen=start.limits.get("package_fen"),
        seconds=start.limits.get("seconds"),
        energy_kwh=None if energy is None else Decimal(energy),
    )


def _used_fen(start: PaidStart) -> int:
    """What an order used of one payment: the wallet's own share first, then the payments in the order they came."""
    order = start.order
    if order is None:
        return 0
    rows = (
        PaidStart.objects.unscoped("the payments of one order").filter(order=order).select_related("payment")
    )
    paid = [(one.payment_id, one.payment.paid_fen) for one in rows.order_by("pk")]
    from_wallet = max((order.stop_at_fen or 0) - sum(fen for _pk, fen in paid), 0) if len(paid) > 1 else 0
    if len(paid) == 1 and start.extends_id is not None:
        from_wallet = max((order.stop_at_fen or 0) - start.payment.paid_fen, 0)
    left = max(order.total_fen - from_wallet, 0)
    for payment_id, fen in paid:
        if payment_id == start.payment_id:
            return min(left, fen)
        left = max(left - fen, 0)
    return 0


def _refused(start: PaidStart, refusal: DomainError) -> None:
    start.refusal = {"code": refusal.code, "params": refusal.params}
    _move(start, S.REFUNDING)
    audit.record(
        actor=system("paid start"),
        action="billing.paid_start_refused",
        target=start,
        after={"payment": start.payment.out_trade_no, **start.refusal},
    )


def _refund_rest(start: PaidStart) -> None:
    """Send back what the charge did not use; waits while another charge of the driver is not settled."""
    job = system("paid start")
    rest = start.payment.paid_fen - _used_fen(start)
    rest = min(rest, refunds.refundable_fen(driver=start.driver))
    if rest > 0:
        try:
            with transaction.atomic():
                refund = refunds.request_refund(
                    actor=job,
                    driver=start.driver,
                    amount_fen=rest,
                    reason=f"rest of {start.payment.out_trade_no}",
                    idempotency_key=f"rest:{start.payment.out_trade_no}",
                )
                start.refund = refunds.approve_refund(actor=system("paid start approval"), refund=refund)
        except DomainError as refusal:
            if refusal.code not in ("refund_order_running", "refund_above"):
                raise
            start.next_at = clock.now() + RETRY
            start.save(update_fields=["next_at"])
            return
    _move(start, S.DONE)


def _not_paid(start: PaidStart) -> None:
    if start.payment.state == Payment.State.SUCCEEDED:
        _move(start, S.DUE)
        _begin(start)
    elif start.payment.state in (Payment.State.CLOSED, Payment.State.FAILED):
        _move(start, S.CANCELLED)
    else:  # before a person, who may yet credit it
        start.next_at = clock.now() + RETRY
        start.save(update_fields=["next_at"])


def _move(start: PaidStart, state: str) -> None:
    start.state = state
    over = state in (S.DONE, S.CANCELLED)
    start.ended_at = clock.now() if over else None
    start.next_at = None if over or state == S.STARTED else clock.now()
    start.save(update_fields=["state", "ended_at", "next_at", "order", "refund", "refusal"])


def _of_key(driver: Driver, key: str) -> bool:
    if not key:
        return False
    rows = PaidStart.objects.unscoped("a driver's own request")
    return rows.filter(driver=driver, payment__client_key=key).exists()


def _limits_json(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if name == "energy_kwh" else value for name, value in limits.items() if value}


def _targets(limits: Mapping[str, Any], paid_fen: int) -> Targets:
    return Targets.from_json({**{k: v for k, v in limits.items() if k != "package_fen"}, "fen": paid_fen})
