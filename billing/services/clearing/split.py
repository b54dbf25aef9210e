"""How income is divided: pure arithmetic on integer fen, exact to the fen by largest remainder.

Of each kind of fee the channel's fee goes first, then the platform's commission on what is left, then the shares.
An agent below another takes its share from that agent's part, however deep the tree is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from billing.pricing import allocate

WHOLE_BP = 10_000
ANY = "any"
COMMISSION, CHANNEL_FEE, SHARE = "commission", "channel_fee", "share"


class SplitError(ValueError):
    """Terms that cannot be used.

    Attributes:
        code: `percent`, `price`, `sum`, `payee`, `parent`, `malformed`.
        params: values for the sentence.
    """

    def __init__(self, code: str, **params: Any):
        self.code, self.params = code, params
        super().__init__(code, params)


@dataclass(frozen=True, slots=True)
class Commission:
    """What the platform keeps of one kind: hundredths of a percent, or yuan per kWh at most as much as there is."""

    bp: int = 0
    yuan_per_kwh: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        if self.yuan_per_kwh is not None:
            return {"yuan_per_kwh": str(self.yuan_per_kwh)}
        return {"bp": self.bp}


@dataclass(frozen=True, slots=True)
class Share:
    """A party's part in hundredths of a percent, of the rest or (with `parent`) of the parent's part."""

    payee: int
    bp: int
    parent: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {"payee": self.payee, "bp": self.bp, "parent": self.parent}


@dataclass(frozen=True, slots=True)
class Part:
    """One result: `payee` is None for the platform's own parts."""

    fee_kind: str
    role: str
    payee: int | None
    amount_fen: int


