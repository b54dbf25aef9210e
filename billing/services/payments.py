"""Recharges: claim a number, call the channel outside every lock, book what the channel proves.

A payment is booked by `book_trade` alone, from a verified notice or from an answer to our own query, in one
transaction with the ledger: killed before the commit nothing has happened, and the channel's next notice or the
query job does it again.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction

from billing.locks import lock_payment
from billing.models import Account, Channel, Journal, Payment, PaymentNotice
from billing.models.payment import SCORE_WAY, WAITING_STATES
from billing.payments.channels import channels_on, provider_of
from billing.payments.merchants import ChannelOff
from billing.payments.provider import (
    PaymentProvider,
    PayRequest,
    ProviderRefused,
    ProviderUnknown,
    Trade,
    TradeState,
)
from billing.services import ledger
from billing.services.payment_states import PAYMENT_STATES, move_payment, note
from kernel import clock
from kernel.actor import Actor, ActorKind
from kernel.errors import DomainError
from kernel.live import broadcast
from kernel.services import audit
from users import policy
from users.models import Driver

logger = logging.getLogger(__name__)
WIRE_ZONE = ZoneInfo("Asia/Shanghai")
DEFAULT_WAY = {"wechat": "native", "alipay": "wap"}
CHANNEL_ACCOUNTS = {
    Channel.WECHAT.value: Account.Kind.CHANNEL_WECHAT,
    Channel.ALIPAY.value: Account.Kind.CHANNEL_ALIPAY,
}
Outcome = PaymentNotice.Outcome
S = Payment.State
# A late payer and a lost notice are found soon, an idle one costs few calls; seconds after the query before.
QUERY_PLAN_S = (20, 20, 30, 60, 120, 300)
CLOSE_GRACE_S = 30
_askers: dict[str, Callable[[Payment], Trade]] = {}
_booked_hooks: list[Callable[[Payment], None]] = []
RECHECK_CLOSED_S = 900


def create_payment(
    *,
    actor: Actor,
    driver: Driver,
    channel: str,
    amount_fen: int,
    way: str = "",
    openid: str = "",
    client_ip: str = "",
    idempotency_key: str = "",
    claimed: Callable[[Payment], None] | None = None,
    least_fen: int | None = None,
) -> Payment:
    """Open a recharge and get the parameters that let the driver pay it.

    The row is committed first, then the channel is called outside any transaction. A repeat with the same key
    finds the same payment, and calls the channel again (same number) if it had not answered. `claimed` is called with
    a new row in the transaction that makes it, for what the payment is to belong to. `least_fen` is the least amount
    where that is not a recharge's.

    Raises:
        DomainError: `recharge_amount`, `payment_channel_off`, `payment_way_unknown`, `payment_openid_missing`,
            `payment_channel_silent` (the payment stays, its state is asked for), `payment_refused`,
            `idempotency_conflict`, `permission_denied`.
    """
    if actor.kind is not ActorKind.ACCOUNT or actor.id != str(driver.pk):
        raise DomainError("permission_denied", {"permission": "billing.add_payment"})
    provider = provider_for(channel)
    way = way or DEFAULT_WAY[channel]
    _check_request(provider, way, amount_fen, openid, least_fen)
    payment = _claim(actor, driver, channel, way, amount_fen, idempotency_key, claimed)
    if payment.state != S.CREATED:
        return payment
    request = PayRequest(
        out_trade_no=payment.out_trade_no,
        way=payment.way,
        amount_fen=payment.amount_fen,
        subject=settings.PAYMENT_SUBJECT,
        expires_at=payment.expires_at,
        openid=openid,
        client_ip=client_ip or actor.ip,
    )
    try:
        params = provider.create(request)
    except ProviderUnknown as error:
        _remember_error(payment.pk, str(error))
        raise DomainError("payment_channel_silent") from error
    except ProviderRefused as refusal:
        _refused(payment.pk, refusal, actor)
        raise DomainError("payment_refused", {"code": refusal.code}) from refusal
    return _offered(payment.pk, params, actor)


def book_trade(*, actor: Actor, payment_id: int, trade: Trade) -> str:
    """Take over what the channel says about a payment; returns a `PaymentNotice.Outcome`.

    Paid: the wallet is credited and arrears are paid from it, once. An amount, currency, number or channel number
    that does not fit puts the payment before a person and moves no money.
    """
    with transaction.atomic():
        payment = lock_payment(payment_id)
        if trade.state in (TradeState.UNPAID, TradeState.ABSENT):
            return Outcome.IGNORED
        if payment.state == S.SUCCEEDED:
            return _repeat(payment, trade, actor)
        if trade.state is TradeState.CLOSED:
            return _closed_there(payment, actor)
        finding = _misfit(payment, trade)
        if finding is not None:
            return _to_review(payment, finding, trade, actor)
        _book(payment, trade, actor, {"late": payment.state not in WAITING_STATES})
        return Outcome.CREDITED


def query_payment(*, actor: Actor, payment: Payment) -> Payment:
    """Ask the channel about one payment now and book what it says.

    Needs `billing.query_payment`. Raises `payment_channel_silent`, `payment_channel_off`, `permission_denied`.
    """
    policy.require(actor, "billing.query_payment")
    try:
        trade = ask_channel(payment)
    except ProviderUnknown as error:
        _remember_error(payment.pk, str(error))
        raise DomainError("payment_channel_silent") from error
    book_trade(actor=actor, payment_id=payment.pk, trade=trade)
    payment.refresh_from_db()
    return payment


def resolve_payment(*, actor: Actor, payment: Payment, how: str, reason: str) -> Payment:
    """Decide about a payment that does not fit: `credit` books what the channel says now that it received,
    `dismiss` books nothing.

    Needs `billing.resolve_payment` and a reason. Raises `payment_not_in_review`, `payment_not_paid`,
    `payment_channel_silent`, `choice_invalid`, `reason_required`, `permission_denied`.
    """
    policy.require(actor, "billing.resolve_payment")
    if how not in ("credit", "dismiss"):
        raise DomainError("choice_invalid", {"value": how, "accepted": "credit, dismiss"}, field="how")
    if not reason.strip():
        raise DomainError("reason_required", field="reason")
    trade = None
    if how == "credit":
        try:
            trade = ask_channel(payment)
        except ProviderUnknown as error:
            raise DomainError("payment_channel_silent") from error
        if trade.state is not TradeState.PAID or trade.currency != "CNY" or not trade.amount_fen:
            raise DomainError("payment_not_paid", {"number": payment.out_trade_no})
    with transaction.atomic():
        locked = lock_payment(payment.pk)
        if locked.state != S.REVIEW:
            raise DomainError("payment_not_in_review", {"number": locked.out_trade_no})
        before = {"state": locked.state, "reasons": locked.review_reasons}
        if trade is None:
            move_payment(locked, "dismissed", actor, {"reason": reason})
        else:
            _book(locked, trade, actor, {"by_hand": True, "reason": reason})
        audit.record(
            actor=actor,
            action="billing.resolve_payment",
            target=locked,
            reason=reason,
            before=before,
            after={"state": locked.state, "how": how, "paid_fen": locked.paid_fen},
        )
    return locked


def ask_elsewhere(way: str, asker: Callable[[Payment], Trade]) -> None:
    """Register who knows about payments of a way that the channel's own query does not know."""
    _askers[way] = asker


