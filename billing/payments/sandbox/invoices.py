"""A tax platform's side: issues what is well formed, once per number, reverses what it issued, at its own pace."""

import json
import re
import secrets
import time
from typing import Any

from billing.invoicing.gateway import CLOCK_WINDOW_S, signature
from billing.invoicing.tax import tax_inside
from billing.payments.sandbox.answers import Answer, Refusal
from billing.payments.sandbox.book import Book, Faults, InvoiceRow
from billing.payments.sandbox.keys import Keys

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


class InvoiceSide:
    """Requests in, signed answers out; `finish` lets what is under way end."""

    def __init__(self, keys: Keys, book: Book, faults: Faults, base_url: str):
        self.keys, self.book, self.faults, self.base_url = keys, book, faults, base_url
        self._nonces: set[str] = set()

    @property
    def rows(self) -> dict[str, InvoiceRow]:
        return self.book.invoices

    def handle(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        """Answer one request to `/invoice/v1/...`."""
        path, _mark, query = target.partition("?")
        if path == "/invoice/v1/document":
            return Answer(body=PDF, content_type="application/pdf")
        status, content = 200, {}
        try:
            self._authenticate(method, target, headers, body)
            if self.faults.take("fail_next"):
                raise Refusal(self.faults.fail_status, self.faults.fail_code, self.faults.fail_message)
            with self.book.lock:
                if (method, path) == ("POST", "/invoice/v1/issue"):
                    content = self._issue(json.loads(body))
                    self.book.save()
                elif (method, path) == ("GET", "/invoice/v1/query"):
                    content = self._view(self._find(query.removeprefix("number=")))
                else:
                    raise Refusal(404, "NO_SUCH_CALL", "there is nothing at this address")
        except Refusal as refusal:
            status, content = refusal.status, {"code": refusal.code, "message": refusal.message}
        text, stamp = json.dumps(content, ensure_ascii=False), str(int(time.time()))
        signed = signature(self.keys.invoice_key, stamp, text)
        if self.faults.take("tamper_answer"):
            text = text.replace("issu", "isSu", 1)
        cut = status == 200 and self.faults.take("lose_answer")
        return Answer(status, text.encode(), headers={"X-Timestamp": stamp, "X-Signature": signed}, cut=cut)

    def finish(self) -> list[InvoiceRow]:
        """Issue, or with `faults.invoice_outcome` fail, what is under way."""
        with self.book.lock:
            rows = [row for row in self.rows.values() if row.state == "issuing"]
            for row in rows:
                row.state = self.faults.invoice_outcome
                if row.state == "failed":
                    row.reason = "TAX_BUREAU_REFUSED"
                    continue
                row.provider_no = f"26{secrets.randbelow(10**18):018d}"
                if original := self._issued(row.request["red_of"]):
                    original.reversed_by = row.provider_no
            if rows:
                self.book.save()
        return rows

    def _authenticate(self, method: str, target: str, headers: Any, body: bytes) -> None:
        stamp, nonce = headers.get("X-Timestamp", ""), headers.get("X-Nonce", "")
        wanted = signature(self.keys.invoice_key, method, target, stamp, nonce, body.decode())
        if headers.get("X-App") != self.keys.mchid or headers.get("X-Signature") != wanted:
            raise Refusal(401, "SIGN_ERROR", "the signature does not verify")
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > CLOCK_WINDOW_S or nonce in self._nonces:
            raise Refusal(401, "SIGN_ERROR", "this request is old or came before")
        self._nonces.add(nonce)

    def _issue(self, request: dict[str, Any]) -> dict[str, Any]:
        number = request.get("number") or ""
        if not re.fullmatch(r"[0-9A-Za-z]{1,32}", number):
            raise Refusal(400, "PARAM_ERROR", "number has digits and letters only")
        row = self.rows.get(number)
        if row is not None:
            if row.request != request:
                raise Refusal(409, "NUMBER_USED", "the number was used with other content")
            return self._view(row)
        self._check(request)
        row = self.rows[number] = InvoiceRow(number, request)
        return self._view(row)

    def _check(self, request: dict[str, Any]) -> None:
        lines, red = request.get("lines") or [], request.get("red_of")
        if not lines or sum(line["gross_fen"] for line in lines) != request.get("gross_fen"):
            raise Refusal(400, "SUM_ERROR", "the lines do not add up to the whole")
        for line in lines:
            taxed = tax_inside(line["gross_fen"], line["rate_bp"])
            if (taxed.net_fen, taxed.tax_fen) != (line["net_fen"], line["tax_fen"]):
                raise Refusal(400, "TAX_ERROR", "the tax of a line is not what its rate says")
            if not re.fullmatch(r"\d{19}", line["tax_code"]):
                raise Refusal(400, "TAX_CODE_ERROR", "a tax code has 19 digits")
        for name in (
            "seller_tax_no",
            *(["buyer_tax_no"] if request.get("buyer_kind") == "organization" else []),
        ):
            if not re.fullmatch(r"[0-9A-Z]{15,20}", request.get(name) or ""):
                raise Refusal(400, "TAX_NO_ERROR", f"{name} is not a taxpayer number")
        if not request.get("seller_name") or not request.get("buyer_name"):
            raise Refusal(400, "PARAM_ERROR", "seller and buyer have names")
        if (request["gross_fen"] < 0) != bool(red):
            raise Refusal(400, "PARAM_ERROR", "a red invoice is negative and names what it reverses")
        if red:
            original = self._issued(red)
            if original is None or original.reversed_by:
                raise Refusal(409, "RED_NOT_POSSIBLE", "there is no such invoice, or it is reversed")
            if original.request["gross_fen"] != -request["gross_fen"]:
                raise Refusal(409, "RED_AMOUNT", "a reversal is of the whole")
        elif 0 <= self.faults.invoice_credit_fen < request["gross_fen"]:
            raise Refusal(409, "CREDIT_LIMIT", "above the seller's credit for invoices")

    def _issued(self, provider_no: str) -> InvoiceRow | None:
        found = (row for row in self.rows.values() if provider_no and row.provider_no == provider_no)
        return next(found, None)

    def _find(self, number: str) -> InvoiceRow:
        if number not in self.rows:
            raise Refusal(404, "NOT_FOUND", "there is no such invoice")
        return self.rows[number]

    def _view(self, row: InvoiceRow) -> dict[str, Any]:
        view: dict[str, Any] = {
            "number": row.number, "state": row.state, "gross_fen": row.request["gross_fen"], "reason": row.reason,
        }  # fmt: skip
        if row.state == "issued":
            address = f"{self.base_url}/invoice/v1/document?no={row.provider_no}"
            view |= {"invoice_no": row.provider_no, "document_url": address}
        return view
