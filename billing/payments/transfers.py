"""Paying out through a channel: what the platform asks and what a channel answers.

The same three outcomes as in `provider` are kept apart: an answer, a refusal, and unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class TransferState(StrEnum):
    PROCESSING = "processing"
    WAITS_FOR_PAYEE = "waits_for_payee"  # WeChat: the payee confirms in the app within a day
    PAID = "paid"
    FAILED = "failed"  # for good: this number pays nothing any more
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class TransferRequest:
    """One payout. `identity` is an openid (WeChat), a user id or login name (Alipay)."""

    number: str
    amount_fen: int
    identity: str
    real_name: str
    remark: str


@dataclass(frozen=True, kw_only=True)
class TransferView:
    """The channel's view of one payout."""

    number: str
    state: TransferState
    provider_no: str = ""
    amount_fen: int | None = None
    reason: str = ""
    confirm_params: Mapping[str, Any] | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


class TransferProvider(Protocol):
    """A channel that pays out. Both methods call out: never inside a transaction."""

    def transfer(self, request: TransferRequest) -> TransferView:
        """Ask for a payout; repeating the same request pays once. Raises `ProviderRefused`, `ProviderUnknown`."""
        ...

    def query_transfer(self, number: str) -> TransferView:
        """The payout as the channel sees it; raises `ProviderUnknown` only."""
        ...
