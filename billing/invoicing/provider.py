"""What the platform asks of an invoice provider, whichever it is.

As with payment channels three outcomes are kept apart: an answer, `ProviderRefused`, and `ProviderUnknown`, after
which the same number is asked for. A provider issues at its own pace: an answer may say that it is still at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class IssueState(StrEnum):
    ISSUING = "issuing"
    ISSUED = "issued"
    FAILED = "failed"  # for good: this number issues nothing any more
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class IssueLine:
    """One line; amounts are fen, with tax and without. `rate_bp` 1300 is 13 %."""

    name: str
    tax_code: str
    rate_bp: int
    gross_fen: int
    net_fen: int
    tax_fen: int
    energy_kwh: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class IssueRequest:
    """An invoice to issue; with `red_of` (the number of an issued one) its reversal, with negative amounts."""

    number: str
    seller_name: str
    seller_tax_no: str
    buyer_kind: str
    buyer_name: str
    buyer_tax_no: str
    email: str
    gross_fen: int
    lines: Sequence[IssueLine]
    red_of: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class IssueView:
    """The provider's view of one invoice."""

    number: str
    state: IssueState
    provider_no: str = ""
    document_url: str = ""
    gross_fen: int | None = None
    reason: str = ""


class InvoiceProvider(Protocol):
    """Both methods call out: never inside a transaction."""

    def issue(self, request: IssueRequest) -> IssueView:
        """Ask for an invoice; repeating the same request issues once. Raises `ProviderRefused`, `ProviderUnknown`."""
        ...

    def query(self, number: str) -> IssueView:
        """The invoice as the provider sees it; raises `ProviderUnknown` only."""
        ...