def payment_of_key(driver: Driver, key: str) -> Payment | None:
    """The driver's payment that was opened with this idempotency key."""
    return _of_key(driver, key)


def ask_channel(payment: Payment) -> Trade:
    """What the channel says of a payment now; raises `ProviderUnknown`, `payment_channel_off`."""
    asker = _askers.get(payment.way)
    return asker(payment) if asker else provider_for(payment.channel).query(payment.out_trade_no)


def provider_for(channel: str) -> PaymentProvider:
    """The client of a channel; raises `payment_channel_off` with the channels that are on."""
    try:
        if channel not in CHANNEL_ACCOUNTS:
            raise ChannelOff(channel)
        return provider_of(channel)
    except ChannelOff:
        accepted = ", ".join(provider.channel for provider in channels_on()) or "-"
        raise DomainError(
            "payment_channel_off", {"channel": channel, "accepted": accepted}, field="channel"
        ) from None


# --- opening -------------------------------------------------------------------
def _check_request(
    provider: PaymentProvider, way: str, amount_fen: Any, openid: str, least_fen: int | None
) -> None:
    lowest = settings.RECHARGE_MIN_FEN if least_fen is None else least_fen
    highest = settings.RECHARGE_MAX_FEN
    whole = isinstance(amount_fen, int) and not isinstance(amount_fen, bool)
    if not whole or not lowest <= amount_fen <= highest:
        params = {"amount": amount_fen, "minimum": lowest, "maximum": highest}
        raise DomainError("recharge_amount", params, field="amount_fen")
    if way not in provider.ways:
        params = {"way": way, "channel": provider.channel, "accepted": ", ".join(provider.ways)}
        raise DomainError("payment_way_unknown", params, field="way")
    if way == "jsapi" and not openid:
        raise DomainError("payment_openid_missing", field="openid")


