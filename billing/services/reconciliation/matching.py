"""Comparing the lines of a channel's bill with our rows. Pure: lines and rows in, findings out."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

PAYMENT, REFUND = "payment", "refund"
DONE, OPEN, NONE = "done", "open", "none"  # our state: booked; under way; ended without money
MISSING_HERE, MISSING_THERE, AMOUNT = "missing_here", "missing_there", "amount"
STATE, FEE, DUPLICATE = "state", "fee", "duplicate"
Key = tuple[str, str]  # (payment or refund, our number)


@dataclass(frozen=True, slots=True)
class Theirs:
    """One line of the bill; `state` is success, processing or closed."""

    kind: str
    number: str
    provider_no: str
    amount_fen: int
    fee_fen: int
    state: str

    @property
    def key(self) -> Key:
        return self.kind, self.number


@dataclass(frozen=True, slots=True)
class Ours:
    """One payment or refund part of ours."""

    amount_fen: int
    state: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference; amounts are fen, None where a side has nothing. `theirs` and `ours` are states."""

    kind: str
    subject: str
    number: str
    provider_no: str = ""
    theirs_fen: int | None = None
    ours_fen: int | None = None
    theirs: str = ""
    ours: str = ""


def fee_fen(amount_fen: int, fee_bp: int) -> int:
    """The fee a channel takes on an amount, half a fen up."""
    return (amount_fen * fee_bp + 5_000) // 10_000


def compare(
    lines: Iterable[Theirs],
    ours: Mapping[Key, Ours],
    expected: Collection[Key],
    *,
    fee_bp: int,
    told_before: Collection[Key] = (),
) -> list[Finding]:
    """What the bill of a day and our rows do not agree on.

    Args:
        lines: the bill.
        ours: our row of every key that the bill or `expected` names, if there is one.
        expected: what we booked on that day and no other day's bill has.
        fee_bp: the channel's agreed rate in hundredths of a percent.
        told_before: keys that the bill of another day has as well.
    """
    found: list[Finding] = []
    seen: set[Key] = set()
    for line in lines:
        if line.key in seen or line.key in told_before:
            if not any(one.kind == DUPLICATE and (one.subject, one.number) == line.key for one in found):
                found.append(_finding(DUPLICATE, line, ours.get(line.key)))
            continue
        seen.add(line.key)
        found += _of_line(line, ours.get(line.key), fee_bp)
    for kind, number in sorted(set(expected) - seen - set(told_before)):
        row = ours[kind, number]
        found.append(Finding(MISSING_THERE, kind, number, ours_fen=row.amount_fen, ours=row.state))
    return found


def _of_line(line: Theirs, row: Ours | None, fee_bp: int) -> list[Finding]:
    if row is None or (line.kind == PAYMENT and row.state != DONE):
        return [_finding(MISSING_HERE, line, row)]
    found = []
    if row.amount_fen != line.amount_fen:
        found.append(_finding(AMOUNT, line, row))
    # A refund's state is a snapshot of when the bill was made: «processing» there may be done by now.
    if (
        line.kind == REFUND
        and line.state in ("success", "closed")
        and (line.state == "success") != (row.state == DONE)
    ):
        found.append(_finding(STATE, line, row))
    # A fee comes back in proportion, and a channel rounds what is left of it: one fen either way.
    kept = fee_fen(line.amount_fen, fee_bp)
    wanted, off = (kept, 0) if line.kind == PAYMENT else (-kept, 1)
    if abs(line.fee_fen - wanted) > off and line.state != "closed":
        found.append(Finding(FEE, line.kind, line.number, line.provider_no, line.fee_fen, wanted))
    return found


def _finding(kind: str, line: Theirs, row: Ours | None) -> Finding:
    return Finding(
        kind,
        line.kind,
        line.number,
        line.provider_no,
        line.amount_fen,
        row.amount_fen if row else None,
        line.state,
        row.state if row else NONE,
    )
