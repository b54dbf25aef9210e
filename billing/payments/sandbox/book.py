"""What the sandbox knows: payments and refunds of both services, kept in one file so that a restart keeps them."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
UNPAID, PAID, CLOSED = "unpaid", "paid", "closed"


@dataclass
class TradeRow:
    """One payment. Amounts are fen, moments are seconds since the epoch."""

    channel: str
    number: str
    amount_fen: int
    way: str
    notify_url: str
    subject: str
    expires_at: float
    request: dict[str, Any] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_hex(12))
    provider_no: str = ""
    state: str = UNPAID
    paid_at: float = 0.0
    payer: str = ""

    @property
    def expired(self) -> bool:
        return time.time() > self.expires_at


@dataclass
class RefundRow:
    """One refund of a payment; `state` is processing, success, closed or abnormal."""

    channel: str
    number: str
    trade_number: str
    amount_fen: int
    created_at: float
    notify_url: str = ""
    state: str = "processing"
    provider_no: str = ""
    finished_at: float = 0.0


@dataclass
class TransferRow:
    """One payout to somebody; `state` is waiting (for the payee or the service), success or fail."""

    channel: str
    number: str
    amount_fen: int
    payee: str
    name: str
    created_at: float
    request: dict[str, Any] = field(default_factory=dict)
    state: str = "waiting"
    provider_no: str = ""
    finished_at: float = 0.0


@dataclass
class PermissionRow:
    """A driver's permission for pay score; `state` is UNBINDUSER, AVAILABLE or UNAVAILABLE."""

    code: str
    notify_url: str
    state: str = "UNBINDUSER"
    openid: str = ""
    token: str = field(default_factory=lambda: secrets.token_hex(12))
    changed_at: float = 0.0


@dataclass
class ScoreRow:
    """A service order of pay score, with the requests that a repeat is compared with."""

    number: str
    request: dict[str, Any]
    notify_url: str
    openid: str
    fund_fen: int
    created_at: float
    state: str
    provider_no: str = ""
    completed: dict[str, Any] | None = None
    lowered: dict[str, Any] | None = None
    total_fen: int = 0
    debits: list[tuple[str, int, float]] = field(
        default_factory=list
    )  # number, fen, moment of each part taken
    debit_no: str = ""  # of the last one, once all of it is taken
    debit_at: float = 0.0
    elsewhere: str = ""
    waits: bool = False  # the driver's accounts are empty: time alone debits nothing


@dataclass
class InvoiceRow:
    """One invoice of the tax platform; `state` is issuing, issued or failed."""

    number: str
    request: dict[str, Any] = field(default_factory=dict)
    state: str = "issuing"
    provider_no: str = ""
    reason: str = ""
    reversed_by: str = ""


@dataclass
class Faults:
    """How to misbehave. Counters go down by themselves, the rest stays until it is changed."""

    drop_callback: bool = False  # never call back
    duplicate_callback: int = 0  # so many copies more, all at once
    delay_callback_s: float = 0.0  # late
    wrong_key: bool = False  # signed by somebody else
    probe_callback: bool = False  # WeChat's own probe with a signature that must not verify
    stale_s: int = 0  # so many seconds old: a replay
    wrong_amount_fen: int = 0  # the notice tells so much more than was paid
    callback_before_answer: bool = False  # paid and told before the answer to the creation leaves
    tamper_answer: int = 0  # answers changed after signing
    probe_answer: int = 0  # answers whose signature is a probe
    lose_answer: int = 0  # the request is carried out, the connection is cut instead of an answer
    fail_next: int = 0  # requests answered with `fail_status` and `fail_code` and not carried out
    fail_status: int = 500
    fail_code: str = "SYSTEM_ERROR"
    fail_message: str = "as told"
    delay_answer_ms: int = 0
    refund_outcome: str = "success"  # or closed, abnormal
    refund_delay_s: float = 1.0
    transfer_outcome: str = "success"  # or fail, or wait: neither for now
    transfer_funds_fen: int = -1  # what the merchant has left to pay out; below 0: enough
    transfer_delay_s: float = 1.0
    score_outcome: str = "success"  # or wait: the driver's accounts are empty
    score_delay_s: float = 1.0
    score_fund_fen: int = 100_000  # the most that a service order may be opened with
    bill_drop: int = 0  # the first lines of a bill are missing
    bill_amount_fen: int = 0  # the first line of a bill tells so much more
    bill_fee_fen: int = 0  # every line of a bill tells so much more of a fee
    bill_duplicate: bool = False  # the first line of a bill comes twice
    bill_stranger_fen: int = 0  # a bill has a payment that nobody here asked for
    bill_creating: int = 0  # so many requests for a bill come too early
    bill_tampered: int = 0  # bills that are not what their checksum says
    invoice_outcome: str = "issued"  # or failed
    invoice_credit_fen: int = -1  # what the seller may still issue; below 0: enough
    refund_gap_s: float = 60.0  # partial refunds of one payment at least so far apart

    def take(self, name: str) -> bool:
        """Use up one of a counter; whether there was one."""
        left = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