def _claim(
    actor: Actor,
    driver: Driver,
    channel: str,
    way: str,
    amount_fen: int,
    key: str,
    claimed: Callable[[Payment], None] | None,
) -> Payment:
    """The payment of this request: the existing one of the same key, or a new committed row."""
    found = _of_key(driver, key)
    if found is None:
        now = clock.now()
        try:
            with transaction.atomic():
                payment = Payment.objects.create(
                    out_trade_no=f"P{now.astimezone(WIRE_ZONE):%y%m%d%H%M%S}{secrets.randbelow(10**10):010d}",
                    channel=channel,
                    way=way,
                    driver=driver,
                    operator_id=driver.operator_id,
                    amount_fen=amount_fen,
                    client_key=key,
                    created_at=now,
                    expires_at=now + timedelta(seconds=settings.PAYMENT_EXPIRE_S),
                    next_query_at=now + timedelta(seconds=QUERY_PLAN_S[0]),
                )
                note(payment, "created", actor, {"amount_fen": amount_fen, "channel": channel, "way": way})
                if claimed is not None:
                    claimed(payment)
                return payment
        except IntegrityError:
            found = _of_key(driver, key)  # a rival with the same key was first
            if found is None:
                raise
    if (found.channel, found.way, found.amount_fen) != (channel, way, amount_fen):
        raise DomainError("idempotency_conflict")
    return found


def _of_key(driver: Driver, key: str) -> Payment | None:
    if not key:
        return None
    return Payment.objects.unscoped("a driver's own request").filter(driver=driver, client_key=key).first()


def _offered(payment_id: int, params: dict[str, Any], actor: Actor) -> Payment:
    with transaction.atomic():
        payment = lock_payment(payment_id)
        if payment.state == S.CREATED:
            payment.pay_params, payment.last_error = params, ""
            move_payment(payment, "offered", actor, update_fields=["pay_params", "last_error"])
        return payment


def _refused(payment_id: int, refusal: ProviderRefused, actor: Actor) -> None:
    with transaction.atomic():
        payment = lock_payment(payment_id)
        if payment.state == S.CREATED:
            payment.last_error = str(refusal)[:255]
            move_payment(
                payment,
                "refused",
                actor,
                {"code": refusal.code, "message": refusal.message},
                update_fields=["last_error"],
            )


def _remember_error(payment_id: int, text: str) -> None:
    Payment.objects.unscoped("the last error of one payment").filter(pk=payment_id).update(
        last_error=text[:255]
    )


