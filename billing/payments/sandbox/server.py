"""The sandbox as one HTTP server: both services, the payer's pages, and a control address for misbehaviour."""

import contextlib
import json
import logging
import secrets
import threading
import time
from dataclasses import asdict, fields, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from billing.payments.sandbox import keys as rsa
from billing.payments.sandbox import pages
from billing.payments.sandbox.alipay import AlipaySide
from billing.payments.sandbox.answers import Answer, Refusal
from billing.payments.sandbox.book import (
    CLOSED,
    PAID,
    UNPAID,
    Book,
    Faults,
    PermissionRow,
    RefundRow,
    ScoreRow,
    TradeRow,
    TransferRow,
)
from billing.payments.sandbox.callbacks import Caller, call_many
from billing.payments.sandbox.invoices import InvoiceSide
from billing.payments.sandbox.login import PATHS as LOGIN_PATHS
from billing.payments.sandbox.login import LoginSide
from billing.payments.sandbox.sms import PATH as SMS_PATH
from billing.payments.sandbox.sms import SmsSide
from billing.payments.sandbox.wechat import WeChatSide

logger = logging.getLogger(__name__)
LONGEST_BODY = 64 * 1024
HTML = "text/html; charset=utf-8"


class Sandbox:
    """Both services on one address.

    Args:
        folder: where the keys lie, and the payments unless `keep` is off.
        by_itself: whether callbacks and refunds happen by themselves; tests make them happen.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        keep: bool = True,
        by_itself: bool = True,
        keys: rsa.Keys | None = None,
    ):
        self.keys = keys or rsa.load_or_create(folder)
        self.book = Book(folder / "book.json" if keep else None)
        self.faults = Faults()
        self.by_itself = by_itself
        self._http = ThreadingHTTPServer((host, port), _Handler)
        self._http.daemon_threads = True
        self._http.sandbox = self
        self.url = f"http://{host}:{self._http.server_address[1]}"
        self.wechat = WeChatSide(self.keys, self.book, self.faults, self.url)
        self.sms = SmsSide(self.keys, self.faults)
        self.login = LoginSide(self.keys, self.book, self.faults)
        self.alipay = AlipaySide(self.keys, self.book, self.faults, self.url, self.login)
        self.invoices = InvoiceSide(self.keys, self.book, self.faults, self.url)
        self.caller = Caller()
        self.told: list[tuple[bool, str]] = []  # answers to the callbacks that tests asked for

    def serve(self) -> None:
        """Serve until `stop`."""
        self._http.serve_forever(poll_interval=0.05)

    def start(self) -> "Sandbox":
        """Serve from a thread."""
        threading.Thread(target=self.serve, name="sandbox", daemon=True).start()
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self.caller.stop()

    def misbehave(self, **changes: Any) -> None:
        """Set faults by name; `misbehave()` behaves again. ValueError for an unknown one."""
        known = {field.name: type(field.default) for field in fields(Faults)}
        for name, value in changes.items():
            if name not in known or not isinstance(
                value, known[name] | (int if known[name] is float else bool)
            ):
                raise ValueError(f"{name}={value!r} is no fault; known are: {', '.join(known)}")
        for name, value in asdict(replace(Faults(), **changes)).items():
            setattr(self.faults, name, value)

    # --- what payers and time do -----------------------------------------------
    def side(self, channel: str) -> WeChatSide | AlipaySide:
        return self.wechat if channel == "wechat" else self.alipay

    def pay(self, number: str, *, faults: Faults | None = None) -> TradeRow:
        """The payer pays; the callback follows. Raises `Refusal` for what cannot be paid."""
        with self.book.lock:
            row = self.trade(number)
            if row.state != UNPAID or self.book.expired(row):
                raise Refusal(400, "ORDER_CLOSED", "this payment is over")
            row.state, row.paid_at = PAID, self.book.now()
            row.provider_no = row.provider_no or f"42{self.book.new_number()}"[:28]
            self.book.save()
        self.tell(row, faults=faults)
        return row

    def trade(self, number: str) -> TradeRow:
        """The payment of that number; raises `Refusal`."""
        for channel in ("wechat", "alipay"):
            if (channel, number) in self.book.trades:
                return self.book.trades[channel, number]
        raise Refusal(404, "ORDER_NOT_EXIST", "there is no such payment")

    def tell(self, row: TradeRow, *, faults: Faults | None = None, notice_id: str = "") -> list:
        """Call back about a payment; returns the answers when nothing happens by itself."""
        faults = faults or self.faults
        if faults.drop_callback:
            return []
        side, notice_id = self.side(row.channel), notice_id or secrets.token_hex(16)

        def build() -> tuple[dict[str, str], bytes]:
            return side.notice_of(row, notice_id, faults)

        copies = 1 + faults.duplicate_callback
        if not self.by_itself:
            results = call_many(row.channel, row.notify_url, build, copies)
            self.told.extend(results)
            return results
        self.caller.deliver(
            row.channel, row.notify_url, build, delay_s=faults.delay_callback_s, copies=copies
        )
        return []

    def finish_refunds(self) -> list[RefundRow]:
        """Let every refund under way end as `faults.refund_outcome` says, and call back about it."""
        with self.book.lock:
            rows = [row for row in self.book.refunds.values() if row.state == "processing"]
            for row in rows:
                row.state, row.finished_at = self.faults.refund_outcome, self.book.now()
            self.book.save()
        for row in rows:
            self._tell_refund(row)
        return rows

    def allow(self, token: str) -> PermissionRow:
        """The driver gives permission for pay score, by the token of the app; the notice follows."""
        with self.book.lock:
            row = self.wechat.score.open(token)
            self.book.save()
        self.tell_permission(row)
        return row

    def forbid(self, code: str) -> PermissionRow:
        """The driver withdraws the permission in WeChat; the notice follows."""
        with self.book.lock:
            row = self.book.permissions[code]
            self.wechat.score.close(row)
            self.book.save()
        self.tell_permission(row)
        return row

    def debit(self, number: str, fen: int | None = None) -> ScoreRow:
        """The service debits a completed pay-score order, or a part of it; once it has all of it the notice follows.

        Raises `Refusal`.
        """
        with self.book.lock:
            row = self.wechat.score.debit(number, fen)
            self.book.save()
        if row.debit_no:
            self.tell_score(row)
        return row

    def tell_permission(self, row: PermissionRow, *, faults: Faults | None = None) -> list:
        event, resource = self.wechat.score.permission_notice(row)
        return self._tell_score(event, resource, row.notify_url, faults)

    def tell_score(self, row: ScoreRow, *, faults: Faults | None = None, notice_id: str = "") -> list:
        """Call back about a pay-score order: confirmed, or paid."""
        event = "PAYSCORE.USER_PAID" if row.debit_no else "PAYSCORE.USER_CONFIRM"
        extra = (faults or self.faults).wrong_amount_fen
        resource = self.wechat.score.view(row, extra_fen=extra)
        return self._tell_score(event, resource, row.notify_url, faults, notice_id)

    def _tell_score(
        self, event: str, resource: dict[str, Any], url: str, faults: Faults | None, notice_id: str = ""
    ) -> list:
        faults = faults or self.faults
        if faults.drop_callback:
            return []
        notice_id = notice_id or secrets.token_hex(16)

        def build() -> tuple[dict[str, str], bytes]:
            return self.wechat.score_notice_of(event, resource, notice_id, faults)

        copies = 1 + faults.duplicate_callback
        if self.by_itself:
            self.caller.deliver("wechat", url, build, delay_s=faults.delay_callback_s, copies=copies)
            return []
        results = call_many("wechat", url, build, copies)
        self.told.extend(results)
        return results

    def debit_due(self) -> None:
        """Debit every completed pay-score order, as time does."""
        paying = [row for row in self.book.scores.values() if self.wechat.score.is_paying(row)]
        for number in [row.number for row in paying if not row.waits]:
            with contextlib.suppress(Refusal):
                self.debit(number)

    def finish_transfers(self) -> list[TransferRow]:
        """Let every transfer under way end: the payee confirms, or the service fails it."""
        with self.book.lock:
            rows = self.wechat.transfers.finish()
            self.book.save()
        return rows

    def _tell_refund(self, row: RefundRow) -> None:
        if self.faults.drop_callback or not row.notify_url:
            return
        side, notice_id = self.side(row.channel), secrets.token_hex(16)

        def build() -> tuple[dict[str, str], bytes]:
            return side.refund_notice_of(row, notice_id, self.faults)

        if self.by_itself:
            self.caller.deliver(row.channel, row.notify_url, build, delay_s=0)
        else:
            self.told.extend(call_many(row.channel, row.notify_url, build, 1))

    # --- the wire ----------------------------------------------------------------
    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        """Answer one request, whoever it is for."""
        path, query = urlsplit(target).path, urlsplit(target).query
        before = set(self.book.trades)
        if path.startswith("/v3/"):
            result = self.wechat.handle(method, target, headers, body)
        elif path in LOGIN_PATHS:
            return self.login.handle(method, path, query, body)
        elif path == SMS_PATH:
            return self.sms.handle(method, path, query, headers)
        elif path.startswith("/invoice/v1/"):
            result = self.invoices.handle(method, target, headers, body)
            if self.by_itself:
                self.caller.later(self.faults.transfer_delay_s, self.invoices.finish)
            return result
        elif path == "/gateway.do":
            query = query or body.decode(errors="replace")
            if self.alipay.is_page(query):
                return self._open(lambda: self.alipay.open_page(query))
            result = self.alipay.handle(query)
        else:
            return self._own(method, path, query, body)
        self._afterwards(before)
        return result

    def _afterwards(self, before: set) -> None:
        if self.faults.callback_before_answer:
            for key in set(self.book.trades) - before:
                self.pay(key[1])
        if self.by_itself and any(row.state == "processing" for row in self.book.refunds.values()):
            self.caller.later(self.faults.refund_delay_s, self.finish_refunds)
        if self.by_itself and any(row.state == "waiting" for row in self.book.transfers.values()):
            self.caller.later(self.faults.transfer_delay_s, self.finish_transfers)

        scores = list(self.book.scores.values())
        paying = any(self.wechat.score.is_paying(row) and not row.waits for row in scores)
        if self.by_itself and paying and self.faults.score_outcome == "success":
            self.caller.later(self.faults.score_delay_s, self.debit_due)

    def _own(self, method: str, path: str, query: str, body: bytes) -> Answer:
        """The payer's pages and the control address."""
        if path == "/":
            return Answer(body=pages.index_page(self.book).encode(), content_type=HTML)
        if path == "/alipay/bill":
            try:
                return self.alipay.bills.file(dict(parse_qsl(query)).get("token", ""))
            except Refusal as refusal:
                return Answer(refusal.status, refusal.message.encode(), content_type="text/plain")
        if path.startswith("/code/"):
            return self._code(method, path.removeprefix("/code/"), body)
        if path == "/wechat/app":
            return self._open(lambda: self.wechat.open_in_app(dict(parse_qsl(query))))
        if path == "/alipay/app":
            return self._open(lambda: self.alipay.open_page(query))
        if path == "/wechat/score":
            return self._allow_page(method, dict(parse_qsl(query)).get("token", ""))
        if path == "/_sandbox/faults" and method == "POST":
            try:
                self.misbehave(**json.loads(body or b"{}"))
            except (ValueError, TypeError) as error:
                return Answer(400, json.dumps({"error": str(error)}).encode())
            return Answer(body=json.dumps(asdict(self.faults)).encode())
        if path == "/_sandbox/messages":
            return self.sms.shown()
        if path == "/_sandbox/login-code" and method == "POST":
            try:
                code = self.login.new_code(**json.loads(body or b"{}"))
            except (ValueError, TypeError) as error:
                return Answer(400, json.dumps({"error": str(error)}).encode())
            return Answer(body=json.dumps({"code": code}).encode())
        if path == "/_sandbox/pay" and method == "POST":
            return self._control(lambda: self.pay(json.loads(body)["number"]))
        return Answer(404, b"not found", content_type="text/plain")

    def _allow_page(self, method: str, token: str) -> Answer:
        """Where the driver gives permission for pay score: a page with one button."""
        if method != "POST":
            return Answer(body=pages.permission_page(token).encode(), content_type=HTML)
        try:
            self.allow(token)
        except Refusal as refusal:
            return Answer(400, pages.refusal_page(refusal.code, refusal.message).encode(), content_type=HTML)
        return Answer(303, headers={"Location": "/"})

    def _control(self, work: Any) -> Answer:
        try:
            row = work()
        except Refusal as refusal:
            return Answer(400, json.dumps({"code": refusal.code, "error": refusal.message}).encode())
        except (ValueError, KeyError, TypeError) as error:
            return Answer(400, json.dumps({"error": repr(error)}).encode())
        return Answer(body=json.dumps({"number": row.number, "state": row.state}).encode())

    def _code(self, method: str, token: str, body: bytes) -> Answer:
        row = self.book.by_token(token)
        if row is None:
            return Answer(
                404,
                pages.refusal_page("ORDER_NOT_EXIST", "there is no such payment").encode(),
                content_type=HTML,
            )
        if method == "POST":
            form = parse_qs(body.decode(errors="replace"))
            chosen = pages.misbehaviours().get(form.get("fault", [""])[0], ("", {}))[1]
            if form.get("do") == ["pay"] and row.state not in (PAID, CLOSED) and not self.book.expired(row):
                self.pay(row.number, faults=replace(self.faults, **chosen))
            return Answer(
                303, headers={"Location": f"/code/{row.token}" if form.get("do") == ["pay"] else "/"}
            )
        return Answer(body=pages.pay_page(row).encode(), content_type=HTML)

    def _open(self, work: Any) -> Answer:
        try:
            row = work()
        except Refusal as refusal:
            return Answer(400, pages.refusal_page(refusal.code, refusal.message).encode(), content_type=HTML)
        return Answer(303, headers={"Location": f"/code/{row.token}"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "payment-sandbox"
    timeout = 30

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        sandbox: Sandbox = self.server.sandbox
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > LONGEST_BODY:
            self.close_connection = True
            return self._send(Answer(413, b"too long", content_type="text/plain"))
        body = self.rfile.read(int(length))
        try:
            answer = sandbox.answer(self.command, self.path, self.headers, body)
        except Exception:
            logger.exception("%s %s", self.command, self.path)
            answer = Answer(500, b"broken", content_type="text/plain")
        if sandbox.faults.delay_answer_ms and self.path.startswith(("/v3/", "/gateway.do", *LOGIN_PATHS)):
            time.sleep(sandbox.faults.delay_answer_ms / 1000)
        if answer.cut:
            self.close_connection = True
            return None
        return self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug("%s %s", self.address_string(), format % args)
