"""WeChat Pay API v3 through `wechatpayv3`, with what the library leaves open closed here.

The library accepts a notice of any age, raises on missing headers and on unknown serials, knows no base address
but its own, and fetches certificates while it verifies; all four are handled before it is called. An answer whose
signature does not verify (WeChat sends such probes, prefix `WECHATPAY/SIGNTEST/`, also in answers) means that the
state is unknown, never that the request failed.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

from billing.payments.merchants import WeChatConfig
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
from billing.payments.wechat_answers import read_order, read_permission, whole_fen

logger = logging.getLogger(__name__)

TIMEOUT_S = (3, 10)
CLOCK_WINDOW_S = 300  # WeChat Pay v3, verification of notices: older than five minutes is a replay
REFRESH_EVERY_S = 60
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
ZONE = ZoneInfo("Asia/Shanghai")
HEADERS = {
    "signature": "Wechatpay-Signature",
    "timestamp": "Wechatpay-Timestamp",
    "nonce": "Wechatpay-Nonce",
    "serial": "Wechatpay-Serial",
    "type": "Wechatpay-Signature-Type",
}
RETRYABLE = {"NOT_ENOUGH", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "FREQUENCY_LIMIT_EXCEED"}
UNKNOWN = {"SYSTEM_ERROR", "BIZ_ERR_NEED_RETRY", "BANK_ERROR"}
_TYPES = {
    "native": WeChatPayType.NATIVE,
    "jsapi": WeChatPayType.JSAPI,
    "app": WeChatPayType.APP,
    "h5": WeChatPayType.H5,
}
_TRADE_STATES = {
    "SUCCESS": TradeState.PAID,
    "NOTPAY": TradeState.UNPAID,
    "USERPAYING": TradeState.UNPAID,
    "PAYERROR": TradeState.UNPAID,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
    "REFUND": TradeState.REFUNDED,
}
_REFUND_STATES = {
    "SUCCESS": RefundState.SUCCEEDED,
    "PROCESSING": RefundState.PROCESSING,
    "CLOSED": RefundState.CLOSED,
    "ABNORMAL": RefundState.ABNORMAL,
}


class _Core(Core):
    """The library's core with an address that can be given: the one seam that tests and the sandbox use."""

    def __init__(self, url: str, **kwargs: Any):
        self._url = url
        super().__init__(**kwargs)

    @property
    def _gate_way(self) -> str:
        return self._url

    @_gate_way.setter
    def _gate_way(self, value: str) -> None:
        """The base class assigns its own address; ours stays."""


class _Client(WeChatPay):
    """The library's client on `_Core`."""

    def __init__(self, config: WeChatConfig):
        self._type = WeChatPayType.NATIVE
        self._mchid, self._appid = config.mchid, config.appid
        self._notify_url = config.notify_url
        self._partner_mode = False
        self._core = _Core(
            config.url,
            mchid=config.mchid,
            cert_serial_no=config.cert_serial,
            private_key=config.private_key,
            apiv3_key=config.apiv3_key,
            timeout=TIMEOUT_S,
            public_key=config.public_key or None,
            public_key_id=config.public_key_id or None,
        )

    def serials(self) -> set[str]:
        """Serials whose signatures can be verified without asking anybody."""
        found = {f"{certificate.serial_number:X}" for certificate in self._core._certificates}
        return found | ({self._core._public_key_id} if self._core._public_key_id else set())