# --- booking -------------------------------------------------------------------
def _misfit(payment: Payment, trade: Trade) -> dict[str, Any] | None:
    """Why a paid trade may not be booked by itself; None when it fits."""
    if trade.out_trade_no != payment.out_trade_no:
        return {"code": "other_number", "params": {"number": trade.out_trade_no}}
    if trade.state is TradeState.REFUNDED:
        return {"code": "refunded_there", "params": {}}
    if trade.currency != "CNY":
        return {"code": "other_currency", "params": {"currency": trade.currency}}
    if trade.amount_fen != payment.amount_fen:
        return {
            "code": "amount_differs",
            "params": {"expected_fen": payment.amount_fen, "paid_fen": trade.amount_fen},
        }
    if not trade.provider_no:
        return {"code": "no_provider_number", "params": {}}
    others = Payment.objects.unscoped("a channel's number belongs to one payment").filter(
        channel=payment.channel, provider_no=trade.provider_no
    )
    if others.exclude(pk=payment.pk).exists():
        return {"code": "provider_number_taken", "params": {"number": trade.provider_no}}
    return None


def _book(payment: Payment, trade: Trade, actor: Actor, data: dict[str, Any]) -> None:
    payment.paid_fen, payment.paid_at = trade.amount_fen, trade.paid_at or clock.now()
    payment.provider_no, payment.payer = trade.provider_no, trade.payer[:128]
    payment.journal = ledger.credit(
        key=f"payment:{payment.out_trade_no}",
        kind=Journal.Kind.SCORE_DEBIT if payment.way == SCORE_WAY else Journal.Kind.RECHARGE,
        source=ledger.account_of(CHANNEL_ACCOUNTS[payment.channel]),
        driver=payment.driver,
        amount_fen=trade.amount_fen,
        actor=actor,
        memo=payment.out_trade_no,
    )
    payment.next_query_at, payment.last_error = None, ""
    move_payment(
        payment,
        "paid",
        actor,
        {"provider_no": trade.provider_no, "paid_fen": trade.amount_fen, **data},
        update_fields=[
            "paid_fen", "paid_at", "provider_no", "payer", "journal", "next_query_at", "last_error",
        ],
    )  # fmt: skip
    for hook in _booked_hooks:
        hook(payment)
    broadcast("board.platform", "board.dirty")


def on_booked(hook: Callable[[Payment], None]) -> None:
    """Register what else happens in the transaction that books a payment, once."""
    if hook not in _booked_hooks:
        _booked_hooks.append(hook)


def _repeat(payment: Payment, trade: Trade, actor: Actor) -> str:
    """A booked payment is told of again: nothing moves, but a different story is written down."""
    if trade.state is TradeState.PAID and (trade.provider_no, trade.amount_fen) != (
        payment.provider_no,
        payment.paid_fen,
    ):
        reason = {
            "code": "told_otherwise",
            "params": {"number": trade.provider_no, "paid_fen": trade.amount_fen},
        }
        if reason not in payment.review_reasons:
            payment.review_reasons = [*payment.review_reasons, reason]
            payment.save(update_fields=["review_reasons"])
            note(payment, "told_otherwise", actor, reason["params"])
        logger.error("payment %s: the channel tells another story after booking", payment.out_trade_no)
        return Outcome.DIFFERS
    return Outcome.REPEATED


def _to_review(payment: Payment, finding: dict[str, Any], trade: Trade, actor: Actor) -> str:
    logger.error("payment %s does not fit: %s", payment.out_trade_no, finding)
    if finding in payment.review_reasons and payment.state == S.REVIEW:
        return Outcome.DIFFERS
    payment.review_reasons = [*payment.review_reasons, finding]
    payment.next_query_at = None
    if payment.state == S.REVIEW:
        payment.save(update_fields=["review_reasons", "next_query_at"])
        note(payment, "differs", actor, finding)
    else:
        move_payment(payment, "differs", actor, finding, update_fields=["review_reasons", "next_query_at"])
    return Outcome.DIFFERS


def _closed_there(payment: Payment, actor: Actor) -> str:
    if PAYMENT_STATES.allows(payment.state, "closed"):
        payment.next_query_at = None
        move_payment(payment, "closed", actor, {"by": "channel"}, update_fields=["next_query_at"])
    return Outcome.IGNORED
