"""Alipay's side: the gateway of one application, with the checks that the real service makes."""

import json
import re
import secrets
import time
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from billing.payments.alipay import fen_of, yuan
from billing.payments.sandbox import keys as rsa
from billing.payments.sandbox.answers import Answer, Refusal
from billing.payments.sandbox.bills import Bills
from billing.payments.sandbox.book import (
    CLOSED,
    PAID,
    UNPAID,
    ZONE,
    Book,
    Faults,
    RefundRow,
    TradeRow,
    local_moment,
)
from billing.payments.sandbox.login import LoginSide
from billing.payments.sandbox.transfers import Transfers

CLOCK_WINDOW_S = 900
PAGES = {
    "alipay.trade.wap.pay": ("wap", "QUICK_WAP_WAY"),
    "alipay.trade.page.pay": ("page", "FAST_INSTANT_TRADE_PAY"),
    "alipay.trade.app.pay": ("app", "QUICK_MSECURITY_PAY"),
}
OAUTH = "alipay.system.oauth.token"
OK = {"code": "10000", "msg": "Success"}


class AlipaySide:
    """Requests in, signed answers out; `open_page` is what a payer's click does."""

    channel = "alipay"

    def __init__(self, keys: rsa.Keys, book: Book, faults: Faults, base_url: str, login: LoginSide):
        self.keys, self.book, self.faults, self.base_url = keys, book, faults, base_url
        self.login = login
        self.transfers = Transfers(keys, book, faults)
        self.bills = Bills(keys, book, faults, base_url)

    def handle(self, query: str) -> Answer:
        """Answer one call of the gateway."""
        values: dict[str, str] = {}
        try:
            values = self._authenticate(query)
            if self.faults.take("fail_next"):
                raise Refusal(
                    20000 if self.faults.fail_status >= 500 else 40004,
                    self.faults.fail_code,
                    self.faults.fail_message,
                )
            with self.book.lock:
                content = self._route(values["method"], self._content(values), values)
                self.book.save()
        except Refusal as refusal:
            content = {
                "code": str(refusal.status),
                "msg": "Service Currently Unavailable" if refusal.status == 20000 else "Business Failed",
                "sub_code": refusal.code,
                "sub_msg": refusal.message,
            }
            method = values.get("method", "error")
            # The oldest methods have one answer for every refusal.
            return self._signed("error" if method == OAUTH else method, content, refused=True)
        return self._signed(values["method"], content)

    def open_page(self, query: str) -> TradeRow:
        """A payer opens a signed page or app order: the trade exists from here on; raises `Refusal`."""
        values = self._authenticate(query)
        if values["method"] not in PAGES:
            raise Refusal(40002, "isv.invalid-method", "this is no page")
        way, product = PAGES[values["method"]]
        content = self._content(values)
        if content.get("product_code") != product:
            raise Refusal(40004, "ACQ.INVALID_PARAMETER", "product_code does not fit the method")
        with self.book.lock:
            row = self._create(way, content, values)
            self.book.save()
        if self.book.expired(row) and row.state == UNPAID:
            raise Refusal(40004, "ACQ.TRADE_HAS_CLOSE", "the order has expired")
        return row

    def is_page(self, query: str) -> bool:
        return dict(parse_qsl(query)).get("method") in PAGES

    # --- requests --------------------------------------------------------------
    def _authenticate(self, query: str) -> dict[str, str]:
        pairs = parse_qsl(query, keep_blank_values=True)
        values = dict(pairs)
        sign = values.pop("sign", "")
        if len(values) + 1 != len(pairs) or not sign:
            raise Refusal(40002, "isv.missing-signature", "the signature is missing")
        if values.get("app_id") != self.keys.app_id:
            raise Refusal(40002, "isv.invalid-app-id", "unknown application")
        if (values.get("sign_type"), values.get("charset"), values.get("version")) != (
            "RSA2",
            "utf-8",
            "1.0",
        ):
            raise Refusal(40002, "isv.invalid-parameter", "RSA2, utf-8 and version 1.0 are wanted")
        message = "&".join(f"{key}={value}" for key, value in sorted(values.items()))
        if not rsa.verifies(rsa.public_of(self.keys.app_key), message, sign):
            raise Refusal(40002, "isv.invalid-signature", "the signature does not verify")
        try:
            at = datetime.strptime(values.get("timestamp", ""), "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
        except ValueError:
            raise Refusal(40002, "isv.invalid-timestamp", "the timestamp is not well formed") from None
        # A page order is opened whenever its payer gets to it; a call is made now.
        late = abs(time.time() - at.timestamp()) > CLOCK_WINDOW_S and values.get("method") not in PAGES
        if late:
            raise Refusal(40002, "isv.invalid-timestamp", "the timestamp is off; it is Beijing time")
        return values

    @staticmethod
    def _content(values: dict[str, str]) -> dict[str, Any]:
        try:
            content = json.loads(values.get("biz_content", "{}"))
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Refusal(40002, "isv.invalid-parameter", "biz_content is not a JSON object")
        return content

    def _route(self, method: str, content: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
        match method:
            case "alipay.system.oauth.token":
                return self.login.alipay_token(values)
            case "alipay.trade.precreate":
                row = self._create("qr", content, values)
                return {**OK, "out_trade_no": row.number, "qr_code": f"{self.base_url}/code/{row.token}"}
            case "alipay.trade.query":
                return {**OK, **self._trade_view(self._find(content))}
            case "alipay.trade.close":
                return {**OK, **self._close(self._find(content))}
            case "alipay.trade.refund":
                return {**OK, **self._refund(self._find(content), content)}
            case "alipay.trade.fastpay.refund.query":
                return {**OK, **self._refund_view(self._find(content), content)}
            case "alipay.fund.trans.uni.transfer":
                self.transfers.require_certificates(values)
                return {**OK, **self.transfers.alipay_create(content)}
            case "alipay.fund.trans.common.query":
                self.transfers.require_certificates(values)
                return {**OK, **self.transfers.alipay_query(content)}
            case "alipay.data.dataservice.bill.downloadurl.query":
                return {**OK, **self.bills.alipay_link(content)}
        raise Refusal(40002, "isv.invalid-method", "unknown method")

    # --- payments --------------------------------------------------------------
    def _create(self, way: str, content: dict[str, Any], values: dict[str, str]) -> TradeRow:
        number, amount = content.get("out_trade_no") or "", self._amount(content.get("total_amount"))
        if not re.fullmatch(r"[0-9A-Za-z_]{1,64}", number) or not content.get("subject"):
            raise Refusal(40004, "ACQ.INVALID_PARAMETER", "out_trade_no or subject is not well formed")
        if not values.get("notify_url", "").startswith(("http://", "https://")):
            raise Refusal(40004, "ACQ.INVALID_PARAMETER", "notify_url is missing")
        row = self.book.trades.get((self.channel, number))
        if row is None:
            row = TradeRow(
                channel=self.channel,
                number=number,
                amount_fen=amount,
                way=way,
                notify_url=values["notify_url"],
                subject=content["subject"],
                expires_at=self._moment(content.get("time_expire")),
                request=content,
                provider_no=self.book.new_number(),
                payer=f"2088{secrets.randbelow(10**12):012d}",
            )
            self.book.add(row)
        elif row.state == PAID:
            raise Refusal(40004, "ACQ.TRADE_HAS_SUCCESS", "the trade has been paid")
        elif row.state == CLOSED:
            raise Refusal(40004, "ACQ.TRADE_HAS_CLOSE", "the trade is closed")
        elif row.request != content:
            raise Refusal(40004, "ACQ.CONTEXT_INCONSISTENT", "the number was used with other content")
        return row

    @staticmethod
    def _amount(text: Any) -> int:
        if not isinstance(text, str) or not re.fullmatch(r"\d{1,9}\.\d{2}", text) or fen_of(text) < 1:
            raise Refusal(40004, "ACQ.INVALID_PARAMETER", "an amount is yuan with two decimals from 0.01")
        return fen_of(text)

    @staticmethod
    def _moment(text: str | None) -> float:
        if text is None:
            return time.time() + 15 * 86400
        try:
            return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE).timestamp()
        except ValueError:
            raise Refusal(40004, "ACQ.INVALID_PARAMETER", "time_expire is not well formed") from None

    def _find(self, content: dict[str, Any]) -> TradeRow:
        row = self.book.trades.get((self.channel, content.get("out_trade_no") or ""))
        if row is None:
            raise Refusal(40004, "ACQ.TRADE_NOT_EXIST", "there is no such trade")
        return row

    def _close(self, row: TradeRow) -> dict[str, Any]:
        if row.state != UNPAID:
            raise Refusal(40004, "ACQ.TRADE_STATUS_ERROR", "the trade is not waiting for payment")
        row.state = CLOSED
        return {"out_trade_no": row.number, "trade_no": row.provider_no}

    def _status(self, row: TradeRow) -> str:
        if row.state == PAID:
            return "TRADE_CLOSED" if self.book.refunded_fen(row) >= row.amount_fen else "TRADE_SUCCESS"
        return {UNPAID: "WAIT_BUYER_PAY", CLOSED: "TRADE_CLOSED"}[row.state]

    def _trade_view(self, row: TradeRow) -> dict[str, Any]:
        view = {
            "out_trade_no": row.number,
            "trade_no": row.provider_no,
            "trade_status": self._status(row),
            "total_amount": yuan(row.amount_fen),
            "buyer_user_id": row.payer,
        }
        return view | ({"send_pay_date": local_moment(row.paid_at)} if row.state == PAID else {})

    # --- refunds ---------------------------------------------------------------
    def _refund(self, row: TradeRow, content: dict[str, Any]) -> dict[str, Any]:
        amount, number = self._amount(content.get("refund_amount")), content.get("out_request_no") or ""
        if not number or len(number) > 64:
            raise Refusal(40004, "ACQ.INVALID_PARAMETER", "out_request_no is missing")
        existing = self.book.refunds.get((self.channel, number))
        fresh = existing is None
        if existing is not None and (existing.trade_number, existing.amount_fen) != (row.number, amount):
            raise Refusal(40004, "ACQ.DISCORDANT_REPEAT_REQUEST", "the number was used with other content")
        if fresh:
            if row.state != PAID:
                raise Refusal(40004, "ACQ.TRADE_STATUS_ERROR", "the trade is not paid")
            if self.book.refunded_fen(row) + amount > row.amount_fen:
                raise Refusal(40004, "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "more than was paid")
            now = self.book.now()
            if self.faults.refund_outcome != "closed":  # else taken, and never carried out
                self.book.add(
                    RefundRow(
                        channel=self.channel,
                        number=number,
                        trade_number=row.number,
                        amount_fen=amount,
                        created_at=now,
                        notify_url=row.notify_url,
                    )
                )
        return {
            "out_trade_no": row.number,
            "trade_no": row.provider_no,
            "fund_change": "Y" if fresh else "N",
            "refund_fee": yuan(self.book.refunded_fen(row)),
        }

    def _refund_view(self, row: TradeRow, content: dict[str, Any]) -> dict[str, Any]:
        refund = self.book.refunds.get((self.channel, content.get("out_request_no") or ""))
        if refund is None or refund.trade_number != row.number:
            return {}  # the real service answers «success» without any figures
        view = {
            "out_trade_no": row.number,
            "trade_no": row.provider_no,
            "out_request_no": refund.number,
            "total_amount": yuan(row.amount_fen),
            "refund_amount": yuan(refund.amount_fen),
        }
        return view | ({"refund_status": "REFUND_SUCCESS"} if refund.state == "success" else {})

    # --- answers and notices -----------------------------------------------------
    def _signed(self, method: str, content: dict[str, Any], *, refused: bool = False) -> Answer:
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        sign = rsa.sign(self.keys.alipay_key, text)
        if self.faults.take("probe_answer"):
            sign = rsa.sign(rsa.new_key(), text)
        if self.faults.take("tamper_answer"):
            text = text.replace("10000", "10000 ", 1) if "10000" in text else text.replace("0", "1", 1)
        name = method.replace(".", "_") + "_response"
        body = f'{{"{name}":{text},"sign":"{sign}"}}'
        cut = not refused and self.faults.take("lose_answer")
        return Answer(200, body.encode(), content_type="text/html;charset=utf-8", cut=cut)

    def notice_of(self, row: TradeRow, notice_id: str, faults: Faults) -> tuple[dict[str, str], bytes]:
        """Headers and body of the notice that a payment was made."""
        return self._notice(row, notice_id, {"trade_status": "TRADE_SUCCESS"}, faults)

    def refund_notice_of(
        self, refund: RefundRow, notice_id: str, faults: Faults
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of the notice about a refund."""
        row = self.book.trades[self.channel, refund.trade_number]
        return self._notice(
            row,
            notice_id,
            {
                "trade_status": self._status(row),
                "out_biz_no": refund.number,
                "refund_fee": yuan(self.book.refunded_fen(row)),
                "gmt_refund": local_moment(refund.finished_at),
            },
            faults,
        )

    def _notice(
        self, row: TradeRow, notice_id: str, extra: dict[str, str], faults: Faults
    ) -> tuple[dict[str, str], bytes]:
        values = {
            "notify_id": notice_id,
            "notify_type": "trade_status_sync",
            "notify_time": local_moment(time.time() - faults.stale_s),
            "charset": "utf-8",
            "version": "1.0",
            "app_id": self.keys.app_id,
            "auth_app_id": self.keys.app_id,
            "seller_id": self.keys.seller_id,
            "buyer_id": row.payer,
            "out_trade_no": row.number,
            "trade_no": row.provider_no,
            "subject": row.subject,
            "total_amount": yuan(row.amount_fen + faults.wrong_amount_fen),
            "gmt_payment": local_moment(row.paid_at),
            **extra,
        }
        message = "&".join(f"{key}={value}" for key, value in sorted(values.items()))
        key = rsa.new_key() if faults.wrong_key or faults.probe_callback else self.keys.alipay_key
        values |= {"sign_type": "RSA2", "sign": rsa.sign(key, message)}
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return headers, urlencode(values).encode()
