"""Charging on pay score (微信支付分): what the platform asks of the service, and what the service answers.

The driver gives permission once; a service order is opened before the charge, completed with the real amount after
it, and the service debits the driver by itself. The same three outcomes as in `provider` are kept apart: an answer,
a refusal, and unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class ScoreState(StrEnum):
    CREATED = "created"  # waits for the driver's confirmation in WeChat
    DOING = "doing"
    PAYING = "paying"  # completed, the debit is under way
    DONE = "done"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class ScoreBegin:
    """A service order to open. `items` are `post_payments`; `fund_fen` is the most that may be asked for."""

    number: str
    openid: str
    fund_fen: int
    items: list[dict[str, str]]
    place: str


@dataclass(frozen=True, kw_only=True)
class ScoreEnd:
    """A service order to complete; `began` and `ended` are the charge's."""

    number: str
    total_fen: int
    items: list[dict[str, str]]
    began: datetime
    ended: datetime


@dataclass(frozen=True, kw_only=True)
class ScoreDebit:
    """One debit of the driver; `number` is the service's transaction number, which refunds use."""

    number: str
    amount_fen: int
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ScoreView:
    """The service's view of one order; `total_fen` is what was asked for, None before the end.

    `debits` are what the service took; with `paid_elsewhere` the merchant said that it was paid another way.
    """

    number: str
    state: ScoreState
    total_fen: int | None = None
    debits: tuple[ScoreDebit, ...] = ()
    paid_elsewhere: bool = False
    openid: str = ""
    provider_no: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PermissionView:
    """Whether a driver lets the service debit them; `at` is when that changed."""

    code: str
    is_open: bool
    openid: str = ""
    at: datetime | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


class PayScore(Protocol):
    """The service. Every method calls out: never inside a transaction. Queries raise `ProviderUnknown` only."""

    def ask_permission(self, code: str) -> dict[str, str]:
        """What the driver's app opens to give permission; repeating the same code is safe."""
        ...

    def query_permission(self, code: str) -> PermissionView: ...

    def end_permission(self, openid: str, reason: str) -> None: ...

    def create(self, begin: ScoreBegin) -> ScoreView:
        """Open an order; repeating the same request is safe."""
        ...

    def query(self, number: str) -> ScoreView: ...

    def complete(self, end: ScoreEnd) -> ScoreView:
        """Ask for the debit; repeating the same request is safe."""
        ...

    def lower(self, number: str, total_fen: int, items: list[dict[str, str]], reason: str) -> ScoreView:
        """Ask for less; once per order, while the debit is under way."""
        ...

    def paid_elsewhere(self, number: str, at: datetime) -> ScoreView:
        """Say that the driver has paid another way: nothing is debited any more."""
        ...

    def cancel(self, number: str, reason: str) -> None:
        """Make sure nothing is debited. Raises `ProviderRefused` (query then), `ProviderUnknown`."""
        ...
