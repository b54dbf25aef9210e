"""Alipay's open API through `python-alipay-sdk` (RSA2), with what the library leaves open closed here.

The library knows no base address but its own, reads an answer by counting braces (so no text of ours goes out
that could come back with one), and checks nothing of a notice but its signature: age, application, seller and
amount are checked here and by the service.
"""

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from alipay import AliPay, DCAliPay
from alipay.utils import AliPayConfig as LibraryConfig

from billing.payments.merchants import AlipayConfig
from billing.payments.provider import (
    Notice,
    NoticeRefused,
    PayRequest,
    ProviderRefused,
    ProviderUnknown,
    RefundRequest,
    RefundState,
    RefundView,
    Trade,
    TradeState,
)
from kernel import clock

logger = logging.getLogger(__name__)

TIMEOUT_S = 10
ZONE = ZoneInfo("Asia/Shanghai")
MOMENT = "%Y-%m-%d %H:%M:%S"
# Alipay repeats a notice for 25 hours (4m, 10m, 10m, 1h, 2h, 6h, 15h) and may keep its first time.
OLDEST_NOTICE_S = 26 * 3600
CLOCK_WINDOW_S = 300
METHODS = {
    "wap": "alipay.trade.wap.pay",
    "page": "alipay.trade.page.pay",
    "app": "alipay.trade.app.pay",
    "qr": "alipay.trade.precreate",
}
PRODUCTS = {"wap": "QUICK_WAP_WAY", "page": "FAST_INSTANT_TRADE_PAY", "app": "QUICK_MSECURITY_PAY"}
RETRYABLE = {"ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.REASON_TRADE_REFUND_FREQUENCY_LIMIT"}
UNKNOWN = {"ACQ.SYSTEM_ERROR", "AOP.SYSTEM_ERROR", "isp.unknow-error", "aop.ACQ.SYSTEM_ERROR"}


