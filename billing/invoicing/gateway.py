"""An invoice provider over HTTP and JSON, signed with HMAC-SHA256 both ways.

`POST /issue` and `GET /query?number=`; headers `X-App`, `X-Timestamp`, `X-Nonce`, `X-Signature` over method, path
with query, timestamp, nonce and body, each ended by a line feed. An answer is signed over timestamp and body. The
sandbox speaks it; a tax platform is connected by a small service of this shape in front of its own interface.
"""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from billing.invoicing.provider import IssueRequest, IssueState, IssueView
from billing.payments.provider import ProviderRefused, ProviderUnknown

TIMEOUT_S = (3, 15)
CLOCK_WINDOW_S = 300


def signature(key: str, *parts: str) -> str:
    """The signature over parts, each ended by a line feed."""
    message = "".join(f"{part}\n" for part in parts)
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()


class InvoiceGateway:
    """`InvoiceProvider` of one application."""

    def __init__(self, *, url: str, app: str, key: str):
        self._url, self._app, self._key = url, app, key

    def issue(self, request: IssueRequest) -> IssueView:
        return self._view(request.number, self._call("POST", "/issue", body=_plain(request)))

    def query(self, number: str) -> IssueView:
        try:
            return self._view(number, self._call("GET", f"/query?{urlencode({'number': number})}"))
        except ProviderRefused as refusal:
            if refusal.code == "NOT_FOUND":
                return IssueView(number=number, state=IssueState.ABSENT)
            raise ProviderUnknown(str(refusal)) from refusal

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        text = json.dumps(body, ensure_ascii=False, sort_keys=True) if body is not None else ""
        stamp, nonce = str(int(time.time())), secrets.token_hex(16)
        target = urlsplit(self._url).path + path
        headers = {
            "X-App": self._app,
            "X-Timestamp": stamp,
            "X-Nonce": nonce,
            "X-Signature": signature(self._key, method, target, stamp, nonce, text),
            "Content-Type": "application/json",
        }
        try:
            answer = requests.request(
                method, self._url + path, headers=headers, data=text.encode() or None, timeout=TIMEOUT_S
            )
            told = answer.headers.get("X-Timestamp", "")
            wanted = signature(self._key, told, answer.content.decode())
            content = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderUnknown(f"no usable answer: {error!r}"[:200]) from error
        fresh = told.isdigit() and abs(time.time() - int(told)) <= CLOCK_WINDOW_S
        if not fresh or not hmac.compare_digest(wanted, answer.headers.get("X-Signature", "")):
            raise ProviderUnknown("the answer is not signed by the provider")
        if answer.status_code >= 500 or not isinstance(content, dict):
            raise ProviderUnknown(f"{answer.status_code}")
        if answer.status_code >= 400:
            raise ProviderRefused(str(content.get("code", "")), str(content.get("message", ""))[:200])
        return content

    @staticmethod
    def _view(number: str, content: dict[str, Any]) -> IssueView:
        try:
            if content["number"] != number:
                raise ProviderUnknown("the answer is about another invoice")
            return IssueView(
                number=number,
                state=IssueState(content["state"]),
                provider_no=content.get("invoice_no", ""),
                document_url=content.get("document_url", ""),
                gross_fen=content.get("gross_fen"),
                reason=content.get("reason", ""),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise ProviderUnknown(f"unreadable answer: {error!r}") from error


def _plain(request: IssueRequest) -> dict[str, Any]:
    values = asdict(request)
    for line in values["lines"]:
        line["energy_kwh"] = None if line["energy_kwh"] is None else str(line["energy_kwh"])
    return values
