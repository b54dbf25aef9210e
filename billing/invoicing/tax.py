"""Tax inside an amount: pure arithmetic on integer fen."""

from dataclasses import dataclass

WHOLE_BP = 10_000


@dataclass(frozen=True, slots=True)
class Taxed:
    """gross = net + tax, in fen."""

    gross_fen: int
    net_fen: int
    tax_fen: int


def tax_inside(gross_fen: int, rate_bp: int) -> Taxed:
    """The tax in an amount that includes it: net = gross / (1 + rate) half up, tax is the rest.

    >>> tax_inside(2045, 1300)
    Taxed(gross_fen=2045, net_fen=1810, tax_fen=235)
    """
    whole = WHOLE_BP + rate_bp
    net = (2 * abs(gross_fen) * WHOLE_BP + whole) // (2 * whole)
    net = net if gross_fen >= 0 else -net
    return Taxed(gross_fen, net, gross_fen - net)