class AlipayProvider:
    """`PaymentProvider` of one application."""

    channel = "alipay"
    ways = ("wap", "page", "app", "qr")

    def __init__(self, config: AlipayConfig):
        self._config = config
        self._library = AliPay(
            appid=config.app_id,
            app_notify_url=config.notify_url,
            app_private_key_string=config.private_key,
            alipay_public_key_string=config.public_key,
            sign_type="RSA2",
            config=LibraryConfig(timeout=TIMEOUT_S),
        )
        self._library._gateway = config.url
        self._certified = self._with_certificates() if self.has_certificates else None

    @property
    def has_certificates(self) -> bool:
        """Whether the application has the certificates that transfers need."""
        config = self._config
        return bool(config.app_certificate and config.alipay_certificate and config.root_certificate)

    def _with_certificates(self) -> DCAliPay:
        config = self._config
        library = DCAliPay(
            appid=config.app_id,
            app_private_key_string=config.private_key,
            app_public_key_cert_string=config.app_certificate,
            alipay_public_key_cert_string=config.alipay_certificate,
            alipay_root_cert_string=config.root_certificate,
            sign_type="RSA2",
        )
        library._gateway, library._config = config.url, LibraryConfig(timeout=TIMEOUT_S)
        return library

    # --- paying ----------------------------------------------------------------
    def create(self, request: PayRequest) -> dict[str, Any]:
        content = {
            "out_trade_no": request.out_trade_no,
            "total_amount": yuan(request.amount_fen),
            "subject": re.sub(r"[{}]", "", request.subject),
            "time_expire": request.expires_at.astimezone(ZONE).strftime(MOMENT),
        }
        if request.way == "qr":
            try:
                body = self._call(METHODS["qr"], content, notify_url=self._config.notify_url)
            except ProviderRefused as refusal:
                if refusal.code == "ACQ.TRADE_HAS_SUCCESS":  # a repeat that was paid meanwhile
                    raise ProviderUnknown(str(refusal)) from refusal
                raise
            return {"code_url": body["qr_code"]}
        content["product_code"] = PRODUCTS[request.way]
        signed = self._library.client_api(METHODS[request.way], content, notify_url=self._config.notify_url)
        if request.way == "app":
            return {"order_string": signed}
        return {"pay_url": f"{self._config.url}?{signed}"}

    def query(self, out_trade_no: str) -> Trade:
        try:
            return self._trade(self._call("alipay.trade.query", {"out_trade_no": out_trade_no}))
        except ProviderRefused as refusal:
            if refusal.code == "ACQ.TRADE_NOT_EXIST":
                return Trade(out_trade_no=out_trade_no, state=TradeState.ABSENT)
            raise ProviderUnknown(str(refusal)) from refusal

    def close(self, out_trade_no: str) -> None:
        try:
            self._call("alipay.trade.close", {"out_trade_no": out_trade_no})
        except ProviderRefused as refusal:
            # A trade that nobody opened does not exist there; its own expiry keeps it from being paid later.
            if refusal.code != "ACQ.TRADE_NOT_EXIST":
                raise

    # --- refunds ---------------------------------------------------------------
    def refund(self, request: RefundRequest) -> RefundView:
        body = self._call(
            "alipay.trade.refund",
            {
                "out_trade_no": request.out_trade_no,
                "out_request_no": request.out_refund_no,
                "refund_amount": yuan(request.amount_fen),
            },
        )
        return RefundView(out_refund_no=request.out_refund_no, state=RefundState.PROCESSING, raw=body)

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundView:
        content = {"out_trade_no": out_trade_no, "out_request_no": out_refund_no}
        try:
            body = self._call("alipay.trade.fastpay.refund.query", content)
        except ProviderRefused as refusal:
            if refusal.code in ("ACQ.TRADE_NOT_EXIST", "TRADE_NOT_EXIST"):
                return RefundView(out_refund_no=out_refund_no, state=RefundState.ABSENT)
            raise ProviderUnknown(str(refusal)) from refusal
        if not body.get("refund_amount"):
            return RefundView(out_refund_no=out_refund_no, state=RefundState.ABSENT, raw=body)
        if body.get("out_request_no", out_refund_no) != out_refund_no:
            raise ProviderUnknown("the answer is about another refund")
        done = body.get("refund_status") == "REFUND_SUCCESS"
        return RefundView(
            out_refund_no=out_refund_no,
            state=RefundState.SUCCEEDED if done else RefundState.PROCESSING,
            amount_fen=fen_of(body["refund_amount"]),
            raw=body,
        )

    # --- notices ---------------------------------------------------------------
    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        values = self._form(body)
        sign, sign_type = values.get("sign", ""), values.get("sign_type", "")
        if not sign or sign_type != "RSA2":
            raise NoticeRefused("missing_header", status=400)
        signed = {key: value for key, value in values.items() if key not in ("sign", "sign_type")}
        try:
            genuine = self._library.verify(dict(signed), sign)
        except Exception as error:  # the library raises what its parts raise
            raise NoticeRefused("bad_signature") from error
        if not genuine:
            raise NoticeRefused("bad_signature")
        self._check_age(signed.get("notify_time", ""))
        if signed.get("app_id") != self._config.app_id or signed.get("seller_id") != self._config.seller_id:
            raise NoticeRefused("not_ours", status=403)
        notice_id = signed.get("notify_id", "")
        if not notice_id or len(notice_id) > 128:
            raise NoticeRefused("malformed", status=400)
        if signed.get("refund_fee") or signed.get("gmt_refund"):
            return Notice(
                notice_id=notice_id, out_refund_no=signed.get("out_biz_no", "")[:64] or "-", body=signed
            )
        try:
            trade = self._trade(signed, paid_key="gmt_payment")
        except ProviderUnknown as error:
            raise NoticeRefused("malformed", status=400) from error
        return Notice(notice_id=notice_id, trade=trade, body=signed)

    @staticmethod
    def _form(body: bytes) -> dict[str, str]:
        try:
            pairs = parse_qsl(
                body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=100
            )
        except ValueError as error:
            raise NoticeRefused("malformed", status=400) from error
        values = dict(pairs)
        if len(values) != len(pairs):  # a name given twice could mean one thing signed, another one read
            raise NoticeRefused("malformed", status=400)
        return values

    @staticmethod
    def _check_age(text: str) -> None:
        try:
            at = datetime.strptime(text, MOMENT).replace(tzinfo=ZONE)
        except ValueError as error:
            raise NoticeRefused("malformed", status=400) from error
        age_s = (clock.now() - at).total_seconds()
        if not -CLOCK_WINDOW_S <= age_s <= OLDEST_NOTICE_S:
            raise NoticeRefused("stale")

    # --- the wire --------------------------------------------------------------
    def call(self, method: str, content: dict[str, Any]) -> dict[str, Any]:
        """As `_call`, for the client of bills that shares this application."""
        return self._call(method, content)

    def call_with_certificates(self, method: str, content: dict[str, Any]) -> dict[str, Any]:
        """As `_call`, signed in certificate mode."""
        return self._call(method, content, library=self._certified)

    def _call(
        self, method: str, content: dict[str, Any], *, library: Any = None, **options: Any
    ) -> dict[str, Any]:
        """Call the gateway; the library verifies the answer. Returns the answer of code 10000."""
        try:
            body = (library or self._library).server_api(method, content, **options)
        except Exception as error:  # no answer, an unsigned one, or one whose signature does not verify
            logger.warning("alipay %s: no usable answer (%r)", method, error)
            raise ProviderUnknown(f"{method}: {error!r}"[:200]) from error
        code, sub_code = str(body.get("code", "")), str(body.get("sub_code", ""))
        if code == "10000":
            return body
        if code != "40004" or sub_code in UNKNOWN or not sub_code:
            raise ProviderUnknown(f"{method}: {code} {sub_code} {body.get('sub_msg', '')}"[:200])
        raise ProviderRefused(sub_code, str(body.get("sub_msg", ""))[:200], retryable=sub_code in RETRYABLE)

    def _trade(self, body: Mapping[str, Any], paid_key: str = "send_pay_date") -> Trade:
        try:
            paid_at = body.get(paid_key)
            status = body["trade_status"]
            if status in ("TRADE_SUCCESS", "TRADE_FINISHED"):
                state = TradeState.PAID
            elif status == "WAIT_BUYER_PAY":
                state = TradeState.UNPAID
            elif status == "TRADE_CLOSED":  # never paid, or paid and wholly given back
                state = TradeState.REFUNDED if paid_at else TradeState.CLOSED
            else:
                raise ProviderUnknown(f"trade status {status!r}")
            return Trade(
                out_trade_no=body["out_trade_no"],
                state=state,
                provider_no=body.get("trade_no", ""),
                amount_fen=fen_of(body["total_amount"]) if body.get("total_amount") else None,
                paid_at=datetime.strptime(paid_at, MOMENT).replace(tzinfo=ZONE) if paid_at else None,
                payer=body.get("buyer_open_id") or body.get("buyer_id") or body.get("buyer_user_id") or "",
                raw=dict(body),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderUnknown(f"unreadable trade: {error!r}") from error


def yuan(amount_fen: int) -> str:
    """Fen as the channel writes them: yuan with two decimals."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def fen_of(text: str) -> int:
    """Yuan of the channel as fen; ValueError when it is no whole number of fen."""
    try:
        amount = Decimal(text) * 100
        whole = int(amount)
    except (InvalidOperation, OverflowError, TypeError) as error:
        raise ValueError(f"{text!r} is not an amount") from error
    if amount != whole:
        raise ValueError(f"{text!r} is not a whole number of fen")
    return whole