@dataclass(frozen=True)
class Terms:
    """The content of one clearing rule; kinds that are not named follow `any`."""

    channel_fee_bp: int
    commission: Mapping[str, Commission]
    shares: Mapping[str, Sequence[Share]]

    def commission_of(self, kind: str) -> Commission:
        return self.commission.get(kind) or self.commission.get(ANY) or Commission()

    def shares_of(self, kind: str, owner: int) -> Sequence[Share]:
        return self.shares.get(kind) or self.shares.get(ANY) or (Share(owner, WHOLE_BP),)

    def to_json(self) -> dict[str, Any]:
        return {
            "channel_fee_bp": self.channel_fee_bp,
            "commission": {kind: one.to_json() for kind, one in self.commission.items()},
            "shares": {kind: [share.to_json() for share in rows] for kind, rows in self.shares.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Terms":
        """Read and check terms; raises `SplitError`."""
        try:
            terms = cls(
                channel_fee_bp=_bp(value.get("channel_fee_bp", 0)),
                commission={
                    str(kind): _commission(one) for kind, one in (value.get("commission") or {}).items()
                },
                shares={
                    str(kind): tuple(
                        Share(int(row["payee"]), _bp(row["bp"]), row.get("parent")) for row in rows
                    )
                    for kind, rows in (value.get("shares") or {}).items()
                },
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise SplitError("malformed", error=repr(error)) from error
        for kind, rows in terms.shares.items():
            _check_shares(kind, rows)
        return terms


PLAIN = Terms(channel_fee_bp=0, commission={}, shares={})


def split(
    terms: Terms, *, owner: int, gross: Mapping[str, int], energy_kwh: Decimal = Decimal(0)
) -> list[Part]:
    """Divide the fen of each fee kind; the parts of a kind add up to it exactly. `owner` is the operator's payee.

    A negative amount mirrors the positive one. Parts of 0 fen are left out.
    """
    parts: list[Part] = []
    for kind, amount_fen in sorted(gross.items()):
        sign, amount = (-1, -amount_fen) if amount_fen < 0 else (1, amount_fen)
        fee, rest = allocate(amount, [terms.channel_fee_bp, WHOLE_BP - terms.channel_fee_bp])
        kept = _kept(terms.commission_of(kind), rest, energy_kwh)
        parts.append(Part(kind, CHANNEL_FEE, None, sign * fee))
        parts.append(Part(kind, COMMISSION, None, sign * kept))
        for payee, share in _shared(terms.shares_of(kind, owner), rest - kept).items():
            parts.append(Part(kind, SHARE, payee, sign * share))
    return [part for part in parts if part.amount_fen]


def rescale(first: Iterable[Part], gross: Mapping[str, int]) -> list[Part]:
    """The parts that `gross` would have in the proportions of `first`, for kinds that `first` holds.

    This is how a refund takes back from each party what it got: all of it gives every part back whole.
    """
    parts: list[Part] = []
    for kind, amount_fen in sorted(gross.items()):
        rows = [part for part in first if part.fee_kind == kind]
        for part, amount in zip(
            rows, allocate(amount_fen, [abs(part.amount_fen) for part in rows]), strict=True
        ):
            parts.append(Part(kind, part.role, part.payee, amount))
    return parts


def _kept(commission: Commission, rest: int, energy_kwh: Decimal) -> int:
    if commission.yuan_per_kwh is not None:
        wanted = (commission.yuan_per_kwh * energy_kwh * 100).quantize(Decimal(1), ROUND_HALF_UP)
        return min(rest, int(wanted))
    return allocate(rest, [commission.bp, WHOLE_BP - commission.bp])[0]


def _shared(shares: Sequence[Share], rest: int) -> dict[int, int]:
    """{payee: fen}: the top by largest remainder, then each parent's part among itself and its children."""
    top = [share for share in shares if share.parent is None]
    found = dict(
        zip((share.payee for share in top), allocate(rest, [share.bp for share in top]), strict=True)
    )
    waiting = [share for share in shares if share.parent is not None]
    ready = set(found)
    while waiting:
        parent = next(share.parent for share in waiting if share.parent in ready)
        children = [share for share in waiting if share.parent == parent]
        weights = [WHOLE_BP - sum(child.bp for child in children), *(child.bp for child in children)]
        kept, *given = allocate(found[parent], weights)
        found[parent] = kept
        found |= dict(zip((child.payee for child in children), given, strict=True))
        ready |= {child.payee for child in children}
        waiting = [share for share in waiting if share.parent != parent]
    return found


def _check_shares(kind: str, rows: Sequence[Share]) -> None:
    payees = [row.payee for row in rows]
    if len(set(payees)) != len(payees):
        raise SplitError("payee", kind=kind)
    total = sum(row.bp for row in rows if row.parent is None)
    if total != WHOLE_BP:
        raise SplitError("sum", kind=kind, percent=percent_text(total))
    reached = {row.payee for row in rows if row.parent is None}
    waiting = [row for row in rows if row.parent is not None]
    while waiting:
        now = [row for row in waiting if row.parent in reached]
        if not now:
            raise SplitError("parent", kind=kind)
        reached |= {row.payee for row in now}
        waiting = [row for row in waiting if row not in now]
    for parent in {row.parent for row in rows if row.parent is not None}:
        below = sum(row.bp for row in rows if row.parent == parent)
        if below > WHOLE_BP:
            raise SplitError("sum", kind=kind, percent=percent_text(below))


def _commission(value: Mapping[str, Any]) -> Commission:
    if "yuan_per_kwh" in value:
        price = Decimal(str(value["yuan_per_kwh"]))
        if not price.is_finite() or price < 0 or price.as_tuple().exponent < -5 or price > 100:
            raise SplitError("price", value=str(value["yuan_per_kwh"]))
        return Commission(yuan_per_kwh=price)
    return Commission(bp=_bp(value["bp"]))


def _bp(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= WHOLE_BP:
        raise SplitError("percent", value=str(value))
    return value


def percent_text(bp: int) -> str:
    """Hundredths of a percent as a percentage without needless zeros."""
    return f"{Decimal(bp) / 100:f}".rstrip("0").rstrip(".") if bp % 100 else str(bp // 100)
