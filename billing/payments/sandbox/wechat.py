"""WeChat Pay's side: API v3 of one merchant, with the checks that the real service makes."""

import base64
import json
import re
import secrets
import time
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from billing.payments.sandbox import keys as rsa
from billing.payments.sandbox.answers import Answer, Refusal
from billing.payments.sandbox.bills import Bills
from billing.payments.sandbox.book import (
    CLOSED,
    PAID,
    UNPAID,
    Book,
    Faults,
    RefundRow,
    TradeRow,
    rfc3339,
)
from billing.payments.sandbox.payscore import PayScoreSide
from billing.payments.sandbox.transfers import Transfers

SCHEME = "WECHATPAY2-SHA256-RSA2048"
CLOCK_WINDOW_S = 300
YEAR_S = 365 * 86400
WAYS = ("native", "jsapi", "app", "h5")
_FIELD = re.compile(r'(\w+)="([^"]*)"')


class WeChatSide:
    """Requests in, signed answers out; `notice_of` and `refund_notice_of` make what is called back."""

    channel = "wechat"

    def __init__(self, keys: rsa.Keys, book: Book, faults: Faults, base_url: str):
        self.keys, self.book, self.faults, self.base_url = keys, book, faults, base_url
        self.transfers = Transfers(keys, book, faults)
        self.score = PayScoreSide(keys, book, faults)
        self.bills = Bills(keys, book, faults, base_url)
        self.uses_public_key = True
        self._nonces: dict[str, float] = {}

    def handle(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        """Answer one request to `/v3/...`; `target` is the path with its query, as signed."""
        try:
            self._authenticate(method, target, headers, body)
            self.uses_public_key = headers.get("Wechatpay-Serial", "").startswith("PUB_KEY_ID")
            if self.faults.take("fail_next"):
                raise Refusal(self.faults.fail_status, self.faults.fail_code, self.faults.fail_message)
            with self.book.lock:
                if target.startswith("/v3/billdownload/file?token="):
                    return self.bills.file(target.partition("token=")[2])
                status, content = self._route(method, target, self._json(body))
                self.book.save()
        except Refusal as refusal:
            return self._signed(refusal.status, {"code": refusal.code, "message": refusal.message})
        return self._signed(status, content)

    # --- requests --------------------------------------------------------------
    def _authenticate(self, method: str, target: str, headers: Any, body: bytes) -> None:
        scheme, _space, rest = headers.get("Authorization", "").partition(" ")
        fields = dict(_FIELD.findall(rest))
        wanted = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
        if scheme != SCHEME or set(fields) != wanted:
            raise Refusal(401, "SIGN_ERROR", "Authorization is not well formed")
        if not headers.get("User-Agent") or "json" not in headers.get("Accept", ""):
            raise Refusal(400, "PARAM_ERROR", "User-Agent and Accept are required")
        if fields["mchid"] != self.keys.mchid or fields["serial_no"] != self.keys.cert_serial:
            raise Refusal(401, "SIGN_ERROR", "unknown merchant or certificate")
        stamp = fields["timestamp"]
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > CLOCK_WINDOW_S:
            raise Refusal(401, "SIGN_ERROR", "the timestamp is more than five minutes off")
        message = f"{method}\n{target}\n{stamp}\n{fields['nonce_str']}\n{body.decode()}\n"
        if not rsa.verifies(rsa.public_of(self.keys.merchant_key), message, fields["signature"]):
            raise Refusal(401, "SIGN_ERROR", "the signature does not verify")
        with self.book.lock:
            now = time.time()
            self._nonces = {n: at for n, at in self._nonces.items() if at > now - 2 * CLOCK_WINDOW_S}
            if self._nonces.setdefault(fields["nonce_str"], now) != now:
                raise Refusal(401, "SIGN_ERROR", "this request came before")

    @staticmethod
    def _json(body: bytes) -> dict[str, Any]:
        try:
            content = json.loads(body) if body else {}
        except ValueError:
            raise Refusal(400, "PARAM_ERROR", "the body is not JSON") from None
        if not isinstance(content, dict):
            raise Refusal(400, "PARAM_ERROR", "the body is not an object")
        return content

    def _route(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        path, _mark, query = target.partition("?")
        if (method, path) == ("GET", "/v3/certificates"):
            return 200, {"data": [self._certificate()]}
        if match := re.fullmatch(r"/v3/pay/transactions/(native|jsapi|app|h5)", path):
            self._is(method, "POST")
            return 200, self._create(match[1], body)
        if match := re.fullmatch(r"/v3/pay/transactions/(out-trade-no|id)/([^/]+)", path):
            self._is(method, "GET")
            if query != f"mchid={self.keys.mchid}":
                raise Refusal(400, "PARAM_ERROR", "mchid is missing or wrong")
            return 200, self._trade_view(self._find(match[1], match[2]))
        if match := re.fullmatch(r"/v3/pay/transactions/out-trade-no/([^/]+)/close", path):
            self._is(method, "POST")
            self._close(match[1], body)
            return 204, None
        if path == "/v3/refund/domestic/refunds":
            self._is(method, "POST")
            return 200, self._refund_view(self._refund(body))
        if match := re.fullmatch(r"/v3/refund/domestic/refunds/([^/]+)", path):
            self._is(method, "GET")
            row = self.book.refunds.get((self.channel, match[1]))
            if row is None:
                raise Refusal(404, "RESOURCE_NOT_EXISTS", "there is no such refund")
            return 200, self._refund_view(row)
        if path == "/v3/fund-app/mch-transfer/transfer-bills":
            self._is(method, "POST")
            return 200, self.transfers.wechat_create(body)
        if match := re.fullmatch(r"/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/([^/]+)", path):
            self._is(method, "GET")
            return 200, self.transfers.wechat_query(match[1])
        if path == "/v3/bill/tradebill":
            self._is(method, "GET")
            return 200, self.bills.wechat_link(dict(parse_qsl(query)))
        if path.startswith("/v3/payscore/"):
            return 200, self._score(method, path.removeprefix("/v3/payscore/"), dict(parse_qsl(query)), body)
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "there is nothing at this address")

    def _score(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        score = self.score
        if path == "permissions":
            self._is(method, "POST")
            return score.ask_permission(body)
        if match := re.fullmatch(r"permissions/authorization-code/([^/]+)", path):
            self._is(method, "GET")
            return score.permission_of(match[1], query)
        if match := re.fullmatch(r"permissions/openid/([^/]+)/terminate", path):
            self._is(method, "POST")
            score.end_permission(match[1], body)
            return None
        if path == "serviceorder":
            return score.create(body) if method == "POST" else score.query(query)
        if match := re.fullmatch(r"serviceorder/([^/]+)/(complete|modify|sync|cancel)", path):
            self._is(method, "POST")
            verbs = {
                "complete": score.complete,
                "modify": score.lower,
                "sync": score.sync,
                "cancel": score.cancel,
            }
            return verbs[match[2]](match[1], body)
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "there is nothing at this address")

    @staticmethod
    def _is(method: str, wanted: str) -> None:
        if method != wanted:
            raise Refusal(405, "PARAM_ERROR", f"{wanted} is wanted")

    # --- payments --------------------------------------------------------------
    def _create(self, way: str, body: dict[str, Any]) -> dict[str, str]:
        self._check_create(way, body)
        key = (self.channel, body["out_trade_no"])
        row = self.book.trades.get(key)
        if row is None:
            row = TradeRow(
                channel=self.channel,
                number=body["out_trade_no"],
                amount_fen=body["amount"]["total"],
                way=way,
                notify_url=body["notify_url"],
                subject=body["description"],
                expires_at=self._moment(body.get("time_expire")),
                request={**body, "way": way},
                payer=(body.get("payer") or {}).get("openid", "oSandboxPayer"),
            )
            self.book.add(row)
        elif row.state == PAID:
            raise Refusal(400, "ORDERPAID", "the order has been paid")
        elif row.state == CLOSED:
            raise Refusal(400, "ORDER_CLOSED", "the order is closed")
        elif row.request != {**body, "way": way}:
            raise Refusal(403, "OUT_TRADE_NO_USED", "the number was used with other content")
        prepay_id = f"wx{row.token}"
        return {
            "native": {"code_url": f"{self.base_url}/code/{row.token}"},
            "h5": {"h5_url": f"{self.base_url}/code/{row.token}"},
        }.get(way, {"prepay_id": prepay_id})

    def _check_create(self, way: str, body: dict[str, Any]) -> None:
        if body.get("appid") != self.keys.appid or body.get("mchid") != self.keys.mchid:
            raise Refusal(400, "APPID_MCHID_NOT_MATCH", "appid and mchid do not belong together")
        number, amount = body.get("out_trade_no"), body.get("amount") or {}
        if not isinstance(number, str) or not re.fullmatch(r"[0-9A-Za-z_\-|*]{6,32}", number):
            raise Refusal(400, "PARAM_ERROR", "out_trade_no is not well formed")
        total = amount.get("total")
        if isinstance(total, bool) or not isinstance(total, int) or total < 1:
            raise Refusal(400, "PARAM_ERROR", "amount.total is a whole number of fen from 1")
        if amount.get("currency", "CNY") != "CNY":
            raise Refusal(400, "PARAM_ERROR", "amount.currency is CNY")
        if not 1 <= len(body.get("description") or "") <= 127:
            raise Refusal(400, "PARAM_ERROR", "description has 1 to 127 characters")
        url = body.get("notify_url") or ""
        if not url.startswith(("http://", "https://")) or "?" in url or len(url) > 255:
            raise Refusal(400, "PARAM_ERROR", "notify_url is an address without parameters")
        if way == "jsapi" and not (body.get("payer") or {}).get("openid"):
            raise Refusal(400, "PARAM_ERROR", "payer.openid is missing")
        if way == "h5" and not (body.get("scene_info") or {}).get("payer_client_ip"):
            raise Refusal(400, "PARAM_ERROR", "scene_info is missing")
        if self._moment(body.get("time_expire")) < self.book.now() + 30:
            raise Refusal(400, "PARAM_ERROR", "time_expire is at least a minute away")

    @staticmethod
    def _moment(text: str | None) -> float:
        if text is None:
            return time.time() + 7200
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise Refusal(400, "PARAM_ERROR", "time_expire is not RFC 3339") from None
        if moment.tzinfo is None:
            raise Refusal(400, "PARAM_ERROR", "time_expire needs its offset")
        return moment.timestamp()

    def _find(self, kind: str, number: str) -> TradeRow:
        if kind == "out-trade-no":
            row = self.book.trades.get((self.channel, number))
        else:
            rows = (r for r in self.book.trades.values() if r.channel == self.channel)
            row = next((r for r in rows if r.provider_no == number), None)
        if row is None:
            raise Refusal(404, "ORDER_NOT_EXIST", "there is no such order")
        return row

    def _close(self, number: str, body: dict[str, Any]) -> None:
        if body.get("mchid") != self.keys.mchid:
            raise Refusal(400, "PARAM_ERROR", "mchid is missing or wrong")
        row = self._find("out-trade-no", number)
        if row.state == PAID:
            raise Refusal(400, "ORDERPAID", "the order has been paid")
        row.state = CLOSED

    def _trade_view(self, row: TradeRow, extra_fen: int = 0) -> dict[str, Any]:
        total = row.amount_fen + extra_fen
        refunded = self.book.refunded_fen(row)
        state = {UNPAID: "NOTPAY", CLOSED: "CLOSED", PAID: "REFUND" if refunded else "SUCCESS"}[row.state]
        view = {
            "appid": self.keys.appid,
            "mchid": self.keys.mchid,
            "out_trade_no": row.number,
            "trade_state": state,
            "trade_state_desc": state,
            "amount": {"total": total, "currency": "CNY"},
        }
        if row.state == PAID:
            view |= {
                "transaction_id": row.provider_no,
                "trade_type": {"h5": "MWEB"}.get(row.way, row.way.upper()),
                "bank_type": "OTHERS",
                "success_time": rfc3339(row.paid_at),
                "payer": {"openid": row.payer},
                "amount": {
                    "total": total,
                    "payer_total": total,
                    "currency": "CNY",
                    "payer_currency": "CNY",
                },
            }
        return view

    # --- refunds ---------------------------------------------------------------
    def _refund(self, body: dict[str, Any]) -> RefundRow:
        number, amount = body.get("out_refund_no") or "", body.get("amount") or {}
        if not re.fullmatch(r"[0-9A-Za-z_\-|*@]{1,64}", number):
            raise Refusal(400, "PARAM_ERROR", "out_refund_no is not well formed")
        if transaction := body.get("transaction_id"):
            rows = (row for row in self.book.trades.values() if row.channel == self.channel)
            trade = next((row for row in rows if row.provider_no == transaction), None)
        else:
            trade = self.book.trades.get((self.channel, body.get("out_trade_no", "")))
        if trade is None or trade.state != PAID:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "the payment does not exist or is not paid")
        refund, total = amount.get("refund"), amount.get("total")
        if (
            amount.get("currency") != "CNY"
            or total != trade.amount_fen
            or type(refund) is not int
            or refund < 1
        ):
            raise Refusal(400, "PARAM_ERROR", "the amounts do not fit the payment")
        existing = self.book.refunds.get((self.channel, number))
        if existing is not None:
            if (existing.trade_number, existing.amount_fen) != (trade.number, refund):
                raise Refusal(400, "PARAM_ERROR", "the refund number was used with other content")
            return existing
        earlier = self.book.refunds_of(trade)
        if self.book.now() - trade.paid_at > YEAR_S:
            raise Refusal(400, "INVALID_REQUEST", "the payment is older than a year")
        if len(earlier) >= 50 or refund + self.book.refunded_fen(trade) > trade.amount_fen:
            raise Refusal(400, "INVALID_REQUEST", "too many refunds, or more than was paid")
        if earlier and self.book.now() - max(row.created_at for row in earlier) < self.faults.refund_gap_s:
            raise Refusal(429, "FREQUENCY_LIMITED", "partial refunds are a minute apart")
        row = RefundRow(
            channel=self.channel,
            number=number,
            trade_number=trade.number,
            amount_fen=refund,
            created_at=self.book.now(),
            notify_url=body.get("notify_url", ""),
            provider_no=f"5{self.book.new_number()}",
        )
        self.book.add(row)
        return row

    def _refund_view(self, row: RefundRow) -> dict[str, Any]:
        trade = self.book.trades[self.channel, row.trade_number]
        view = {
            "refund_id": row.provider_no,
            "out_refund_no": row.number,
            "transaction_id": trade.provider_no,
            "out_trade_no": trade.number,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": rfc3339(row.created_at),
            "status": row.state.upper(),
            "amount": {
                "total": trade.amount_fen,
                "refund": row.amount_fen,
                "payer_total": trade.amount_fen,
                "payer_refund": row.amount_fen,
                "currency": "CNY",
            },
        }
        return view | ({"success_time": rfc3339(row.finished_at)} if row.finished_at else {})

    # --- answers and notices -----------------------------------------------------
    def _certificate(self) -> dict[str, Any]:
        return {
            "serial_no": self.keys.certificate_serial,
            "effective_time": rfc3339(time.time() - 86400),
            "expire_time": rfc3339(time.time() + 1825 * 86400),
            "encrypt_certificate": self._encrypted(self.keys.wechat_certificate, "certificate"),
        }

    def _encrypted(self, text: str, associated: str) -> dict[str, str]:
        nonce = secrets.token_hex(6)
        data = AESGCM(self.keys.apiv3_key.encode()).encrypt(
            nonce.encode(), text.encode(), associated.encode()
        )
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": associated,
            "ciphertext": base64.b64encode(data).decode(),
        }

    def _signature_headers(self, body: str, *, private_key: str = "", age_s: int = 0) -> dict[str, str]:
        stamp, nonce = str(int(time.time()) - age_s), secrets.token_hex(16)
        serial = self.keys.public_key_id if self.uses_public_key else self.keys.certificate_serial
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": serial,
            "Wechatpay-Signature-Type": SCHEME,
            "Wechatpay-Signature": rsa.sign(
                private_key or self.keys.wechat_key, f"{stamp}\n{nonce}\n{body}\n"
            ),
        }

    def _signed(self, status: int, content: Any) -> Answer:
        body = "" if content is None else json.dumps(content, ensure_ascii=False)
        headers = self._signature_headers(body)
        if self.faults.take("probe_answer"):
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
        if self.faults.take("tamper_answer"):
            body = body.replace('"', "'", 1) if not body.startswith("{") else "{ " + body[1:]
        return Answer(
            status, body.encode(), headers=headers, cut=status < 300 and self.faults.take("lose_answer")
        )

    def notice_of(self, row: TradeRow, notice_id: str, faults: Faults) -> tuple[dict[str, str], bytes]:
        """Headers and body of the notice that a payment was made."""
        resource = self._trade_view(row, faults.wrong_amount_fen)
        resource["trade_state"] = "SUCCESS"
        return self._notice("TRANSACTION.SUCCESS", "transaction", resource, notice_id, faults)

    def refund_notice_of(
        self, row: RefundRow, notice_id: str, faults: Faults
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of the notice about a refund."""
        view = self._refund_view(row)
        resource = {
            "mchid": self.keys.mchid,
            "out_trade_no": view["out_trade_no"],
            "transaction_id": view["transaction_id"],
            "out_refund_no": row.number,
            "refund_id": row.provider_no,
            "refund_status": row.state.upper(),
            "amount": view["amount"],
        }
        return self._notice(f"REFUND.{row.state.upper()}", "refund", resource, notice_id, faults)

    def _notice(
        self, event: str, associated: str, resource: dict[str, Any], notice_id: str, faults: Faults
    ) -> tuple[dict[str, str], bytes]:
        text = json.dumps(resource, ensure_ascii=False)
        body = json.dumps(
            {
                "id": notice_id,
                "create_time": rfc3339(time.time()),
                "resource_type": "encrypt-resource",
                "event_type": event,
                "summary": {"transaction": "支付成功", "refund": "退款通知"}.get(associated, "支付分通知"),
                "resource": {**self._encrypted(text, associated), "original_type": associated},
            },
            ensure_ascii=False,
        )
        wrong = rsa.new_key() if faults.wrong_key else ""
        headers = self._signature_headers(body, private_key=wrong, age_s=faults.stale_s)
        if faults.probe_callback:
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
        return {**headers, "Content-Type": "application/json"}, body.encode()

    def score_notice_of(
        self, event: str, resource: dict[str, Any], notice_id: str, faults: Faults
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a notice of pay score."""
        return self._notice(event, "payscore", resource, notice_id, faults)

    def open_in_app(self, params: dict[str, str]) -> TradeRow:
        """What WeChat does with the signed parameters of jsapi or app; raises `Refusal`."""
        jsapi = "paySign" in params
        prepay = params.get("package", "").removeprefix("prepay_id=") if jsapi else params.get("prepayid", "")
        names = ("appId", "timeStamp", "nonceStr") if jsapi else ("appid", "timestamp", "noncestr")
        parts = [params.get(name, "") for name in names]
        message = "\n".join([*parts, params.get("package", "") if jsapi else prepay]) + "\n"
        signature = params.get("paySign" if jsapi else "sign", "")
        if parts[0] != self.keys.appid or not rsa.verifies(
            rsa.public_of(self.keys.merchant_key), message, signature
        ):
            raise Refusal(400, "SIGN_ERROR", "the parameters of the app are not signed by the merchant")
        row = self.book.by_token(prepay.removeprefix("wx"))
        if row is None:
            raise Refusal(404, "ORDER_NOT_EXIST", "there is no such order")
        return row