class WeChatProvider:
    """`PaymentProvider` of one merchant. Thread-safe; connects at first use in platform-certificate mode."""

    channel = "wechat"
    ways = ("native", "jsapi", "app", "h5")

    def __init__(self, config: WeChatConfig):
        self._config = config
        self._lock = threading.Lock()
        self._current: _Client | None = None
        self._refreshed = 0.0

    # --- paying ----------------------------------------------------------------
    def create(self, request: PayRequest) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if request.way == "jsapi":
            options["payer"] = {"openid": request.openid}
        if request.way == "h5":
            options["scene_info"] = {
                "payer_client_ip": request.client_ip or "127.0.0.1",
                "h5_info": {"type": "Wap"},
            }
        try:
            body = self._call(
                "pay",
                description=request.subject,
                out_trade_no=request.out_trade_no,
                amount={"total": request.amount_fen, "currency": "CNY"},
                time_expire=request.expires_at.astimezone(ZONE).isoformat(timespec="seconds"),
                pay_type=_TYPES[request.way],
                **options,
            )
        except ProviderRefused as refusal:
            if refusal.code in ("ORDERPAID", "ORDER_PAID"):  # a repeat of a request that was paid meanwhile
                raise ProviderUnknown(str(refusal)) from refusal
            raise
        if request.way == "native":
            return {"code_url": body["code_url"]}
        if request.way == "h5":
            return {"h5_url": body["h5_url"]}
        return self._app_params(request.way, body["prepay_id"])

    def _app_params(self, way: str, prepay_id: str) -> dict[str, str]:
        """The signed parameters that open the payment inside WeChat (jsapi) or from an app."""
        at, nonce = str(int(time.time())), uuid.uuid4().hex
        appid = self._config.appid
        if way == "jsapi":
            package = f"prepay_id={prepay_id}"
            signature = self._client().sign([appid, at, nonce, package])
            return {
                "appId": appid,
                "timeStamp": at,
                "nonceStr": nonce,
                "package": package,
                "signType": "RSA",
                "paySign": signature,
            }
        return {
            "appid": appid,
            "partnerid": self._config.mchid,
            "prepayid": prepay_id,
            "package": "Sign=WXPay",
            "noncestr": nonce,
            "timestamp": at,
            "sign": self._client().sign([appid, at, nonce, prepay_id]),
        }

    def query(self, out_trade_no: str) -> Trade:
        try:
            return self._trade(self._call("query", out_trade_no=quote(out_trade_no, safe="")))
        except ProviderRefused as refusal:
            if refusal.code in ("ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"):
                return Trade(out_trade_no=out_trade_no, state=TradeState.ABSENT)
            raise ProviderUnknown(str(refusal)) from refusal

    def close(self, out_trade_no: str) -> None:
        try:
            self._call("close", out_trade_no=quote(out_trade_no, safe=""))
        except ProviderRefused as refusal:
            if refusal.code not in ("ORDER_CLOSED", "ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"):
                raise

    # --- refunds ---------------------------------------------------------------
    def refund(self, request: RefundRequest) -> RefundView:
        # The number of a pay-score order is none of a payment: its debit is known by the channel's number.
        named = {"out_trade_no": request.out_trade_no}
        if request.provider_no:
            named = {"transaction_id": request.provider_no}
        return self._refund_view(
            self._call(
                "refund",
                out_refund_no=request.out_refund_no,
                **named,
                amount={"refund": request.amount_fen, "total": request.paid_fen, "currency": "CNY"},
            )
        )

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundView:
        try:
            return self._refund_view(self._call("query_refund", out_refund_no=quote(out_refund_no, safe="")))
        except ProviderRefused as refusal:
            if refusal.code == "RESOURCE_NOT_EXISTS":
                return RefundView(out_refund_no=out_refund_no, state=RefundState.ABSENT)
            raise ProviderUnknown(str(refusal)) from refusal

    # --- notices ---------------------------------------------------------------
    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        values = {key: headers.get(name, "") for key, name in HEADERS.items()}
        if not all(values.values()):
            raise NoticeRefused("missing_header", status=400)
        if not values["timestamp"].isascii() or not values["timestamp"].isdigit():
            raise NoticeRefused("malformed", status=400)
        if abs(time.time() - int(values["timestamp"][:18])) > CLOCK_WINDOW_S:
            raise NoticeRefused("stale")
        if values["signature"].startswith(PROBE_PREFIX):
            raise NoticeRefused("probe")
        client = self._client_for_notice(values["serial"])
        try:
            text = body.decode("utf-8")
            content = client.callback({HEADERS[key]: value for key, value in values.items()}, text)
        except Exception as error:
            raise NoticeRefused("malformed", status=400) from error
        if not content:
            raise NoticeRefused("bad_signature")
        return self._notice(content)

    def _client_for_notice(self, serial: str) -> _Client:
        try:
            client = self._client()
            if self._known(client, serial):
                return client
            # Certificates change every few years; a stranger may not make us ask for them more than once a minute.
            client = self._refresh() if not self._config.public_key_id else client
        except ProviderUnknown as error:
            raise NoticeRefused("unknown_serial", status=500) from error
        if not self._known(client, serial):
            raise NoticeRefused("unknown_serial")
        return client

    @staticmethod
    def _known(client: _Client, serial: str) -> bool:
        return serial in client.serials() or serial.upper().lstrip("0") in client.serials()

    def _notice(self, content: Mapping[str, Any]) -> Notice:
        resource = content.get("resource")
        notice_id, kind = str(content.get("id", "")), str(content.get("event_type", ""))
        if not isinstance(resource, dict) or not notice_id or len(notice_id) > 128:
            raise NoticeRefused("malformed", status=400)
        if resource.get("mchid") != self._config.mchid:
            raise NoticeRefused("not_ours", status=403)
        if kind.startswith("TRANSACTION."):
            if resource.get("appid") != self._config.appid:
                raise NoticeRefused("not_ours", status=403)
            try:
                trade = self._trade(resource)
            except ProviderUnknown as error:
                raise NoticeRefused("malformed", status=400) from error
            return Notice(notice_id=notice_id, trade=trade, body=resource)
        if kind.startswith("REFUND."):
            return Notice(
                notice_id=notice_id, out_refund_no=str(resource.get("out_refund_no", "")), body=resource
            )
        if kind.startswith("PAYSCORE.") and self.service_id:
            return self._score_notice(notice_id, kind, resource)
        return Notice(notice_id=notice_id, body=resource)

    def _score_notice(self, notice_id: str, kind: str, resource: Mapping[str, Any]) -> Notice:
        if resource.get("appid") != self._config.appid:
            raise NoticeRefused("not_ours", status=403)
        try:
            if kind in ("PAYSCORE.USER_OPEN_SERVICE", "PAYSCORE.USER_CLOSE_SERVICE"):
                permission = read_permission(resource, service_id=self.service_id)
                return Notice(notice_id=notice_id, permission=permission, body=resource)
            order = read_order(resource, service_id=self.service_id)
            return Notice(notice_id=notice_id, score_order=order, body=resource)
        except ProviderUnknown as error:
            raise NoticeRefused("malformed", status=400) from error

    # --- the wire --------------------------------------------------------------
    def _client(self) -> _Client:
        with self._lock:
            if self._current is None:
                self._current = self._connect()
            return self._current

    def _refresh(self) -> _Client:
        """A client with fresh platform certificates, at most one attempt a minute."""
        with self._lock:
            now = time.monotonic()
            if self._current is None or now - self._refreshed >= REFRESH_EVERY_S or not self._refreshed:
                self._refreshed = now
                self._current = self._connect()
            return self._current

    def _connect(self) -> _Client:
        try:
            return _Client(self._config)
        except Exception as error:  # the library raises bare exceptions, requests its own
            raise ProviderUnknown(f"no platform certificates: {error!r}") from error

    @property
    def service_id(self) -> str:
        """The merchant's service at pay score, or nothing."""
        return self._config.service_id

    def call(self, method: str, **kwargs: Any) -> dict[str, Any]:
        """As `_call`, for the clients of transfers, bills and pay score that share this merchant."""
        return self._call(method, **kwargs)

    def download(self, url: str) -> bytes:
        """A file that an answer named; its request is signed, the file is not. Raises `ProviderUnknown`."""
        try:
            status, content = self._client().download_bill(url)
        except Exception as error:
            raise ProviderUnknown(f"download: {error!r}"[:200]) from error
        if status != 200:
            raise ProviderUnknown(f"download: {status}")
        return content.encode() if isinstance(content, str) else content

    def confirm_params(self, package: str) -> dict[str, str]:
        """What the payee's mini program opens to confirm a transfer."""
        return {"mchId": self._config.mchid, "appId": self._config.appid, "package": package}

    def _call(self, method: str, **kwargs: Any) -> dict[str, Any]:
        """Call the library; an answer of 2xx is verified by it. Returns the JSON object, {} for none."""
        client = self._client()
        try:
            status, text = getattr(client, method)(**kwargs)
        except Exception as error:  # timeouts, broken answers, signatures that do not verify
            logger.warning("wechat %s: no usable answer (%r)", method, error)
            raise ProviderUnknown(f"{method}: {error!r}"[:200]) from error
        try:
            body = json.loads(text) if text else {}
        except ValueError:
            body = {}
        if 200 <= status < 300 and isinstance(body, dict):
            return body
        code = str(body.get("code", "")) if isinstance(body, dict) else ""
        message = str(body.get("message", ""))[:200] if isinstance(body, dict) else ""
        if status >= 500 or not code or code in UNKNOWN or code == "SIGN_ERROR":
            raise ProviderUnknown(f"{method}: {status} {code} {message}"[:200])
        raise ProviderRefused(code, message, retryable=status == 429 or code in RETRYABLE)

    def _trade(self, body: Mapping[str, Any]) -> Trade:
        try:
            state = _TRADE_STATES[body["trade_state"]]
            if body["mchid"] != self._config.mchid or body["appid"] != self._config.appid:
                raise ProviderUnknown("the answer is about another merchant or application")
            amount = body.get("amount") or {}
            return Trade(
                out_trade_no=body["out_trade_no"],
                state=state,
                provider_no=body.get("transaction_id", ""),
                amount_fen=whole_fen(amount.get("total")),
                currency=amount.get("currency", "CNY"),
                paid_at=datetime.fromisoformat(body["success_time"]) if body.get("success_time") else None,
                payer=(body.get("payer") or {}).get("openid", ""),
                raw=body,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProviderUnknown(f"unreadable trade: {error!r}") from error

    def _refund_view(self, body: Mapping[str, Any]) -> RefundView:
        try:
            return RefundView(
                out_refund_no=body["out_refund_no"],
                state=_REFUND_STATES[body["status"]],
                provider_no=body.get("refund_id", ""),
                amount_fen=whole_fen((body.get("amount") or {}).get("refund")),
                raw=body,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProviderUnknown(f"unreadable refund: {error!r}") from error