class Book:
    """The rows behind one lock; `path` None keeps them in memory only."""

    def __init__(self, path: Path | None = None):
        self.lock = threading.RLock()
        self.trades: dict[tuple[str, str], TradeRow] = {}
        self.refunds: dict[tuple[str, str], RefundRow] = {}
        self.transfers: dict[tuple[str, str], TransferRow] = {}
        self.permissions: dict[str, PermissionRow] = {}
        self.scores: dict[str, ScoreRow] = {}
        self.invoices: dict[str, InvoiceRow] = {}
        self.moment: float | None = None  # what time it is for payers; None: the present
        self._path = path
        self._deferred = False
        if path is not None and path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            for row in content["trades"]:
                self.add(TradeRow(**row))
            for row in content["refunds"]:
                self.add(RefundRow(**row))
            for row in content.get("transfers", ()):
                self.add(TransferRow(**row))
            self.permissions = {row["code"]: PermissionRow(**row) for row in content.get("permissions", ())}
            self.scores = {row["number"]: ScoreRow(**row) for row in content.get("scores", ())}
            self.invoices = {row["number"]: InvoiceRow(**row) for row in content.get("invoices", ())}

    def add(self, row: TradeRow | RefundRow | TransferRow) -> None:
        rows = {TradeRow: self.trades, RefundRow: self.refunds, TransferRow: self.transfers}[type(row)]
        rows[row.channel, row.number] = row

    def now(self) -> float:
        """The moment at which payers act, in seconds since the epoch; signatures keep to the present."""
        return time.time() if self.moment is None else self.moment

    def expired(self, row: TradeRow) -> bool:
        return self.now() > row.expires_at

    def new_number(self) -> str:
        """A channel's own number of this moment."""
        return new_number(self.now())

    def by_token(self, token: str) -> TradeRow | None:
        return next((row for row in self.trades.values() if row.token == token), None)

    def refunds_of(self, trade: TradeRow) -> list[RefundRow]:
        return [
            row
            for row in self.refunds.values()
            if (row.channel, row.trade_number) == (trade.channel, trade.number) and row.state != "closed"
        ]

    def refunded_fen(self, trade: TradeRow) -> int:
        return sum(row.amount_fen for row in self.refunds_of(trade))

    def save(self) -> None:
        """Write everything down; called under the lock after a change."""
        if self._path is None or self._deferred:
            return
        content = {
            "trades": [asdict(row) for row in self.trades.values()],
            "refunds": [asdict(row) for row in self.refunds.values()],
            "transfers": [asdict(row) for row in self.transfers.values()],
            "permissions": [asdict(row) for row in self.permissions.values()],
            "scores": [asdict(row) for row in self.scores.values()],
            "invoices": [asdict(row) for row in self.invoices.values()],
        }
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        temporary.replace(self._path)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Write down once, at the end of the block."""
        self._deferred = True
        try:
            yield
        finally:
            with self.lock:
                self._deferred = False
                self.save()


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, ZONE).isoformat(timespec="seconds")


def local_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, ZONE).strftime("%Y-%m-%d %H:%M:%S")


def new_number(at: float | None = None) -> str:
    """A channel's own number: 28 digits, the first of them a moment."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, ZONE)
    return f"{moment:%Y%m%d%H%M%S}{secrets.randbelow(10**14):014d}"
