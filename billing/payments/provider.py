"""What the platform asks of a payment channel, and what a channel answers, whatever channel it is.

Three outcomes of a call are kept apart: an answer, a refusal (`ProviderRefused`: the channel said no), and
`ProviderUnknown` (no answer, a broken one, or one that is not signed by the channel). After the last the state
is unknown: it has to be asked for with the same number, and nothing may be concluded from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from billing.payments.pay_score import PermissionView, ScoreView


class ProviderUnknown(Exception):
    """Nobody knows what the channel did. Ask again with the same number."""


class ProviderRefused(Exception):
    """The channel refused.

    Attributes:
        code: the channel's own code.
        retryable: whether the same request, with the same number, may succeed later.
    """

    def __init__(self, code: str, message: str = "", *, retryable: bool = False):
        self.code, self.message, self.retryable = code, message, retryable
        super().__init__(f"{code} {message}".strip())


class NoticeRefused(Exception):
    """A notice that is not the channel's, not ours, or not of now.

    Attributes:
        reason: stable word for the log: missing_header, stale, probe, unknown_serial, bad_signature, malformed,
            not_ours.
        status: the HTTP status to answer with.
    """

    def __init__(self, reason: str, *, status: int = 401):
        self.reason, self.status = reason, status
        super().__init__(reason)


class TradeState(StrEnum):
    PAID = "paid"
    UNPAID = "unpaid"
    CLOSED = "closed"
    ABSENT = "absent"  # the channel does not know the number (yet)
    REFUNDED = "refunded"  # it was paid, and money went back


class RefundState(StrEnum):
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"  # the channel will not pay it
    ABNORMAL = "abnormal"  # it could not reach the payer; a person has to act at the channel
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Trade:
    """The channel's view of one payment; amounts are fen, None where the channel does not say."""

    out_trade_no: str
    state: TradeState
    provider_no: str = ""
    amount_fen: int | None = None
    currency: str = "CNY"
    paid_at: datetime | None = None
    payer: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RefundView:
    """The channel's view of one refund part."""

    out_refund_no: str
    state: RefundState
    provider_no: str = ""
    amount_fen: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A verified notice: about a payment (`trade`), a refund (`out_refund_no`), a pay-score order or permission."""

    notice_id: str
    trade: Trade | None = None
    out_refund_no: str = ""
    score_order: ScoreView | None = None
    permission: PermissionView | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PayRequest:
    """What a channel needs to take a payment. `openid` for jsapi, `client_ip` for h5."""

    out_trade_no: str
    way: str
    amount_fen: int
    subject: str
    expires_at: datetime
    openid: str = ""
    client_ip: str = ""


@dataclass(frozen=True, kw_only=True)
class RefundRequest:
    """One refund part of a payment; with `provider_no` the payment is named by the channel's number."""

    out_trade_no: str
    out_refund_no: str
    amount_fen: int
    paid_fen: int
    provider_no: str = ""


class PaymentProvider(Protocol):
    """A payment channel. Every method but `read_notice` may call out: never inside a transaction."""

    channel: str
    ways: tuple[str, ...]

    def create(self, request: PayRequest) -> dict[str, Any]:
        """Parameters for the payer's app. Repeating the same request is safe."""
        ...

    def query(self, out_trade_no: str) -> Trade:
        """The payment as the channel sees it; raises `ProviderUnknown` only."""
        ...

    def close(self, out_trade_no: str) -> None:
        """Make sure nobody can pay it any more. Raises `ProviderRefused` (it may be paid: query), `ProviderUnknown`."""
        ...

    def refund(self, request: RefundRequest) -> RefundView:
        """Ask for a refund; an answer means accepted, not paid."""
        ...

    def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundView:
        """The refund as the channel sees it; raises `ProviderUnknown` only."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Verify a notice; raises `NoticeRefused`."""
        ...
